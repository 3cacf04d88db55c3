package explain

import (
	"slices"

	"github.com/meshc/meshc/compiler/policy"
)

// connections notes what the sidecars of callers open, where that is not what the other end chooses.
func (e *explaining) connections() {
	var said []Opened
	for _, p := range e.Answer.Ports {
		for _, w := range p.ways {
			n := Opened{Way: w, Refused: w.Refused(p.Mode), Some: e.From.Kind == policy.FromWorld || len(p.ways) > 1}
			if (w.Rule != nil || w.Peer != nil) && !slices.Contains(said, n) {
				said = append(said, n)
				e.note(n)
			}
		}
	}
}
