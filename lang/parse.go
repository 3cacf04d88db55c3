package lang

import (
	"bytes"
	"slices"
	"sync"
	"unicode/utf8"

	"github.com/alecthomas/participle/v2/lexer"

	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// File is a parsed source file.
type File struct {
	Source *source.File
	Stmts  []Stmt  // in source order; statements with mistakes are left out, except for a Mesh
	Tokens []Token // the whole text, including white space and comments; nil if the file is too large
	Broken bool    // the text has a mistake, so Stmts may be incomplete
}

// Span returns the span of the whole file.
func (f *File) Span() source.Span { return f.Source.Span(0, len(f.Source.Text)) }

const (
	maxSize     = 16 << 20 // bytes in a file; all intents of a large company take less
	maxWords    = 1 << 18  // tokens in a statement
	maxFindings = 100      // in one file
)

// Parse parses a source file. The returned file is never nil: statements with mistakes are reported and left out. The
// findings are in source order.
func Parse(name string, src []byte) (*File, diag.List) {
	p := parser{file: &File{Source: source.NewFile(name, string(src))}}
	if len(src) > maxSize {
		p.report(diag.New(diag.SourceTooLarge, p.file.Source.Span(0, 0), "the file has %d bytes", len(src))).
			WithHelp("source files are limited to %d MiB; did a glob in `sources` match something else?", maxSize>>20)
		return p.file, p.list
	}
	p.file.Tokens = lex(p.file.Source.Text)
	if p.notText(src) {
		return p.file, p.list
	}
	if n := len(p.file.Tokens); n > maxTokens {
		start := int(p.file.Tokens[n-1].Start)
		p.file.Tokens = nil
		p.report(diag.New(diag.SourceTooLarge, p.file.Source.Span(start, start), "the file has more than %d words and signs", maxTokens)).
			WithHelp("split it into several files; or did a glob in `sources` match something else?")
		return p.file, p.list
	}
	p.comments()
	p.rules = rules()
	p.room = rooms.Get().(*lexer.PeekingLexer)
	defer rooms.Put(p.room)
	p.statements()
	if p.omitted > 0 {
		p.list.Add(diag.UnexpectedToken, p.firstOmitted, "%d more mistakes in this file are not shown", p.omitted)
	}
	p.list = p.list.Sort()
	return p.file, p.list
}

type parser struct {
	file   *File
	lex    *lexer.PeekingLexer // has the tokens before loaded
	room   *lexer.PeekingLexer // the one for at most window tokens
	rules  map[string]rule
	at     int   // the next token to look at
	judged int32 // the end of the last invalid token with a finding
	list   diag.List

	loaded   int  // the first token that lex does not have
	lost     bool // the name of the section could not be read
	sections int  // braces that were opened, by mistake, after a mesh; their closing braces are skipped

	omitted      int
	firstOmitted source.Span
	scrap        diag.Diagnostic // receives what is not shown
}

func (f *File) span(t Token) source.Span { return f.Source.Span(int(t.Start), int(t.End)) }

// report adds a finding, which may be filled further until the next call.
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

// notText reports a file that is not UTF-8 text. A file with a NUL byte is not considered text at all.
func (p *parser) notText(src []byte) bool {
	at := bytes.IndexByte(src, 0)
	if at < 0 && utf8.Valid(src) {
		return false
	}
	what := "this is a NUL byte, so the file is not text"
	help := "exclude the file from `sources` in meshc.yaml, or save it as UTF-8"
	switch {
	case bytes.HasPrefix(src, []byte("\xff\xfe")), bytes.HasPrefix(src, []byte("\xfe\xff")):
		at, what, help = 0, "the file is UTF-16, not UTF-8", "save the file as UTF-8"
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

// statements reads one statement after another. It finds the end of a statement before reading it, so that a mistake
// costs no more than its own statement.
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

// extent is the range of tokens [first, end) of a statement.
type extent struct {
	first, end int
	invalid    int  // how many of the tokens are Invalid
	unreadable bool // one of them does not even resemble a token
	arrow      bool // one of them is an arrow
}

// statement reads a statement and returns the first token after it.
func (p *parser) statement(s extent) int {
	tokens := p.file.Tokens
	start := int(tokens[s.first].Start)
	if s.end-s.first > maxWords {
		p.report(diag.New(diag.SourceTooLarge, p.file.span(tokens[s.first]), "the statement has %d words", s.end-s.first)).
			WithHelp("statements are limited to %d words: write several statements", maxWords)
		return s.end
	}
	p.load(s)
	p.skip(start)
	if s.invalid > 0 {
		for _, t := range tokens[s.first:s.end] {
			if t.Kind == KindInvalid && t.Start >= p.judged {
				p.invalid(t)
				p.judged = t.End
			}
		}
	}

	keyword := p.keyword(&s)
	if keyword == "" {
		p.unknown(&s)
		return s.end
	}
	before := p.lex.MakeCheckpoint()
	stmt, err := p.rules[keyword].parse(p.lex)
	p.locate(stmt)
	if err == nil && kindOf(p.lex.Peek()) == KindEnd {
		if p.joined(&s, stmt) {
			p.lex.LoadCheckpoint(before)
			return s.end
		}
		last := s.end - 1
		for tokens[last].as == KindSpace || tokens[last].as == KindComment {
			last--
		}
		stmt.setRange(p.file.Source.Span(start, int(tokens[last].End)))
		p.add(stmt)
		p.repeated(&s, stmt)
		return s.end
	}
	p.explain(&s, keyword, stmt, err)
	p.lex.LoadCheckpoint(before)
	return s.end
}

// locate sets the file of all spans in a statement, because the tokens that participle passes on do not have it. No
// token ends at offset 0, so a span that does is absent.
func (p *parser) locate(s Stmt) {
	set := func(s *source.Span) {
		if s.End != 0 {
			s.File = p.file.Source
		}
	}
	Walk(s, func(n Node) bool {
		switch n := n.(type) {
		case *Name:
			set(&n.Range)
		case *Target:
			set(&n.Range)
		case *Ref:
			set(&n.Range)
		case *Operation:
			set(&n.Range)
		case *Exception:
			set(&n.Range)
		case *Condition:
			set(&n.Range)
		case *Credential:
			set(&n.Range)
		}
		return true
	})
}

// window is how many tokens participle gets at once, unless one statement has more. Its tokens are several times the
// size of the text: those of a whole file would cost more than all the rest.
const window = 1 << 7

// rooms have memory for one token more, the end.
var rooms = sync.Pool{New: func() any { return upgrade(&stream{tokens: make([]Token, window)}) }}

func upgrade(s *stream) *lexer.PeekingLexer {
	lex, err := lexer.Upgrade(s)
	if err != nil { // a stream never fails
		panic(err)
	}
	return lex
}

// load gives participle the tokens of a statement and of some of the following ones, in place of those that it had.
func (p *parser) load(s extent) {
	if s.end <= p.loaded {
		return
	}
	tokens := p.file.Tokens
	p.loaded = s.end
	words := 0 // that are not blank
	for i := s.first; words <= window; i++ {
		if i == len(tokens) || tokens[i].as == KindEnd {
			p.loaded = max(p.loaded, i)
		}
		if i == len(tokens) {
			break
		}
		if tokens[i].as != KindSpace && tokens[i].as != KindComment {
			words++
		}
	}
	end := len(p.file.Source.Text)
	if p.loaded < len(tokens) {
		end = int(tokens[p.loaded].Start)
	}
	from := &stream{text: p.file.Source.Text[:end], tokens: tokens[s.first:p.loaded]}
	if words > window && p.loaded == s.end {
		p.lex = upgrade(from)
		return
	}
	p.lex = p.room
	p.lex.LoadCheckpoint(lexer.Checkpoint{})
	room := p.lex.Range(0, window+1)
	for i := range room {
		if room[i], _ = from.Next(); room[i].EOF() {
			break
		}
	}
}

// skip moves the parser to the first token at or after an offset.
func (p *parser) skip(offset int) {
	for t := p.lex.Peek(); !t.EOF() && t.Pos.Offset < offset; t = p.lex.Peek() {
		p.lex.Next()
	}
}

// keyword determines which statement begins here: "edge" if it is one without a keyword, the empty string if it is not
// a statement. A keyword followed by an arrow, a comma or an adjacent slash is the name of a caller.
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
	// Ports, operations and other clauses of a caller are parsed so that check can reject them.
	callerLike := kindOf(second) == KindColon || kindOf(second) == KindOpen || operationStarts(second) ||
		kindOf(second) == KindName && slices.Contains(clauseWords, second.Value)
	if s.arrow && callerLike && !(kind == KindMethod && kindOf(second) == KindPath) {
		return "edge"
	}
	return ""
}

// add adds a statement to the tree, unless it belongs to a section whose name could not be read.
func (p *parser) add(stmt Stmt) {
	if _, opens := stmt.(*Mesh); opens {
		p.lost = false
	}
	if !p.lost {
		p.file.Stmts = append(p.file.Stmts, stmt)
	}
}

// keep opens the section of a mesh with a mistake, if its name could be read, and reports whether it did.
func (p *parser) keep(stmt Stmt, start int) bool {
	m, ok := stmt.(*Mesh)
	if !ok || !m.Name.Present() {
		return false
	}
	m.setRange(p.file.Source.Span(start, int(max(m.Name.Range.End, m.Mode.Range.End, m.Default.Range.End))))
	p.add(m)
	return true
}
