//go:build unix

package main

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A file or folder that may not be read ends meshc with 3 and its name, whoever runs this test: root reads
// everything, so meshc then runs as somebody else.
func TestUnreadable(t *testing.T) {
	dir, err := os.MkdirTemp("", "meshc-unreadable-*")
	require.NoError(t, err)
	t.Cleanup(func() {
		os.Chmod(filepath.Join(dir, "project", "closed"), 0o700)
		os.RemoveAll(dir)
	})
	require.NoError(t, os.Chmod(dir, 0o755))
	meshc := filepath.Join(dir, "meshc") // the test binary is meshc when it is called so
	copyFile(t, os.Args[0], meshc, 0o755)

	project := filepath.Join(dir, "project")
	for name, mode := range map[string]os.FileMode{"open": 0o755, "secret": 0o755, "closed": 0o000} {
		require.NoError(t, os.MkdirAll(filepath.Join(project, name), 0o755))
		file := filepath.Join(project, name, "shop.mesh")
		require.NoError(t, os.WriteFile(file, []byte("mesh shop\n"), 0o644))
		require.NoError(t, os.Chmod(filepath.Join(project, name), mode))
	}
	require.NoError(t, os.Chmod(filepath.Join(project, "secret", "shop.mesh"), 0o000))

	for path, want := range map[string]string{
		"open":             "",
		"secret":           "meshc: secret/shop.mesh: permission denied\n",
		"secret/shop.mesh": "meshc: secret/shop.mesh: permission denied\n",
		"closed":           "meshc: closed/meshc.yaml: permission denied\n",
	} {
		t.Run(path, func(t *testing.T) {
			for _, verb := range []string{"build", "check", "fmt"} {
				cmd := exec.Command(meshc, verb, path)
				cmd.Dir = project
				cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
				if os.Geteuid() == 0 {
					const nobody = 65534
					cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
				}
				var stderr bytes.Buffer
				cmd.Stderr = &stderr
				err := cmd.Run()
				if want == "" {
					assert.NoError(t, err, "%s\n%s", verb, &stderr)
					continue
				}
				var exit *exec.ExitError
				require.ErrorAs(t, err, &exit, verb)
				assert.Equal(t, exitIO, exit.ExitCode(), verb)
				assert.Equal(t, want, stderr.String(), verb)
			}
		})
	}
}

func copyFile(t *testing.T, from, to string, mode os.FileMode) {
	t.Helper()
	in, err := os.Open(from)
	require.NoError(t, err)
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, mode)
	require.NoError(t, err)
	_, err = io.Copy(out, in)
	require.NoError(t, err)
	require.NoError(t, out.Close())
}
