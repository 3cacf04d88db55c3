package enforce

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/meshc/meshc/lang/source"
)

// ClientTLS is what the sidecar of a caller opens.
type ClientTLS uint8

const (
	AutoTLS   ClientTLS = iota // mutual TLS wherever the other end takes it
	NoTLS                      // DISABLE
	SimpleTLS                  // TLS, and no identity of the mesh
	MutualTLS                  // the same with a certificate of somebody's own
	IstioTLS                   // the mesh's mutual TLS, whatever the other end takes
)

func (t ClientTLS) String() string { return ClientModes[t] }

// ClientModes are the names of what sidecars open.
var ClientModes = []string{AutoTLS: "auto", NoTLS: "DISABLE", SimpleTLS: "SIMPLE", MutualTLS: "MUTUAL", IstioTLS: "ISTIO_MUTUAL"}

// Destination is a DestinationRule for the callers of something in the mesh, and the TLS that it sets.
type Destination struct {
	Namespace, Name string
	Host            string // in full
	At              source.Span

	Created   time.Time
	ExportTo  []string
	HasPolicy bool // it says how callers connect, though perhaps nothing of TLS
	Default   ClientTLS
	PortTLS   []PortTLS // by ports of the Kubernetes Service
}

// PortTLS is what callers open to one port.
type PortTLS struct {
	Port uint16
	TLS  ClientTLS
}

// ID is NAMESPACE/NAME.
func (d *Destination) ID() string { return d.Namespace + "/" + d.Name }

// TLS is what callers open to a port of the Kubernetes Service. What a rule says of one port replaces all that it says
// of others.
func (d *Destination) TLS(port uint16) ClientTLS {
	for _, p := range d.PortTLS {
		if p.Port == port {
			return p.TLS
		}
	}
	return d.Default
}

// Sets tells whether the rule sets TLS at all.
func (d *Destination) Sets() bool { return d.Default != AutoTLS || len(d.Ports()) > 0 }

// Ports is the single ports for which the rule sets TLS.
func (d *Destination) Ports() (ports []uint16) {
	for _, p := range d.PortTLS {
		if p.TLS != AutoTLS {
			ports = append(ports, p.Port)
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

// Inside reports whether the host is, or may be, one that Kubernetes gives to its Services.
func (d *Destination) Inside() bool {
	suffix, wild := strings.CutPrefix(d.Host, "*")
	return wild && strings.HasSuffix(".svc.cluster.local", suffix) || strings.HasSuffix(d.Host, ".cluster.local") || strings.Contains(d.Host, ".svc.")
}

func (d *Destination) exportedTo(namespace string) bool {
	return len(d.ExportTo) == 0 || slices.ContainsFunc(d.ExportTo, func(to string) bool {
		return to == "*" || namespace != "" && (to == namespace || to == "." && namespace == d.Namespace)
	})
}

// Destination is the rule that the callers of one namespace obey when they call a Kubernetes Service, nil where there is
// none: of several that of the callers' namespace, else of the Service's, else of the root namespace, and there the one
// with the closest host. See destinationRule in istio.io/istio/pilot/pkg/model/push_context.go. Without a namespace
// it is the rule of callers from anywhere.
func (m *Layer) Destination(caller, name, namespace string) *Destination {
	for _, where := range [...]string{caller, namespace, m.Mesh.RootNamespace} {
		var best *Destination
		first, _ := slices.BinarySearchFunc(m.Destinations, where, func(d *Destination, where string) int { return cmp.Compare(d.Namespace, where) })
		for _, d := range m.Destinations[first:] {
			if d.Namespace != where {
				break
			}
			if d.Matches(name, namespace) && d.exportedTo(caller) && (best == nil || closer(d.Host, best.Host) || d.Host == best.Host && !best.HasPolicy) {
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
