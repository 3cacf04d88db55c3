package lang

import (
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

// deny is the grammar of a Deny, whose hops are lists of lists.
type deny struct {
	Chain chain `parser:"'deny' @@"`
	Tail
}

func (d *deny) stmt() Stmt { return &Deny{Hops: d.Chain.hops(), Tail: d.Tail} }

// guard is the grammar of a Guard.
type guard struct {
	Kind   string `parser:"@( 'never' | 'always' | 'only' )"`
	Chain  chain  `parser:"@@"`
	Except []Ref  `parser:"( 'except' @@ ( ',' @@ )* )?"`
	Tail
}

func (g *guard) stmt() Stmt {
	n := &Guard{Hops: g.Chain.hops(), Except: g.Except, Tail: g.Tail}
	for n.Kind = Never; n.Kind < Only && n.Kind.String() != g.Kind; {
		n.Kind++
	}
	for _, s := range g.Chain.Rest {
		n.Transitive = n.Transitive || s.Arrow == "->>"
	}
	return n
}

type chain struct {
	First hop    `parser:"@@"`
	Rest  []step `parser:"@@+"`
}

type step struct {
	Arrow string `parser:"@( '->' | '->>' )"`
	Hop   hop    `parser:"@@"`
}

func (c *chain) hops() [][]Target {
	hops := append(make([][]Target, 0, 1+len(c.Rest)), c.First.targets)
	for _, s := range c.Rest {
		hops = append(hops, s.Hop.targets)
	}
	return hops
}

// keywords begin the statements, in the order of the reference.
var keywords = []string{"mesh", "service", "external", "edge", "deny", "group", "export", "mtls", "never", "always", "only"}

// rules maps each keyword to the rule of its statement. Edges have no keyword and are listed as "edge".
var rules = sync.OnceValue(func() map[string]rule {
	guards := converted[guard, *guard]{build[guard]()}
	return map[string]rule{
		"mesh":     filled[Mesh, *Mesh]{build[Mesh]()},
		"service":  manual[Service, *Service]{},
		"external": filled[External, *External]{build[External]()},
		"edge":     manual[Edge, *Edge]{},
		"deny":     converted[deny, *deny]{build[deny]()},
		"group":    filled[Group, *Group]{build[Group]()},
		"export":   filled[Export, *Export]{build[Export]()},
		"mtls":     filled[MTLS, *MTLS]{build[MTLS]()},
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
	add(nameProductions)
	return b.String()
}

// parseable capitalizes the names of Parseable types, which participle prints as the Go type is named.
var parseable = strings.NewReplacer("hop ", "Hop ")

const fileProductions = `
File = Statement? (<end> Statement?)* .
Statement = Mesh | Service | External | Edge | Deny | Group | Export | MTLS | Guard .
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
//             continues inside its braces; in a list between two arrows, no line may end with ","
//
// White space and comments (from "#" to the end of the line) may appear between any two tokens, with two
// exceptions: there is none around the "/" in a reference or in the key of a label or before the name of a port, and the
// tokens of an address touch each other. A keyword before "->", "," or "/" is a name, and the statement is an edge. A
// number begins with a digit or is a string. An operation that is a string begins with "/" or "*". After a
// comma, an upper-case word begins an operation if an operation precedes the comma, and a number is not a
// name if a destination with a port does. "until" and "because" appear at most once each. The check rejects
// much of what the grammar permits.
`
