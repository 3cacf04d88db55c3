package inventory

import (
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/meshc/meshc/compiler/bearing"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/compiler/yamldoc"
	"github.com/meshc/meshc/lang/source"
)

// Gateway is an object that makes the proxies that it selects listen at the edge of the mesh.
type Gateway struct {
	Namespace, Name string
	Selector        map[string]string
	Within          string                     // the namespace of the pods that it selects; empty: every namespace
	Ports           []uint16                   // on which it listens
	Protocols       map[uint16]policy.Protocol // of what policies see there; unset where servers of one port differ
	Mutual          map[uint16]bool            // those whose listeners all ask for certificates of the mesh
	Unrouted        bool                       // it passes calls on to every Service, by the name in their TLS
	Foreign         string                     // why its proxies are not gateways of Istio, in words; empty if they are
	At              source.Span
}

// String is the gateway in words.
func (g *Gateway) String() string {
	if g.Name == "" {
		return "the gateway of Ingresses"
	}
	return "Gateway " + g.Namespace + "/" + g.Name
}

// Selects reports whether pods of a namespace with some labels are those of the gateway.
func (g *Gateway) Selects(namespace string, labels map[string]string) bool {
	return len(g.Selector) > 0 && (g.Within == "" || g.Within == namespace) && bearing.Selects(g.Selector, labels)
}

// Labels is the selector of the gateway, sorted by key.
func (g *Gateway) Labels() (all []policy.Label) {
	for _, key := range slices.Sorted(maps.Keys(g.Selector)) {
		all = append(all, policy.Label{Key: key, Value: g.Selector[key]})
	}
	return all
}

// RunsAs reports whether an account is one that Istio's installer or its gateway chart gives to pods with the label
// `istio` of the selector: that of a release, or that of a profile.
// https://istio.io/latest/docs/setup/additional-setup/gateway/#deploying-a-gateway
func (g *Gateway) RunsAs(account string) bool {
	release := "istio-" + g.Selector["istio"]
	return release != "istio-" && (account == g.Selector["istio"] || account == release || account == release+"-service-account")
}

// gateway reads a Gateway of networking.istio.io. It selects pods of every namespace:
// https://istio.io/latest/docs/reference/config/networking/gateway/#Gateway
func (f *file) gateway(n *yaml.Node) {
	meta := metaOf(n)
	at, namespace, ok := f.meta(n, "Gateway", meta)
	if !ok {
		return
	}
	g := &Gateway{Namespace: namespace, Name: meta.Name, Selector: map[string]string{}, At: at}
	if labels := yamldoc.Get(n, "spec", "selector"); labels != nil && labels.Kind == yaml.MappingNode {
		pairs, _ := yamldoc.Pairs(labels)
		for _, p := range pairs {
			g.Selector[p.Key.Value] = yamldoc.Scalar(p.Value)
		}
	}
	if f.unfilledLabels(g.Selector) {
		return
	}
	for _, server := range yamldoc.Items(yamldoc.Get(n, "spec", "servers")) {
		g.Unrouted = g.Unrouted || yamldoc.Scalar(server, "tls", "mode") == "AUTO_PASSTHROUGH"
		port := number(yamldoc.Get(server, "port", "number"))
		if port == 0 {
			continue
		}
		g.Ports = append(g.Ports, port)
		if g.Protocols == nil {
			g.Protocols, g.Mutual = map[uint16]policy.Protocol{}, map[uint16]bool{}
		}
		protocol := serves(server)
		_, again := g.Protocols[port]
		g.Mutual[port] = yamldoc.Scalar(server, "tls", "mode") == "ISTIO_MUTUAL" && (g.Mutual[port] || !again)
		if other, ok := g.Protocols[port]; ok && other != protocol {
			protocol = policy.ProtocolUnset
		}
		g.Protocols[port] = protocol
	}
	f.keep("Gateway of "+istioGroup, namespace, g.Name, at, func(r *reader) { r.gateways[objectKey{istioGroup, namespace, g.Name}] = g })
}

// serves returns what policies see of the requests to a server of a Gateway: HTTPS that it ends is HTTP to them.
// https://istio.io/latest/docs/reference/config/networking/gateway/#ServerTLSSettings-TLSmode
func serves(server *yaml.Node) policy.Protocol {
	mode := yamldoc.Scalar(server, "tls", "mode")
	protocol := strings.ToUpper(yamldoc.Scalar(server, "port", "protocol"))
	switch protocol {
	case "HTTP2", "GRPC", "GRPC-WEB":
		return policy.HTTP
	}
	return seen(protocol, mode != "PASSTHROUGH" && mode != "AUTO_PASSTHROUGH")
}

// seen returns what policies see of a protocol where the TLS of HTTPS and TLS ends, or does not.
func seen(protocol string, ends bool) policy.Protocol {
	switch protocol {
	case "HTTP":
		return policy.HTTP
	case "HTTPS":
		if ends {
			return policy.HTTP
		}
		return policy.TLS
	case "TLS":
		if !ends {
			return policy.TLS
		}
	}
	return policy.TCP
}
