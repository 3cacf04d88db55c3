package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/testdata/synth/mesh"
)

// watched is a meshc watch that runs.
type watched struct {
	t    *testing.T
	root string
	cmd  *exec.Cmd

	mutex sync.Mutex
	text  bytes.Buffer // standard output and error
	read  int          // of text
}

func (w *watched) Write(text []byte) (int, error) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return w.text.Write(text)
}

// watch starts a meshc watch in a folder.
func watch(t *testing.T, root string, args ...string) *watched {
	meshc := filepath.Join(t.TempDir(), "meshc")
	self, err := os.Executable()
	require.NoError(t, err)
	require.NoError(t, os.Symlink(self, meshc)) // by this name it is meshc: see TestMain
	w := &watched{t: t, root: root, cmd: exec.CommandContext(t.Context(), meshc, append([]string{"watch"}, args...)...)}
	w.cmd.Dir, w.cmd.Stdout, w.cmd.Stderr = root, w, w
	require.NoError(t, w.cmd.Start())
	w.sees(`watching \d+ files? in \d+ folders?`)
	return w
}

// sees waits until a pattern matches what was written since the last match.
func (w *watched) sees(pattern string) {
	w.t.Helper()
	expression := regexp.MustCompile("(?s)" + pattern)
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		w.mutex.Lock()
		rest := w.text.Bytes()[w.read:]
		at := expression.FindIndex(rest)
		if at != nil {
			w.read += at[1]
		}
		text := string(rest)
		w.mutex.Unlock()
		if at != nil {
			return
		}
		require.True(w.t, time.Now().Before(end), "no %s in:\n%s", pattern, text)
	}
}

// interrupt is Ctrl-C. It returns the exit code and what was not seen yet.
func (w *watched) interrupt() (int, string) {
	require.NoError(w.t, w.cmd.Process.Signal(os.Interrupt))
	ended := make(chan error, 1)
	go func() { ended <- w.cmd.Wait() }()
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		require.Fail(w.t, "it does not end")
	}
	return w.cmd.ProcessState.ExitCode(), w.text.String()[w.read:]
}

func (w *watched) path(name string) string { return filepath.Join(w.root, filepath.FromSlash(name)) }

func (w *watched) write(name, text string) {
	w.t.Helper()
	require.NoError(w.t, os.MkdirAll(filepath.Dir(w.path(name)), 0o755))
	require.NoError(w.t, os.WriteFile(w.path(name), []byte(text), 0o644))
}

// save is write as most editors do it: a new file takes the place of the old one.
func (w *watched) save(name, text string) {
	w.t.Helper()
	w.write(name+".swp", text)
	require.NoError(w.t, os.Rename(w.path(name+".swp"), w.path(name)))
}

func needsSignals(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a process cannot be interrupted from outside")
	}
}

func TestWatch(t *testing.T) {
	needsSignals(t)
	for name, args := range map[string][]string{"told by the system": nil, "polling": {"--poll", "50ms"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			require.NoError(t, os.CopyFS(root, os.DirFS("../../examples/shop")))
			require.NoError(t, os.RemoveAll(filepath.Join(root, "manifests")))
			require.NoError(t, os.Mkdir(filepath.Join(root, ".git"), 0o755)) // no repository above it counts
			w := watch(t, root, args...)
			const edges = "mesh shop strict; istio-ingress/ingress -> frontend -> backend -> db\n"

			w.save("shop.mesh", strings.Replace(edges, "backend", "backen", 1))
			w.sees(`shop\.mesh changed\nerror\[MESH1001\].*did you mean backend\?.*1 error, 0 warnings; there were none at`)
			w.save("shop.mesh", edges)
			w.sees(`no connection changes since [\d:]+\n0 errors`)
			w.write("shop.mesh", edges+"frontend -> db:5432\n")
			w.sees(`opened\n  shop/frontend -> shop/db:5432  shop\.mesh:2\n.*1 connection opened since .*; 1 file differs\n0 errors`)

			// A broken guard is told with what it breaks.
			w.write("guards.mesh", "never shop/frontend -> shop/db\n")
			w.sees(`guards\.mesh changed\nerror\[MESH2011\].*1 error`)
			w.save("shop.mesh", edges)
			w.sees(`closed\n  shop/frontend -> shop/db:5432  was shop\.mesh:2.*0 errors`)

			// Folders are new, are replaced by others, and go.
			w.write("teams/bank/bank.mesh", "mesh bank strict\nservice ledger account ledger-sa port 80 http\n")
			w.sees(`teams/bank/bank\.mesh changed\n.*MESH2108.*0 errors, 1 warning`)
			require.NoError(t, os.Rename(w.path("teams"), w.path("..gone")))
			w.sees(`teams/bank/bank\.mesh changed\n.*0 errors, 0 warnings`)
			w.write("teams/bank/bank.mesh", "mesh bank strict\nservice ledgers account ledger-sa port 80 http\n")
			w.sees(`nothing may call ledgers,.*0 errors, 1 warning`)
			w.save("teams/bank/bank.mesh", "mesh bank strict\n")
			w.sees(`0 errors, 0 warnings`)

			// So do manifests and meshc.yaml.
			require.NoError(t, os.RemoveAll(w.path("k8s")))
			w.sees(`MESH1203.*MESH1001.*errors`)
			require.NoError(t, os.CopyFS(w.path("k8s"), os.DirFS("../../examples/shop/k8s")))
			w.sees(`no connection changes since [\d:]+\n0 errors`)
			settings, err := os.ReadFile(w.path("meshc.yaml"))
			require.NoError(t, err)
			w.save("meshc.yaml", string(settings)+"nonsense: true\n")
			w.sees(`meshc\.yaml changed\nerror\[MESH1202\].*1 error, .*\n`)
			require.NoError(t, os.Remove(w.path("meshc.yaml")))
			w.sees(`k8s/backend\.yaml.* changed\n.*[1-9]\d* errors`)
			w.save("meshc.yaml", string(settings))
			w.sees(`0 errors`)

			// Without any intents there is no project, until it is there again.
			require.NoError(t, os.RemoveAll(w.path("teams")))
			require.NoError(t, os.Remove(w.path("guards.mesh")))
			require.NoError(t, os.Remove(w.path("shop.mesh")))
			w.sees(`no intents here, nothing matches`)
			w.save("shop.mesh", edges)
			w.sees(`0 errors, 0 warnings`)

			// What is none of the project's is not told.
			w.write("notes.txt", "x")
			w.write("build/log.txt", "x")
			time.Sleep(300 * time.Millisecond)
			code, rest := w.interrupt()
			assert.Zero(t, code)
			assert.Equal(t, "\n", rest)
		})
	}
}

// Many changes at once are one, and with errors it ends with 1.
func TestWatchBursts(t *testing.T) {
	needsSignals(t)
	root := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(root, "shop.mesh"), []byte("mesh shop strict\n"), 0o644))
	w := watch(t, root)
	for i := range 200 {
		w.write("shop.mesh", fmt.Sprintf("mesh shop strict\nservice s%d account a\n", i))
		time.Sleep(time.Millisecond)
	}
	w.save("shop.mesh", "mesh shop strict\nx -> y\n")
	w.sees(`2 errors`)
	code, _ := w.interrupt()
	assert.Equal(t, exitFindings, code)
	assert.LessOrEqual(t, strings.Count(w.text.String(), "shop.mesh changed"), 5)
}

// A change in a mesh of a thousand services is told in time.
func TestWatchMany(t *testing.T) {
	needsSignals(t)
	root := t.TempDir()
	for _, f := range mesh.Generate(mesh.Config{Services: 1000, Seed: 1, Workloads: true}) {
		path := filepath.Join(root, filepath.FromSlash(f.Path))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, f.Data, 0o644))
	}
	w := watch(t, root)
	text, err := os.ReadFile(w.path("team-0003.mesh"))
	require.NoError(t, err)
	began := time.Now()
	w.save("team-0003.mesh", string(text)+"svc-00151 -> svc-00199:5432\n")
	w.sees(`team-0003\.mesh changed\n.*team-0003/svc-00151 -> team-0003/svc-00199:5432`)
	t.Logf("%v after the file was saved", time.Since(began))
	assert.Less(t, time.Since(began), 5*time.Second)
	w.interrupt()
}
