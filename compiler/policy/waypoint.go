package policy

import (
	"slices"

	"github.com/meshc/meshc/lang/source"
)

// Waypoint is a proxy of ambient mode that callers pass on their way to Services. It reads requests, and to the pods behind it
// it is the caller: https://istio.io/latest/docs/ambient/usage/waypoint/
type Waypoint struct {
	Namespace, Name string      // of its Gateway
	Account         string      // in Namespace
	At              source.Span // its Gateway, or else what names it
	Known           bool        // the manifests have its Gateway
	Stated          bool        // meshc.yaml names it
}

// ID is NAMESPACE/NAME.
func (w *Waypoint) ID() string { return w.Namespace + "/" + w.Name }

// Caller is the waypoint as the pods behind it see it.
func (w *Waypoint) Caller() *Service {
	return &Service{Namespace: w.Namespace, Name: w.Name, Account: w.Account, Dataplane: Gateway, At: w.At}
}

// Principal is the identity of the waypoint.
func (p *Policy) Principal(w *Waypoint) string {
	return Identity{TrustDomain: p.TrustDomain, Namespace: w.Namespace, Account: w.Account}.String()
}

// Through is the ports of Services through which calls pass a waypoint on their way to a service.
func (s *Service) Through() (all []Front) {
	if s.Dataplane != Ambient {
		return nil
	}
	for _, f := range s.Fronts {
		if f.Waypoint != nil {
			all = append(all, f)
		}
	}
	return all
}

// ReadsRequests reports whether a proxy on the way to a port of a service reads requests: its sidecar, or a waypoint.
func (s *Service) ReadsRequests(port uint16) bool {
	return s.Dataplane != Ambient || slices.ContainsFunc(s.Through(), func(f Front) bool { _, leads := f.Leads(port); return leads })
}

// Leads reports whether a front leads to a container port, and by which port of the Service.
func (f *Front) Leads(port uint16) (service uint16, ok bool) {
	if f.Target == 0 { // any, by its own number
		return port, true
	}
	return f.Port, f.Target == port
}

// Passes reports whether calls of a source pass the waypoint of a front, and whether some do not: sidecars connect to the pods
// themselves, gateways do where nothing says otherwise, and so does who has no identity.
// https://istio.io/latest/docs/ambient/usage/waypoint/#configure-a-pod-to-use-a-specific-waypoint
func (p *Policy) Passes(s Source, f *Front) (some, all bool) {
	passes := func(s *Service) bool {
		return s.Dataplane == Ambient || s.Dataplane == Gateway && f.Ingress
	}
	switch s.Kind {
	case FromService:
		ok := passes(s.Service)
		return ok, ok
	case FromWorld:
		return true, false
	}
	all = true
	for _, m := range p.Meshes {
		if s.Kind == FromMesh && s.Mesh != m.Name {
			continue
		}
		some, all = some || m.Ambient, all && m.Ambient
		for _, one := range m.Services {
			if one.Proxied() && !one.Unnamed {
				ok := passes(one)
				some, all = some || ok, all && ok
			}
		}
	}
	return some, all
}
