package eval

import (
	"net/netip"
	"slices"
)

// Asks is what a rule, counted from 0, asks of operations: an entry for each of its `to`, one without any field for a
// rule that asks nothing. What it excludes, and addresses of the workload, are left out.
func (p *Policy) Asks(rule int) []Operation {
	if rule < 0 || rule >= len(p.rules) {
		return nil
	}
	var all []Operation
	for _, b := range p.rules[rule].to {
		var o Operation
		for _, c := range b {
			for _, is := range c.is {
				o.name(c.dimension, is)
			}
		}
		all = append(all, o)
	}
	return all
}

// Widens tells whether a rule that denies, counted from 0, has fields of HTTP and binds a port. Where that is not HTTP
// the fields are left out, and it denies whatever the others match (istio/istio#37920).
func (p *Policy) Widens(rule int, port uint16) bool {
	if p.Action != Deny || p.DryRun || !p.rules[rule].needsHTTP() {
		return false
	}
	return slices.ContainsFunc(p.rules[rule].to, func(b box) bool {
		_, here := b.words(port)
		return here && (needsHTTP([]box{b}) || needsHTTP(p.rules[rule].from))
	})
}

// Excludes is what a rule, counted from 0, excludes of operations: an entry for each port, method, path and host.
func (p *Policy) Excludes(rule int) []Operation {
	if rule < 0 || rule >= len(p.rules) {
		return nil
	}
	var all []Operation
	for _, b := range p.rules[rule].to {
		for _, c := range b {
			for _, not := range c.not {
				var o Operation
				if o.name(c.dimension, not); len(o.Ports)+len(o.Methods)+len(o.Paths)+len(o.Hosts) > 0 {
					all = append(all, o)
				}
			}
		}
	}
	return all
}

func (o *Operation) name(d dimension, value pattern) {
	switch d {
	case portDim:
		o.Ports = append(o.Ports, value.port)
	case methodDim:
		o.Methods = append(o.Methods, value.word())
	case pathDim:
		o.Paths = append(o.Paths, value.word())
	case hostDim:
		o.Hosts = append(o.Hosts, value.word())
	}
}

// Matcher tells of a request whether it is one of those that the operation is about.
func (o *Operation) Matcher() func(*Request) bool {
	http := len(o.Methods)+len(o.Paths)+len(o.Hosts) > 0
	b := o.box(new(slab[condition]), new(slab[pattern]))
	return func(r *Request) bool {
		if http && !r.HTTP || len(o.Ports) > 0 && !slices.Contains(o.Ports, r.Port) {
			return false
		}
		f := r.facts()
		return b.match(&f) == yes
	}
}

// Blocks is the blocks of addresses of callers that a policy names.
func (p *Policy) Blocks() []netip.Prefix {
	var all []netip.Prefix
	for _, r := range p.rules {
		for _, b := range r.from {
			for _, c := range b {
				if c.dimension != sourceDim {
					continue
				}
				for _, is := range slices.Concat(c.is, c.not) {
					all = append(all, is.block)
				}
			}
		}
	}
	return all
}
