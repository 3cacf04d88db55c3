package enforce

import (
	"cmp"
	"slices"
	"time"

	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/lang/source"
)

// Object is one object that decides: it has clauses, or sets modes.
type Object struct {
	Role      Role
	Kind      string
	Namespace string
	Name      string
	Effect    Effect // of an object with clauses
	DryRun    bool   // an object with clauses that is logged and not enforced
	At        source.Span

	// Broken reports that a cluster would refuse the object, or that it has something in it that is unknown here:
	// it may stand for anything, and what it might decide is undecided.
	Broken bool

	AnyEffect bool // it is broken in a way that leaves even its effect open

	Created  time.Time
	Selector []Label // sorted by key; empty: the whole namespace
	Gateways bool    // it binds gateways by their names, and no other workload
	Targets  []Label // of gateways: one of them must be a label of the workload
	Clauses  []Clause
	Mode     Mode       // of an object that sets modes
	Ports    []PortMode // sorted by port
}

// Role is what an object does.
type Role uint8

const (
	Authorizes Role = iota
	SetsModes
)

// Label is a label of pods.
type Label struct{ Key, Value string }

// PortMode is the mode of one port.
type PortMode struct {
	Port uint16
	Mode Mode
}

// Clause is a part of an object: a request matches where one of its callers and one of its operations does.
type Clause struct {
	From, To []space.Box
	At       source.Span
}

// ID is NAMESPACE/NAME.
func (p *Object) ID() string { return p.Namespace + "/" + p.Name }

// RuleAt is the place of a clause, counted from 0; that of the object where it has no such clause.
func (p *Object) RuleAt(i int) source.Span {
	if i < 0 || i >= len(p.Clauses) {
		return p.At
	}
	return p.Clauses[i].At
}

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
	Inherit    Mode = iota // UNSET; a port never has it in the end
	Disable                // plaintext only: nobody proves an identity
	Permissive             // both
	Strict                 // mutual TLS only: who has no identity is refused
	Unknown                // an object that cannot be judged sets it
)

func (m Mode) String() string { return Modes[m] }

// Modes are the names of modes.
var Modes = [...]string{Inherit: "UNSET", Disable: "DISABLE", Permissive: "PERMISSIVE", Strict: "STRICT", Unknown: "unknown"}

// does reports whether the object may act so. A CUSTOM policy's provider is asked even in a dry run: see builder.go in
// istio.io/istio/pilot/pkg/security/authz/builder.
func (p *Object) does(effect Effect) bool {
	return p.AnyEffect || p.Effect == effect && (!p.DryRun || effect == Custom)
}

func (p *Object) selects(w *Workload) bool {
	for _, l := range p.Selector {
		if value, ok := w.Labels[l.Key]; !ok || value != l.Value {
			return false
		}
	}
	if !p.Gateways {
		return true
	}
	return w.Namespace == p.Namespace && slices.ContainsFunc(p.Targets, func(t Label) bool { return w.Labels[t.Key] == t.Value && t.Value != "" })
}

// older orders objects as Istio does: by their creation, then by name.
func older(a, b *Object) int {
	return cmp.Or(byAge(a.Created, b.Created), cmp.Compare(a.Name, b.Name))
}

// byAge puts what no cluster has created yet behind all that one has.
func byAge(a, b time.Time) int {
	if a.IsZero() != b.IsZero() {
		return b.Compare(a)
	}
	return a.Compare(b)
}

// Rivals reports whether nobody knows which of two objects that set modes is the older one, and it matters. Of two that
// are equally old the name decides, but age is not known of manifests that no cluster has seen. One that a cluster has
// seen is older than one that none has.
func Rivals(a, b *Object) bool {
	return a.Created.IsZero() && b.Created.IsZero() && (a.Broken || b.Broken || a.Mode != b.Mode || !slices.Equal(a.Ports, b.Ports))
}
