package lang

import (
	"slices"
	"strings"

	"github.com/meshc/meshc/lang/diag"
)

// runsOn finds the word with which another statement begins inside this one, because a comma, an arrow or a brace was
// left over at the end of a line. It returns 0 if there is none.
func (m *mistake) runsOn() int {
	stray := m.kind(m.at) == KindArrow && (!m.calls() || m.keyword == "export")
	open, last := false, 0
	for i := 1; i < len(m.words); i++ {
		switch m.kind(i - 1) {
		case KindOpen:
			open = true
		case KindClose:
			open = false
		}
		switch {
		case !m.beginsLine(i):
		case m.beginsStatement(i), (i >= m.at || m.kind(i-1) == KindPipe) && m.edgeOnLine(i):
			return i
		case i > m.at:
		case m.at == i+1 && m.kind(i+1) == KindArrow, open && m.at == i && m.kind(i) == KindName && !isMethod(m.text(i)):
			return i
		case stray:
			last = i
		}
	}
	return last
}

func (m *mistake) beginsLine(i int) bool {
	return strings.Contains(m.file.Source.Text[m.words[i-1].End:m.words[i].Start], "\n")
}

// beginsStatement reports whether a word is a keyword with what follows the keyword in a statement.
func (m *mistake) beginsStatement(i int) bool {
	switch m.kind(i + 1) {
	case KindName, KindString, KindStar, KindMethod:
		return m.is(i, statementWords...)
	}
	return false
}

// edgeOnLine reports whether the line that begins with a word looks like an edge. After a mistake such a line is read
// as an edge of its own, since that is what each part of a chain means.
func (m *mistake) edgeOnLine(i int) bool {
	switch m.kind(i) {
	case KindName, KindString, KindStar:
	default:
		return false
	}
	for i++; i < len(m.words) && !m.beginsLine(i); i++ {
		if k := m.kind(i); k == KindArrow || k == KindReach {
			return true
		}
	}
	return false
}

// cut ends a statement with a mistake before the word with which another one begins.
func (m *mistake) cut(s *extent, next int) {
	for m.file.Tokens[s.end-1].Start >= m.words[next].Start {
		s.end--
	}
	m.words = m.words[:next]
}

// section keeps what is certain about a statement with a mistake that may be a mesh: otherwise the statements after it
// would end up in the previous section. It reports whether it took the last words of the statement for a mesh.
func (m *mistake) section() bool {
	arrow, says := false, m.kind(0) == KindClose
	for i, t := range m.words {
		switch t.as {
		case KindArrow, KindReach:
			arrow = arrow || i > 0
		case KindName, KindMethod, KindPath, KindString:
			says = true
		}
	}
	switch {
	case !says:
		m.lost = true
		return false
	case arrow, m.keyword != "" && m.keyword != "mesh" && m.keyword != "edge":
		return false
	}
	var mesh Mesh
	last := len(m.words) - 1
	take := func(n *Name, words ...string) {
		if last > 0 && m.is(last, words...) {
			*n = m.name(last)
			last--
		}
	}
	take(&mesh.Default, "open", "closed")
	take(&mesh.Mode, modes...)
	near, ok := diag.Nearest(m.text(0), statementWords)
	switch {
	case m.kind(last) == KindName && (last == 0 || !ok || near == "mesh") && (mesh.Mode.Present() || last == 1 && near == "mesh"):
		mesh.Name = m.name(last)
		return m.keep(&mesh, int(m.words[0].Start))
	case m.is(0, "mesh"):
		m.lost = true
	case last == 0 && m.words[0].Kind == KindInvalid: // a string that never ends
		words := strings.Fields(m.text(0))
		m.lost = slices.Contains(modes, words[len(words)-1])
	case last == 1 && m.kind(1) == KindName:
		switch m.kind(0) {
		case KindName, KindMethod, KindPath, KindArrow, KindReach:
		default:
			m.lost = true // a sign where the keyword should be
		}
	}
	return false
}

func (m *mistake) name(i int) Name { return Name{Text: m.text(i), Range: m.span(i)} }

func (m *mistake) reportRunOn(next int) {
	for i := next - 1; i > 0 && m.kind(i) != KindClose; i-- {
		if m.kind(i) == KindOpen {
			m.neverClosed(i)
			return
		}
	}
	d := m.report(diag.New(diag.IncompleteStatement, m.span(next-1), "the line ends with %s, but the next line begins another statement", quoted(m.text(next-1))))
	if m.kind(next-1) == KindComma {
		d.WithFix(false, m.span(next-1), "", "remove the comma")
	} else {
		m.help()
	}
}

// joined reports a chain that goes on after a line that ends with a comma between two arrows, or on a line that is not
// indented. Most likely the end of the line above is a leftover, and this line is an edge of its own; as a chain, the
// two would allow calls that nobody wrote. In that case, the statement is cut off before that line.
func (p *parser) joined(s *extent, stmt Stmt) bool {
	hops := hopsOf(stmt)
	if len(hops) < 3 {
		return false
	}
	m := mistake{parser: p, words: p.words(s)}
	inList := map[int32]bool{}
	for _, middle := range hops[1 : len(hops)-1] {
		for _, t := range middle.Targets[1:] {
			inList[t.Range.Start] = true
		}
	}
	indent, called := m.indent(), false
	for i := 1; i < len(m.words); i++ {
		called = called || m.kind(i-1) == KindArrow || m.kind(i-1) == KindReach
		if !called || !m.beginsLine(i) {
			continue
		}
		list := inList[m.words[i].Start]
		if !list && !(m.edgeOnLine(i) && m.span(i).StartPosition().Byte <= indent+1) {
			continue
		}
		sign, what := m.span(i-1), quoted(m.text(i-1))
		if list {
			what = "a comma"
		}
		d := p.report(diag.New(diag.JoinedEdges, sign, "the line ends with %s, so the next one continues it", what)).WithRelated(m.span(i), "the next line")
		between := p.file.Source.Span(int(sign.End), int(m.words[i].Start))
		switch {
		case !list:
			d.WithHelp("complete the line; if the next one is meant to continue it, indent that one")
		case strings.TrimSpace(between.Text()) == "":
			d.WithFix(false, sign, "", "remove the comma").WithFix(false, between, " ", "write the list on one line")
		default:
			d.WithFix(false, sign, "", "remove the comma")
		}
		m.cut(s, i)
		return true
	}
	return false
}

// hopsOf returns the hops of a statement, nil if it has none.
func hopsOf(stmt Stmt) []Hop {
	switch stmt := stmt.(type) {
	case *Edge:
		return stmt.Hops
	case *Deny:
		return stmt.Hops
	case *Ask:
		return stmt.Hops
	case *Guard:
		return stmt.Hops
	}
	return nil
}

// indent returns the bytes in front of a statement, 0 if another one precedes it on its line.
func (m *mistake) indent() int {
	at := m.span(0).StartPosition()
	if strings.TrimSpace(m.file.Source.Line(at.Line)[:at.Byte-1]) != "" {
		return 0
	}
	return at.Byte - 1
}

// skipLine extends the statement to the end of the line.
func (p *parser) skipLine(s *extent) {
	for s.end < len(p.file.Tokens) && !strings.Contains(p.file.span(p.file.Tokens[s.end]).Text(), "\n") {
		s.end++
	}
}

func (m *mistake) neverClosed(open int) {
	m.report(diag.New(diag.UnbalancedBraces, m.span(open), "this brace is never closed")).
		WithHelp("end the operations with `}`: `{ GET /api/*, POST /api/orders }`")
}

// braces reports misplaced braces if they are what stopped the parser.
func (m *mistake) braces(s *extent) bool {
	open := -1
	for i := range min(m.at, len(m.words)) {
		switch m.kind(i) {
		case KindOpen:
			open = i
		case KindClose:
			open = -1
		}
	}
	switch {
	case open >= 0 && m.at == len(m.words) && s.end < len(m.file.Tokens) && m.file.span(m.file.Tokens[s.end]).Text() == ";":
		at := m.file.span(m.file.Tokens[s.end])
		m.report(diag.New(diag.UnexpectedToken, at, "operations are separated by commas, not by `;`")).
			WithFix(true, at, ",", "replace it with a comma")
		m.skipLine(s)
	case open >= 0 && m.at == len(m.words):
		m.neverClosed(open)
	case open >= 0 && m.kind(m.at) == KindOpen:
		m.report(diag.New(diag.UnbalancedBraces, m.span(m.at), "braces cannot be nested")).
			WithHelp("braces contain the operations of one destination: `{ GET /api/*, POST /api/orders }`")
	case open < 0 && m.kind(m.at) == KindClose:
		m.report(diag.New(diag.UnbalancedBraces, m.span(m.at), "this brace has no opening brace"))
	case open < 0 && m.kind(m.at) == KindOpen && m.keyword == "mesh":
		m.sections++
		m.report(diag.New(diag.UnexpectedToken, m.span(m.at), "a mesh has no braces")).
			WithHelp("its section extends to the next `mesh` or the end of the file")
	case open < 0 && m.kind(m.at) == KindOpen && !m.calls():
		m.report(diag.New(diag.UnexpectedToken, m.span(m.at), "%s has no braces", diag.WithArticle(m.keyword)))
		m.help()
	case open < 0 && m.kind(m.at) == KindOpen && m.keyword == "export":
		m.report(diag.New(diag.UnexpectedToken, m.span(m.at), "an export has no braces")).
			WithHelp("separate its operations by commas: `export api to shop GET /v1/*, POST /v1/orders`; a line may end after a comma")
	default:
		return false
	}
	return true
}
