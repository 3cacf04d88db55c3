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
