package enforce

import "github.com/meshc/meshc/compiler/policy"

// Alone is the clauses of a point which alone decide who gets through it, by what they allow: nothing denies, no
// provider is asked, no token is looked at, and every object is read as it is written. A point that is closed lets
// through nothing else, any other everything. The clauses are appended to some, and ok is false where something else
// has a say too. The waypoints on the ways to it are points of their own.
func (c *Point) Alone(to []*Clause) (clauses []*Clause, closed, ok bool) {
	if c.dataplane != policy.Sidecar && !c.Ambient() || c.layer.Mesh.Meshless || c.inbound != nil || len(c.unsure)+len(c.Tokens) > 0 {
		return to, false, false
	}
	for _, o := range c.Policies {
		if !c.knows(o) || o.Effect != Allow || o.AnyEffect || o.DryRun {
			return to, false, false
		}
		for i := range o.Clauses {
			if o.Clauses[i].NotHTTP {
				return to, false, false
			}
			to = append(to, &o.Clauses[i])
		}
	}
	return to, len(c.Policies) > 0, true
}

// Sets reports whether the point has one mode for every port but some, which has a mode of each.
func (c *Point) Sets(mode Mode, others func(port uint16) Mode) bool {
	if c.mode.mode != mode {
		return false
	}
	for _, p := range c.ports {
		if p.mode != others(p.port) {
			return false
		}
	}
	return true
}
