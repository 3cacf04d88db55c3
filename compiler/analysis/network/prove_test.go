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
	named := func(key string, o Operator, values ...string) []Peer {
		return []Peer{{Namespace: "shop", Pods: Selector{{key, o, values}}}}
	}
	block := netip.MustParsePrefix("10.0.0.0/8")
	for _, c := range []struct {
		name, want string
		layer      *Layer
	}{
		{"exact", "", with(caller, port)},
		{"twice", "", with(append(caller, caller...), port, port)},
		{"shut", "ingress of shop/web to shop/api, TCP port 8080, is denied", NewLayer([]*Policy{closed}, nil)},
		{"another port", "TCP port 8081, is allowed", with(caller, Ports{TCP, 8080, 8081, ""})},
		{"a high port", "TCP port 20000, is allowed", with(caller, port, Ports{TCP, 20000, 20000, ""})},
		{"a wide range", "TCP port 8081, is allowed", with(caller, Ports{TCP, 8080, 9080, ""})},
		{"no port", "TCP port 8080, is denied", with(caller, Ports{TCP, 8080, 8079, ""})},
		{"a named port", "TCP port 8080, is undecided", with(caller, Ports{TCP, 8080, 8080, "http"})},
		{"every port", "TCP port 1, is allowed", with(caller)},
		{"UDP beside it", "UDP port 8080, is allowed", with(caller, port, Ports{UDP, 8080, 8080, ""})},
		{"everyone", "ingress of pods of other namespaces to shop/api", with(nil, port)},
		{"pods of every namespace", "ingress of pods of other namespaces to shop/api", with([]Peer{{}}, port)},
		{"pods with its labels in every namespace", "ingress of pods of other namespaces with app=web to shop/api", with([]Peer{{Pods: labels("web")}}, port)},
		{"a namespace", "ingress of another pod of shop to shop/api", with([]Peer{{Namespace: "shop"}}, port)},
		{"a namespace with more labels", "ingress of shop/web to shop/api, TCP port 8080, is undecided", with([]Peer{{Namespaces: Selector{{"team", In, []string{"a"}}}, Pods: labels("web")}}, port)},
		{"other pods", "ingress of another pod of shop to shop/api", with(named("app", NotIn, "api"), port)},
		{"pods with any value", "ingress of another pod of shop with app to shop/api", with(named("app", Exists), port)},
		{"several values", "ingress of another pod of shop with app=yet to shop/api", with(named("app", In, "web", "yet"), port)},
		{"no value", "ingress of shop/web to shop/api, TCP port 8080, is denied", with(named("app", In), port)},
		{"another label", "ingress of another pod of shop with tier=web to shop/api", with(append(named("tier", In, "web"), caller...), port)},
		{"more labels", "ingress of shop/web to shop/api, TCP port 8080, is denied", with([]Peer{{Namespace: "shop", Pods: append(labels("web"), Requirement{"tier", In, []string{"x"}})}}, port)},
		{"perhaps fewer", "ingress of shop/web to shop/api, TCP port 8080, is undecided", with([]Peer{{Namespace: "shop", Pods: labels("web"), Vague: true}}, port)},
		{"addresses", "ingress of 10.0.0.0/8 to shop/api", with(append([]Peer{{Block: block}}, caller...), port)},
		{"not isolated", "is allowed: no policy of the network is about it, not denied", NewLayer(nil, nil)},
		{"not isolated for calls", "is allowed: no policy of the network is about it, not denied", NewLayer([]*Policy{{Namespace: "shop", Rules: with(caller, port).Policies[0].Rules}}, nil)},
		{"not read", "is undecided", NewLayer([]*Policy{{Namespace: "shop", Broken: true}, closed, with(caller, port).Policies[0]}, nil)},
	} {
		witnesses, err := in.Prove(t.Context(), c.layer, [2]bool{true, false})
		require.NoError(t, err)
		assert.Equal(t, c.want == "", len(witnesses) == 0, "%s: %v", c.name, witnesses)
		assert.Contains(t, strings.Join(witnesses, "\n"), c.want, c.name)
		literal, _ := in.Both(c.layer, Ingress, true, api)
		assert.Equal(t, c.want == "", literal, c.name)
	}
}

// What is granted to callers of other kinds, or to pods with labels of their own, and what policies say of it.
func TestProveKinds(t *testing.T) {
	labels := func(name string) Selector { return Selector{{"app", In, []string{name}}} }
	block, all := netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("0.0.0.0/0")
	to := func(peers ...Peer) []Rule { return []Rule{{Peers: peers}} }
	web := Peer{Namespace: "shop", Pods: labels("web")}
	tiers := func(values ...string) []Rule {
		return to(Peer{Namespace: "shop", Pods: append(labels("web"), Requirement{"tier", In, values})})
	}
	type edit = func(m *policy.Mesh, web, api *policy.Service)
	pods := func(labels ...map[string]string) edit {
		return func(_ *policy.Mesh, web, _ *policy.Service) { web.Pods = labels }
	}
	tier := func(_ *policy.Mesh, web, _ *policy.Service) {
		web.Labels = append(web.Labels, policy.Label{Key: "tier", Value: "a"})
	}
	from := func(f policy.Source) edit {
		return func(_ *policy.Mesh, _, api *policy.Service) { api.Allow = []policy.Rule{{From: []policy.Source{f}}} }
	}
	outside := func(block string) policy.Source {
		return policy.Source{Service: &policy.Service{Namespace: "shop", Name: "legacy", Dataplane: policy.NoProxy, Addresses: []netip.Prefix{netip.MustParsePrefix(block)}}}
	}
	calls := func(block netip.Prefix, hosts ...string) edit { // an address, or hosts
		return func(m *policy.Mesh, web, api *policy.Service) {
			api.Dataplane, api.Addresses = policy.NoProxy, []netip.Prefix{block}
			if hosts != nil {
				api.Allow = nil
				m.Externals = []*policy.External{{Hosts: hosts, Callers: []policy.Source{{Service: web}}, Ports: []policy.ExternalPort{{Number: 443}}}}
			}
		}
	}
	at443 := func(peers ...Peer) []Rule { return []Rule{{Peers: peers, Ports: []Ports{{TCP, 443, 443, ""}}}} }
	for _, c := range []struct {
		name, want string
		calls      bool // what web calls, in a cluster without a mesh, and not who calls api
		edit       edit
		selector   Selector
		rules      []Rule
	}{
		{"pods with more labels", "", false, pods(map[string]string{"app": "web", "v": "1"}, map[string]string{"app": "web", "v": "2"}), nil, to(web)},
		{"pods without the labels of their service", "shop/web to shop/api, TCP port 1, is undecided", false, pods(map[string]string{"app": "web"}, map[string]string{"app": "x"}), nil, to(web)},
		{"the same, and nobody is let in", "shop/web to shop/api, TCP port 1, is denied", false, pods(map[string]string{"app": "web"}, map[string]string{"app": "x"}), nil, nil},
		{"some of the pods", "is undecided", false, func(_ *policy.Mesh, _, api *policy.Service) {
			api.Pods = []map[string]string{{"app": "api"}, {"app": "api", "v": "2"}}
		}, append(labels("api"), Requirement{"v", In, []string{"2"}}), to(web)},
		{"two labels", "", false, tier, nil, tiers("a")},
		{"two labels, one of them of more values", "app=web,tier=b to shop/api, TCP port 1, is allowed", false, tier, nil, tiers("a", "b")},
		{"two labels, one of them of no value", "shop/web to shop/api, TCP port 1, is denied", false, tier, nil, tiers()},
		{"every pod", "", false, from(policy.Source{Kind: policy.FromAny}), nil, to(Peer{})},
		{"pods of some namespaces", "is undecided", false, from(policy.Source{Kind: policy.FromAny}), nil, to(Peer{Namespaces: Selector{{"team", In, []string{"a"}}}})},
		{"some pods of every namespace", "is denied", false, from(policy.Source{Kind: policy.FromAny}), nil, to(Peer{Pods: labels("web")})},
		{"a port of no protocol", "is denied", false, nil, nil, []Rule{{Peers: []Peer{web}, Ports: []Ports{{}}}}},
		{"every port but one", "TCP port 101, is allowed", false, func(_ *policy.Mesh, _, api *policy.Service) {
			api.Allow[0].Where = []policy.Condition{{Dimension: policy.PortDimension, Values: []string{"101"}, Not: true}}
		}, nil, to(web)},
		{"nobody", "is allowed: no policy of the network is about it", false, func(m *policy.Mesh, _, api *policy.Service) {
			api.Dataplane, api.Pods, api.Deny = policy.NoProxy, []map[string]string{{"app": "api"}}, api.Allow
			m.Name, api.Namespace, m.Closed, m.Open = "lab", "lab", false, true
		}, nil, nil},
		{"addresses", "", false, from(outside("10.0.0.0/8")), nil, to(Peer{Block: block})},
		{"addresses that are not written as a block", "", false, from(outside("10.1.2.3/8")), nil, to(Peer{Block: block})},
		{"fewer addresses", "10.0.0.0/8 to shop/api, TCP port 1, is undecided", false, from(outside("10.0.0.0/8")), nil, to(Peer{Block: block, Except: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")}})},
		{"other addresses", "10.0.0.0/8 to shop/api, TCP port 1, is undecided", false, from(outside("10.0.0.0/8")), nil, to(Peer{Block: netip.MustParsePrefix("10.0.0.0/9")})},
		{"addresses, which hosts may have", "", true, calls(block), nil, to(Peer{Block: block})},
		{"every address, which hosts have too", "", true, calls(all), nil, to(Peer{Block: all})},
		{"a host", "", true, calls(block, "a.example"), nil, at443(Peer{Host: "a.example"})},
		{"hosts below a domain", "", true, calls(block, "*.example"), nil, at443(Peer{Host: "**.example"})},
		{"hosts of one label below a domain", "a.b.example, TCP port 443, is denied", true, calls(block, "*.example"), nil, at443(Peer{Host: "*.example"})},
		{"a domain", "example, TCP port 443, is denied", true, calls(block, "*.example"), nil, at443(Peer{Host: "example"})},
		{"a host and those below it", "a.example, TCP port 443, is allowed", true, calls(block, "example"), nil, at443(Peer{Host: "example"}, Peer{Host: "**.example"})},
	} {
		service := func(name string) *policy.Service {
			return &policy.Service{Namespace: "shop", Name: name, Account: name, Labels: []policy.Label{{Key: "app", Value: name}}}
		}
		web, api := service("web"), service("api")
		api.Allow = []policy.Rule{{From: []policy.Source{{Service: web}}}}
		m := &policy.Mesh{Name: "shop", Closed: true, Services: []*policy.Service{api, web}}
		if c.edit != nil {
			c.edit(m, web, api)
		}
		d, of, needs := Ingress, api, []Rule{{Ports: []Ports{{TCP, 15020, 15021, ""}, {TCP, 15090, 15090, ""}}}}
		if c.calls {
			d, of, needs = Egress, web, []Rule{{Peers: []Peer{{Namespace: systemNamespace}}, Ports: []Ports{{TCP, 53, 53, ""}, {UDP, 53, 53, ""}}}}
		}
		if c.selector == nil {
			c.selector = labels(of.Name)
		}
		closed, open := &Policy{Namespace: "shop", Name: "default-deny"}, &Policy{Namespace: "shop", Name: "open", Selector: c.selector}
		closed.Isolates[d], open.Isolates[d] = true, true
		closed.Rules[d], open.Rules[d] = needs, c.rules
		in := NewIntents(&policy.Policy{TrustDomain: "cluster.local", Meshless: c.calls, Meshes: []*policy.Mesh{m}})
		literal, witnesses := in.Both(NewLayer([]*Policy{closed, open}, nil), d, true, of)
		assert.Equal(t, c.want == "", len(witnesses) == 0, "%s: %v", c.name, witnesses)
		assert.Contains(t, strings.Join(witnesses, "\n"), c.want, c.name)
		assert.Equal(t, c.want == "", literal, c.name)
	}
}
