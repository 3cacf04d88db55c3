// Package diag is what meshc has to say about an input: findings with a code, a place and a way out.
//
// It knows places in sources and the one table of codes. It does not know how a finding came about,
// and it never decides what a run does with it.
package diag

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/hashicorp/go-multierror"

	"github.com/meshc/meshc/lang/source"
)

// Severity says what a finding does to a build.
type Severity uint8

const (
	Note    Severity = iota // worth knowing; never fails a build
	Warning                 // can be silenced or made an error, by code
	Error                   // fails the build and cannot be demoted
)

func (s Severity) String() string { return [...]string{"note", "warning", "error"}[s] }

// Diagnostic is one finding.
type Diagnostic struct {
	Code     Code
	Severity Severity
	Message  string      // lower case, no full stop
	Primary  source.Span // the smallest span that shows the trouble; zero where there is no place
	Related  []Related   // at most two other places
	Notes    []string    // facts that explain
	Help     string      // the way out, in words
	Fixes    []Fix
}

// Related is another place that has to do with a finding.
type Related struct {
	Span    source.Span
	Message string // "first declared here"
}

// Fix is a change to the sources that mends a finding. The same fix serves `check --fix` and editors.
type Fix struct {
	Title string
	Edits []Edit
	Safe  bool // `check --fix` applies it unasked: it cannot change who may call whom
}

// Edit replaces the text of a span; an empty span inserts.
type Edit struct {
	Span source.Span
	New  string
}

// New makes a finding whose severity is that of its code.
func New(code Code, at source.Span, format string, args ...any) Diagnostic {
	return Diagnostic{Code: code, Severity: code.Severity(), Message: sprintf(maxArgument, format, args), Primary: at}
}

// How much of a text a message repeats, in characters, and how much of a list a note or the way out has.
const (
	maxArgument = 500
	maxList     = 5000
)

// sprintf leaves out of the texts that it puts together what nobody would read.
func sprintf(most int, format string, args []any) string {
	args = slices.Clone(args)
	for i, arg := range args {
		if s, ok := arg.(string); ok && len(s) > most {
			if r := []rune(s); len(r) > most {
				args[i] = string(r[:most]) + "..."
			}
		}
	}
	return fmt.Sprintf(format, args...)
}

// List is the findings of a stage or of a build.
type List []Diagnostic

// Add appends a finding and returns it, to be filled further before the next Add.
func (l *List) Add(code Code, at source.Span, format string, args ...any) *Diagnostic {
	*l = append(*l, New(code, at, format, args...))
	return &(*l)[len(*l)-1]
}

// WithRelated adds another place and returns d.
func (d *Diagnostic) WithRelated(at source.Span, format string, args ...any) *Diagnostic {
	if !at.IsZero() {
		d.Related = append(d.Related, Related{at, sprintf(maxArgument, format, args)})
	}
	return d
}

// WithNote adds a fact that explains and returns d.
func (d *Diagnostic) WithNote(format string, args ...any) *Diagnostic {
	d.Notes = append(d.Notes, sprintf(maxList, format, args))
	return d
}

// WithHelp sets the way out and returns d.
func (d *Diagnostic) WithHelp(format string, args ...any) *Diagnostic {
	d.Help = sprintf(maxList, format, args)
	return d
}

// WithFix adds a change of one place that mends the finding and returns d.
func (d *Diagnostic) WithFix(safe bool, at source.Span, replacement, title string) *Diagnostic {
	d.Fixes = append(d.Fixes, Fix{Title: title, Safe: safe, Edits: []Edit{{at, replacement}}})
	return d
}

// Sort orders findings by place, then code, then message, and drops exact repeats.
func (l List) Sort() List {
	slices.SortStableFunc(l, func(a, b Diagnostic) int {
		switch {
		case a.Primary.Before(b.Primary):
			return -1
		case b.Primary.Before(a.Primary):
			return 1
		}
		return cmp.Or(cmp.Compare(a.Code, b.Code), cmp.Compare(a.Message, b.Message))
	})
	return slices.CompactFunc(l, func(a, b Diagnostic) bool {
		return a.Code == b.Code && a.Primary == b.Primary && a.Message == b.Message
	})
}

// Settled leaves out of the findings of the checks what may only follow from another fault: from an input that could
// not be read, where there is one, or from an unknown name.
func (l List) Settled(unread bool) List {
	unknown := slices.ContainsFunc(l, func(d Diagnostic) bool { return d.Code.follows() == UnknownName })
	return slices.DeleteFunc(l, func(d Diagnostic) bool {
		switch d.Code.follows() {
		case FromUnread:
			return unread
		case FromUnknown:
			return unread || unknown
		case UnknownName:
			return unread && len(d.Fixes) == 0
		}
		return false
	})
}

// Count is the number of findings of a severity.
func (l List) Count(s Severity) int {
	n := 0
	for i := range l {
		if l[i].Severity == s {
			n++
		}
	}
	return n
}

// HasErrors tells whether a finding fails the build.
func (l List) HasErrors() bool {
	return slices.ContainsFunc(l, func(d Diagnostic) bool { return d.Severity == Error })
}

// Err is the errors of the list as one *multierror.Error, nil where there are none.
func (l List) Err() error {
	var all *multierror.Error
	for i := range l {
		if l[i].Severity == Error {
			all = multierror.Append(all, &l[i])
		}
	}
	return all.ErrorOrNil()
}

// Error is the finding in one line, `file:line:column: error: message [CODE]`, columns in runes.
func (d *Diagnostic) Error() string {
	text := fmt.Sprintf("%s: %s [%s]", d.Severity, d.Message, d.Code)
	if d.Primary.IsZero() {
		return text
	}
	p := d.Primary.StartPosition()
	return fmt.Sprintf("%s:%d:%d: %s", d.Primary.File.Name, p.Line, p.Rune, text)
}
