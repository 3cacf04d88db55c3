package check

import (
	"fmt"
	"slices"

	"github.com/meshc/meshc/compiler/inventory"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/diag"
)

// webhooks reports services that the API server calls, such as to admit objects, and that do not let it in. It has no
// identity of the mesh, so that it needs an edge from world and a port that takes plaintext.
func (c *checker) webhooks() {
	if c.policy.DryRun {
		return
	}
	for _, w := range c.inv.Webhooks {
		m := c.byName[w.Namespace]
		if m == nil || !c.judges(m.Name) {
			continue
		}
		for _, s := range m.services {
			if s.Name != w.Service && !slices.Contains(s.Hosts, w.Service) || !s.Proxied() || !s.closed() {
				continue
			}
			for _, port := range w.Targets(s.Service) {
				c.about(m.Name, func() { c.webhook(w, s, port) })
			}
		}
	}
}

func (c *checker) webhook(w *inventory.Webhook, s *service, port uint16) {
	admitted := s.admits(policy.Source{Kind: policy.FromWorld}, port)
	mode := c.effective(s, port)
	if s.Inbound.Of(port).Capture == policy.Bypassed || admitted && mode.mode != policy.Strict {
		return
	}
	code, why, help := diag.ClosedRoute, "no edge admits it", ""
	if s.mesh.Closed {
		code = diag.ShutOut
	}
	if !admitted {
		help = fmt.Sprintf("admit it, below `mesh %s`: `world -> %s`", s.Namespace, s.at(port))
	}
	if mode.mode == policy.Strict {
		if admitted {
			why = "its mTLS is strict"
		} else {
			help += "; and "
		}
		help += fmt.Sprintf("make the port permissive: `mtls %s permissive`", s.at(port))
	}
	d := c.list.Add(code, w.At, "the API server calls %s/%s without an identity in the mesh, and %s: %s", s.Namespace, s.at(port), why, w.By).
		WithNote("without an answer it may refuse to %s", w.Needed).
		WithHelp("%s", help)
	if s.mesh.Closed {
		d.WithRelated(c.policy.ClosedAt, "the whole mesh is closed")
	}
}
