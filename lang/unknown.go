package lang

import (
	"slices"
	"strings"

	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// unknown reports a line that is not a statement.
func (p *parser) unknown(s *extent) {
	if p.full(s) {
		return
	}
	m := mistake{parser: p, words: p.words(s)}
	if next := m.runsOn(); next > 0 {
		m.cut(s, next)
	}
	m.section()
	if s.unreadable {
		return
	}
	m.keyword = "edge"
	if next := m.runsOn(); next > 0 {
		m.cut(s, next)
	}
	if m.star() || m.elsewhere() || m.foreignComment() {
		return
	}
	if k := m.kind(0); k == KindName || k == KindMethod {
		m.firstWord(s)
	} else {
		m.firstSign()
	}
}

// foreignComment reports a comment as other languages write it.
func (m *mistake) foreignComment() bool {
	p := m.parser
	for _, sign := range []string{"//", "/*", "--"} {
		if k := m.kind(0); (k == KindPath || k == KindName) && strings.HasPrefix(m.text(0), sign) {
			at := p.file.Source.Span(int(m.words[0].Start), int(m.words[0].Start)+2)
			// The lines up to the end of a block comment would be statements.
			line := p.file.Source.Text[at.End:m.words[len(m.words)-1].End]
			safe := sign != "/*" || strings.Index(line, "*/") == len(line)-len("*/")
			p.report(diag.New(diag.UnknownStatement, at, "comments begin with #, not with %s", sign)).
				WithFix(safe, at, "#", "write #")
			return true
		}
	}
	return false
}

// firstSign reports a line that begins with something else than a word.
func (m *mistake) firstSign() {
	p, first := m.parser, m.text(0)
	switch m.kind(0) {
	case KindClose:
		if p.sections > 0 {
			p.sections--
			return
		}
		p.report(diag.New(diag.UnbalancedBraces, m.span(0), "this brace has no opening brace"))
	case KindArrow, KindReach:
		p.report(diag.New(diag.UnexpectedToken, m.span(0), "expected a service before %s", quoted(first))).
			WithHelp("to continue a statement on the next line, break it after an arrow or a comma, not before")
	case KindComma, KindPipe, KindOpen:
		p.report(diag.New(diag.UnexpectedToken, m.span(0), "no statement begins with %s", quoted(first))).
			WithHelp("to continue a statement on the next line, break it after an arrow, a comma, `|` or `{`, not before")
	case KindPath:
		p.operationLine(m.span(0))
	default:
		m.noStatement().WithHelp("%s", statementHelp)
	}
}

// noStatement reports the first word as one that begins no statement.
func (m *mistake) noStatement() *diag.Diagnostic {
	return m.parser.report(diag.New(diag.UnknownStatement, m.span(0), "no statement begins with %s", quoted(m.text(0))))
}

// firstWord reports a line by the word that it begins with.
func (m *mistake) firstWord(s *extent) {
	p, first := m.parser, m.text(0)
	lower := strings.ToLower(first)
	near, isNear := diag.Nearest(first, statementWords)
	switch {
	case m.is(0, clauses...):
		m.noStatement().WithHelp("write the clauses of a service or an external on one line: `service db account db-sa port 5432 tcp`")
	case m.is(0, clauseWords...):
		m.noStatement().WithHelp("write the clauses of a destination on its line: `world -> ingress:8443 host shop.example.com except /debug/*`; a line may end after a comma")
	case isMethod(first) && (m.kind(1) == KindPath || m.kind(1) == KindComma || m.kind(1) == KindPipe):
		p.operationLine(m.span(0))
	case len(m.words) == 2 && m.is(1, modes...):
		m.noStatement().WithHelp("a section begins with `mesh %s %s`", shortened(first), m.text(1)).
			WithFix(false, p.file.Source.Span(int(m.words[0].Start), int(m.words[0].Start)), "mesh ", "insert `mesh`")
	case m.kind(1) == KindColon && !s.arrow && !isNear:
		p.report(diag.New(diag.UnknownStatement, m.span(0), "no statement begins with %s", quoted(first+":"))).
			WithHelp("intents are not YAML: %s", statementHelp)
	case lower == near:
		p.report(diag.New(diag.UnknownStatement, m.span(0), "keywords are written in lower case: `%s`", near)).
			WithFix(true, m.span(0), near, "write "+near)
	case isNear:
		m.noStatement().WithHelp("did you mean %s?", near).
			WithFix(false, m.span(0), near, "write "+near)
	case slices.Contains([]string{"allow", "permit", "let", "edge", "call", "from"}, lower) && s.arrow && len(m.words) > 1:
		p.report(diag.New(diag.UnknownStatement, m.span(0), "edges have no keyword")).
			WithHelp("the arrow is enough: `frontend -> backend`").
			WithFix(true, p.file.Source.Span(int(m.words[0].Start), int(m.words[1].Start)), "", "remove "+quoted(first))
	case m.kind(1) == KindEquals && s.arrow:
		m.selector(0)
	case m.kind(1) == KindEquals:
		at := p.file.Source.Span(int(m.words[0].Start), int(m.words[0].Start))
		m.noStatement().WithHelp("to declare a group, write `group %s = frontend, admin`", shortened(first)).
			WithFix(false, at, "group ", "insert `group`")
	case s.arrow && len(m.words) > 1:
		p.report(diag.New(diag.UnexpectedToken, m.span(1), "expected `,` or `->` after %s, found %s", quoted(first), quoted(m.text(1)))).
			WithFix(false, m.after(0), ",", "insert a comma")
		m.help()
	default:
		m.noStatement().WithHelp("%s", statementHelp)
	}
}

// operationLine reports a line that begins with an operation.
func (p *parser) operationLine(at source.Span) {
	p.report(diag.New(diag.UnknownStatement, at, "no statement begins with an operation")).
		WithHelp("write operations after their destination: on the same line, on the next one after a comma, or in `{ }`")
}
