package graph_test

import (
	"context"
	"fmt"

	"github.com/meshc/meshc/cmd/meshc/internal/graph"
	"github.com/meshc/meshc/compiler"
	"github.com/meshc/meshc/compiler/config"
)

// Two versions of a project, as a matrix of what the second one opens and closes.
func Example() {
	draw := func(rules string) *graph.Graph {
		text := "mesh shop strict; service web account web; service cart account cart; service db account db\n" + rules
		policy, _, _ := compiler.Check(context.Background(), compiler.Inputs{
			Config: config.Default(), Files: []compiler.Input{{Name: "shop.mesh", Text: []byte(text)}},
		})
		return graph.New(policy, nil)
	}
	before := draw("web -> cart; web -> db")
	after := draw("web -> cart; cart -> db")
	fmt.Printf("%s", graph.Text(graph.Compare(before, after), false))
	// Output:
	//        shop · strict
	//        ┌ cart
	//        │  ┌ db
	// shop   │  │
	//   cart ·  S+
	//   web  S  S-
	//
	// callers down, callees across:
	//   S  strict: mutual TLS only
	//   +  opened
	//   -  closed
	//
	// changes:
	//   + shop/cart -> shop/db  [strict]  shop.mesh:2
	//   - shop/web -> shop/db  [strict]  shop.mesh:2
}
