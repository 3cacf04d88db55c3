// Package source holds the text of one input and places in it.
//
// It knows bytes and nothing else: no language, no findings, no disk.
package source

import (
	"sort"
	"strings"
	"sync"
	"unicode/utf8"
)

// File is one input: an intents file, a workload manifest or meshc.yaml.
type File struct {
	Name string // as findings print it: slash-separated, relative to the project where it lies inside
	Text string // the whole text, byte for byte as it was read

	once  sync.Once
	lines []int // byte offset of the start of each line
	ascii bool  // a column is the same in bytes, runes and UTF-16: a text of one long line has no other way to be quick
}

// NewFile makes a File of a name and its text.
func NewFile(name, text string) *File { return &File{Name: name, Text: text} }

// Span is a half-open range of bytes [Start, End) of a File. The zero Span is no place.
type Span struct {
	File       *File
	Start, End int32
}

// IsZero tells whether the span is no place at all.
func (s Span) IsZero() bool { return s.File == nil }

// Text is the source between Start and End; empty for the zero Span.
func (s Span) Text() string {
	if s.File == nil {
		return ""
	}
	return s.File.Text[s.Start:s.End]
}

// To is the span from the start of s to the end of t, which must lie in the same file.
// A zero span gives way to the other.
func (s Span) To(t Span) Span {
	switch {
	case s.File == nil:
		return t
	case t.File == nil:
		return s
	}
	return Span{s.File, min(s.Start, t.Start), max(s.End, t.End)}
}

// Span makes a span of this file, clamped to its text.
func (f *File) Span(start, end int) Span {
	start = min(max(start, 0), len(f.Text))
	end = min(max(end, start), len(f.Text))
	return Span{f, int32(start), int32(end)}
}

// Before orders spans by file name, then by place; the zero Span comes first.
func (s Span) Before(t Span) bool {
	if s.File != t.File {
		if s.File == nil || t.File == nil {
			return s.File == nil
		}
		if s.File.Name != t.File.Name {
			return s.File.Name < t.File.Name
		}
	}
	if s.Start != t.Start {
		return s.Start < t.Start
	}
	return s.End < t.End
}

// Position is a place as people and editors count. All counts begin with 1.
type Position struct {
	Line  int
	Byte  int // column in bytes
	Rune  int // column in runes: what a compiler prints
	UTF16 int // column in UTF-16 units: what SARIF and the language server protocol count
}

// Position works out line and columns of a byte offset, clamped to the text.
func (f *File) Position(offset int) Position {
	offset = min(max(offset, 0), len(f.Text))
	f.index()
	line := sort.SearchInts(f.lines, offset+1) - 1
	before := f.Text[f.lines[line]:offset]
	if column := len(before) + 1; f.ascii {
		return Position{Line: line + 1, Byte: column, Rune: column, UTF16: column}
	}
	p := Position{Line: line + 1, Byte: len(before) + 1, Rune: utf8.RuneCountInString(before) + 1, UTF16: 1}
	for _, r := range before {
		if r > 0xFFFF {
			p.UTF16++
		}
		p.UTF16++
	}
	return p
}

// Line is the text of a line (counted from 1) without its line end; empty where there is none.
func (f *File) Line(n int) string {
	f.index()
	if n < 1 || n > len(f.lines) {
		return ""
	}
	end := len(f.Text)
	if n < len(f.lines) {
		end = f.lines[n]
	}
	return strings.TrimRight(f.Text[f.lines[n-1]:end], "\r\n")
}

// Offset is the byte offset of the start of a line (counted from 1), clamped to the text.
func (f *File) Offset(line int) int {
	f.index()
	switch {
	case line < 1:
		return 0
	case line > len(f.lines):
		return len(f.Text)
	}
	return f.lines[line-1]
}

// StartPosition is the place of the first byte of the span.
func (s Span) StartPosition() Position { return s.position(s.Start) }

// EndPosition is the place just behind the span.
func (s Span) EndPosition() Position { return s.position(s.End) }

func (s Span) position(offset int32) Position {
	if s.File == nil {
		return Position{Line: 1, Byte: 1, Rune: 1, UTF16: 1}
	}
	return s.File.Position(int(offset))
}

func (f *File) index() {
	f.once.Do(func() {
		f.ascii = strings.IndexFunc(f.Text, func(r rune) bool { return r >= utf8.RuneSelf }) < 0
		f.lines = append(make([]int, 0, 1+strings.Count(f.Text, "\n")), 0)
		for i := 0; ; {
			n := strings.IndexByte(f.Text[i:], '\n')
			if n < 0 {
				return
			}
			i += n + 1
			f.lines = append(f.lines, i)
		}
	})
}
