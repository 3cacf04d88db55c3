package enforce

import "github.com/meshc/meshc/compiler/analysis/space"

// Differ reports whether one clause matches requests that another surely does not match, and the other way round. The
// error is space.ErrTooMany.
func (m *Layer) Differ(a, b *Clause) (more, less bool, err error) {
	var build space.Builder
	build.Reset(m.Table)
	clauses := [...]*Clause{a, b}
	for _, c := range clauses {
		build.Distinguish(c.From)
		build.Distinguish(c.To)
	}
	if _, err := build.Divide(m.Mesh.TrustDomain); err != nil {
		return false, false, err
	}
	build.Connections(true)
	var always, sure [len(clauses)]bool
	var yes, may [len(clauses)]space.Set
	for i, c := range clauses {
		var perhaps space.Set
		yes[i], perhaps = build.Callers(c.From)
		may[i] = append(space.Set(nil), yes[i]...)
		if perhaps != nil {
			may[i].AddAll(perhaps)
		}
		for _, box := range c.To {
			always[i] = build.Add(box, int32(i)) || always[i]
		}
	}
	err = build.Walk(func(_ *space.Request, in []int32) {
		matches := always
		sure = always
		for _, n := range in {
			if box := build.Box(n); box.Owner >= 0 {
				matches[box.Owner] = true
				sure[box.Owner] = sure[box.Owner] || box.Sure
			}
		}
		beyond := func(i, j int) bool {
			switch {
			case !matches[i]:
				return false
			case !sure[j]:
				return !may[i].Empty()
			}
			return !may[i].Minus(yes[j]).Empty()
		}
		more, less = more || beyond(0, 1), less || beyond(1, 0)
	})
	return more, less, err
}
