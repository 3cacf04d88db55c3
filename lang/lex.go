package lang

import (
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/alecthomas/participle/v2/lexer"
)

// definition makes the lexer available to participle. Lexing never fails: text that is not part of the language becomes
// an Invalid token.
type definition struct{}

func (definition) Symbols() map[string]lexer.TokenType {
	symbols := map[string]lexer.TokenType{"EOF": lexer.EOF}
	for k := KindName; k < kinds; k++ {
		symbols[k.String()] = lexer.TokenType(k)
	}
	return symbols
}

func (definition) Lex(_ string, r io.Reader) (lexer.Lexer, error) {
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	return &stream{text: string(text), tokens: lex(string(text)), all: true}, nil
}

// maxName is the length of the longest name or path in characters. Kubernetes allows 253.
const maxName = 1000

// maxTokens is the largest number of tokens in a file; the rest of the file becomes one Invalid token. It is enough for
// about 150,000 edges with operations.
const maxTokens = 2 << 20

// class says what a byte can be part of.
type class uint8

const (
	other class = iota
	lower       // part of a name
	upper       // part of a name or method
	digit       // part of either: digits and `-`
	blank
)

var classes = func() (c [256]class) {
	for b := range c {
		switch {
		case 'a' <= b && b <= 'z', b == '_', b == '.':
			c[b] = lower
		case 'A' <= b && b <= 'Z':
			c[b] = upper
		case '0' <= b && b <= '9', b == '-':
			c[b] = digit
		case b == ' ', b == '\t':
			c[b] = blank
		}
	}
	return c
}()

// scanner splits a text into tokens.
type scanner struct {
	text   string
	at     int
	tokens []Token

	last    Kind // as of the last token that is not blank; KindEnd at the start
	lastEnd int
	braces  int // open in this statement

	// The result of the last call of continues and where it stopped, so that a thousand newlines do not scan the same
	// text a thousand times.
	seenTo        int
	seenContinues bool
}

func lex(text string) []Token {
	s := scanner{text: text, last: KindEnd, tokens: make([]Token, 0, min(len(text)/3+8, maxTokens+1))}
	if strings.HasPrefix(text, "\ufeff") {
		s.at = len("\ufeff")
		s.add(KindSpace, KindSpace, 0)
	}
	for s.at < len(text) {
		if len(s.tokens) == maxTokens {
			start := s.at
			s.at = len(text)
			s.add(KindInvalid, KindInvalid, start)
			break
		}
		s.token()
	}
	return s.tokens
}

// add ends a token at s.at.
func (s *scanner) add(kind, as Kind, start int) {
	s.tokens = append(s.tokens, Token{kind, as, int32(start), int32(s.at)})
	if as != KindSpace && as != KindComment {
		s.last, s.lastEnd = as, s.at
	}
}

func (s *scanner) sign(kind Kind, size int) {
	start := s.at
	s.at += size
	s.add(kind, kind, start)
}

// peek returns the byte that is n bytes ahead, or 0 at the end of the text.
func (s *scanner) peek(n int) byte {
	if s.at+n < len(s.text) {
		return s.text[s.at+n]
	}
	return 0
}

func (s *scanner) token() {
	c := s.text[s.at]
	switch classes[c] {
	case blank:
		s.space()
		return
	case lower, upper, digit:
		if c != '-' || !s.arrow() {
			s.name()
		}
		return
	}
	switch c {
	case '\n':
		s.newline(1)
	case '\r':
		if s.peek(1) == '\n' {
			s.newline(2)
		} else {
			s.invalid()
		}
	case ';':
		s.braces = 0
		s.sign(KindEnd, 1)
	case '#':
		s.comment()
	case ',':
		s.sign(KindComma, 1)
	case ':':
		s.sign(KindColon, 1)
	case '|':
		s.sign(KindPipe, 1)
	case '*':
		s.sign(KindStar, 1)
	case '=':
		if s.peek(1) == '>' {
			s.misspelled(2, KindArrow)
		} else {
			s.sign(KindEquals, 1)
		}
	case '{':
		s.braces++
		s.sign(KindOpen, 1)
	case '}':
		s.braces = max(0, s.braces-1)
		s.sign(KindClose, 1)
	case '/':
		s.slash()
	case '"':
		s.quoted()
	default:
		if r, _ := utf8.DecodeRuneInString(s.text[s.at:]); nameRune(r) {
			s.name()
		} else {
			s.invalid()
		}
	}
}

func (s *scanner) space() {
	start := s.at
	for s.at < len(s.text) && classes[s.text[s.at]] == blank {
		s.at++
	}
	s.add(KindSpace, KindSpace, start)
}

func (s *scanner) comment() {
	start := s.at
	if n := strings.IndexByte(s.text[s.at:], '\n'); n >= 0 {
		s.at += n
		if s.text[s.at-1] == '\r' {
			s.at--
		}
	} else {
		s.at = len(s.text)
	}
	s.add(KindComment, KindComment, start)
}

// newline ends a statement unless the statement obviously continues on the next line.
func (s *scanner) newline(size int) {
	switch s.last {
	case KindComma, KindArrow, KindReach, KindPipe, KindOpen:
		s.sign(KindSpace, size)
		return
	}
	if s.braces > 0 && s.continues() {
		s.sign(KindSpace, size)
		return
	}
	s.braces = 0
	s.sign(KindEnd, size)
}

// continues reports whether the text after these newlines and comments belongs inside braces. An unclosed brace must
// not swallow the statements after it.
func (s *scanner) continues() bool {
	if s.at < s.seenTo {
		return s.seenContinues
	}
	i := s.at
	for i < len(s.text) {
		switch s.text[i] {
		case ' ', '\t', '\r', '\n':
			i++
			continue
		case '#':
			n := strings.IndexByte(s.text[i:], '\n')
			if n < 0 {
				n = len(s.text) - i
			}
			i += n
			continue
		}
		break
	}
	s.seenTo, s.seenContinues = i, false
	if i < len(s.text) {
		switch c := s.text[i]; {
		case c == '}', c == ',', c == '|', c == '/', c == '"':
			s.seenContinues = true
		case classes[c] == upper, classes[c] == lower:
			word := s.text[i:min(i+16, len(s.text))]
			if n := strings.IndexFunc(word, func(r rune) bool { return !nameRune(r) }); n >= 0 {
				word = word[:n]
			}
			s.seenContinues = classes[c] == upper || isMethod(word)
		}
	}
	return s.seenContinues
}

// arrow reads `->`, `->>` or an arrow with a longer shaft. It reports whether there was one.
func (s *scanner) arrow() bool {
	switch n := s.arrowLength(s.at); {
	case n == 0:
		return false
	case n > 2:
		s.misspelled(n, KindArrow)
	case s.peek(2) == '>':
		s.sign(KindReach, 3)
	default:
		s.sign(KindArrow, 2)
	}
	return true
}

// arrowLength returns the length of the arrow at i, or 0 if there is none. Its shaft may be of any length.
func (s *scanner) arrowLength(i int) int {
	n := 0
	for i+n < len(s.text) && s.text[i+n] == '-' {
		n++
	}
	if n > 0 && i+n < len(s.text) && s.text[i+n] == '>' {
		return n + 1
	}
	return 0
}

func (s *scanner) name() {
	start := s.at
	method := classes[s.text[start]] == upper
scan:
	for s.at < len(s.text) {
		c := s.text[s.at]
		switch classes[c] {
		case lower:
			method = false
		case digit:
			if c == '-' {
				n := 1
				for s.peek(n) == '-' {
					n++
				}
				if s.peek(n) == '>' {
					break scan
				}
				s.at += n
				continue
			}
		case upper:
		default:
			r, size := utf8.DecodeRuneInString(s.text[s.at:])
			if c < utf8.RuneSelf || !nameRune(r) {
				break scan
			}
			method = false
			s.at += size
			continue
		}
		s.at++
	}
	kind := KindName
	switch {
	case s.tooLong(start):
		s.add(KindInvalid, KindInvalid, start)
		return
	case method:
		kind = KindMethod
	}
	s.add(kind, kind, start)
}

// nameRune reports whether a character may be part of an unquoted name. Letters outside ASCII are left to check, which
// can explain more.
func nameRune(r rune) bool {
	if r < utf8.RuneSelf {
		c := classes[byte(r)]
		return c != other && c != blank
	}
	return r != utf8.RuneError && unicode.In(r, unicode.L, unicode.M, unicode.Nd)
}

func (s *scanner) tooLong(start int) bool {
	return s.at-start > maxName && utf8.RuneCountInString(s.text[start:s.at]) > maxName
}

// slash reads the slash after a qualifying name, which it must touch, or else a path.
func (s *scanner) slash() {
	if s.at == s.lastEnd {
		switch s.last {
		case KindName, KindMethod, KindString, KindStar:
			s.sign(KindSlash, 1)
			return
		}
	}
	start, depth := s.at, 0
scan:
	for s.at < len(s.text) {
		switch c := s.text[s.at]; c {
		case ' ', '\t', '\r', '\n', ',', ';':
			break scan
		case '{': // a template such as /users/{*}
			depth++
		case '}':
			if depth == 0 {
				break scan
			}
			depth--
		}
		s.at++
	}
	if s.tooLong(start) {
		s.add(KindInvalid, KindInvalid, start)
		return
	}
	s.add(KindPath, KindPath, start)
}

// quoted reads a string. It must end on the same line.
func (s *scanner) quoted() {
	start, kind := s.at, KindString
	for s.at++; s.at < len(s.text); s.at++ {
		switch s.text[s.at] {
		case '"':
			s.at++
			s.add(kind, KindString, start)
			return
		case '\\':
			if c := s.peek(1); c != '"' && c != '\\' {
				kind = KindInvalid
				continue
			}
			s.at++
		case '\n':
			s.unterminated(start)
			return
		}
	}
	s.unterminated(start)
}

// unterminated takes the rest of the line, without trailing space, as the string.
func (s *scanner) unterminated(start int) {
	s.at = start + len(strings.TrimRight(s.text[start:s.at], " \t\r"))
	s.add(KindInvalid, KindString, start)
}

// misspelled adds an Invalid token that was obviously meant as another.
func (s *scanner) misspelled(size int, as Kind) {
	start := s.at
	s.at += size
	switch as {
	case KindOpen:
		s.braces++
	case KindClose:
		s.braces = max(0, s.braces-1)
	case KindEnd:
		s.braces = 0
	}
	s.add(KindInvalid, as, start)
}

// invalid reads text that is not part of the language: a single sign that stands for another, or a run of characters
// that stand for nothing.
func (s *scanner) invalid() {
	size, as := misread(s.text[s.at:])
	if as != 0 {
		s.misspelled(size, as)
		return
	}
	start := s.at
	s.at += size
	for s.at < len(s.text) {
		c := s.text[s.at]
		if classes[c] != other || strings.IndexByte("\n;#,:|*={}/\"", c) >= 0 || c == '\r' && s.peek(1) == '\n' {
			break
		}
		if r, _ := utf8.DecodeRuneInString(s.text[s.at:]); nameRune(r) {
			break
		}
		size, as := misread(s.text[s.at:])
		if as != 0 {
			break
		}
		s.at += size
	}
	s.add(KindInvalid, KindInvalid, start)
}
