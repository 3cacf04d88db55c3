package folder_test

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/meshc/meshc/targets"
	"github.com/meshc/meshc/targets/folder"
)

// Replace writes what has changed and removes what is no longer part of the delivery.
func ExampleReplace() {
	parent, err := os.MkdirTemp("", "example-*")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(parent)
	dir := filepath.Join(parent, "manifests")

	manifests := []targets.Manifest{
		{Kind: "PeerAuthentication", Namespace: "shop", Name: "default", Wave: 20, YAML: "mode: STRICT\n"},
		{Kind: "AuthorizationPolicy", Namespace: "shop", Name: "backend", Wave: 30, YAML: "action: ALLOW\n"},
	}
	for _, delivery := range [][]targets.Manifest{manifests, manifests[:1]} {
		changes, err := folder.Replace(dir, targets.Layout(delivery, "prod"), folder.Options{})
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(changes.Written, changes.Removed)
	}
	// Output:
	// [.meshc.lock kustomization.yaml shop/20-peerauthentication-default.yaml shop/30-authorizationpolicy-backend.yaml shop/kustomization.yaml] []
	// [.meshc.lock shop/kustomization.yaml] [shop/30-authorizationpolicy-backend.yaml]
}
