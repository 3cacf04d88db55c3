package check

import (
	"slices"

	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang"
	"github.com/meshc/meshc/lang/diag"
)

// askedEverywhere reports an ask that is not about HTTP ports alone: a provider that speaks HTTP is not asked about other
// connections, which would pass.
func (c *checker) askedEverywhere(t *lang.Target) bool {
	c.list.Add(diag.MisplacedClause, t.Ref.Range.To(t.Port.Range), "a provider is asked about requests to the HTTP ports of a service").
		WithNote("at a port without HTTP Istio lets connections through without asking").
		WithHelp("name the services that are meant, and declare their ports: `port 8080 http`")
	return false
}

// asks judges the asks of a callee.
func (c *checker) asks(s *service) {
	for _, r := range s.ask {
		switch {
		case !s.Proxied():
			c.outsideCallee(r)
			continue
		case r.Provider != s.ask[0].Provider:
			c.list.Add(diag.MisplacedClause, r.ProviderAt, "%s asks %s already, and Istio asks one provider for a workload", s.Name, s.ask[0].Provider).
				WithRelated(s.ask[0].ProviderAt, "asked here").
				WithHelp("have one provider decide about both")
			continue
		}
		c.bypassed(r)
		if !slices.ContainsFunc(s.allow, func(open *rule) bool { return open.meets(r) && sharesSources(open, r) }) && s.mesh.Closes(s.Service) {
			c.list.Add(diag.Ineffective, r.ToAt, "no edge lets in what %s is asked about: an ask opens nothing", r.Provider).
				WithHelp("write the edge too, or delete the ask")
		}
		for i, f := range r.From {
			if f.Kind != policy.FromWorld && f.Kind != policy.FromAny {
				c.unaskedInPlaintext(r, f, i)
			}
		}
	}
}

// unaskedInPlaintext warns of a caller that is asked about by its identity and let in without one.
func (c *checker) unaskedInPlaintext(r *rule, f policy.Source, i int) {
	if r.callee.Dataplane != policy.Gateway && c.takesPlaintext(r) && slices.ContainsFunc(r.callee.allow, func(open *rule) bool {
		return open.meets(r) && slices.ContainsFunc(open.From, plaintext)
	}) {
		c.list.Add(diag.BypassedDeny, r.SourceAt(i), "%s can bypass this ask in plaintext", quoted(f.String())).
			WithNote("an ask matches %s by its identity, and a call that bypasses its own proxy has none", f).
			WithHelp("make the port strict, or ask about `world`")
	}
}
