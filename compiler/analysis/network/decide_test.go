package network

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/space"
)

func TestSelectors(t *testing.T) {
	app := func(o Operator, values ...string) Selector { return Selector{{"app", o, values}} }
	web, none, more := Labels{Known: map[string]string{"app": "web"}}, Labels{}, Labels{More: true}
	for _, c := range []struct {
		selector Selector
		text     string
		want     [3]space.Match // web, none, more
	}{
		{nil, "", [3]space.Match{space.Yes, space.Yes, space.Yes}},
		{app(In, "web"), "app=web", [3]space.Match{space.Yes, space.No, space.Maybe}},
		{app(In, "api", "web"), "app in (api,web)", [3]space.Match{space.Yes, space.No, space.Maybe}},
		{app(NotIn, "web"), "app notin (web)", [3]space.Match{space.No, space.Yes, space.Maybe}},
		{app(Exists), "app", [3]space.Match{space.Yes, space.No, space.Maybe}},
		{app(Absent), "!app", [3]space.Match{space.No, space.Yes, space.Maybe}},
		{append(app(Exists), app(NotIn, "web")...), "app,app notin (web)", [3]space.Match{space.No, space.No, space.Maybe}},
	} {
		assert.Equal(t, c.text, c.selector.String())
		for i, l := range []Labels{web, none, more} {
			assert.Equal(t, c.want[i], c.selector.Match(l), "%s of %v", c.text, l)
		}
	}
	both := Pods{Labels: []Labels{web, none}}
	assert.Equal(t, space.Maybe, both.match(app(In, "web")))
	assert.Equal(t, space.Yes, both.match(nil))
}

func TestBlocks(t *testing.T) {
	block := func(text string) netip.Prefix { return netip.MustParsePrefix(text) }
	peer := Peer{Block: block("10.0.0.0/8"), Except: []netip.Prefix{block("10.1.0.0/16")}}
	for text, want := range map[string]space.Match{
		"10.2.0.0/16": space.Yes, "10.1.0.0/16": space.No, "10.1.2.0/24": space.No, "10.0.0.0/8": space.Maybe,
		"10.0.0.0/15": space.Maybe, "0.0.0.0/0": space.Maybe, "11.0.0.0/8": space.No, "2001:db8::/64": space.No,
	} {
		assert.Equal(t, want, peer.covers([]netip.Prefix{block(text)}), text)
	}
	assert.Equal(t, space.Maybe, peer.covers([]netip.Prefix{block("10.2.0.0/16"), block("11.0.0.0/8")}))
	assert.Equal(t, space.Maybe, peer.covers(nil))
}

func TestDecide(t *testing.T) {
	web, api := Selector{{"app", In, []string{"web"}}}, Selector{{"app", In, []string{"api"}}}
	ingress := func(name string, of Selector, rules ...Rule) *Policy {
		return &Policy{Kind: "NetworkPolicy", Namespace: "shop", Name: name, Selector: of, Isolates: [2]bool{true, false}, Rules: [2][]Rule{rules, nil}}
	}
	http := []Ports{{Protocol: TCP, First: 8080, Last: 8090}}
	rule := Rule{Peers: []Peer{{Namespace: "shop", Pods: web}}, Ports: http}
	pods := func(namespace string, labels map[string]string) Pods {
		return Pods{namespace, []Labels{{Known: labels}}}
	}
	from := func(p Pods) Caller { return Caller{Kind: OfWorkload, Pods: p, Apart: true} }
	callee := pods("shop", map[string]string{"app": "api"})
	friend, other := from(pods("shop", map[string]string{"app": "web"})), from(pods("stock", map[string]string{"app": "web"}))
	for _, c := range []struct {
		name     string
		policies []*Policy
		of       Pods
		from     Caller
		port     Port
		want     string
	}{
		{"no policy", nil, callee, other, Port{TCP, 1}, "allowed: no policy of the network is about it"},
		{"of other pods", []*Policy{ingress("x", web, rule)}, callee, other, Port{TCP, 1}, "allowed: no policy of the network is about it"},
		{"let in", []*Policy{ingress("x", api, rule)}, callee, friend, Port{TCP, 8085}, "allowed by NetworkPolicy shop/x rule 0"},
		{"another port", []*Policy{ingress("x", api, rule)}, callee, friend, Port{TCP, 8091}, "denied by NetworkPolicy shop/x"},
		{"another protocol", []*Policy{ingress("x", api, rule)}, callee, friend, Port{UDP, 8085}, "denied by NetworkPolicy shop/x"},
		{"another namespace", []*Policy{ingress("x", api, rule)}, callee, other, Port{TCP, 8085}, "denied by NetworkPolicy shop/x"},
		{"policies add up", []*Policy{ingress("a", nil), ingress("x", api, rule)}, callee, friend, Port{TCP, 8080}, "allowed by NetworkPolicy shop/x rule 0"},
		{"a named port", []*Policy{ingress("x", api, Rule{Ports: []Ports{{Protocol: TCP, Name: "http"}}})}, callee, other, Port{TCP, 1}, "undecided by NetworkPolicy shop/x rule 0"},
		{"a broken policy", []*Policy{{Kind: "NetworkPolicy", Namespace: "shop", Name: "x", Broken: true}}, callee, other, Port{TCP, 1}, "undecided by NetworkPolicy shop/x"},
		{"some of the pods", []*Policy{ingress("x", api)}, Pods{"shop", []Labels{{Known: map[string]string{"app": "api"}}, {}}}, other, Port{TCP, 1}, "undecided by NetworkPolicy shop/x"},
		{"more than they let in", []*Policy{ingress("x", api, rule)}, callee, Caller{Kind: OfNamespace, Namespace: "shop"}, Port{TCP, 8080}, "undecided by NetworkPolicy shop/x rule 0"},
	} {
		got := NewLayer(c.policies, nil).For(c.of).Decide(Ingress, c.from, c.port)
		assert.Equal(t, c.want, got.String(), c.name)
	}
	egress := NewLayer([]*Policy{ingress("x", api, rule)}, nil).For(callee).Decide(Egress, other, Port{TCP, 1})
	assert.Equal(t, enforce.Allowed, egress.Verdict, "the other direction is open")
}

func TestPortSets(t *testing.T) {
	some := Set{{10, 20}, {30, 30}}
	assert.Equal(t, Set{{1, 9}, {21, 29}, {31, 65535}}, Every.without(some))
	assert.Equal(t, Set(nil), some.without(Every))
	assert.Equal(t, Set{{10, 20}, {30, 30}, {40, 40}}, some.with(40))
	assert.Equal(t, some, some.with(15))
	assert.Equal(t, Set{{10, 10}, {30, 30}}, some.only([]uint16{9, 10, 30, 31}))
	assert.True(t, Every.All() && !some.All())
}
