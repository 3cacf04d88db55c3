package istio

import (
	"slices"

	"github.com/meshc/meshc/compiler/policy"
)

// A service whose pods move from sidecars to ambient mode has its rules in both places at once. Its waypoint has those of a
// service in ambient mode. Its pods have those of a service with sidecars, and let the waypoint in: a sidecar enforces all of
// them, and ztunnel leaves out what lets in operations. A deny of operations is one of the whole port to ztunnel, so it names
// the port and leaves out the waypoint, which enforces it for whoever passes.

// authorizeMoving emits the policies of a service behind a waypoint while its pods move.
func (b *builder) authorizeMoving(s *policy.Service, ways []policy.Front) {
	b.authorizeAtWaypoints(s, ways)
	to := placeOf(s)
	pods := *s
	pods.Dataplane, pods.Fronts = policy.Sidecar, nil
	behind := allow
	behind.wave = waveBehind
	b.policies(&pods, slices.Concat(b.relayed(s, ways), s.Allow), behind, to)
	denied := slices.DeleteFunc(slices.Clone(s.Deny), func(r policy.Rule) bool { return r.EveryPod })
	for i := range denied {
		r := &denied[i]
		if r.OfHTTP() && len(r.Ports) == 0 {
			r.Ports = targetsOf(ways)
		}
		*r = sparing(*r, ways)
	}
	b.policies(&pods, denied, deny, to)
}
