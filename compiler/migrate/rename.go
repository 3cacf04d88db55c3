package migrate

import (
	"context"
	"slices"

	"github.com/meshc/meshc/compiler"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// Rename is the change of the trust domain of a mesh, while its policies name accounts in both.
type Rename struct {
	From    []string // the earlier trust domains
	To      string
	Mesh    source.Span // the MeshConfig among the manifests; zero where there is none
	Renamed bool        // the MeshConfig has the new trust domain, with the earlier ones as aliases
	Blocked []Blocker   // what keeps the project from being built without the earlier ones
}

// rename returns the change of the trust domain that a project is in the middle of; nil where there is none.
func rename(ctx context.Context, of *compiler.Parsed) (*Rename, error) {
	if len(of.Config.Previous) == 0 {
		return nil, nil
	}
	r := &Rename{From: of.Config.Previous, To: of.Config.TrustDomain}
	for _, m := range of.Inventory.MeshConfigs {
		if m.TrustDomain == "" {
			continue
		}
		r.Mesh = m.At
		r.Renamed = m.TrustDomain == r.To && !slices.ContainsFunc(r.From, func(domain string) bool { return !slices.Contains(m.Aliases, domain) })
	}
	after := of.Config
	after.Previous = nil
	b, err := of.Build(ctx, after)
	if err != nil {
		return nil, err
	}
	for _, d := range b.Findings {
		if d.Severity == diag.Error && !slices.Contains(unproved, d.Code) {
			r.Blocked = append(r.Blocked, Blocker{d.Message, d.Primary})
		}
	}
	return r, nil
}
