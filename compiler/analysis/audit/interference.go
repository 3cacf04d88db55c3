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
	Service *policy.Service
	Opened  bool     // they let through what was not; otherwise they shut out what was
	Mode    bool     // they change the mode of a port; Opened and Callers are not set
	Perhaps bool     // it depends on a policy that cannot be judged
	Callers []string // in the words of the language
	Example string   // one request: `shop/frontend may call shop/db:5432`
	By      *enforce.Object
	Rule    int // of By, counted from 0; -1 where it is none of them

	elsewhere bool      // the caller of the example is at no address that rules name
	callers   space.Set // the classes of Callers
}

// Interferences compares what manifests let through to the pods of a service, which have these labels, with what those of
// the model do, as sets of requests.
func Interferences(m *model.Model, s *policy.Service, labels map[string]string, other *enforce.Layer) ([]Interference, error) {
	w := enforce.Workload{Namespace: s.Namespace, Labels: labels, Dataplane: s.Dataplane}
	before, after := m.Manifests.For(w), other.For(w)
	if slices.EqualFunc(slices.Concat(before.Policies, before.Peers), slices.Concat(after.Policies, after.Peers), sameText) {
		return nil, nil
	}
	both, err := enforce.NewClasses(m.Distinctions(s), before, after)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.ID(), model.AtService(s, err))
	}
	split := &model.Split{Classes: both, Service: s, ByOperation: true}
	type modeChange struct {
		by      *enforce.Object
		was, is enforce.Mode
	}
	type key struct {
		by              *enforce.Object
		rule            int
		opened, perhaps bool
	}
	found := map[key]*Interference{}
	var order []key
	var modes []Interference
	var changes []modeChange
	type sameRules struct {
		port    uint16
		verdict *enforce.Outcome
	}
	seen := map[sameRules]bool{}
	elsewhere := space.NewSet(len(both.Sources))
	for c, caller := range both.Sources {
		if caller.Elsewhere {
			elsewhere.Add(c)
		}
	}
	for i := range both.Operations {
		r := &both.Operations[i]
		if !model.Occurs(s, &r.Request) {
			continue
		}
		was, is := &r.Outcomes[0], &r.Outcomes[1]
		_, by := after.Mode(r.Request.Port())
		if change := (modeChange{by, was.Mode, is.Mode}); was.Mode != is.Mode && !slices.Contains(changes, change) {
			changes = append(changes, change)
			port := space.Request{}.With(space.Port, r.Request.Value(space.Port))
			text := fmt.Sprintf("%s is %s, and %s by the intents", split.Target(&port), is.Mode, was.Mode)
			modes = append(modes, Interference{Service: s, Mode: true, By: by, Rule: -1, Example: text})
		}
		// Operations of one port with the same rules are decided alike.
		alike := sameRules{r.Request.Port(), was}
		if seen[alike] {
			continue
		}
		seen[alike] = true
		changed := different(was, is)
		if changed.Len() == 0 {
			continue
		}
		mode, by := after.Mode(r.Request.Port())
		decided := both.Decide(r, 1)
		slices.SortStableFunc(decided, func(a, b enforce.Decided) int {
			return cmp.Compare(a.Sources.Common(changed).First(), b.Sources.Common(changed).First())
		})
		for _, d := range decided {
			k := key{by: d.Policy, rule: d.Rule}
			if mode != was.Mode && (k.by == nil || there(before, k.by)) {
				k.by, k.rule = by, -1 // the rules are as they were, and the mode decides whom they see
			}
			for _, k.opened = range []bool{false, true} {
				for _, k.perhaps = range []bool{false, true} {
					callers := keep(keep(d.Sources.Common(changed), was.Allowed, !k.opened), is.Undecided, k.perhaps)
					if callers.Len() == 0 {
						continue
					}
					at := found[k]
					if at == nil {
						at = &Interference{Service: s, Opened: k.opened, Perhaps: k.perhaps, By: k.by, Rule: k.rule, callers: space.NewSet(len(both.Sources))}
						found[k] = at
						order = append(order, k)
					}
					at.callers.AddAll(callers)
					c := callers.First()
					if anywhere := callers.Common(elsewhere); anywhere.Len() > 0 {
						c = anywhere.First()
					}
					if caller := both.Sources[c]; at.Example == "" || caller.Elsewhere && !at.elsewhere {
						at.Example, at.elsewhere = split.Witness(m.CallerAt(caller), &r.Request, k.opened), caller.Elsewhere
					}
				}
			}
		}
	}
	list := modes
	for _, k := range order {
		at := found[k]
		names := map[string]string{} // without addresses
		for c := range at.callers.All() {
			name, _ := m.ClassName(both, c)
			if both.Sources[c].Elsewhere {
				names[name] = name
			} else {
				names[name+model.Addresses(both, c)] = name
			}
		}
		at.Callers = slices.DeleteFunc(slices.Collect(maps.Keys(names)), func(name string) bool {
			_, anywhere := names[names[name]]
			return anywhere && names[name] != name
		})
		slices.SortFunc(at.Callers, model.ByName)
		list = append(list, *at)
	}
	slices.SortStableFunc(list, func(a, b Interference) int {
		return cmp.Compare(objectName(a.By), objectName(b.By))
	})
	return list, nil
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

func there(c *enforce.Point, p *enforce.Object) bool {
	return slices.ContainsFunc(slices.Concat(c.Policies, c.Peers), func(q *enforce.Object) bool { return sameText(p, q) })
}

// sameText reports whether two policies are the same object of the same file.
func sameText(a, b *enforce.Object) bool {
	return a.Kind == b.Kind && a.ID() == b.ID() && a.At.File.Name == b.At.File.Name && a.At.File.Text == b.At.File.Text
}

// Names is a short list of the callers.
func (i *Interference) Names() string {
	if len(i.Callers) > 3 {
		return strings.Join(i.Callers[:3], ", ") + fmt.Sprintf(" and %d more", len(i.Callers)-3)
	}
	return strings.Join(i.Callers, ", ")
}
