package check

import (
	"strings"

	"github.com/meshc/meshc/lang/diag"
)

// restarts reports services whose pods cannot move to ambient mode one after another: each calls the next with operations, and the
// last the first.
func (c *checker) restarts() {
	_, cycle := c.policy.Restarts()
	if len(cycle) == 0 {
		return
	}
	names := make([]string, len(cycle))
	for i, s := range cycle {
		names[len(cycle)-1-i] = s.ID()
	}
	at := cycle[0]
	d := c.list.Add(diag.RestartCycle, at.At, "no pods can be the first to move to ambient mode: %s, each with operations", strings.Join(append(names, names[0]), " -> ")).
		WithNote("a caller with a sidecar connects to the pods themselves, where nothing reads its requests once they are in ambient mode")
	if len(cycle) == 1 {
		d.WithHelp("leave the operations of its edge to itself out until its pods have moved")
	} else {
		d.WithHelp("leave the operations of one of these edges out until the pods have moved")
	}
	d.WithRelated(at.DataplaneAt, "they move because of this")
}
