package traffic

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func readAll(t *testing.T, text string) (*Log, []Call) {
	t.Helper()
	var log Log
	var all []Call
	require.NoError(t, log.Read(strings.NewReader(text), func(c *Call) { all = append(all, *c) }))
	return &log, all
}

const accessLine = `[2026-10-09T08:05:55.932Z] "POST /api/orders?x=1 HTTP/1.1" 403 - rbac_access_denied_matched_policy[none] - "-" 0 19 0 - "-" "AGENT" "66146f25" "backend:8000" "-" inbound|8080|| - 10.244.0.14:8080 10.244.0.12:54616 SERVER default`

func TestAccessLog(t *testing.T) {
	plain := strings.NewReplacer("AGENT", "curl/8.11.1", "SERVER", "outbound_.8000_._.backend.shop.svc.cluster.local").Replace(accessLine)
	log, all := readAll(t, plain+"\n\n[pod/backend-0/istio-proxy] "+plain)
	require.Len(t, all, 2)
	assert.Equal(t, 2, log.Lines)
	c := all[0]
	assert.Equal(t, Peer{Address: netip.MustParseAddr("10.244.0.12")}, c.From)
	assert.Equal(t, Peer{Address: netip.MustParseAddr("10.244.0.14"), Host: "backend.shop.svc.cluster.local", HostPort: 8000}, c.To)
	assert.Equal(t, "backend-0", all[1].To.Pod)
	assert.Equal(t, []any{"POST", "/api/orders", uint16(8080), Refused, Rule{Number: -1}}, []any{c.Method, c.Path, c.Port, c.Outcome, c.By})
}

// Envoy does not escape what clients send, so a line that could be read in two ways is not read.
func TestForgedFields(t *testing.T) {
	for name, forged := range map[string][2]string{
		"fields in the user agent":          {`x" "id" "backend" "-" inbound|8080|| - 10.9.9.9:8080 10.8.8.8:1 name default`, "-"},
		"fields in the name of the server":  {"curl", `x" inbound|8080|| - 10.9.9.9:8080 10.8.8.8:1 name`},
		"a space in the name of the server": {"curl", "10.9.9.9:1 x"},
	} {
		log, all := readAll(t, strings.NewReplacer("AGENT", forged[0], "SERVER", forged[1]).Replace(accessLine))
		assert.Empty(t, all, name)
		assert.Equal(t, 1, log.Unknown, name)
	}
	log, all := readAll(t, strings.NewReplacer("AGENT", `x"y`, "SERVER", "-").Replace(accessLine))
	require.Len(t, all, 1, "a quote alone cannot be taken for the end of a field")
	assert.Zero(t, log.Unknown)
	_, all = readAll(t, strings.NewReplacer("/api/orders", `/a"b"`, "AGENT", "rbac_access_denied_matched_policy[ns[x]-policy[y]-rule[0]]", "SERVER", "-").Replace(accessLine))
	require.Len(t, all, 1)
	assert.Equal(t, `/a"b"`, all[0].Path)
	assert.Equal(t, Rule{Number: -1}, all[0].By)
	assert.True(t, all[0].From.Nameless)
}

// What servers of gRPC without a proxy write about requests that they refuse.
func TestGRPC(t *testing.T) {
	log, all := readAll(t, `[pod/pay-1/app] 2026/11/29 11:20:00 INFO: [rbac] incoming RPC matched to policy shop-pay-allow-0 in engine with action ALLOW
[pod/pay-1/app] 2026/11/29 11:20:01 INFO: [rbac] incoming RPC matched to policy shop-pay-deny-1 in engine with action DENY
[pod/pay-1/app] 2026/11/29 11:20:01 INFO: [rbac] checking request: url path=/grpc.health.v1.Health/List
[pod/pay-1/app] 2026/11/29 11:20:01 INFO: [rbac] uri sans=["spiffe://cluster.local/ns/shop/sa/audit"], dns sans=[], subject=CN=x
[pod/pay-1/app] 2026/11/29 11:20:02 INFO: [rbac] checking request: url path=/grpc.health.v1.Health/Check
[pod/pay-1/app] 2026/11/29 11:20:02 INFO: [rbac] uri sans=["spiffe://cluster.local/ns/shop/sa/evil"], dns sans=[], subject=
[pod/pay-1/app] 2026/11/29 11:20:02 INFO: [rbac] uri sans=[], dns sans=[], subject=`)
	require.Len(t, all, 2)
	assert.Zero(t, log.Unknown)
	assert.Equal(t, Call{From: Peer{Identity: "cluster.local/ns/shop/sa/audit"}, To: Peer{Pod: "pay-1"}, Method: "POST", Path: "/grpc.health.v1.Health/List", HTTP: true, Outcome: Refused, By: Rule{"", "shop-pay-deny", 1}, Detail: "shop-pay-deny-1"}, all[0])
	assert.Equal(t, Call{From: Peer{Identity: "cluster.local/ns/shop/sa/evil"}, To: Peer{Pod: "pay-1"}, Method: "POST", Path: "/grpc.health.v1.Health/Check", HTTP: true, Outcome: Refused, By: Rule{Number: -1}}, all[1])
}

// Formats of Envoy's access logs that a mesh has set.
func TestFormats(t *testing.T) {
	const text = "%START_TIME(%Y/%m/%d)% 100%% %REQ(:method)% %REQ(:PATH)% | %RESPONSE_CODE% %RESPONSE_CODE_DETAILS% | %DOWNSTREAM_LOCAL_ADDRESS% <- %DOWNSTREAM_REMOTE_ADDRESS% (%DOWNSTREAM_PEER_URI_SAN%) \"%REQ(USER-AGENT)%\"\n"
	const object = `{"req": "%REQ(:METHOD)% %REQ(:PATH)%", "code": "%RESPONSE_CODE%", "why": "%RESPONSE_CODE_DETAILS%", "to": "%DOWNSTREAM_LOCAL_ADDRESS%", "from": "%DOWNSTREAM_REMOTE_ADDRESS%", "peer": "%DOWNSTREAM_PEER_URI_SAN%", "nested": {"a": "%PROTOCOL%"}}`
	var log Log
	for _, format := range []string{text, object} {
		f, err := NewFormat(format)
		require.NoError(t, err)
		log.Formats = append(log.Formats, f)
	}
	const denied = "rbac_access_denied_matched_policy[ns[shop]-policy[api-deny]-rule[2]]"
	lines := []string{
		"2026/10/09 100% GET /a?b | 403 " + denied + " | 10.244.0.14:8080 <- 10.244.0.12:54616 (spiffe://cluster.local/ns/shop/sa/web) \"curl/8\"",
		`{"req":"GET /a?b","code":403,"why":"` + denied + `","to":"10.244.0.14:8080","from":"10.244.0.12:54616","peer":"spiffe://cluster.local/ns/shop/sa/web","nested":{"a":"HTTP/1.1"}}`,
		strings.NewReplacer("AGENT", "curl", "SERVER", "-").Replace(accessLine),
		"2026/10/09 100% GET /a | 403 - | 10.9.9.9:80 <- 10.8.8.8:1 (-) \"x\" | 200 - | 10.244.0.14:8080 <- 10.244.0.12:54616 (-) \"curl\"", // forged, or not
		"nothing of it",
	}
	var all []Call
	require.NoError(t, log.Read(strings.NewReader(strings.Join(lines, "\n")), func(c *Call) { all = append(all, *c) }))
	require.Len(t, all, 3)
	assert.Equal(t, 2, log.Unknown)
	for _, c := range all[:2] {
		assert.Equal(t, Peer{Identity: "cluster.local/ns/shop/sa/web", Address: netip.MustParseAddr("10.244.0.12")}, c.From)
		assert.Equal(t, []any{"GET", "/a", uint16(8080), Refused, Rule{"shop", "api-deny", 2}}, []any{c.Method, c.Path, c.Port, c.Outcome, c.By})
	}

	for format, want := range map[string]string{
		"%START_TIME% %RESPONSE_CODE%":        "it has no %RESPONSE_CODE_DETAILS% and no %DOWNSTREAM_LOCAL_ADDRESS% and no %DOWNSTREAM_REMOTE_ADDRESS%, without which a line does not say what was refused",
		"%RESPONSE_CODE%%RESPONSE_FLAGS%":     "nothing stands before %RESPONSE_FLAGS%, so that it cannot be told from what precedes it",
		"%RESPONSE_CODE% %REQ(X":              `the operator "%REQ(X" has no end`,
		`{"code": "%RESPONSE_CODE%", "n": 1}`: "it has no %RESPONSE_CODE_DETAILS% and no %DOWNSTREAM_LOCAL_ADDRESS% and no %DOWNSTREAM_REMOTE_ADDRESS%, without which a line does not say what was refused",
	} {
		_, err := NewFormat(format)
		assert.EqualError(t, err, want, format)
	}
}

func TestJSON(t *testing.T) {
	_, all := readAll(t, `{"start_time":"2026-10-09T08:05:55.932Z","method":"GET","path":"/a\"b","response_code":403,"response_flags":"-","response_code_details":"rbac_access_denied_matched_policy[ns[shop]-policy[api-deny]-rule[2]]","connection_termination_details":null,"upstream_cluster":"inbound|8080||","downstream_local_address":"10.244.0.14:8080","downstream_remote_address":"10.244.0.12:54616","downstream_peer_uri_san":"spiffe://cluster.local/ns/shop/sa/web","x":{"y":[1,{"z":"}"}]}}
{"start_time":"2026-10-09T08:05:55.932Z","response_code":0,"response_flags":"NR","response_code_details":"filter_chain_not_found","downstream_local_address":"10.244.0.14:8080","downstream_remote_address":"10.244.0.12:1"}
{"level":"error","time":"2026-10-09T11:39:41.876395Z","scope":"access","message":"connection complete","src.addr":"10.244.0.14:58564","src.workload":"shuttle-7b5db664c-hmlqb","src.namespace":"starfleet","src.identity":"spiffe://cluster.local/ns/starfleet/sa/shuttle","dst.addr":"10.244.0.8:15008","dst.hbone_addr":"10.244.0.8:9080","dst.service":"cargo.starfleet.svc.cluster.local","dst.workload":"cargo-v1-6f787f8bd5-h2bpn","dst.namespace":"starfleet","direction":"inbound","error":"connection closed due to policy rejection: explicitly denied by: starfleet/cargo-deny"}`)
	require.Len(t, all, 3)
	assert.Equal(t, "cluster.local/ns/shop/sa/web", all[0].From.Identity)
	assert.Equal(t, []any{`/a"b`, Rule{"shop", "api-deny", 2}}, []any{all[0].Path, all[0].By})
	assert.Equal(t, Plaintext, all[1].Outcome)
	assert.Equal(t, []any{Refused, Rule{"starfleet", "cargo-deny", -1}, uint16(9080)}, []any{all[2].Outcome, all[2].By, all[2].Port})
	for _, broken := range []string{`{"a":1`, `{"a" 1}`, `{"a":1}x`, `{"a":"\x"}`, `{"a":tru}`, `{`, `{"a":{"b":1}`, `{}`} {
		log, all := readAll(t, broken)
		assert.Empty(t, all, broken)
		assert.Equal(t, 1, log.Unknown, broken)
	}
}

func TestTunnelText(t *testing.T) {
	line := "2026-10-09T11:39:41.876395Z\terror\taccess\tconnection complete\tsrc.addr=10.244.0.14:58564 src.workload=\"shuttle-7b5db664c-hmlqb\" src.namespace=\"starfleet\" src.identity=\"spiffe://cluster.local/ns/starfleet/sa/shuttle\" dst.addr=10.244.0.8:15008 dst.hbone_addr=10.244.0.8:9080 dst.service=\"cargo.starfleet.svc.cluster.local\" dst.workload=\"cargo-v1-6f787f8bd5-h2bpn\" dst.namespace=\"starfleet\" dst.identity=\"spiffe://cluster.local/ns/starfleet/sa/starfleet-cargo\" direction=\"inbound\" bytes_sent=0 bytes_recv=0 duration=\"0ms\" error=\"connection closed due to policy rejection: ERROR\""
	for failure, want := range map[string]struct {
		Outcome
		Rule
	}{
		"allow policies exist, but none allowed":                           {Refused, Rule{Number: -1}},
		"explicitly denied by: istio-system/istio_converted_static_strict": {Plaintext, Rule{}},
		"explicitly denied by: shop/converted_peer_authentication_default": {Plaintext, Rule{}},
		"explicitly denied by: starfleet/cargo-deny":                       {Refused, Rule{"starfleet", "cargo-deny", -1}},
	} {
		_, all := readAll(t, strings.ReplaceAll(line, "ERROR", failure))
		require.Len(t, all, 1)
		assert.Equal(t, want.Outcome, all[0].Outcome)
		assert.Equal(t, want.Rule, all[0].By)
		assert.Equal(t, "cluster.local/ns/starfleet/sa/shuttle", all[0].From.Identity)
	}
	log, _ := readAll(t, line+` src.identity="spiffe://cluster.local/ns/a/sa/b"`)
	assert.Equal(t, 1, log.Unknown, "two values of one key")
}

// The messages of RBAC filters span lines, and those of several threads alternate. What they tell of is not counted
// again where the access log tells of it, too.
func TestDebugLines(t *testing.T) {
	log, all := readAll(t, strings.ReplaceAll(`2026-10-09T22:49:11.332052Z|debug|envoy rbac external/envoy/source/extensions/filters/http/rbac/rbac_filter.cc:266|checking request: requestedServerName: outbound_.80_._.backend.shop.svc.cluster.local, sourceIP: 10.244.0.9:59898, directRemoteIP: 10.244.0.9:59898, remoteIP: 10.244.0.9:59898,localAddress: 10.244.0.14:8080, ssl: uriSanPeerCertificate: spiffe://cluster.local/ns/shop/sa/web, dnsSanPeerCertificate: , subjectPeerCertificate: , headers: ':authority', 'backend'
':path', '/api/x?y=1'
':method', 'GET'
'user-agent', ':path', '/forged'
'x-request-id', '66146f25'
, dynamicMetadata: filter_metadata {
}
|thread=29
2026-10-09T22:49:11.332052Z|debug|envoy rbac external/envoy/source/extensions/filters/network/rbac/rbac_filter.cc:80|checking connection: requestedServerName: , sourceIP: 10.244.0.7:1000, directRemoteIP: 10.244.0.7:1000,remoteIP: 10.244.0.7:1000, localAddress: 10.244.0.15:5432, ssl: none, dynamicMetadata: |thread=30
2026-10-09T22:49:11.332250Z|debug|envoy rbac external/envoy/source/extensions/filters/http/rbac/rbac_filter.cc:233|shadow denied, matched policy ns[shop]-policy[trial]-rule[0]|thread=29
2026-10-09T22:49:11.332250Z|debug|envoy rbac external/envoy/source/extensions/filters/http/rbac/rbac_filter.cc:233|enforced denied, matched policy none|thread=29
2026-10-09T22:49:11.332250Z|debug|envoy rbac external/envoy/source/extensions/filters/network/rbac/rbac_filter.cc:233|enforced denied, matched policy ns[shop]-policy[db-deny]-rule[1]|thread=30
`, "|", "\t")+strings.NewReplacer("AGENT", "curl", "SERVER", "-").Replace(accessLine))
	assert.Zero(t, log.Unknown, log.First)
	require.Len(t, all, 3)
	assert.Equal(t, []any{"GET", "/api/x", "cluster.local/ns/shop/sa/web", WouldRefuse}, []any{all[0].Method, all[0].Path, all[0].From.Identity, all[0].Outcome})
	assert.Equal(t, []any{Refused, Rule{Number: -1}, uint16(8080)}, []any{all[1].Outcome, all[1].By, all[1].Port})
	assert.Equal(t, []any{Refused, Rule{"shop", "db-deny", 1}, true}, []any{all[2].Outcome, all[2].By, all[2].From.Anonymous})
}

func TestLongLine(t *testing.T) {
	log, all := readAll(t, strings.Repeat("x", 3<<20)+"\n"+strings.NewReplacer("AGENT", "curl", "SERVER", "-").Replace(accessLine))
	assert.Len(t, all, 1)
	assert.Equal(t, 1, log.Unknown)
	assert.Less(t, len(log.First), 400)
}

func BenchmarkAccessLog(b *testing.B) {
	text := strings.Repeat(strings.NewReplacer("AGENT", "curl/8.11.1", "SERVER", "outbound_.8000_._.backend.shop.svc.cluster.local").Replace(accessLine)+"\n", 1000)
	b.ReportAllocs()
	for b.Loop() {
		var log Log
		log.Read(strings.NewReader(text), func(*Call) {})
	}
}
