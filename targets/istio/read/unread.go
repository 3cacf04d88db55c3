package read

import (
	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// unread reads an object that stands for all of a kind which a cluster has and keeps to itself. There may be any number
// of them, anywhere, so that everything that they could decide is undecided.
func (r *reader) unread(d *decoder, n int32) {
	spec := d.at(n, "spec")
	at, kind := d.span(d.at(d.at(n, "metadata"), "name")), d.text(d.at(spec, "kind"))
	switch verb, name, reason := d.text(d.at(spec, "verb")), d.text(d.at(d.at(n, "metadata"), "name")), d.text(d.at(spec, "reason")); verb {
	case "find":
		r.findings.Add(diag.UnknownEffect, at, "cannot find %s: %s", name, reason).
			WithNote("the settings of the mesh, such as trustDomain, rootNamespace and enableAutoMtls, may be other than those of meshc.yaml").
			WithHelp("if istiod runs in another namespace, name that with --istio-namespace")
	default:
		r.findings.Add(diag.Unevaluable, at, "cannot %s %s: %s", verb, name, reason).
			WithHelp("what they decide is undecided until RBAC lets meshc read them")
	}
	if role, judged := roles[kind]; judged && d.text(d.at(spec, "group")) == group {
		r.policies = append(r.policies, &enforce.Object{Kind: kind, Role: role, Namespace: r.mesh.RootNamespace, Name: unreadName, At: at, Broken: true, AnyEffect: true, Content: kind})
	}
	if kind == "DestinationRule" {
		r.destinations = append(r.destinations, &enforce.Destination{Namespace: r.mesh.RootNamespace, Name: unreadName, Host: "*", At: at, HasPolicy: true, Default: enforce.UnknownTLS})
	}
}

// unreadName stands for the names of objects that were not read. No object can be called so.
const unreadName = "*"

// Unread returns the kinds of which there may be objects that are not among the files.
func Unread(files []*source.File) map[string]bool {
	d := &decoder{tree: &tree{}}
	kinds := map[string]bool{}
	for _, f := range files {
		d.documents(f, func(bad *fault) {
			if bad == nil && d.isUnread(1) {
				kinds[d.text(d.at(d.at(1, "spec"), "kind"))] = true
			}
		})
	}
	return kinds
}

func (d *decoder) isUnread(n int32) bool {
	return d.text(d.at(n, "apiVersion")) == "meshc.dev/v1" && d.text(d.at(n, "kind")) == "Unread"
}
