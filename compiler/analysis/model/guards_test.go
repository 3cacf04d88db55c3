package model_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/model"
	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/source"
	"github.com/meshc/meshc/targets/istio/read"
)

// TestGuardsRequestByRequest holds guards against policies that look at addresses, once by classes and once by asking
// the judge of each request from a list that has an address of every kind.
func TestGuardsRequestByRequest(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 11))
	blocks := []string{"0.0.0.0/0", "::/0", "0.0.0.0/1", "128.0.0.0/1", "10.0.0.0/8", "10.1.0.0/16", "2001:db8::/32"}
	var addresses []netip.Addr
	for _, a := range []string{"10.0.0.1", "10.1.0.1", "1.1.1.1", "192.0.2.1", "2001:db8::1", "::1"} {
		addresses = append(addresses, netip.MustParseAddr(a))
	}
	a := &policy.Service{Namespace: "shop", Name: "a", Account: "a", Labels: []policy.Label{{Key: "app", Value: "a"}}}
	b := &policy.Service{Namespace: "shop", Name: "b", Account: "b", Labels: []policy.Label{{Key: "app", Value: "b"}}}
	principals := []string{"cluster.local/ns/shop/sa/a", "cluster.local/ns/shop/sa/b", "cluster.local/ns/lab/sa/x", "cluster.local/ns/lab/sa/nobody", ""}
	broken := map[policy.GuardKind]int{}
	for range 3000 {
		var text strings.Builder
		fmt.Fprintf(&text, "apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: default, namespace: shop}\nspec: {mtls: {mode: %s}}\n", []string{"STRICT", "PERMISSIVE"}[r.IntN(2)])
		var named []netip.Prefix
		for i, action := range []string{"ALLOW", "DENY"}[:1+r.IntN(2)] {
			var from []string
			for range 1 + r.IntN(3) {
				var fields []string
				if r.IntN(4) > 0 {
					block := blocks[r.IntN(len(blocks))]
					named = append(named, netip.MustParsePrefix(block))
					fields = append(fields, fmt.Sprintf("ipBlocks: [%q]", block))
				}
				if len(fields) == 0 || r.IntN(3) == 0 {
					fields = append(fields, fmt.Sprintf("%s: [%q]", []string{"principals", "notPrincipals"}[r.IntN(2)], principals[r.IntN(3)]))
				}
				from = append(from, "{source: {"+strings.Join(fields, ", ")+"}}")
			}
			fmt.Fprintf(&text, "---\napiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: p%d, namespace: shop}\nspec: {action: %s, rules: [{from: [%s]}]}\n", i, action, strings.Join(from, ", "))
		}
		layer, list := read.Files([]*source.File{source.NewFile("p.yaml", text.String())}, enforce.Mesh{})
		require.NoError(t, list.Err())
		p := &policy.Policy{TrustDomain: "cluster.local", RootNamespace: "istio-system", Meshes: []*policy.Mesh{{Name: "shop", Services: []*policy.Service{a, b}}}}
		for _, kind := range []policy.GuardKind{policy.Never, policy.Always, policy.Only} {
			p.Guards = append(p.Guards, &policy.Guard{Kind: kind, From: []policy.Source{{Service: a}}, To: []*policy.Service{b}})
		}
		m := model.New(p, layer)
		judged, err := m.Judge()
		require.NoError(t, err)

		anywhere := func(ip netip.Addr) bool { // whether somebody of whom nothing is known may be there
			in := slices.ContainsFunc(named, func(n netip.Prefix) bool { return n.Contains(ip) })
			return !in || !slices.ContainsFunc(addresses, func(other netip.Addr) bool {
				return other.Is4() == ip.Is4() && !slices.ContainsFunc(named, func(n netip.Prefix) bool { return n.Contains(other) })
			})
		}
		callee := m.Callee(b)
		allowed := func(principal string, ip netip.Addr) bool {
			return callee.Decide(space.Standard.Request(false, space.Facts{space.Identity: principal, space.SourceAddress: ip.String(), space.Port: "80"})).Verdict == enforce.Allowed
		}
		var never, always, only bool
		reached := false
		for _, ip := range addresses {
			never = never || allowed(principals[0], ip) || anywhere(ip) && allowed("", ip)
			always = always || !allowed(principals[0], ip)
			for _, other := range principals[1:] {
				only = only || allowed(other, ip)
			}
			reached = reached || anywhere(ip) && allowed(principals[0], ip)
		}
		for i, want := range []bool{never, always, only || !reached} {
			if !assert.Equal(t, want, judged[i].Broken != nil, "%v\n%s", judged[i].Guard.Kind, text.String()) {
				return
			}
			if want {
				broken[judged[i].Guard.Kind]++
			}
		}
	}
	for kind, n := range broken {
		assert.Greater(t, n, 300, "%v", kind)
		assert.Less(t, n, 2990, "%v", kind)
	}
}
