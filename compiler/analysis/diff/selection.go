package diff

import (
	"fmt"
	"slices"

	"github.com/meshc/meshc/compiler/policy"
)

// Selection is a service whose policies select by other labels, and which is not known to have the same pods.
type Selection struct {
	Was, Is *policy.Service
}

// String says what is not known.
func (s *Selection) String() string {
	what := "no manifest shows which pods these are"
	if shown(s.Was) && shown(s.Is) {
		what = "these are other pods"
	}
	return fmt.Sprintf("%s was the pods with %s, and is those with %s: %s; `meshc diff` of the folders that both build, with --workloads, says what that opens and closes", s.Is.ID(), labelsText(s.Was.Selector()), labelsText(s.Is.Selector()), what)
}

func shown(s *policy.Service) bool { return len(s.Pods) > 0 }

// selections finds the services of which labels say that they may have other pods, where something selects these.
func (d *differ) selections(workloads []workload) {
	for i := range workloads {
		w := &workloads[i]
		if w.was == nil || w.is == nil || !hasPolicies(w.was) || w.same && !d.Network || slices.Equal(w.was.Labels, w.is.Labels) {
			continue
		}
		if !shown(w.was) || !shown(w.is) || !slices.Equal(podsText(w.was), podsText(w.is)) {
			d.diff.Selections = append(d.diff.Selections, Selection{w.was, w.is})
		}
	}
}

func podsText(s *policy.Service) []string {
	all := make([]string, 0, len(s.Pods))
	for _, labels := range s.Pods {
		all = append(all, labelsText(labels))
	}
	slices.Sort(all)
	return slices.Compact(all)
}
