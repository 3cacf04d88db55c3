package lang

import (
	"strings"
	"sync"

	"github.com/alecthomas/participle/v2"
	"github.com/alecthomas/participle/v2/lexer"

	"github.com/meshc/meshc/lang/source"
)

// node is a statement that is being read.
type node interface {
	Stmt
	setRange(source.Span)
	place(*source.File) // gives all places within the statement their file
}

// A rule reads one kind of statement.
type rule interface {
	// parse reads a statement and stops behind it. Where it fails, the statement is what was read so far
	// and the lexer stands anywhere in it.
	parse(*lexer.PeekingLexer) (node, error)
	ebnf() string
}

// statement is a rule for a node that participle fills by itself, or that is Parseable.
type statement[T any, P interface {
	*T
	node
}] struct{ *participle.Parser[T] }

func (s statement[T, P]) parse(lex *lexer.PeekingLexer) (node, error) {
	v, err := s.ParseFromLexer(lex, trailing...)
	return P(v), err
}

func (s statement[T, P]) ebnf() string {
	if own, ok := any(P(nil)).(interface{ productions() string }); ok {
		return own.productions()
	}
	return s.String()
}

// converted is a rule for a node of a shape that participle cannot fill.
type converted[T any, P interface {
	*T
	node() node
}] struct{ *participle.Parser[T] }

func (c converted[T, P]) parse(lex *lexer.PeekingLexer) (node, error) {
	v, err := c.ParseFromLexer(lex, trailing...)
	return P(v).node(), err
}

func (c converted[T, P]) ebnf() string { return c.String() }

var trailing = []participle.ParseOption{participle.AllowTrailing(true)}

// deny is the grammar of a Deny, whose hops are lists of lists.
type deny struct {
	Chain chain `parser:"'deny' @@"`
	Tail
}

func (d *deny) node() node { return &Deny{Hops: d.Chain.hops(), Tail: d.Tail} }

// guard is the grammar of a Guard.
type guard struct {
	Kind   string `parser:"@( 'never' | 'always' | 'only' )"`
	Chain  chain  `parser:"@@"`
	Except []Ref  `parser:"( 'except' @@ ( ',' @@ )* )?"`
	Tail
}

func (g *guard) node() node {
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

// rules are the statements by their keyword; an edge has none and stands under "edge".
var rules = sync.OnceValue(func() map[string]rule {
	guards := converted[guard, *guard]{build[guard]()}
	return map[string]rule{
		"mesh":     statement[Mesh, *Mesh]{build[Mesh]()},
		"service":  statement[Service, *Service]{build[Service]()},
		"external": statement[External, *External]{build[External]()},
		"edge":     statement[Edge, *Edge]{build[Edge]()},
		"deny":     converted[deny, *deny]{build[deny]()},
		"group":    statement[Group, *Group]{build[Group]()},
		"export":   statement[Export, *Export]{build[Export]()},
		"mtls":     statement[MTLS, *MTLS]{build[MTLS]()},
		"never":    guards,
		"always":   guards,
		"only":     guards,
	}
})

// build makes the parser of a statement. The grammar needs no lookahead beyond the next token; without it
// participle blames the right one.
func build[T any]() *participle.Parser[T] {
	return participle.MustBuild[T](participle.Lexer(definition{}), participle.Elide("Space", "Comment"), participle.UseLookahead(0))
}

// Grammar is the grammar of the language in participle's EBNF: the productions of its parsers, and of what
// reads its tokens itself the production that stands beside the code.
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

// parseable gives productions whose type is Parseable their capital: participle prints it for others only.
var parseable = strings.NewReplacer("hop ", "Hop ")

const fileProductions = `
File = Statement? (<end> Statement?)* .
Statement = Mesh | Service | External | Edge | Deny | Group | Export | MTLS | Guard .
`

const tokenNotes = `// The grammar of meshc's intents, in the EBNF of participle (github.com/alecthomas/participle), printed
// from its parsers. <names> in angle brackets are tokens:
//
//   <name>    letters, digits, "_", "." and "-"; a "-" in front of ">" belongs to the arrow
//   <method>  a name in upper case: letters, digits and "-"
//   <path>    "/" that does not touch a name in front of it, up to white space, "," or ";", or to a "}"
//             that has no "{" in the path
//   <string>  "in double quotes" on one line; \" and \\ are its escapes
//   <end>     ";" or the end of a line, unless the line ends with "," "->" "->>" "|" or "{", or the
//             statement goes on inside its braces; in a list between two arrows no line ends with ","
//
// White space and comments (from "#" to the end of the line) may stand between all tokens, with two
// exceptions: none stands around the "/" of a reference or of a label's key, and the tokens of an address
// touch each other. A keyword in front of "->", "," or "/" is a name, and the statement an edge. A number
// begins with a digit, or is a string. An operation that is a string begins with "/" or "*". Behind a comma
// a word in upper case begins an operation where one stands in front of it, and behind a destination with
// a port a number is no name. Of "until" and "because" each stands once at most. Much of what the grammar
// lets through is for the check to refuse.
`
