package folder

import (
	"fmt"
	"testing"

	"golang.org/x/sys/unix"
)

func mountSmallDisk(t *testing.T, dir string, size int) bool {
	if unix.Mount("meshc-test", dir, "tmpfs", 0, fmt.Sprintf("size=%d", size)) != nil {
		return false
	}
	t.Cleanup(func() { unix.Unmount(dir, 0) })
	return true
}
