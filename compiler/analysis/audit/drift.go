package audit

import (
	"strings"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// Objects is every object of a set of manifests.
type Objects struct {
	*enforce.Layer
	Others []enforce.Other
	Unread map[string]bool // kinds of which there may be more
}

// Drift adds the objects of a project, and those that it accepts, that deployed manifests lack; those that decide no
// request and ask for something else; accepted ones of any kind that do; and those that meshc made for the namespaces
// of the project and that it no longer gives. What the policies of the project let through is judged as sets of
// requests, so that their text may differ. Compared is the files that are compared with those that the project gives,
// which says what they lack or have otherwise; nil where there are none.
func (r *Report) Drift(given, accepted, deployed Objects, compared map[*source.File]bool) {
	type object struct{ kind, id string }
	policies, others := map[object][]*enforce.Object{}, map[object][]*enforce.Other{} // usually one
	for _, p := range deployed.Policies {
		key := object{p.Kind, p.ID()}
		policies[key] = append(policies[key], p)
	}
	for i := range deployed.Others {
		o := &deployed.Others[i]
		key := object{o.Kind, o.ID()}
		others[key] = append(others[key], o)
	}
	settled := func(o *enforce.Other) bool {
		return compared[o.At.File] || compared != nil && strings.HasSuffix(o.Kind, "NetworkPolicy") // two that differ are a finding of their reader
	}
	ours, managed := map[object]bool{}, map[string]bool{}
	own := func(kind, namespace, id string) (key object, missing bool) {
		key = object{kind, id}
		ours[key], managed[namespace] = true, true
		return key, len(policies[key])+len(others[key]) == 0 && !deployed.Unread[kind]
	}
	give := func(kind, namespace, id, spec string) {
		key, missing := own(kind, namespace, id)
		if missing && compared == nil {
			r.Add(diag.Error, Missing, source.Span{}, "the project has the %s %s, which is missing from the manifests", kind, id)
		}
		for _, o := range others[key] {
			if o.Spec != spec && !settled(o) {
				r.Add(diag.Error, Changed, o.At, "the %s %s is not what the project gives", kind, id)
			}
		}
	}
	for _, p := range given.Policies {
		give(p.Kind, p.Namespace, p.ID(), "")
	}
	for i := range given.Others {
		o := &given.Others[i]
		give(o.Kind, o.Namespace, o.ID(), o.Spec)
	}
	accept := func(kind, namespace, id string) object {
		key, missing := own(kind, namespace, id)
		if missing {
			r.Add(diag.Error, Missing, source.Span{}, "meshc.yaml accepts the %s %s, which is missing from the manifests", kind, id)
		}
		return key
	}
	const changed = "the %s %s is not the one that meshc.yaml accepts"
	for _, p := range accepted.Policies {
		for _, o := range policies[accept(p.Kind, p.Namespace, p.ID())] {
			if !enforce.Same(p, o) { // the condition that differs may be one that cannot be judged
				r.Add(diag.Error, Changed, o.At, changed, o.Kind, o.ID())
			}
		}
	}
	for i := range accepted.Others {
		a := &accepted.Others[i]
		for _, o := range others[accept(a.Kind, a.Namespace, a.ID())] {
			if o.Spec != a.Spec {
				r.Add(diag.Error, Changed, o.At, changed, o.Kind, o.ID())
			}
		}
	}
	left := func(kind, namespace, id string, from enforce.Origin, at source.Span) {
		if managed[namespace] && len(from.Files) > 0 && !ours[object{kind, id}] && !compared[at.File] {
			r.Add(diag.Error, Changed, at, "the project no longer gives the %s %s", kind, id)
		}
	}
	for _, p := range deployed.Policies {
		left(p.Kind, p.Namespace, p.ID(), p.Origin, p.At)
	}
	for i := range deployed.Others {
		o := &deployed.Others[i]
		left(o.Kind, o.Namespace, o.ID(), o.Origin, o.At)
	}
}
