package explain

import (
	"slices"

	"github.com/meshc/meshc/compiler/policy"
)

// Egress is what decides about a call to an external. No policy binds an external, so only a Sidecar of the caller can stop a
// call.
type Egress struct {
	Declared bool            // the external has the port that is asked about
	By       EgressReason    // why the call is decided as it is
	Callers  []policy.Source // for SomeSidecars: those of the source that edges let call it
}

// EgressReason is why a call to an external is allowed or denied.
type EgressReason uint8

const (
	ByEdge         EgressReason = iota // an edge leads to it
	NoSidecars                         // no edge does, and the project has no Sidecars
	CallerHasNone                      // no edge does, and the caller has no Sidecar
	SomeSidecars                       // edges of some of the callers lead to it, and Sidecars stop the others
	UnknownCallers                     // Sidecars of this project stop callers, and there may be others without one
	StoppedByOwn                       // no edge does, and the caller's own Sidecar stops the call
)

// external answers for an external.
func (e *explaining) external() error {
	x := e.External
	e.Egress = &Egress{Declared: e.Port == 0 || slices.ContainsFunc(x.Ports, func(p policy.ExternalPort) bool { return p.Number == e.Port })}
	var within []policy.Source // callers of the external that the source includes
	for _, f := range x.Callers {
		if e.From.Includes(f) {
			within = append(within, f)
		}
	}
	declared := e.Egress.Declared
	e.Verdict = Allowed
	switch {
	case declared && policy.Includes(x.Callers, e.From):
		e.Egress.By = ByEdge
	case !e.options.Sidecars:
		e.Egress.By = NoSidecars
	case e.withoutSidecar():
		e.Egress.By = CallerHasNone
	case declared && len(within) > 0:
		e.Verdict, e.Egress.By, e.Egress.Callers = Partly, SomeSidecars, within
	case e.From.Kind == policy.FromAny || e.From.Kind == policy.FromWorld:
		e.Verdict, e.Egress.By = Partly, UnknownCallers
	default:
		e.Verdict, e.Egress.By = Denied, StoppedByOwn
		return e.remedyForExternal()
	}
	return nil
}

// withoutSidecar reports whether the caller has no Sidecar: it has no proxy, or belongs to a mesh that only declares.
func (e *explaining) withoutSidecar() bool {
	mesh := e.From.Mesh
	if s := e.From.Service; s != nil {
		if !s.Proxied() {
			return true
		}
		mesh = s.Namespace
	}
	of := e.model.Mesh(mesh)
	return of != nil && of.Declares
}
