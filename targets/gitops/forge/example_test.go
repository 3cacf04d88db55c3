package forge_test

import (
	"fmt"

	"github.com/meshc/meshc/targets/gitops/forge"
)

func ExampleDescription() {
	d := forge.Description{
		Environment: "prod",
		Opened:      []forge.Line{{Intent: "shop/frontend -> shop/backend", File: "shop.mesh", Because: "INC-42"}},
		Graph:       forge.Graph{Edges: []forge.Edge{{From: "shop/frontend", To: "shop/backend", MTLS: true, Change: forge.Added}}},
	}
	fmt.Println(d.Title())
	fmt.Print(d.Text())
	// Output:
	// meshc: prod: 1 connection opened
	// opened: shop/frontend -> shop/backend (shop.mesh)
}
