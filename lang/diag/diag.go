// Package diag defines findings: what meshc reports about an input, with a code, a place and a way to fix it.
//
// It contains the table of all codes and writes findings as text, JSON, SARIF and GitHub annotations. It does not know
// what causes a finding, and it does not decide what a run does about one.
package diag

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/hashicorp/go-multierror"

	"github.com/meshc/meshc/lang/source"
)

// Severity is the effect of a finding on a build.
type Severity uint8

const (
	Note    Severity = iota // for information; never fails a build
	Warning                 // can be silenced or made an error, by its code
	Error                   // fails the build and cannot be demoted
)

func (s Severity) String() string { return [...]string{"note", "warning", "error"}[s] }

// Diagnostic is one finding.
type Diagnostic struct {
	Code     Code
	Severity Severity
	Message  string      // lower case, no full stop
	Primary  source.Span // the smallest span that shows the problem; zero if there is none
	Related  []Related   // at most two
	Notes    []string    // facts that explain the finding
	Help     string      // how to resolve it
	Fixes    []Fix
	Alone    bool // it follows from no other fault, although findings of its code may
}

// Related is another place that is relevant to a finding.
type Related struct {
	Span    source.Span
	Message string // "first declared here"
}

// Fix is a change to the sources that resolves a finding. `check --fix` and editors use the same fixes.
type Fix struct {
	Title string
	Edits []Edit
	Safe  bool // it cannot change who may call whom, so `check --fix` applies it without asking
}

// Edit replaces the text of a span. An empty span inserts.
type Edit struct {
	Span source.Span
	New  string
}

// New makes a finding with the severity of its code.
func New(code Code, at source.Span, format string, args ...any) Diagnostic {
	return Diagnostic{Code: code, Severity: code.Severity(), Message: sprintf(maxArgument, format, args), Primary: at}
}

// The longest argument of a message, and the longest list in a note or a help, in characters.
const (
	maxArgument = 500
	maxList     = 5000
)

// sprintf formats a message and cuts long arguments.
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

// List holds the findings of a stage or of a build.
type List []Diagnostic

// Add appends a finding and returns it. The result is valid until the next Add.
func (l *List) Add(code Code, at source.Span, format string, args ...any) *Diagnostic {
	*l = append(*l, New(code, at, format, args...))
	return &(*l)[len(*l)-1]
}

// WithRelated adds a related place and returns d.
func (d *Diagnostic) WithRelated(at source.Span, format string, args ...any) *Diagnostic {
	if !at.IsZero() {
		d.Related = append(d.Related, Related{at, sprintf(maxArgument, format, args)})
	}
	return d
}

// WithNote adds a note and returns d.
func (d *Diagnostic) WithNote(format string, args ...any) *Diagnostic {
	d.Notes = append(d.Notes, sprintf(maxList, format, args))
	return d
}

// WithHelp sets the help and returns d.
func (d *Diagnostic) WithHelp(format string, args ...any) *Diagnostic {
	d.Help = sprintf(maxList, format, args)
	return d
}

// WithFix adds a fix that changes a single place and returns d.
func (d *Diagnostic) WithFix(safe bool, at source.Span, replacement, title string) *Diagnostic {
	d.Fixes = append(d.Fixes, Fix{Title: title, Safe: safe, Edits: []Edit{{at, replacement}}})
	return d
}

// Sort orders findings by place, code and message, and drops duplicates.
func (l List) Sort() List {
	slices.SortStableFunc(l, func(a, b Diagnostic) int {
		return cmp.Or(a.Primary.Compare(b.Primary), cmp.Compare(a.Code, b.Code), cmp.Compare(a.Message, b.Message))
	})
	return slices.CompactFunc(l, func(a, b Diagnostic) bool {
		return a.Code == b.Code && a.Primary == b.Primary && a.Message == b.Message
	})
}

// Settled drops the findings that may follow from another fault: from an unread input, if there is one, or from an
// unknown name in the list.
func (l List) Settled(unread bool) List {
	unknown := slices.ContainsFunc(l, func(d Diagnostic) bool { return d.Code.follows() == UnknownName })
	return slices.DeleteFunc(l, func(d Diagnostic) bool {
		if d.Alone {
			return false
		}
		switch d.Code.follows() {
		case FromUnread, UnknownName:
			return unread
		case FromUnknown:
			return unread || unknown
		}
		return false
	})
}

// Count returns the number of findings with a severity.
func (l List) Count(s Severity) int {
	n := 0
	for i := range l {
		if l[i].Severity == s {
			n++
		}
	}
	return n
}

// HasErrors reports whether any finding fails the build.
func (l List) HasErrors() bool {
	return slices.ContainsFunc(l, func(d Diagnostic) bool { return d.Severity == Error })
}

// Err returns the errors of the list as one *multierror.Error, or nil if there are none.
func (l List) Err() error {
	var all *multierror.Error
	for i := range l {
		if l[i].Severity == Error {
			all = multierror.Append(all, &l[i])
		}
	}
	return all.ErrorOrNil()
}

// Error formats the finding on one line: `file:line:column: error: message [CODE]`, with columns in runes.
func (d *Diagnostic) Error() string {
	text := fmt.Sprintf("%s: %s [%s]", d.Severity, d.Message, d.Code)
	if d.Primary.IsZero() {
		return text
	}
	p := d.Primary.StartPosition()
	return fmt.Sprintf("%s:%d:%d: %s", d.Primary.File.Name, p.Line, p.Rune, text)
}
