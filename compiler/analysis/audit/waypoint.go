package audit

import (
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/model"
	"github.com/meshc/meshc/lang/diag"
)

// waypoints reports what waypoints do not keep from a service behind them: calls to the addresses of pods that they
// would refuse, and whoever one of them passes on because no policy binds it.
func (r *Report) waypoints(m *model.Model, split *model.Split) {
	s := split.Service
	closed := model.DeniesByDefault(m.Callee(s))
	around := false
	open := map[*enforce.Way]bool{}
	for i := range split.Operations {
		class := &split.Operations[i]
		if !model.Occurs(s, &class.Request) {
			continue
		}
		for _, d := range split.Decide(class, 0) {
			if !d.Around || around {
				continue
			}
			around = true
			w, witness := d.Way.Waypoint.ID(), m.Caller(split.Sources[d.Sources.First()])+" -> "+split.Target(&class.Request)
			if d.Behind {
				r.Add(diag.Warning, Waypoint, s.At, "the pods of %s do not let the waypoint %s in, and let in calls to their addresses: %s; let them in %s, and nobody else", s.ID(), w, witness, waypointAccounts(m, split))
			} else {
				r.Add(diag.Warning, Waypoint, s.At, "calls to the addresses of the pods of %s get around the waypoint %s, which refuses them: %s; let the pods in %s, and nobody else", s.ID(), w, witness, waypointAccounts(m, split))
			}
		}
		if !closed {
			continue
		}
		split.EachWay(class, 0, func(w *enforce.Way, d enforce.Decided) {
			if d.Reason == enforce.NoPolicy && d.Verdict == enforce.Allowed && !d.Behind && !open[w] {
				open[w] = true
				r.Add(diag.Warning, Waypoint, s.At, "the waypoint %s passes everyone on to %s, whose pods let it in: no policy binds the Service %[3]s there; add an AuthorizationPolicy that names its callers and has `targetRefs` to this Service, or one without rules and with `targetRefs` to the Gateway %[1]s", w.Waypoint.ID(), s.ID(), w.Host)
			}
		})
	}
}

// waypointAccounts says as whom the waypoints in front of a service call it.
func waypointAccounts(m *model.Model, split *model.Split) string {
	var all []string
	for _, f := range split.Service.Through() {
		if principal := m.Policy.Principal(f.Waypoint); !slices.Contains(all, principal) {
			all = append(all, principal)
		}
	}
	if len(all) == 1 {
		return all[0] + ", the account of the waypoint"
	}
	return strings.Join(all, " and ") + ", the accounts of the waypoints"
}
