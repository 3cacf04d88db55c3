package model

import "github.com/meshc/meshc/compiler/policy"

// Both is what the two proofs of a service say: whether manifests say word for word what its rules mean, and the
// witnesses of its classes.
func (m *Model) Both(s *policy.Service) (literal bool, witnesses []string, err error) {
	p, with := proof{model: m, of: s, moving: s.Moving}, new(prover)
	at := m.bound(s)
	literal = with.equal(m, s, at)
	witnesses, err = p.proveClasses(with, at)
	return literal, witnesses, err
}
