package check

import (
	"slices"

	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// bound reports whether some policy or mode selects the pods of the service.
func (s *service) bound() bool {
	return s.Proxied() && (len(s.allow)+len(s.deny)+len(s.ask) > 0 || s.Mode != policy.ModeUnset ||
		slices.ContainsFunc(s.Verifies, func(v policy.Verification) bool { return !v.EveryPod }) ||
		slices.ContainsFunc(s.Ports, func(p policy.Port) bool { return p.Mode != policy.ModeUnset }))
}

// selectable reports a workload whose pods no policy could find.
func (c *checker) selectable(s *service) {
	if len(s.Labels) == 0 {
		c.list.Add(diag.SelectorMismatch, either(s.workloads[0].LabelsAt, s.At), "the pods of %s have no label in common", s.Name).
			WithHelp("a policy finds its pods by labels: give them one, such as `app: %s`", s.Name)
	}
}

// nameable reports a workload whose name from the manifests cannot be the name of a policy.
func (c *checker) nameable(s *service) {
	if s.decl == nil && !policy.IsLabel(s.Name) {
		c.list.Add(diag.InvalidName, s.At, "%s cannot be the name of a policy", quoted(s.Name)).
			WithHelp("declare the service under a name of lower-case letters, digits and `-`, with this workload's label: `service NAME label app=%s`", s.Name)
	}
}

// overlaps reports a selector that also matches pods of another service of the mesh.
func (c *checker) overlaps(m *mesh) {
	holders := map[policy.Label][]*service{} // services some pods of which carry a label
	for _, s := range m.services {
		if !s.Proxied() && s.decl != nil && len(s.workloads) == 0 {
			continue // no pods in the cluster
		}
		if len(s.workloads) == 0 {
			for _, l := range s.Labels {
				holders[l] = append(holders[l], s)
			}
			continue
		}
		seen := map[policy.Label]bool{}
		for _, w := range s.workloads {
			for k, v := range w.Labels {
				if l := (policy.Label{Key: k, Value: v}); !seen[l] {
					seen[l] = true
					holders[l] = append(holders[l], s)
				}
			}
		}
	}
	for _, s := range m.services {
		if !s.bound() || len(s.Labels) == 0 {
			continue
		}
		for _, other := range holders[s.Labels[0]] {
			if other != s && other.carries(s.Labels) {
				at := s.At
				if s.decl != nil && len(s.decl.Labels) > 0 {
					at = s.decl.Labels[0].Key.Range.To(s.decl.Labels[len(s.decl.Labels)-1].Value.Range)
				}
				c.list.Add(diag.OverlappingSelectors, at, "the selector of %s also matches the pods of %s", s.Name, other.Name).
					WithRelated(other.podsAt(), "the pods of %s", other.Name).
					WithNote("a policy for %s (%s) would bind them too", s.Name, selectorText(s.Labels)).
					WithHelp("add a label that only the pods of %s have", s.Name)
				break
			}
		}
	}
}

// carries reports whether some pod of a service has all of these labels.
func (s *service) carries(selector []policy.Label) bool {
	if len(s.workloads) == 0 {
		for _, l := range selector {
			if !slices.Contains(s.Labels, l) {
				return false
			}
		}
		return true
	}
	for _, w := range s.workloads {
		if selects(selector, w.Labels) {
			return true
		}
	}
	return false
}

func (s *service) podsAt() source.Span {
	if len(s.workloads) > 0 {
		return s.workloads[0].LabelsAt
	}
	return s.At
}

func selectorText(labels []policy.Label) string {
	text := ""
	for i, l := range labels {
		if i > 0 {
			text += ","
		}
		text += l.Key + "=" + l.Value
	}
	return text
}
