package conformance

import (
	"fmt"

	clusters "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	tls "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"

	"istio.io/istio/pilot/pkg/model"
	istiocore "istio.io/istio/pilot/pkg/networking/core"
	"istio.io/istio/pilot/pkg/serviceregistry/memory"
	"istio.io/istio/pilot/pkg/xds/endpoints"
	istiocluster "istio.io/istio/pkg/cluster"
	"istio.io/istio/pkg/config/host"
	"istio.io/istio/pkg/config/mesh/meshwatcher"
	"istio.io/istio/pkg/config/protocol"
)

// Service is a Kubernetes Service in front of pods with sidecars.
type Service struct {
	Namespace, Name string
	Pods            map[string]string // their labels
	Headless        bool
	Ports           []ServicePort
}

// ServicePort is a port of a Service.
type ServicePort struct{ Number, Target uint16 }

func (s *Service) host() string { return s.Name + "." + s.Namespace + ".svc.cluster.local" }

// reached returns the port of a pod that sidecars connect to for a port of a Service: one that is headless translates
// none.
func (s *Service) reached(p ServicePort) uint16 {
	if s.Headless {
		return p.Number
	}
	return p.Target
}

// register adds Services, and a pod behind each, to what istiod knows.
func register(env *model.Environment, services []Service) error {
	registry := memory.NewServiceDiscovery()
	registry.ClusterID = istiocluster.ID("Kubernetes")
	updater := model.NewEndpointIndexUpdater(env.EndpointIndex)
	registry.XdsUpdater = updater
	for i := range services {
		s := &services[i]
		known := &model.Service{
			Hostname: host.Name(s.host()), DefaultAddress: fmt.Sprintf("10.1.0.%d", i+1),
			Attributes: model.ServiceAttributes{Name: s.Name, Namespace: s.Namespace},
		}
		if s.Headless {
			known.DefaultAddress, known.Resolution = "0.0.0.0", model.Passthrough
		}
		for _, p := range s.Ports {
			known.Ports = append(known.Ports, &model.Port{Name: fmt.Sprintf("http-%d", p.Number), Port: int(p.Number), Protocol: protocol.HTTP})
		}
		registry.AddService(known)
		for j, p := range s.Ports {
			registry.AddInstance(&model.ServiceInstance{Service: known, ServicePort: known.Ports[j], Endpoint: &model.IstioEndpoint{
				Addresses: []string{fmt.Sprintf("10.2.0.%d", i+1)}, EndpointPort: uint32(p.Target), ServicePortName: known.Ports[j].Name,
				Namespace: s.Namespace, Labels: s.Pods, TLSMode: model.IstioMutualTLSModeLabel,
			}})
		}
	}
	env.ServiceDiscovery, env.NetworksWatcher = registry, meshwatcher.NewFixedNetworksWatcher(nil)
	return env.InitNetworksManager(updater)
}

// Caller returns the sidecar of a workload that calls others.
func (i *Istiod) Caller(w Workload) *model.Proxy {
	proxy := &model.Proxy{
		Type: model.SidecarProxy, ID: "caller." + w.Namespace, IPAddresses: []string{"10.3.0.1"}, ConfigNamespace: w.Namespace,
		DNSDomain: w.Namespace + ".svc.cluster.local", Labels: w.Labels, Metadata: &model.NodeMetadata{Namespace: w.Namespace},
		IstioVersion: model.MaxIstioVersion,
	}
	proxy.SetSidecarScope(i.push)
	proxy.DiscoverIPMode()
	return proxy
}

// Gateway returns the proxy of a gateway that calls others.
func (i *Istiod) Gateway(w Workload) *model.Proxy {
	proxy := i.Caller(w)
	proxy.Type = model.Router
	proxy.SetSidecarScope(i.push)
	return proxy
}

// Opened is what a caller opens to a pod.
type Opened string

const (
	Plaintext  Opened = "plaintext"
	ForeignTLS Opened = "TLS without the identity of the mesh"
	MeshTLS    Opened = "mutual TLS of the mesh"
)

// Opens returns what a sidecar opens to the pod behind each port of each Service, by the name of Envoy's cluster.
func (i *Istiod) Opens(caller *model.Proxy) (map[string]Opened, error) {
	resources, _ := istiocore.NewConfigGenerator(&model.DisabledCache{}).BuildClusters(caller, &model.PushRequest{Push: i.push})
	opened := map[string]Opened{}
	for _, r := range resources {
		c := &clusters.Cluster{}
		if err := r.Resource.UnmarshalTo(c); err != nil {
			return nil, err
		}
		if direction, _, _, _ := model.ParseSubsetKey(c.Name); direction != model.TrafficDirectionOutbound {
			continue
		}
		socket, err := i.socket(caller, c)
		if err == nil {
			opened[c.Name], err = open(socket)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.Name, err)
		}
	}
	return opened, nil
}

// socket returns the transport that Envoy chooses for the endpoint of a cluster, nil for plaintext.
func (i *Istiod) socket(caller *model.Proxy, c *clusters.Cluster) (*core.TransportSocket, error) {
	if len(c.TransportSocketMatches) == 0 {
		return c.TransportSocket, nil
	}
	builder := endpoints.NewEndpointBuilder(c.Name, caller, i.push)
	assigned := builder.BuildClusterLoadAssignment(i.endpoints)
	if len(assigned.Endpoints) != 1 || len(assigned.Endpoints[0].LbEndpoints) != 1 {
		return nil, fmt.Errorf("%d groups of endpoints", len(assigned.Endpoints))
	}
	of := assigned.Endpoints[0].LbEndpoints[0].GetMetadata().GetFilterMetadata()["envoy.transport_socket_match"].GetFields()
	for _, m := range c.TransportSocketMatches {
		matches := true
		for key, value := range m.Match.GetFields() {
			matches = matches && of[key].GetStringValue() == value.GetStringValue()
		}
		if matches {
			return m.TransportSocket, nil
		}
	}
	return nil, fmt.Errorf("no transport for the endpoint")
}

func open(socket *core.TransportSocket) (Opened, error) {
	if socket == nil || socket.Name == "envoy.transport_sockets.raw_buffer" {
		return Plaintext, nil
	}
	c := &tls.UpstreamTlsContext{}
	if err := socket.GetTypedConfig().UnmarshalTo(c); err != nil {
		return "", err
	}
	for _, certificate := range c.GetCommonTlsContext().GetTlsCertificateSdsSecretConfigs() {
		if certificate.Name == "default" {
			return MeshTLS, nil
		}
	}
	return ForeignTLS, nil
}
