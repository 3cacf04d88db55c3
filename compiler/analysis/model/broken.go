package model

import (
	"fmt"
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/diag"
)

// broken reports a request that breaks a guard, with the statements that let it through or stop it.
func (m *Model) broken(code diag.Code, g *policy.Guard, split *Split, caller space.Source, r *enforce.Class) *diag.Diagnostic {
	allowed := g.Kind != policy.Always
	s := split.Service
	who := m.callerOf(g, s, caller) + split.Facts(caller)
	d := diag.New(code, g.At, "%s", split.Witness(who, &r.Request, allowed))
	by := m.Callee(s).Decide(split.From(r.Request, caller))
	asked := by.Verdict == enforce.Undecided && by.Policy != nil && by.Policy.Effect == enforce.Custom
	switch {
	case asked:
		d.Message = fmt.Sprintf("whether %s may call %s is up to %s", who, split.Target(&r.Request), by.Policy.Provider)
	case by.Verdict == enforce.Undecided:
		d.Message = fmt.Sprintf("whether %s may call %s cannot be judged", who, split.Target(&r.Request))
	}
	switch {
	case asked && m.RuleFor(s, s.Ask, caller, &r.Request) != nil:
		d.WithRelated(m.RuleFor(s, s.Ask, caller, &r.Request).At, "it is asked by this").WithHelp("leave the request out of the ask")
		if allowed {
			d.WithHelp("delete the edge: what a provider decides is not known")
		}
	case by.Reason == enforce.NotCaptured:
		notCaptured(&d, s, s.Inbound.Of(r.Request.Port()))
	case by.Verdict == enforce.Undecided && by.Policy != nil:
		d.WithRelated(by.Policy.At, "%s %s decides it", by.Policy.Kind, by.Policy.ID())
	case by.Verdict == enforce.Undecided:
		if s.DataplaneWhy != "" {
			d.WithRelated(s.DataplaneAt, "%s", s.DataplaneWhy)
		}
	case !allowed:
		m.stopped(&d, g, split, caller, r)
	case m.RuleFor(s, s.Allow, caller, &r.Request) != nil:
		d.WithRelated(m.RuleFor(s, s.Allow, caller, &r.Request).At, "let through by this")
		d.WithHelp("delete the edge")
		if e := m.exception(g, s, caller); e != "" {
			d.WithHelp("delete the edge, or name the exception: `except %s`", e)
		}
	case by.Policy != nil:
		d.WithHelp("%s %s lets it through: take that back", by.Policy.Kind, by.Policy.ID())
	default:
		d.WithHelp("no ALLOW policy selects %s, so every caller is let through: state the mode of its mesh", s.ID())
		if mesh := m.meshes[s.Namespace]; mesh != nil && mesh.Open {
			d.WithHelp("mesh %s is open, and no edge closes %s: write the edges of its callers", s.Namespace, s.Name)
		}
	}
	for _, f := range g.From {
		if f.Kind == policy.FromService && caller.Identity() != "" && m.MatchesSource(s, caller, f) && caller.Identity() != m.Principal(f.Service) {
			id, _ := policy.ParseIdentity(caller.Identity())
			d.WithNote("pods of %s may still run as %s", f, m.Policy.Shifted(f.Service, id))
			break
		}
	}
	if g.Because != "" {
		d.WithNote("because %s", g.Because)
	}
	return &d
}

// pastSidecar says why requests of a service do not get through although its identity would: calls to the port bypass
// its own sidecar, or go to the address of a pod, so that it proves none. It is empty where they do not, or the callee
// lets in callers without identity. A statement without ports is not about those to which no Service leads.
func (m *Model) pastSidecar(split *Split, r *enforce.Class, class int, ports []uint16) string {
	from, s := m.services[split.Sources[class].Identity()], split.Service
	if from == nil || from.Outbound.Complete() && (len(ports) == 0 || len(s.Fronts) == 0) || r.Outcomes[0].Allowed.Has(class%split.Anonymous()) {
		return ""
	}
	for _, w := range m.Ways(policy.Source{Service: from}, s, m.Callee(s), r.Request.Port()) {
		if w.Past.Capture != policy.Captured || w.Direct && len(ports) > 0 {
			return w.String()
		}
	}
	return ""
}

// notCaptured says why no policy decides about a port.
func notCaptured(d *diag.Diagnostic, s *policy.Service, by policy.PortCapture) {
	verb := "bypasses"
	if by.Capture == policy.Unclear {
		verb = "may bypass"
	}
	d.WithNote("port %d %s the proxy of %s, so that no policy decides about it: %s", by.Number, verb, s.ID(), by.Why)
	if !by.At.IsZero() {
		d.WithRelated(by.At, "said here").WithHelp("have the proxy see the port, or leave the port out of the guard")
	}
}

// callerOf names a class of callers in the words of the language. Of several services with one account it is the one
// that the guard names.
func (m *Model) callerOf(g *policy.Guard, to *policy.Service, caller space.Source) string {
	for _, f := range g.From {
		if caller.Identity() != "" && f.Kind == policy.FromService && m.MatchesSource(to, caller, f) {
			return f.String()
		}
	}
	return m.CallerAt(caller)
}

// exception is what `except` would have to name for a guard to exclude a class of callers: a service, or those outside
// the mesh at its addresses. It is empty where nothing names the class, or the guard is about no other caller.
func (m *Model) exception(g *policy.Guard, to *policy.Service, caller space.Source) string {
	var names []string
	for _, mesh := range m.Policy.Meshes {
		for _, s := range mesh.Services {
			switch f := (policy.Source{Service: s}); {
			case !m.Represents(to, caller, f) && (caller.Identity() == "" || !m.MatchesSource(to, caller, f)):
			case !only(g, f):
				names = append(names, f.String())
			case s.Proxied():
				return ""
			}
		}
	}
	switch {
	case caller.Identity() == "" || len(names) == 0:
	case m.services[caller.Identity()] != nil:
		return m.callerOf(g, to, caller) // one of several with the same account
	case len(names) > 1:
		return "" // several had this account
	}
	return strings.Join(names, ", ")
}

// only reports whether a guard is about this caller and no other.
func only(g *policy.Guard, f policy.Source) bool { return len(g.From) == 1 && g.From[0] == f }

// stopped says what denies a request.
func (m *Model) stopped(d *diag.Diagnostic, g *policy.Guard, split *Split, caller space.Source, class *enforce.Class) {
	s, r := split.Service, &class.Request
	c := split.Source(split.From(*r, caller))
	mode := m.Mode(s, r.Port())
	switch rule := m.RuleFor(s, s.Deny, caller, r); {
	case mode == policy.Strict && caller.Identity() == "" && s.Dataplane != policy.Gateway:
		d.WithNote("the port is strict, and the caller has no identity")
	case rule != nil:
		d.WithRelated(rule.At, "stopped by this").WithHelp("narrow the deny, or the always")
	case m.pastSidecar(split, class, c, g.Ports) != "":
		d.WithNote("%s", m.pastSidecar(split, class, c, g.Ports))
	case m.RuleFor(s, s.Allow, caller, r) != nil:
		by := m.Callee(s).Decide(split.From(*r, caller))
		if d.WithNote("an edge lets it through, and it is denied all the same"); by.Policy != nil {
			d.WithHelp("%s %s stops it: take that back", by.Policy.Kind, by.Policy.ID())
		}
	default:
		from := m.callerOf(g, s, caller)
		for _, f := range g.From {
			if caller.Identity() == "" && m.Represents(s, caller, f) {
				from = f.String()
			}
		}
		d.WithNote("no edge lets it through").WithHelp("write the edge: `%s -> %s`", from, split.Target(r))
	}
}

// mayNotCall reports a caller of an only that does not reach the destination, or that does perhaps.
func mayNotCall(g *policy.Guard, s *policy.Service, f policy.Source, perhaps bool) *diag.Diagnostic {
	if perhaps {
		d := diag.New(diag.OnlyBroken, g.At, "whether %s may call %s cannot be judged", f, s.ID())
		return &d
	}
	d := diag.New(diag.OnlyBroken, g.At, "%s may not call %s", f, s.ID())
	d.WithHelp("write the edge, or take %s out of the only", f)
	deniedBy(&d, f, s)
	return &d
}

func deniedBy(d *diag.Diagnostic, f policy.Source, s *policy.Service) {
	for i := range s.Deny {
		if slices.ContainsFunc(s.Deny[i].From, func(x policy.Source) bool { return x == f }) {
			d.WithRelated(s.Deny[i].At, "stopped by this")
			return
		}
	}
}
