// Package source holds the text of an input and spans within it.
//
// It knows only bytes, lines and columns, not the language, findings or the disk.
package source

import (
	"cmp"
	"slices"
	"sort"
	"strings"
	"sync"
	"unicode/utf8"
)

// File is one input: an intents file, a workload manifest or meshc.yaml.
type File struct {
	Name string // as shown in findings: slash-separated, and relative to the project if the file is inside it
	Text string // the whole text, exactly as it was read

	once  sync.Once
	lines []int  // byte offset of the start of each line
	ascii bool   // columns in bytes, runes and UTF-16 units are the same
	marks []mark // of a text that is not ASCII: one for every stride bytes

	was   *File // see Edited
	edits []Edit
}

// mark is the start of a character, with the length of the text before it. Columns are counted from the last mark
// rather than from the start of a line, so that a file with a single line of many megabytes, such as JSON, takes linear
// time.
type mark struct{ offset, runes, utf16 int }

const stride = 1 << 8

// NewFile makes a File from a name and a text.
func NewFile(name, text string) *File { return &File{Name: name, Text: text} }

// Span is a range of bytes [Start, End) in a File. The zero Span means that there is no place.
type Span struct {
	File       *File
	Start, End int32
}

// IsZero reports whether there is no place.
func (s Span) IsZero() bool { return s.File == nil }

// Text returns the source text of the span, or "" for the zero Span.
func (s Span) Text() string {
	if s.File == nil {
		return ""
	}
	return s.File.Text[s.Start:s.End]
}

// To returns the smallest span that includes s and t, which must be in the same file. If one of them is zero, it
// returns the other.
func (s Span) To(t Span) Span {
	switch {
	case s.File == nil:
		return t
	case t.File == nil:
		return s
	}
	return Span{s.File, min(s.Start, t.Start), max(s.End, t.End)}
}

// Span returns a span of the file, clamped to its text.
func (f *File) Span(start, end int) Span {
	start = min(max(start, 0), len(f.Text))
	end = min(max(end, start), len(f.Text))
	return Span{f, int32(start), int32(end)}
}

// Compare orders spans by file name, start and end. The zero Span comes first.
func (s Span) Compare(t Span) int {
	if s.File != t.File {
		switch {
		case s.File == nil:
			return -1
		case t.File == nil:
			return 1
		}
		if order := cmp.Compare(s.File.Name, t.File.Name); order != 0 {
			return order
		}
	}
	return cmp.Or(cmp.Compare(s.Start, t.Start), cmp.Compare(s.End, t.End))
}

// Position is a place in terms of lines and columns, all counted from 1.
type Position struct {
	Line  int
	Byte  int // column in bytes
	Rune  int // column in runes, as in messages
	UTF16 int // column in UTF-16 units, as in SARIF and the language server protocol
}

// Position returns the position of a byte offset, clamped to the text.
func (f *File) Position(offset int) Position {
	offset = min(max(offset, 0), len(f.Text))
	if f.was != nil {
		return f.was.Position(f.before(offset))
	}
	f.index()
	line := sort.SearchInts(f.lines, offset+1) - 1
	before := f.Text[f.lines[line]:offset]
	if column := len(before) + 1; f.ascii {
		return Position{Line: line + 1, Byte: column, Rune: column, UTF16: column}
	}
	from := mark{offset: f.lines[line]}
	to := from
	if len(before) > stride {
		from = f.advance(f.marks[from.offset/stride], from.offset)
		to = f.marks[offset/stride]
	}
	to = f.advance(to, offset)
	return Position{Line: line + 1, Byte: len(before) + 1, Rune: to.runes - from.runes + 1, UTF16: to.utf16 - from.utf16 + 1}
}

// advance returns the mark at an offset after m. The offset may be within a character.
func (f *File) advance(m mark, offset int) mark {
	for _, r := range f.Text[m.offset:offset] {
		if m.runes++; r > 0xFFFF {
			m.utf16++
		}
		m.utf16++
	}
	m.offset = offset
	return m
}

// Skip returns the byte offset that is a number of characters after another, clamped to the text.
func (f *File) Skip(offset, characters int) int {
	f.index()
	if f.ascii {
		return min(offset+characters, len(f.Text))
	}
	if characters > stride {
		before := f.advance(f.marks[offset/stride], offset).runes
		next, _ := slices.BinarySearchFunc(f.marks, before+characters+1, func(m mark, runes int) int { return cmp.Compare(m.runes, runes) })
		last := f.marks[next-1] // the last mark at or before the place, and after the offset
		offset, characters = last.offset, before+characters-last.runes
	}
	for i := range f.Text[offset:] {
		if characters == 0 {
			return offset + i
		}
		characters--
	}
	return len(f.Text)
}

// Line returns the text of a line, counted from 1, without its line ending, or "" if there is no such line.
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

// Offset returns the byte offset of the start of a line, counted from 1, clamped to the text.
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

// StartPosition returns the position of the first byte of the span.
func (s Span) StartPosition() Position { return s.position(s.Start) }

// EndPosition returns the position just after the span.
func (s Span) EndPosition() Position { return s.position(s.End) }

func (s Span) position(offset int32) Position {
	if s.File == nil {
		return Position{Line: 1, Byte: 1, Rune: 1, UTF16: 1}
	}
	return s.File.Position(int(offset))
}

func (f *File) index() {
	f.once.Do(func() {
		f.ascii = isASCII(f.Text)
		if !f.ascii {
			f.mark()
		}
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

func isASCII(text string) bool {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// mark makes the marks: for each multiple of stride up to the length of the text, the start of the character at that
// byte.
func (f *File) mark() {
	f.marks = make([]mark, 0, len(f.Text)/stride+1)
	var m mark
	for m.offset < len(f.Text) {
		r, size := utf8.DecodeRuneInString(f.Text[m.offset:])
		if len(f.marks)*stride < m.offset+size {
			f.marks = append(f.marks, m)
		}
		m.offset += size
		if m.runes++; r > 0xFFFF {
			m.utf16++
		}
		m.utf16++
	}
	if len(f.marks)*stride == m.offset {
		f.marks = append(f.marks, m)
	}
}
