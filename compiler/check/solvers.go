package check

import (
	"slices"

	"github.com/meshc/meshc/compiler/inventory"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/diag"
)

// solver reports whether cert-manager makes the pods of a service, which no manifest has.
func (s *service) solver() bool {
	return len(s.workloads) > 0 && !slices.ContainsFunc(s.workloads, func(w *inventory.Workload) bool { return !w.Solver })
}

// solvers reports pods for challenges of ACME servers that let nobody in: no certificate is issued, or renewed. Of one
// to which a gateway of Istio leads it is known who has to be let in.
func (c *checker) solvers() {
	if c.policy.DryRun {
		return
	}
	c.eachJudged(func(m *mesh) {
		for _, s := range m.services {
			bound := s.Proxied() || c.Network && !s.HostNetwork
			if !s.solver() || !bound || !s.closed() || len(s.allow) > 0 {
				continue
			}
			if s.Proxied() && slices.ContainsFunc(c.inv.Routes, func(r *inventory.Route) bool { return r.Namespace == m.Name && slices.Contains(s.Hosts, r.Service) }) {
				continue
			}
			w, to := s.workloads[0], s.at(s.workloads[0].Ports[0].Number)
			d := c.list.Add(diag.ClosedSolver, w.At, "%s %s makes cert-manager create pods in %s to answer HTTP-01 challenges, but no edge admits anyone to them", w.Kind, w.Object, m.Name).
				WithNote("an ACME server calls them through a gateway or an ingress controller, and issues no certificate without an answer").
				WithHelp("admit what forwards its calls, below `mesh %s`: `world -> %s`", m.Name, to)
			if s.Proxied() && c.effective(s, w.Ports[0].Number).mode == policy.Strict {
				d.WithNote("the port is strict: callers without an identity in the mesh are still refused")
			}
		}
	})
}
