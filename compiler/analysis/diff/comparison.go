package diff

import (
	"encoding/binary"
	"slices"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/model"
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
	callers    []name[namedCaller]
	alone      map[string]bool   // facts of callers that others have with more, by their words
	operations []name[Operation] // sets of indexes of possible
	apart      bool              // each value of a rule has its own classes
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
	single, apart := singles(d.table(), w.a, w.b)
	distinctions.Operations = append(distinctions.Operations, single...)
	classes, err := enforce.NewClasses(distinctions, w.a, w.b)
	if err != nil {
		return nil, err
	}
	c := &comparison{differ: d, workload: w, classes: classes, alone: map[string]bool{}, apart: apart}
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

// table is the dimensions of requests.
func (d *differ) table() space.Table { return d.after.Manifests.Table }

// maxSingles bounds the values that are distinguished only so that they can be named.
const maxSingles = 64

// singles is each single value of the operations of rules. Once it is distinguished, it can be named alone. Where there are
// too many values, rules are named as a whole.
func singles(t space.Table, callees ...*enforce.Point) (all []space.Box, apart bool) {
	seen := map[Operation]bool{}
	for _, c := range callees {
		for _, p := range c.All() {
			for i := range p.Clauses {
				for _, b := range slices.Concat(p.Requires(t, i), p.Excludes(t, i)) {
					for _, condition := range b {
						for _, value := range condition.Is {
							one := space.Box{space.Is(condition.Dimension, value)}
							if o := operationOf(t, one); !seen[o] {
								seen[o] = true
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

// risen is the requests that pass on one side and are denied on the other: those of which that is sure, and those for which
// it depends on what cannot be judged.
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
// after; those for what is closed, other requests that do not. So one change may include all that another one says, which is
// then left out.
func (c *comparison) changes(groups []group, kind Kind) []Change {
	opened := kind == Opened
	type named struct {
		Change
		sources, operations space.Set // that changed
		reads               group     // what the names mean
	}
	var all []named
	for _, g := range groups {
		sources, operations := c.fitting(g, kind)
		phrases := cover(g.operations, operations, c.operations)
		reads := space.NewSet(len(c.possible))
		for _, p := range phrases {
			reads.AddAll(p.set)
		}
		r := c.possible[g.operations.First()]
		for _, p := range c.callersOf(g.sources, sources) {
			members := p.set.Common(g.sources)
			source := members.First()
			change := c.change(kind, callersOf(p), operationsOf(phrases))
			change.MTLS = r.Outcomes[btoi(opened)].Mode != enforce.Disable && c.classes.Sources[source].Identity() != ""
			change.Undecided = g.perhaps
			c.attribute(&change, c.classes.Sources[source], &r.Request, opened)
			n := named{change, members, g.operations, group{p.set, reads, g.perhaps}}
			if change.Callers.Such {
				n.reads.sources = members
			}
			all = append(all, n)
		}
	}
	includes := func(a, b *named) bool {
		return b.sources.Within(a.reads.sources) && b.operations.Within(a.reads.operations) && (b.Undecided || !a.Undecided)
	}
	var changes []Change
	for i := range all {
		n := &all[i]
		said := false
		for j := range all {
			if other := &all[j]; i != j && includes(other, n) && (j < i || !includes(n, other)) {
				other.MTLS = other.MTLS && n.MTLS
				said = true
			}
		}
		if !said {
			changes = append(changes, n.Change)
		}
	}
	return changes
}

// callersOf names callers. It always finds a name: where there are too many callers, one stands for all.
func (c *comparison) callersOf(want, fits space.Set) []phrase[namedCaller] {
	if names := cover(want, fits, c.callers); len(names) > 0 {
		return names
	}
	one := want.First()
	caller, _ := c.callerOf(one)
	caller.At, caller.Clients = c.addressesOf(one)
	return []phrase[namedCaller]{{name: &name[namedCaller]{value: namedCaller{Caller: caller}, set: want, cost: sample}, set: want}}
}

func callersOf(p phrase[namedCaller]) Callers {
	callers := Callers{Caller: p.value.Caller, Such: p.cost == sample}
	for _, e := range p.except {
		callers.Except = append(callers.Except, e.value.Caller)
	}
	return callers
}

func operationsOf(phrases []phrase[Operation]) (all []Operations) {
	for _, p := range phrases {
		o := Operations{Operation: p.value}
		for _, e := range p.except {
			o.Except = append(o.Except, e.value)
		}
		all = append(all, o)
	}
	return all
}

// fitting is the callers and operations that the names for a group may include. Callers of what is closed could call before.
func (c *comparison) fitting(g group, kind Kind) (sources, operations space.Set) {
	opened := kind == Opened
	sources, operations = slices.Clone(c.could[btoi(opened)]), space.NewSet(len(c.possible))
	for i, r := range c.possible {
		pass := c.pass[i]
		if opened != g.perhaps { // only what surely passes, or not what surely does
			pass = r.Outcomes[1].Allowed
		}
		fits := !g.sources.Meets(pass)
		if opened {
			fits = g.sources.Within(pass)
		}
		if fits {
			operations.Add(i)
		}
		if g.operations.Has(i) {
			if opened {
				sources = sources.Common(pass)
			} else {
				sources = sources.Minus(pass)
			}
		}
	}
	return sources, operations
}

func (c *comparison) change(kind Kind, callers Callers, operations []Operations) Change {
	return Change{Kind: kind, Callee: c.callee, Callers: callers, Operations: operations}
}

// attribute finds the statement behind a change: a new edge or a removed deny for what is opened, and the reverse for what is
// closed.
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
	change := c.change(FailOpen, callers, []Operations{{}})
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
		operations := operationsOf(cover(g.operations, g.operations, c.operations))
		for _, p := range c.callersOf(g.sources, g.sources) {
			change := c.change(Kept, callersOf(p), operations)
			change.Undecided = g.perhaps
			source := p.set.Common(g.sources).First()
			r := c.possible[g.operations.First()]
			change.MTLS = r.Outcomes[1].Mode != enforce.Disable && c.classes.Sources[source].Identity() != ""
			c.attribute(&change, c.classes.Sources[source], &r.Request, true)
			remaining = append(remaining, change)
		}
	}
	slices.SortFunc(remaining, byName)
	change := c.change(FailClosed, Callers{}, []Operations{{}})
	if len(remaining) > 0 {
		change.At, change.Because = remaining[0].At, remaining[0].Because
	}
	change.Remaining = remaining
	return change
}
