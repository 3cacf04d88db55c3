package istio

import (
	"slices"

	networking "istio.io/api/networking/v1alpha3"

	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/diag"
)

// reach is the edges read backwards: which hosts a workload may call. What the policy lets through must not fail in
// the caller's own sidecar, so a callee that lets in a whole mesh is a host of every workload in it, and one that lets
// in `any` or `world` is a host of every workload there is.
type reach struct {
	services map[string][]hop // by NAMESPACE/NAME
	meshes   map[string][]hop
	everyone []hop
	within   map[string][]hop // externals that everyone in a namespace may call
}

type hop struct {
	hosts []string // as a Sidecar names them
	file  string   // of the edge
	calls *policy.Service
}

func reachOf(p *policy.Policy) *reach {
	r := &reach{map[string][]hop{}, map[string][]hop{}, nil, map[string][]hop{}}
	for _, m := range p.Meshes {
		for _, s := range m.Services {
			hosts := hostsOf(s)
			for i := range s.Allow {
				h := hop{hosts: hosts, calls: s}
				if f := s.Allow[i].At.File; f != nil {
					h.file = f.Name
				}
				for _, from := range s.Allow[i].From {
					r.add(from, h, "")
				}
			}
		}
		for _, x := range m.Externals {
			h := hop{hosts: make([]string, len(x.Hosts))}
			for i, host := range x.Hosts {
				h.hosts[i] = "./" + host
			}
			if x.At.File != nil {
				h.file = x.At.File.Name
			}
			for _, from := range x.Callers {
				r.add(from, h, x.Namespace)
			}
		}
	}
	return r
}

// add notes that from may make the hop, which only the namespace within sees where that is given.
func (r *reach) add(from policy.Source, h hop, within string) {
	switch from.Kind {
	case policy.FromService:
		r.services[from.Service.ID()] = append(r.services[from.Service.ID()], h)
	case policy.FromMesh:
		r.meshes[from.Mesh] = append(r.meshes[from.Mesh], h)
	default:
		if within != "" {
			r.within[within] = append(r.within[within], h)
		} else {
			r.everyone = append(r.everyone, h)
		}
	}
}

// hostsOf is the Services in front of a workload, as a Sidecar names them.
func hostsOf(s *policy.Service) []string {
	names := s.Hosts
	if len(names) == 0 {
		names = []string{s.Name}
	}
	hosts := make([]string, len(names))
	for i, name := range names {
		hosts[i] = s.Namespace + "/" + name + "." + s.Namespace + ".svc.cluster.local"
	}
	return hosts
}

// sidecar lets a workload call what its edges name and the control plane, and nothing else.
func (b *builder) sidecar(m *policy.Mesh, s *policy.Service) {
	hosts := []string{b.root + "/*"}
	files := slices.Clone(m.Files)
	for _, hops := range [...][]hop{b.reach.services[s.ID()], b.reach.meshes[m.Name], b.reach.within[m.Name], b.reach.everyone} {
		for _, h := range hops {
			hosts = append(hosts, h.hosts...)
			if h.file != "" {
				files = append(files, h.file)
			}
			if h.calls != nil && h.calls.Outside && len(h.calls.Addresses) > 0 {
				b.findings.Add(diag.Ineffective, h.calls.At,
					"the Sidecar of %s lets it call %s by the name of a Service only, not by address", s.ID(), h.calls.ID()).
					WithHelp("declare an external for what has a host name outside the cluster")
			}
		}
	}
	spec := &networking.Sidecar{
		WorkloadSelector:      &networking.WorkloadSelector{Labels: labelMap(s.Labels)},
		Egress:                []*networking.IstioEgressListener{{Hosts: distinct(hosts)}},
		OutboundTrafficPolicy: &networking.OutboundTrafficPolicy{Mode: networking.OutboundTrafficPolicy_REGISTRY_ONLY},
	}
	b.add(b.draft(waveSidecar, b.networking, "Sidecar", m.Name, s.Name, fromFiles(files), spec))
}
