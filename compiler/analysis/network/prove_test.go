package network

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/compiler/policy"
)

// The proof finds what the network shuts of an edge, and what it opens beside the edges.
func TestProve(t *testing.T) {
	service := func(name string) *policy.Service {
		return &policy.Service{Namespace: "shop", Name: name, Account: name, Labels: []policy.Label{{Key: "app", Value: name}}}
	}
	web, api := service("web"), service("api")
	api.Ports = []policy.Port{{Number: 8080, Protocol: policy.HTTP}}
	edge := policy.Rule{From: []policy.Source{{Service: web}}}
	edge.Ports = []uint16{8080}
	api.Allow = []policy.Rule{edge}
	p := &policy.Policy{TrustDomain: "cluster.local", RootNamespace: "istio-system", Meshes: []*policy.Mesh{{Name: "shop", Closed: true, Services: []*policy.Service{api, web}}}}
	in := NewIntents(p)
	labels := func(name string) Selector { return Selector{{"app", In, []string{name}}} }
	closed := &Policy{Kind: "NetworkPolicy", Namespace: "shop", Name: "default-deny", Isolates: [2]bool{true, false}}
	closed.Rules[Ingress] = []Rule{{Ports: []Ports{{TCP, 15020, 15021, ""}, {TCP, 15090, 15090, ""}}}}
	with := func(peers []Peer, ports ...Ports) *Layer {
		open := &Policy{Kind: "NetworkPolicy", Namespace: "shop", Name: "api-ingress", Selector: labels("api"), Isolates: [2]bool{true, false}}
		open.Rules[Ingress] = []Rule{{Peers: peers, Ports: ports}}
		return NewLayer([]*Policy{closed, open}, nil)
	}
	caller := []Peer{{Namespace: "shop", Pods: labels("web")}}
	port := Ports{Protocol: TCP, First: 8080, Last: 8080}
	for _, c := range []struct {
		name, want string
		layer      *Layer
	}{
		{"exact", "", with(caller, port)},
		{"shut", "ingress of shop/web to shop/api, TCP port 8080, is denied", NewLayer([]*Policy{closed}, nil)},
		{"another port", "TCP port 8081, is allowed", with(caller, Ports{TCP, 8080, 8081, ""})},
		{"every port", "TCP port 1, is allowed", with(caller)},
		{"UDP beside it", "UDP port 8080, is allowed", with(caller, port, Ports{UDP, 8080, 8080, ""})},
		{"everyone", "ingress of pods of other namespaces to shop/api", with(nil, port)},
		{"a namespace", "ingress of another pod of shop to shop/api", with([]Peer{{Namespace: "shop"}}, port)},
		{"addresses", "ingress of 10.0.0.0/8 to shop/api", with(append([]Peer{{Block: netip.MustParsePrefix("10.0.0.0/8")}}, caller...), port)},
		{"not isolated", "is allowed: no policy of the network is about it, not denied", NewLayer(nil, nil)},
	} {
		witnesses, err := in.Prove(t.Context(), c.layer, [2]bool{true, false})
		require.NoError(t, err)
		assert.Equal(t, c.want == "", len(witnesses) == 0, "%s: %v", c.name, witnesses)
		assert.Contains(t, strings.Join(witnesses, "\n"), c.want, c.name)
	}
}
