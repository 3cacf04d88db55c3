package diag

import (
	"cmp"
	"slices"
	"strings"

	"github.com/meshc/meshc/lang/source"
)

// Fixed is a source to which fixes have been applied.
type Fixed struct {
	File  *source.File // the original
	Text  string       // the new text
	Fixes int          // number of fixes with an edit in this file
}

// ApplyFixes applies the first safe fix of each finding and returns the changed sources, sorted by name. A fix is
// applied completely or not at all. One that overlaps an earlier fix is left for the next round, after the checks have
// run again. Nothing is written to disk.
func ApplyFixes(l List) []Fixed {
	accepted := map[*source.File]*changes{}
	for _, d := range l {
		i := slices.IndexFunc(d.Fixes, func(f Fix) bool { return f.Safe && len(f.Edits) > 0 })
		if i < 0 || !fits(accepted, d.Fixes[i].Edits) {
			continue
		}
		touched := map[*changes]bool{}
		for _, e := range d.Fixes[i].Edits {
			c := accepted[e.Span.File]
			if c == nil {
				c = &changes{}
				accepted[e.Span.File] = c
			}
			c.insert(e)
			if !touched[c] {
				touched[c] = true
				c.fixes++
			}
		}
	}

	fixed := make([]Fixed, 0, len(accepted))
	for file, c := range accepted {
		fixed = append(fixed, Fixed{file, c.apply(file.Text), c.fixes})
	}
	slices.SortFunc(fixed, func(a, b Fixed) int { return cmp.Compare(a.File.Name, b.File.Name) })
	return fixed
}

// fits reports whether the edits of a fix are compatible with each other and with those accepted so far.
func fits(accepted map[*source.File]*changes, edits []Edit) bool {
	for i, e := range edits {
		if e.Span.IsZero() || !accepted[e.Span.File].takes(e) {
			return false
		}
		for _, other := range edits[:i] {
			if other.Span.File == e.Span.File && clash(other, e) {
				return false
			}
		}
	}
	return true
}

// clash reports whether two edits of a file exclude each other. Two equal edits count as one. Two insertions at the
// same place have no order, so only one of them can be made.
func clash(a, b Edit) bool {
	return a != b && (a.Span.Start < b.Span.End && b.Span.Start < a.Span.End || a.Span.Start == b.Span.Start)
}

// changes holds the edits accepted for a file. They do not overlap and are sorted by place.
type changes struct {
	edits []Edit
	fixes int
}

func (c *changes) find(e Edit) int {
	i, _ := slices.BinarySearchFunc(c.edits, e, func(a, b Edit) int { return cmp.Compare(a.Span.Start, b.Span.Start) })
	return i
}

func (c *changes) takes(e Edit) bool {
	if c == nil {
		return true
	}
	i := c.find(e)
	return (i == 0 || !clash(c.edits[i-1], e)) && (i == len(c.edits) || !clash(c.edits[i], e))
}

func (c *changes) insert(e Edit) {
	i := c.find(e)
	if i == len(c.edits) || c.edits[i] != e {
		c.edits = slices.Insert(c.edits, i, e)
	}
}

func (c *changes) apply(text string) string {
	var b strings.Builder
	at := 0
	for _, e := range c.edits {
		b.WriteString(text[at:e.Span.Start])
		b.WriteString(e.New)
		at = int(e.Span.End)
	}
	b.WriteString(text[at:])
	return b.String()
}
