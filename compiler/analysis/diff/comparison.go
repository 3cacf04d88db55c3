package diff

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/model"
	"github.com/meshc/meshc/compiler/analysis/phrase"
	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/compiler/policy"
)

// comparison is the requests to a workload whose policies changed, in classes that both sides decide as a whole.
type comparison struct {
	*differ
	*workload
	classes    *enforce.Classes
	possible   []*enforce.Class // of operations: those that can occur
	pass       []space.Set      // by class of operations: the sources that pass after, or may
	could      [2]space.Set     // the sources that pass with any operation, before and after
	callers    []phrase.Name[namedCaller]
	alone      map[string]bool    // facts of callers that others have with more, by their words
	operations *phrase.Vocabulary // of indexes of possible
	rules      phrase.Rules
}

// compare partitions the requests to a workload by what the policies of both sides distinguish.
func (d *differ) compare(w *workload) (*comparison, error) {
	var distinctions space.Distinctions
	for _, s := range []*policy.Service{w.was, w.is} {
		if s != nil {
			for _, p := range s.Ports {
				distinctions.Operations = append(distinctions.Operations, space.Box{space.Is(space.Port, space.PortPattern(p.Number))})
			}
		}
	}
	rules := d.rules(w)
	var single []space.Box
	single, rules.Apart = phrase.Singles(rules.Boxes)
	distinctions.Operations = append(distinctions.Operations, single...)
	classes, err := enforce.NewClasses(distinctions, w.a, w.b)
	if err != nil {
		return nil, err
	}
	c := &comparison{differ: d, workload: w, classes: classes, alone: map[string]bool{}, rules: rules}
	for i := range classes.Operations {
		if r := &classes.Operations[i]; w.service() == nil || model.Occurs(w.service(), &r.Request) {
			c.possible = append(c.possible, r)
		}
	}
	c.could = [2]space.Set{space.NewSet(len(classes.Sources)), space.NewSet(len(classes.Sources))}
	for _, r := range c.possible {
		after := passing(&r.Outcomes[1])
		c.pass = append(c.pass, after)
		c.could[0].AddAll(passing(&r.Outcomes[0]))
		c.could[1].AddAll(after)
	}
	return c, nil
}

// workload finds the changes of the requests to one workload.
func (d *differ) workload(w *workload) error {
	if w.same {
		return nil
	}
	c, err := d.compare(w)
	if err != nil {
		return err
	}
	// Where nothing passes, a DENY of everybody does what the lack of an ALLOW would.
	was, is := model.DeniesByDefault(w.a) || c.could[0].Empty(), model.DeniesByDefault(w.b) || c.could[1].Empty()
	var opened, closed []group
	if d.Requests {
		was, is = false, false
	}
	if !was || is {
		opened = c.risen(0, 1)
	}
	if was || !is {
		closed = c.risen(1, 0)
	}
	var remaining []group
	if !was && is {
		remaining = append(c.groups(false, func(r *enforce.Class) space.Set { return r.Outcomes[1].Allowed }),
			c.groups(true, func(r *enforce.Class) space.Set { return r.Outcomes[1].Undecided })...)
	}
	if all := slices.Concat(opened, closed, remaining); len(all) > 0 {
		c.nameSources(all)
		c.nameOperations(all)
	}
	d.diff.Opened = append(d.diff.Opened, c.changes(opened, Opened)...)
	d.diff.Closed = append(d.diff.Closed, c.changes(closed, Closed)...)
	switch {
	case was && !is:
		d.diff.FailOpen = append(d.diff.FailOpen, c.failOpen())
	case !was && is:
		d.diff.FailClosed = append(d.diff.FailClosed, c.failClosed(remaining))
	}
	return nil
}

// rules is what the rules of both sides ask for and leave out; new is what those ask for, and leave
// nothing out of, that are on one side only.
func (d *differ) rules(w *workload) (all phrase.Rules) {
	t := d.table()
	clauses := map[string]bool{}
	key := func(p *enforce.Object, i, box int) string {
		return fmt.Sprint(p.Effect, p.Clauses[i].From, p.Clauses[i].To[box])
	}
	for side, p := range [...]*enforce.Point{w.a, w.b} {
		other := [...]*enforce.Point{w.b, w.a}[side]
		clear(clauses)
		for _, p := range other.All() {
			for i := range p.Clauses {
				for box := range p.Clauses[i].To {
					clauses[key(p, i, box)] = true
				}
			}
		}
		for _, p := range p.All() {
			for i := range p.Clauses {
				for n, box := range p.Clauses[i].To {
					asked := phrase.Asked(t, box)
					all.Boxes = append(append(all.Boxes, asked), phrase.LeftOut(t, box)...)
					whole := !slices.ContainsFunc(box, func(c space.Condition) bool { return len(c.Not) > 0 })
					if whole && !clauses[key(p, i, n)] {
						all.New = append(all.New, asked)
					}
				}
			}
		}
	}
	return all
}

// table is the dimensions of requests.
func (d *differ) table() space.Table { return d.after.Manifests.Table }

// risen is the requests that pass on one side and are denied on the other: those of which that is sure, and those for
// which it depends on what cannot be judged.
func (c *comparison) risen(from, to int) []group {
	type sets struct{ sure, perhaps space.Set }
	known := map[*enforce.Outcome]sets{} // by the outcomes of classes, which those share that are decided alike
	of := func(r *enforce.Class) sets {
		s, ok := known[&r.Outcomes[0]]
		if ok {
			return s
		}
		before, after := &r.Outcomes[from], &r.Outcomes[to]
		s.sure = after.Allowed.Minus(passing(before))
		if !before.Undecided.Empty() || !after.Undecided.Empty() {
			s.perhaps = after.Allowed.Minus(before.Allowed)
			s.perhaps.AddAll(passing(after).Minus(passing(before)))
			// MayRise looks at clauses and modes; what surely passes all the same, or surely does not, is no change.
			s.perhaps.AddAll(c.classes.MayRise(r, from, to).Minus(before.Allowed).Common(passing(after)))
			s.perhaps = s.perhaps.Minus(s.sure)
		}
		known[&r.Outcomes[0]] = s
		return s
	}
	return append(c.groups(false, func(r *enforce.Class) space.Set { return of(r).sure }),
		c.groups(true, func(r *enforce.Class) space.Set { return of(r).perhaps })...)
}

// passing is the sources that pass, or may.
func passing(o *enforce.Outcome) space.Set {
	set := slices.Clone(o.Allowed)
	set.AddAll(o.Undecided)
	return set
}

// nameOperations names the operations that changed.
func (c *comparison) nameOperations(groups []group) {
	changed := space.NewSet(len(c.possible))
	for _, g := range groups {
		changed.AddAll(g.operations)
	}
	requests := make([]*space.Request, len(c.possible))
	for i, r := range c.possible {
		requests[i] = &r.Request
	}
	c.operations = phrase.NewVocabulary(c.classes.Space, requests, changed, c.rules)
}

// group is callers for which the same operations changed.
type group struct {
	sources, operations space.Set
	perhaps             bool // that depends on what cannot be judged
}

// groups puts those sources together for which the same operations are chosen.
func (c *comparison) groups(perhaps bool, choose func(r *enforce.Class) space.Set) []group {
	n := len(c.classes.Sources)
	of := make([]space.Set, n) // by source
	for i, r := range c.possible {
		for source := range choose(r).All() {
			if of[source] == nil {
				of[source] = space.NewSet(len(c.possible))
			}
			of[source].Add(i)
		}
	}
	var groups []group
	at := map[string]int{}
	var key []byte
	for source, operations := range of {
		if operations == nil {
			continue
		}
		key = key[:0]
		for _, word := range operations {
			key = binary.LittleEndian.AppendUint64(key, word)
		}
		i, ok := at[string(key)]
		if !ok {
			i = len(groups)
			at[string(key)] = i
			groups = append(groups, group{space.NewSet(n), operations, perhaps})
		}
		groups[i].sources.Add(source)
	}
	return groups
}

// changes names the callers and operations of groups. The names for what is opened may include other requests that pass
// after; those for what is closed, other requests that do not. So one change may include all that another one says,
// which is then left out.
func (c *comparison) changes(groups []group, kind Kind) []Change {
	opened := kind == Opened
	type said struct {
		Change
		sources, operations space.Set // that changed
		reads               group     // what the names mean
	}
	var all []said
	for _, g := range groups {
		named, reads := c.operations.Of(g.operations, c.fittingOperations(g, kind))
		r := c.possible[g.operations.First()]
		for _, p := range c.callersOf(g.sources, c.fittingSources(g, reads, kind)) {
			members := p.Set.Common(g.sources)
			source := members.First()
			change := c.change(kind, callersOf(p), named)
			change.MTLS = r.Outcomes[btoi(opened)].Mode != enforce.Disable && c.classes.Sources[source].Identity() != ""
			change.Undecided = g.perhaps
			c.attribute(&change, c.unmistakable(source), &r.Request, opened)
			n := said{change, members, g.operations, group{p.Set, reads, g.perhaps}}
			if change.Callers.Such {
				n.reads.sources = members
			}
			all = append(all, n)
		}
	}
	includes := func(a, b *said) bool {
		return b.sources.Within(a.reads.sources) && b.operations.Within(a.reads.operations) && (b.Undecided || !a.Undecided)
	}
	var changes []Change
	for i := range all {
		n := &all[i]
		already := false
		for j := range all {
			if other := &all[j]; i != j && includes(other, n) && (j < i || !includes(n, other)) {
				other.MTLS = other.MTLS && n.MTLS
				already = true
			}
		}
		if !already {
			changes = append(changes, n.Change)
		}
	}
	return changes
}

// callersOf names callers. It always finds a name: where there are too many callers, one stands for all.
func (c *comparison) callersOf(want, fits space.Set) []phrase.Phrase[namedCaller] {
	if names := phrase.Cover(want, fits, c.callers); len(names) > 0 {
		return names
	}
	one := want.First()
	caller, _ := c.callerOf(one)
	caller.At, caller.Clients = c.addressesOf(one)
	return []phrase.Phrase[namedCaller]{{Name: &phrase.Name[namedCaller]{Value: namedCaller{Caller: caller}, Set: want, Cost: phrase.Sample}, Set: want}}
}

func callersOf(p phrase.Phrase[namedCaller]) Callers {
	callers := Callers{Caller: p.Value.Caller, Such: p.Cost == phrase.Sample}
	for _, e := range p.Except {
		callers.Except = append(callers.Except, e.Value.Caller)
	}
	return callers
}

// passes is the sources that pass, or may, with a class of operations after a change of a kind: only what surely passes
// counts where something is sure to be opened, and only what surely does not where something is sure to be closed.
func (c *comparison) passes(operation int, kind Kind, perhaps bool) space.Set {
	if (kind == Opened) != perhaps {
		return c.possible[operation].Outcomes[1].Allowed
	}
	return c.pass[operation]
}

// fittingOperations is the operations that the names for those of a group may include.
func (c *comparison) fittingOperations(g group, kind Kind) space.Set {
	fit := space.NewSet(len(c.possible))
	for i := range c.possible {
		pass := c.passes(i, kind, g.perhaps)
		if kind == Opened && g.sources.Within(pass) || kind != Opened && !g.sources.Meets(pass) {
			fit.Add(i)
		}
	}
	return fit
}

// fittingSources is the callers that the names for those of a group may include, if some operations are said. Callers
// of what is closed could call before.
func (c *comparison) fittingSources(g group, said space.Set, kind Kind) space.Set {
	fit := slices.Clone(c.could[btoi(kind == Opened)])
	for i := range said.All() {
		if pass := c.passes(i, kind, g.perhaps); kind == Opened {
			fit = fit.Common(pass)
		} else {
			fit.RemoveAll(pass)
		}
	}
	fit.AddAll(g.sources)
	return fit
}

func (c *comparison) change(kind Kind, callers Callers, operations []phrase.Operations) Change {
	return Change{Kind: kind, Callee: c.callee, Callers: callers, Operations: operations}
}

// unmistakable is the callers of a class, as somebody whom no statement names if the class is of more than one.
func (c *comparison) unmistakable(class int) space.Source {
	src := c.classes.Sources[class]
	if _, one := c.classes.Identities(class); one || src.Identity() == "" {
		return src
	}
	id, _ := policy.ParseIdentity(src.Identity())
	for _, namespace := range [...]string{model.Unnamed, id.Namespace} {
		if nobody := c.after.IdentityOf(namespace, model.Unnamed); c.classes.Takes(class, nobody) {
			r := src.With(space.Identity, space.IdentityValue(nobody))
			src.Request = &r
			return src
		}
	}
	return src
}

// attribute finds the statement behind a change: a new edge or a removed deny for what is opened, and the reverse for
// what is closed.
func (c *comparison) attribute(change *Change, caller space.Source, r *space.Request, opened bool) {
	var rule *policy.Rule
	is, was := c.is, c.was
	if opened {
		if is != nil {
			rule = c.after.RuleFor(is, is.Allow, caller, r)
		}
		if was != nil {
			if deny := c.before.RuleFor(was, was.Deny, caller, r); deny != nil && c.before.RuleFor(was, was.Allow, caller, r) != nil {
				if rule == nil {
					rule, change.Gone = deny, true
				}
			}
		}
	} else {
		if is != nil {
			rule = c.after.RuleFor(is, is.Deny, caller, r)
		}
		if rule == nil && was != nil {
			rule, change.Gone = c.before.RuleFor(was, was.Allow, caller, r), true
		}
	}
	if rule != nil {
		change.At, change.Because = rule.At, rule.Because
		return
	}
	change.Gone = false
	c.annotate(change, opened)
}

// failOpen says that every caller that reaches a workload may call it.
func (c *comparison) failOpen() Change {
	callers := Callers{Caller: Caller{Source: anyone}}
	for _, r := range c.possible {
		if r.Outcomes[1].Mode != enforce.Strict {
			callers.Source = world
		}
	}
	change := c.change(FailOpen, callers, []phrase.Operations{{}})
	if c.was != nil && len(c.was.Allow) > 0 {
		change.At, change.Because, change.Gone = c.was.Allow[0].At, c.was.Allow[0].Because, true
	} else {
		c.annotate(&change, false)
	}
	return change
}

// failClosed says who may still call a workload that everyone could call.
func (c *comparison) failClosed(groups []group) Change {
	var remaining []Change
	for _, g := range groups {
		operations, _ := c.operations.Of(g.operations, g.operations)
		for _, p := range c.callersOf(g.sources, g.sources) {
			change := c.change(Kept, callersOf(p), operations)
			change.Undecided = g.perhaps
			source := p.Set.Common(g.sources).First()
			r := c.possible[g.operations.First()]
			change.MTLS = r.Outcomes[1].Mode != enforce.Disable && c.classes.Sources[source].Identity() != ""
			c.attribute(&change, c.classes.Sources[source], &r.Request, true)
			remaining = append(remaining, change)
		}
	}
	slices.SortFunc(remaining, byName)
	change := c.change(FailClosed, Callers{}, []phrase.Operations{{}})
	if len(remaining) > 0 {
		change.At, change.Because = remaining[0].At, remaining[0].Because
	}
	change.Remaining = remaining
	return change
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
