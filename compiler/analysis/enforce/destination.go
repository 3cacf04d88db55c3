package enforce

import (
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
	Revision  string   // of the only istiod that reads it; empty: every one does
	ExportTo  []string // sorted, without duplicates
	Selective bool     // it is about the callers of its own namespace that have the labels of Selector
	Selector  []Label  // sorted by key
	HasPolicy bool     // it says how callers connect, if perhaps nothing about TLS
	Default   ClientTLS
	Dials     Dialing   // of the ports without settings of their own
	PortTLS   []PortTLS // by ports of the Kubernetes Service
}

// Dialing is how callers connect, apart from the mode of TLS.
type Dialing struct {
	Passthrough bool // to the address that they were asked for, and not to an endpoint that is known
	Secret      bool // with a certificate that only gateways fetch: sidecars open plaintext in place of SIMPLE and MUTUAL
}

// PortTLS is what callers open to one port.
type PortTLS struct {
	Port   uint16
	TLS    ClientTLS
	Stated bool // it says something about TLS
	Dialing
}

// Dialing is how callers connect to a port of the Kubernetes Service; with port 0 to one of which the number is not
// known.
func (d *Destination) Dialing(port uint16) Dialing {
	for _, p := range d.PortTLS {
		switch {
		case port != p.Port:
		case p.Stated:
			return p.Dialing
		default:
			return Dialing{p.Passthrough, d.Dials.Secret}
		}
	}
	return d.Dials
}

// ID is NAMESPACE/NAME.
func (d *Destination) ID() string { return d.Namespace + "/" + d.Name }

// TLS is what callers open to a port of the Kubernetes Service; with port 0 to one of which the number is not known. By
// endpoint reports that they open it only to those that can take it, and where the namespace of the Service is not
// DISABLE.
//
// Settings of a port replace those of the rule. Settings that say nothing about TLS have the cluster choose by
// endpoint, and there the mode of the rule decides: ISTIO_MUTUAL is mutual TLS, and every other mode is plaintext. See
// GetPortLevelTrafficPolicy in istio.io/istio/pilot/pkg/networking/util/util.go, and trafficPolicyTLSModeForPort and
// checkMtlsEnabled in istio.io/istio/pilot/pkg/xds/endpoints/mtls_checker.go.
func (d *Destination) TLS(port uint16) (tls ClientTLS, byEndpoint bool) {
	tls, byEndpoint = d.Default, d.Default == AutoTLS
	for _, p := range d.PortTLS {
		switch own := d.own(p); {
		case port == p.Port:
			return own, !p.Stated
		case port == 0 && (own != d.Default || !p.Stated != byEndpoint):
			tls, byEndpoint = UnknownTLS, false
		}
	}
	return tls, byEndpoint
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

func wildcard(pattern string) (suffix string, wild bool) { return strings.CutPrefix(pattern, "*") }

func matchesHost(pattern, host string) bool {
	if suffix, wild := wildcard(pattern); wild {
		return strings.HasSuffix(host, suffix)
	}
	return pattern == host
}

// Inside reports whether the host is, or may be, one that Kubernetes gives to its Services.
func (d *Destination) Inside() bool {
	suffix, wild := wildcard(d.Host)
	return wild && strings.HasSuffix(".svc.cluster.local", suffix) || strings.HasSuffix(d.Host, ".cluster.local") || strings.Contains(d.Host, ".svc.")
}
