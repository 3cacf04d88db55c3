// Command synth writes a generated project of any size: one file of intents per namespace and, with -k8s, the workload
// manifests that they are checked against.
//
//	go run ./testdata/synth -n 10000 -o /tmp/mesh
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/meshc/meshc/testdata/synth/mesh"
)

func main() {
	var c mesh.Config
	flag.IntVar(&c.Services, "n", 1000, "number of services")
	flag.IntVar(&c.Callers, "callers", 3, "callers of each service within its namespace")
	flag.Uint64Var(&c.Seed, "seed", 1, "the same seed gives the same mesh")
	flag.BoolVar(&c.Workloads, "k8s", false, "also write workload manifests, and a meshc.yaml that names them")
	dir := flag.String("o", "", "folder to write to, new or empty (required)")
	flag.Parse()
	if *dir == "" || flag.NArg() > 0 || c.Services < mesh.MinServices || c.Callers < 1 {
		fmt.Fprintf(os.Stderr, "usage: synth -o DIR [-n SERVICES] [-callers N] [-seed N] [-k8s]; at least %d services and one caller\n", mesh.MinServices)
		os.Exit(2)
	}
	if err := write(*dir, mesh.Generate(c)); err != nil {
		fmt.Fprintln(os.Stderr, "synth:", err)
		os.Exit(1)
	}
}

func write(dir string, files []mesh.File) error {
	if old, err := os.ReadDir(dir); err == nil && len(old) > 0 {
		return fmt.Errorf("%s is not empty", dir)
	}
	for _, f := range files {
		path := filepath.Join(dir, filepath.FromSlash(f.Path))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, f.Data, 0o644); err != nil {
			return err
		}
	}
	return nil
}
