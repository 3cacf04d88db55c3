package lsp

import (
	"unicode/utf8"

	"go.lsp.dev/protocol"

	"github.com/meshc/meshc/lang/source"
)

// encoding is what a column of the protocol counts.
type encoding = protocol.PositionEncodingKind

// offset returns the byte offset of a position, clamped to its line.
func offset(f *source.File, p protocol.Position, e encoding) int {
	start := f.Offset(int(p.Line) + 1)
	line := f.Line(int(p.Line) + 1)
	left := int(p.Character)
	if e == protocol.PositionEncodingKindUTF8 {
		return start + min(left, len(line))
	}
	at := 0
	for at < len(line) && left > 0 {
		r, size := utf8.DecodeRuneInString(line[at:])
		left--
		if r > 0xFFFF {
			left--
		}
		at += size
	}
	return start + at
}

// position is the inverse of offset.
func position(f *source.File, at int, e encoding) protocol.Position {
	p := f.Position(at)
	column := p.UTF16
	if e == protocol.PositionEncodingKindUTF8 {
		column = p.Byte
	}
	return protocol.Position{Line: uint32(p.Line - 1), Character: uint32(column - 1)}
}

func rangeOf(s source.Span, e encoding) protocol.Range {
	if s.IsZero() {
		return protocol.Range{}
	}
	return protocol.Range{Start: position(s.File, int(s.Start), e), End: position(s.File, int(s.End), e)}
}
