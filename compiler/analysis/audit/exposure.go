package audit

import (
	"slices"
	"strconv"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/model"
	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// exposure reports callers of a service that neither a policy nor an edge names one by one: a note where an intent says
// so, else a warning.
func (r *Report) exposure(m *model.Model, split *model.Split) {
	s := split.Service
	sure, open := exposed(m, split, split.MarkAllowed), exposed(m, split, split.MarkOpen)
	wide := m.AdmittedWide(split.Classes, open)
	certain := wide
	if !slices.Equal(sure, open) {
		certain = m.AdmittedWide(split.Classes, sure)
	}
	surely := map[string]bool{}
	for _, c := range certain {
		surely[c.String()] = true
	}
	for _, c := range wide {
		severity, at := diag.Warning, source.Span{}
		if rule := intendedBy(s, c); rule != nil {
			severity, at = diag.Note, rule.At
		}
		if surely[c.String()] {
			r.Add(severity, Exposure, at, "%s may call %s", c, s.ID())
		} else {
			r.Add(severity, Exposure, at, "%s may call %s, unless what cannot be judged stops it", c, s.ID())
		}
	}
}

// exposed is the sources that one way of marking has reach some port through the proxy, other than by their addresses.
func exposed(m *model.Model, split *model.Split, mark func(*enforce.Class, []bool)) []bool {
	s := split.Service
	open := make([]bool, len(split.Sources))
	for i := range split.Operations {
		r := &split.Operations[i]
		if model.Occurs(s, &r.Request) && s.Inbound.Of(r.Request.Port()).Capture == policy.Captured {
			mark(r, open)
		}
	}
	for n, src := range split.Sources {
		if s.Dataplane == policy.Gateway && src.Identity() != "" { // which its listener may not ask for
			src = split.Sources[n%split.Anonymous()]
		}
		open[n] = open[n] && (src.Elsewhere || src.Identity() != "" || !namedByAddress(m, s, src))
	}
	return open
}

// bypassed reports the ports of a service that bypass its proxy, or may, if no edge of the policy leads to them: a
// finding about that edge says so.
func (r *Report) bypassed(s *policy.Service) {
	report := func(what string, p policy.PortCapture) {
		switch p.Capture {
		case policy.Bypassed:
			r.Add(diag.Warning, NoProxy, p.At, "no proxy sees %s of %s, so that everyone who reaches it may call it: %s", what, s.ID(), p.Why)
		case policy.Unclear:
			r.Add(diag.Warning, NoProxy, p.At, "a proxy may not see %s of %s, and then everyone who reaches it may call it: %s", what, s.ID(), p.Why)
		}
	}
	for _, p := range s.Inbound.Ports {
		if p.Own || slices.ContainsFunc(s.Allow, func(r policy.Rule) bool { return r.Leads(p.Number) }) {
			continue
		}
		report("port "+strconv.Itoa(int(p.Number)), p)
	}
	for _, port := range s.UDP {
		r.Add(diag.Warning, NoProxy, s.At, "no proxy sees UDP, so that everyone who reaches %s may call its UDP port %d", s.ID(), port)
	}
	what := "any port"
	if len(s.Inbound.Ports) > 0 {
		what = "any other port"
	}
	report(what, s.Inbound.Rest)
}

// RefusesPlaintext says why a point refuses a request of HTTP by a caller without identity; empty where it does not, or
// may not.
func RefusesPlaintext(at *enforce.Point, port uint16, method, path string) string {
	return refuses(at, space.Standard.Request(true, space.Facts{space.Port: strconv.Itoa(int(port)), space.Method: method, space.Path: path}))
}

// RefusesTLS says why a point refuses a connection by a caller without identity in which it sees no HTTP, such as one
// with a TLS that is not the mesh's; empty where it does not, or may not.
func RefusesTLS(at *enforce.Point, port uint16) string {
	return refuses(at, space.Standard.Request(false, space.Facts{space.Port: strconv.Itoa(int(port))}))
}

func refuses(at *enforce.Point, r space.Request) string {
	d := at.Decide(r)
	if d.Verdict != enforce.Denied {
		return ""
	}
	return d.String()
}

// namedByAddress reports whether an edge names a service outside the mesh at whose addresses a caller is.
func namedByAddress(m *model.Model, s *policy.Service, caller space.Source) bool {
	return slices.ContainsFunc(s.Allow, func(r policy.Rule) bool {
		return slices.ContainsFunc(r.From, func(f policy.Source) bool { return f.Kind == policy.FromService && m.MatchesSource(s, caller, f) })
	})
}

// intendedBy is the rule by which a service is open to callers that nothing names; nil where no rule says so.
func intendedBy(s *policy.Service, c model.Caller) *policy.Rule {
	for i := range s.Allow {
		if !c.Unidentified && len(c.Identities) == 0 && slices.ContainsFunc(s.Allow[i].From, func(f policy.Source) bool { return f.Kind >= c.Kind }) {
			return &s.Allow[i]
		}
	}
	return nil
}

// widened reports rules that deny by HTTP's fields on ports that are declared as something else, where they deny more
// than they say (istio/istio#37920).
func widened(m *model.Model, s *policy.Service) (list diag.List) {
	for _, p := range m.Callee(s).All() {
		for rule := range p.Clauses {
			for _, port := range s.Ports {
				if stated := func(r policy.Rule) bool { return r.Widened && r.Leads(port.Number) }; slices.ContainsFunc(s.Deny, stated) {
					continue // and the check says so
				}
				if port.Protocol != policy.ProtocolUnset && !port.Protocol.IsHTTP() && p.Widens(m.Manifests.Table, rule, port.Number) {
					list.Add(diag.Misleading, p.RuleAt(rule), "%s:%d is %s, so %s %s ignores the HTTP fields of its rule %d there and denies more", s.ID(), port.Number, port.Protocol, p.Kind, p.ID(), rule).
						WithHelp("name the ports that are HTTP in the rule")
				}
			}
		}
	}
	return list
}
