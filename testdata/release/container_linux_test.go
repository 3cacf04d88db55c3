package release

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// unpack writes the files of a layer.
func unpack(t *testing.T, root string, layer []byte) {
	t.Helper()
	zip, err := gzip.NewReader(bytes.NewReader(layer))
	require.NoError(t, err)
	for files := tar.NewReader(zip); ; {
		h, err := files.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		require.NoError(t, err)
		path := filepath.Join(root, h.Name)
		switch h.Typeflag {
		case tar.TypeDir:
			require.NoError(t, os.MkdirAll(path, 0o755))
		case tar.TypeReg:
			content, err := io.ReadAll(files)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(path, content, 0o644))
		default:
			t.Fatalf("%s is no file", h.Name)
		}
		require.NoError(t, os.Chmod(path, h.FileInfo().Mode()))
	}
}

// run builds the shop in the working folder of the image; without the rights for a root of its own, where it was
// unpacked.
func (c *imageConfig) run(t *testing.T, root string) {
	t.Helper()
	work := filepath.Join(root, c.Config.WorkingDir)
	require.NoError(t, os.CopyFS(filepath.Join(work, "shop"), os.DirFS(shop)))
	require.NoError(t, os.Chmod(filepath.Join(work, "shop"), 0o777)) // as who mounts it would let the user write there
	meshc := func(args ...string) string {
		cmd := exec.Command(c.Config.Entrypoint[0], args...)
		cmd.Env, cmd.Dir = c.Config.Env, c.Config.WorkingDir
		if os.Geteuid() == 0 {
			uid, gid, _ := strings.Cut(c.Config.User, ":")
			u, err := strconv.ParseUint(uid, 10, 32)
			require.NoError(t, err)
			g, err := strconv.ParseUint(gid, 10, 32)
			require.NoError(t, err)
			require.NotZero(t, u)
			cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root, Credential: &syscall.Credential{Uid: uint32(u), Gid: uint32(g)}}
		} else {
			cmd = exec.Command(filepath.Join(root, c.Config.Entrypoint[0]), args...)
			cmd.Env, cmd.Dir = c.Config.Env, work
		}
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
		return string(out)
	}
	assert.Contains(t, meshc("version"), "linux/"+c.Architecture)
	meshc("build", "shop", "-o", "manifests")
	differences, err := exec.Command("diff", "-r", "-x", ".meshc.lock", filepath.Join(shop, "manifests"), filepath.Join(work, "manifests")).CombinedOutput()
	assert.NoError(t, err, "%s", differences)
	meshc("publish", "shop", "--author", "Ann <ann@example.org>") // without git
}
