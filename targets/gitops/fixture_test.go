package gitops_test

import (
	"archive/tar"
	"bytes"
	"cmp"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/targets"
	"github.com/meshc/meshc/targets/gitops"
)

var now = time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)

// tree maps paths to contents.
type tree map[string]string

// delivery returns files with their lock, as targets.Layout does.
func delivery(environment string, t tree) []targets.File {
	var files []targets.File
	for path, data := range t {
		files = append(files, targets.File{Path: path, Data: []byte(data)})
	}
	slices.SortFunc(files, func(a, b targets.File) int { return cmp.Compare(a.Path, b.Path) })
	return append(files, targets.File{Path: targets.LockName, Data: targets.NewLock(environment, files).Text()})
}

// shop returns a small delivery.
func shop() tree {
	return tree{
		"kustomization.yaml":      "resources: [shop]\n",
		"shop/kustomization.yaml": "resources: [10-a.yaml, 10-b.yaml]\n",
		"shop/10-a.yaml":          "a: 1\n",
		"shop/10-b.yaml":          "b: 1\n",
	}
}

func (t tree) with(path, data string) tree {
	out := tree{}
	for k, v := range t {
		out[k] = v
	}
	out[path] = data
	return out
}

func (t tree) without(path string) tree {
	out := t.with(path, "")
	delete(out, path)
	return out
}

// run runs a command that must succeed, isolated from the git configuration of the machine.
func run(t testing.TB, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1",
		"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=maintenance.auto", "GIT_CONFIG_VALUE_0=false",
		"GIT_AUTHOR_NAME=somebody", "GIT_AUTHOR_EMAIL=somebody@example.org", "GIT_COMMITTER_NAME=somebody", "GIT_COMMITTER_EMAIL=somebody@example.org")
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	require.NoError(t, cmd.Run(), "%s %s: %s", name, strings.Join(args, " "), said.String())
	return out.String()
}

// bare creates a bare repository with a README on main.
func bare(t testing.TB) string {
	t.Helper()
	prototype.Do(func() {
		made := bareWith(t, func(work string) { write(t, work, "README.md", "hands off\n") })
		prototypeDir, prototypeErr = os.MkdirTemp("", "meshc-test-*")
		if prototypeErr == nil {
			prototypeErr = os.CopyFS(prototypeDir, os.DirFS(made))
		}
	})
	require.NoError(t, prototypeErr)
	repository := filepath.Join(t.TempDir(), "env.git")
	require.NoError(t, os.CopyFS(repository, os.DirFS(prototypeDir)))
	return repository
}

// Most tests begin with the same repository, and copying it is faster than creating it.
var (
	prototype    sync.Once
	prototypeDir string
	prototypeErr error
)

// bareWith creates a bare repository with what fill writes on main.
func bareWith(t testing.TB, fill func(work string)) string {
	t.Helper()
	repository := empty(t)
	edit(t, repository, "main", fill)
	return repository
}

func empty(t testing.TB) string {
	t.Helper()
	repository := filepath.Join(t.TempDir(), "env.git")
	run(t, "", "git", "init", "-q", "--bare", "--template=", "-b", "main", repository)
	unattended(t, repository)
	return repository
}

// unattended turns off what costs time and changes nothing here: garbage collection after each push, and waiting for
// the disk.
func unattended(t testing.TB, repository string) {
	t.Helper()
	path := filepath.Join(repository, "config")
	config, err := os.ReadFile(path)
	require.NoError(t, err)
	write(t, repository, "config", string(config)+"[receive]\n\tautogc = false\n[core]\n\tfsync = none\n")
}

// edit clones a repository, changes it by hand and pushes.
func edit(t testing.TB, repository, branch string, change func(work string)) {
	t.Helper()
	work := t.TempDir()
	run(t, work, "git", "clone", "-q", repository, ".")
	head, err := os.ReadFile(filepath.Join(work, ".git", "HEAD"))
	require.NoError(t, err)
	switch {
	case string(head) == "ref: refs/heads/"+branch+"\n":
	case run(t, work, "git", "ls-remote", "origin", "refs/heads/"+branch) == "":
		run(t, work, "git", "checkout", "-q", "-B", branch)
	default:
		run(t, work, "git", "checkout", "-q", branch)
	}
	change(work)
	run(t, work, "git", "add", "-A")
	run(t, work, "git", "commit", "-q", "--allow-empty", "-m", "by hand")
	run(t, work, "git", "push", "-q", "origin", "HEAD:"+branch)
}

func write(t testing.TB, dir, path, data string) {
	t.Helper()
	path = filepath.Join(dir, path)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(data), 0o644))
}

// content returns the files of a branch.
func content(t testing.TB, repository, branch string) tree {
	t.Helper()
	out := tree{}
	for archive := tar.NewReader(strings.NewReader(run(t, repository, "git", "archive", branch))); ; {
		file, err := archive.Next()
		if err == io.EOF {
			break
		}
		require.NoError(t, err)
		switch file.Typeflag {
		case tar.TypeReg:
			data, err := io.ReadAll(archive)
			require.NoError(t, err)
			out[file.Name] = string(data)
		case tar.TypeSymlink:
			out[file.Name] = file.Linkname
		}
	}
	return out
}

// under returns the files of a repository: a delivery in a folder, and others.
func under(folder string, files []targets.File, others tree) tree {
	out := others.with("x", "").without("x")
	for _, f := range files {
		out[filepath.Join(folder, f.Path)] = string(f.Data)
	}
	return out
}

func log(t testing.TB, repository, branch string) []string {
	t.Helper()
	return strings.Split(strings.TrimSpace(run(t, repository, "git", "log", "--format=%s", branch)), "\n")
}

// environ returns the environment for a publish, which shares only PATH with the machine.
func environ(t testing.TB, pairs ...string) func(string) string {
	t.Helper()
	home := t.TempDir()
	env := map[string]string{"PATH": os.Getenv("PATH"), "HOME": home, "GIT_CONFIG_GLOBAL": filepath.Join(home, ".gitconfig"), "GIT_CONFIG_NOSYSTEM": "1"}
	for i := 0; i < len(pairs); i += 2 {
		env[pairs[i]] = pairs[i+1]
	}
	return func(key string) string { return env[key] }
}

// direct returns options that commit to main in the folder prod.
func direct(t testing.TB, repository string) gitops.Options {
	t.Helper()
	return gitops.Options{
		Repository: repository, Path: "prod", Environment: "prod", Direct: true, Now: now,
		Author: gitops.Identity{Name: "bot", Email: "bot@example.org"}, Source: "shop@0123abc",
		Dir: t.TempDir(), Getenv: environ(t), Timeout: 5 * time.Minute,
		Describe: func(c gitops.Change) (gitops.Message, error) {
			return gitops.Message{Title: "meshc: prod: 1 connection opened", Body: "opened: frontend -> backend"}, nil
		},
	}
}

func review(t testing.TB, repository string) gitops.Options {
	o := direct(t, repository)
	o.Direct = false
	return o
}

func publish(t testing.TB, files []targets.File, o gitops.Options) gitops.Result {
	t.Helper()
	result, findings, err := gitops.Publish(context.Background(), files, o)
	require.NoError(t, err)
	require.Empty(t, texts(findings))
	return result
}

// refused returns the error of a publish that must fail.
func refused(t testing.TB, files []targets.File, o gitops.Options) *gitops.Error {
	t.Helper()
	_, findings, err := gitops.Publish(context.Background(), files, o)
	require.Error(t, err)
	require.Empty(t, texts(findings))
	var e *gitops.Error
	require.ErrorAs(t, err, &e)
	return e
}

func texts(findings diag.List) []string {
	var out []string
	for _, d := range findings {
		out = append(out, string(d.Code)+" "+d.Message)
	}
	return out
}
