package learn

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/compiler/traffic"
	"github.com/meshc/meshc/lang/print"
)

func learned(t *testing.T, calls ...traffic.Call) string {
	t.Helper()
	g := New(nil, true)
	for i := range calls {
		g.Add(&calls[i])
	}
	text, err := print.Lines(g.Lines())
	require.NoError(t, err)
	return string(text)
}

func call(method, path string) traffic.Call {
	return traffic.Call{
		From: traffic.Peer{Identity: "cluster.local/ns/shop/sa/web"}, To: traffic.Peer{Identity: "cluster.local/ns/shop/sa/api"},
		Port: 8080, HTTP: true, Method: method, Path: path,
	}
}

// A client chooses its paths, and none of them becomes more than itself or a statement of its own.
func TestHostilePaths(t *testing.T) {
	text := learned(t, call("GET", "/ok"), call("GET", "/*"), call("GET", "/{**}"), call("GET", "/a\nworld -> api"), call("GET", `/"`), call("GET /x", "/y"), call("GET", "*"))
	assert.Contains(t, text, "web -> api:8080 GET /ok  # 7 calls")
	assert.Contains(t, text, "# 6 calls with a path that no operation can be about\n")
	assert.NotContains(t, text, "world")
}

func TestManyPaths(t *testing.T) {
	var all []traffic.Call
	for i := range 500 {
		all = append(all, call("GET", fmt.Sprintf("/orders/%d/lines", i)), call("POST", "/files/"+strings.Repeat("x", i%100)+"y/z"))
	}
	text := learned(t, all...)
	assert.Contains(t, text, "POST /files/*, GET /orders/{*}/lines  # 1,000 calls")
}

func TestNames(t *testing.T) {
	one := call("", "")
	one.HTTP, one.To = false, traffic.Peer{Namespace: "shop", Pod: "api-7b5db664c-hmlqb"}
	two := call("", "")
	two.To.Pod = "api-7b5db664c-x2k4z"
	text := learned(t, one, two)
	assert.Contains(t, text, "service api account api port 8080 http")
	assert.Contains(t, text, "web -> api:8080  # 2 calls\n")
}

// Calls whose account is not known belong to the account that is called like them, unless several are.
func TestAHostOfSeveralAccounts(t *testing.T) {
	to := func(account, app string) traffic.Call {
		c := call("GET", "/x")
		c.To = traffic.Peer{Namespace: "shop", App: app, Host: "api.shop.svc.cluster.local"}
		if account != "" {
			c.To.Identity = "cluster.local/ns/shop/sa/" + account
		}
		return c
	}
	for range 20 { // maps have no order
		text := learned(t, to("one", "api-one"), to("", ""))
		assert.Contains(t, text, "web -> api-one:8080 GET /x  # 2 calls\n")
		text = learned(t, to("one", "api-one"), to("two", "api-two"), to("", ""))
		assert.Contains(t, text, "web -> api-one:8080 GET /x  # 1 call\n")
		assert.Contains(t, text, "web -> api-two:8080 GET /x  # 1 call\n")
		assert.Contains(t, text, "web -> api:8080 GET /x  # 1 call\n")
	}
}

// Each line is what a log says, and what is written of it.
func TestOutside(t *testing.T) {
	to := func(host string, port uint16, tls bool) traffic.Call {
		c := call("", "")
		c.HTTP, c.Port, c.To = false, 0, traffic.Peer{Host: host, HostPort: port, TLS: tls}
		return c
	}
	text := learned(t, to("db1.example.org", 5432, false), to("db2.example.org", 5432, false), to("db2.example.org", 443, true), to("db1.example.org", 443, true))
	assert.Contains(t, text, "several hosts have the port:\n# - shop/web -> shop/db1-example-org:5432: 1 call\n# - shop/web -> shop/db2-example-org:5432: 1 call\n")
	assert.Contains(t, text, "external db1-example-org host db1.example.org port 443 tls\nexternal db2-example-org host db2.example.org port 443 tls\n")
	assert.NotContains(t, text, "5432 tcp")

	long := strings.Repeat("a.", 40) + "example.org"
	text = learned(t, to(long, 443, true), to("b."+long, 443, true), to("shop.svc", 80, false), to("x.local", 80, false), to("1.2.3", 80, false))
	assert.Contains(t, text, "host "+long+" port 443 tls")
	assert.Contains(t, text, "# 3 calls left out because one end is unknown\n")

	var ports []traffic.Call
	for port := range 300 {
		ports = append(ports, to("a.example.org", uint16(port+1), true))
	}
	text = learned(t, ports...)
	assert.Contains(t, text, " port 256 tls\n")
	assert.Contains(t, text, "at most 256 ports:\n# - shop/web -> shop/a-example-org: 44 calls\n")
}

// What meshc.yaml has to state follows from the identities.
func TestTrustDomains(t *testing.T) {
	from := func(domain, namespace, to string) traffic.Call {
		return traffic.Call{From: traffic.Peer{Identity: domain + "/ns/" + namespace + "/sa/web"}, To: traffic.Peer{Identity: to + "/ns/shop/sa/api"}, Port: 8080}
	}
	const state = "# identities are of trust domains that meshc.yaml has to state:\n"
	assert.NotContains(t, learned(t, from("cluster.local", "shop", "cluster.local")), "trustDomain")
	assert.Contains(t, learned(t, from("corp.example", "shop", "corp.example")), state+"# trustDomain: corp.example\n\n")
	assert.Contains(t, learned(t, from("partner.example", "orders", "cluster.local")), state+"# trustDomains: {meshes: {\"orders\": partner.example}}\n\n")
	assert.Contains(t, learned(t, from("old.example", "shop", "corp.example"), from("corp.example", "shop", "corp.example")), state+"# trustDomain: corp.example\n# trustDomains: {previous: [old.example]}\n\n")
	assert.Contains(t, learned(t, from("cluster.local", "orders", "corp.example")), "# trustDomains: {previous: [cluster.local]}\n")
}

func TestLabels(t *testing.T) {
	one := call("", "")
	one.To.App = "Api_v1"
	assert.Contains(t, learned(t, one), "service api account api label app=Api_v1 port 8080 http\n")
	two := call("", "")
	two.To = traffic.Peer{Identity: "cluster.local/ns/shop/sa/other", App: "Api_v1"}
	assert.Contains(t, learned(t, one, two), "others have the label app of the callee, and a policy for it would bind them too:\n# - shop/web -> shop/api:8080: 1 call\n# - shop/web -> shop/other:8080: 1 call\n")
}
