package istio

import (
	"strconv"

	"istio.io/api/security/v1beta1"

	"github.com/meshc/meshc/compiler/policy"
)

// admit emits the policy of pods that let in waypoints alone. The same waypoint enters most pods of a namespace on the
// same ports, so what the policies of these have in common is made and written once.
func (b *builder) admit(s *policy.Service, rules []policy.Rule, a action, to place) {
	if len(rules) == 0 {
		return
	}
	b.buffer = b.buffer[:0]
	for i := range rules {
		waypoint := rules[i].From[0].Service
		b.buffer = append(append(append(b.buffer, waypoint.Namespace...), '/'), waypoint.Account...)
		for _, port := range rules[i].Ports {
			b.buffer = strconv.AppendUint(append(b.buffer, ':'), uint64(port), 10)
		}
		b.buffer = append(b.buffer, ' ')
	}
	text, known := b.admitted[string(b.buffer)]
	if !known {
		key := string(b.buffer)
		for i := range rules {
			if !b.acceptRule(s, &rules[i], a) {
				return
			}
		}
		b.scratch.reset()
		text = string(writer.AppendFields(b.buffer[:0], &v1beta1.AuthorizationPolicy{Rules: b.scratch.rulesOf(canonical(b.grantsOf(s, rules)))}))
		if b.admitted == nil {
			b.admitted = map[string]string{}
		}
		b.admitted[key] = text
	}
	d := b.draft(a.wave, b.security, "AuthorizationPolicy", s.Namespace, to.name+a.suffix+to.kinds, b.origin(rules), nil)
	b.buffer = writer.Append(b.buffer[:0], &d.Object)
	b.buffer = append(append(b.buffer, "spec:\n"...), text...)
	b.buffer = writer.AppendFields(b.buffer, &v1beta1.AuthorizationPolicy{Selector: to.selector})
	d.yaml = string(b.buffer)
	b.add(d)
}
