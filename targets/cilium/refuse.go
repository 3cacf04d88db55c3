package cilium

import (
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

const nameHelp = "names consist of lower-case letters, digits and `-`"

func (e *emission) refuse(at source.Span, format string, args ...any) *diag.Diagnostic {
	return e.findings.Add(diag.Inexpressible, at, format, args...)
}

// refuseProject refuses what a whole project asks for and Cilium does not have. It reports whether there is nothing to
// emit.
func (e *emission) refuseProject() bool {
	if e.DryRun {
		e.refuse(source.Span{}, "Cilium has no dry-run of single policies, so `enforcement: dry-run` cannot be expressed").
			WithHelp("leave `enforcement` out, or run Cilium itself with `policyAuditMode`")
		return true
	}
	e.refuseMode(e.ModeAt, e.Mode)
	return false
}

// refuseMode refuses a mode that is not permissive: Cilium knows callers by the addresses of their pods.
func (e *emission) refuseMode(at source.Span, mode policy.Mode) {
	if mode != policy.Strict && mode != policy.Disable {
		return
	}
	d := e.refuse(at, "`%s` cannot be expressed: without a mesh there is no mutual TLS, and Cilium knows callers by the addresses of their pods", mode).
		WithHelp("write `permissive`, which closes as much")
	if at.Text() == mode.String() {
		d.WithFix(true, at, policy.Permissive.String(), "make it permissive")
	}
}

func (e *emission) refuseModes(m *policy.Mesh) {
	e.refuseMode(m.ModeAt, m.Mode)
	for _, s := range m.Services {
		e.refuseMode(s.ModeAt, s.Mode)
		for _, p := range s.Ports {
			if p.Mode != policy.ModeUnset && p.Mode != s.Mode {
				e.refuseMode(s.ModeAt, p.Mode)
			}
		}
	}
}

// acceptService refuses a callee that no policy could select.
func (e *emission) acceptService(s *policy.Service) bool {
	switch {
	case s.Unnamed:
		return true
	case s.Dataplane == policy.Gateway:
		e.refuse(s.At, "%s is a gateway of Istio, which a cluster without Istio does not have", s.ID()).
			WithHelp("declare it as a service: leave `gateway` out")
		return false
	case !s.Dataplane.Judged():
		e.refuse(s.At, "no policy for %s can be expressed: %s", s.ID(), s.DataplaneWhy)
		return false
	case !policy.IsName(s.Name):
		e.refuse(s.At, "%q is not a valid object name", s.Name).WithHelp(nameHelp)
		return false
	}
	return true
}

func (e *emission) refuseAsks(s *policy.Service) {
	for i := range s.Ask {
		e.refuse(s.Ask[i].At, "Cilium asks no external authorizer, so %s would let through what %s is to be asked about", s.ID(), s.Ask[i].Provider).
			WithHelp("delete it, and have the service itself ask")
	}
}

func (e *emission) refuseTokens(s *policy.Service) {
	if len(s.Verifies) > 0 {
		e.refuse(s.Verifies[0].At, "Cilium does not look at tokens, so %s cannot refuse wrong ones", s.ID()).
			WithHelp("delete it, and have the service itself verify tokens")
	}
}

// refuseConnections refuses edges that let callers open connections which are not HTTP where Cilium reads requests of
// theirs: its proxy takes nothing else there. Only an edge to every pod has operations at ports that are not known to
// be HTTP.
func (e *emission) refuseConnections(s *policy.Service) {
	for i := range s.Allow {
		r := &s.Allow[i]
		if !r.OfHTTP() || !r.EveryPod {
			continue
		}
		var reads callers
		for _, port := range r.Ports {
			if slices.ContainsFunc(s.Ports, func(p policy.Port) bool { return p.Number == port && p.Protocol.IsHTTP() }) {
				continue
			}
			if reads.empty() {
				reads = e.callersOf(s, r)
			}
			for k := range s.Allow {
				plain := &s.Allow[k]
				if plain.OfHTTP() || len(plain.Ports) > 0 && !slices.Contains(plain.Ports, port) || slices.Contains(plain.PortsWithout(), port) {
					continue
				}
				if from := e.callersOf(s, plain); from.meets(&reads) {
					d := e.refuse(plain.At, "%s may open any connection to port %d of %s, and Cilium takes only HTTP of them there", names(plain.From), port, s.ID()).
						WithRelated(r.At, "because of the requests that this lets through to every pod")
					if s.Unnamed {
						d.WithHelp("leave out what is about requests, or name the services instead of `%s`", r.ToAt.Text())
					} else {
						d.WithHelp("declare `port %d http` if %s speaks HTTP there, else name the services that do in place of `pods`", port, s.Name)
					}
				}
			}
		}
	}
}

// acceptRequests refuses what Cilium does not see in requests, or cannot leave out.
func (e *emission) acceptRequests(s *policy.Service, r *policy.Rule, edge bool) bool {
	switch {
	case slices.ContainsFunc(r.Where, func(c policy.Condition) bool { return c.Dimension == policy.TokenDimension }):
		e.refuse(r.At, "Cilium does not look at tokens, so %s cannot ask for one", s.ID()).
			WithHelp("leave `with` out, and have the service itself verify tokens")
		return false
	case !edge && r.OfHTTP():
		e.refuse(r.At, "Cilium cannot deny single requests to %s: its denies are about ports", s.ID()).
			WithHelp("deny the port (`%s`), and have the edges name what may be called", wholeDeny(r))
		return false
	case r.OfHTTP() && len(r.Ports) == 0:
		e.refuse(r.At, "Cilium reads HTTP at the ports that a policy names, and this edge to %s names none", s.ID()).
			WithHelp("name them: `%s:8080`", s.Name)
		return false
	case len(r.Without) > 0:
		e.refuse(r.At, "Cilium cannot leave operations out of an edge to %s: its expressions say only what may be called", s.ID()).
			WithHelp("name the operations that may be called, and leave `except` out")
		return false
	}
	for i := range r.Where {
		if c := &r.Where[i]; !e.acceptCondition(s, c) {
			return false
		}
	}
	return true
}

func (e *emission) acceptCondition(s *policy.Service, c *policy.Condition) bool {
	wild := slices.ContainsFunc(c.Values, func(v string) bool { return strings.Contains(v, "*") && v != "*" || v == "" })
	switch {
	case c.Dimension == policy.PortDimension:
	case c.Not && c.Dimension == policy.HeaderDimension:
		e.refuse(c.At, "Cilium cannot ask that a request to %s has no header %s", s.ID(), strings.Join(c.Key, ".")).
			WithHelp("leave it out; a client chooses its headers anyway")
		return false
	case c.Not:
		e.refuse(c.At, "Cilium cannot leave a %s out", c.Dimension)
		return false
	case c.Dimension == policy.HeaderDimension && wild:
		e.refuse(c.At, "Cilium compares whole headers, and this edge to %s asks for a part of one", s.ID()).
			WithHelp("name the values, or ask only for the header: `header %s`", strings.Join(c.Key, "."))
		return false
	}
	return true
}

// wholeDeny is a deny of the ports of another, as the language writes it.
func wholeDeny(r *policy.Rule) string {
	return "deny " + names(r.From) + " -> " + r.ToAt.Text()
}
