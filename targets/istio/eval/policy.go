package eval

import (
	"time"

	"github.com/meshc/meshc/lang/source"
)

// Policy is one AuthorizationPolicy or PeerAuthentication.
type Policy struct {
	Kind      string // AuthorizationPolicy or PeerAuthentication
	Namespace string
	Name      string
	Action    Action // of an AuthorizationPolicy
	DryRun    bool   // an AuthorizationPolicy that Istio logs and does not enforce
	At        source.Span

	// Broken tells that a cluster would refuse the object, or that it has something in it that is unknown here:
	// it may stand for anything, and what it might decide is undecided.
	Broken bool

	anyAction bool // it is broken in a way that leaves even its action open

	created  time.Time
	selector []label // sorted by key; empty: the whole namespace
	targets  []target
	gateways bool // it has targetRefs: it binds gateways, never sidecars
	rules    []rule
	byPath   rulesByPath
	mode     Mode
	ports    []portMode // sorted by port
}

// ID is NAMESPACE/NAME.
func (p *Policy) ID() string { return p.Namespace + "/" + p.Name }

// Rules is the number of rules of an AuthorizationPolicy.
func (p *Policy) Rules() int { return len(p.rules) }

// RuleAt is the place of a rule, counted from 0.
func (p *Policy) RuleAt(i int) source.Span {
	if i < 0 || i >= len(p.rules) {
		return p.At
	}
	return p.rules[i].at
}

// Action is what an AuthorizationPolicy does with the requests that it matches.
type Action uint8

const (
	Allow Action = iota
	Deny
	Audit
	Custom
)

func (a Action) String() string { return actions[a] }

var actions = [...]string{Allow: "ALLOW", Deny: "DENY", Audit: "AUDIT", Custom: "CUSTOM"}

// Mode is what a port expects of its callers.
type Mode uint8

const (
	Inherit    Mode = iota // UNSET; a port never has it in the end
	Disable                // plaintext only: nobody proves an identity
	Permissive             // both
	Strict                 // mutual TLS only: who has no identity is refused
	Unknown                // a PeerAuthentication that cannot be judged sets it
)

func (m Mode) String() string { return modes[m] }

var modes = [...]string{Inherit: "UNSET", Disable: "DISABLE", Permissive: "PERMISSIVE", Strict: "STRICT", Unknown: "unknown"}

type label struct{ key, value string }

type target struct{ group, kind, name string }

type portMode struct {
	port uint16
	mode Mode
}

// rule is one of a policy: a request matches where one of its callers and one of its operations does.
type rule struct {
	from, to []box
	at       source.Span
}

// box is conditions that must all hold; without any it holds always. A rule's `when` is in each of its boxes.
type box []condition

// condition holds where the fact has one of the patterns, if there are any, and none of the others.
type condition struct {
	dimension dimension
	is, not   []pattern
}

// match is how sure it is that something matches.
type match uint8

const (
	no match = iota
	maybe
	yes
)

// does tells whether the policy may act so. A CUSTOM policy's provider is asked even in a dry run: see builder.go in
// istio.io/istio/pilot/pkg/security/authz/builder.
func (p *Policy) does(action Action) bool {
	return p.anyAction || p.Action == action && (!p.DryRun || action == Custom)
}

func (p *Policy) selects(w *Workload) bool {
	for _, l := range p.selector {
		if value, ok := w.Labels[l.key]; !ok || value != l.value {
			return false
		}
	}
	gateway, isGateway := w.Labels[gatewayName]
	if !p.gateways || !isGateway {
		return !p.gateways
	}
	for _, t := range p.targets {
		if t.kind == "Gateway" && t.group == gatewayGroup && t.name == gateway && w.Namespace == p.Namespace {
			return true
		}
	}
	return false
}

// A pod of a Gateway of the Kubernetes Gateway API has this label, and targetRefs bind it by name: see
// ShouldAttachPolicy in istio.io/istio/pilot/pkg/model/policyattachment.go.
const (
	gatewayName  = "gateway.networking.k8s.io/gateway-name"
	gatewayGroup = "gateway.networking.k8s.io"
)

func (r *rule) match(f *facts, action Action) match {
	if !f.HTTP && action == Allow && r.needsHTTP() {
		return no
	}
	return min(anyOf(r.from, f), anyOf(r.to, f))
}

// needsHTTP tells whether a field of the rule is HTTP's. On a port that is not, Istio leaves such an ALLOW rule out;
// of a rule with another action it leaves out the field, so that the rule matches more (istio/istio#37920).
func (r *rule) needsHTTP() bool { return needsHTTP(r.from) || needsHTTP(r.to) }

func needsHTTP(boxes []box) bool {
	for _, b := range boxes {
		for i := range b {
			if b[i].dimension.onlyHTTP() {
				return true
			}
		}
	}
	return false
}

func anyOf(boxes []box, f *facts) match {
	best := no
	for _, b := range boxes {
		if m := b.match(f); m > best {
			if best = m; m == yes {
				break
			}
		}
	}
	return best
}

func (b box) match(f *facts) match {
	all := yes
	for i := range b {
		if all = min(all, b[i].match(f)); all == no {
			break
		}
	}
	return all
}

func (c *condition) match(f *facts) match {
	switch {
	case !f.HTTP && c.dimension.onlyHTTP():
		return yes
	case c.dimension >= unknownHTTP:
		return maybe
	case len(c.is) > 0 && !hasOne(c.is, c.dimension, f), hasOne(c.not, c.dimension, f):
		return no
	}
	return yes
}

func hasOne(patterns []pattern, d dimension, f *facts) bool {
	for i := range patterns {
		if f.matches(d, &patterns[i]) {
			return true
		}
	}
	return false
}
