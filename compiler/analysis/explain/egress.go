package explain

import (
	"slices"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/network"
	"github.com/meshc/meshc/compiler/policy"
)

// Egress is what decides about a call to an external. No policy binds an external, so only a Sidecar of the caller can
// stop a call, or the network.
type Egress struct {
	Meshless bool            // there is no mesh, and the network alone decides
	Ambient  bool            // the caller is in ambient mode, where a Sidecar has no effect
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
	OpenNetwork                        // no edge does, and without a mesh nothing limits what pods call
	ByNetwork                          // the network does, whatever edges lead to it
)

// external answers for an external.
func (e *explaining) external() error {
	x := e.External
	e.Egress = &Egress{Meshless: e.model.Policy.Meshless, Ambient: e.ambient(), Declared: e.Port == 0 || slices.ContainsFunc(x.Ports, func(p policy.ExternalPort) bool { return p.Number == e.Port })}
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
	case e.model.Policy.Meshless:
		e.Egress.By = OpenNetwork
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
	}
	if e.leave(); e.Verdict == Denied {
		return e.remedyForExternal()
	}
	return nil
}

// leave has the verdict count what the network lets out of the pods of the caller.
func (e *explaining) leave() {
	n := e.model.Network
	if n == nil || !n.Isolates[network.Egress] {
		return
	}
	ports := []uint16{e.Port}
	if e.Port == 0 {
		ports = ports[:0]
		for _, p := range e.External.Ports {
			ports = append(ports, p.Number)
		}
	}
	var seen [enforce.Allowed + 1]bool
	for _, port := range ports {
		v, step := n.Leave(e.From, e.External, network.Port{Protocol: network.TCP, Number: port})
		if step.Policy != nil {
			e.reached(port, false, v, step)
			seen[v] = true
		} else {
			seen[enforce.Allowed] = true
		}
	}
	if of := verdictOf(seen); of == Denied || e.Verdict == Allowed {
		if e.Verdict = of; of != Allowed || e.Egress.By == OpenNetwork {
			e.Egress.By = ByNetwork
		}
	}
}

// withoutSidecar reports whether the caller has no Sidecar: it has no proxy, is in ambient mode, or belongs to a mesh
// that only declares.
func (e *explaining) withoutSidecar() bool {
	mesh := e.From.Mesh
	if s := e.From.Service; s != nil {
		if !s.Proxied() {
			return true
		}
		mesh = s.Namespace
	}
	of := e.model.Mesh(mesh)
	return e.ambient() || of != nil && of.Declares
}

// ambient reports whether the caller, or all of its mesh, is in ambient mode.
func (e *explaining) ambient() bool {
	if s := e.From.Service; s != nil {
		return s.Dataplane == policy.Ambient
	}
	of := e.model.Mesh(e.From.Mesh)
	return of != nil && of.Ambient
}
