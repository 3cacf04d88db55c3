package lang

import (
	"cmp"
	"slices"
	"strings"

	"github.com/meshc/meshc/lang/diag"
)

// runsOn finds the word with which another statement begins inside this one: a comma, an arrow or a brace
// that was left at the end of a line has drawn it in. Zero where there is none.
func (m *mistake) runsOn() int {
	stray := m.kind(m.at) == KindArrow && !m.calls()
	open, last := false, 0
	for i := 1; i <= m.at && i < len(m.words); i++ {
		switch m.kind(i - 1) {
		case KindOpen:
			open = true
		case KindClose:
			open = false
		}
		between := m.file.Source.Text[m.words[i-1].End:m.words[i].Start]
		if !strings.Contains(between, "\n") {
			continue
		}
		switch next := m.kind(i + 1); {
		case m.is(i, statementWords...) && (next == KindName || next == KindString || next == KindStar || next == KindMethod):
			return i
		case m.at == i+1 && next == KindArrow, open && m.at == i && m.kind(i) == KindName && !isMethod(m.text(i)):
			return i
		case stray:
			last = i
		}
	}
	return last
}

func (m *mistake) reportRunOn(next int) {
	for i := next - 1; i > 0 && m.kind(i) != KindClose; i-- {
		if m.kind(i) == KindOpen {
			m.neverClosed(i)
			return
		}
	}
	d := m.report(diag.New(diag.IncompleteStatement, m.span(next-1), "the line ends with %s, but the next one begins another statement", quoted(m.text(next-1))))
	if m.kind(next-1) == KindComma {
		d.WithFix(false, m.span(next-1), "", "take the comma out")
	} else {
		m.help()
	}
}

// drawnIn reports a chain that goes on behind a comma at the end of a line: the comma was most likely left there, and
// an edge with a list of its own stands below. The chain would be calls that nobody wrote. The statement ends in front
// of that line then.
func (p *parser) drawnIn(s *extent, stmt Stmt) bool {
	var hops [][]Target
	switch stmt := stmt.(type) {
	case *Edge:
		hops = stmt.Hops
	case *Deny:
		hops = stmt.Hops
	case *Guard:
		hops = stmt.Hops
	}
	if len(hops) < 3 {
		return false
	}
	words := p.words(s)
	for _, middle := range hops[1 : len(hops)-1] {
		for _, t := range middle[1:] {
			i, _ := slices.BinarySearchFunc(words, t.Range.Start, func(w Token, at int32) int { return cmp.Compare(w.Start, at) })
			comma, first := words[i-1], words[i]
			between := p.file.Source.Span(int(comma.End), int(first.Start))
			if !strings.Contains(between.Text(), "\n") {
				continue
			}
			d := p.report(diag.New(diag.JoinedEdges, p.file.span(first), "this line goes on the one above, which ends with a comma")).
				WithRelated(p.file.span(comma), "the comma").
				WithFix(false, p.file.span(comma), "", "take the comma out")
			if strings.TrimSpace(between.Text()) == "" {
				d.WithFix(false, between, " ", "put the list on one line")
			}
			for p.file.Tokens[s.end-1].Start >= first.Start {
				s.end--
			}
			return true
		}
	}
	return false
}

// skipLine takes the rest of the line into the statement.
func (p *parser) skipLine(s *extent) {
	for s.end < len(p.file.Tokens) && !strings.Contains(p.file.span(p.file.Tokens[s.end]).Text(), "\n") {
		s.end++
	}
}

func (m *mistake) neverClosed(open int) {
	m.report(diag.New(diag.UnbalancedBraces, m.span(open), "this brace is never closed")).
		WithHelp("operations end with `}`: `{ GET /api/*, POST /api/orders }`")
}

// braces reports what is wrong with the braces of a statement, where that is what stopped it.
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
			WithFix(true, at, ",", "write a comma")
		m.skipLine(s)
	case open >= 0 && m.at == len(m.words):
		m.neverClosed(open)
	case open >= 0 && m.kind(m.at) == KindOpen:
		m.report(diag.New(diag.UnbalancedBraces, m.span(m.at), "a brace inside braces")).
			WithHelp("braces hold the operations of one destination: `{ GET /api/*, POST /api/orders }`")
	case open < 0 && m.kind(m.at) == KindClose:
		m.report(diag.New(diag.UnbalancedBraces, m.span(m.at), "this brace closes nothing"))
	case open < 0 && m.kind(m.at) == KindOpen && m.keyword == "mesh":
		m.sections++
		m.report(diag.New(diag.UnexpectedToken, m.span(m.at), "a mesh has no braces")).
			WithHelp("it reaches up to the next `mesh` or the end of the file")
	case open < 0 && m.kind(m.at) == KindOpen && !m.calls():
		m.report(diag.New(diag.UnexpectedToken, m.span(m.at), "%s %s has no braces", article(m.keyword), m.keyword))
		m.help()
	case open < 0 && m.kind(m.at) == KindOpen && m.keyword == "export":
		m.report(diag.New(diag.UnexpectedToken, m.span(m.at), "an export has no braces")).
			WithHelp("separate its operations by commas: `export api to shop GET /v1/*, POST /v1/orders`; a line may end behind a comma")
	default:
		return false
	}
	return true
}
