package audit

import (
	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/model"
	"github.com/meshc/meshc/lang/diag"
)

// waypoints reports what a waypoint does not keep from a service behind it: calls to the addresses of pods that it would refuse, and
// whoever it passes on because no policy binds it.
func (r *Report) waypoints(m *model.Model, split *model.Split) {
	s := split.Service
	closed := model.DeniesByDefault(m.Callee(s))
	around, open := false, false
	for i := range split.Operations {
		class := &split.Operations[i]
		if !model.Occurs(s, &class.Request) || around && open {
			continue
		}
		for _, d := range split.Decide(class, 0) {
			if d.Way == nil {
				continue
			}
			w, witness := d.Way.Waypoint.ID(), m.Caller(split.Sources[d.Sources.First()])+" -> "+split.Target(&class.Request)
			switch {
			case d.Around && d.Behind && !around:
				around = true
				r.Add(diag.Warning, Waypoint, s.At, "the pods of %s do not let the waypoint %s in, and let in calls to their addresses: %s; let them in %s, the account of the waypoint, and nobody else", s.ID(), w, witness, m.Policy.Principal(d.Way.Waypoint))
			case d.Around && !around:
				around = true
				r.Add(diag.Warning, Waypoint, s.At, "calls to the addresses of the pods of %s get around the waypoint %s, which refuses them: %s; let the pods in %s, the account of the waypoint, and nobody else", s.ID(), w, witness, m.Policy.Principal(d.Way.Waypoint))
			case d.Reason == enforce.NoPolicy && d.Verdict == enforce.Allowed && !d.Behind && closed && !open:
				open = true
				r.Add(diag.Warning, Waypoint, s.At, "the waypoint %s passes everyone on to %s, whose pods let it in: no policy binds the Service %[3]s there; add an AuthorizationPolicy that names its callers and has `targetRefs` to this Service, or one without rules and with `targetRefs` to the Gateway %[1]s", w, s.ID(), d.Way.Host)
			}
		}
	}
}
