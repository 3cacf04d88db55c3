package read

import (
	"fmt"
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// Ambient reports where ztunnel enforces something else for ambient workloads than objects say.
func Ambient(m *enforce.Layer, workloads []enforce.Workload) diag.List {
	a := &ambient{layer: m, reported: map[source.Span]bool{}}
	for _, w := range workloads {
		c := m.For(w)
		if !c.Ambient() {
			continue
		}
		for _, p := range c.Unsent {
			a.unsent(p, w)
		}
		for _, p := range c.Policies {
			if written := p.Written(); written != p && !p.DryRun && a.once(p.At) {
				for i := range p.Clauses {
					a.clause(written, &written.Clauses[i], &p.Clauses[i], i, w)
				}
			}
		}
		a.modes(c, w)
	}
	return a.findings.Sort()
}

type ambient struct {
	layer    *enforce.Layer
	findings diag.List
	reported map[source.Span]bool
}

func (a *ambient) once(at source.Span) bool {
	before := a.reported[at]
	a.reported[at] = true
	return !before
}

// viaWaypoint is how a policy is enforced as it is written.
const viaWaypoint = "have calls to the pods pass a waypoint, and write `targetRefs` with their Service in place of the selector; or give the pods sidecars"

func (a *ambient) unsent(p *enforce.Object, w enforce.Workload) {
	if p.Broken || p.DryRun || !a.once(p.At) {
		return
	}
	switch {
	case p.Role == enforce.Authenticates:
		a.findings.Add(diag.Ineffective, p.At, "the RequestAuthentication %s has no effect on the ambient pods of %s: ztunnel verifies no tokens", p.ID(), w.Namespace).
			WithHelp("%s", viaWaypoint)
	case p.Effect == enforce.Custom:
		a.findings.Add(diag.OpenedAmbient, p.At, "ztunnel asks no provider: the AuthorizationPolicy %s stops nothing at the ambient pods of %s", p.ID(), w.Namespace).
			WithHelp("%s", viaWaypoint)
	case p.Unsent == enforce.BySelector:
		a.findings.Add(diag.OpenedAmbient, p.At, "the selector of the %s AuthorizationPolicy %s has no labels, so ztunnel does not enforce the policy for any ambient pod of %s", p.Effect, p.ID(), w.Namespace).
			WithHelp("delete `selector`: without it the policy is for the whole namespace")
	}
}

// clause reports a rule that ztunnel is sent in other words.
func (a *ambient) clause(p *enforce.Object, written, sent *enforce.Clause, rule int, w enforce.Workload) {
	more, less, err := a.layer.Differ(sent, written)
	if err != nil || !more && !less {
		return
	}
	how := "matches more than it says"
	switch {
	case len(sent.From) == 0:
		how = "never matches"
	case more && less:
		how = "does not match what it says"
	case less:
		how = "matches less than it says"
	}
	what, help := unseen(p, written)
	add := func(code diag.Code, consequence string) {
		a.findings.Add(code, sent.At, "rule %d of the %s AuthorizationPolicy %s %s at the ambient pods of %s: %s; %s", rule, p.Effect, p.ID(), how, w.Namespace, what, consequence).
			WithHelp("%s", help)
	}
	switch {
	case p.Effect == enforce.Deny && less:
		add(diag.OpenedAmbient, "what it should deny is let through")
	case p.Effect == enforce.Deny:
		add(diag.ShutAmbient, "it denies everything that matches the rest of it")
	case more:
		add(diag.OpenedAmbient, "it lets in more callers")
	default:
		add(diag.ShutAmbient, "callers that it should let in are refused")
	}
}

// unseen is what of a clause ztunnel is not sent, and how to say it so that it is enforced.
func unseen(p *enforce.Object, c *enforce.Clause) (what, help string) {
	var requests []string
	domains, names := false, false
	for _, b := range slices.Concat(c.From, c.To) {
		for _, condition := range b {
			if !ofConnections(condition.Dimension) {
				requests = append(requests, named(condition.Dimension))
			}
			for _, pattern := range slices.Concat(condition.Is, condition.Not) {
				domains = domains || pattern.InDomain()
				names = names || pattern.IsPrincipal()
			}
		}
	}
	slices.Sort(requests)
	switch requests = slices.Compact(requests); {
	case len(requests) > 0:
		return fmt.Sprintf("ztunnel sees connections, and no %s", strings.Join(requests, " or ")), viaWaypoint
	case domains:
		return "ztunnel does not compare trust domains alone", "write `principals` with the trust domain: DOMAIN/ns/NAMESPACE/sa/ACCOUNT or DOMAIN/*"
	case names:
		return "ztunnel compares principals as they are written, without other names of the trust domain", "write each principal with each trust domain that its callers have"
	}
	return "ztunnel reads `when` only with source.ip, source.namespace, source.principal, destination.ip and destination.port, and a wildcard of a namespace at its start or its end only",
		"name the callers in `from`, with whole namespaces, principals or serviceAccounts"
}

func named(d space.Dimension) string {
	switch d {
	case space.RemoteAddress:
		return "addresses of clients behind a proxy"
	case space.Token:
		return "tokens"
	case space.HiddenHTTP, space.Hidden:
		return "facts of other filters"
	}
	return space.Standard[d].Name + "s"
}

// modes reports the ports whose mode ztunnel enforces otherwise than it is stated.
func (a *ambient) modes(c *enforce.Point, w enforce.Workload) {
	c.Deviates(func(port uint16, stated, enforced enforce.Mode, by *enforce.Object) {
		where := "the ports that it does not name"
		if port != 0 {
			where = fmt.Sprintf("port %d", port)
		}
		switch {
		case by == nil || !a.once(by.At):
		case enforced == enforce.Unknown:
			a.findings.Add(diag.Unevaluable, by.At, "whether ztunnel refuses plaintext on %s of the ambient pods of %s is not known: PeerAuthentications of one scope are equally old", where, w.Namespace).
				WithHelp("keep one of them")
		case stated == enforce.Strict && enforced == enforce.Permissive:
			help := fmt.Sprintf("write `mtls: {mode: STRICT}` into a PeerAuthentication of %s without a selector", w.Namespace)
			if by.Mode == enforce.Inherit {
				help += " and into " + by.Name
			}
			a.findings.Add(diag.AmbientMode, by.At, "plaintext is taken on %s of the ambient pods that the PeerAuthentication %s selects, although the mode there is STRICT: Istio makes no rule for ztunnel of this combination of modes", where, by.ID()).
				WithHelp("%s", help)
		case stated == enforce.Disable && enforced == enforce.Strict:
			a.findings.Add(diag.ShutAmbient, by.At, "plaintext is refused on %s of the ambient pods that the PeerAuthentication %s selects, although the mode there is DISABLE, which ztunnel does not have", where, by.ID()).
				WithHelp("write PERMISSIVE in place of DISABLE")
		}
	})
}
