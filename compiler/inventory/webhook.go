package inventory

import (
	"cmp"

	"go.yaml.in/yaml/v3"

	"github.com/meshc/meshc/compiler/yamldoc"
)

// Webhook is a Service that the API server calls.
type Webhook struct {
	Route         // without gateways
	Needed string // what it does not do without an answer, in words
}

// webhooks reads which Services the API server calls to admit objects.
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
	var called []*Webhook
	for _, hook := range yamldoc.Items(yamldoc.Get(n, "webhooks")) {
		if w := f.webhook(yamldoc.Get(hook, "clientConfig", "service"), kind+" "+meta.Name, "create or change objects"); w != nil {
			called = append(called, w)
		}
	}
	f.keep(kind, "", meta.Name, at, func(r *reader) { r.webhooks = append(r.webhooks, called...) })
}

// converted reads which Service the API server calls to convert objects to other versions of their kind.
// https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definition-versioning/#webhook-conversion
func (f *file) converted(n *yaml.Node) {
	if yamldoc.Scalar(n, "spec", "conversion", "strategy") == "Webhook" {
		f.called(n, definition, "serve objects of other versions or to delete namespaces", "spec", "conversion", "webhook", "clientConfig", "service")
	}
}

// aggregated reads which Service the API server passes the requests of an API on to.
// https://kubernetes.io/docs/tasks/extend-kubernetes/setup-extension-api-server/
func (f *file) aggregated(n *yaml.Node) {
	f.called(n, "APIService", "serve this API or to delete namespaces", "spec", "service")
}

// called keeps the Service that the API server calls for an object. Such an object may be given several times: charts
// repeat them.
func (f *file) called(n *yaml.Node, kind, needed string, path ...string) {
	meta := metaOf(n)
	at, _, ok := f.meta(n, kind, meta)
	if w := f.webhook(yamldoc.Get(n, path...), kind+" "+meta.Name, needed); ok && w != nil {
		f.keep("", "", "", at, func(r *reader) { r.webhooks = append(r.webhooks, w) })
	}
}

// webhook reads a reference to a Service; nil if there is none. Without a port the API server calls 443.
func (f *file) webhook(service *yaml.Node, by, needed string) *Webhook {
	name := yamldoc.Get(service, "name")
	if name == nil || f.unfilled(name.Value) || !f.spend(service, 64) {
		return nil
	}
	return &Webhook{Route{
		By: by, Namespace: yamldoc.Scalar(service, "namespace"), Service: yamldoc.Scalar(name),
		Ports: []uint16{cmp.Or(number(yamldoc.Get(service, "port")), 443)}, At: f.doc.Span(name),
	}, needed}
}
