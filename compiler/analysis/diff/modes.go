package diff

import (
	"cmp"
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/analysis/enforce"
)

// modePair is a mode on both sides, and what sets it.
type modePair struct {
	old, new enforce.Mode
	was, is  *enforce.Object
}

func (p modePair) changed() bool { return p.old != p.new }

func (p modePair) like(q modePair) bool { return p.old == q.old && p.new == q.new }

// modes finds the widest scope of each change of mode: that of a namespace is not repeated for each of its services.
func (d *differ) modes(workloads []workload) {
	at := func(w *workload, port uint16) modePair {
		old, was := w.a.Mode(port)
		now, is := w.b.Mode(port)
		return modePair{old, now, was, is}
	}
	scopes := map[string]modePair{} // by namespace
	for i := range workloads {
		if w := &workloads[i]; w.callee.Rest() {
			scopes[w.callee.Namespace] = at(w, 0)
		}
	}
	wide := scopes[""] // of namespaces that nothing names
	add := func(m ModeChange, p modePair) {
		m.Old, m.New = p.old, p.new
		by := p.is
		if m.Gone = by == nil; m.Gone {
			by = p.was
		}
		if by != nil {
			o := origin(by)
			m.File, m.Because = strings.Join(o.Files, ", "), strings.Join(o.Because, "; ")
		}
		d.diff.Modes = append(d.diff.Modes, m)
	}
	if wide.changed() {
		add(ModeChange{}, wide)
	}
	for i := range workloads {
		w := &workloads[i]
		if w.same {
			continue
		}
		own := at(w, 0)
		if w.callee.Rest() {
			if mesh := w.callee.Namespace; mesh != "" && own.changed() && !own.like(wide) {
				add(ModeChange{Mesh: mesh}, own)
			}
			continue
		}
		if own.changed() && !own.like(scopes[w.callee.Namespace]) {
			add(ModeChange{Callee: &w.callee}, own)
		}
		var ports []uint16
		for _, p := range slices.Concat(w.a.Peers, w.b.Peers) {
			ports = append(ports, p.Mentions().Ports...)
		}
		slices.Sort(ports)
		for _, port := range slices.Compact(ports) {
			if p := at(w, port); p.changed() && !p.like(own) {
				add(ModeChange{Callee: &w.callee, Port: port}, p)
			}
		}
	}
	slices.SortStableFunc(d.diff.Modes, func(a, b ModeChange) int { return cmp.Compare(a.Scope(), b.Scope()) })
}
