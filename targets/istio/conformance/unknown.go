package conformance

import (
	"fmt"

	clusters "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	listeners "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	tcp "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/tcp_proxy/v3"

	"istio.io/istio/pilot/pkg/model"
	istiocore "istio.io/istio/pilot/pkg/networking/core"
)

// Blocked is a call that the sidecar of its caller lets go nowhere.
const Blocked Opened = "nothing"

// OpensUnknown returns what the sidecar of a workload opens to an address that is of no Service, such as that of a pod.
func (i *Istiod) OpensUnknown(w Workload) (Opened, error) {
	caller, cluster := i.Caller(w), ""
	generator := istiocore.NewConfigGenerator(&model.DisabledCache{})
	for _, l := range generator.BuildListeners(caller, i.push) {
		if l.Name != model.VirtualOutboundListenerName {
			continue
		}
		for _, chain := range l.FilterChains {
			if chain.Name == model.VirtualOutboundCatchAllTCPFilterChainName {
				var err error
				if cluster, err = proxied(chain); err != nil {
					return "", err
				}
			}
		}
	}
	resources, _ := generator.BuildClusters(caller, &model.PushRequest{Push: i.push})
	for _, r := range resources {
		c := &clusters.Cluster{}
		if err := r.Resource.UnmarshalTo(c); err != nil {
			return "", err
		}
		switch {
		case c.Name != cluster:
		case c.GetType() == clusters.Cluster_ORIGINAL_DST && len(c.TransportSocketMatches) == 0:
			return open(c.TransportSocket)
		case c.GetType() == clusters.Cluster_STATIC && c.LoadAssignment == nil:
			return Blocked, nil
		default:
			return "", fmt.Errorf("the cluster %s leads elsewhere", c.Name)
		}
	}
	return "", fmt.Errorf("there is no cluster %q", cluster)
}

// proxied returns the cluster that a filter chain passes connections on to.
func proxied(chain *listeners.FilterChain) (string, error) {
	for _, f := range chain.Filters {
		p := &tcp.TcpProxy{}
		if f.GetTypedConfig().MessageIs(p) {
			err := f.GetTypedConfig().UnmarshalTo(p)
			return p.GetCluster(), err
		}
	}
	return "", fmt.Errorf("the filter chain %s passes nothing on", chain.Name)
}
