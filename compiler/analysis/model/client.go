package model

import (
	"fmt"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/policy"
)

// Opens is what the sidecar of a caller opens to a port of a service, and the DestinationRule that says so; nil where none
// does. A caller without a sidecar obeys none.
func (m *Model) Opens(f policy.Source, s *policy.Service, port uint16) (enforce.ClientTLS, *enforce.Destination) {
	namespace := f.Mesh
	if f.Kind == policy.FromService {
		if m.Principal(f.Service) == "" {
			return enforce.AutoTLS, nil
		}
		namespace = f.Service.Namespace
	}
	for _, host := range HostsOf(s) {
		if d := m.Manifests.Destination(namespace, host, s.Namespace); d != nil && d.TLS(port) != enforce.AutoTLS {
			return d.TLS(port), d
		}
	}
	return enforce.AutoTLS, nil
}

// HostsOf is the names of the Kubernetes Services in front of a service.
func HostsOf(s *policy.Service) []string {
	if len(s.Hosts) == 0 {
		return []string{s.Name}
	}
	return s.Hosts
}

// Opening says in words what a DestinationRule has callers open.
func Opening(tls enforce.ClientTLS, rule *enforce.Destination) string {
	what := "TLS"
	if tls == enforce.NoTLS {
		what = "plaintext"
	}
	return fmt.Sprintf("DestinationRule %s has callers open %s (%s)", rule.ID(), what, tls)
}
