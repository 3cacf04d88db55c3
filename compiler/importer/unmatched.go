package importer

import (
	"fmt"
	"slices"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/targets/istio/read"
)

// remainder is what of a rule some request may match, and what else it has: nothing is left out that is not told.
type remainder struct {
	from, to []space.Box
	lost     []loss
}

// loss is something in a rule that no request matches.
type loss struct {
	ofValue   bool // and not a whole item of a list of the rule
	why, help string
}

func (r *remainder) lose(l loss) {
	if !slices.Contains(r.lost, l) {
		r.lost = append(r.lost, l)
	}
}

// matches reports whether some request may match.
func (r *remainder) matches() bool { return len(r.from) > 0 && len(r.to) > 0 }

// reduced is what of a rule of an object some request may match.
func (i *importer) reduced(o *object, clause *enforce.Clause) *remainder {
	const elsewhere = "if there is one elsewhere, import it together with the policy"
	r := &remainder{}
	point := i.point(o)
	for _, box := range clause.From {
		if !point.Meets(box) {
			r.lose(loss{why: "it asks for a token that no RequestAuthentication among the manifests takes at its workload", help: elsewhere})
			continue
		}
		untaken := func(c space.Condition, p space.Pattern) bool {
			return c.Dimension == space.Token && len(c.Is) > 1 && p.RequestPrincipal() != "" && !point.Meets(space.Box{space.Is(space.Token, p)})
		}
		left, _ := r.without(box, untaken, func(_ space.Condition, p space.Pattern) loss {
			return loss{ofValue: true, why: fmt.Sprintf("no RequestAuthentication among the manifests takes tokens of `%s` at its workload", p.RequestPrincipal()), help: elsewhere}
		})
		r.from = r.consistent(i.layer.Table, r.from, left)
	}
	for _, box := range clause.To {
		impossible := func(c space.Condition, p space.Pattern) bool {
			return i.layer.Table[c.Dimension].Kind != nil && !i.layer.Table.Possible(c.Dimension, p)
		}
		left, possible := r.without(box, impossible, func(c space.Condition, p space.Pattern) loss {
			value := i.layer.Table.Words(c.Dimension, []space.Pattern{p})
			return loss{ofValue: true, why: fmt.Sprintf("no request has `%s`", value), help: "compare it with what clients send"}
		})
		if possible {
			r.to = r.consistent(i.layer.Table, r.to, left)
		}
	}
	return r
}

// without is a box without some values. It is false where a condition has no others.
func (r *remainder) without(box space.Box, gone func(space.Condition, space.Pattern) bool, lost func(space.Condition, space.Pattern) loss) (left space.Box, possible bool) {
	possible = true
	for _, c := range box {
		values := func(all []space.Pattern) []space.Pattern {
			return slices.DeleteFunc(slices.Clone(all), func(p space.Pattern) bool {
				if !gone(c, p) {
					return false
				}
				r.lose(lost(c, p))
				return true
			})
		}
		is, not := values(c.Is), values(c.Not)
		possible = possible && (len(is) > 0 || len(c.Is) == 0)
		if len(is)+len(not) > 0 {
			left = append(left, space.Condition{Dimension: c.Dimension, Is: is, Not: not})
		}
	}
	return left, possible
}

// consistent appends a box without values that its own conditions exclude, if anything is left of it.
func (r *remainder) consistent(table space.Table, boxes []space.Box, box space.Box) []space.Box {
	const help = "delete what it asks for and excludes"
	left, void, at := table.Consistent(box)
	if left == nil {
		r.lose(loss{why: fmt.Sprintf("its conditions on %s exclude each other", plural(at)), help: help})
		return boxes
	}
	for _, c := range void {
		for _, p := range c.Is {
			value := table.Words(c.Dimension, []space.Pattern{p})
			r.lose(loss{ofValue: true, why: fmt.Sprintf("what asks for `%s` excludes it, too", value), help: help})
		}
	}
	return append(boxes, left)
}

// unmatched reports the rules of what is said, and what is in them, that no request matches. They are not in the
// intents.
func (i *importer) unmatched() (list diag.List) {
	for _, o := range i.objects {
		if o.Outcome != Said || o.read.Role != enforce.Authorizes {
			continue
		}
		for n := range o.read.Clauses {
			clause := &o.read.Clauses[n]
			left := i.reduced(o, clause)
			if !left.matches() {
				d := list.Add(diag.Ineffective, clause.At, "no request can match rule %d of the %s, so that it is not in the intents", n, o.ID()).WithHelp("%s", left.lost[0].help)
				for _, l := range left.lost {
					d.WithNote("%s", l.why)
				}
				continue
			}
			for _, l := range left.lost {
				if l.ofValue {
					list.Add(diag.Ineffective, clause.At, "%s, so that rule %d of the %s is in the intents without it", l.why, n, o.ID()).WithHelp("%s", l.help)
				} else {
					list.Add(diag.Ineffective, clause.At, "no request can match a part of rule %d of the %s, which is in the intents without it", n, o.ID()).
						WithNote("%s", l.why).WithHelp("%s", l.help)
				}
			}
		}
	}
	return list
}

// unenforced reports what objects say and ztunnel does not enforce. The intents have what it enforces.
func (i *importer) unenforced() diag.List {
	var pods []enforce.Workload
	for _, m := range i.named(i.layer).Meshes {
		for _, s := range m.Services {
			if s.Proxied() {
				pods = append(pods, enforce.WorkloadOf(s))
			}
		}
		if m.Ambient { // others, which no selector names
			pods = append(pods, enforce.Workload{Namespace: m.Name, Dataplane: policy.Ambient})
		}
	}
	return read.Ambient(i.layer, pods)
}
