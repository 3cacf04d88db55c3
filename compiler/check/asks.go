package check

import (
	"cmp"
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// asks judges the asks of a callee.
func (c *checker) asks(s *service) {
	for _, r := range s.ask {
		switch {
		case !s.Proxied():
			c.outsideCallee(r)
			continue
		case asksForToken(r):
			c.list.Add(diag.MisplacedClause, r.ToAt, "a provider cannot be asked about certain tokens only").
				WithNote("Istio does not allow identities and tokens in a policy that asks a provider").
				WithHelp("delete `with`: the provider sees the token, which `verify %s at %s` has the proxy verify first", issuersAsked(r), s.Name)
			continue
		case r.Provider != s.ask[0].Provider:
			c.list.Add(diag.MisplacedClause, r.ProviderAt, "%s already asks %s, and Istio asks only one provider per workload", s.Name, s.ask[0].Provider).
				WithRelated(s.ask[0].ProviderAt, "asked here").
				WithHelp("have one provider decide about both")
			continue
		}
		c.bypassed(r)
		c.writtenByProvider(r)
		if !r.opened() {
			c.list.Add(diag.Ineffective, r.ToAt, "no edge allows what %s is asked about, and an ask allows nothing by itself", r.Provider).
				WithHelp("write the edge too, or delete the ask")
		}
	}
}

// issuersAsked is the issuers of the tokens that a rule asks for, as a statement names them.
func issuersAsked(r *rule) string {
	var names []string
	for _, w := range r.Where {
		for _, i := range w.Issuers {
			if !slices.Contains(names, i.Name) {
				names = append(names, i.Name)
			}
		}
	}
	return cmp.Or(strings.Join(names, "|"), "any")
}

// opened reports whether something lets in what an ask is about. Of one about every pod of a namespace, what stands for
// these pods is judged for all of them.
func (r *rule) opened() bool {
	all := []*service{r.callee}
	switch {
	case r.EveryPod && !r.callee.Unnamed:
		return true
	case r.EveryPod:
		all = append(all, r.callee.mesh.services...)
	}
	return slices.ContainsFunc(all, func(s *service) bool {
		return !s.closed() || slices.ContainsFunc(s.allow, func(open *rule) bool { return open.meets(r) && sharesSources(open, r) })
	})
}

// askable reports callers that an ask cannot tell from others: Istio refuses identities and tokens in what it asks a
// provider about, and an address alone would be that of pods, too.
func (c *checker) askable(hop lang.Hop, from []policy.Source, at []source.Span) bool {
	const why = "Istio does not allow identities and tokens in a policy that asks a provider"
	if len(hop.Except) > 0 {
		c.list.Add(diag.MisplacedClause, hop.Except[0].Range, "a provider is asked about requests from everyone: %s cannot be left out", quoted(hop.Except[0].String())).
			WithNote(why).
			WithHelp("delete the exception: the provider learns who is calling and can distinguish callers")
		return false
	}
	for i, f := range from {
		if f.Kind != policy.FromWorld {
			c.list.Add(diag.MisplacedClause, at[i], "a provider is asked about requests from everyone, not from %s", quoted(at[i].Text())).
				WithNote(why).
				WithHelp("write `world`: the provider learns who is calling and can distinguish callers")
			return false
		}
	}
	return true
}

// writtenByProvider warns of a header that a rule looks at after the provider was asked, which may have written it: of
// the filters of a listener, that which asks comes first (buildHTTPConnectionManager in
// istio.io/istio/pilot/pkg/networking/core/listener_builder.go).
func (c *checker) writtenByProvider(r *rule) {
	for _, later := range slices.Concat(r.callee.allow, r.callee.deny) {
		i := slices.IndexFunc(later.Where, func(w policy.Condition) bool { return w.Dimension == policy.HeaderDimension })
		if i < 0 || !later.meets(r) || !policy.Meet(later.Ops, r.Ops) {
			continue
		}
		w := &later.Where[i]
		c.list.Add(diag.ProviderWrites, w.At, "this %s is about the header %s as left by %s, which may set it", later.kind, w.Key[0], r.Provider).
			WithRelated(r.ProviderAt, "asked here").
			WithHelp("leave out the header and have %s decide by it, or leave these requests out of the ask", r.Provider)
		return
	}
}
