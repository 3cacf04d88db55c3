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
			if p.Capture.Capture == policy.Bypassed {
				n.Refused, n.Unanswered = w.Unanswered(p.Mode), true
				if e.From.Kind == policy.FromService && e.model.Principal(e.From.Service) == "" {
					n.Refused = ""
				}
			}
			if (w.Rule != nil || w.Peer != nil || w.Past.Capture != policy.Captured || w.Direct || n.Refused != "") && !slices.Contains(said, n) {
				said = append(said, n)
				e.note(n)
			}
		}
	}
}
