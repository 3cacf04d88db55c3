package explain

import (
	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/model"
	"github.com/meshc/meshc/compiler/policy"
)

// Note is something to know about an answer that its verdict does not say. Each kind of note is a type.
type Note interface{ note() }

type (
	// Assumed is something that the answer depends on and manifests do not say.
	Assumed struct{ model.Assumption }

	// CalleeOutside is a callee without a proxy: no policy binds it, and every caller that reaches it may call it.
	CalleeOutside struct{ Service *policy.Service }

	// CallerOutside is a caller without a proxy, which has no identity and no mutual TLS.
	CallerOutside struct{ Service *policy.Service }

	// DeclaredOnly is the mesh of a callee that only declares services, so that this project does not close it.
	DeclaredOnly struct{ Mesh *policy.Mesh }

	// DryRun is an environment whose policies are logged and not enforced.
	DryRun struct{ Environment string }

	// Opened is what a DestinationRule has the callers open, which the answer does not take into account.
	Opened struct {
		TLS  enforce.ClientTLS
		Rule *enforce.Destination
	}

	// UnknownAccount is a caller whose account nothing says: the answer is for every account.
	UnknownAccount struct{ Service *policy.Service }

	// UnnamedAccount is a caller that no policy names: its name was taken for an account.
	UnnamedAccount struct{ Name, Namespace, Account string }
)

func (Assumed) note()        {}
func (CalleeOutside) note()  {}
func (CallerOutside) note()  {}
func (DeclaredOnly) note()   {}
func (DryRun) note()         {}
func (Opened) note()         {}
func (UnknownAccount) note() {}
func (UnnamedAccount) note() {}
