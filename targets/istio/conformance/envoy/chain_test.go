package envoy

import (
	"net/netip"
	"strings"
	"testing"

	rbac "github.com/envoyproxy/go-control-plane/envoy/config/rbac/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"
	"sigs.k8s.io/yaml"
)

// load reads RBAC rules in the format of Envoy's configuration.
func load(t *testing.T, text string) (*engine, error) {
	t.Helper()
	js, err := yaml.YAMLToJSON([]byte(text))
	require.NoError(t, err)
	config := &rbac.RBAC{}
	require.NoError(t, protojson.Unmarshal(js, config))
	return newEngine(config)
}

// matchers are permissions and principals, with requests that they match and that they do not match. A request is
// written `PEER@ADDRESS PORT METHOD PATH HOST`, with - for a missing part.
var matchers = []struct{ name, permission, principal, matches, other string }{
	{"any", "any: true", "any: true", "- 80 - - -|a@10.0.0.1 1 GET / h", ""},
	{"port", "destination_port: 80", "any: true", "- 80 - - -", "- 81 - - -"},
	{"destination", "destination_ip: {address_prefix: 10.9.0.0, prefix_len: 16}", "any: true", "- 80 - - -", ""},
	{"not", "not_rule: {destination_port: 80}", "any: true", "- 81 - - -", "- 80 - - -"},
	{"or of and", "or_rules: {rules: [{and_rules: {rules: [{destination_port: 80}, {destination_port: 81}]}}, {destination_port: 82}]}", "any: true", "- 82 - - -", "- 80 - - -|- 81 - - -"},
	{"method", "header: {name: ':method', string_match: {exact: GET}}", "any: true", "- 80 GET / h", "- 80 get / h|- 80 - - -"},
	{"host", "header: {name: ':authority', string_match: {suffix: .example, ignore_case: true}}", "any: true", "- 80 GET / a.EXAMPLE", "- 80 GET / example|- 80 GET / a.example:80"},
	{"any method", "header: {name: ':method', present_match: true}", "any: true", "- 80 GET / h", "- 80 - - -"},
	{"path", "url_path: {path: {prefix: /api}}", "any: true", "- 80 GET /api?x h|- 80 GET /apix h", "- 80 GET /?/api h|- 80 - - -"},
	{"any path", "url_path: {path: {safe_regex: {regex: .+}}}", "any: true", "- 80 GET / h", "- 80 - - -"},
	{"segment", uriTemplate("/api/*"), "any: true", "- 80 GET /api/x h|- 80 GET /api/x?y h", "- 80 GET /api h|- 80 GET /api/ h|- 80 GET /api/x/ h|- 80 GET /api/x/y h|- 80 GET /api/[x] h"},
	{"segments", uriTemplate("/a/**/b"), "any: true", "- 80 GET /a/x/b h|- 80 GET /a/x/y/b h|- 80 GET /a//b h", "- 80 GET /a/b h|- 80 GET /a/x/b/ h"},
	{"dots in a template", uriTemplate("/a.b/*"), "any: true", "- 80 GET /a.b/x h", "- 80 GET /axb/x h"},
	{"peer", "any: true", "authenticated: {principal_name: {exact: 'spiffe://td/ns/a/sa/b'}}", "spiffe://td/ns/a/sa/b 80 - - -", "spiffe://td/ns/a/sa/bc 80 - - -|- 80 - - -"},
	{"namespace", "any: true", "authenticated: {principal_name: {safe_regex: {regex: '.*/ns/a/.*'}}}", "spiffe://td/ns/a/sa/b 80 - - -", "spiffe://td/ns/ab/sa/b 80 - - -|- 80 - - -"},
	{"any authenticated peer", "any: true", "authenticated: {}", "x 80 - - -", "- 80 - - -"},
	{"source", "any: true", "direct_remote_ip: {address_prefix: 10.0.3.4, prefix_len: 24}", "-@10.0.3.255 80 - - -", "-@10.0.4.0 80 - - -|-@2001:db8::1 80 - - -"},
	{"client", "any: true", "remote_ip: {address_prefix: '2001:db8::', prefix_len: 32}", "-@2001:db8::1 80 - - -", "-@10.0.3.4 80 - - -"},
	{"token", "any: true", "metadata: {filter: envoy.filters.http.jwt_authn, path: [{key: payload}, {key: iss}], value: {string_match: {exact: x}}}", "", "- 80 GET / h"},
}

func uriTemplate(path string) string {
	return "uri_template: {name: x, typed_config: {'@type': type.googleapis.com/envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig, path_template: '" + path + "'}}"
}

func TestMatchers(t *testing.T) {
	for _, m := range matchers {
		t.Run(m.name, func(t *testing.T) {
			rules := "policies: {p: {permissions: [{" + m.permission + "}], principals: [{" + m.principal + "}]}}"
			e, err := load(t, rules)
			require.NoError(t, err)
			for want, requests := range map[bool]string{true: m.matches, false: m.other} {
				for text := range strings.SplitSeq(requests, "|") {
					if text != "" {
						q := parse(t, text)
						allowed, _ := e.decide(&q)
						require.Equal(t, want, allowed, text)
					}
				}
			}
		})
	}
}

func parse(t *testing.T, text string) Request {
	words := strings.Fields(strings.ReplaceAll(text, " - ", " \x00 "))
	for i := range words {
		if words[i] == "-" || words[i] == "\x00" {
			words[i] = ""
		}
	}
	require.Len(t, words, 5, text)
	peer, address, ok := strings.Cut(words[0], "@")
	if !ok {
		address = "10.0.0.1"
	}
	if peer == "-" {
		peer = ""
	}
	source := netip.MustParseAddr(address)
	port := uint16(0)
	for _, c := range words[1] {
		port = port*10 + uint16(c-'0')
	}
	return Request{Peer: peer, Source: source, Remote: source, Destination: netip.MustParseAddr("10.9.0.1"), Port: port, Method: words[2], Path: words[3], Host: words[4]}
}

// TestUnknown requires an error that names each field that Istio does not use today.
func TestUnknown(t *testing.T) {
	for config, want := range map[string]string{
		"policies: {p: {permissions: [{destination_port_range: {start: 1, end: 9}}], principals: [{any: true}]}}":                                                      "Permission_DestinationPortRange",
		"policies: {p: {permissions: [{any: true}], principals: [{source_ip: {address_prefix: 10.0.0.1, prefix_len: 32}}]}}":                                           "Principal_SourceIp",
		"policies: {p: {permissions: [{any: true}], principals: [{filter_state: {key: x, string_match: {exact: x}}}]}}":                                                "the filter state x",
		"policies: {p: {permissions: [{header: {name: x, string_match: {exact: x}, invert_match: true}}], principals: [{any: true}]}}":                                 "header matcher that inverts",
		"policies: {p: {permissions: [{header: {name: x, range_match: {start: 1, end: 2}}}], principals: [{any: true}]}}":                                              "HeaderMatcher_RangeMatch",
		"policies: {p: {permissions: [{url_path: {path: {contains: x}}}], principals: [{any: true}]}}":                                                                 "StringMatcher_Contains",
		"policies: {p: {permissions: [{" + uriTemplate("api/*") + "}], principals: [{any: true}]}}":                                                                    "no leading slash",
		"policies: {p: {permissions: [{" + uriTemplate("/a/**/*") + "}], principals: [{any: true}]}}":                                                                  "after **",
		"policies: {p: {permissions: [{" + uriTemplate("/a//*") + "}], principals: [{any: true}]}}":                                                                    `segment ""`,
		"policies: {p: {permissions: [{any: true}], principals: [{metadata: {filter: x, path: [{key: \"y\"}], value: {string_match: {exact: x}}}}]}}":                  "metadata of x",
		"policies: {p: {permissions: [{any: true}], principals: [{metadata: {filter: envoy.filters.http.jwt_authn, path: [{key: \"y\"}], value: {null_match: {}}}}]}}": "ValueMatcher_NullMatch",
		"policies: {p: {permissions: [{any: true}], principals: [{any: true}], condition: {const_expr: {bool_value: true}}}}":                                          "condition",
		"{policies: {}, audit_logging_options: {audit_condition: ON_DENY}}":                                                                                            "audit logging",
	} {
		_, err := load(t, config)
		require.ErrorContains(t, err, want)
	}
}

func TestActions(t *testing.T) {
	q := Request{Port: 80}
	for _, c := range []struct {
		action  string
		port    int
		allowed bool
	}{{"ALLOW", 80, true}, {"ALLOW", 81, false}, {"DENY", 80, false}, {"DENY", 81, true}, {"LOG", 80, true}, {"LOG", 81, true}} {
		e, err := load(t, "{action: "+c.action+", policies: {p: {permissions: [{destination_port: "+map[int]string{80: "80", 81: "81"}[c.port]+"}], principals: [{any: true}]}}}")
		require.NoError(t, err)
		allowed, _ := e.decide(&q)
		require.Equal(t, c.allowed, allowed, c)
	}
	empty, err := load(t, "{action: ALLOW}")
	require.NoError(t, err)
	allowed, _ := empty.decide(&q)
	require.False(t, allowed, "ALLOW without policies")
}
