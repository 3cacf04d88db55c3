package model

import (
	"cmp"
	"fmt"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/source"
)

// Way is what the sidecar of a caller opens to a container port through a port of a Kubernetes Service, and what says so.
type Way struct {
	TLS  enforce.ClientTLS
	Rule *enforce.Destination // nil where none sets it
	Peer *enforce.Object      // in place of Rule: that the namespace takes no mutual TLS
	Past policy.PortCapture   // in place of Rule: that calls bypass the sidecar, or may
	Host string
	Port uint16 // of the Service; 0 where it is not known, or makes no difference
}

// Ways is how the sidecars of a source call a container port; 0 stands for the ports that nothing names. There is one way
// where all are alike. A caller without a sidecar obeys no rule.
func (m *Model) Ways(f policy.Source, s *policy.Service, port uint16) []Way {
	namespace := f.Mesh
	if f.Kind == policy.FromService {
		if m.Principal(f.Service) == "" {
			return []Way{{}}
		}
		namespace = f.Service.Namespace
	}
	var ways []Way
	for _, front := range fronts(s, port) {
		w := Way{Host: front.Host, Port: front.Port}
		if past := departs(f, front.Port, port); past.Capture != policy.Captured {
			w.TLS, w.Past = enforce.NoTLS, past
			if past.Capture == policy.Unclear {
				w.TLS = enforce.UnknownTLS
			}
		} else if d := m.Manifests.Destination(namespace, front.Host, s.Namespace); front.Host != "" && d != nil && d.TLS(front.Port) != enforce.AutoTLS {
			w.TLS, w.Rule = d.TLS(front.Port), d
		} else if peer := m.Callee(s).Unasked(); peer != nil {
			w.TLS, w.Peer = enforce.NoTLS, peer
		}
		ways = append(ways, w)
	}
	for _, w := range ways {
		if w.TLS != ways[0].TLS || w.Rule != ways[0].Rule {
			return ways
		}
	}
	ways[0].Port = 0
	return ways[:1]
}

// fronts is the ports of Services that lead to a container port; without their numbers where these are not known.
func fronts(s *policy.Service, port uint16) (all []policy.Front) {
	if len(s.Fronts) == 0 {
		for _, host := range HostsOf(s) {
			all = append(all, policy.Front{Host: host})
		}
		return all
	}
	for _, f := range s.Fronts {
		if f.Target == port {
			all = append(all, f)
		}
	}
	if len(all) == 0 { // it is called by the addresses of the pods
		all = []policy.Front{{Port: port}}
	}
	return all
}

// departs is whether calls go through the sidecar of a caller: dialed is the port of a Service, 0 where that is not known
// and taken to be the number of the container port.
func departs(f policy.Source, dialed, port uint16) policy.PortCapture {
	if f.Kind != policy.FromService {
		return policy.PortCapture{}
	}
	past := f.Service.Outbound.Of(cmp.Or(dialed, port))
	past.Number = 0
	return past
}

// HostsOf is the names of the Kubernetes Services in front of a service.
func HostsOf(s *policy.Service) []string {
	if len(s.Hosts) == 0 {
		return []string{s.Name}
	}
	return s.Hosts
}

// Refused says why a port of a mode does not take what callers open; empty where it takes it, or that is not known.
func (w *Way) Refused(mode enforce.Mode) string {
	switch {
	case w.TLS == enforce.AutoTLS, w.TLS == enforce.UnknownTLS, mode == enforce.Unknown, mode == enforce.Listener:
	case w.TLS == enforce.IstioTLS && mode == enforce.Disable:
		return w.String() + ", and the port takes plaintext only"
	case w.TLS != enforce.IstioTLS && mode == enforce.Strict:
		return w.String() + ", and the port takes mutual TLS only"
	}
	return ""
}

// Unanswered says why a call to a port that bypasses the proxy of the callee fails; empty where it does not, or that is not
// known. The sidecar of the caller opens mutual TLS to every pod with a sidecar unless the port is DISABLE or a
// DestinationRule says otherwise: pilot/pkg/xds/endpoints/mtls_checker.go of istio/istio.
func (w *Way) Unanswered(mode enforce.Mode) string {
	const nobody = ", which nothing takes at a port that bypasses the proxy"
	switch {
	case w.TLS == enforce.IstioTLS:
		return w.String() + nobody
	case w.TLS == enforce.AutoTLS && (mode == enforce.Strict || mode == enforce.Permissive):
		return "its sidecar opens mutual TLS" + nobody
	}
	return ""
}

// Anonymous reports whether callers have no identity because of what they open.
func (w *Way) Anonymous() bool {
	return w.TLS == enforce.NoTLS || w.TLS == enforce.SimpleTLS || w.TLS == enforce.MutualTLS
}

// At is the object that says what callers open; zero where none does.
func (w *Way) At() source.Span {
	switch {
	case w.Rule != nil:
		return w.Rule.At
	case w.Peer != nil:
		return w.Peer.At
	case w.Past.Capture != policy.Captured:
		return w.Past.At
	}
	return source.Span{}
}

// String says in words what callers open.
func (w *Way) String() string {
	to := ""
	if w.Port != 0 && w.Host != "" {
		to = fmt.Sprintf(" to %s:%d", w.Host, w.Port)
	}
	switch {
	case w.Past.Capture == policy.Bypassed:
		return fmt.Sprintf("calls%s bypass the sidecar of the caller and are in plaintext: %s", to, w.Past.Why)
	case w.Past.Capture == policy.Unclear:
		return fmt.Sprintf("calls%s may bypass the sidecar of the caller: %s", to, w.Past.Why)
	case w.Peer != nil:
		return fmt.Sprintf("PeerAuthentication %s has callers open plaintext%s (DISABLE for the namespace)", w.Peer.ID(), to)
	case w.TLS == enforce.UnknownTLS:
		return fmt.Sprintf("what DestinationRule %s has callers open is not known%s", w.Rule.ID(), to)
	case w.TLS == enforce.NoTLS:
		return fmt.Sprintf("DestinationRule %s has callers open plaintext%s (%s)", w.Rule.ID(), to, w.TLS)
	}
	return fmt.Sprintf("DestinationRule %s has callers open TLS%s (%s)", w.Rule.ID(), to, w.TLS)
}
