package diag

import (
	"bufio"
	"bytes"
	"cmp"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/meshc/meshc/lang/source"
)

// Text writes findings for people: the message, the source lines with the relevant parts underlined, and the help. With
// colour it uses ANSI escapes; the caller decides whether the terminal supports them. No control sequence in a source
// reaches w, and no command to the runner of a CI job.
func Text(w io.Writer, l List, colour bool) error {
	var text bytes.Buffer
	t := texter{w: bufio.NewWriter(&text), colour: colour}
	for i := range l {
		if i > 0 {
			t.w.WriteByte('\n')
		}
		t.finding(&l[i])
	}
	t.w.Flush()
	_, err := w.Write(withoutCommands(text.Bytes()))
	return err
}

// Colours, as parameters of the ANSI sequence SGR.
const (
	red    = "1;31"
	yellow = "1;33"
	cyan   = "1;36"
	green  = "1;32"
	blue   = "1;34"
	bold   = "1"
)

func (s Severity) colour() string { return [...]string{cyan, yellow, red}[s] }

type texter struct {
	w      *bufio.Writer // to memory, so that it cannot fail
	colour bool
	gutter int // columns that line numbers take
}

func (t *texter) paint(style, text string) string {
	if !t.colour || text == "" {
		return text
	}
	return "\x1b[" + style + "m" + text + "\x1b[0m"
}

// mark is a span to be underlined.
type mark struct {
	line       int
	start, end int // bytes within the line; end may be after it
	primary    bool
	label      string
}

func (t *texter) finding(d *Diagnostic) {
	style := d.Severity.colour()
	fmt.Fprintf(t.w, "%s%s\n", t.paint(style, d.Severity.String()+"["+string(d.Code)+"]"), t.paint(bold, ": "+PrintableLine(d.Message)))

	t.gutter = 1
	if !d.Primary.IsZero() {
		t.places(d, style)
	}
	for _, note := range d.Notes {
		t.remark("note", cyan, note)
	}
	if d.Help != "" {
		t.remark("help", green, d.Help)
	}
	for _, fix := range d.Fixes {
		switch {
		case fix.Safe:
			t.remark("fix", green, fix.Title+" (applied by meshc check --fix)")
		case d.Help == "":
			t.remark("fix", green, fix.Title)
		}
	}
}

// remark writes a line below the snippet. Further lines of the text are indented like the first.
func (t *texter) remark(kind, style, text string) {
	for i, line := range strings.Split(text, "\n") {
		if i == 0 {
			fmt.Fprintf(t.w, "%*s %s %s %s\n", t.gutter, "", t.paint(blue, "="), t.paint(style, kind+":"), PrintableLine(line))
		} else {
			fmt.Fprintf(t.w, "%*s   %*s%s\n", t.gutter, "", len(kind)+2, "", PrintableLine(line))
		}
	}
}

// places shows the primary and the related spans, file by file.
func (t *texter) places(d *Diagnostic, style string) {
	primary := d.Primary.Written()
	files := []*source.File{primary.File}
	marks := map[*source.File][]mark{primary.File: {newMark(primary, "", true)}}
	for _, r := range d.Related {
		at := r.Span.Written()
		if at.IsZero() {
			continue
		}
		if !slices.Contains(files, at.File) {
			files = append(files, at.File)
		}
		marks[at.File] = append(marks[at.File], newMark(at, r.Message, false))
	}
	for _, ms := range marks {
		for _, m := range ms {
			t.gutter = max(t.gutter, len(strconv.Itoa(m.line)))
		}
	}
	for i, file := range files {
		arrow, ms := "-->", marks[file]
		if i > 0 {
			arrow = ":::"
		}
		at := file.Position(file.Offset(ms[0].line) + ms[0].start)
		fmt.Fprintf(t.w, "%*s%s %s:%d:%d\n", t.gutter, "", t.paint(blue, arrow), PrintableLine(file.Name), at.Line, at.Rune)
		t.snippet(file, ms, style)
	}
}

func newMark(s source.Span, label string, primary bool) mark {
	line := s.StartPosition().Line
	offset := s.File.Offset(line)
	return mark{line, int(s.Start) - offset, int(s.End) - offset, primary, label}
}

// snippet shows the marked lines of one file.
func (t *texter) snippet(file *source.File, marks []mark, style string) {
	slices.SortStableFunc(marks, func(a, b mark) int { return cmp.Compare(a.line, b.line) })
	t.rule("", "")
	shown := 0
	for i, m := range marks {
		text, from := around(file.Line(m.line), m.start)
		text = hideSecrets(text)
		same := i > 0 && marks[i-1].line == m.line
		if shown > 0 && m.line > shown+2 {
			fmt.Fprintln(t.w, t.paint(blue, "..."))
		} else if shown > 0 && m.line == shown+2 {
			between, _ := around(file.Line(shown+1), 0)
			between = cut(hideSecrets(between), 0, 0).text
			t.rule(strconv.Itoa(shown+1), between)
		}
		shown = m.line
		e := cut(text, m.start-from, m.end-from)
		// A line that was cut is cut again around each of its marks.
		if !same || e.partial {
			t.rule(strconv.Itoa(m.line), e.text)
		}
		sign, ink := "^", style
		if !m.primary {
			sign, ink = "-", blue
		}
		under := strings.Repeat(sign, e.width)
		if m.label != "" {
			under += " " + PrintableLine(m.label)
		}
		t.rule("", strings.Repeat(" ", e.column)+t.paint(ink, under))
	}
}

// What may be a password or a token in a URL: what precedes its host, or is no port after it, and its query.
var (
	userinfo = regexp.MustCompile(`(://)([^\s"']*@|[^\s"'/@:]*:[^\s"'/@]*[^\s"'/@0-9][^\s"'/@]*)`)
	query    = regexp.MustCompile(`(://[^\s"'?]*\?)([^\s"']+)`)
)

// hideSecrets puts as many stars in their place.
func hideSecrets(line string) string {
	if !strings.Contains(line, "://") {
		return line
	}
	for _, secret := range []*regexp.Regexp{userinfo, query} {
		line = secret.ReplaceAllStringFunc(line, func(found string) string {
			parts := secret.FindStringSubmatch(found)
			hidden, isUser := strings.CutSuffix(parts[2], "@")
			if hidden = stars(hidden); isUser {
				hidden += "@"
			}
			return parts[1] + hidden
		})
	}
	return line
}

// stars is a text of the same length in bytes and in characters.
func stars(s string) string {
	return strings.Map(func(r rune) rune { return [...]rune{1: '*', 2: '×', 3: '…', 4: '🟊'}[utf8.RuneLen(r)] }, strings.ToValidUTF8(s, "*"))
}

// How much of a line, in bytes before and after a mark, is looked at: more than is shown, and little of a line of many
// megabytes, which may have thousands of findings. A word that begins or ends farther away counts up to a limit, so
// that no secret is shown in part.
const (
	nearby  = 16 * lineColumns
	farther = 16 << 10
)

// around returns the part of a line near a byte of it, and where that part begins.
func around(line string, at int) (part string, from int) {
	const delimiters = " \t\"'"
	if low, lowest := at-nearby, max(0, at-farther); low > 0 {
		from = runeStart(line, lowest)
		if i := strings.LastIndexAny(line[lowest:low], delimiters); i >= 0 {
			from = lowest + i
		}
	}
	to := len(line)
	if high, highest := at+nearby, min(len(line), at+farther); high < len(line) {
		if to = highest; to < len(line) {
			to = runeStart(line, to)
		}
		if i := strings.IndexAny(line[high:highest], delimiters); i >= 0 {
			to = high + i
		}
	}
	return line[from:to], from
}

// rule writes a row of a snippet after its line number.
func (t *texter) rule(number, text string) {
	row := fmt.Sprintf("%s %s", t.paint(blue, fmt.Sprintf("%*s |", t.gutter, number)), text)
	t.w.WriteString(strings.TrimRight(row, " "))
	t.w.WriteByte('\n')
}

// lineColumns is the largest number of columns shown of a line.
const lineColumns = 100

// excerpt is the visible part of a line, and the position of the mark under it.
type excerpt struct {
	text          string
	column, width int
	partial       bool // some of the line is left out
}

// cut returns the part of a line around the bytes [start, end). At least one column is marked.
func cut(line string, start, end int) excerpt {
	start = min(start, len(line))
	end = min(max(end, start), len(line))

	// Text farther away than this cannot be in the window.
	first, last := 0, len(line)
	const far = 8 * lineColumns
	if start > far {
		first = runeStart(line, start-far)
	}
	if last > start+far {
		last = runeStart(line, start+far)
	}

	type cell struct {
		glyph
		column int
	}
	var cells []cell
	from, to, columns := -1, -1, 0
	for i := first; i < last; {
		if from < 0 && i >= start {
			from = columns
		}
		if to < 0 && i >= end {
			to = columns
		}
		g, size := glyphOf(line[i:last], columns)
		cells = append(cells, cell{g, columns})
		columns += g.columns
		i += size
	}
	if from < 0 {
		from = columns
	}
	if to < 0 {
		to = columns
	}

	e := excerpt{partial: first > 0 || last < len(line) || columns > lineColumns}
	low, high := 0, columns
	if columns > lineColumns {
		low = max(0, min(from-lineColumns/3, columns-lineColumns))
		high = low + lineColumns
	}
	var b strings.Builder
	if low > 0 || first > 0 {
		b.WriteString("…")
		e.column = 1
	}
	shift := -1 // the first cell may be wide and reach into the window only in part
	for _, c := range cells {
		if c.column < low || c.column+c.columns > high {
			continue
		}
		if shift < 0 {
			shift = c.column
		}
		b.WriteString(c.text)
	}
	if high < columns || last < len(line) {
		b.WriteString("…")
	}
	e.text = b.String()
	e.column += from - max(shift, 0)
	e.width = max(1, min(to, high)-from)
	return e
}

// runeStart returns the start of the character that contains byte i.
func runeStart(s string, i int) int {
	for n := 0; i > 0 && n < 3 && s[i]&0xC0 == 0x80; n++ {
		i--
	}
	return i
}
