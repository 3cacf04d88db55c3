package conformance

import (
	"istio.io/istio/pilot/pkg/model"
	"istio.io/istio/pilot/pkg/networking"
	"istio.io/istio/pilot/pkg/networking/plugin/authz"
	"istio.io/istio/pilot/pkg/security/authn"
	"istio.io/istio/pilot/pkg/serviceregistry/provider"

	"github.com/meshc/meshc/targets/istio/conformance/envoy"
)

// Waypoint builds the filters of a waypoint, the Gateway of a namespace, for requests to one Service, as
// buildWaypointInternal in pilot/pkg/networking/core/listener_waypoint.go does. They see the port of the Service.
func (i *Istiod) Waypoint(namespace, gateway, serviceNamespace, service string) (Chains, error) {
	proxy, to := waypoint(namespace, gateway, serviceNamespace, service)
	local := authz.NewBuilderForService(authz.Local, i.push, proxy, true, to)
	http, err := envoy.HTTP(local.BuildHTTP(networking.ListenerClassSidecarInbound))
	if err != nil {
		return Chains{}, err
	}
	tcp, err := envoy.TCP(local.BuildTCP())
	if err != nil {
		return Chains{}, err
	}
	tokens, err := envoy.ReadTokens(authn.NewPolicyApplier(i.push, proxy, to).JwtFilter(true))
	return Chains{http, tcp, tokens}, err
}

// WaypointAsks builds the filters of a waypoint for CUSTOM policies alone, as Asks does those of a workload.
func (i *Istiod) WaypointAsks(namespace, gateway, serviceNamespace, service string) (Chains, error) {
	proxy, to := waypoint(namespace, gateway, serviceNamespace, service)
	custom := authz.NewBuilderForService(authz.Custom, i.push, proxy, true, to)
	http, err := envoy.HTTP(custom.BuildHTTP(networking.ListenerClassSidecarInbound))
	if err != nil {
		return Chains{}, err
	}
	tcp, err := envoy.TCP(custom.BuildTCP())
	return Chains{HTTP: http, TCP: tcp}, err
}

func waypoint(namespace, gateway, serviceNamespace, service string) (*model.Proxy, *model.Service) {
	proxy := &model.Proxy{
		Type: model.Waypoint, ConfigNamespace: namespace, Metadata: &model.NodeMetadata{Namespace: namespace},
		Labels: map[string]string{"gateway.networking.k8s.io/gateway-name": gateway},
	}
	to := &model.Service{Attributes: model.ServiceAttributes{Name: service, Namespace: serviceNamespace, ServiceRegistry: provider.Kubernetes}}
	return proxy, to
}
