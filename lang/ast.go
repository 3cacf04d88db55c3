// Package lang turns the text of intents into a tree, and says what is wrong with the text.
//
// It knows how the language is written: tokens, statements, comments. It does not know what a name
// stands for; whatever needs more than the one statement is for check to judge. It is the only package
// that knows participle.
package lang

import (
	"github.com/meshc/meshc/lang/source"
)

// Stmt is one statement: *Mesh, *Service, *External, *Group, *Edge, *Deny, *Export, *MTLS or *Guard.
type Stmt interface {
	Span() source.Span // from the keyword or first name to the end of the last clause
}

// Node gives a statement its place.
type Node struct{ Range source.Span }

// Span is the place of the node.
func (n *Node) Span() source.Span { return n.Range }

// Name is a name, number or other word as written. Text has no quotes; Quoted tells that it had.
// The zero Name is an absent one.
type Name struct {
	Text   string
	Quoted bool
	Range  source.Span
}

// Present tells whether the name was written at all (it may be the empty string in quotes).
func (n Name) Present() bool { return !n.Range.IsZero() }

// Ref points to services: `frontend`, `payments/api`, `payments/*`, `*`, `any`, `world`.
type Ref struct {
	Namespace Name // absent where unqualified
	Name      Name // Text is "*" for all
	Range     source.Span
}

// Qualified tells whether the reference names its mesh.
func (r Ref) Qualified() bool { return r.Namespace.Present() }

// String is the reference as written, without quotes.
func (r Ref) String() string {
	if r.Qualified() {
		return r.Namespace.Text + "/" + r.Name.Text
	}
	return r.Name.Text
}

// Target is a reference with what may follow a destination: a port and operations.
// A source is parsed as one too, so that check can say what a source may not have.
type Target struct {
	Ref
	Port   Name // absent: every port
	Ops    []Operation
	Braces bool // the operations stand in { }
}

// Operation is `GET|HEAD /api/*`; either part may be absent, not both.
type Operation struct {
	Methods []Name
	Path    Name
	Range   source.Span
}

// Tail is what may end an edge, a deny, an export or a guard.
type Tail struct {
	Until   Name `parser:"( 'until' @@"` // a date, as written
	Because Name `parser:"| 'because' @@ )*"`
}

// Mesh is `mesh shop strict`. It opens a section up to the next Mesh of its file.
type Mesh struct {
	Node
	Name Name `parser:"'mesh' @@"` // "*" is the mesh-wide default
	Mode Name `parser:"@@?"`       // absent where not stated
}

// Service is `service db account db-sa label app=db port 5432 tcp`.
type Service struct {
	Node
	Name      Name
	Accounts  []Name // more than one is for check to refuse
	Labels    []Label
	Ports     []Port
	Outside   Name // the keyword, where present
	Addresses []Name
}

// Label is `label app=db`.
type Label struct{ Key, Value Name }

// Port is `port 8080 http`, and for an external also `port 443 http tls`.
type Port struct {
	Number   Name
	Protocol Name // absent where not stated
	TLS      Name // the keyword `tls` behind a protocol: the sidecar originates TLS (externals only)
}

// Edge is `a, b -> c:8080 GET /x -> d`: two hops or more.
type Edge struct {
	Node
	Hops [][]Target
	Tail
}

// Deny is `deny a -> b GET /internal/*`.
type Deny struct {
	Node
	Hops [][]Target
	Tail
}

// Export is `export api to shop/backend GET /v1/*`.
type Export struct {
	Node
	What []Target    `parser:"'export' @@ ( ',' @@ )*"`
	To   []Ref       `parser:"'to' @@ ( ',' @@ )*"` // a mesh (`shop`), one of its services (`shop/backend`), or `*`
	Ops  []Operation `parser:"( @@ ( ',' @@ )* )?"`
	Tail
}

// Group is `group web = frontend, admin`.
type Group struct {
	Node
	Name    Name  `parser:"'group' @@"`
	Members []Ref `parser:"'=' @@ ( ',' @@ )*"`
}

// MTLS is `mtls backend:9090 permissive`.
type MTLS struct {
	Node
	Targets []Target `parser:"'mtls' @@ ( ',' @@ )*"`
	Mode    Name     `parser:"@@"`
}

// External is `external stripe host api.stripe.com port 443 tls`.
type External struct {
	Node
	Name  Name   `parser:"'external' @@"`
	Hosts []Name `parser:"( 'host' @@"`
	Ports []Port `parser:"| 'port' @@ )*"`
}

// GuardKind tells the three statements that judge the compiled policy.
type GuardKind uint8

const (
	Never GuardKind = iota
	Always
	Only
)

func (k GuardKind) String() string { return [...]string{"never", "always", "only"}[k] }

// Guard is `never * -> db except backend`, `always frontend -> backend GET /health`, `only backend -> db`.
type Guard struct {
	Node
	Kind       GuardKind
	Hops       [][]Target
	Transitive bool // `->>`
	Except     []Ref
	Tail
}
