package enforce

import (
	"slices"
	"strings"
	"time"

	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/lang/source"
)

// Object is an object of a cluster that has a say in who may call: it has clauses, or it sets modes. The callers of the
// clauses of one that authenticates are those with a token that it takes.
type Object struct {
	Role      Role
	Kind      string
	Namespace string
	Name      string
	Effect    Effect // of an object with clauses
	DryRun    bool   // an object with clauses that is logged and not enforced
	At        source.Span
	Document  source.Span // of the object, if it is alone in it
	Origin    Origin

	// Broken marks an object that a cluster would refuse, or that has something in it that is unknown here: it may
	// stand for anything, and what it might decide is undecided.
	Broken   bool
	Disputed bool   // it is broken in that it has several manifests, which say different things
	Refusal  string // of a broken object: why a cluster would refuse it; empty if it would not
	Content  string // of a broken object: all that it says, in a form that does not depend on how it is written

	Unsent  Unsent  // of one with clauses: why ztunnel is sent nothing of it; of one that sets modes: BySelector where it has such a selector
	Ztunnel *Object // one with clauses as ztunnel is sent it, by the same indices; nil: as it is

	written *Object

	AnyEffect bool // it is broken in such a way that even its effect is not known

	Created  time.Time // zero where it is not known
	Selector []Label   // sorted by key; empty: the whole namespace
	Spares   []string  // namespaces in which one without a namespace binds nothing; sorted
	Added    []string  // keys of these that pods may have although their manifests do not
	Gateways bool      // it binds gateways by their names, and no other workload
	Targets  []Label   // of gateways: one of them must be a label of the workload
	Clauses  []Clause
	Rewrites []string    // headers, in lower case, that an object which authenticates takes from requests, or writes
	Methods  []string    // of an object that authenticates: that of each issuer, as policy.Issuer.Method has it
	Verifies string      // of an object that authenticates: how tokens are verified and carried, in a canonical form
	Provider string      // of CUSTOM: who decides about what a clause matches
	AsksAt   source.Span // of CUSTOM: its action
	Mode     Mode        // of an object that sets modes
	Ports    []PortMode  // sorted by port
}

// Role is what an object does.
type Role uint8

const (
	Authorizes Role = iota
	SetsModes
	Authenticates // requests: it says whose tokens count, and refuses others
)

// Label is a label of pods.
type Label struct{ Key, Value string }

// PortMode is the mode of one port.
type PortMode struct {
	Port uint16
	Mode Mode
}

// Clause is a rule of an object. A request matches if it is in one of the boxes of callers and in one of the boxes of
// operations; conditions on dimensions of callers are in From alone. Without boxes of callers nothing matches.
type Clause struct {
	From, To []space.Box
	NotHTTP  bool // it is about connections that are not HTTP alone
	At       source.Span
}

// Names reports whether the clause names an identity among its callers.
func (r *Clause) Names(principal string) bool {
	for _, b := range r.From {
		for _, c := range b {
			if slices.ContainsFunc(c.Is, func(p space.Pattern) bool { return p.Principal() == principal }) {
				return true
			}
		}
	}
	return false
}

// Header is one of some headers that the clause looks at, empty where it looks at none of them.
func (r *Clause) Header(names []string) string {
	for _, b := range r.To {
		for i := range b {
			if name := b[i].Header(); name != "" && slices.Contains(names, name) {
				return name
			}
		}
	}
	return ""
}

// ID is NAMESPACE/NAME, or NAME.
func (p *Object) ID() string { return strings.TrimPrefix(p.Namespace+"/"+p.Name, "/") }

// RuleAt is the span of a clause, counted from 0; that of the object if it has no such clause.
func (p *Object) RuleAt(i int) source.Span {
	if i < 0 || i >= len(p.Clauses) {
		return p.At
	}
	return p.Clauses[i].At
}

// NotHTTP reports whether a clause, counted from 0, is about connections that are not HTTP alone.
func (p *Object) NotHTTP(i int) bool { return i >= 0 && i < len(p.Clauses) && p.Clauses[i].NotHTTP }

// Effect is what an object does with the requests that its clauses match.
type Effect uint8

const (
	Allow Effect = iota
	Deny
	Audit
	Custom
)

func (a Effect) String() string { return Effects[a] }

// Effects are the names of effects.
var Effects = [...]string{Allow: "ALLOW", Deny: "DENY", Audit: "AUDIT", Custom: "CUSTOM"}

// Mode is what a port expects of its callers.
type Mode uint8

const (
	Inherit    Mode = iota // UNSET; no port of a Point has it
	Disable                // plaintext only: no one proves an identity
	Permissive             // both
	Strict                 // mutual TLS only: callers without an identity are refused
	Unknown                // an object that cannot be judged sets it
	Listener               // that of a gateway: its own TLS may or may not ask for an identity
	Meshless               // there is no mutual TLS, and the network knows its pods
)

func (m Mode) String() string { return Modes[m] }

// Modes are the names of modes.
var Modes = [...]string{Inherit: "UNSET", Disable: "DISABLE", Permissive: "PERMISSIVE", Strict: "STRICT", Unknown: "unknown", Listener: "gateway", Meshless: "none"}

// does reports whether the object may have an effect. The provider of a CUSTOM policy is asked even in a dry run: see
// builder.go in istio.io/istio/pilot/pkg/security/authz/builder.
func (p *Object) does(effect Effect) bool {
	return p.AnyEffect || p.Effect == effect && (!p.DryRun || effect == Custom)
}

// selects reports whether the object binds a workload, or may: surely is false where that depends on labels that are
// not known.
func (p *Object) selects(w *Workload) (binds, surely bool) {
	surely = true
	if slices.Contains(p.Spares, w.Namespace) {
		return false, true
	}
	for _, l := range p.Selector {
		switch value, ok := w.Labels[l.Key]; {
		case !ok && (w.Partial || slices.Contains(p.Added, l.Key)):
			surely = false
		case !ok || value != l.Value:
			return false, false
		}
	}
	if !p.Gateways {
		return true, surely
	}
	return w.Namespace == p.Namespace && slices.ContainsFunc(p.Targets, func(t Label) bool { return w.Labels[t.Key] == t.Value && t.Value != "" }), surely
}

// older compares objects as Istio does: by creation, then by name.
func older(a, b *Object) int {
	if c := byAge(a.Created, b.Created); c != 0 {
		return c
	}
	return strings.Compare(a.Name, b.Name)
}

// byAge compares times of creation. What no cluster has created yet comes after everything that one has.
func byAge(a, b time.Time) int {
	if a.IsZero() != b.IsZero() {
		return b.Compare(a)
	}
	return a.Compare(b)
}

// Rivals reports whether it matters which of two objects that set modes is older, and is not known. The name decides
// between two that are equally old, but manifests that no cluster has seen have no age. An object that a cluster has
// seen is older than one that it has not.
func Rivals(a, b *Object) bool {
	return a.Created.IsZero() && b.Created.IsZero() && differ(a, b)
}

func differ(a, b *Object) bool {
	return a.Broken || b.Broken || a.Mode != b.Mode || !slices.Equal(a.Ports, b.Ports)
}

// Same reports whether two objects of one name ask for the same, however they are written and wherever they come from.
// Of those that are broken nothing is known but what they say.
func Same(a, b *Object) bool {
	a, b = a.Written(), b.Written()
	switch {
	case a == b || a == nil || b == nil:
		return a == b
	case a.Kind != b.Kind || a.Namespace != b.Namespace || a.Name != b.Name:
		return false
	case !a.Document.IsZero() && !b.Document.IsZero() && a.Document.Text() == b.Document.Text():
		return true
	}
	if a.Broken || b.Broken {
		return a.Broken && b.Broken && a.Content != "" && a.Content == b.Content
	}
	return a.Effect == b.Effect && a.Provider == b.Provider && a.DryRun == b.DryRun && a.Unsent == b.Unsent &&
		slices.Equal(a.Selector, b.Selector) && slices.Equal(a.Spares, b.Spares) && slices.Equal(a.Added, b.Added) && a.Gateways == b.Gateways && slices.Equal(a.Targets, b.Targets) &&
		sameClauses(a, b) && (a.Ztunnel == nil) == (b.Ztunnel == nil) && (a.Ztunnel == nil || sameClauses(a.Ztunnel, b.Ztunnel)) && slices.Equal(a.Rewrites, b.Rewrites) && a.Verifies == b.Verifies && a.Mode == b.Mode && slices.Equal(a.Ports, b.Ports)
}

func sameClauses(a, b *Object) bool {
	return slices.EqualFunc(a.Clauses, b.Clauses, func(c, d Clause) bool {
		return c.NotHTTP == d.NotHTTP && slices.EqualFunc(c.From, d.From, space.Box.Equal) && slices.EqualFunc(c.To, d.To, space.Box.Equal)
	})
}
