package network

import "github.com/meshc/meshc/compiler/policy"

// Ends is the pods that Prove is about.
func (in *Intents) Ends() []*policy.Service { return in.ends() }

// Both is what the two proofs of a service say: whether policies say word for word what is granted, and the witnesses
// of its classes.
func (in *Intents) Both(l *Layer, d Direction, isolates bool, s *policy.Service) (literal bool, witnesses []string) {
	pods, p := PodsOf(s), prover{Intents: in}
	point, isolated := l.For(pods), isolates && in.isolated(d, s)
	literal = p.sayTheSame(point, d, isolated, s, &pods)
	return literal, in.proveClasses(point, d, isolated, s, p.grants)
}
