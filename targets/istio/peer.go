package istio

import (
	"cmp"
	"slices"

	"istio.io/api/security/v1beta1"
	selector "istio.io/api/type/v1beta1"

	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/targets"
)

var mtlsModes = [...]v1beta1.PeerAuthentication_MutualTLS_Mode{
	policy.ModeUnset:  v1beta1.PeerAuthentication_MutualTLS_UNSET,
	policy.Disable:    v1beta1.PeerAuthentication_MutualTLS_DISABLE,
	policy.Permissive: v1beta1.PeerAuthentication_MutualTLS_PERMISSIVE,
	policy.Strict:     v1beta1.PeerAuthentication_MutualTLS_STRICT,
}

// meshWide emits the objects of the root namespace that bind every namespace.
func (b *builder) meshWide() {
	if !b.ClosedAt.IsZero() {
		b.defaultDeny(b.root, targets.OfSpan(b.ClosedAt), b.Services())
	}
	if b.Mode != policy.ModeUnset {
		b.peer(b.root, "default", targets.OfSpan(b.ModeAt), b.Mode, nil, nil)
	}
}

// workloadMode emits the PeerAuthentication of one workload, with its mode and those of its ports. There is only one:
// if two select a workload, Istio silently ignores the newer one. It states the mode even if that is inherited.
// Otherwise an apply that moves a mode from the workload to the namespace would leave the workload without either for a
// moment.
func (b *builder) workloadMode(m *policy.Mesh, s *policy.Service) {
	if s.Mode == policy.ModeUnset && !slices.ContainsFunc(s.Ports, hasMode) {
		return
	}
	if s.Name == "default" {
		b.findings.Add(diag.Inexpressible, s.At, "the service %s cannot have an mTLS mode of its own", s.ID()).
			WithNote("the PeerAuthentication of a workload is named after it, and `default` is that of the namespace").
			WithHelp("give the service another name, or the mesh the mode")
		return
	}
	b.peer(m.Name, s.Name, targets.OfFiles(m.Files), cmp.Or(s.Mode, m.Mode, b.Mode), s.Ports, s.Labels, m.Mode, b.Mode)
}

func hasMode(p policy.Port) bool { return p.Mode != policy.ModeUnset }

// peer emits a PeerAuthentication. The modes around it are those with a wider scope, of the namespace and the mesh: the
// more there are, the earlier it is applied. A mode that is looser than the one around it is applied before that
// becomes strict.
func (b *builder) peer(namespace, name string, why targets.Origin, mode policy.Mode, ports []policy.Port, labels []policy.Label, around ...policy.Mode) {
	spec := &v1beta1.PeerAuthentication{Selector: selectorOf(labels)}
	if mode != policy.ModeUnset {
		spec.Mtls = mutualTLS(mode)
	}
	strict := mode == policy.Strict || slices.Contains(around, policy.Strict)
	for _, p := range ports {
		if !hasMode(p) {
			continue
		}
		if spec.PortLevelMtls == nil {
			spec.PortLevelMtls = map[uint32]*v1beta1.PeerAuthentication_MutualTLS{}
		}
		spec.PortLevelMtls[uint32(p.Number)] = mutualTLS(p.Mode) // container ports: istio/istio#49098
		strict = strict || p.Mode == policy.Strict
	}
	wave := waveLoose
	if strict {
		wave = waveStrict
	}
	wave += 2 - len(around)
	b.add(b.draft(wave, b.security, "PeerAuthentication", namespace, name, why, spec))
}

func mutualTLS(mode policy.Mode) *v1beta1.PeerAuthentication_MutualTLS {
	return &v1beta1.PeerAuthentication_MutualTLS{Mode: mtlsModes[mode]}
}

// selectorOf returns the selector of labels; without any, nil, which selects a whole namespace.
func selectorOf(labels []policy.Label) *selector.WorkloadSelector {
	if len(labels) == 0 {
		return nil
	}
	return &selector.WorkloadSelector{MatchLabels: labelMap(labels)}
}

func labelMap(labels []policy.Label) map[string]string {
	m := make(map[string]string, len(labels))
	for _, l := range labels {
		m[l.Key] = l.Value
	}
	return m
}
