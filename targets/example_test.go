package targets_test

import (
	"fmt"

	"github.com/meshc/meshc/targets"
)

func ExampleLayout() {
	manifests := []targets.Manifest{
		{Kind: "PeerAuthentication", Namespace: "shop", Name: "default", Wave: 20, YAML: "mode: STRICT\n"},
		{Kind: "Namespace", Name: "shop", Wave: 0, YAML: "kind: Namespace\n"},
	}
	for _, file := range targets.Layout(manifests, "prod") {
		fmt.Println(file.Path)
	}
	// Output:
	// .meshc.lock
	// kustomization.yaml
	// shop/00-namespace-shop.yaml
	// shop/20-peerauthentication-default.yaml
	// shop/kustomization.yaml
}
