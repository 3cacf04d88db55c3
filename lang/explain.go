package lang

import (
	"errors"
	"slices"
	"strings"

	"github.com/alecthomas/participle/v2"

	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// mistake is a statement that could not be read, and where it went wrong.
type mistake struct {
	*parser
	keyword  string
	words    []Token // of the statement, those that are not blank
	at       int     // the word that was not expected; len(words) where the statement ends too early
	expected string  // what the parser says should have stood there; empty where it does not say
}

// explain says what is wrong with a statement that participle refused: its own messages are written in
// the notation of grammars.
func (p *parser) explain(s *extent, keyword string, err error) {
	if p.full(s) {
		return
	}
	m := mistake{parser: p, keyword: keyword, words: p.words(s)}
	offset := p.lex.Peek().Pos.Offset
	var unexpected *participle.UnexpectedTokenError
	var flat *participle.ParseError
	switch {
	case errors.As(err, &unexpected):
		offset, m.expected = unexpected.Unexpected.Pos.Offset, unexpected.Expect
	case errors.As(err, &flat): // an error of a Parseable that is the whole statement
		offset, m.expected = flat.Pos.Offset, flat.Msg
	}
	for m.at < len(m.words) && int(m.words[m.at].Start) < offset {
		m.at++
	}
	if m.expected == "a service" {
		m.expected += " behind " + quoted(m.text(m.at-1))
	}
	if next := m.runsOn(); next > 0 {
		m.reportRunOn(next)
		for p.file.Tokens[s.end-1].Start >= m.words[next].Start {
			s.end--
		}
		return
	}
	if m.braces(s) {
		if m.keyword == "mesh" { // what stands behind the brace is the section
			for s.end > s.first && p.file.Tokens[s.end-1].Start > m.words[m.at].Start {
				s.end--
			}
		}
		return
	}
	if m.at < len(m.words) && m.slip() {
		return
	}
	if m.expected == "" {
		m.expected = m.missing()
	}
	switch {
	case m.at == len(m.words) && m.expected == "":
		p.report(diag.New(diag.IncompleteStatement, m.span(m.at-1), "the statement ends too early"))
	case m.at == len(m.words):
		p.report(diag.New(diag.IncompleteStatement, m.span(m.at-1), "expected %s, found the end of %s", m.expected, m.ending()))
	case m.expected == "" && m.clause():
		return
	case m.expected == "":
		p.report(diag.New(diag.UnexpectedToken, m.span(m.at), "expected the end of the line, found %s", quoted(m.text(m.at))))
	default:
		p.report(diag.New(diag.UnexpectedToken, m.span(m.at), "expected %s, found %s", m.expected, quoted(m.text(m.at))))
		m.insert()
	}
	m.help()
}

// insert offers to put in the one sign or word that is missing.
func (m *mistake) insert() {
	var sign string
	switch {
	case strings.HasPrefix(m.expected, "`=` behind"):
		sign = " ="
	case strings.HasPrefix(m.expected, "`->`") && m.is(m.at, "to", "can", "may", "calls"):
		m.last().WithFix(false, m.span(m.at), "->", "write `->`")
		return
	case strings.HasPrefix(m.expected, "`->`") && (m.kind(m.at) == KindName || m.kind(m.at) == KindStar):
		sign = " ->"
	case strings.HasPrefix(m.expected, "`to`") && (m.kind(m.at) == KindName || m.kind(m.at) == KindStar):
		sign = " to"
	default:
		return
	}
	m.last().WithFix(false, m.behind(m.at-1), sign, "put `"+sign[1:]+"` in")
}

// full counts a mistake that is not shown any more.
func (p *parser) full(s *extent) bool {
	if len(p.list) < maxFindings {
		return false
	}
	p.report(diag.Diagnostic{Primary: p.file.span(p.file.Tokens[s.first])})
	return true
}

// words are the tokens of a statement without blanks and comments.
func (p *parser) words(s *extent) []Token {
	var words []Token
	for _, t := range p.file.Tokens[s.first:s.end] {
		if t.as != KindSpace && t.as != KindComment {
			words = append(words, t)
		}
	}
	return words
}

func (m *mistake) kind(i int) Kind {
	if i < 0 || i >= len(m.words) {
		return KindEnd
	}
	return m.words[i].as
}

func (m *mistake) text(i int) string {
	if i < 0 || i >= len(m.words) {
		return ""
	}
	return m.file.Source.Text[m.words[i].Start:m.words[i].End]
}

func (m *mistake) span(i int) source.Span { return m.file.span(m.words[i]) }

// behind is the place right behind a word.
func (m *mistake) behind(i int) source.Span {
	return m.file.Source.Span(int(m.words[i].End), int(m.words[i].End))
}

// is tells whether a word is one of some bare words.
func (m *mistake) is(i int, texts ...string) bool {
	return m.kind(i) == KindName && slices.Contains(texts, m.text(i))
}

func (m *mistake) ending() string {
	if strings.TrimSpace(m.file.Source.Text[m.words[len(m.words)-1].End:]) == "" {
		return "the file"
	}
	return "the line"
}

// help shows an example of the statement.
func (m *mistake) help() {
	d := m.last()
	switch {
	case d.Help != "" || len(d.Fixes) > 0:
	case m.keyword == "mtls" && m.at == 2 && m.is(1, "strict", "permissive", "disable"):
		d.WithHelp("the mode of a whole mesh is stated where it is opened: `mesh shop %s`", m.text(1))
	default:
		d.WithHelp("%s", examples[m.keyword])
	}
}

// last is the finding that was reported last.
func (p *parser) last() *diag.Diagnostic {
	if p.omitted > 0 {
		return &p.scrap
	}
	return &p.list[len(p.list)-1]
}

var examples = map[string]string{
	"mesh":     "a mesh reads `mesh shop strict`",
	"service":  "a service reads `service db account db-sa port 5432 tcp`",
	"external": "an external reads `external stripe host api.stripe.com port 443 tls`",
	"edge":     "an edge reads `frontend, admin -> backend:8080 GET /api/*`",
	"deny":     "a deny reads `deny frontend -> backend GET /internal/*`",
	"group":    "a group reads `group web = frontend, admin`",
	"export":   "an export reads `export api to shop/backend GET /v1/*`",
	"mtls":     "an mTLS mode reads `mtls backend:9090 permissive`",
	"never":    "a guard rail reads `never * -> db except backend`",
	"always":   "a guard rail reads `always frontend -> backend GET /health`",
	"only":     "a guard rail reads `only backend, reports -> db`",
}

// missing says what should have stood at the mistake, for the statements that participle reads by itself.
func (m *mistake) missing() string {
	before := quoted(m.text(m.at - 1))
	switch {
	case m.is(m.at-1, "until") && m.at > 1:
		return untilMissing
	case m.is(m.at-1, "because") && m.at > 1:
		return becauseMissing
	}
	switch m.keyword {
	case "mesh":
		if m.at == 1 {
			return "the name of a mesh behind `mesh`"
		}
	case "external":
		switch {
		case m.at == 1:
			return "the name of the external"
		case m.is(m.at-1, "host") && m.at > 2:
			return "a host name behind `host`"
		}
	case "group":
		switch {
		case m.at == 1:
			return "the name of the group"
		case m.at == 2:
			return "`=` behind the name of the group"
		case m.kind(m.at-1) == KindEquals, m.kind(m.at-1) == KindComma:
			return "a service behind " + before
		}
	case "export":
		to := slices.IndexFunc(m.words[:m.at], func(t Token) bool { return m.file.span(t).Text() == "to" })
		switch {
		case m.at == 1, m.kind(m.at-1) == KindComma && to < 0:
			return "a service behind " + before
		case to < 0 || to == 1 && m.at == 2:
			return "`to` and who may call"
		case to == m.at-1:
			return "a mesh, one of its services or `*` behind `to`"
		case m.kind(m.at-1) == KindComma:
			return "another mesh or service behind `,`"
		}
	case "mtls":
		if m.at == 1 || m.kind(m.at-1) == KindComma {
			return "a service behind " + before
		}
		if m.at == len(m.words) || m.kind(m.at) != KindName && m.at == 2 {
			return "a mode: strict, permissive or disable"
		}
	case "deny", "never", "always", "only":
		arrow := slices.ContainsFunc(m.words[:m.at], func(t Token) bool { return t.as == KindArrow || t.as == KindReach })
		switch {
		case m.is(m.at-1, "except"), m.kind(m.at-1) == KindComma:
			return "a service behind " + before
		case !arrow:
			return "`->` and who is called"
		}
	}
	return ""
}

// unknown reports a line that begins no statement.
func (p *parser) unknown(s *extent) {
	if p.full(s) {
		return
	}
	m := mistake{parser: p, keyword: "edge", words: p.words(s)}
	if m.star() {
		return
	}
	first := m.text(0)
	lower := strings.ToLower(first)
	switch m.kind(0) {
	case KindClose:
		if p.sections > 0 {
			p.sections--
			return
		}
		p.report(diag.New(diag.UnbalancedBraces, m.span(0), "this brace closes nothing"))
		return
	case KindArrow, KindReach:
		p.report(diag.New(diag.UnexpectedToken, m.span(0), "expected a service in front of %s", quoted(first))).
			WithHelp("a statement goes on in the next line where it is broken behind an arrow or a comma, not in front of it")
		return
	case KindComma, KindPipe, KindOpen:
		p.report(diag.New(diag.UnexpectedToken, m.span(0), "no statement begins with %s", quoted(first))).
			WithHelp("a statement goes on in the next line where it is broken behind an arrow, a comma, `|` or `{`, not in front of it")
		return
	case KindPath, KindName:
		for _, sign := range []string{"//", "/*", "--"} {
			if strings.HasPrefix(first, sign) {
				at := p.file.Source.Span(int(m.words[0].Start), int(m.words[0].Start)+2)
				p.report(diag.New(diag.UnknownStatement, at, "a comment begins with #, not with %s", sign)).
					WithFix(true, at, "#", "begin it with #")
				return
			}
		}
	}
	switch m.kind(0) {
	case KindName, KindMethod:
	case KindPath:
		p.operationLine(m.span(0))
		return
	default:
		p.report(diag.New(diag.UnknownStatement, m.span(0), "no statement begins with %s", quoted(first))).
			WithHelp("%s", statementHelp)
		return
	}

	near, isNear := diag.Nearest(first, statementWords)
	switch {
	case m.is(0, clauses...):
		p.report(diag.New(diag.UnknownStatement, m.span(0), "no statement begins with %s", quoted(first))).
			WithHelp("the clauses of a service or an external stand on one line: `service db account db-sa port 5432 tcp`")
	case isMethod(first) && (m.kind(1) == KindPath || m.kind(1) == KindComma || m.kind(1) == KindPipe):
		p.operationLine(m.span(0))
	case m.kind(1) == KindColon && !s.arrow && !isNear:
		p.report(diag.New(diag.UnknownStatement, m.span(0), "no statement begins with %s", quoted(first+":"))).
			WithHelp("intents are no YAML: %s", statementHelp)
	case lower == near:
		p.report(diag.New(diag.UnknownStatement, m.span(0), "keywords are written in lower case: `%s`", near)).
			WithFix(true, m.span(0), near, "write "+near)
	case isNear:
		p.report(diag.New(diag.UnknownStatement, m.span(0), "no statement begins with %s", quoted(first))).
			WithHelp("did you mean %s?", near).
			WithFix(false, m.span(0), near, "write "+near)
	case slices.Contains([]string{"allow", "permit", "let", "edge", "call", "from"}, lower) && s.arrow && len(m.words) > 1:
		p.report(diag.New(diag.UnknownStatement, m.span(0), "an edge has no keyword")).
			WithHelp("the arrow says it all: `frontend -> backend`").
			WithFix(true, p.file.Source.Span(int(m.words[0].Start), int(m.words[1].Start)), "", "take "+quoted(first)+" out")
	case m.kind(1) == KindEquals:
		at := p.file.Source.Span(int(m.words[0].Start), int(m.words[0].Start))
		p.report(diag.New(diag.UnknownStatement, m.span(0), "no statement begins with %s", quoted(first))).
			WithHelp("a group reads `group %s = frontend, admin`", shortened(first)).
			WithFix(true, at, "group ", "begin it with group")
	case s.arrow && len(m.words) > 1:
		p.report(diag.New(diag.UnexpectedToken, m.span(1), "expected `,` or `->` behind %s, found %s", quoted(first), quoted(m.text(1)))).
			WithFix(false, m.behind(0), ",", "put a comma between them")
		m.help()
	default:
		p.report(diag.New(diag.UnknownStatement, m.span(0), "no statement begins with %s", quoted(first))).
			WithHelp("%s", statementHelp)
	}
}

// operationLine reports a line that begins as an operation.
func (p *parser) operationLine(at source.Span) {
	p.report(diag.New(diag.UnknownStatement, at, "no statement begins with an operation")).
		WithHelp("operations stand behind their destination: on its line, behind a comma at the end of it, or in `{ }`")
}

// statementWords are what a statement may begin with.
var statementWords = slices.DeleteFunc(slices.Clone(keywords), func(k string) bool { return k == "edge" })

var statementHelp = "a statement begins with " + strings.Join(statementWords[:len(statementWords)-1], ", ") + " or " +
	statementWords[len(statementWords)-1] + ", or it is an edge: `frontend -> backend`"

// repeated reports an `until` or `because` that stands twice: the tree has room for one.
func (p *parser) repeated(s *extent, stmt Stmt) {
	var t *Tail
	switch stmt := stmt.(type) {
	case *Edge:
		t = &stmt.Tail
	case *Deny:
		t = &stmt.Tail
	case *Export:
		t = &stmt.Tail
	case *Guard:
		t = &stmt.Tail
	default:
		return
	}
	if !t.Until.Present() && !t.Because.Present() {
		return
	}
	m := mistake{parser: p, words: p.words(s)}
	seen := map[string]int{}
	for i := len(m.words) - 2; i > 0 && m.is(i, "until", "because"); i -= 2 {
		if later, ok := seen[m.text(i)]; ok {
			p.report(diag.New(diag.RepeatedClause, m.span(later).To(m.span(later+1)), "%s is given twice", m.text(i))).
				WithRelated(m.span(i).To(m.span(i+1)), "first given here").
				WithHelp("keep one")
		}
		seen[m.text(i)] = i
	}
}
