package main

import (
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// trimmed lists the modules that are compiled without some of their files. The protobuf methods of the types of
// Kubernetes, what their fields are for, and the HTTP client of its watches, which brings TLS with it, are a quarter of
// the module and never run; the linker keeps them, since they implement interfaces.
var trimmed = map[string]func(path string) bool{
	"k8s.io/api": func(file string) bool { return path.Base(file) == "generated.pb.go" || described(file) },
	"k8s.io/apimachinery": func(file string) bool {
		return file == "pkg/watch/streamwatcher.go" || described(file)
	},
}

// described reports whether a file tells what fields are for, in which version a type came, or its name in OpenAPI.
func described(file string) bool {
	return slices.Contains([]string{"types_swagger_doc_generated.go", "zz_generated.prerelease-lifecycle.go", "zz_generated.model_name.go"}, path.Base(file))
}

// compile writes the compiler as WebAssembly.
func compile(out string) error {
	dir, err := os.MkdirTemp("", "playground-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	for _, name := range []string{"go.mod", "go.sum"} {
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			return err
		}
	}
	mod := filepath.Join(dir, "go.mod")
	for module, left := range trimmed {
		from, err := goTool("list", "-m", "-f", "{{.Dir}}", module)
		if err != nil {
			return err
		}
		to := filepath.Join(dir, filepath.FromSlash(module))
		if err := copyWithout(to, from, left); err != nil {
			return err
		}
		if _, err := goTool("mod", "edit", "-replace", module+"="+to, mod); err != nil {
			return err
		}
	}
	cmd := exec.Command("go", "build", "-modfile", mod, "-trimpath", "-ldflags", "-s -w", "-o", out, "./cmd/meshc/internal/playground/wasm")
	cmd.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm")
	cmd.Stderr = os.Stderr
	return cmd.Run()
}

// copyWithout copies the Go files of a module that are neither left out nor tests.
func copyWithout(to, from string, left func(path string) bool) error {
	return filepath.WalkDir(from, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if name != "go.mod" && filepath.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") || left(filepath.ToSlash(name)) {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, name)
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return err
		}
		return os.WriteFile(target, text, 0o644)
	})
}
