package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

// action is the part of action.yml that a runner executes.
type action struct {
	Inputs map[string]struct{ Default string }
	Runs   struct {
		Steps []struct {
			ID, Run string
			Env     map[string]string
		}
	}
}

// step runs a step of action.yml as a runner does, with values in place of its expressions. It returns the output, and
// what the step wrote to its files.
func (a action) step(t *testing.T, id string, env map[string]string) (said string, files map[string]string, code int) {
	t.Helper()
	for _, s := range a.Runs.Steps {
		if s.ID != id {
			continue
		}
		for name := range env {
			if _, declared := s.Env[name]; !declared && !strings.HasPrefix(name, "RUNNER_") && name != "PATH" {
				t.Errorf("the step %s has no variable %s", id, name)
			}
		}
		cmd := exec.Command("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", s.Run)
		cmd.Env = os.Environ()
		for name, value := range env {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
		dir := t.TempDir()
		for _, file := range []string{"GITHUB_OUTPUT", "GITHUB_PATH", "GITHUB_STEP_SUMMARY"} {
			cmd.Env = append(cmd.Env, file+"="+filepath.Join(dir, file))
		}
		out, _ := cmd.CombinedOutput()
		files = map[string]string{}
		for _, file := range []string{"GITHUB_OUTPUT", "GITHUB_PATH", "GITHUB_STEP_SUMMARY"} {
			text, _ := os.ReadFile(filepath.Join(dir, file))
			files[file] = string(text)
		}
		return string(out), files, cmd.ProcessState.ExitCode()
	}
	t.Fatalf("action.yml has no step %s", id)
	return
}

func readAction(t *testing.T) (a action) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the steps run in bash")
	}
	text, err := os.ReadFile("../../action.yml")
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(text, &a))
	return a
}

func TestActionPicksAVersion(t *testing.T) {
	a := readAction(t)
	for _, test := range []struct {
		version, ref, want string
		code               int
	}{
		{"", "v1.2.3", "version=v1.2.3\n", 0},
		{"", "main", "version=source\n", 0},
		{"", "", "version=source\n", 0},
		{"v2.0.0-rc.1", "main", "version=v2.0.0-rc.1\n", 0},
		{"source", "v1.2.3", "version=source\n", 0},
		{"latest", "", "", 2},
		{"v1.2.3/../../../evil", "", "", 2},
		{"v1.2.3\nversion=evil", "", "", 2},
	} {
		said, files, code := a.step(t, "pick", map[string]string{"VERSION": test.version, "REF": test.ref})
		assert.Equal(t, test.code, code, said)
		assert.Equal(t, test.want, files["GITHUB_OUTPUT"], "%q at %q", test.version, test.ref)
	}
}

// An archive is unpacked only if it has the checksum of the release.
func TestActionInstallsARelease(t *testing.T) {
	a := readAction(t)
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("needs curl")
	}
	var archive bytes.Buffer
	zip := gzip.NewWriter(&archive)
	files := tar.NewWriter(zip)
	program := "#!/bin/sh\necho \"meshc v1.2.3, asked for $1\"\n"
	require.NoError(t, files.WriteHeader(&tar.Header{Name: "meshc", Mode: 0o755, Size: int64(len(program))}))
	_, err := files.Write([]byte(program))
	require.NoError(t, err)
	require.NoError(t, files.Close())
	require.NoError(t, zip.Close())
	sum := fmt.Sprintf("%x", sha256.Sum256(archive.Bytes()))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		switch req.URL.Path {
		case "/v1.2.3/meshc_1.2.3_linux_arm64.tar.gz", "/v1.2.4/meshc_1.2.4_linux_arm64.tar.gz", "/v1.2.5/meshc_1.2.5_linux_arm64.tar.gz":
			w.Write(archive.Bytes())
		case "/v1.2.3/checksums.txt":
			fmt.Fprintf(w, "%s  meshc_1.2.3_linux_amd64.tar.gz\n%s  meshc_1.2.3_linux_arm64.tar.gz\n", strings.Repeat("0", 64), sum)
		case "/v1.2.4/checksums.txt":
			fmt.Fprintf(w, "%s  meshc_1.2.4_linux_arm64.tar.gz\n", strings.Repeat("0", 64))
		case "/v1.2.5/checksums.txt":
			fmt.Fprintf(w, "%s  meshc_1.2.5_linux_amd64.tar.gz\n", sum)
		default:
			http.NotFound(w, req)
		}
	}))
	defer server.Close()
	for version, want := range map[string]struct {
		code int
		said string
	}{
		"v1.2.3": {0, "meshc v1.2.3, asked for version"},
		"v1.2.4": {1, "FAILED"},
		"v1.2.5": {1, "does not list meshc_1.2.5_linux_arm64.tar.gz"},
		"v9.9.9": {22, "404"},
	} {
		t.Run(version, func(t *testing.T) {
			temp := t.TempDir()
			said, files, code := a.step(t, "install", map[string]string{"VERSION": version, "RELEASES": server.URL, "RUNNER_OS": "Linux", "RUNNER_ARCH": "ARM64", "RUNNER_TEMP": temp})
			assert.Equal(t, want.code, code, said)
			assert.Contains(t, said, want.said)
			if want.code != 0 {
				assert.Empty(t, files["GITHUB_PATH"])
				assert.NoFileExists(t, filepath.Join(temp, "meshc-bin", "meshc"))
			}
		})
	}
}

// What the action runs exists: each verb with the flags that the action gives it.
func TestActionRuns(t *testing.T) {
	a := readAction(t)
	bin := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(bin, "meshc"), []byte("#!/bin/sh\nprintf '%s\\n' \"$@\"\n"), 0o755))
	for verb, test := range map[string]struct {
		want    string
		comment string
		code    int
	}{
		"check":  {"check --env prod --format github my project", "false", 0},
		"verify": {"verify --env prod my project", "false", 0},
		"test":   {"test --env prod my project", "false", 0},
		"diff":   {"diff --env prod --comment --from abc --format markdown my project", "true", 0},
		"rm":     {"", "false", 2},
		"":       {"", "false", 2},
	} {
		said, files, code := a.step(t, "run", map[string]string{
			"VERB": verb, "ENVIRONMENT": "prod", "PROJECT": "my project", "COMMENT": test.comment, "BASE": "abc", "PATH": bin + string(os.PathListSeparator) + os.Getenv("PATH"),
		})
		require.Equal(t, test.code, code, said)
		if code != 0 {
			continue
		}
		if verb == "diff" {
			said = files["GITHUB_STEP_SUMMARY"]
		}
		args := strings.Split(strings.TrimSpace(said), "\n")
		assert.Equal(t, test.want, strings.Join(args, " "))
		cmd, rest, err := newRoot().Find(args)
		require.NoError(t, err)
		require.NoError(t, cmd.ParseFlags(rest))
		assert.Equal(t, []string{"my project"}, cmd.Flags().Args())
	}
	for _, name := range []string{"version", "verb", "env", "project", "comment", "token"} {
		assert.Contains(t, a.Inputs, name)
	}
}

// The hooks of pre-commit run verbs that exist.
func TestPreCommitHooks(t *testing.T) {
	text, err := os.ReadFile("../../.pre-commit-hooks.yaml")
	require.NoError(t, err)
	var hooks []struct {
		ID, Name, Language, Entry, Files string
	}
	require.NoError(t, yaml.Unmarshal(text, &hooks))
	require.Len(t, hooks, 2)
	for _, h := range hooks {
		words := strings.Fields(h.Entry)
		require.Equal(t, "meshc", words[0])
		cmd, rest, err := newRoot().Find(words[1:])
		require.NoError(t, err)
		assert.NotEqual(t, "meshc", cmd.Name())
		assert.NoError(t, cmd.ParseFlags(rest))
		assert.Equal(t, "golang", h.Language)
	}
}
