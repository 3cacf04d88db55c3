// Package program builds the servers that tests run against, and starts them on 127.0.0.1.
package program

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Module is a Go module with the command of a server.
type Module struct {
	Name          string // of the command
	Path, Version string
	Command       string   // its package within the module; empty: the module's own
	Staged        string   // version of the modules that it replaces by folders of its own; empty: they are required with a version
	Flags         []string // of go build
}

// Build returns the paths of the command and of the module's sources. It builds the command once per version and keeps
// it in the user's cache directory, outside the checkout. `go install` rejects modules with replace directives, so it
// builds in a module that repeats them.
func (m Module) Build(t *testing.T) (binary, source string) {
	t.Helper()
	cache, err := os.UserCacheDir()
	require.NoError(t, err)
	folder := filepath.Join(cache, "meshc", "e2e", m.Name+"-"+m.Version)
	binary = filepath.Join(folder, m.Name)
	var module struct{ Dir string }
	require.NoError(t, json.Unmarshal(Run(t, "", "go", "mod", "download", "-json", m.Path+"@"+m.Version), &module))
	if _, err := os.Stat(binary); err == nil {
		return binary, module.Dir
	}
	wrap := filepath.Join(folder, "wrap")
	require.NoError(t, os.MkdirAll(wrap, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(wrap, "go.mod"), m.requirement(t, module.Dir), 0o644))
	sum, err := os.ReadFile(filepath.Join(module.Dir, "go.sum"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(wrap, "go.sum"), sum, 0o644))
	t.Logf("building %s %s; this takes minutes, once", m.Name, m.Version)
	draft := binary + ".new"
	args := append([]string{"build", "-mod=mod"}, m.Flags...)
	Run(t, wrap, "go", append(args, "-o", draft, path.Join(m.Path, m.Command))...)
	require.NoError(t, os.Rename(draft, binary))
	return binary, module.Dir
}

// requirement is a go.mod that requires the module as it requires others itself.
func (m Module) requirement(t *testing.T, source string) []byte {
	t.Helper()
	type version struct{ Path, Version string }
	var mod struct {
		Go      string
		Replace []struct{ Old, New version }
	}
	require.NoError(t, json.Unmarshal(Run(t, source, "go", "mod", "edit", "-json"), &mod))
	out := fmt.Appendf(nil, "module wrap\n\ngo %s\n\nrequire %s %s\n", mod.Go, m.Path, m.Version)
	for _, r := range mod.Replace {
		if strings.HasPrefix(r.New.Path, ".") {
			if m.Staged == "" {
				continue
			}
			r.New = version{r.Old.Path, m.Staged}
		}
		out = fmt.Appendf(out, "replace %s %s => %s %s\n", r.Old.Path, r.Old.Version, r.New.Path, r.New.Version)
	}
	return out
}

// Run runs a command that must succeed, in a folder, and returns what it writes to standard output.
func Run(t *testing.T, dir, name string, args ...string) []byte {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	require.NoError(t, err, "%s %s: %s", name, strings.Join(args, " "), said.String())
	return out
}

// Start starts a server, which is killed when the test ends, with variables added to the environment. What it writes to
// both outputs goes to a file of the returned name.
func Start(t *testing.T, env []string, name string, args ...string) (log string) {
	t.Helper()
	file, err := os.Create(filepath.Join(t.TempDir(), filepath.Base(name)+".log"))
	require.NoError(t, err)
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = file, file
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		file.Close()
	})
	return file.Name()
}

// FreePort returns a free port below the range from which the system assigns ephemeral ports.
func FreePort(t *testing.T) int {
	t.Helper()
	for range 100 {
		port := 20000 + rand.N(10000)
		if l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			require.NoError(t, l.Close())
			return port
		}
	}
	t.Fatal("no free port")
	return 0
}

// Listens reports whether a server listens on a port of 127.0.0.1.
func Listens(port int) bool {
	conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return false
	}
	conn.Close()
	return true
}
