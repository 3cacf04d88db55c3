package check

import (
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang"
	"github.com/meshc/meshc/lang/diag"
)

// lastOnly warns of `a -> b, c GET /x`, which lets in every call to b: operations belong to the one destination that
// they follow.
func (c *checker) lastOnly(m *mesh, list []lang.Target) {
	for i, t := range list {
		first := i
		follows := t.Extent()
		for first > 0 && !follows.IsZero() && list[first-1].Extent().IsZero() && c.mayDoHTTP(m, &list[first-1]) {
			first--
		}
		if first == i {
			continue
		}
		what, it, are := "operations", "the operations", "are"
		if len(t.Ops) == 0 {
			what, it, are = "clause", "it", "is"
		}
		ops := follows.Text()
		repeat := diag.Fix{Title: "repeat the " + what}
		var names []string
		for _, bare := range list[first:i] {
			at := bare.Ref.Range
			if bare.Port.Present() {
				at = at.To(bare.Port.Range)
			}
			names = append(names, at.Text())
			after := at
			after.Start = after.End
			repeat.Edits = append(repeat.Edits, diag.Edit{Span: after, New: " " + ops})
		}
		d := c.list.Add(diag.LastDestinationOnly, list[first].Ref.Range.To(list[i-1].Ref.Range), "the %s %s for %s alone: every call to %s is allowed", what, are, t.Ref, listed(names)).
			WithHelp("write %s after each, or a separate edge if you mean every call", it)
		if !strings.Contains(ops, "\n") && (!t.Braces || t.More == nil) && c.allHTTP(m, list[first:i]) {
			d.Fixes = append(d.Fixes, repeat)
		}
	}
}

// mayDoHTTP reports whether operations could have been meant for a destination: it has, or may have, an HTTP port. A
// name that is wrong is reported where it is resolved.
func (c *checker) mayDoHTTP(m *mesh, t *lang.Target) bool {
	callees, _ := c.named(m, t.Ref)
	for _, s := range callees {
		if len(s.Ports) == 0 {
			return true
		}
		for _, p := range s.Ports {
			named := !t.Port.Present() || t.Port.Text == portText(p.Number)
			if named && (p.Protocol.IsHTTP() || p.Protocol == policy.ProtocolUnset) {
				return true
			}
		}
	}
	return false
}

// allHTTP reports whether every service of some destinations has an HTTP port, so that operations are accepted for it.
func (c *checker) allHTTP(m *mesh, list []lang.Target) bool {
	for i := range list {
		callees, ext := c.named(m, list[i].Ref)
		if ext || len(callees) == 0 {
			return false
		}
		for _, s := range callees {
			if !slices.ContainsFunc(s.Ports, func(p policy.Port) bool {
				return p.Protocol.IsHTTP() && (!list[i].Port.Present() || list[i].Port.Text == portText(p.Number))
			}) {
				return false
			}
		}
	}
	return true
}

// named returns the services that a destination stands for, without a finding.
func (c *checker) named(m *mesh, r lang.Ref) (services []*service, external bool) {
	if r.Qualified() {
		m = c.byName[r.Namespace.Text]
		if m == nil {
			return nil, false
		}
	}
	switch {
	case r.Name.Text == "*" && !r.Name.Quoted:
		return c.everyone(m, false), false
	case m != nil && m.names[r.Name.Text] != nil:
		sym := m.names[r.Name.Text]
		return sym.services(), sym.external != nil
	}
	return nil, false
}
