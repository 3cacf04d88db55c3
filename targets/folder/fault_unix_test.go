//go:build unix

package folder

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/meshc/meshc/targets"
)

func oversized() []targets.File {
	return withLock([]targets.File{
		{Path: "shop/10-a.yaml", Data: []byte("a")},
		{Path: "shop/20-big.yaml", Data: bytes.Repeat([]byte("b"), 1<<20)},
		{Path: "stock/10-d.yaml", Data: []byte("d")},
	})
}

func init() {
	tasks["starved"] = starved
	tasks["unprivileged"] = unprivileged
}

// starved writes a file that is larger than the limit of the process. The write fails in the middle of the file, as on
// a full disk.
func starved(dir string) {
	signal.Ignore(syscall.SIGXFSZ)
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: 64 << 10, Max: 64 << 10}); err != nil {
		fmt.Println(err)
	}
	if _, err := Replace(dir, oversized(), Options{}); err != nil {
		fmt.Println(err)
	}
}

func TestWriteThatFails(t *testing.T) {
	for _, way := range []string{"create", "swap", "journal"} {
		t.Run(way, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "out")
			if way != "create" {
				replace(t, dir, delivery(treeA))
			}
			if way == "journal" {
				put(t, dir, "README", "mine")
			}
			before := ""
			if way != "create" {
				before = contents(t, dir)
			}
			out, err := child("starved", dir).CombinedOutput()
			require.NoError(t, err)
			assert.Equal(t, "write "+filepath.Join(dir, "shop", "20-big.yaml")+": file too large\n", string(out))
			if way == "create" {
				assert.NoDirExists(t, dir)
				return
			}
			assert.Equal(t, before, contents(t, dir))
			noLeftovers(t, dir)
		})
	}
}

// The same with a disk that is really full, if the tests run as root.
func TestFullDisk(t *testing.T) {
	disk := t.TempDir()
	if !mountSmallDisk(t, disk, 512<<10) {
		t.Log("no disk can be mounted here; TestWriteThatFails has shown the same with a limit")
		return
	}
	dir := filepath.Join(disk, "out")
	replace(t, dir, delivery(treeA))
	for _, prepare := range []func(){func() {}, func() { put(t, dir, "README", "mine") }} {
		prepare()
		before := contents(t, dir)
		_, err := Replace(dir, oversized(), Options{})
		assert.ErrorIs(t, err, syscall.ENOSPC)
		assert.ErrorContains(t, err, filepath.Join(dir, "shop", "20-big.yaml"))
		assert.Equal(t, before, contents(t, dir))
		noLeftovers(t, dir)
	}
	// The folder is a mount point: it cannot be swapped, and its parent is on another disk.
	require.NoError(t, os.RemoveAll(dir))
	replace(t, disk, delivery(treeA))
	replace(t, disk, delivery(treeB))
	assert.Contains(t, contents(t, disk), "b, changed")
}

// Without write permission for the parent directory, the working files are in the folder. Without any write permission,
// only a build that changes nothing succeeds. Root may write everywhere, so a child process runs this as nobody.
func TestPermissions(t *testing.T) {
	out, err := child("unprivileged", "").CombinedOutput()
	require.NoError(t, err)
	assert.Equal(t, `create a folder in a closed one: create out: permission denied
change a folder in a closed one: done
what it holds: [.meshc.lock kustomization.yaml shop stock]
build the same into a closed folder: done
change a closed folder: write into out: permission denied
compare a closed folder: 5 changes
what it holds: [.meshc.lock kustomization.yaml shop stock]
`, string(out))
}

func unprivileged(string) {
	if os.Getuid() == 0 {
		const nobody = 65534
		if err := errors.Join(syscall.Setgroups(nil), syscall.Setgid(nobody), syscall.Setuid(nobody)); err != nil {
			fmt.Println(err)
			return
		}
	}
	top, err := os.MkdirTemp("", "meshc-test-")
	if err != nil {
		fmt.Println(err)
		return
	}
	dir := filepath.Join(top, "out")
	defer os.RemoveAll(top)
	defer os.Chmod(top, 0o700)
	defer os.Chmod(dir, 0o700)
	try := func(what, tree string) {
		result := "done"
		if _, err := Replace(dir, delivery(tree), Options{}); err != nil {
			result = strings.ReplaceAll(err.Error(), dir, "out")
		}
		fmt.Printf("%s: %s\n", what, result)
	}
	show := func() {
		var names []string
		entries, _ := os.ReadDir(dir)
		for _, e := range entries {
			names = append(names, e.Name())
		}
		fmt.Println("what it holds:", names)
	}

	os.Chmod(top, 0o500)
	try("create a folder in a closed one", treeA)
	os.Chmod(top, 0o700)
	Replace(dir, delivery(treeA), Options{})
	os.Chmod(top, 0o500)
	try("change a folder in a closed one", treeB)
	show()
	os.Chmod(dir, 0o500)
	try("build the same into a closed folder", treeB)
	try("change a closed folder", treeA)
	c, err := Compare(dir, delivery(treeA))
	if err != nil {
		fmt.Println(err)
	}
	fmt.Printf("compare a closed folder: %d changes\n", len(c.Differences))
	show()
}
