package traffic

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/meshc/meshc/compiler/policy"
)

// accessEntry is the fields of an entry of Envoy's access log. A field is empty where the log has `-` or nothing.
// https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage
type accessEntry struct {
	start                string
	method, path         string
	code, flags          string
	details, termination string // RESPONSE_CODE_DETAILS, CONNECTION_TERMINATION_DETAILS
	failure              string // UPSTREAM_TRANSPORT_FAILURE_REASON
	authority, request   string // REQ(:AUTHORITY), REQ(X-REQUEST-ID)
	cluster              string // UPSTREAM_CLUSTER
	upstream             string // UPSTREAM_HOST
	local, remote        string // DOWNSTREAM_LOCAL_ADDRESS, DOWNSTREAM_REMOTE_ADDRESS
	serverName           string // REQUESTED_SERVER_NAME
	peer                 string // DOWNSTREAM_PEER_URI_SAN
}

// call makes a call of an entry. It returns false if the entry contradicts itself or lacks what every entry has.
func (e *accessEntry) call() (c Call, ok bool) {
	local, localOK := addressPort(e.local)
	remote, remoteOK := addressPort(e.remote)
	if !localOK || !remoteOK || e.code == "" {
		return c, false
	}
	c = Call{At: stamp(e.start), Method: e.method, Path: withoutQuery(e.path), HTTP: e.method != ""}
	c.From.Identity = principal(e.peer)
	if remote.Port() != 0 { // else the address is from a header: that of a client further off, not of the caller
		c.From.Address = remote.Addr().Unmap()
	}
	direction, port, host := cluster(e.cluster)
	switch {
	case direction == "outbound" && !e.refusedHere():
		c.outbound = true
		c.To.Host, c.To.HostPort = host, port
		if to, ok := addressPort(e.upstream); ok {
			c.To.Address, c.Port = to.Addr().Unmap(), to.Port()
		}
		c.To.TLS = e.method == "" && e.serverName != ""
		if strings.HasPrefix(host, "*.") {
			c.To.Host = e.wanted()
		}
	case e.cluster == passthrough: // to where nothing in the mesh is known to be
		c.outbound = true
		c.To.Address, c.Port = local.Addr().Unmap(), local.Port()
		c.To.Host, c.To.HostPort, c.To.TLS = e.wanted(), local.Port(), e.serverName != ""
	case direction == "inbound-vip":
		// The log of a waypoint, whose clusters are those of the Services behind it.
		c.To.Host, c.To.HostPort = host, port
	default:
		c.To.Address, c.Port = local.Addr().Unmap(), local.Port()
		c.To.Host, c.To.HostPort = serverName(e.serverName)
		c.From.Nameless = direction == "inbound" && e.serverName == "" && c.From.Identity == ""
	}
	c.Outcome, c.By, c.Detail = e.outcome(direction)
	if c.Outcome == Plaintext {
		c.From.Anonymous, c.From.Nameless = true, false
	}
	return c, true
}

// wanted is the host that a request or a connection names.
func (e *accessEntry) wanted() string {
	if e.method == "" {
		return e.serverName
	}
	host, _, _ := strings.Cut(e.authority, ":")
	return host
}

// passthrough is the cluster of connections to addresses that istiod has told the proxy nothing of, such as those
// outside the mesh.
// https://istio.io/latest/docs/tasks/traffic-management/egress/egress-control/
const passthrough = "PassthroughCluster"

// id tells requests apart; connections, by the addresses of their ends.
func (e *accessEntry) id() string {
	if e.method == "" {
		return e.remote + ">" + e.local
	}
	return e.request
}

// plain empties the fields that have nothing.
func (e *accessEntry) plain() {
	for _, f := range []*string{&e.method, &e.path, &e.flags, &e.details, &e.termination, &e.failure, &e.authority, &e.request, &e.upstream, &e.cluster, &e.serverName, &e.peer} {
		if *f == "-" {
			*f = ""
		}
	}
}

// refusedHere reports whether the proxy that wrote the entry refused the request itself.
func (e *accessEntry) refusedHere() bool {
	return strings.HasPrefix(e.details, rbacPrefix) || strings.HasPrefix(e.termination, rbacPrefix) || strings.HasPrefix(e.details, "ext_authz_") || strings.HasPrefix(e.details, "jwt_authn_")
}

// rbacPrefix begins what Envoy's RBAC filters say about a request or a connection that they refuse; the name of the
// policy follows in brackets: responseDetail in source/extensions/filters/common/rbac/utility.cc of envoyproxy/envoy.
const rbacPrefix = "rbac_access_denied_matched_policy["

// outcome is what became of the request of an entry.
// https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/response_code_details
func (e *accessEntry) outcome(direction string) (Outcome, Rule, string) {
	for _, text := range []string{e.details, e.termination} {
		if name, ok := strings.CutPrefix(text, rbacPrefix); ok {
			rule, ok := ruleOf(strings.TrimSuffix(name, "]"))
			if !ok {
				return Refused, Rule{Number: -1}, text
			}
			return Refused, rule, text
		}
	}
	flags := strings.Split(e.flags, ",")
	has := func(flag string) bool {
		for _, f := range flags {
			if f == flag {
				return true
			}
		}
		return false
	}
	switch {
	case strings.HasPrefix(e.details, "ext_authz_") || has("UAEX"):
		return Asked, Rule{}, e.words()
	case strings.HasPrefix(e.details, "jwt_authn_"):
		return Unauthorized, Rule{}, e.words()
	case e.details == "filter_chain_not_found" || e.termination == "filter_chain_not_found":
		return Plaintext, Rule{}, e.words()
	case strings.HasPrefix(e.failure, "TLS_error") || strings.Contains(e.failure, "CERTIFICATE_VERIFY_FAILED"):
		return Handshake, Rule{}, e.flags + " " + e.failure
	case direction == "outbound" && e.code == "403" && e.details == "via_upstream":
		return Elsewhere, Rule{}, e.words()
	case e.flags != "":
		for _, f := range flags {
			if _, fails := failures[f]; fails {
				return Failed, Rule{}, e.words()
			}
		}
	}
	return Answered, Rule{}, ""
}

// words is what an entry says about a failure.
func (e *accessEntry) words() string {
	var words []string
	for _, w := range []string{e.flags, e.details, e.termination, e.failure} {
		if w != "" {
			words = append(words, w)
		}
	}
	return strings.Join(words, " ")
}

// Meaning returns what a response flag says; empty where it does not mean that a request failed.
func Meaning(flag string) string { return failures[flag] }

// failures are the response flags of requests that failed, and what they mean.
// https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage#response-flags
var failures = map[string]string{
	"UH":    "no healthy pod",
	"UF":    "the connection to the pod failed",
	"UO":    "a circuit breaker is open",
	"NR":    "no route, or no filter chain, for the request",
	"NC":    "the cluster of the route does not exist",
	"NFCF":  "no filter configuration in time",
	"URX":   "the last retry failed, too",
	"UT":    "the pod did not answer in time",
	"UC":    "the pod, or its proxy, closed the connection",
	"UR":    "the pod, or its proxy, reset the request",
	"LR":    "the proxy reset the request",
	"LH":    "the pod failed its health check",
	"DI":    "an injected delay",
	"FI":    "an injected failure",
	"RL":    "a rate limit",
	"RLSE":  "the rate limit service failed",
	"IH":    "a header that is not allowed",
	"SI":    "the stream was idle for too long",
	"DPE":   "the client broke the protocol",
	"UPE":   "the pod broke the protocol",
	"UMSDR": "the longest duration of a request is over",
	"DT":    "the longest duration of the connection is over",
	"OM":    "the overload manager refused it",
	"DF":    "the name could not be resolved",
	"DO":    "the request was dropped because of overload",
	"UDO":   "the pod's drop category",
}

// ruleOf reads the name that istiod gives to a rule in Envoy: `ns[shop]-policy[api]-rule[0]`, after a prefix for those
// of an external authorizer; `none` is no rule at all.
// https://github.com/istio/istio/blob/master/pilot/pkg/security/authz/builder/builder.go
func ruleOf(name string) (Rule, bool) {
	if name == "none" {
		return Rule{Number: -1}, true
	}
	name = strings.TrimPrefix(name, "istio-ext-authz-")
	rest, ok := strings.CutPrefix(name, "ns[")
	namespace, rest, ok1 := strings.Cut(rest, "]-policy[")
	policyName, rest, ok2 := strings.Cut(rest, "]-rule[")
	number, err := strconv.Atoi(strings.TrimSuffix(rest, "]"))
	if !ok || !ok1 || !ok2 || err != nil || number < 0 || !policy.IsLabel(namespace) || !policy.IsName(policyName) {
		return Rule{}, false
	}
	return Rule{namespace, policyName, number}, true
}

// cluster reads the name that istiod gives to a cluster: `inbound|8080||`, `outbound|80|v1|api.shop.svc.cluster.local`.
// The direction is empty for what is no such name.
// https://github.com/istio/istio/blob/master/pilot/pkg/model/push_context.go (BuildSubsetKey)
func cluster(name string) (direction string, port uint16, host string) {
	direction, rest, ok := strings.Cut(strings.TrimSuffix(name, ";"), "|")
	number, rest, ok1 := strings.Cut(rest, "|")
	_, host, ok2 := strings.Cut(rest, "|")
	n, err := strconv.ParseUint(number, 10, 16)
	if !ok || !ok1 || !ok2 || err != nil {
		return "", 0, ""
	}
	return direction, uint16(n), host
}

// serverName reads the name of a Service in the server name that sidecars send:
// `outbound_.8080_._.api.shop.svc.cluster.local`.
// https://github.com/istio/istio/blob/master/pilot/pkg/model/push_context.go (BuildDNSSrvSubsetKey)
func serverName(name string) (host string, port uint16) {
	rest, ok := strings.CutPrefix(name, "outbound_.")
	number, rest, ok1 := strings.Cut(rest, "_.")
	_, host, ok2 := strings.Cut(rest, "_.")
	n, err := strconv.ParseUint(number, 10, 16)
	if !ok || !ok1 || !ok2 || err != nil || !policy.IsName(host) {
		return "", 0
	}
	return host, uint16(n)
}

func addressPort(text string) (netip.AddrPort, bool) {
	a, err := netip.ParseAddrPort(text)
	return a, err == nil
}

func withoutQuery(path string) string {
	path, _, _ = strings.Cut(path, "?")
	return path
}

// stamp is a time of a log in RFC 3339 and UTC; empty where it is something else.
func stamp(text string) string {
	if len(text) < len("2006-01-02T15:04:05Z") || len(text) > len("2006-01-02T15:04:05.000000000Z") || text[len(text)-1] != 'Z' {
		return ""
	}
	for i, want := range "0000-00-00T00:00:00" {
		if digit := text[i] >= '0' && text[i] <= '9'; digit != (want == '0') || !digit && text[i] != byte(want) {
			return ""
		}
	}
	return text
}
