package check

import (
	"slices"

	"github.com/meshc/meshc/compiler/inventory"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/diag"
)

// early reports init containers that call what an edge lets their service call, and do so before its proxy runs: they
// prove no identity then.
func (c *checker) early() {
	callers := map[*policy.Service]*service{}
	for _, m := range c.meshes {
		for _, s := range m.services {
			if s.Dataplane == policy.Sidecar && slices.ContainsFunc(s.workloads, func(w *inventory.Workload) bool { return len(w.Early) > 0 }) {
				callers[s.Service] = s
			}
		}
	}
	if len(callers) == 0 {
		return
	}
	c.eachJudged(func(m *mesh) {
		for _, callee := range m.services {
			reported := map[*service]bool{}
			for _, r := range callee.allow {
				for _, f := range r.From {
					if caller := callers[f.Service]; caller != nil && !reported[caller] && c.refusesPlaintext(r) {
						reported[caller] = true
						c.earlyCalls(caller, callee)
					}
				}
			}
		}
	})
}

// refusesPlaintext reports whether plaintext to some port of a rule is refused, though its callers are let in.
func (c *checker) refusesPlaintext(r *rule) bool {
	ports := r.Ports
	if len(ports) == 0 {
		ports = []uint16{0}
	}
	return r.callee.Proxied() && slices.ContainsFunc(ports, func(port uint16) bool {
		return !r.callee.admits(policy.Source{Kind: policy.FromWorld}, port) && !c.policy.DryRun || c.effective(r.callee, port).mode == policy.Strict
	})
}

func (c *checker) earlyCalls(caller, callee *service) {
	hosts := callee.Hosts
	if len(hosts) == 0 {
		hosts = []string{callee.Name}
	}
	for _, w := range caller.workloads {
		for _, e := range w.Early {
			if w.NoProxy != "" || !slices.ContainsFunc(hosts, func(host string) bool {
				return e.Names(host, callee.Namespace, callee.mesh == caller.mesh)
			}) {
				continue
			}
			if e.Why != "" {
				c.list.Add(diag.EarlyCall, e.At, "the init container %s of %s calls %s before its proxy runs, and is refused", e.Container, caller.ID(), callee.ID()).
					WithRelated(e.WhyAt, "%s", e.Why).
					WithNote("it proves no identity; with Istio's CNI its calls reach nothing at all").
					WithHelp("have the proxy start first: annotate the pods `sidecar.istio.io/nativeSidecar: \"true\"`, which needs Kubernetes 1.29 or later; or let the containers of the pod make the call")
				continue
			}
			c.list.Add(diag.EarlyUnlessNative, e.At, "the init container %s of %s calls %s, and is refused unless its proxy is a native sidecar", e.Container, caller.ID(), callee.ID()).
				WithNote("Istio makes proxies native sidecars, which start first, since 1.27 on Kubernetes 1.33 or later").
				WithHelp("if it does not in the cluster, annotate the pods `sidecar.istio.io/nativeSidecar: \"true\"`, which needs Kubernetes 1.29 or later")
		}
	}
}
