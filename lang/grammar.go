package lang

import (
	"slices"
	"strings"
	"sync"

	"github.com/alecthomas/participle/v2"
	"github.com/alecthomas/participle/v2/lexer"
)

// A rule reads one kind of statement.
type rule interface {
	// parse reads a statement and stops after it. If it fails, the statement is what was read so far and the lexer may
	// be anywhere in it.
	parse(*lexer.PeekingLexer) (Stmt, error)
	ebnf() string
}

// manual is the rule of a statement that is read by hand.
type manual[T any, P interface {
	*T
	Stmt
	take(*lexer.PeekingLexer) expectation
	productions() string
}] struct{}

func (manual[T, P]) parse(lex *lexer.PeekingLexer) (Stmt, error) {
	s := P(new(T))
	return s, refuse(lex, s.take(lex))
}

func (manual[T, P]) ebnf() string { return P(nil).productions() }

// filled is the rule of a statement that participle fills.
type filled[T any, P interface {
	*T
	Stmt
}] struct{ *participle.Parser[T] }

func (f filled[T, P]) parse(lex *lexer.PeekingLexer) (Stmt, error) {
	v, err := f.ParseFromLexer(lex, trailing...)
	return P(v), err
}

func (f filled[T, P]) ebnf() string { return f.String() }

// converted is the rule of a statement that participle cannot fill directly.
type converted[T any, P interface {
	*T
	stmt() Stmt
}] struct{ *participle.Parser[T] }

func (c converted[T, P]) parse(lex *lexer.PeekingLexer) (Stmt, error) {
	v, err := c.ParseFromLexer(lex, trailing...)
	return P(v).stmt(), err
}

func (c converted[T, P]) ebnf() string { return c.String() }

var trailing = []participle.ParseOption{participle.AllowTrailing(true)}

// deny is the grammar of a Deny, whose hops are one list.
type deny struct {
	Chain chain `parser:"'deny' @@"`
	Tail
}

func (d *deny) stmt() Stmt { return &Deny{Hops: d.Chain.hops(), Tail: d.Tail} }

// ask is the grammar of an Ask.
type ask struct {
	Provider Name  `parser:"'ask' @@"`
	Chain    chain `parser:"@@"`
	Tail
}

func (a *ask) stmt() Stmt { return &Ask{Provider: a.Provider, Hops: a.Chain.hops(), Tail: a.Tail} }

// export is the grammar of an Export.
type export struct {
	What     []Target    `parser:"'export' @@ ( ',' @@ )*"`
	To       []Ref       `parser:"'to' @@ ( ',' @@ )*"`
	Requests allRequests `parser:"@@?"`
	Tail
}

func (e *export) stmt() Stmt {
	return &Export{What: e.What, To: e.To, Requests: e.Requests.Requests, Tail: e.Tail}
}

// allRequests are those at the end of an export, which are about all of its destinations.
type allRequests struct{ Requests }

// Parse reads the requests for participle.
func (r *allRequests) Parse(lex *lexer.PeekingLexer) error {
	if t := lex.Peek(); !operationStarts(t) && !(kindOf(t) == KindName && slices.Contains(clauseWords, t.Value)) {
		return participle.NextMatch
	}
	next, want := r.take(lex, false)
	switch {
	case want != satisfied:
	case next == anotherDestination:
		want = anOperation
	case next == exemptCallers:
		want = anOperation
	}
	return refuse(lex, want)
}

// guard is the grammar of a Guard.
type guard struct {
	Kind  string `parser:"@( 'never' | 'always' | 'only' )"`
	Chain chain  `parser:"@@"`
	Tail
}

func (g *guard) stmt() Stmt {
	n := &Guard{Hops: g.Chain.hops(), Tail: g.Tail}
	for n.Kind = Never; n.Kind < Only && n.Kind.String() != g.Kind; {
		n.Kind++
	}
	for _, s := range g.Chain.Rest {
		n.Transitive = n.Transitive || s.Arrow == "->>"
	}
	return n
}

type chain struct {
	First Hop    `parser:"@@"`
	Rest  []step `parser:"@@+"`
}

type step struct {
	Arrow string `parser:"@( '->' | '->>' )"`
	Hop   Hop    `parser:"@@"`
}

func (c *chain) hops() []Hop {
	hops := append(make([]Hop, 0, 1+len(c.Rest)), c.First)
	for _, s := range c.Rest {
		hops = append(hops, s.Hop)
	}
	return hops
}

// keywords begin the statements, in the order of the reference.
var keywords = []string{"mesh", "service", "external", "edge", "deny", "ask", "group", "export", "mtls", "issuer", "verify", "never", "always", "only"}

// rules maps each keyword to the rule of its statement. Edges have no keyword and are listed as "edge".
var rules = sync.OnceValue(func() map[string]rule {
	guards := converted[guard, *guard]{build[guard]()}
	return map[string]rule{
		"mesh":     manual[Mesh, *Mesh]{},
		"service":  manual[Service, *Service]{},
		"external": filled[External, *External]{build[External]()},
		"edge":     manual[Edge, *Edge]{},
		"deny":     converted[deny, *deny]{build[deny]()},
		"ask":      converted[ask, *ask]{build[ask]()},
		"group":    filled[Group, *Group]{build[Group]()},
		"export":   converted[export, *export]{build[export]()},
		"mtls":     filled[MTLS, *MTLS]{build[MTLS]()},
		"issuer":   manual[Issuer, *Issuer]{},
		"verify":   filled[Verify, *Verify]{build[Verify]()},
		"never":    guards,
		"always":   guards,
		"only":     guards,
	}
})

// build makes the parser of a statement. The grammar needs only the next token; with more lookahead participle would
// blame the wrong token for a mistake.
func build[T any]() *participle.Parser[T] {
	return participle.MustBuild[T](participle.Lexer(definition{}), participle.Elide("Space", "Comment"), participle.UseLookahead(0))
}

// Grammar returns the grammar of the language in participle's EBNF: the productions of the participle parsers, and for
// what is read by hand the productions next to its code.
func Grammar() string {
	var b strings.Builder
	b.WriteString(tokenNotes)
	seen := map[string]bool{}
	add := func(text string) {
		b.WriteByte('\n')
		for production := range strings.Lines(strings.TrimSpace(text)) {
			if production = strings.TrimSpace(production); !seen[production] {
				seen[production] = true
				b.WriteString(parseable.Replace(production) + "\n")
			}
		}
	}
	add(fileProductions)
	for _, k := range keywords[:len(keywords)-2] { // the last three are one statement
		add(rules()[k].ebnf())
	}
	add(hopProductions)
	add(requestProductions)
	add(nameProductions)
	return b.String()
}

// parseable spells out the Parseable types that have no production of their own.
var parseable = strings.NewReplacer("allRequests?", "Hosts? Operations? Clause*")

const fileProductions = `
File = Statement? (<end> Statement?)* .
Statement = Mesh | Service | External | Edge | Deny | Ask | Group | Export | MTLS | Issuer | Verify | Guard .
`

const tokenNotes = `// The grammar of meshc's intents in the EBNF of participle (github.com/alecthomas/participle), printed from
// its parsers. Tokens are in angle brackets:
//
//   <name>    letters, digits, "_", "." and "-"; a "-" before ">" belongs to an arrow
//   <method>  a name in upper case: letters, digits and "-"
//   <path>    starts with a "/" that does not touch a name before it, and extends to white space, "," or ";",
//             or to a "}" without a matching "{" in the path
//   <string>  "in double quotes" on one line, with the escapes \" and \\
//   <end>     ";" or the end of a line, unless the line ends with "," "->" "->>" "|" or "{", or the statement
//             continues inside its braces; in a list between two arrows, no line may end with ",", and a line
//             that continues a chain with an arrow of its own is indented
//
// White space and comments (from "#" to the end of the line) may appear between any two tokens, with two
// exceptions: there is none around the "/" in a reference or in the key of a label or before the name of a port, and the
// tokens of an address touch each other. A keyword before "->", "," or "/" is a name, and the statement is an edge. A
// number begins with a digit or is a string. An operation that is a string begins with "/" or "*". After a
// comma, an upper-case word begins an operation if an operation precedes the comma, and a number is not a
// name if a destination with a port does. "until" and "because" appear at most once each. The check rejects
// much of what the grammar permits.
`
