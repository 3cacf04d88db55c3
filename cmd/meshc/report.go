package main

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/diag/sarif"
	"github.com/meshc/meshc/lang/source"
)

var formats = []string{"text", "json", "sarif", "github", "gitlab"}

// reporter writes findings in the format that the user chose. Its zero value writes text.
type reporter struct {
	format string
	brief  bool // in text, leave out what --all shows
	all    bool
	lister string // the command that writes all warnings, where a line for each code is enough in text
}

func (r *reporter) register(cmd *cobra.Command) {
	r.brief = true
	(&choice{"format", &r.format, formats}).register(cmd.Flags(), cmd, "format", "output format of findings")
	cmd.Flags().BoolVar(&r.all, "all", false, "in text, print every finding: also warnings beside errors, and more than three of one code")
}

// machine reports whether the findings are for a program.
func (r *reporter) machine() bool { return r.format != "" && r.format != "text" }

// warnings is the values of -W.
type warnings []string

func (w *warnings) registerLevels(cmd *cobra.Command) {
	cmd.Flags().StringArrayVarP((*[]string)(w), "warn", "W", nil, "CODE=silence, CODE=warn, CODE=error, or error for all warnings; repeatable")
}

// levels reads -W: the level of each code that it names, and whether all other warnings are errors.
func (given warnings) levels() (levels map[diag.Code]diag.Level, strict bool, err error) {
	levels = map[diag.Code]diag.Level{}
	for _, w := range given {
		if w == "error" {
			strict = true
			continue
		}
		word, levelWord, ok := strings.Cut(w, "=")
		if !ok {
			return nil, false, usageError("-W %s: want CODE=silence, CODE=warn, CODE=error, or error", w)
		}
		e := diag.Explain(codeOf(word))
		if e == nil {
			return nil, false, usageError("-W %s: unknown code %s; meshc explain lists them", w, word)
		}
		level, err := diag.ParseLevel(levelWord)
		if err != nil {
			return nil, false, usageError("-W %s: %v", w, err)
		}
		if e.Severity == diag.Error && level != diag.Fail {
			return nil, false, usageError("-W %s: %s is an error, which cannot be demoted", w, e.Code)
		}
		levels[e.Code] = level
	}
	return levels, strict, nil
}

// write writes findings, with the names that shown gives their files.
func (r *reporter) write(w io.Writer, l diag.List, shown func(name string) string) error {
	l = renamed(l, shown)
	coloured := false
	if t, ok := w.(terminal); ok {
		w, coloured = t.stream, t.coloured()
	}
	var b bytes.Buffer
	var err error
	switch r.format {
	case "json":
		err = diag.JSON(&b, l)
	case "sarif":
		err = sarif.Write(&b, l)
	case "github":
		err = diag.GitHub(&b, l)
	case "gitlab":
		err = diag.GitLab(&b, l)
	default:
		rest := ""
		switch {
		case r.all:
		case r.lister != "" && !l.HasErrors():
			l, rest = grouped(l, r.lister)
		case r.brief:
			l, rest = brief(l)
		}
		err = diag.Text(&b, l, coloured)
		if len(l) > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(rest)
	}
	if err != nil {
		return err
	}
	if _, err := w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("findings: %w", cause(err))
	}
	return nil
}

// alike is how many findings of one code are written as text.
const alike = 3

// brief returns what to read first: while there are errors, no warnings and notes about policies, and the first
// findings of each code. rest is a line that says what was left out, or empty.
func brief(l diag.List) (shown diag.List, rest string) {
	var left []string
	seen := map[diag.Code]int{}
	errors := l.HasErrors()
	var held diag.List
	for _, d := range l {
		switch seen[d.Code]++; {
		case errors && d.Severity != diag.Error && !strings.HasPrefix(string(d.Code), "MESH1"): // what was read may be the cause
			held = append(held, d)
		case seen[d.Code] <= alike:
			shown = append(shown, d)
		}
	}
	for _, code := range slices.Sorted(maps.Keys(seen)) {
		if n := seen[code] - alike; n > 0 && (!errors || slices.ContainsFunc(shown, func(d diag.Diagnostic) bool { return d.Code == code })) {
			left = append(left, fmt.Sprintf("%d more of %s", n, code))
		}
	}
	if n := held.Count(diag.Warning); n > 0 {
		left = append(left, plural(n, "warning"))
	}
	if n := held.Count(diag.Note); n > 0 {
		left = append(left, plural(n, "note"))
	}
	if len(left) > 0 {
		rest = fmt.Sprintf("not shown: %s (--all shows them)\n", strings.Join(left, ", "))
	}
	return shown, rest
}

// grouped is for a verb whose output is not the findings: of the warnings of the check it leaves a line for each code.
// Those of the delivery are written in full, since no other verb has them.
func grouped(l diag.List, lister string) (shown diag.List, rest string) {
	var b strings.Builder
	count := map[diag.Code]int{}
	for _, d := range l {
		count[d.Code]++
	}
	lines := 0
	for _, d := range l {
		switch n := count[d.Code]; {
		case ofDelivery(d):
			shown = append(shown, d)
		case n == 0:
		default:
			lines++
			fmt.Fprintf(&b, "%s[%s]: %s:%d: %s", d.Severity, d.Code, diag.PrintableLine(d.Primary.File.Name), d.Primary.StartPosition().Line, diag.PrintableLine(d.Message))
			if n > 1 {
				fmt.Fprintf(&b, " (and %d more)", n-1)
			}
			b.WriteByte('\n')
			count[d.Code] = 0
		}
	}
	if lines > 0 {
		fmt.Fprintf(&b, "`%s` says what to do about them\n", lister)
	}
	return shown, b.String()
}

func ofDelivery(d diag.Diagnostic) bool { return strings.HasPrefix(string(d.Code), "MESH4") }

// renamed is the list with other names for its files: the compiler names them from the root of the project, the user
// from the current folder.
func renamed(l diag.List, shown func(string) string) diag.List {
	files := map[*source.File]*source.File{}
	span := func(s source.Span) source.Span {
		if s.IsZero() {
			return s
		}
		f := files[s.File]
		if f == nil {
			f = s.File
			if name := shown(f.Name); name != f.Name {
				f = source.NewFile(name, f.Text)
			}
			files[s.File] = f
		}
		return source.Span{File: f, Start: s.Start, End: s.End}
	}
	out := slices.Clone(l)
	for i := range out {
		d := &out[i]
		d.Primary = span(d.Primary)
		d.Related = slices.Clone(d.Related)
		for j := range d.Related {
			d.Related[j].Span = span(d.Related[j].Span)
		}
		d.Fixes = slices.Clone(d.Fixes)
		for j := range d.Fixes {
			d.Fixes[j].Edits = slices.Clone(d.Fixes[j].Edits)
			for k := range d.Fixes[j].Edits {
				d.Fixes[j].Edits[k].Span = span(d.Fixes[j].Edits[k].Span)
			}
		}
	}
	return out
}

// counts is a text such as `2 errors, 1 warning`, with the number of notes if there are any.
func counts(l diag.List) string {
	text := plural(l.Count(diag.Error), "error") + ", " + plural(l.Count(diag.Warning), "warning")
	if n := l.Count(diag.Note); n > 0 {
		text += ", " + plural(n, "note")
	}
	return text
}

func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}
