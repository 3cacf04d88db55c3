//go:build js && wasm

// Command wasm is the compiler in a browser: it defines a function meshc(JSON) that answers with JSON.
package main

import (
	"context"
	"syscall/js"

	"github.com/meshc/meshc/cmd/meshc/internal/playground"
)

func main() {
	js.Global().Set("meshc", js.FuncOf(func(_ js.Value, args []js.Value) any {
		return string(playground.Answer(context.Background(), []byte(args[0].String())))
	}))
	select {}
}
