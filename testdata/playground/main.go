// Command playground builds the playground: the compiler as WebAssembly, the page, the worker with Go's runtime
// support, and the examples. `make playground` adds what npm bundles. The folder needs nothing else: it works on any
// static server, under any path, and when its page is opened from disk.
//
//	go run ./testdata/playground DIR        # or: make playground
package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/meshc/meshc/compiler"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: playground DIR")
		os.Exit(2)
	}
	if err := assemble(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "playground:", err)
		os.Exit(1)
	}
}

const page = "cmd/meshc/internal/playground/page"

func assemble(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := compile(filepath.Join(dir, "meshc.wasm")); err != nil {
		return err
	}
	for _, name := range []string{"index.html", "page.css"} {
		text, err := os.ReadFile(filepath.Join(page, name))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			return err
		}
	}
	root, err := goTool("env", "GOROOT")
	if err != nil {
		return err
	}
	glue, err := os.ReadFile(filepath.Join(root, "lib", "wasm", "wasm_exec.js"))
	if err != nil {
		return err
	}
	worker, err := os.ReadFile(filepath.Join(page, "worker.js"))
	if err != nil {
		return err
	}
	start, err := os.ReadFile(filepath.Join(page, "start.js"))
	if err != nil {
		return err
	}
	both, err := json.Marshal(string(glue) + "\n" + string(worker))
	if err != nil {
		return err
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "window.meshcWorker = %s;\n%s", both, start)
	if err := os.WriteFile(filepath.Join(dir, "start.js"), b.Bytes(), 0o644); err != nil {
		return err
	}
	examples, err := examples()
	if err != nil {
		return err
	}
	b.Reset()
	fmt.Fprintf(&b, "window.meshcExamples = %s;\n", examples)
	if err := os.WriteFile(filepath.Join(dir, "examples.js"), b.Bytes(), 0o644); err != nil {
		return err
	}
	module, err := os.ReadFile(filepath.Join(dir, "meshc.wasm"))
	if err != nil {
		return err
	}
	b.Reset()
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return err
	}
	if _, err := z.Write(module); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	script := fmt.Sprintf("window.meshcModule = %q;\n", base64.StdEncoding.EncodeToString(b.Bytes()))
	return os.WriteFile(filepath.Join(dir, "meshc.wasm.js"), []byte(script), 0o644)
}

// examples returns the projects that the page offers as a JSON object, in order: the shop first, then others, then
// broken ones.
func examples() ([]byte, error) {
	folders := []string{"examples/shop", "examples/shop-written-out", "examples/bookinfo", "examples/online-boutique", "examples/online-shop", "examples/ambient", "examples/networkpolicy", "examples/cilium"}
	broken, err := filepath.Glob("examples/broken/*")
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.WriteByte('{')
	for i, folder := range append(folders, broken...) {
		if info, err := os.Stat(folder); err != nil || !info.IsDir() {
			continue
		}
		example, err := compiler.OpenSnapshot(context.Background(), compiler.Options{}, folder)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", folder, err)
		}
		text, err := json.Marshal(example.Texts())
		if err != nil {
			return nil, err
		}
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%q: %s", strings.TrimPrefix(filepath.ToSlash(folder), "examples/"), text)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// goTool runs a command of Go and returns what it prints.
func goTool(args ...string) (string, error) {
	cmd := exec.Command("go", args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("go %s: %w", strings.Join(args, " "), err)
	}
	return strings.TrimSpace(string(out)), nil
}
