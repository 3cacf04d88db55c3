package textdiff_test

import (
	"os"

	"github.com/meshc/meshc/targets/textdiff"
)

func ExampleUnified() {
	before := []byte("kind: PeerAuthentication\nspec:\n  mtls:\n    mode: PERMISSIVE\n")
	after := []byte("kind: PeerAuthentication\nspec:\n  mtls:\n    mode: STRICT\n")
	os.Stdout.Write(textdiff.Unified("a/default.yaml", "b/default.yaml", before, after))
	// Output:
	// --- a/default.yaml
	// +++ b/default.yaml
	// @@ -1,4 +1,4 @@
	//  kind: PeerAuthentication
	//  spec:
	//    mtls:
	// -    mode: PERMISSIVE
	// +    mode: STRICT
}
