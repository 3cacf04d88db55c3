package inventory

import (
	"cmp"

	"go.yaml.in/yaml/v3"

	"github.com/meshc/meshc/compiler/yamldoc"
)

// webhooks reads which Services the API server calls to admit objects. Without a port it calls 443.
// https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#service-reference
func (f *file) webhooks(n *yaml.Node, kind, group string) {
	meta := metaOf(n)
	at, _, ok := f.meta(n, kind, meta)
	if !ok {
		return
	}
	if kind == "MutatingWebhookConfiguration" {
		f.noticeKind(n, group, kind)
	}
	var called []*Route
	for _, hook := range each(yamldoc.Get(n, "webhooks")) {
		service := yamldoc.Get(hook, "clientConfig", "service")
		name := yamldoc.Get(service, "name")
		if name == nil || f.unfilled(name.Value) || !f.spend(hook, 64) {
			continue
		}
		called = append(called, &Route{
			By: kind + " " + meta.Name, Namespace: text(yamldoc.Get(service, "namespace")), Service: text(name),
			Ports: []uint16{cmp.Or(number(yamldoc.Get(service, "port")), 443)}, At: f.doc.Span(name),
		})
	}
	f.keep(kind, "", meta.Name, at, func(r *reader) { r.webhooks = append(r.webhooks, called...) })
}
