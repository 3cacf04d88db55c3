package enforce

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/meshc/meshc/lang/source"
)

// ClientTLS is the kind of connection that the sidecar of a caller opens.
type ClientTLS uint8

const (
	AutoTLS   ClientTLS = iota // mutual TLS if the other end accepts it
	NoTLS                      // DISABLE
	SimpleTLS                  // TLS without an identity of the mesh
	MutualTLS                  // TLS with a certificate that is not the mesh's
	IstioTLS                   // the mesh's mutual TLS, whatever the other end accepts
	UnknownTLS
)

func (t ClientTLS) String() string { return ClientModes[t] }

// ClientModes are the names of ClientTLS.
var ClientModes = []string{AutoTLS: "auto", NoTLS: "DISABLE", SimpleTLS: "SIMPLE", MutualTLS: "MUTUAL", IstioTLS: "ISTIO_MUTUAL", UnknownTLS: "unknown"}

// Destination is a rule for the callers of a host in the mesh, and the TLS that it sets.
type Destination struct {
	Namespace, Name string
	Host            string // in full
	At              source.Span

	Created   time.Time
	ExportTo  []string
	HasPolicy bool // it says how callers connect, if perhaps nothing about TLS
	Default   ClientTLS
	PortTLS   []PortTLS // by ports of the Kubernetes Service
}

// PortTLS is what callers open to one port.
type PortTLS struct {
	Port   uint16
	TLS    ClientTLS
	Stated bool // it says something about TLS
}

// ID is NAMESPACE/NAME.
func (d *Destination) ID() string { return d.Namespace + "/" + d.Name }

// TLS is what callers open to a port of the Kubernetes Service; with port 0 to one of which the number is not known.
//
// Settings of a port replace those of the rule. Settings that say nothing about TLS have the cluster choose by endpoint, and
// there the mode of the rule decides: ISTIO_MUTUAL is mutual TLS, and every other mode is plaintext. See
// GetPortLevelTrafficPolicy in istio.io/istio/pilot/pkg/networking/util/util.go, and trafficPolicyTLSModeForPort and
// checkMtlsEnabled in istio.io/istio/pilot/pkg/xds/endpoints/mtls_checker.go.
func (d *Destination) TLS(port uint16) ClientTLS {
	tls := d.Default
	for _, p := range d.PortTLS {
		switch own := d.own(p); {
		case port == p.Port:
			return own
		case port == 0 && own != d.Default:
			tls = UnknownTLS
		}
	}
	return tls
}

func (d *Destination) own(p PortTLS) ClientTLS {
	switch {
	case p.Stated:
		return p.TLS
	case d.Default == AutoTLS || d.Default == IstioTLS || d.Default == UnknownTLS:
		return d.Default
	}
	return NoTLS
}

// Sets reports whether the rule sets TLS at all.
func (d *Destination) Sets() bool { return d.Default != AutoTLS || len(d.Ports()) > 0 }

// Ports is the ports for which the rule sets TLS separately.
func (d *Destination) Ports() (ports []uint16) {
	for _, p := range d.PortTLS {
		if p.Stated {
			ports = append(ports, p.Port)
		}
	}
	return ports
}

// Matches reports whether the rule is about a Kubernetes Service.
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

// Destination is the rule that callers of a namespace obey when they call a Kubernetes Service; nil if there is none. Rules
// of the callers' namespace come first, then those of the Service's, then those of the root namespace; among them the one
// with the closest host counts. See destinationRule in istio.io/istio/pilot/pkg/model/push_context.go. An empty namespace
// stands for callers from anywhere.
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
