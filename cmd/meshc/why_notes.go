package main

import (
	"fmt"
	"strings"

	"github.com/meshc/meshc/compiler"
	"github.com/meshc/meshc/compiler/analysis/explain"
	"github.com/meshc/meshc/compiler/policy"
)

// notes is the notes of an answer in words.
func (r *reason) notes() []string {
	notes := r.egressNotes()
	if len(r.UDP) > 0 {
		notes = append(notes, fmt.Sprintf("no proxy sees UDP, so everyone who reaches %s may call its UDP port %s", r.To.ID(), join(r.UDP, ", ")))
	}
	for _, n := range r.Notes {
		notes = append(notes, r.noteText(n))
	}
	return append(notes, r.besideNotes()...)
}

// besideNotes names the policies among the manifests of workloads that an answer leaves out.
func (r *reason) besideNotes() (notes []string) {
	if r.build == nil || r.To == nil {
		return nil
	}
	const most = 3
	all := r.build.Beside(r.To)
	for _, o := range all[:min(most, len(all))] {
		if o.Unplaced {
			notes = append(notes, fmt.Sprintf("the %s %s (%s), whose file names no namespace, may be in force too, and this answer leaves it out", o.Kind, o.Name, r.place(o.At)))
			continue
		}
		notes = append(notes, fmt.Sprintf("the %s (%s) is in force too, and this answer leaves it out", o.ID(), r.place(o.At)))
	}
	if more := len(all) - most; more > 0 {
		notes = append(notes, fmt.Sprintf("not named here: %d more; `meshc check` says how to see what all of them let through", more))
	}
	return notes
}

func (r *reason) noteText(n explain.Note) string {
	switch n := n.(type) {
	case explain.AccountOfNobody:
		return fmt.Sprintf("%s runs as the account %s; no workload runs as the account %s, which policies name", n.Caller.ID(), n.Caller.Account, n.Account.Account)
	case explain.AnyPod:
		return fmt.Sprintf("no policy selects pods of %s by their labels, so this is for any pod of the namespace; --workloads says which pods %s has", n.Service.Namespace, n.Service.ID())
	case explain.MayBind:
		several := ""
		if more := len(n.Policies) - 1; more > 0 {
			several = fmt.Sprintf(", and that %d more do,", more)
		}
		return fmt.Sprintf("it is not known that the %s %s selects the pods of %s%s: that depends on their other labels; pass --workloads to be sure", n.Policies[0].Kind, n.Policies[0].ID(), n.Service.ID(), several)
	case explain.Assumed:
		return n.String()
	case explain.CalleeOutside:
		return n.Service.ID() + " has no proxy" + dataplane(n.Service) + ": no policy binds it, and every caller that reaches it on the network may call it, in plaintext"
	case explain.CalleeGateway:
		return n.Service.ID() + " is a gateway" + dataplane(n.Service) + ": who may connect, and who proves an identity, is up to its listeners, which are not judged"
	case explain.CalleeUnjudged:
		return "what is enforced in front of " + n.Service.ID() + " is not judged" + dataplane(n.Service)
	case explain.CallerUnjudged:
		return "whether " + n.Service.ID() + " proves its identity is not judged" + dataplane(n.Service)
	case explain.CallerOutside:
		return n.Service.ID() + " has no proxy" + dataplane(n.Service) + ", and so no identity and no mutual TLS"
	case explain.DeclaredOnly:
		if n.Mesh.Open {
			return "mesh " + n.Mesh.Name + " is open: a service there is closed by its first edge"
		}
		return n.Mesh.Name + " only declares services here, so nothing closes it: its owner may have"
	case explain.DryRun:
		return compiler.DryRunNote(n.Environment)
	case explain.Leads:
		to := n.Route.To.ID()
		if n.Route.Port != 0 {
			to = fmt.Sprintf("%s:%d", to, n.Route.Port)
		}
		if n.Unrouted {
			return fmt.Sprintf("no route of the gateway %s leads to %s, so it passes nothing on to there", n.Gateway.ID(), to)
		}
		return fmt.Sprintf("the gateway %s passes calls on to %s: %s at %s", n.Gateway.ID(), to, n.Route.By, r.place(n.Route.At))
	case explain.Opened:
		switch {
		case n.Refused != "" && n.Some && n.Unanswered:
			return "calls through a sidecar may fail: " + n.Refused
		case n.Refused != "" && n.Some:
			return "callers with a sidecar may be refused: " + n.Refused
		case n.Refused == "" && n.Anonymous():
			return n.String() + ", so they have no identity"
		case n.Unanswered:
			return "the call fails: " + n.Refused
		}
		return n.String()
	case explain.SeenPath:
		return fmt.Sprintf("a proxy turns the path %s into %s before policies see it, with Istio's default pathNormalization", n.Written, n.Seen)
	case explain.ServicePort:
		return fmt.Sprintf("%d is a port of a Kubernetes Service of %s: this is for the container port %d, which policies see", n.Port, n.Service.ID(), n.For)
	case explain.TakenForPod:
		return fmt.Sprintf("%s is taken for a pod of %s", n.Name, n.Service.ID())
	case explain.UnknownAccount:
		return fmt.Sprintf("the account of %s is not known, so this is for all of them; --workloads says which it is", n.Service.ID())
	case explain.UnnamedAccount:
		return fmt.Sprintf("no policy names %s: it is assumed to be the account %s of the namespace %s", n.Name, n.Account, n.Namespace)
	}
	return ""
}

// dataplane is what shows the data plane of a service, in brackets.
func dataplane(s *policy.Service) string {
	if s.DataplaneWhy == "" {
		return ""
	}
	return " (" + s.DataplaneWhy + ")"
}

// egressNotes says why a call to an external is decided as it is.
func (r *reason) egressNotes() (notes []string) {
	if r.Egress == nil {
		return nil
	}
	x := r.External
	id := x.ID()
	hosts := strings.Join(x.Hosts, ", ")
	if r.Egress.Meshless {
		notes = append(notes, fmt.Sprintf("%s (%s) is outside the cluster", id, hosts))
	} else {
		notes = append(notes, fmt.Sprintf("%s (%s) is outside the mesh: no policy binds it and it has no mutual TLS of the mesh; the ServiceEntry %s makes it known", id, hosts, id))
	}
	switch {
	case r.Egress.Declared:
	case r.Egress.Meshless:
		notes = append(notes, fmt.Sprintf("port %d is not declared for it", r.Port))
	default:
		notes = append(notes, fmt.Sprintf("port %d is not declared for it, so it is not in the ServiceEntry", r.Port))
	}
	from := r.From.String()
	if by := r.Egress.By; r.Egress.Ambient && (by == explain.NoSidecars || by == explain.CallerHasNone) {
		return append(notes, "no edge of "+from+" leads to it, and no proxy stops such a call of pods in ambient mode: with `targets: {istio: {}, networkPolicy: {egress: true}}` in meshc.yaml the network keeps them to the ports that their edges name")
	}
	switch r.Egress.By {
	case explain.ByEdge:
		return append(notes, "an edge leads to it")
	case explain.NoSidecars:
		return append(notes, "no edge of "+from+" leads to it, and nothing in the mesh stops such a call: `targets.istio.sidecars: true` in meshc.yaml does, and so does REGISTRY_ONLY as the mesh's outboundTrafficPolicy")
	case explain.OpenNetwork:
		return append(notes, "no edge of "+from+" leads to it, and nothing limits what pods call: `targets: {cilium: {egress: true}}` in meshc.yaml does")
	case explain.ByNetwork:
		return append(notes, "what pods call is up to the network")
	case explain.CallerHasNone:
		return append(notes, "no edge of "+from+" leads to it, and it has no Sidecar that would stop the call")
	case explain.SomeSidecars:
		return append(notes, "of "+from+", edges of "+join(r.Egress.Callers, ", ")+" lead to it; the Sidecars of the others stop such calls")
	case explain.UnknownCallers:
		return append(notes, "the Sidecars of this project stop such calls, and callers without one may make them")
	}
	return append(notes, "no edge of "+from+" leads to it, and a Sidecar lets its workload call nothing else")
}
