package eval

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

const networking = "networking.istio.io"

// ClientTLS is what the sidecar of a caller opens.
type ClientTLS uint8

const (
	AutoTLS   ClientTLS = iota // mutual TLS wherever the other end takes it
	NoTLS                      // DISABLE
	SimpleTLS                  // TLS, and no identity of the mesh
	MutualTLS                  // the same with a certificate of somebody's own
	IstioTLS                   // the mesh's mutual TLS, whatever the other end takes
)

func (t ClientTLS) String() string { return clientModes[t] }

var clientModes = []string{AutoTLS: "auto", NoTLS: "DISABLE", SimpleTLS: "SIMPLE", MutualTLS: "MUTUAL", IstioTLS: "ISTIO_MUTUAL"}

// Destination is a DestinationRule for the callers of something in the mesh, and the TLS that it sets.
type Destination struct {
	Namespace, Name string
	Host            string // in full
	At              source.Span

	created  time.Time
	exportTo []string
	policy   bool // it has a trafficPolicy
	tls      ClientTLS
	ports    []portTLS // by ports of the Kubernetes Service
}

type portTLS struct {
	port uint16
	tls  ClientTLS
}

// ID is NAMESPACE/NAME.
func (d *Destination) ID() string { return d.Namespace + "/" + d.Name }

// TLS is what callers open to a port of the Kubernetes Service. What a rule says of one port replaces all that it says
// of others.
func (d *Destination) TLS(port uint16) ClientTLS {
	for _, p := range d.ports {
		if p.port == port {
			return p.tls
		}
	}
	return d.tls
}

// Sets tells whether the rule sets TLS at all.
func (d *Destination) Sets() bool { return d.tls != AutoTLS || len(d.Ports()) > 0 }

// Ports is the single ports for which the rule sets TLS.
func (d *Destination) Ports() (ports []uint16) {
	for _, p := range d.ports {
		if p.tls != AutoTLS {
			ports = append(ports, p.port)
		}
	}
	return ports
}

// Matches tells whether the rule is about a Kubernetes Service.
func (d *Destination) Matches(name, namespace string) bool {
	return matchesHost(d.Host, name+"."+namespace+".svc.cluster.local")
}

func matchesHost(pattern, host string) bool {
	if suffix, wild := strings.CutPrefix(pattern, "*"); wild {
		return strings.HasSuffix(host, suffix)
	}
	return pattern == host
}

// inside tells whether the host is, or may be, one that Kubernetes gives to its Services.
func (d *Destination) inside() bool {
	suffix, wild := strings.CutPrefix(d.Host, "*")
	return wild && strings.HasSuffix(".svc.cluster.local", suffix) || strings.HasSuffix(d.Host, ".cluster.local") || strings.Contains(d.Host, ".svc.")
}

func (d *Destination) exportedTo(namespace string) bool {
	return len(d.exportTo) == 0 || slices.ContainsFunc(d.exportTo, func(to string) bool {
		return to == "*" || namespace != "" && (to == namespace || to == "." && namespace == d.Namespace)
	})
}

// Destination is the rule that the callers of one namespace obey when they call a Kubernetes Service, nil where there is
// none: of several that of the callers' namespace, else of the Service's, else of the root namespace, and there the one
// with the closest host. See destinationRule in istio.io/istio/pilot/pkg/model/push_context.go. Without a namespace
// it is the rule of callers from anywhere.
func (m *Manifests) Destination(caller, name, namespace string) *Destination {
	for _, where := range [...]string{caller, namespace, m.mesh.RootNamespace} {
		var best *Destination
		first, _ := slices.BinarySearchFunc(m.Destinations, where, func(d *Destination, where string) int { return cmp.Compare(d.Namespace, where) })
		for _, d := range m.Destinations[first:] {
			if d.Namespace != where {
				break
			}
			if d.Matches(name, namespace) && d.exportedTo(caller) && (best == nil || closer(d.Host, best.Host) || d.Host == best.Host && !best.policy) {
				best = d
			}
		}
		if best != nil {
			return best
		}
	}
	return nil
}

func closer(a, b string) bool {
	wildA, wildB := strings.HasPrefix(a, "*"), strings.HasPrefix(b, "*")
	return !wildA && wildB || wildA == wildB && len(a) > len(b)
}

// neighbour reads an object that is no policy and has a say all the same. What it might change is not judged, save the
// TLS of a DestinationRule.
func (r *reader) neighbour(d *decoder, kindOf string, n int32) {
	meta, spec := d.at(n, "metadata"), d.at(n, "spec")
	o := &Destination{Namespace: cmp.Or(d.text(d.at(meta, "namespace")), "default"), Name: d.text(d.at(meta, "name")), At: d.span(d.child(n, "kind"))}
	if name := d.at(meta, "name"); name != 0 {
		o.At = d.span(name)
	}
	o.created, _ = time.Parse(time.RFC3339, d.text(d.at(meta, "creationTimestamp")))
	ours := d.text(d.at(d.at(meta, "labels"), "app.kubernetes.io/managed-by")) == "meshc"
	switch {
	case kindOf == "DestinationRule":
		r.destination(d, o, spec)
	case ours:
	case kindOf == "EnvoyFilter":
		r.unjudged(o.At, "the EnvoyFilter %s is not judged: it may change what proxies let through", o.ID())
	case kindOf == "Sidecar":
		r.unjudged(o.At, "the Sidecar %s is not judged: it may keep callers from knowing whom they call, and change what ports expect", o.ID())
	}
}

func (r *reader) unjudged(at source.Span, format string, args ...any) {
	r.findings.Add(diag.Unjudged, at, format, args...)
}

func (r *reader) destination(d *decoder, o *Destination, spec int32) {
	o.Host = d.text(d.at(spec, "host"))
	if !strings.Contains(o.Host, ".") && o.Host != "*" {
		o.Host += "." + o.Namespace + ".svc.cluster.local"
	}
	for c := d.nodes[d.at(spec, "exportTo")].first; c != 0; c = d.nodes[c].next {
		o.exportTo = append(o.exportTo, d.text(c))
	}
	policy := d.at(spec, "trafficPolicy")
	o.tls = d.clientTLS(policy)
	if !o.inside() {
		return
	}
	o.policy = policy != 0
	for c := d.nodes[d.at(policy, "portLevelSettings")].first; c != 0; c = d.nodes[c].next {
		port, _ := strconv.ParseUint(d.nodes[d.at(d.at(c, "port"), "number")].text, 10, 16)
		o.ports = append(o.ports, portTLS{uint16(port), d.clientTLS(c)})
	}
	for c := d.nodes[d.at(spec, "subsets")].first; c != 0; c = d.nodes[c].next {
		if d.at(d.at(c, "trafficPolicy"), "tls") != 0 {
			r.unjudged(o.At, "the DestinationRule %s sets the TLS of the subset %s, which is not judged", o.ID(), d.text(d.at(c, "name")))
		}
	}
	switch selected := d.at(spec, "workloadSelector") != 0; {
	case selected && o.Sets():
		r.unjudged(o.At, "the DestinationRule %s sets the TLS of some callers by their labels, which is not judged", o.ID())
	case !selected:
		r.destinations = append(r.destinations, o)
	}
}

func (d *decoder) clientTLS(policy int32) ClientTLS {
	mode := slices.Index(clientModes, d.text(d.at(d.at(policy, "tls"), "mode")))
	return ClientTLS(max(mode, int(AutoTLS)))
}

// at is the value of a key, 0 where there is none.
func (d *decoder) at(n int32, key string) int32 {
	if n == 0 {
		return 0
	}
	if c := d.child(n, key); c != n {
		return c
	}
	return 0
}

func (d *decoder) text(n int32) string {
	if n == 0 {
		return ""
	}
	return d.nodes[n].text
}

func (r *reader) sorted() []*Destination {
	slices.SortStableFunc(r.destinations, func(a, b *Destination) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), byAge(a.created, b.created), cmp.Compare(a.Name, b.Name))
	})
	return r.destinations
}
