// Package textdiff prints the differences between two texts as a unified diff, the format of diff -u, patch and git:
// https://www.gnu.org/software/diffutils/manual/html_node/Detailed-Unified.html
//
// go-diff finds the lines that differ (Myers' algorithm). This package groups them into hunks and prints them. The
// output depends on the two texts alone, never on time or machine.
package textdiff

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/sergi/go-diff/diffmatchpatch"

	"github.com/meshc/meshc/lang/diag"
)

// context is how many unchanged lines surround a change.
const context = 3

// missing stands for the name of a file that does not exist.
const missing = "/dev/null"

// Unified returns the changes that turn before into after, and nothing if they have the same bytes. Both names are
// printed in the header, with unprintable characters escaped. A nil text is that of a file that does not exist: its
// name is printed as /dev/null.
func Unified(nameBefore, nameAfter string, before, after []byte) []byte {
	if bytes.Equal(before, after) {
		return nil
	}
	if before == nil {
		nameBefore = missing
	}
	if after == nil {
		nameAfter = missing
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "--- %s\n+++ %s\n", diag.PrintableLine(nameBefore), diag.PrintableLine(nameAfter))
	for _, h := range hunks(lines(string(before), string(after))) {
		h.write(&b)
	}
	return b.Bytes()
}

// line is a line of either text.
type line struct {
	sign byte   // ' ' in both texts, '-' only in the old one, '+' only in the new one
	text string // including the newline, if there is one
}

// maxLines limits the search for the smallest diff, which takes time proportional to lines times changes. Longer texts
// are shown as replaced.
const maxLines = 20_000

func lines(before, after string) []line {
	if strings.Count(before, "\n")+strings.Count(after, "\n") > maxLines {
		return append(signed('-', before), signed('+', after)...)
	}
	dmp := diffmatchpatch.New()
	dmp.DiffTimeout = 0 // a deadline would make the output depend on the machine
	a, b, table := dmp.DiffLinesToRunes(before, after)
	var all []line
	for _, d := range dmp.DiffCharsToLines(dmp.DiffMainRunes(a, b, false), table) {
		switch d.Type {
		case diffmatchpatch.DiffDelete:
			all = append(all, signed('-', d.Text)...)
		case diffmatchpatch.DiffInsert:
			all = append(all, signed('+', d.Text)...)
		default:
			all = append(all, signed(' ', d.Text)...)
		}
	}
	return all
}

func signed(sign byte, text string) []line {
	var all []line
	for l := range strings.Lines(text) {
		all = append(all, line{sign, l})
	}
	return all
}

// hunk is a group of changes with their context.
type hunk struct {
	before, after int // the number of lines that precede it in each text
	lines         []line
}

func hunks(all []line) []hunk {
	var found []hunk
	before, after := 0, 0
	for at := 0; ; {
		first := at
		for first < len(all) && all[first].sign == ' ' {
			first++
		}
		if first == len(all) {
			return found
		}
		last := first // changes with adjacent or overlapping context share a hunk
		for i := first; i < len(all) && i <= last+2*context+1; i++ {
			if all[i].sign != ' ' {
				last = i
			}
		}
		start, end := max(at, first-context), min(last+1+context, len(all))
		h := hunk{before + start - at, after + start - at, all[start:end]}
		before, after = h.before, h.after
		for _, l := range h.lines {
			if l.sign != '+' {
				before++
			}
			if l.sign != '-' {
				after++
			}
		}
		found = append(found, h)
		at = end
	}
}

func (h hunk) write(b *bytes.Buffer) {
	before, after := 0, 0
	for _, l := range h.lines {
		if l.sign != '+' {
			before++
		}
		if l.sign != '-' {
			after++
		}
	}
	fmt.Fprintf(b, "@@ -%s +%s @@\n", extent(h.before, before), extent(h.after, after))
	for _, l := range h.lines {
		b.WriteByte(l.sign)
		b.WriteString(l.text)
		if !strings.HasSuffix(l.text, "\n") {
			b.WriteString("\n\\ No newline at end of file\n")
		}
	}
}

// extent formats a range of lines as diff -u does: START,COUNT. START is the line before an empty range, and a COUNT of
// one is omitted.
func extent(skipped, count int) string {
	switch count {
	case 0:
		return fmt.Sprintf("%d,0", skipped)
	case 1:
		return fmt.Sprint(skipped + 1)
	}
	return fmt.Sprintf("%d,%d", skipped+1, count)
}
