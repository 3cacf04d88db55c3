package check

import (
	"slices"
	"strings"

	"github.com/meshc/meshc/lang/diag"
)

// restarts reports services whose pods cannot move to ambient mode one after another: each calls the next with
// operations, and the last the first.
func (c *checker) restarts() {
	c.whole = c.whole || slices.ContainsFunc(c.meshes, func(m *mesh) bool { return m.Moving })
	_, cycle := c.policy.Restarts()
	if len(cycle) == 0 {
		return
	}
	names := []string{cycle[len(cycle)-1].For.ID()}
	for i := range cycle { // callers first
		names = append([]string{cycle[i].For.ID()}, names...)
	}
	d := c.list.Add(diag.RestartCycle, cycle[0].At, "no pods can be the first to move to ambient mode: %s, each with operations", strings.Join(names, " -> ")).
		WithNote("a caller with a sidecar connects directly to the pods, where nothing reads its requests once they are in ambient mode")
	for _, w := range cycle[1:] {
		d.WithRelated(w.At, "a call in the cycle")
	}
	d.WithRelated(cycle[0].For.DataplaneAt, "they move because of this").
		WithHelp("remove the operations of one of these edges until the pods have moved")
}
