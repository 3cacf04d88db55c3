package istio

import (
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/diag"
)

// acceptHeader refuses a header that rules do not see as the caller sent it.
func (b *builder) acceptHeader(s *policy.Service, r *policy.Rule, c *policy.Condition) {
	name := c.Key[0]
	if strings.HasPrefix(name, "x-envoy-") || slices.Contains(proxyHeaders, name) {
		b.findings.Add(diag.Inexpressible, either(c.At, r.At), "the header %s cannot be asked for: the proxy sets, changes or removes it itself", name).
			WithHelp("choose a header of the application")
		return
	}
	b.acceptTaken(s, r, c)
}

// acceptTaken refuses a header from which the proxy of a service takes tokens before rules see it.
func (b *builder) acceptTaken(s *policy.Service, r *policy.Rule, c *policy.Condition) {
	name := c.Key[0]
	for _, i := range s.Issuers {
		if slices.Contains(headersOf(i), name) && !i.Forward && !b.passesOn(s, i) {
			b.findings.Add(diag.Inexpressible, either(c.At, r.At), "the header %s cannot be asked for: the proxy of %s takes the tokens of %s from it", name, s.Name, i.Name).
				WithRelated(i.At, "declared here").
				WithHelp("ask for the token itself: `with %s`", i.Name)
			return
		}
	}
}

// headersOf returns the names, in lower case, of the headers that carry the tokens of an issuer.
func headersOf(i *policy.Issuer) (names []string) {
	if len(i.From) == 0 {
		return []string{"authorization"}
	}
	for _, c := range i.From {
		names = append(names, strings.ToLower(c.Header))
	}
	return names
}

// proxyHeaders are the headers that a proxy handles before it asks for a decision, in addition to those that begin with
// x-envoy-:
// https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/headers.
var proxyHeaders = []string{
	"connection", "keep-alive", "proxy-connection", "te", "transfer-encoding", "upgrade",
	"x-client-trace-id", "x-forwarded-client-cert", "x-forwarded-for", "x-forwarded-proto", "x-request-id",
}
