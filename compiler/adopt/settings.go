package adopt

import (
	"fmt"
	"strings"

	"github.com/meshc/meshc/compiler/config"
)

// Environment is the name of the environment that Settings gives a project.
const Environment = "cluster"

// Settings returns a meshc.yaml that names manifests, and an environment in which nothing is enforced yet.
func Settings(paths []Path) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "apiVersion: %s\nkind: %s\nworkloads:\n", config.APIVersion, config.Kind)
	for _, p := range paths {
		if p.Namespace == "" {
			fmt.Fprintf(&b, "- %q\n", p.Name)
		} else {
			fmt.Fprintf(&b, "- {path: %q, namespace: %q}\n", p.Name, p.Namespace)
		}
	}
	b.WriteString(`environments:
  # Build and publish with --env ` + Environment + `: without it, everything is enforced. In dry-run Istio logs what it would deny, and
  # denies nothing; permissive still accepts callers without mutual TLS. "meshc migrate --env ` + Environment + `" plans the way on.
  ` + Environment + `:
    enforcement: dry-run
    modes: {"*": permissive}
`)
	return []byte(b.String())
}
