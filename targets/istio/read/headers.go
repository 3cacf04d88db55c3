package read

import (
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/lang/diag"
)

// rewritten reports conditions on headers that a RequestAuthentication of the same pods takes from requests or writes:
// they are not judged where both bind a workload.
func (r *reader) rewritten() {
	for _, by := range r.policies {
		if len(by.Rewrites) == 0 {
			continue
		}
		for _, p := range r.policies {
			for i := range p.Clauses {
				if name := p.Clauses[i].Header(by.Rewrites); name != "" && r.together(by, p) {
					r.findings.Add(diag.Undecided, p.RuleAt(i), "the header %s is not judged: a RequestAuthentication takes it from requests, or writes it", name)
				}
			}
		}
	}
}

// together reports whether all pods that one of two objects binds are bound by the other, too.
func (r *reader) together(a, b *enforce.Object) bool {
	within := func(few, many *enforce.Object) bool {
		return (many.Namespace == few.Namespace || many.Namespace == r.mesh.RootNamespace) && !slices.ContainsFunc(many.Selector, func(l enforce.Label) bool {
			return !slices.Contains(few.Selector, l)
		})
	}
	if a.Gateways || b.Gateways {
		return a.Namespace == b.Namespace && slices.ContainsFunc(a.Targets, func(t enforce.Label) bool { return slices.Contains(b.Targets, t) })
	}
	return within(a, b) || within(b, a)
}

// ownHeaders are headers that a proxy sets, changes or removes before policies are asked: mutateRequestHeaders in
// source/common/http/conn_manager_utility.cc of envoyproxy/envoy.
var ownHeaders = []string{
	"connection", "keep-alive", "proxy-connection", "te", "transfer-encoding", "upgrade",
	"x-client-trace-id", "x-forwarded-client-cert", "x-forwarded-for", "x-forwarded-proto", "x-request-id",
}

func isOwnHeader(name string) bool {
	name = strings.ToLower(name)
	return slices.Contains(ownHeaders, name) || strings.HasPrefix(name, "x-envoy-")
}
