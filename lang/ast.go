// Package lang turns the text of intents into a tree and reports what is wrong with the text.
//
// It knows how the language is written: tokens, statements and comments. It does not know what a name refers to;
// whatever takes more than a single statement to judge is left to package check. No other package knows participle.
//
// Parse cuts a file into tokens, which joined are the file again, and finds the end of each statement before it reads
// the statement. A mistake therefore costs no more than its own statement. Statements are read with one token of
// lookahead, and the grammar is deliberately wider than the language where check can explain a mistake better than the
// parser: a port on a caller, a second account, a name with an umlaut.
package lang

import (
	"strings"

	"github.com/meshc/meshc/lang/source"
)

// Node is a part of the tree: *File, a Stmt, *Hop, *Target, *Ref, *Operation, *Exception, *Condition, *Credential,
// *Label, *Port, *Carrier, *Passed or *Name. The span of a node that was built rather than read is zero.
type Node interface {
	Span() source.Span
}

// Stmt is a statement: *Mesh, *Service, *External, *Group, *Edge, *Deny, *Ask, *Export, *MTLS, *Issuer, *Verify or
// *Guard.
type Stmt interface {
	Node // from the keyword or first name to the end of the last clause
	setRange(source.Span)
}

// Located holds the span of a statement.
type Located struct{ Range source.Span }

// Span returns the span of the statement.
func (l *Located) Span() source.Span { return l.Range }

func (l *Located) setRange(s source.Span) { l.Range = s }

// Name is a name, number or other word. Text is its value without quotes. The zero Name is an absent one.
type Name struct {
	Text   string
	Quoted bool // written in double quotes
	Range  source.Span
}

// Span returns the span of the name, including its quotes.
func (n *Name) Span() source.Span { return n.Range }

// Present reports whether the name was written at all. It may be the empty string in quotes.
func (n Name) Present() bool { return n.Text != "" || n.Quoted }

var escape = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

// Written returns the name as source text. A name that was built has quotes if it is Quoted or cannot do without them.
func (n Name) Written() string {
	switch {
	case !n.Range.IsZero():
		return n.Range.Text()
	case n.Quoted || !bare(n.Text):
		return `"` + escape.Replace(n.Text) + `"`
	}
	return n.Text
}

// bare reports whether a name, path or address may be written without quotes.
func bare(text string) bool {
	if strings.ContainsAny(text, "\"\n") {
		return false
	}
	tokens := lex(text)
	for _, t := range tokens {
		switch t.Kind {
		case KindName, KindMethod, KindPath, KindSlash, KindColon:
		case KindStar:
			return len(tokens) == 1
		default:
			return false
		}
	}
	return len(tokens) > 0
}

// Ref refers to one or more services: `frontend`, `payments/api`, `payments/*`, `*`, `any`, `world`.
type Ref struct {
	Namespace Name // absent where unqualified
	Name      Name // "*" stands for all services
	Range     source.Span
}

// Span returns the span of the reference, including its mesh.
func (r *Ref) Span() source.Span { return r.Range }

// Qualified reports whether the reference names its mesh.
func (r Ref) Qualified() bool { return r.Namespace.Present() }

// String returns the reference without quotes.
func (r Ref) String() string {
	if r.Qualified() {
		return r.Namespace.Text + "/" + r.Name.Text
	}
	return r.Name.Text
}

// Hop is one side of an arrow.
type Hop struct {
	Targets []Target
	Except  []Ref // callers that are left out; a guard may name them after its destinations
}

// Span returns the span from the first target to the last one, or to the last exception.
func (h *Hop) Span() (s source.Span) {
	if n := len(h.Targets); n > 0 {
		s = h.Targets[0].Span().To(h.Targets[n-1].Span())
	}
	if n := len(h.Except); n > 0 {
		s = s.To(h.Except[n-1].Range)
	}
	return s
}

// Target is a reference with what may follow a destination: a port, and which requests are meant. Callers are parsed as
// targets too, so that check can explain that a caller has neither.
type Target struct {
	Ref
	Port Name // absent: every port, or with operations each that carries HTTP; `*`: every port, declared or not
	Requests
}

// Span returns the span from the reference to its port or last clause, without braces.
func (t *Target) Span() source.Span {
	return t.Ref.Range.To(t.Port.Range).To(t.Requests.Extent())
}

// EveryPort reports whether the port is `*`.
func (t *Target) EveryPort() bool { return t.Port.Text == "*" && !t.Port.Quoted }

// Tail holds the clauses at the end of an edge, a deny, an export or a guard.
type Tail struct {
	Until   Name `parser:"( 'until' @@"` // a date; check parses it
	Because Name `parser:"| 'because' @@ )*"`
}

// TailOf returns the tail of a statement, or nil if statements of its kind have none.
func TailOf(s Stmt) *Tail {
	switch s := s.(type) {
	case *Edge:
		return &s.Tail
	case *Deny:
		return &s.Tail
	case *Ask:
		return &s.Tail
	case *Export:
		return &s.Tail
	case *Guard:
		return &s.Tail
	}
	return nil
}

// Mesh is `mesh shop strict` or `mesh * strict closed`. It opens a section that ends at the next Mesh of the file.
type Mesh struct {
	Located
	Name    Name // "*" stands for all meshes
	Mode    Name // strict, permissive or disable; may be absent
	Default Name // open or closed: what becomes of calls that no edge allows; may be absent
}

// Service is `service db account db-sa label app=db port 5432 tcp`.
type Service struct {
	Located
	Name      Name
	Accounts  []Name // check rejects more than one
	Was       []Name // accounts that its pods had before
	Labels    []Label
	Ports     []Port
	Outside   Name // the keyword, or absent
	Gateway   Name // the keyword, or absent
	Addresses []Name
}

// Label is `label app=db`.
type Label struct{ Key, Value Name }

// Span returns the span of the key and the value.
func (l *Label) Span() source.Span { return l.Key.Range.To(l.Value.Range) }

// Port is `port 8080 http`; a port of an external may also be `port 443 http tls`.
type Port struct {
	Number   Name
	Protocol Name // may be absent
	TLS      Name // the keyword `tls` after a protocol, or absent: the sidecar originates TLS (externals only)
}

// Span returns the span from the number to the last word of the port.
func (p *Port) Span() source.Span { return p.Number.Range.To(p.Protocol.Range).To(p.TLS.Range) }

// Edge is `a, b -> c:8080 GET /x -> d`. It has at least two hops.
type Edge struct {
	Located
	Hops []Hop
	Tail
}

// Deny is `deny a -> b GET /internal/*`.
type Deny struct {
	Located
	Hops []Hop
	Tail
}

// Ask is `ask oauth2-proxy world -> ingress:8443`: requests that an external authorizer must let through too.
type Ask struct {
	Located
	Provider Name
	Hops     []Hop
	Tail
}

// Export is `export api to shop/backend GET /v1/*`.
type Export struct {
	Located
	What []Target
	To   []Ref // a mesh (`shop`), a service of one (`shop/backend`) or `*`
	Requests
	Tail
}

// Group is `group web = frontend, admin`.
type Group struct {
	Located
	Name    Name  `parser:"'group' @@"`
	Members []Ref `parser:"'=' @@ ( ',' @@ )*"`
}

// MTLS is `mtls backend:9090 permissive`.
type MTLS struct {
	Located
	Targets []Target `parser:"'mtls' @@ ( ',' @@ )*"`
	Mode    Name     `parser:"@@"`
}

// External is `external stripe host api.stripe.com port 443 tls`.
type External struct {
	Located
	Name  Name   `parser:"'external' @@"`
	Hosts []Name `parser:"( 'host' @@"`
	Ports []Port `parser:"| 'port' @@ )*"`
}

// GuardKind distinguishes the three guard rails, which are judged against the compiled policy.
type GuardKind uint8

const (
	Never GuardKind = iota
	Always
	Only
)

func (k GuardKind) String() string { return [...]string{"never", "always", "only"}[k] }

// Guard is `never * -> db except backend`, `always frontend -> backend GET /health`, `only backend -> db`.
type Guard struct {
	Located
	Kind       GuardKind
	Hops       []Hop
	Transitive bool // `->>`
	Tail
}

// Except returns the callers that are left out, whichever side of the arrow names them.
func (g *Guard) Except() (all []Ref) {
	for _, h := range g.Hops {
		all = append(all, h.Except...)
	}
	return all
}

// Issuer is `issuer corp url https://auth.example.com audience shop forward`.
type Issuer struct {
	Located
	Name      Name
	URLs      []Name // check wants exactly one
	Keys      []Name // check rejects more than one
	Audiences []Name
	From      []Carrier
	Forward   Name // the keyword, or absent
	Passed    []Passed
}

// Verify is `verify corp|partner at web`: whose tokens a service verifies, whether its edges ask for them or not.
type Verify struct {
	Located
	Issuers []Name   `parser:"'verify' @@ ( '|' @@ )*"` // or `any`
	Targets []Target `parser:"'at' @@ ( ',' @@ )*"`
}

// Carrier is where requests carry a token: `from header x-token prefix "Token "`, `from query token` or `from cookie
// token`.
type Carrier struct {
	Header, Prefix, Query, Cookie Name
}

// Span returns the span of the names.
func (c *Carrier) Span() source.Span {
	return c.Header.Range.To(c.Prefix.Range).To(c.Query.Range).To(c.Cookie.Range)
}

// Passed is what a proxy passes on of a token in a header: `claim groups to header x-groups` or `payload to header
// x-token`.
type Passed struct {
	Claim   Name
	Payload Name // the keyword, or absent
	Header  Name
}

// Span returns the span of the names.
func (p *Passed) Span() source.Span { return p.Claim.Range.To(p.Payload.Range).To(p.Header.Range) }
