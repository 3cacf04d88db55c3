package inventory

import (
	"cmp"

	"go.yaml.in/yaml/v3"

	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/compiler/yamldoc"
	"github.com/meshc/meshc/lang/source"
)

// Beside is an object among the manifests of workloads that may change what the manifests of meshc let through, and
// that meshc did not make.
type Beside struct {
	Kind, Namespace, Name string
	At                    source.Span // metadata.name
	Unplaced              bool        // no namespace is stated, and `default` is assumed
}

// ID is KIND NAMESPACE/NAME.
func (b *Beside) ID() string { return b.Kind + " " + b.Namespace + "/" + b.Name }

// besides are the kinds of such objects, with their API group.
var besides = map[string]string{
	"AuthorizationPolicy":   "security.istio.io",
	"PeerAuthentication":    "security.istio.io",
	"RequestAuthentication": "security.istio.io",
	"DestinationRule":       istioGroup,
	"EnvoyFilter":           istioGroup,
	"ServiceEntry":          istioGroup,
	"Sidecar":               istioGroup,
}

// beside keeps an object of such a kind. A DestinationRule counts only if it changes what callers open.
func (f *file) beside(n *yaml.Node, kind string) {
	meta := yamldoc.Get(n, "metadata")
	name := yamldoc.Get(meta, "name")
	namespace := cmp.Or(yamldoc.Scalar(meta, "namespace"), f.Namespace)
	b := &Beside{Kind: kind, Namespace: cmp.Or(namespace, "default"), Name: yamldoc.Scalar(name), Unplaced: namespace == ""}
	if !policy.IsLabel(b.Namespace) || !policy.IsName(b.Name) || yamldoc.Scalar(meta, "labels", "app.kubernetes.io/managed-by") == "meshc" {
		return
	}
	if kind == "DestinationRule" && !f.opens(yamldoc.Get(n, "spec")) {
		return
	}
	b.At = f.doc.Span(name)
	f.keep("", "", "", b.At, func(r *reader) { r.besides = append(r.besides, b) })
}

// opens reports whether settings of a DestinationRule have callers open anything but the mutual TLS of the mesh where
// the callee takes it.
// https://istio.io/latest/docs/reference/config/networking/destination-rule/#ClientTLSSettings
func (f *file) opens(n *yaml.Node) bool {
	if n = yamldoc.Resolve(n); n == nil || !f.spend(n, 1) {
		return false
	}
	if n.Kind == yaml.MappingNode {
		if tls := yamldoc.Get(n, "tls"); tls != nil && yamldoc.Scalar(tls, "mode") != "ISTIO_MUTUAL" {
			return true
		}
		if yamldoc.Scalar(n, "loadBalancer", "simple") == "PASSTHROUGH" {
			return true
		}
	}
	for _, inner := range n.Content {
		if inner.Kind != yaml.ScalarNode && f.opens(inner) {
			return true
		}
	}
	return false
}
