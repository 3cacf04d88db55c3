package folder

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/meshc/meshc/targets"
)

// tenThousand returns a large delivery: 200 namespaces of 50 services.
func tenThousand(first string) []targets.File {
	var files []targets.File
	for n := range 200 {
		for i := range 53 {
			files = append(files, targets.File{
				Path: fmt.Sprintf("team-%04d/10-authorizationpolicy-svc-%05d-ingress.yaml", n, 50*n+i),
				Data: bytes.Repeat([]byte("    - cluster.local/ns/team-0001/sa/svc-00042-sa\n"), 14),
			})
		}
	}
	files[0].Data = []byte(first)
	return withLock(files)
}

func BenchmarkReplace(b *testing.B) {
	one, two := tenThousand("one"), tenThousand("two")
	run := func(name string, before func(dir string), files func(i int) []targets.File) {
		b.Run(name, func(b *testing.B) {
			dir := filepath.Join(b.TempDir(), "out")
			replace(b, dir, one)
			for i := 0; b.Loop(); i++ {
				b.StopTimer()
				before(dir)
				b.StartTimer()
				replace(b, dir, files(i))
			}
		})
	}
	nothing := func(string) {}
	alternate := func(i int) []targets.File { return [][]targets.File{two, one}[i%2] }
	run("new", func(dir string) { os.RemoveAll(dir) }, func(int) []targets.File { return one })
	run("unchanged", nothing, func(int) []targets.File { return one })
	run("one-file-by-swap", nothing, alternate)
	run("one-file-by-journal", func(dir string) { put(b, dir, "README", "") }, alternate)
}
