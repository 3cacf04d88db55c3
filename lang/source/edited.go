package source

// Edit replaces the bytes [Start, End) of a text.
type Edit struct {
	Start, End int
	Text       string
}

// Edited returns the file with some edits made, which are in order and do not overlap. Its text is the new one, and the
// places of its spans are those of the file as it was: what is inserted is where it is inserted.
func (f *File) Edited(edits []Edit) *File {
	text, at := make([]byte, 0, len(f.Text)), 0
	for _, e := range edits {
		text = append(append(text, f.Text[at:e.Start]...), e.Text...)
		at = e.End
	}
	return &File{Name: f.Name, Text: string(append(text, f.Text[at:]...)), was: f, edits: edits}
}

// IsEdited reports whether the text is not that of the file as it was.
func (f *File) IsEdited() bool { return f.was != nil }

// Written is the span in the file as it was before it was edited.
func (s Span) Written() Span {
	if s.File == nil || s.File.was == nil {
		return s
	}
	return s.File.was.Span(s.File.before(int(s.Start)), s.File.before(int(s.End))).Written()
}

// before is where an offset was before the file was edited.
func (f *File) before(offset int) int {
	longer := 0
	for _, e := range f.edits {
		start := e.Start + longer
		if offset < start {
			break
		}
		if offset < start+len(e.Text) {
			return min(e.Start+offset-start, e.End)
		}
		longer += len(e.Text) - (e.End - e.Start)
	}
	return offset - longer
}
