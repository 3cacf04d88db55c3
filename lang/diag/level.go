package diag

import "fmt"

// Level is what is done with a finding that is no error, by its code.
type Level uint8

const (
	Warn    Level = iota // leave it as it is
	Silence              // drop it
	Fail                 // make it an error
)

func (l Level) String() string { return [...]string{"warn", "silence", "error"}[l] }

// ParseLevel reads `warn`, `silence` or `error`.
func ParseLevel(word string) (Level, error) {
	for l := Warn; l <= Fail; l++ {
		if l.String() == word {
			return l, nil
		}
	}
	return Warn, fmt.Errorf("%q is no level: silence, warn or error", word)
}

// Apply is the list with what the levels say of its codes. Errors stay, whatever is said of them:
// what fails a build cannot be demoted. The list itself is left as it is.
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
