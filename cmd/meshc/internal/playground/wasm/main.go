//go:build js && wasm

// Command wasm is the compiler in a browser: it defines a function meshc(JSON) that returns JSON.
package main

import (
	"context"
	"runtime/debug"
	"syscall/js"

	"github.com/meshc/meshc/cmd/meshc/internal/playground"
)

func main() {
	debug.SetGCPercent(400) // answers are short, and the heap of a project is small
	var page playground.Page
	js.Global().Set("meshc", js.FuncOf(func(_ js.Value, args []js.Value) any {
		return string(page.Answer(context.Background(), []byte(args[0].String())))
	}))
	select {}
}
