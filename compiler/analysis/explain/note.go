package explain

import (
	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/model"
	"github.com/meshc/meshc/compiler/policy"
)

// Note is something to know about an answer that its verdict does not say. Each kind of note is a type.
type Note interface{ note() }

type (
	// AnyPod is a callee that no policy selects: the answer is for a pod that only the policies of its namespace bind.
	AnyPod struct{ Service *policy.Service }

	// Assumed is something that the answer depends on and manifests do not say.
	Assumed struct{ model.Assumption }

	// AccountOfNobody is an account that policies name, that no workload runs as, and that is called like the caller.
	AccountOfNobody struct{ Account, Caller *policy.Service }

	// CalleeOutside is a callee without a proxy: no policy binds it, and every caller that reaches it may call it.
	CalleeOutside struct{ Service *policy.Service }

	// CallerOutside is a caller without a proxy, which has no identity and no mutual TLS.
	CallerOutside struct{ Service *policy.Service }

	// CallerUnjudged is a caller of which it is not known how it calls, and so whether it proves its identity.
	CallerUnjudged struct{ Service *policy.Service }

	// DeclaredOnly is the mesh of a callee that this project does not close, as the mesh only declares services, or is
	// open.
	DeclaredOnly struct{ Mesh *policy.Mesh }

	// DryRun is an environment whose policies are logged and not enforced.
	DryRun struct{ Environment string }

	// CalleeGateway is a callee at the edge of the mesh: its listeners decide who may connect and who proves an
	// identity.
	CalleeGateway struct{ Service *policy.Service }

	// CalleeUnjudged is a callee in front of which something is enforced that is not judged.
	CalleeUnjudged struct{ Service *policy.Service }

	// Leads is where a gateway passes calls on to, or along which route to the callee; Unrouted where it has none
	// there.
	Leads struct {
		Gateway  *policy.Service
		Route    policy.Route
		Unrouted bool
	}

	// MayBind is policies that may bind the callee, by labels of its pods that are not known.
	MayBind struct {
		Service  *policy.Service
		Policies []*enforce.Object
	}

	// Opened is what something has the sidecars of callers open.
	Opened struct {
		model.Way
		Refused    string // why a port does not take it; empty where it does
		Unanswered bool   // the port bypasses the proxy of the callee
		Some       bool   // callers may have no sidecar, or another way
	}

	// SeenPath is a path that a proxy changes before policies see it.
	SeenPath struct{ Written, Seen string }

	// ServicePort is a port of a Kubernetes Service in place of the container port that it leads to.
	ServicePort struct {
		Service   *policy.Service
		Port, For uint16
	}

	// TakenForPod is a name that was taken for a pod of a service.
	TakenForPod struct {
		Name    string
		Service *policy.Service
	}

	// UnknownAccount is a caller whose account nothing says: the answer is for every account.
	UnknownAccount struct{ Service *policy.Service }

	// UnnamedAccount is a caller that no policy names: its name was taken for an account.
	UnnamedAccount struct{ Name, Namespace, Account string }
)

func (AnyPod) note()          {}
func (MayBind) note()         {}
func (SeenPath) note()        {}
func (ServicePort) note()     {}
func (TakenForPod) note()     {}
func (AccountOfNobody) note() {}
func (Assumed) note()         {}
func (CalleeOutside) note()   {}
func (CalleeGateway) note()   {}
func (CalleeUnjudged) note()  {}
func (CallerOutside) note()   {}
func (CallerUnjudged) note()  {}
func (DeclaredOnly) note()    {}
func (DryRun) note()          {}
func (Leads) note()           {}
func (Opened) note()          {}
func (UnknownAccount) note()  {}
func (UnnamedAccount) note()  {}
