package lang

import (
	"bytes"
	"unicode/utf8"

	"github.com/alecthomas/participle/v2/lexer"

	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// File is one source as it was read.
type File struct {
	Source *source.File
	Stmts  []Stmt  // in the order of the text; a statement with a mistake in it is missing, a Mesh aside
	Tokens []Token // the whole text, blanks and comments too; none where the file is too large to read

	// Broken tells that the text has a mistake, so that Stmts may lack something.
	Broken bool
}

const (
	maxSize     = 16 << 20 // bytes of a file; all intents of a large company are smaller
	maxWords    = 1 << 18  // tokens of a statement
	maxFindings = 100      // in one file
)

// Parse reads a source. The file is never nil: what has a mistake is reported and left out. The list is
// in the order of the text.
func Parse(name string, src []byte) (*File, diag.List) {
	p := parser{file: &File{Source: source.NewFile(name, string(src))}}
	if len(src) > maxSize {
		p.report(diag.New(diag.SourceTooLarge, p.file.Source.Span(0, 0), "a file of %d bytes", len(src))).
			WithHelp("a source has at most %d MiB; is this something else that a glob of `sources` caught?", maxSize>>20)
		return p.file, p.list
	}
	p.file.Tokens = lex(p.file.Source.Text)
	if p.notText(src) {
		return p.file, p.list
	}
	if n := len(p.file.Tokens); n > maxTokens {
		start := int(p.file.Tokens[n-1].Start)
		p.file.Tokens = nil
		p.report(diag.New(diag.SourceTooLarge, p.file.Source.Span(start, start), "a file of more than %d words and signs", maxTokens)).
			WithHelp("split it; or is this something else that a glob of `sources` caught?")
		return p.file, p.list
	}
	p.rules = rules()
	p.statements()
	if p.omitted > 0 {
		p.list.Add(diag.UnexpectedToken, p.firstOmitted, "%d more mistakes in this file are not shown", p.omitted)
	}
	p.list = p.list.Sort()
	return p.file, p.list
}

type parser struct {
	file  *File
	lex   *lexer.PeekingLexer // the tokens up to loaded
	rules map[string]rule
	at    int // the token that the next statement begins with or stands behind
	list  diag.List

	loaded   int // the token behind those that lex has
	sections int // braces that a mesh opened, as it must not: their partners are passed over

	omitted      int
	firstOmitted source.Span
	scrap        diag.Diagnostic // what is not shown is written here
}

func (f *File) span(t Token) source.Span { return f.Source.Span(int(t.Start), int(t.End)) }

// report adds a finding, to be filled further before the next.
func (p *parser) report(d diag.Diagnostic) *diag.Diagnostic {
	p.file.Broken = true
	if len(p.list) < maxFindings {
		p.list = append(p.list, d)
		return &p.list[len(p.list)-1]
	}
	if p.omitted++; p.omitted == 1 {
		p.firstOmitted = d.Primary
	}
	p.scrap = d
	return &p.scrap
}

// notText reports a file that is no UTF-8 text. One with a NUL in it is no text at all.
func (p *parser) notText(src []byte) bool {
	at := bytes.IndexByte(src, 0)
	if at < 0 && utf8.Valid(src) {
		return false
	}
	what := "a NUL byte: this is no text"
	help := "leave the file out of `sources` in meshc.yaml, or save it as UTF-8"
	switch {
	case bytes.HasPrefix(src, []byte("\xff\xfe")), bytes.HasPrefix(src, []byte("\xfe\xff")):
		at, what, help = 0, "this is UTF-16, not UTF-8", "save the file as UTF-8"
	case at < 0:
		for at = 0; ; {
			r, size := utf8.DecodeRune(src[at:])
			if r == utf8.RuneError && size == 1 {
				break
			}
			at += size
		}
		what, help = "this byte is not UTF-8", "save the file as UTF-8"
	}
	p.report(diag.New(diag.NotText, p.file.Source.Span(at, at+1), "%s", what)).WithHelp("%s", help)
	return true
}

// statements reads one statement after the other. It finds the end of each before it reads it, so that a
// mistake costs no more than its own statement.
func (p *parser) statements() {
	tokens := p.file.Tokens
	p.file.Stmts = make([]Stmt, 0, len(tokens)/16+4)
	for p.at < len(tokens) {
		switch t := tokens[p.at]; {
		case t.Kind == KindInvalid && (t.as == KindSpace || t.as == KindEnd):
			p.invalid(t)
			fallthrough
		case t.Blank(), t.Kind == KindEnd:
			p.at++
			continue
		}
		s := extent{first: p.at}
		for i := p.at; i < len(tokens) && tokens[i].as != KindEnd; i++ {
			t := tokens[i]
			s.arrow = s.arrow || t.as == KindArrow || t.as == KindReach
			if t.Kind == KindInvalid {
				s.invalid++
				if t.as == KindInvalid {
					s.unreadable = true
				}
			}
			s.end = i + 1
		}
		p.at = p.statement(s)
	}
}

// extent is where a statement stands among the tokens.
type extent struct {
	first, end int
	invalid    int  // how many tokens are no tokens
	unreadable bool // one of them stands for nothing
	arrow      bool
}

// statement reads a statement and gives the token behind it.
func (p *parser) statement(s extent) int {
	tokens := p.file.Tokens
	start := int(tokens[s.first].Start)
	if s.end-s.first > maxWords {
		p.report(diag.New(diag.SourceTooLarge, p.file.span(tokens[s.first]), "a statement of %d words", s.end-s.first)).
			WithHelp("a statement has at most %d words: write several", maxWords)
		return s.end
	}
	p.load(s)
	p.skip(start)
	if s.invalid > 0 {
		for _, t := range tokens[s.first:s.end] {
			if t.Kind == KindInvalid {
				p.invalid(t)
			}
		}
	}

	keyword := p.keyword(&s)
	if keyword == "" {
		if !s.unreadable {
			p.unknown(&s)
		}
		return s.end
	}
	before := p.lex.MakeCheckpoint()
	stmt, err := p.rules[keyword].parse(p.lex)
	stmt.place(p.file.Source)
	if err == nil && kindOf(p.lex.Peek()) == KindEnd {
		if p.drawnIn(&s, stmt) {
			p.lex.LoadCheckpoint(before)
			return s.end
		}
		last := s.end - 1
		for tokens[last].as == KindSpace || tokens[last].as == KindComment {
			last--
		}
		stmt.setRange(p.file.Source.Span(start, int(tokens[last].End)))
		p.file.Stmts = append(p.file.Stmts, stmt)
		p.repeated(&s, stmt)
		return s.end
	}
	p.keep(stmt, start)
	if !s.unreadable {
		p.explain(&s, keyword, err)
	}
	p.lex.LoadCheckpoint(before)
	return s.end
}

// window is how many tokens at least participle gets at once. It keeps a copy of them that is several
// times as large as the text, so that a whole file would cost more than the rest of the parser does.
const window = 200

// load hands participle the tokens of a statement, and of some statements behind it.
func (p *parser) load(s extent) {
	if s.end <= p.loaded {
		return
	}
	tokens := p.file.Tokens
	p.loaded = max(s.end, min(s.first+window, len(tokens)))
	for p.loaded < len(tokens) && tokens[p.loaded].as != KindEnd {
		p.loaded++
	}
	end := len(p.file.Source.Text)
	if p.loaded < len(tokens) {
		end = int(tokens[p.loaded].Start)
	}
	lex, err := lexer.Upgrade(&stream{text: p.file.Source.Text[:end], tokens: tokens[s.first:p.loaded]})
	if err != nil { // a stream never fails
		panic(err)
	}
	p.lex = lex
}

// skip moves the parser to the first token that stands at an offset or behind it.
func (p *parser) skip(offset int) {
	for t := p.lex.Peek(); !t.EOF() && t.Pos.Offset < offset; t = p.lex.Peek() {
		p.lex.Next()
	}
}

// keyword finds out which statement begins here; "edge" for those without a keyword, empty for none. A
// keyword in front of an arrow, a comma or a glued slash is the name of a caller.
func (p *parser) keyword(s *extent) string {
	first, before := p.lex.Peek(), p.lex.MakeCheckpoint()
	kind := kindOf(first)
	switch kind {
	case KindName, KindMethod, KindString, KindStar:
	default:
		return ""
	}
	p.lex.Next()
	second := p.lex.Peek()
	p.lex.LoadCheckpoint(before)
	switch kindOf(second) {
	case KindArrow, KindReach, KindComma, KindSlash:
		return "edge"
	}
	if kind == KindName && first.Value != "edge" && p.rules[first.Value] != nil {
		return first.Value
	}
	// What only a destination may have is read of a source too, for check to refuse.
	sourceLike := kindOf(second) == KindColon || kindOf(second) == KindOpen || operationStarts(second)
	if s.arrow && sourceLike && !(kind == KindMethod && kindOf(second) == KindPath) {
		return "edge"
	}
	return ""
}

// keep saves what is certain of a statement with a mistake: a mesh opens its section all the same, or the
// statements behind it would stand in the one before.
func (p *parser) keep(stmt node, start int) {
	if m, ok := stmt.(*Mesh); ok && m.Name.Present() {
		m.setRange(p.file.Source.Span(start, int(max(m.Name.Range.End, m.Mode.Range.End))))
		p.file.Stmts = append(p.file.Stmts, m)
	}
}
