package istio

import (
	"slices"
	"strings"

	networking "istio.io/api/networking/v1alpha3"

	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/targets"
)

// hostsOf returns the Services in front of a workload, as a Sidecar names them.
func hostsOf(s *policy.Service) []string {
	if s.Unnamed {
		return []string{s.Namespace + "/*"}
	}
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

// sidecar emits the Sidecar of a workload, which lets it call only the control plane and the callees of its edges. No
// call that the policy allows may fail in the caller's own sidecar. So a callee with the source NAMESPACE/* is a host
// of every workload in that namespace, and one with the source any or world is a host of every workload.
func (b *builder) sidecar(m *policy.Mesh, s *policy.Service) {
	hosts := []string{b.root + "/*"}
	files := slices.Clone(m.Files)
	for _, from := range []policy.Source{{Service: s}, {Kind: policy.FromMesh, Mesh: m.Name}, {Kind: policy.FromAny}, {Kind: policy.FromWorld}} {
		for e := range b.edges.From(from) {
			switch {
			case e.To != nil:
				hosts = append(hosts, hostsOf(e.To)...)
				b.unled(s, e)
				if !e.To.Proxied() && len(e.To.Addresses) > 0 {
					b.findings.Add(diag.Ineffective, e.To.At,
						"the Sidecar of %s lets it call %s by the name of a Service only, not by address", s.ID(), e.To.ID()).
						WithHelp("declare an external for what has a host name outside the cluster")
				}
			case from.Kind >= policy.FromAny && e.External.Namespace != m.Name:
				continue // an external is visible only in its own namespace
			default:
				for _, host := range e.External.Hosts {
					hosts = append(hosts, "./"+host)
				}
			}
			if file := e.File(); file != "" {
				files = append(files, file)
			}
		}
	}
	slices.Sort(hosts)
	spec := &networking.Sidecar{
		WorkloadSelector:      &networking.WorkloadSelector{Labels: labelMap(s.Labels)},
		Egress:                []*networking.IstioEgressListener{{Hosts: apart(slices.Compact(hosts), m.Name)}},
		OutboundTrafficPolicy: &networking.OutboundTrafficPolicy{Mode: networking.OutboundTrafficPolicy_REGISTRY_ONLY},
	}
	b.add(b.draft(waveSidecar, b.networking, "Sidecar", m.Name, s.Name, targets.OfFiles(files), spec))
}

// apart drops each host whose whole namespace is a host, too, as Istio wants it; `.` is the namespace of the Sidecar
// itself.
func apart(hosts []string, own string) []string {
	return slices.DeleteFunc(slices.Clone(hosts), func(host string) bool {
		namespace, name, _ := strings.Cut(host, "/")
		if namespace == "." {
			namespace = own
		}
		return name != "*" && slices.Contains(hosts, namespace+"/*")
	})
}

// unled reports an edge to a port that its caller can reach at the addresses of pods only, which its Sidecar does not
// know.
func (b *builder) unled(s *policy.Service, e *policy.Edge) {
	if len(e.To.Fronts) == 0 || e.From.Service != s {
		return
	}
	for _, port := range e.Rule.Ports {
		if len(e.To.Leading(port, s.Dataplane == policy.Gateway)) == 0 {
			b.findings.Add(diag.Ineffective, e.Rule.ToAt, "the Sidecar of %s lets it call %s by the names of Services, and none leads to port %d", s.ID(), e.To.ID(), port).
				WithHelp("add the port to a Service of %s", e.To.Name)
		}
	}
}
