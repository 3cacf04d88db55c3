package format

import (
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"
)

// widest is the largest width that a cell can impose on its column. A cell with many labels would otherwise push the
// rest of the row out of sight.
const widest = 40

// columns aligns the clauses of consecutive services, and of consecutive externals and issuers.
func (p *printer) columns(lines []line) {
	for i := 0; i < len(lines); {
		n := p.block(lines[i:])
		rows := make([][]string, n)
		var widths []int
		for j := range rows {
			rows[j] = cells(lines[i+j].stmt)
			for c, cell := range rows[j] {
				if c == len(widths) {
					widths = append(widths, 0)
				}
				if w := utf8.RuneCountInString(cell); w <= widest || n == 1 {
					widths[c] = max(widths[c], w)
				}
			}
		}
		for j, row := range rows {
			lines[i+j].text = padded(row, widths, n > 1)
		}
		i += max(n, 1)
	}
}

// block returns how many of the first lines share columns; 0 if the first line has none.
func (p *printer) block(lines []line) int {
	if cells(lines[0].stmt) == nil || len(lines[0].Within) > 0 {
		return 0
	}
	if lines[0].joined {
		return 1
	}
	n := 1
	kind := reflect.TypeOf(lines[0].stmt)
	for n < len(lines) && reflect.TypeOf(lines[n].stmt) == kind && len(lines[n].Within) == 0 && !lines[n].joined && !p.apart(&lines[n-1], &lines[n]) {
		n++
	}
	return n
}

// apart reports whether there is an empty line between two lines.
func (p *printer) apart(above, below *line) bool {
	end := int(above.stmt.Span().End)
	for _, c := range slices.Concat(above.After, below.Before) {
		if strings.Count(p.text[end:c.Start], "\n") > 1 {
			return true
		}
		end = int(c.End)
	}
	return strings.Count(p.text[end:below.stmt.Span().Start], "\n") > 1
}

func padded(row []string, widths []int, align bool) string {
	var b strings.Builder
	pad := 0
	for c, cell := range row {
		if cell != "" {
			if b.Len() > 0 {
				b.WriteString(strings.Repeat(" ", pad+1))
			}
			b.WriteString(cell)
			pad = 0
		}
		switch {
		case !align || widths[c] == 0:
		case cell != "":
			pad = max(0, widths[c]-utf8.RuneCountInString(cell))
		default:
			pad += widths[c] + 1
		}
	}
	return b.String()
}
