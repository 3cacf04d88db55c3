// Package rollout finds what is allowed or denied only while a change is being applied.
//
// A controller applies the objects that are new or different one after another, in the order of their waves, and then
// removes those that are no longer wanted, in reverse order. If the folders of namespaces are applied separately,
// objects of the root namespace and those of other namespaces have no order. Each intermediate state is judged like
// any set of manifests: the same classes of requests are decided before, after and in every state.
package rollout

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/model"
	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/compiler/policy"
)

// Window is a time during an apply in which some requests to a workload are treated as neither before nor after.
type Window struct {
	Callee  string // NAMESPACE/NAME, or the rest of a namespace
	Opens   bool   // the requests pass, and otherwise do not; if false, they are refused, and otherwise are not
	Callers []string
	Since   string // the step that begins it
	Until   string // the step that ends it
	Apart   bool   // only if the folders of namespaces are applied separately
}

// Windows returns what is open or shut for a moment between two sets of manifests, sorted by callee. Services are those
// of the policies of both models. Callees that are too complicated to be divided into classes are left out.
func Windows(ctx context.Context, before, after *model.Model) ([]Window, error) {
	var all []Window
	for _, c := range callees(before, after) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		found, err := c.windows(after)
		if errors.Is(err, space.ErrTooMany) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.name, err)
		}
		for _, w := range found {
			known := func(o Window) bool { return o.Callee == w.Callee && o.Opens == w.Opens }
			if !slices.ContainsFunc(all, known) { // of pods with sidecars and of those without
				all = append(all, w)
			}
		}
	}
	return all, nil
}

// callee is a workload with what binds it on both sides.
type callee struct {
	name          string
	workload      enforce.Workload
	service       *policy.Service // nil for the rest of a namespace
	before, after *enforce.Point
}

func callees(before, after *model.Model) []callee {
	var all []callee
	seen := map[string]bool{}
	for _, m := range []*model.Model{after, before} {
		for _, s := range m.Policy.Services() {
			if seen[s.ID()] || !s.Proxied() || len(s.Labels) == 0 {
				continue
			}
			seen[s.ID()] = true
			for _, w := range workloads(s, before) {
				all = append(all, callee{s.ID(), w, s, before.Manifests.For(w), after.Manifests.For(w)})
			}
		}
		for _, p := range m.Manifests.Policies {
			name := "other workloads of " + p.Namespace
			if seen[name] || p.Namespace == after.Manifests.Mesh.RootNamespace {
				continue
			}
			seen[name] = true
			w := enforce.Workload{Namespace: p.Namespace}
			all = append(all, callee{name, w, nil, before.Manifests.For(w), after.Manifests.For(w)})
		}
	}
	slices.SortFunc(all, func(a, b callee) int { return cmp.Compare(a.name, b.name) })
	return all
}

// workloads is a service as it may be during an apply: while its pods move to ambient mode, those with sidecars too,
// once waypoints have policies. Until then its Services are not labelled, and no pod has moved.
func workloads(s *policy.Service, before *model.Model) []enforce.Workload {
	w := enforce.Workload{Namespace: s.Namespace, Labels: s.Selector()}
	if s.Dataplane != policy.Ambient {
		return []enforce.Workload{w}
	}
	ambient, behind := w, w
	ambient.Dataplane, ambient.Fronts, behind.Fronts = s.Dataplane, s.Fronts, s.Fronts
	ways := s.Through()
	switch {
	case s.Joining:
		direct := ambient
		direct.Fronts = nil
		return []enforce.Workload{direct}
	case !s.Moving:
		return []enforce.Workload{ambient}
	case len(ways) == 0:
		return []enforce.Workload{w, ambient}
	case !slices.ContainsFunc(before.Manifests.For(ambient).Ways, func(way enforce.Way) bool { return len(way.Point.Policies) > 0 }):
		return []enforce.Workload{w}
	}
	return []enforce.Workload{w, behind, ambient}
}

// step applies an object or removes it.
type step struct {
	old, new *enforce.Object // nil where a side has none
	wave     int
}

func (s *step) object() *enforce.Object { return cmp.Or(s.new, s.old) }

func (s *step) String() string {
	o := s.object()
	if s.new == nil {
		return "the removal of " + o.Kind + " " + o.ID()
	}
	return o.Kind + " " + o.ID()
}

// steps returns the objects that both sides have alike, and the steps between them in the order of an apply.
func (c *callee) steps() (kept []*enforce.Object, steps []step) {
	key := func(o *enforce.Object) string { return o.Kind + " " + o.ID() }
	old := map[string]*enforce.Object{}
	for _, o := range bound(c.before) {
		old[key(o)] = o
	}
	for _, o := range bound(c.after) {
		was := old[key(o)]
		delete(old, key(o))
		if was != nil && (was == o || was.Document.Text() == o.Document.Text()) {
			kept = append(kept, o)
			continue
		}
		steps = append(steps, step{was, o, wave(o)})
	}
	var removals []step
	for _, o := range old {
		removals = append(removals, step{old: o, wave: -wave(o)})
	}
	order := func(a, b step) int {
		return cmp.Or(cmp.Compare(a.wave, b.wave), cmp.Compare(key(a.object()), key(b.object())))
	}
	slices.SortFunc(steps, order)
	slices.SortFunc(removals, order)
	return kept, append(steps, removals...)
}

// bound is the objects that have a say in requests to a workload, at its pods and at the waypoints on the ways to it.
func bound(p *enforce.Point) (all []*enforce.Object) {
	add := func(objects ...*enforce.Object) {
		for _, o := range objects {
			if o = o.Written(); !slices.Contains(all, o) {
				all = append(all, o)
			}
		}
	}
	add(slices.Concat(p.Policies, p.Peers, p.Shadowed, p.Tokens)...)
	for _, way := range p.Ways {
		add(slices.Concat(way.Point.Policies, way.Point.Tokens)...)
	}
	return all
}

var waveOf = regexp.MustCompile(`argocd\.argoproj\.io/sync-wave: *["']?(-?\d+)`)

// wave returns the wave of an object, 0 if it has none.
func wave(o *enforce.Object) int {
	if m := waveOf.FindStringSubmatch(o.Document.Text()); m != nil {
		n, _ := strconv.Atoi(m[1])
		return n
	}
	return 0
}

// state is which steps have been made.
type state struct {
	made  []bool
	apart bool
	since int // the last step that was made
}

// states returns the states between the first and the last, in the order of time: those of one order, and those in
// which the root namespace is ahead of the callee's, or behind.
func states(steps []step, root string) []state {
	var all []state
	made := make([]bool, len(steps))
	for i := range len(steps) - 1 {
		made[i] = true
		all = append(all, state{slices.Clone(made), false, i})
	}
	var roots, own []int
	for i := range steps {
		if steps[i].object().Namespace == root {
			roots = append(roots, i)
		} else {
			own = append(own, i)
		}
	}
	for i := range len(own) + 1 {
		for j := range len(roots) + 1 {
			s := state{make([]bool, len(steps)), true, -1}
			for _, n := range slices.Concat(own[:i], roots[:j]) {
				s.made[n], s.since = true, max(s.since, n)
			}
			done := i + j
			if done > 0 && done < len(steps) && !slices.ContainsFunc(all, func(o state) bool { return slices.Equal(o.made, s.made) }) {
				all = append(all, s)
			}
		}
	}
	return all
}

// windows compares every state with the first and the last.
func (c *callee) windows(m *model.Model) ([]Window, error) {
	kept, steps := c.steps()
	if len(steps) < 2 {
		return nil, nil
	}
	mesh := m.Manifests.Mesh
	between := states(steps, cmp.Or(mesh.RootNamespace, "istio-system"))
	points := []*enforce.Point{c.before, c.after}
	for _, s := range between {
		objects := slices.Clone(kept)
		for i := range steps {
			if o := steps[i].old; !s.made[i] && o != nil {
				objects = append(objects, o)
			} else if o := steps[i].new; s.made[i] && o != nil {
				objects = append(objects, o)
			}
		}
		points = append(points, enforce.NewLayer(mesh, m.Manifests.Table, objects, nil).For(c.workload))
	}
	split, err := enforce.NewClasses(space.Distinctions{}, points...)
	if err != nil {
		return nil, err
	}
	var found []Window
	for i, s := range between {
		opened, shut := c.strays(split, 2+i)
		for opens, set := range map[bool]space.Set{true: opened, false: shut} {
			if !set.Empty() {
				found = append(found, Window{c.name, opens, callers(split.Space, set), steps[max(s.since, 0)].String(), following(steps, s), s.apart})
			}
		}
	}
	return merged(found), nil
}

// strays returns the sources of requests that a point lets pass although neither the first nor the second does, and of
// those that it refuses although both let them pass.
func (c *callee) strays(split *enforce.Classes, point int) (opened, shut space.Set) {
	opened, shut = space.NewSet(len(split.Sources)), space.NewSet(len(split.Sources))
	for n := range split.Operations {
		r := &split.Operations[n]
		if c.service != nil && !model.Occurs(c.service, &r.Request) {
			continue
		}
		before, after, now := &r.Outcomes[0], &r.Outcomes[1], &r.Outcomes[point]
		for word := range opened {
			opened[word] |= now.Allowed[word] &^ (before.Allowed[word] | before.Undecided[word] | after.Allowed[word] | after.Undecided[word])
			shut[word] |= before.Allowed[word] & after.Allowed[word] &^ (now.Allowed[word] | now.Undecided[word])
		}
	}
	return opened, shut
}

// Strays reports whether a set of manifests lets a request pass that neither of two others does, or refuses one that
// both let pass.
func Strays(middle, before, after *model.Model) (bool, error) {
	for _, c := range callees(before, after) {
		split, err := enforce.NewClasses(space.Distinctions{}, c.before, c.after, middle.Manifests.For(c.workload))
		if err != nil {
			return true, err
		}
		if opened, shut := c.strays(split, 2); !opened.Empty() || !shut.Empty() {
			return true, nil
		}
	}
	return false, nil
}

// following names a step that is still to be made.
func following(steps []step, s state) string {
	for i := range steps {
		if !s.made[i] {
			return steps[i].String()
		}
	}
	return ""
}

// merged makes one window of those that open, and one of those that shut. Those of any order hide those that only occur
// apart.
func merged(windows []Window) []Window {
	var all []Window
	for _, opens := range []bool{true, false} {
		same := slices.DeleteFunc(slices.Clone(windows), func(w Window) bool { return w.Opens != opens })
		if always := slices.DeleteFunc(slices.Clone(same), func(w Window) bool { return w.Apart }); len(always) > 0 {
			same = always
		}
		if len(same) == 0 {
			continue
		}
		whole := same[0]
		for _, w := range same[1:] {
			whole.Until = w.Until
			whole.Callers = append(whole.Callers, w.Callers...)
		}
		slices.Sort(whole.Callers)
		whole.Callers = slices.Compact(whole.Callers)
		all = append(all, whole)
	}
	return all
}

// callers names the callers in a set.
func callers(s *space.Space, set space.Set) []string {
	var names []string
	for n := range set.All() {
		name := "callers without an identity"
		if identity := s.Sources[n].Identity(); identity != "" {
			if _, one := s.Identities(n); one {
				_, account, _ := strings.Cut(identity, policy.NamespacePart)
				name = strings.Replace(account, policy.AccountPart, "/", 1)
			} else {
				name = "other callers of the mesh"
			}
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
