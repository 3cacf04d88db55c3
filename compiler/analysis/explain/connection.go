package explain

import (
	"slices"

	"github.com/meshc/meshc/compiler/analysis/enforce"
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

// unanswered finds where DestinationRules have the sidecars of callers open mutual TLS to a callee that has no proxy to
// take it.
func (e *explaining) unanswered() {
	var ports []uint16
	for _, p := range e.To.Ports {
		ports = append(ports, p.Number)
	}
	if e.Port != 0 || len(ports) == 0 {
		ports = []uint16{e.Port}
	}
	callee, fails := e.model.Callee(e.To), true
	var said []Opened
	for _, port := range ports {
		ways := e.model.Ways(e.From, e.To, callee, port)
		for _, w := range ways {
			if w.TLS != enforce.IstioTLS || w.Rule == nil {
				fails = false
				continue
			}
			n := Opened{Way: w, Refused: w.String() + ", which nothing takes without a proxy", Unanswered: true, Some: e.From.Kind != policy.FromService || len(ways) > 1}
			if !slices.Contains(said, n) {
				said = append(said, n)
				e.note(n)
			}
		}
	}
	if fails && e.From.Kind == policy.FromService {
		e.Verdict = Denied
	}
}
