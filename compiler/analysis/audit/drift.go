package audit

import (
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

// Drift adds the objects of a project that deployed manifests lack, those that decide no request and ask for something
// else, and those that meshc made for the namespaces of the project and that it no longer gives. What policies let through
// is judged as sets of requests, so that their text may differ.
func (r *Report) Drift(given, deployed Objects) {
	type object struct{ kind, id string }
	there := map[object][]*enforce.Other{} // usually one
	for _, p := range deployed.Policies {
		there[object{p.Kind, p.ID()}] = []*enforce.Other{}
	}
	for i := range deployed.Others {
		o := &deployed.Others[i]
		key := object{o.Kind, o.ID()}
		there[key] = append(there[key], o)
	}
	ours, managed := map[object]bool{}, map[string]bool{}
	look := func(kind, namespace, id, spec string) {
		key := object{kind, id}
		ours[key], managed[namespace] = true, true
		all, ok := there[key]
		if !ok && !deployed.Unread[kind] {
			r.Add(diag.Error, Missing, source.Span{}, "the project has the %s %s, which is missing from the manifests", kind, id)
		}
		for _, o := range all {
			if o.Spec != spec {
				r.Add(diag.Error, Changed, o.At, "the %s %s is not what the project gives", kind, id)
			}
		}
	}
	for _, p := range given.Policies {
		look(p.Kind, p.Namespace, p.ID(), "")
	}
	for i := range given.Others {
		o := &given.Others[i]
		look(o.Kind, o.Namespace, o.ID(), o.Spec)
	}
	left := func(kind, namespace, id string, from enforce.Origin, at source.Span) {
		if managed[namespace] && len(from.Files) > 0 && !ours[object{kind, id}] {
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
