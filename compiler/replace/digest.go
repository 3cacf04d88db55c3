// Package replace removes objects from the manifests of others once statements of the project express them.
//
// An object is removed only if its digest shows that it is the one that was imported, if it is in exactly one place,
// and if whatever applies its file still works without it. An object that stays has a reason.
package replace

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/meshc/meshc/compiler/yamldoc"
)

// Digest returns sha256:HEX of what an object asks for: its spec, and the labels and annotations that Istio reads. It
// does not depend on how the object is written, or on what a cluster adds to it. It is empty for what is larger than
// any object.
func Digest(object *yaml.Node) string {
	var b strings.Builder
	yamldoc.Canonical(&b, yamldoc.Get(object, "spec"))
	for _, key := range []string{"labels", "annotations"} {
		pairs := yamldoc.Sorted(yamldoc.Get(object, "metadata", key))
		for _, p := range slices.DeleteFunc(pairs, func(p yamldoc.Pair) bool { return !strings.Contains(p.Key.Value, "istio.io/") }) {
			b.WriteString("\n" + key + " " + strconv.Quote(p.Key.Value) + ": ")
			yamldoc.Canonical(&b, p.Value)
		}
	}
	if b.Len() > yamldoc.MaxCanonical {
		return ""
	}
	sum := sha256.Sum256([]byte(b.String()))
	return "sha256:" + hex.EncodeToString(sum[:])
}
