package lang

import (
	"github.com/alecthomas/participle/v2/lexer"
)

// Kind is the kind of a Token. The grammar calls it by its String, in lower case.
type Kind uint8

// The kinds of tokens. Zero is not among them: participle has its own meaning for small token types.
const (
	KindName    Kind = iota + 1 // a name, number, date or other bare word
	KindMethod                  // a bare word in upper case, as HTTP methods are: letters, digits, `-`
	KindPath                    // an HTTP path
	KindString                  // "in double quotes"
	KindStar                    // *
	KindArrow                   // ->
	KindReach                   // ->>
	KindComma                   // ,
	KindColon                   // :
	KindSlash                   // / between two names
	KindPipe                    // |
	KindEquals                  // =
	KindOpen                    // {
	KindClose                   // }
	KindEnd                     // a newline that ends a statement, or a semicolon
	KindSpace                   // spaces, tabs, a byte order mark, and newlines within a statement
	KindComment                 // from # to the end of the line
	KindInvalid                 // anything that is not part of the language
	kinds
)

var kindNames = [kinds]string{
	KindName: "Name", KindMethod: "Method", KindPath: "Path", KindString: "String", KindStar: "Star",
	KindArrow: "Arrow", KindReach: "Reach", KindComma: "Comma", KindColon: "Colon", KindSlash: "Slash",
	KindPipe: "Pipe", KindEquals: "Equals", KindOpen: "Open", KindClose: "Close", KindEnd: "End",
	KindSpace: "Space", KindComment: "Comment", KindInvalid: "Invalid",
}

func (k Kind) String() string {
	if k < kinds {
		return kindNames[k]
	}
	return ""
}

// Token is a piece of a file: its bytes [Start, End). The tokens of a file, joined, are the file.
type Token struct {
	Kind       Kind
	as         Kind // for an Invalid token what it was obviously meant to be, if that is clear; otherwise Kind
	Start, End int32
}

// Blank reports whether the parser skips the token.
func (t Token) Blank() bool { return t.Kind == KindSpace || t.Kind == KindComment }

// canonical is the text that participle compares a sign with, regardless of how the sign was written.
var canonical = [kinds]string{KindArrow: "->", KindReach: "->>", KindComma: ",", KindEquals: "="}

// stream passes the tokens of a text to participle.
type stream struct {
	text   string
	tokens []Token
	next   int
	all    bool // including blank tokens
}

// Next never fails.
func (s *stream) Next() (lexer.Token, error) {
	for ; s.next < len(s.tokens); s.next++ {
		t := s.tokens[s.next]
		if !s.all && (t.as == KindSpace || t.as == KindComment) {
			continue
		}
		s.next++
		value := s.text[t.Start:t.End]
		if sign := canonical[t.as]; sign != "" {
			value = sign
		}
		return lexer.Token{Type: lexer.TokenType(t.as), Value: value, Pos: lexer.Position{Offset: int(t.Start)}}, nil
	}
	return lexer.EOFToken(lexer.Position{Offset: len(s.text)}), nil
}
