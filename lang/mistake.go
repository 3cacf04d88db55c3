package lang

import (
	"errors"
	"slices"
	"strings"

	"github.com/alecthomas/participle/v2"

	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// mistake is a statement that could not be read, and the place where reading it failed.
type mistake struct {
	*parser
	keyword string
	words   []Token // the tokens of the statement that are not blank
	at      int     // the unexpected word; len(words) if the statement ends too early
	want    expectation
}

// explain reports what is wrong with a statement. The errors of participle are not shown: they are in the notation of
// the grammar.
func (p *parser) explain(s *extent, keyword string, stmt Stmt, err error) {
	kept := p.keep(stmt, int(p.file.Tokens[s.first].Start))
	if p.full(s) {
		return
	}
	m := mistake{parser: p, keyword: keyword, words: p.words(s)}
	offset := p.lex.Peek().Pos.Offset
	var unexpected *participle.UnexpectedTokenError
	var refused *refusal
	switch {
	case errors.As(err, &unexpected):
		offset = unexpected.Unexpected.Pos.Offset
	case errors.As(err, &refused):
		offset, m.want = refused.offset, refused.want
	}
	for m.at < len(m.words) && int(m.words[m.at].Start) < offset {
		m.at++
	}
	next := m.runsOn()
	if next > 0 {
		m.cut(s, next)
	}
	beyond := !kept && m.section()
	switch {
	case s.unreadable:
		return
	case next > 0 && next <= m.at:
		m.reportRunOn(next)
		return
	}
	if m.braces(s) {
		if m.keyword == "mesh" && !beyond { // the text after the brace is the section
			for s.end > s.first && p.file.Tokens[s.end-1].Start > m.words[m.at].Start {
				s.end--
			}
		}
		return
	}
	if m.at < len(m.words) && m.quickFix() {
		return
	}
	if m.want == satisfied {
		m.want = m.missing()
	}
	switch {
	case m.at == len(m.words) && m.want == satisfied:
		p.report(diag.New(diag.IncompleteStatement, m.span(m.at-1), "the statement is incomplete"))
	case m.at == len(m.words):
		p.report(diag.New(diag.IncompleteStatement, m.span(m.at-1), "expected %s, found the end of %s", m.expected(), m.ending()))
	case m.want == satisfied && m.clause():
		return
	case m.want == satisfied:
		p.report(diag.New(diag.UnexpectedToken, m.span(m.at), "expected the end of the line, found %s", quoted(m.text(m.at))))
	default:
		p.report(diag.New(diag.UnexpectedToken, m.span(m.at), "expected %s, found %s", m.expected(), quoted(m.text(m.at))))
		m.insert()
	}
	m.help()
}

// insert offers to insert a single missing sign or word.
func (m *mistake) insert() {
	var sign string
	name := m.kind(m.at) == KindName || m.kind(m.at) == KindStar
	switch {
	case m.want == aGroupSign:
		sign = "="
	case m.want == anArrow && m.is(m.at, "to", "can", "may", "calls"):
		m.last().WithFix(false, m.span(m.at), "->", "write `->`")
		return
	case m.want == anArrow && name:
		sign = "->"
	case m.want == aTo && name:
		sign = "to"
	case m.want == aVerifier && m.kind(m.at) == KindComma:
		m.last().WithFix(true, m.span(m.at), "|", "write `|`")
		return
	case m.want == aVerifier && name:
		sign = "at"
	default:
		return
	}
	m.last().WithFix(false, m.after(m.at-1), " "+sign, "insert `"+sign+"`")
}

// full reports whether the file already has as many findings as are shown, and if so counts one more.
func (p *parser) full(s *extent) bool {
	if len(p.list) < maxFindings {
		return false
	}
	if !s.unreadable { // or its invalid tokens are counted
		p.report(diag.Diagnostic{Primary: p.file.span(p.file.Tokens[s.first])})
	}
	return true
}

// words returns the tokens of a statement without white space and comments.
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

// after returns the empty span after a word.
func (m *mistake) after(i int) source.Span {
	return m.file.Source.Span(int(m.words[i].End), int(m.words[i].End))
}

// is reports whether a word is one of these, without quotes.
func (m *mistake) is(i int, texts ...string) bool {
	return m.kind(i) == KindName && slices.Contains(texts, m.text(i))
}

func (m *mistake) ending() string {
	if strings.TrimSpace(m.file.Source.Text[m.words[len(m.words)-1].End:]) == "" {
		return "the file"
	}
	return "the line"
}

// help adds an example of the statement.
func (m *mistake) help() {
	d := m.last()
	switch {
	case d.Help != "" || len(d.Fixes) > 0:
	case m.keyword == "mtls" && m.at == 2 && m.is(1, modes...):
		d.WithHelp("to set the mode of a whole mesh, write it where the mesh is opened: `mesh shop %s`", m.text(1))
	default:
		d.WithHelp("%s", examples[m.keyword])
	}
}

// last returns the most recent finding.
func (p *parser) last() *diag.Diagnostic {
	if p.omitted > 0 {
		return &p.scrap
	}
	return &p.list[len(p.list)-1]
}

var examples = map[string]string{
	"mesh":     "example of a mesh: `mesh shop strict`",
	"service":  "example of a service: `service db account db-sa port 5432 tcp`",
	"external": "example of an external: `external stripe host api.stripe.com port 443 tls`",
	"edge":     "example of an edge: `frontend, admin -> backend:8080 GET /api/*`",
	"deny":     "example of a deny: `deny frontend -> backend GET /internal/*`",
	"ask":      "example of an ask: `ask oauth2-proxy world -> ingress:8443 except /oauth2/*`",
	"group":    "example of a group: `group web = frontend, admin`",
	"export":   "example of an export: `export api to shop/backend GET /v1/*`",
	"mtls":     "example of an mTLS mode: `mtls backend:9090 strict`",
	"issuer":   "example of an issuer: `issuer corp url https://auth.example.com audience shop`",
	"verify":   "example of what verifies tokens: `verify corp at web`",
	"never":    "example of a guard rail: `never * -> db except backend`",
	"always":   "example of a guard rail: `always frontend -> backend GET /health`",
	"only":     "example of a guard rail: `only backend, reports -> db`",
}

// missing determines what was expected at the mistake in the statements that participle reads.
func (m *mistake) missing() expectation {
	switch {
	case m.is(m.at-1, "until") && m.at > 1:
		return aDate
	case m.is(m.at-1, "because") && m.at > 1:
		return aReason
	}
	switch m.keyword {
	case "external":
		switch {
		case m.at == 1:
			return anExternalName
		case m.is(m.at-1, "host") && m.at > 2:
			return aHost
		}
	case "group":
		switch {
		case m.at == 1:
			return aGroupName
		case m.at == 2:
			return aGroupSign
		case m.kind(m.at-1) == KindEquals, m.kind(m.at-1) == KindComma:
			return aService
		}
	case "export":
		to := slices.IndexFunc(m.words[:m.at], func(t Token) bool { return m.file.span(t).Text() == "to" })
		switch {
		case m.at == 1, m.kind(m.at-1) == KindComma && to < 0:
			return aService
		case to < 0 || to == 1 && m.at == 2:
			return aTo
		case to == m.at-1:
			return aGrantee
		case m.kind(m.at-1) == KindComma:
			return anotherGrantee
		}
	case "mtls":
		if m.at == 1 || m.kind(m.at-1) == KindComma {
			return aService
		}
		if m.at == len(m.words) || m.kind(m.at) != KindName && m.at == 2 {
			return aMode
		}
	case "verify":
		at := slices.IndexFunc(m.words[:m.at], func(t Token) bool { return m.file.span(t).Text() == "at" })
		switch {
		case m.at == 1, m.kind(m.at-1) == KindPipe:
			return anIssuer
		case at == 1 && m.at == 2 && !m.is(2, "at"): // no issuer has been named
			m.at = 1
			return anIssuer
		case at <= 1:
			return aVerifier
		case at == m.at-1, m.kind(m.at-1) == KindComma:
			return aService
		}
	case "ask":
		if m.at == 1 {
			return aProvider
		}
		fallthrough
	case "deny", "never", "always", "only":
		arrow := slices.ContainsFunc(m.words[:m.at], func(t Token) bool { return t.as == KindArrow || t.as == KindReach })
		switch {
		case m.kind(m.at-1) == KindComma:
			return aService
		case !arrow:
			return anArrow
		}
	}
	return satisfied
}

var modes = []string{"strict", "permissive", "disable"}

// statementWords are the keywords that begin a statement.
var statementWords = slices.DeleteFunc(slices.Clone(keywords), func(k string) bool { return k == "edge" })

var statementHelp = "a statement begins with " + strings.Join(statementWords[:len(statementWords)-1], ", ") + " or " +
	statementWords[len(statementWords)-1] + ", or it is an edge: `frontend -> backend`"

// repeated reports a second `until` or `because`, for which the tree has no room.
func (p *parser) repeated(s *extent, stmt Stmt) {
	t := TailOf(stmt)
	if t == nil || !t.Until.Present() && !t.Because.Present() {
		return
	}
	m := mistake{parser: p, words: p.words(s)}
	seen := map[string]int{}
	for i := len(m.words) - 2; i > 0 && m.is(i, "until", "because"); i -= 2 {
		if later, ok := seen[m.text(i)]; ok {
			p.report(diag.New(diag.RepeatedClause, m.span(later).To(m.span(later+1)), "%s is written twice", m.text(i))).
				WithRelated(m.span(i).To(m.span(i+1)), "first written here").
				WithHelp("keep one")
		}
		seen[m.text(i)] = i
	}
}
