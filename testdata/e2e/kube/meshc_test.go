package kube

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

var built string // the folder of the command

// meshc is the command under test, built once.
var meshc = sync.OnceValues(func() (program string, err error) {
	if built, err = os.MkdirTemp("", "meshc-e2e"); err != nil {
		return "", err
	}
	program = filepath.Join(built, "meshc")
	build := exec.Command("go", "build", "-o", program, "./cmd/meshc")
	build.Dir = "../../.."
	if said, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, said)
	}
	return program, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	os.RemoveAll(built)
	os.Exit(code)
}

// run runs meshc in a folder as a user of the cluster, and returns both of its outputs and its exit code.
func (c *Cluster) run(t *testing.T, user, dir string, args ...string) (said string, code int) {
	t.Helper()
	program, err := meshc()
	require.NoError(t, err)
	cmd := exec.Command(program, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "KUBECONFIG="+c.Kubeconfig(t, user), "NO_COLOR=1")
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// write writes files to a new folder, which is the root of a project.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	return dir
}
