package diff

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/phrase"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/source"
)

// Change is requests to one callee that are decided differently.
type Change struct {
	Kind       Kind
	Callee     Callee
	Callers    Callers             // of FailOpen: who may call at least; none for FailClosed
	Operations []phrase.Operations // none where no names were found for them
	Addresses  []string            // HOST:PORT of an external, in place of operations
	MTLS       bool                // the callers prove an identity
	Undecided  bool                // it depends on something that cannot be judged
	Remaining  []Change            // of FailClosed: what is Kept
	Cause
}

// Kind is what becomes of the requests of a change.
type Kind uint8

const (
	Opened     Kind = iota // they pass, and did not
	Closed                 // they passed, and no longer do
	FailOpen               // the callee loses its last ALLOW: every caller that reaches it is let through
	FailClosed             // the callee gets its first ALLOW: callers that it does not name are denied
	Kept                   // they still pass where others no longer do
)

// Cause is what a change comes from.
type Cause struct {
	At      source.Span // the statement; zero where none is known
	File    string      // in its place, the files of intents that the manifests name; may be empty
	Gone    bool        // it exists on the side before only
	Because string
}

// byName orders changes by callee, callers and operations.
func byName(a, b Change) int {
	if order := cmp.Or(cmp.Compare(a.Callee.String(), b.Callee.String()), cmp.Compare(a.Callers.String(), b.Callers.String()), slices.Compare(a.Addresses, b.Addresses)); order != 0 {
		return order
	}
	return slices.CompareFunc(a.Operations, b.Operations, func(a, b phrase.Operations) int { return cmp.Compare(a.String(), b.String()) })
}

// Callee is what is called: a service, the pods that a selector distinguishes, or an external.
type Callee struct {
	Namespace string          // empty for the workloads of all namespaces that nothing names
	Name      string          // empty for all other workloads of the namespace
	Service   *policy.Service // nil where the project does not know it
}

// Rest reports whether the callee is the workloads of a namespace that are none of its other callees.
func (c *Callee) Rest() bool { return c.Name == "" }

// Callers names a set of callers.
type Callers struct {
	Caller
	Except []Caller
	Such   bool // the name is that of one of them, which stands for all
}

// Caller names callers in the terms of the language or, where it has none, of the policies. The zero value is nobody.
type Caller struct {
	policy.Source        // the narrowest that includes them
	Unidentified  bool   // those of world that have no identity
	Identities    string // those of any that have one of these identities; empty: all
	Former        string // the account of a service that runs as another one on the side after

	At, Clients Addresses // of the caller, and of the clients that it calls for
	Facts       string    // what else conditions ask for, as their dimensions are written
}

// Addresses is a set of addresses; the zero value is all of them.
type Addresses struct {
	Block netip.Prefix // not valid for every address
	Other bool         // only the addresses that are in no narrower block
}

// ModeChange is a port, a workload or a namespace whose mTLS mode changes.
type ModeChange struct {
	Callee   *Callee // nil for a namespace
	Mesh     string  // the namespace, in place of a callee; empty for all that set no mode
	Port     uint16  // of the callee; 0: all without a mode of their own
	Old, New enforce.Mode
	Cause
}
