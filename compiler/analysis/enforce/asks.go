package enforce

import (
	"net/netip"
	"slices"

	"github.com/meshc/meshc/compiler/analysis/space"
)

// Asks is what a rule, counted from 0, asks of operations: an entry for each of its `to`, one without any field for a
// rule that asks nothing. What it excludes, and addresses of the workload, are left out.
func (p *Object) Asks(rule int) []space.Operation {
	if rule < 0 || rule >= len(p.Clauses) {
		return nil
	}
	var all []space.Operation
	for _, b := range p.Clauses[rule].To {
		var o space.Operation
		for _, c := range b {
			for _, is := range c.Is {
				o.Add(c.Dimension, is)
			}
		}
		all = append(all, o)
	}
	return all
}

// Widens tells whether a rule that denies, counted from 0, has fields of HTTP and binds a port. Where that is not HTTP
// the fields are left out, and it denies whatever the others match (istio/istio#37920).
func (p *Object) Widens(rule int, port uint16) bool {
	if p.Action != Deny || p.DryRun || !p.Clauses[rule].needsHTTP() {
		return false
	}
	return slices.ContainsFunc(p.Clauses[rule].To, func(b space.Box) bool {
		_, here := describe(b, port)
		return here && (space.NeedsHTTP([]space.Box{b}) || space.NeedsHTTP(p.Clauses[rule].From))
	})
}

// Excludes is what a rule, counted from 0, excludes of operations: an entry for each port, method, path and host.
func (p *Object) Excludes(rule int) []space.Operation {
	if rule < 0 || rule >= len(p.Clauses) {
		return nil
	}
	var all []space.Operation
	for _, b := range p.Clauses[rule].To {
		for _, c := range b {
			for _, not := range c.Not {
				var o space.Operation
				if o.Add(c.Dimension, not); len(o.Ports)+len(o.Methods)+len(o.Paths)+len(o.Hosts) > 0 {
					all = append(all, o)
				}
			}
		}
	}
	return all
}

// Blocks is the blocks of addresses of callers that a policy names.
func (p *Object) Blocks() []netip.Prefix {
	var all []netip.Prefix
	for _, r := range p.Clauses {
		for _, b := range r.From {
			for _, c := range b {
				if c.Dimension != space.SourceAddress {
					continue
				}
				for _, is := range slices.Concat(c.Is, c.Not) {
					all = append(all, is.Block())
				}
			}
		}
	}
	return all
}
