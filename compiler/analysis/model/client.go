package model

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/source"
)

// Way is what the sidecar of a caller opens to a container port through a port of a Kubernetes Service, and what says
// so.
type Way struct {
	TLS      enforce.ClientTLS
	Rule     *enforce.Destination // nil where none sets it
	Peer     *enforce.Object      // in place of Rule: that the namespace takes no mutual TLS
	Headless bool                 // in place of Rule: mutual TLS, because the Service is headless
	Past     policy.PortCapture   // in place of Rule: that calls bypass the sidecar, or may
	Direct   bool                 // in place of Rule: no Service leads there, so that calls go to the address of a pod
	Doubt    string               // why it is not known what Rule has callers open, where Port does not decide it
	Host     string
	Port     uint16 // of the Service, or where Direct of the pod; 0 where it is not known, or makes no difference
}

// Ways is how the sidecars of a source call a container port; 0 stands for the ports that nothing names. There is one
// way where all are alike. A caller without a sidecar obeys no rule. The callee is where the service is protected.
func (m *Model) Ways(f policy.Source, s *policy.Service, callee *enforce.Point, port uint16) []Way {
	if m.Policy.Meshless { // calls are as the application sends them
		return []Way{{}}
	}
	caller, gateway := enforce.Workload{Namespace: f.Mesh}, false
	if f.Kind == policy.FromService {
		if m.Principal(f.Service) == "" {
			return []Way{{}}
		}
		caller.Namespace, gateway = f.Service.Namespace, f.Service.Dataplane == policy.Gateway
		if len(m.Manifests.Destinations) > 0 {
			caller.Labels = f.Service.Selector()
		}
	}
	var ways []Way
	for _, front := range fronts(s, port, gateway) {
		w := Way{Host: front.Host, Port: front.Port}
		past := departs(f, front.Port, port)
		switch {
		case past.Capture != policy.Captured:
			w.TLS, w.Past = enforce.NoTLS, past
			if past.Capture == policy.Unclear {
				w.TLS = enforce.UnknownTLS
			}
		case direct(f, s, front, port):
			w.TLS, w.Direct = enforce.NoTLS, true
		default:
			front.Headless = front.Headless && !gateway
			m.open(&w, caller, s, callee, front, gateway)
		}
		ways = append(ways, w)
	}
	for _, w := range ways {
		if w.TLS != ways[0].TLS || w.Rule != ways[0].Rule {
			return ways
		}
	}
	if !ways[0].Direct {
		ways[0].Port = 0
	}
	return ways[:1]
}

// open says what the sidecars of callers open to a port of a Service.
func (m *Model) open(w *Way, caller enforce.Workload, s *policy.Service, callee *enforce.Point, front policy.Front, gateway bool) {
	possible := []*enforce.Destination{nil}
	if front.Host != "" {
		possible = m.Manifests.DestinationsOf(caller, front.Host, s.Namespace)
	}
	unasked, surely := callee.Unasked()
	for i, d := range possible {
		one := Way{Rule: d, Host: w.Host, Port: w.Port}
		byEndpoint, dials := true, enforce.Dialing{}
		if d != nil {
			one.TLS, byEndpoint = d.TLS(front.Port)
			dials = d.Dialing(front.Port)
		}
		if dials.Secret && !gateway && (one.TLS == enforce.SimpleTLS || one.TLS == enforce.MutualTLS) {
			one.TLS = enforce.NoTLS
		}
		switch {
		case byEndpoint && surely:
			one.TLS, one.Rule, one.Peer = enforce.NoTLS, nil, unasked
		case byEndpoint && dials.Passthrough && s.Proxied() && s.Dataplane == policy.Sidecar:
			one.TLS = enforce.IstioTLS
		case byEndpoint && front.Headless && s.Proxied() && s.Dataplane == policy.Sidecar:
			one.TLS, one.Rule, one.Headless = enforce.IstioTLS, nil, true
		case one.TLS == enforce.AutoTLS:
			one.Rule = nil
		}
		if byEndpoint && unasked != nil && !surely && one.TLS != enforce.NoTLS {
			one.TLS, one.Rule, one.Peer, one.Headless = enforce.UnknownTLS, nil, unasked, false
		}
		switch {
		case i == 0:
			*w = one
		case one.TLS != w.TLS:
			*w = Way{TLS: enforce.UnknownTLS, Rule: cmp.Or(w.Rule, one.Rule), Doubt: doubt(possible), Host: w.Host, Port: w.Port}
		}
	}
}

// doubt is why it is not known which of several rules callers obey.
func doubt(rules []*enforce.Destination) string {
	for _, d := range rules {
		switch {
		case d != nil && d.Revision != "":
			return fmt.Sprintf("only an istiod of the revision %s reads %s", d.Revision, d.ID())
		case d != nil && d.Selective:
			return fmt.Sprintf("%s is about callers with certain labels, and whether these have them is not known", d.ID())
		}
	}
	if slices.Contains(rules, nil) || slices.ContainsFunc(rules, func(d *enforce.Destination) bool { return d.Host != rules[0].Host || !d.Created.IsZero() }) {
		return "a rule that only istiods of some revisions read may hide it"
	}
	return fmt.Sprintf("the oldest of the rules for %s counts, and the manifests do not say which that is", rules[0].Host)
}

// fronts is the ports of Services that lead to a container port; without their numbers where these are not known.
func fronts(s *policy.Service, port uint16, toGateway bool) (all []policy.Front) {
	if len(s.Fronts) == 0 {
		for _, host := range HostsOf(s) {
			all = append(all, policy.Front{Host: host})
		}
		return all
	}
	if all = s.Leading(port, toGateway); len(all) == 0 {
		all = []policy.Front{{Port: port}}
	}
	return all
}

// direct reports whether the sidecars of callers know nothing of where a call goes, since no Service leads to a
// container port of the callee. They pass such a call on as it comes: buildOutboundCatchAllNetworkFiltersOnly in
// pilot/pkg/networking/core/listener_builder.go of istio/istio. A node in ambient mode knows every pod by its address.
func direct(f policy.Source, callee *policy.Service, front policy.Front, port uint16) bool {
	sidecar := f.Kind != policy.FromService || f.Service.Dataplane == policy.Sidecar
	return front.Host == "" && port != 0 && sidecar && callee.Dataplane == policy.Sidecar
}

// departs is whether calls go through the sidecar of a caller: dialed is the port of a Service, 0 where that is not
// known and taken to be the number of the container port.
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

// Unanswered says why a call to a port that bypasses the proxy of the callee fails; empty where it does not, or that is
// not known. The sidecar of the caller opens mutual TLS to every pod with a sidecar unless the port is DISABLE or a
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
	case w.Direct:
		return fmt.Sprintf("no Service leads to port %d, so calls go to the address of a pod, and sidecars add no mutual TLS to them", w.Port)
	case w.Peer != nil && w.TLS == enforce.UnknownTLS:
		return fmt.Sprintf("whether PeerAuthentication %s has callers open plaintext%s is not known", w.Peer.ID(), to)
	case w.Peer != nil:
		return fmt.Sprintf("PeerAuthentication %s has callers open plaintext%s (DISABLE for the namespace)", w.Peer.ID(), to)
	case w.Headless:
		return fmt.Sprintf("callers open mutual TLS%s, whatever the port takes, because the Service is headless", to)
	case w.Doubt != "":
		return fmt.Sprintf("what DestinationRule %s has callers open is not known%s: %s", w.Rule.ID(), to, w.Doubt)
	case w.TLS == enforce.UnknownTLS:
		return fmt.Sprintf("what DestinationRule %s has callers open is not known%s", w.Rule.ID(), to)
	case w.TLS == enforce.NoTLS && w.Rule.Dialing(w.Port).Secret:
		return fmt.Sprintf("DestinationRule %s has sidecars open plaintext%s, which take a credentialName only with a workloadSelector", w.Rule.ID(), to)
	case w.TLS == enforce.NoTLS:
		return fmt.Sprintf("DestinationRule %s has callers open plaintext%s (%s)", w.Rule.ID(), to, w.TLS)
	case w.TLS == enforce.IstioTLS && w.Rule.Dialing(w.Port).Passthrough:
		return fmt.Sprintf("DestinationRule %s has callers open mutual TLS%s, whatever the port takes (PASSTHROUGH)", w.Rule.ID(), to)
	}
	return fmt.Sprintf("DestinationRule %s has callers open TLS%s (%s)", w.Rule.ID(), to, w.TLS)
}
