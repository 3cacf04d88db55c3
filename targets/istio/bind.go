package istio

import (
	selector "istio.io/api/type/v1beta1"

	"github.com/meshc/meshc/compiler/bearing"
	"github.com/meshc/meshc/compiler/policy"
)

// bind returns what binds an object to the pods of a service: a selector, or for a Gateway of the Kubernetes Gateway
// API, whose pods no selector binds, its name. See ShouldAttachPolicy in
// istio.io/istio/pilot/pkg/model/policyattachment.go.
func bind(s *policy.Service) (*selector.WorkloadSelector, []*selector.PolicyTargetReference) {
	for _, l := range s.Labels {
		if l.Key == bearing.GatewayName && s.Dataplane == policy.Gateway {
			return nil, []*selector.PolicyTargetReference{{Group: "gateway.networking.k8s.io", Kind: "Gateway", Name: l.Value}}
		}
	}
	return selectorOf(s.Labels), nil
}

// place is where the policies of a service are bound.
type place struct {
	name     string // of the objects, before what an action adds
	kinds    string // what they end with
	selector *selector.WorkloadSelector
	targets  []*selector.PolicyTargetReference
}

func placeOf(s *policy.Service) place {
	p := place{name: s.Name}
	p.selector, p.targets = bind(s)
	return p
}
