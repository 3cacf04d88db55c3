package audit

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/model"
	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/compiler/policy"
)

// Interference is what other manifests change about the requests that those of a model let through to a service.
type Interference struct {
	Cause
	Service  *policy.Service
	Opened   bool     // they let through what was not; otherwise they shut out what was
	Mode     bool     // they change the mode of a port; Opened and Callers are not set
	Unstated bool     // the model says nothing of it: no edge closes the service, and nothing sets its mode
	Perhaps  bool     // it depends on a policy that cannot be judged
	Callers  []string // in the words of the language
	Example  string   // one request: `shop/frontend may call shop/db:5432`

	elsewhere bool                 // the caller of the example is at no address that rules name
	callers   space.Set            // the classes of Callers
	byPort    map[uint16]space.Set // those of them, by port; 0 stands for those that nothing names
	named     []uint16             // the ports that something names
	ports     map[string][]uint16  // those of byPort, by caller
}

// Cause is the object that changes something; without one it is the lack of any ALLOW policy.
type Cause struct {
	By   *enforce.Object
	Rule int  // of By, counted from 0; -1 where it is none of them
	Lost bool // By is an object of the model that the others lack
}

// Interferences compares what manifests let through to the pods of a service, which have these labels, with what those
// of the model do, as sets of requests.
func Interferences(m *model.Model, s *policy.Service, labels map[string]string, other *enforce.Layer) ([]Interference, error) {
	w := enforce.Workload{Namespace: s.Namespace, Labels: labels, Dataplane: s.Dataplane, Fronts: s.Fronts}
	compared := *other
	compared.Mesh.Aside = m.Manifests.Mesh.Aside // who passes no waypoint is not theirs to say
	before, after := m.Manifests.For(w), compared.For(w)
	if before.Same(after) {
		return nil, nil
	}
	both, err := enforce.NewClasses(m.Distinctions(s), before, after)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.ID(), model.AtService(s, err))
	}
	c := &comparison{
		Model: m, split: &model.Split{Classes: both, Service: s, ByOperation: true}, before: before, after: after,
		elsewhere: space.NewSet(len(both.Sources)), found: map[change]*Interference{},
	}
	for i, caller := range both.Sources {
		if caller.Elsewhere {
			c.elsewhere.Add(i)
		}
	}
	type sameRules struct {
		port    uint16
		verdict *enforce.Outcome
	}
	seen := map[sameRules]bool{}
	for i := range both.Operations {
		r := &both.Operations[i]
		if port := r.Request.Port(); port != both.Other.Port() && !slices.Contains(c.named, port) {
			c.named = append(c.named, port)
		}
		if !model.Occurs(s, &r.Request) {
			continue
		}
		c.mode(r)
		// Operations of one port with the same rules are decided alike.
		if alike := (sameRules{r.Request.Port(), &r.Outcomes[0]}); !seen[alike] {
			seen[alike] = true
			c.requests(r)
		}
	}
	return c.list(), nil
}

// comparison is two points, before and after, at which all requests to a service are decided.
type comparison struct {
	*model.Model
	split         *model.Split
	before, after *enforce.Point
	elsewhere     space.Set // the callers at no address that rules name
	named         []uint16  // the ports that something names
	found         map[change]*Interference
	order         []change
}

// change is what one Interference is about.
type change struct {
	Cause
	was, is         enforce.Mode // of a port; otherwise it is about requests
	opened, perhaps bool
}

// at is the Interference of a change.
func (c *comparison) at(k change) *Interference {
	i := c.found[k]
	if i == nil {
		i = &Interference{Service: c.split.Service, Cause: k.Cause, Opened: k.opened, Mode: k.was != k.is, Perhaps: k.perhaps, callers: space.NewSet(len(c.split.Sources)), byPort: map[uint16]space.Set{}}
		c.found[k] = i
		c.order = append(c.order, k)
	}
	return i
}

// mode compares the modes of the port of a class.
func (c *comparison) mode(r *enforce.Class) {
	was, is := r.Outcomes[0].Mode, r.Outcomes[1].Mode
	if was == is {
		return
	}
	if i := c.at(change{Cause: c.modeCause(r.Request.Port()), was: was, is: is}); i.Example == "" {
		port := space.Request{}.With(space.Port, r.Request.Value(space.Port))
		i.Example = fmt.Sprintf("%s is %s, and %s by the intents", c.split.Target(&port), is, was)
	}
}

// modeCause is what changes the mode of a port.
func (c *comparison) modeCause(port uint16) Cause {
	_, was := c.before.Mode(port)
	_, is := c.after.Mode(port)
	if was != nil && !c.after.Has(was) && (is == nil || c.before.Has(is)) {
		return Cause{By: was, Rule: -1, Lost: true}
	}
	return Cause{By: is, Rule: -1}
}

// requests compares who may send the requests of a class.
func (c *comparison) requests(r *enforce.Class) {
	was, is := &r.Outcomes[0], &r.Outcomes[1]
	changed := different(was, is)
	if changed.Empty() {
		return
	}
	for _, part := range c.causes(r, changed) {
		for _, opened := range []bool{false, true} {
			for _, perhaps := range []bool{false, true} {
				callers := keep(keep(part.callers, was.Allowed, !opened), is.Undecided, perhaps)
				if callers.Empty() {
					continue
				}
				cause := part.Cause
				if opened && part.openedBy != nil {
					cause = *part.openedBy
				}
				i := c.at(change{Cause: cause, opened: opened, perhaps: perhaps})
				i.callers.AddAll(callers)
				port := r.Request.Port()
				if !slices.Contains(c.named, port) {
					port = 0
				}
				if i.byPort[port] == nil {
					i.byPort[port] = space.NewSet(len(c.split.Sources))
				}
				i.byPort[port].AddAll(callers)
				first := callers.First()
				if anywhere := callers.Common(c.elsewhere); !anywhere.Empty() {
					first = anywhere.First()
				}
				if caller := c.split.Sources[first]; i.Example == "" || caller.Elsewhere && !i.elsewhere {
					i.Example, i.elsewhere = c.split.Witness(c.CallerAt(caller), &r.Request, opened), caller.Elsewhere
				}
			}
		}
	}
}

type caused struct {
	Cause
	openedBy *Cause // what lets more requests through, where they pass one of two waypoints; nil where it is the same
	callers  space.Set
}

// causes divides the callers of a class that are treated differently by what makes the difference.
func (c *comparison) causes(r *enforce.Class, changed space.Set) (all []caused) {
	for _, is := range c.split.Decide(r, 1) {
		var openedBy *Cause
		if is.Split {
			openedBy = &Cause{By: is.Other.Policy, Rule: is.Other.Rule}
		}
		for _, was := range c.split.Decide(r, 0) {
			left := is.Sources.Common(changed).Common(was.Sources)
			if left.Empty() {
				continue
			}
			if (is.Around || is.Apart || was.Around || was.Apart) && !c.added(is.Policy) {
				c.direct(r, left, func(cause Cause, part space.Set) {
					all = append(all, caused{cause, openedBy, part})
					left = left.Minus(part)
				})
			}
			if !left.Empty() {
				all = append(all, caused{c.cause(r, is.Decision, was.Decision), openedBy, left})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b caused) int { return cmp.Compare(a.callers.First(), b.callers.First()) })
	return all
}

// direct calls found with the callers that the pods themselves treat differently where they pass no waypoint, by what
// makes that difference.
func (c *comparison) direct(r *enforce.Class, callers space.Set, found func(Cause, space.Set)) {
	for _, is := range c.split.Directly(r, 1) {
		for _, was := range c.split.Directly(r, 0) {
			if part := callers.Common(is.Sources).Common(was.Sources); is.Verdict != was.Verdict && !part.Empty() {
				found(c.cause(r, is.Decision, was.Decision), part)
			}
		}
	}
}

// cause is what makes the difference between two decisions about requests of a class: the rule that decides now or,
// where that decided before too, an object that is lacking or the mode.
func (c *comparison) cause(r *enforce.Class, is, was enforce.Decision) Cause {
	switch {
	case c.added(is.Policy):
	case is.Policy == nil && model.DeniesByDefault(c.before):
		return Cause{Rule: -1}
	case was.Policy != nil && !c.after.Has(was.Policy):
		return Cause{By: was.Policy, Rule: was.Rule, Lost: true}
	case r.Outcomes[0].Mode != r.Outcomes[1].Mode: // the rules are as they were, and the mode decides whom they see
		return c.modeCause(r.Request.Port())
	}
	return Cause{By: is.Policy, Rule: is.Rule}
}

// added reports whether an object binds the pods now, or the waypoints before them, and did not before.
func (c *comparison) added(o *enforce.Object) bool { return o != nil && !c.before.Has(o) }

// list is all that was found, with the callers by their names.
func (c *comparison) list() (list []Interference) {
	for _, k := range c.order {
		i := c.found[k]
		names := map[string]string{} // without addresses
		i.named, i.ports = c.named, map[string][]uint16{}
		for n := range i.callers.All() {
			name, _ := c.ClassName(c.split.Classes, n)
			full := name
			if !c.elsewhere.Has(n) {
				full += model.Addresses(c.split.Classes, n)
			}
			names[full] = name
			for port, callers := range i.byPort {
				if callers.Has(n) && !slices.Contains(i.ports[full], port) {
					i.ports[full] = append(i.ports[full], port)
				}
			}
		}
		i.Callers = slices.DeleteFunc(slices.Collect(maps.Keys(names)), func(name string) bool {
			_, anywhere := names[names[name]]
			return anywhere && names[name] != name
		})
		slices.SortFunc(i.Callers, model.ByName)
		i.Unstated = c.unstated(i)
		list = append(list, *i)
	}
	slices.SortStableFunc(list, func(a, b Interference) int {
		modeFirst := func(i *Interference) int {
			if i.Mode {
				return 0
			}
			return 1
		}
		return cmp.Or(cmp.Compare(objectName(a.By), objectName(b.By)), cmp.Compare(modeFirst(&a), modeFirst(&b)))
	})
	return list
}

// unstated reports whether the model says nothing of what changes: what other objects keep from a service that needs no
// edge, or the mode of one for which nothing sets it.
func (c *comparison) unstated(i *Interference) bool {
	mesh := c.Mesh(i.Service.Namespace)
	switch {
	case mesh == nil || mesh.Closes(i.Service) || i.Lost:
		return false
	case i.Mode:
		return len(c.before.Peers) == 0
	}
	return !i.Opened && i.By != nil && !slices.ContainsFunc(c.Manifests.Policies, func(o *enforce.Object) bool {
		return o.Kind == i.By.Kind && o.ID() == i.By.ID()
	})
}

// different is the callers that two outcomes treat differently.
func different(a, b *enforce.Outcome) space.Set {
	set := space.NewSet(64 * len(a.Allowed))
	for i := range set {
		set[i] = (a.Allowed[i] ^ b.Allowed[i]) | (a.Undecided[i] ^ b.Undecided[i])
	}
	return set
}

// keep is the part of a set that is, or is not, in another.
func keep(s, t space.Set, in bool) space.Set {
	if in {
		return s.Common(t)
	}
	return s.Minus(t)
}

func objectName(p *enforce.Object) string {
	if p == nil {
		return ""
	}
	return p.Kind + " " + p.ID()
}

// Names is a short list of the callers.
func (i *Interference) Names() string {
	if len(i.Callers) > 3 {
		return strings.Join(i.Callers[:3], ", ") + fmt.Sprintf(" and %d more", len(i.Callers)-3)
	}
	return strings.Join(i.Callers, ", ")
}
