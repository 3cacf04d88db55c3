package conformance

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"github.com/cilium/cilium/pkg/identity"
	"github.com/cilium/cilium/pkg/labels"

	meshc "github.com/meshc/meshc/compiler/policy"
)

// end is one end of connections: a pod, an address outside the cluster, or a node.
type end struct {
	name               string
	namespace, account string // of a pod
	labels             map[string]string
	address            netip.Addr     // of what is outside; not valid for a node
	host               string         // for what a name leads to
	service            *meshc.Service // nil for pods that the project does not know
	identity           *identity.Identity
}

// principal is who the end is to the mesh; empty for what is no pod.
func (e *end) principal() string {
	if e.namespace == "" {
		return ""
	}
	return meshc.Identity{TrustDomain: "cluster.local", Namespace: e.namespace, Account: e.account}.String()
}

// The labels that Cilium gives every pod, and the first numbers of its identities for pods and for addresses.
const (
	namespaceLabel = "io.kubernetes.pod.namespace"
	accountLabel   = "io.cilium.k8s.policy.serviceaccount"
	clusterLabel   = "io.cilium.k8s.policy.cluster"
	clusterName    = "default"
	metadataLabel  = "io.cilium.k8s.namespace.labels.kubernetes.io/metadata.name"

	firstPod     = identity.NumericIdentity(1000)
	firstAddress = identity.IdentityScopeLocal + 1000
)

// identify gives the end the identity that Cilium would.
func (e *end) identify(n int) {
	switch {
	case e.namespace != "":
		all := maps.Clone(e.labels)
		all[namespaceLabel], all[accountLabel], all[clusterLabel], all[metadataLabel] = e.namespace, e.account, clusterName, e.namespace
		var array labels.LabelArray
		for key, value := range all {
			array = append(array, labels.NewLabel(key, value, labels.LabelSourceK8s))
		}
		e.identity = identity.NewIdentityFromLabelArray(firstPod+identity.NumericIdentity(n), array.Sort())
	case e.address.IsValid():
		of := labels.GetCIDRLabels(netip.PrefixFrom(e.address, e.address.BitLen()))
		e.identity = identity.NewIdentity(firstAddress+identity.NumericIdentity(n), of)
	default:
		e.identity = identity.LookupReservedIdentity(identity.ReservedIdentityRemoteNode)
	}
}

// ends is a pod of every kind that the project has, some that it does not know, addresses and a node.
func ends(p *meshc.Policy) (all []*end) {
	add := func(e end) {
		e.identify(len(all))
		all = append(all, &e)
	}
	for _, m := range p.Meshes {
		for _, s := range m.Services {
			if s.Unnamed || !s.Proxied() {
				continue
			}
			pods := s.Pods
			if len(pods) == 0 {
				of := map[string]string{}
				for _, l := range s.Labels {
					of[l.Key] = l.Value
				}
				pods = []map[string]string{of}
			}
			for _, account := range slices.Concat([]string{s.Account}, s.Was) {
				add(end{name: s.ID() + " as " + account, namespace: s.Namespace, account: account, labels: pods[0], service: s})
			}
		}
		add(end{name: "another pod of " + m.Name, namespace: m.Name, account: "default", labels: map[string]string{"app": "other"}})
	}
	add(end{name: "a pod of another namespace", namespace: "elsewhere", account: "s0", labels: map[string]string{"app": "s0"}})
	add(end{name: "a pod of kube-system", namespace: "kube-system", account: "s0", labels: map[string]string{"app": "s0"}})
	for _, ip := range []string{"10.0.3.9", "10.0.3.200", "192.0.2.7", "192.0.2.8", "2001:db8::7", "198.51.100.1"} {
		add(end{name: ip, address: netip.MustParseAddr(ip)})
	}
	add(end{name: "a node"})
	return all
}

func (e *end) String() string { return fmt.Sprintf("%s (%s)", e.name, e.identity.LabelArray) }
