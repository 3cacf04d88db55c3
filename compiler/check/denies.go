package check

import (
	"fmt"
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// dropUnidentifiable drops from a deny the sources without identity or address that no edge lets in: nothing identifies
// them, and there is nothing to deny. If the deny has no other source they stay, to be reported.
func (c *checker) dropUnidentifiable(r *rule) {
	unidentifiable := func(f policy.Source) bool {
		return f.Kind == policy.FromService && !f.Service.Proxied() && len(f.Service.Addresses) == 0
	}
	if !slices.ContainsFunc(r.From, unidentifiable) || !slices.ContainsFunc(r.From, func(f policy.Source) bool { return !unidentifiable(f) }) {
		return
	}
	if c.takesPlaintext(r) {
		for _, open := range r.callee.allow {
			if open.meets(r) && slices.ContainsFunc(open.From, func(f policy.Source) bool { return f.Kind == policy.FromWorld }) {
				return
			}
		}
	}
	var from []policy.Source // not in place: the rules of a statement share their sources
	var at []source.Span
	for i, f := range r.From {
		if !unidentifiable(f) {
			from, at = append(from, f), append(at, r.FromAt[i])
		}
	}
	r.From, r.FromAt = from, at
}

// takesPlaintext reports whether callers may hide their identity from some port that a rule is about: it is not strict,
// and they are not known by their pods.
func (c *checker) takesPlaintext(r *rule) bool {
	return !c.Meshless && slices.ContainsFunc(c.met(r), func(m stated) bool { return m.mode != policy.Strict })
}

// meets reports whether two rules of one callee have a port in common.
func (r *rule) meets(other *rule) bool {
	return len(r.Ports) == 0 || len(other.Ports) == 0 ||
		slices.ContainsFunc(r.Ports, func(p uint16) bool { return slices.Contains(other.Ports, p) })
}

// aroundInPlaintext warns of a caller that is denied by its identity but let in without one.
func (c *checker) aroundInPlaintext(r *rule, f policy.Source, at source.Span) {
	if !c.takesPlaintext(r) {
		return
	}
	for _, open := range r.callee.allow {
		if !open.meets(r) {
			continue
		}
		for _, who := range open.From {
			if !plaintext(who) || r.callee.denies(who, r) {
				continue
			}
			d := c.list.Add(diag.BypassedDeny, at, "%s can bypass this deny in plaintext", quoted(f.String())).
				WithRelated(open.At, "plaintext callers are admitted here").
				WithNote("a deny matches %s by its identity, and a call that bypasses its own proxy has none", f).
				WithHelp("make the port strict, or deny %s the same", quoted(who.String()))
			if who.Kind == policy.FromService {
				d.WithNote("it is admitted if its address is one of those of %s", who)
			}
			return
		}
	}
}

// aroundWithoutToken warns of a deny of some tokens whose holders are let in without their token.
func (c *checker) aroundWithoutToken(r *rule) {
	i := slices.IndexFunc(r.Where, func(w policy.Condition) bool { return w.AsksForToken() })
	if i < 0 {
		return
	}
	const problem = "callers can bypass this deny by leaving out their token"
	if !r.callee.closed() {
		c.list.Add(diag.BypassedDeny, r.Where[i].At, problem).
			WithRelated(r.callee.At, "no edge closes this service, so callers without a token are admitted").
			WithHelp("write the edges of %s, and require a token in them", r.callee.Name)
		return
	}
	for _, open := range r.callee.allow {
		if asksForToken(open) || !open.meets(r) || !sharesSources(open, r) || !policy.Meet(open.Ops, r.Ops) || policy.Covers(open.Without, r.Ops) && len(open.Without) > 0 {
			continue
		}
		c.list.Add(diag.BypassedDeny, r.Where[i].At, problem).
			WithRelated(open.At, "callers without a token are admitted here").
			WithHelp("require a token in that edge too, or exclude these requests from it with `except`")
		return
	}
}

// denies reports whether some deny covers all that a rule is about for a source.
func (s *service) denies(who policy.Source, r *rule) bool {
	return slices.ContainsFunc(s.deny, func(d *rule) bool {
		return d.Requests.Covers(&r.Requests) && d.Includes(who)
	})
}

// aroundByPort warns of a deny of operations that leaves out a port which an edge opens to the same callers, because
// nothing declares that it carries HTTP.
func (c *checker) aroundByPort(r *rule) {
	if !r.anyHTTP {
		return
	}
	for _, p := range r.callee.Ports {
		if p.Protocol != policy.ProtocolUnset {
			continue
		}
		for _, open := range r.callee.allow {
			if len(open.Ports) > 0 && !slices.Contains(open.Ports, p.Number) || !sharesSources(open, r) {
				continue
			}
			c.list.Add(diag.BypassedDeny, r.ToAt, "port %d of %s stays open: its protocol is not declared, and these operations bind HTTP ports", p.Number, r.callee.Name).
				WithRelated(open.At, "opened here").
				WithHelp("declare it, `port %d http` or tcp, or deny the port itself", p.Number)
			return
		}
	}
}

// widened reports what a deny of every port denies where no HTTP is read: the rest of it.
func (c *checker) widened(r *rule) {
	if !r.Widened {
		return
	}
	var tcp, unknown []string
	for _, p := range r.callee.Ports {
		switch {
		case !r.Leads(p.Number) || p.Protocol.IsHTTP():
		case p.Protocol == policy.ProtocolUnset:
			unknown = append(unknown, portText(p.Number))
		default:
			tcp = append(tcp, portText(p.Number))
		}
	}
	for _, open := range r.callee.allow {
		if !sharesSources(open, r) {
			continue
		}
		for _, p := range open.Ports {
			if slices.Contains(tcp, portText(p)) {
				c.list.Add(diag.CoveredByDeny, open.ToAt, "a deny of every port overrides this edge: port %d carries no HTTP, and there it denies every connection", p).
					WithRelated(r.ToAt, "denied here").
					WithHelp("narrow the deny to HTTP ports, or delete the edge")
			}
		}
	}
	at := "a port that carries no HTTP"
	switch {
	case r.EveryPod != r.callee.Unnamed, len(r.callee.Ports) > 0 && len(tcp)+len(unknown) == 0:
		return
	case len(tcp) > 0:
		at = "port " + strings.Join(tcp, ", ")
	case len(unknown) > 0:
		at = "port " + strings.Join(unknown, ", ") + ", whose protocol is not declared, where it carries no HTTP"
	}
	narrower := fmt.Sprintf("delete `:*` to deny on the HTTP ports of %s alone", r.callee.Name)
	if r.callee.Unnamed {
		narrower = "name the services to deny on their HTTP ports alone"
	}
	c.list.Add(diag.DenyWidened, r.ToAt, "on %s, this denies every connection of these callers", at).
		WithNote("on a TCP port, a proxy ignores the HTTP conditions of a DENY rule").
		WithHelp("%s", narrower)
}

// sharesSources reports whether two rules may have a caller in common.
func sharesSources(a, b *rule) bool {
	return slices.ContainsFunc(a.From, func(f policy.Source) bool {
		return slices.ContainsFunc(b.From, func(g policy.Source) bool { return f.Includes(g) || g.Includes(f) })
	})
}
