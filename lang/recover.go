package lang

import (
	"cmp"
	"slices"
	"strings"

	"github.com/meshc/meshc/lang/diag"
)

// runsOn finds the word with which another statement begins inside this one, because a comma, an arrow or a brace was
// left over at the end of a line. It returns 0 if there is none.
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
	d := m.report(diag.New(diag.IncompleteStatement, m.span(next-1), "the line ends with %s, but the next line begins another statement", quoted(m.text(next-1))))
	if m.kind(next-1) == KindComma {
		d.WithFix(false, m.span(next-1), "", "remove the comma")
	} else {
		m.help()
	}
}

// joined reports a chain in which a list between two arrows continues after a line that ends with a comma. Most likely
// the comma is a leftover, and the next line is an edge of its own; as a chain, the two would allow calls that nobody
// wrote. In that case, the statement is cut off before that line.
func (p *parser) joined(s *extent, stmt Stmt) bool {
	var hops []Hop
	switch stmt := stmt.(type) {
	case *Edge:
		hops = stmt.Hops
	case *Deny:
		hops = stmt.Hops
	case *Ask:
		hops = stmt.Hops
	case *Guard:
		hops = stmt.Hops
	}
	if len(hops) < 3 {
		return false
	}
	words := p.words(s)
	for _, middle := range hops[1 : len(hops)-1] {
		for _, t := range middle.Targets[1:] {
			i, _ := slices.BinarySearchFunc(words, t.Range.Start, func(w Token, at int32) int { return cmp.Compare(w.Start, at) })
			comma, first := words[i-1], words[i]
			between := p.file.Source.Span(int(comma.End), int(first.Start))
			if !strings.Contains(between.Text(), "\n") {
				continue
			}
			d := p.report(diag.New(diag.JoinedEdges, p.file.span(first), "this line continues the one above, which ends with a comma")).
				WithRelated(p.file.span(comma), "the comma").
				WithFix(false, p.file.span(comma), "", "remove the comma")
			if strings.TrimSpace(between.Text()) == "" {
				d.WithFix(false, between, " ", "write the list on one line")
			}
			for p.file.Tokens[s.end-1].Start >= first.Start {
				s.end--
			}
			return true
		}
	}
	return false
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
		m.report(diag.New(diag.UnexpectedToken, m.span(m.at), "%s %s has no braces", article(m.keyword), m.keyword))
		m.help()
	case open < 0 && m.kind(m.at) == KindOpen && m.keyword == "export":
		m.report(diag.New(diag.UnexpectedToken, m.span(m.at), "an export has no braces")).
			WithHelp("separate its operations by commas: `export api to shop GET /v1/*, POST /v1/orders`; a line may end after a comma")
	default:
		return false
	}
	return true
}
