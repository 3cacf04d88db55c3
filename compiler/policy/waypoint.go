package policy

import (
	"fmt"
	"path"
	"slices"

	"github.com/meshc/meshc/lang/source"
)

// Waypoint is a proxy of ambient mode that callers pass on their way to Services. It reads requests, and to the pods
// behind it it is the caller: https://istio.io/latest/docs/ambient/usage/waypoint/
type Waypoint struct {
	Namespace, Name string      // of its Gateway
	Account         string      // in Namespace
	At              source.Span // its Gateway, or else what names it
	Known           bool        // the manifests have its Gateway
	Stated          bool        // meshc.yaml names it
	Ingress         bool        // and says that gateways pass it too
	Near            string      // of one that the manifests lack: the one of its namespace with nearly its name
}

// ID is NAMESPACE/NAME.
func (w *Waypoint) ID() string { return w.Namespace + "/" + w.Name }

// Caller is the waypoint as the pods behind it see it. Istio labels its pods with the name of its Gateway:
// https://istio.io/latest/docs/tasks/traffic-management/ingress/gateway-api/#resource-attachment-and-scaling
func (w *Waypoint) Caller() *Service {
	labels := []Label{{"gateway.networking.k8s.io/gateway-name", w.Name}}
	return &Service{Namespace: w.Namespace, Name: w.Name, Account: w.Account, Labels: labels, Dataplane: Gateway, At: w.At}
}

// Principal is the identity of the waypoint.
func (p *Policy) Principal(w *Waypoint) string {
	return Identity{TrustDomain: p.TrustDomain, Namespace: w.Namespace, Account: w.Account}.String()
}

// Through is the ports of Services through which calls pass a waypoint on their way to a service.
func (s *Service) Through() (all []Front) {
	if s.Dataplane != Ambient && s.Dataplane != Sidecar {
		return nil
	}
	if !slices.ContainsFunc(s.Fronts, func(f Front) bool { return f.Waypoint == nil }) {
		return slices.Clip(s.Fronts)
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

// Passes reports whether calls of a source pass the waypoint of a front of a service, and whether all do: sidecars
// connect to the pods themselves, gateways do where nothing says otherwise, and so does who has no identity. Callers
// that move to ambient mode do both, unless the service moves with them: its pods then move after theirs, as far as
// that matters.
// https://istio.io/latest/docs/ambient/usage/waypoint/#configure-a-pod-to-use-a-specific-waypoint
func (p *Policy) Passes(s Source, to *Service, f *Front) (some, all bool) {
	passes := func(s *Service) (some, all bool) {
		some = s.Dataplane == Ambient || s.Dataplane == Gateway && f.Ingress
		return some, some && (!s.Moving || to.Moving)
	}
	switch s.Kind {
	case FromService:
		return passes(s.Service)
	case FromWorld:
		return true, false
	}
	all = true
	for _, m := range p.Meshes {
		if s.Kind == FromMesh && s.Mesh != m.Name {
			continue
		}
		some, all = some || m.Ambient, all && m.Ambient && (!m.Moving || to.Moving)
		for _, one := range m.Services {
			if one.Proxied() && !one.Unnamed {
				does, always := passes(one)
				some, all = some || does, all && always
			}
		}
	}
	return some, all
}

// WaypointWay says how calls to a service in ambient mode can pass a waypoint.
func (s *Service) WaypointWay() string {
	const label = "`istio.io/use-waypoint: waypoint`"
	addressed := slices.IndexFunc(s.Fronts, func(f Front) bool { return !f.Headless })
	switch {
	case addressed >= 0 && s.Fronts[addressed].Idle != nil:
		return fmt.Sprintf("have the waypoint take calls to Services: label the Gateway %s `istio.io/waypoint-for: service`", s.Fronts[addressed].Idle.ID())
	case addressed >= 0:
		return fmt.Sprintf("let calls to it pass a waypoint: label its Service %s %s", s.Fronts[addressed].Host, label)
	case len(s.Fronts) > 0:
		return fmt.Sprintf("let calls to it pass a waypoint: give it a Service with an address beside the headless %s, with the label %s", s.Fronts[0].Host, label)
	case len(s.Pods) > 0:
		return "let calls to it pass a waypoint: give it a Service, with the label " + label
	case s.DataplaneAt.File != nil && path.Base(s.DataplaneAt.File.Name) == "meshc.yaml":
		return fmt.Sprintf("let calls to it pass a waypoint, with `dataplanes: {%s: {ambient: {waypoint: waypoint}}}` in meshc.yaml", s.Namespace)
	}
	return fmt.Sprintf("let calls to it pass a waypoint: label the Namespace %s %s", s.Namespace, label)
}

// WaypointWayTo says how calls to a port of a service in ambient mode can pass a waypoint: its own, where calls to
// other ports do.
func (s *Service) WaypointWayTo(port uint16) string {
	if ways := s.Through(); len(ways) > 0 {
		return fmt.Sprintf("add a port with `targetPort: %d` to its Service %s", port, ways[0].Host)
	}
	return s.WaypointWay()
}

// With is a mesh whose pods in ambient mode, or with sidecars, have another data plane, and a waypoint or none in front
// of them.
func (m *Mesh) With(d Dataplane, w *Waypoint) *Mesh {
	with := *m
	with.Ambient, with.Services = d == Ambient, slices.Clone(m.Services)
	for i, s := range m.Services {
		if s.Dataplane != Ambient && s.Dataplane != Sidecar {
			continue
		}
		one := *s
		one.Dataplane = d
		one.Fronts = slices.DeleteFunc(slices.Clone(s.Fronts), func(f Front) bool { return f.Canary })
		for k := range one.Fronts {
			if f := &one.Fronts[k]; f.Headless || f.Unbound {
				f.Waypoint = nil
			} else {
				f.Waypoint, f.Ingress = w, f.Ingress && w != nil
			}
		}
		if len(s.Fronts)+len(s.Pods) == 0 && w != nil {
			one.Fronts = AssumedFronts(s, w)
		}
		with.Services[i] = &one
	}
	return &with
}

// AssumedFronts is a Kubernetes Service of the name of a service, with its ports, where no manifests say what is in
// front of its pods.
func AssumedFronts(s *Service, w *Waypoint) (all []Front) {
	for _, p := range s.Ports {
		all = append(all, Front{Host: s.Name, Port: p.Number, Target: p.Number, Waypoint: w})
	}
	if len(s.Ports) == 0 {
		all = []Front{{Host: s.Name, Waypoint: w}}
	}
	slices.SortFunc(all, CompareFronts)
	return all
}
