// Package unified prints the difference of two texts as a unified diff, the format of diff -u, patch and git.
//
// It knows lines. Which lines differ is worked out by go-diff.
package unified

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/sergi/go-diff/diffmatchpatch"

	"github.com/meshc/meshc/lang/diag"
)

// context is how many lines are shown around a change.
const context = 3

// Missing is the name of a file that is not there.
const Missing = "/dev/null"

// Diff is how before becomes after; empty where they are the same. The names stand in its head, Missing where
// there is no such file; what is not printable of them is spelled out.
func Diff(nameBefore, nameAfter string, before, after []byte) []byte {
	if bytes.Equal(before, after) {
		return nil
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "--- %s\n+++ %s\n", diag.PrintableLine(nameBefore), diag.PrintableLine(nameAfter))
	for _, h := range hunks(lines(string(before), string(after))) {
		h.write(&b)
	}
	return b.Bytes()
}

// line is one line of either text: ' ' in both, '-' only before, '+' only after.
type line struct {
	sign byte
	text string // with its newline, where it has one
}

// maxLines is up to where go-diff looks for the least change; its time grows with lines times changes.
const maxLines = 20_000

func lines(before, after string) []line {
	if strings.Count(before, "\n")+strings.Count(after, "\n") > maxLines {
		return append(signed('-', before), signed('+', after)...)
	}
	dmp := diffmatchpatch.New()
	dmp.DiffTimeout = 0 // with a deadline the output would depend on the machine
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

// hunk is changes that lie close together, with the lines around them.
type hunk struct {
	before, after int // lines in front of it, in each text
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
		last := first // changes whose surroundings touch are shown together
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

// extent is a range of lines as diff -u writes it: START,COUNT, where START is the line before an empty range
// and COUNT is left out where it is one.
func extent(skipped, count int) string {
	switch count {
	case 0:
		return fmt.Sprintf("%d,0", skipped)
	case 1:
		return fmt.Sprint(skipped + 1)
	}
	return fmt.Sprintf("%d,%d", skipped+1, count)
}
