package inventory

import (
	"cmp"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
	corev1 "k8s.io/api/core/v1"

	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/compiler/yamldoc"
	"github.com/meshc/meshc/lang/source"
)

// topology is what the settings of a proxy say of the proxies in front of it.
// https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/#Topology
type topology struct {
	stated bool
	trusts string // how it learns the address of a client, in words; empty where it does not
	at     source.Span
}

// topologyOf reads the gatewayTopology of a ProxyConfig.
func topologyOf(config *yaml.Node, at source.Span) topology {
	n := yamldoc.Get(config, "gatewayTopology")
	t := topology{stated: n != nil, at: at}
	switch trusted := yamldoc.Scalar(n, "numTrustedProxies"); {
	case trusted != "" && trusted != "0":
		t.trusts = "numTrustedProxies is " + trusted
	case yamldoc.Get(n, "proxyProtocol") != nil:
		t.trusts = "it takes the PROXY protocol"
	}
	return t
}

// arriving says whose address the packets have that reach the pods of a Service from outside the cluster.
type arriving struct {
	policy.Clients
	inside bool   // nothing outside the cluster calls the Service
	by     string // the Service in words
}

func arrival(o *corev1.Service, at source.Span) arriving {
	c := arriving{Clients: policy.Clients{Address: policy.AddressOfProxy, At: at}, by: fmt.Sprintf("the %s Service %s", o.Spec.Type, o.Name)}
	if len(o.Spec.ExternalIPs) > 0 {
		c.by = "the externalIPs of the Service " + o.Name
	}
	switch name := "the Service " + o.Name; {
	case !reachable(o):
		c.inside = true
		c.Why = name + " is a " + string(cmp.Or(o.Spec.Type, corev1.ServiceTypeClusterIP)) + ", so calls from outside the cluster come through a proxy in front of it, and have its address"
	case o.Spec.Type == corev1.ServiceTypeLoadBalancer && replaced(o) != "":
		c.Why = replaced(o) + " of " + name + " replaces the addresses of clients by its own"
	case o.Spec.ExternalTrafficPolicy == corev1.ServiceExternalTrafficPolicyLocal:
		c.Address, c.Why = policy.AddressInPackets, name+" has externalTrafficPolicy: Local"
	default:
		c.Address, c.Why = policy.AddressOfNode, name+" has no externalTrafficPolicy: Local, so nodes replace the addresses of clients by their own"
	}
	return c
}

// reachable reports whether a Service has addresses outside the cluster.
func reachable(o *corev1.Service) bool {
	return o.Spec.Type == corev1.ServiceTypeLoadBalancer || o.Spec.Type == corev1.ServiceTypeNodePort || len(o.Spec.ExternalIPs) > 0
}

const aws = "service.beta.kubernetes.io/aws-load-balancer-"

// replaced names the load balancer that a Service asks for, if packets from it do not have the addresses of clients.
// https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/guide/service/annotations/
// https://istio.io/latest/docs/tasks/security/authorization/authz-ingress/#source-ip-address-of-the-original-client
func replaced(o *corev1.Service) string {
	ofAWS := false
	for key, value := range o.Annotations {
		plain := strings.ReplaceAll(key, "-", "")
		if strings.Contains(plain, "proxyprotocol") && value != "" && value != "false" && value != "none" {
			return "the load balancer (" + key + ")"
		}
		ofAWS = ofAWS || strings.HasPrefix(key, aws)
	}
	class := ""
	if o.Spec.LoadBalancerClass != nil {
		class = *o.Spec.LoadBalancerClass
	}
	kind := o.Annotations[aws+"type"]
	preserves := strings.Contains(o.Annotations[aws+"target-group-attributes"], "preserve_client_ip.enabled=true")
	toPods := kind == "nlb-ip" || o.Annotations[aws+"nlb-target-type"] == "ip"
	switch network := kind != "" || class == "service.k8s.aws/nlb"; {
	case !ofAWS || preserves:
	case !network:
		return "the classic load balancer of AWS"
	case toPods:
		return "the network load balancer of AWS with pods as targets"
	}
	return ""
}

// see adds what a Service in front of the pods says of the addresses of clients. Of several those count that the
// outside of the cluster calls, and first of these those that hide the addresses.
func (p *pod) see(s *service) {
	rank := func(a arriving) int {
		switch {
		case a.Why == "":
			return 0
		case a.inside:
			return 1
		case a.Address == policy.AddressInPackets:
			return 2
		}
		return 3
	}
	if rank(s.arriving) > rank(p.arriving) {
		p.arriving = s.arriving
	}
}

// judgeClients settles where a workload has the addresses of clients: proxies in front of it report them, if its own
// trusts these.
func (p *pod) judgeClients(meshes []*MeshConfig) {
	if p.Dataplane.Dataplane != policy.Gateway {
		return
	}
	p.Clients = p.arriving.Clients
	t := p.topology
	if !t.stated {
		trusts := func(m *MeshConfig) bool { return m.topology.trusts != "" }
		trusting := 0
		for _, m := range meshes {
			if trusts(m) {
				trusting++
			}
		}
		switch {
		case len(meshes) == 0:
		case trusting == len(meshes):
			t = meshes[0].topology
		case trusting == 0:
			t = topology{stated: true, at: meshes[0].At}
		}
	}
	switch {
	case t.trusts != "":
		p.Clients = policy.Clients{Address: policy.AddressForwarded, Why: t.trusts, At: t.at}
	case t.stated:
		p.Clients.TrustsNone = t.at
	}
}
