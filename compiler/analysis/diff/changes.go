package diff

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/model"
	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/compiler/policy"
)

// subject is a workload whose policies changed, with every class of requests to it.
type subject struct {
	*differ
	*compared
	split   *enforce.Classes
	regions []*enforce.Class // those that can occur
	pass    []space.Set      // by region: the sources that pass after, or may
	could   [2]space.Set     // the sources that pass in any region, before and after
	callers []piece
	actions []piece // sets of regions
	unsure  bool    // the policies that cannot be judged are not the same on both sides
	apart   bool    // each value of a rule has its own classes
}

// subject partitions the requests to a workload by what the policies of both sides distinguish.
func (d *differ) subject(c *compared) (*subject, error) {
	var atoms space.Distinctions
	for _, s := range []*policy.Service{c.was, c.is} {
		if s != nil {
			for _, p := range s.Ports {
				atoms.Operations = append(atoms.Operations, space.Box{space.Is(space.Port, space.PortPattern(p.Number))})
			}
		}
	}
	single, apart := singles(d.table(), c.a, c.b)
	atoms.Operations = append(atoms.Operations, single...)
	split, err := enforce.NewClasses(atoms, c.a, c.b)
	if err != nil {
		return nil, err
	}
	s := &subject{differ: d, compared: c, split: split, apart: apart, unsure: !sameText(d.uncertain(c.a), d.uncertain(c.b))}
	for i := range split.Operations {
		if r := &split.Operations[i]; c.service() == nil || model.Occurs(c.service(), &r.Request) {
			s.regions = append(s.regions, r)
		}
	}
	s.could = [2]space.Set{space.NewSet(len(split.Sources)), space.NewSet(len(split.Sources))}
	for _, r := range s.regions {
		after := passing(&r.Outcomes[1])
		s.pass = append(s.pass, after)
		s.could[0].AddAll(passing(&r.Outcomes[0]))
		s.could[1].AddAll(after)
	}
	return s, nil
}

// callee compares the requests that pass to one workload.
func (d *differ) callee(c *compared) error {
	if c.same {
		return nil
	}
	s, err := d.subject(c)
	if err != nil {
		return err
	}
	was, is := model.DeniesByDefault(c.a), model.DeniesByDefault(c.b)
	var opened, closed, still []kind
	if !was || is {
		opened = s.classes(func(r *enforce.Class, set space.Set) { s.risen(set, &r.Outcomes[0], &r.Outcomes[1]) })
	}
	if was || !is {
		closed = s.classes(func(r *enforce.Class, set space.Set) { s.risen(set, &r.Outcomes[1], &r.Outcomes[0]) })
	}
	if !was && is {
		still = s.classes(func(r *enforce.Class, set space.Set) { set.AddAll(passing(&r.Outcomes[1])) })
	}
	all := slices.Concat(opened, closed, still)
	if len(all) > 0 {
		s.nameSources(all)
		s.nameActions(all)
	}
	d.diff.Opened = append(d.diff.Opened, s.changes(opened, true)...)
	d.diff.Closed = append(d.diff.Closed, s.changes(closed, false)...)
	switch {
	case was && !is:
		d.diff.FailOpen = append(d.diff.FailOpen, s.failOpen())
	case !was && is:
		d.diff.FailClosed = append(d.diff.FailClosed, s.failClosed(still))
	}
	return nil
}

// uncertain is the policies of a callee that cannot be judged.
func (d *differ) uncertain(c *enforce.Point) []*enforce.Object {
	return slices.DeleteFunc(slices.Clone(c.Policies), func(o *enforce.Object) bool { return o.Certain(d.table()) })
}

// table is the dimensions of requests.
func (d *differ) table() space.Table { return d.after.Manifests.Table }

// maxSingles bounds the values that are distinguished only so that they can be named.
const maxSingles = 64

// singles is each single value of the operations of rules. Once it is distinguished, it can be named alone. Where there are
// too many values, rules are named as a whole.
func singles(t space.Table, callees ...*enforce.Point) (all []space.Box, apart bool) {
	seen := map[string]bool{}
	for _, c := range callees {
		for _, p := range c.Policies {
			for i := range p.Clauses {
				for _, o := range slices.Concat(p.Requires(t, i), p.Excludes(t, i)) {
					for _, condition := range o {
						for _, value := range condition.Is {
							one := space.Box{space.Is(condition.Dimension, value)}
							if text := actionText(t, one); !seen[text] {
								seen[text] = true
								all = append(all, one)
							}
						}
					}
				}
			}
			if len(all) > maxSingles {
				return nil, false
			}
		}
	}
	return all, true
}

// risen adds the sources that pass after and did not before, and those that may pass and surely did not. What different
// policies leave undecided may be anything on either side.
func (s *subject) risen(into space.Set, before, after *enforce.Outcome) {
	for i := range into {
		sure := after.Allowed[i] &^ before.Allowed[i]
		perhaps := after.Undecided[i] &^ before.Allowed[i]
		if !s.unsure {
			perhaps &^= before.Undecided[i]
		}
		into[i] |= sure | perhaps
	}
}

// passing is the sources that pass, or may.
func passing(o *enforce.Outcome) space.Set {
	set := slices.Clone(o.Allowed)
	set.AddAll(o.Undecided)
	return set
}

// kind is the callers for which the same requests changed.
type kind struct{ sources, regions space.Set }

// classes groups the callers for which the same regions are chosen.
func (s *subject) classes(choose func(r *enforce.Class, into space.Set)) []kind {
	n := len(s.split.Sources)
	of := make([]space.Set, n) // by source
	chosen := space.NewSet(n)
	for i, r := range s.regions {
		clear(chosen)
		choose(r, chosen)
		for c := range chosen.All() {
			if of[c] == nil {
				of[c] = space.NewSet(len(s.regions))
			}
			of[c].Add(i)
		}
	}
	var kinds []kind
	at := map[string]int{}
	for c, regions := range of {
		if regions == nil {
			continue
		}
		key := fmt.Sprint(regions)
		i, ok := at[key]
		if !ok {
			i = len(kinds)
			at[key] = i
			kinds = append(kinds, kind{space.NewSet(n), regions})
		}
		kinds[i].sources.Add(c)
	}
	return kinds
}

// changes puts kinds into words. The words for what is opened may include other requests that pass now; those for what is
// closed, other requests that do not.
func (s *subject) changes(kinds []kind, opened bool) []Change {
	var all []Change
	for _, k := range kinds {
		callers, actions := s.fitting(k, opened)
		target := s.target(cover(k.regions, actions, s.actions))
		r := s.regions[k.regions.First()]
		for _, n := range s.callersOf(k.sources, callers) {
			members := n.set.Common(k.sources)
			source := members.First()
			c := s.change(n.callerText(), target)
			c.MTLS = r.Outcomes[btoi(opened)].Mode != enforce.Disable && s.split.Sources[source].Identity() != ""
			for i := range k.regions.All() {
				v := s.regions[i].Outcomes
				c.Perhaps = c.Perhaps || v[0].Undecided.Has(source) || v[1].Undecided.Has(source)
			}
			if c.Perhaps {
				c.Text += " (perhaps)"
			}
			s.attribute(&c, s.split.Sources[source], &r.Request, opened)
			if i := slices.IndexFunc(all, func(said Change) bool { return said.Text == c.Text }); i >= 0 {
				all[i].MTLS = all[i].MTLS && c.MTLS
				continue
			}
			all = append(all, c)
		}
	}
	return all
}

// callersOf names callers. It always finds a name: where there are too many callers, one stands for all.
func (s *subject) callersOf(want, fits space.Set) []named {
	if names := cover(want, fits, s.callers); len(names) > 0 {
		return names
	}
	one := want.First()
	text := "callers such as " + s.identityText(one) + s.placeText(one)
	return []named{{piece: &piece{text: text, set: want, price: example}, set: want}}
}

// fitting is the callers and regions that the words for a kind may include. Callers of what is closed could call before.
func (s *subject) fitting(k kind, opened bool) (callers, regions space.Set) {
	callers, regions = slices.Clone(s.could[btoi(opened)]), space.NewSet(len(s.regions))
	for i, pass := range s.pass {
		fits := !k.sources.Meets(pass)
		if opened {
			fits = k.sources.Within(pass)
		}
		if fits {
			regions.Add(i)
		}
		if k.regions.Has(i) {
			if opened {
				callers = callers.Common(pass)
			} else {
				callers = callers.Minus(pass)
			}
		}
	}
	return callers, regions
}

func (s *subject) change(from, target string) Change {
	return Change{Text: from + " -> " + s.name + target, From: from, To: s.name, Target: target, Callee: s.service()}
}

// attribute finds the statement behind a change: a new edge or a removed deny for what is opened, and the reverse for what is
// closed.
func (s *subject) attribute(c *Change, caller space.Source, r *space.Request, opened bool) {
	var rule *policy.Rule
	is, was := s.is, s.was
	if opened {
		if is != nil {
			rule = s.after.RuleFor(is.Allow, caller, r)
		}
		if was != nil {
			if deny := s.before.RuleFor(was.Deny, caller, r); deny != nil && s.before.RuleFor(was.Allow, caller, r) != nil {
				if rule == nil {
					rule, c.Gone = deny, true
				}
			}
		}
	} else {
		if is != nil {
			rule = s.after.RuleFor(is.Deny, caller, r)
		}
		if rule == nil && was != nil {
			rule, c.Gone = s.before.RuleFor(was.Allow, caller, r), true
		}
	}
	if rule != nil {
		c.At, c.Because = rule.At, rule.Because
		return
	}
	c.Gone = false
	s.annotate(c, opened)
}

// failOpen says that every caller that reaches a workload may call it.
func (s *subject) failOpen() Change {
	from := "any"
	for _, r := range s.regions {
		if r.Outcomes[1].Mode != enforce.Strict {
			from = "world"
		}
	}
	c := s.change(from, "")
	if s.was != nil && len(s.was.Allow) > 0 {
		c.At, c.Because, c.Gone = s.was.Allow[0].At, s.was.Allow[0].Because, true
	} else {
		s.annotate(&c, false)
	}
	return c
}

// failClosed says who may still call a workload that everyone could call.
func (s *subject) failClosed(passing []kind) Change {
	var still []Change
	var words []string
	for _, k := range passing {
		target := s.target(cover(k.regions, k.regions, s.actions))
		for _, n := range s.callersOf(k.sources, k.sources) {
			c := s.change(n.callerText(), target)
			source := n.set.Common(k.sources).First()
			r := s.regions[k.regions.First()]
			c.MTLS = r.Outcomes[1].Mode != enforce.Disable && s.split.Sources[source].Identity() != ""
			s.attribute(&c, s.split.Sources[source], &r.Request, true)
			still = append(still, c)
		}
	}
	slices.SortFunc(still, func(a, b Change) int { return cmp.Compare(a.Text, b.Text) })
	for i, c := range still {
		switch {
		case i == 5:
			words = append(words, fmt.Sprintf("%d more", len(still)-i))
		case i > 5:
		case i+1 < len(still) && still[i+1].Target == c.Target && i < 4:
			words = append(words, c.From)
		default:
			words = append(words, c.Text)
		}
	}
	c := s.change("nobody", "")
	if len(words) > 0 {
		separator := ", "
		if slices.ContainsFunc(words, func(text string) bool { return strings.Contains(text, " except ") }) {
			separator = "; " // so that what follows is not read as an exception
		}
		c.Text = "only " + strings.Join(words, separator)
	}
	if len(still) > 0 {
		c.At, c.Because = still[0].At, still[0].Because
	}
	c.Still = still
	return c
}
