package diag

import "fmt"

// Level says what to do with the warnings or notes of a code.
type Level uint8

const (
	Warn    Level = iota // keep them as they are
	Silence              // drop them
	Fail                 // make them errors
)

func (l Level) String() string { return [...]string{"warn", "silence", "error"}[l] }

// ParseLevel parses `warn`, `silence` or `error`.
func ParseLevel(word string) (Level, error) {
	for l := Warn; l <= Fail; l++ {
		if l.String() == word {
			return l, nil
		}
	}
	return Warn, fmt.Errorf("unknown level %q; want silence, warn or error", word)
}

// Apply returns the list with the levels of its codes applied. Errors cannot be demoted. The list itself is not
// changed.
func (l List) Apply(levels map[Code]Level) List {
	if len(levels) == 0 {
		return l
	}
	kept := make(List, 0, len(l))
	for _, d := range l {
		if d.Severity != Error {
			switch levels[d.Code] {
			case Silence:
				continue
			case Fail:
				d.Severity = Error
			}
		}
		kept = append(kept, d)
	}
	return kept
}
