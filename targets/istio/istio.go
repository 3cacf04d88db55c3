// Package istio turns a policy into Istio's objects.
package istio

import (
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/targets"
)

// Options of the target. The zero value is a good default.
type Options struct {
	APIVersion     string // security.istio.io/v1 (default) or security.istio.io/v1beta1 for Istio before 1.22
	WithNamespaces bool   // also emit Namespace objects that ask for injection
	Injection      string // revision that they ask for; empty: istio-injection=enabled
	Sidecars       bool   // also emit a Sidecar per workload with the hosts that its edges name
}

// New makes the target.
func New(o Options) targets.Target { return &target{o} }

type target struct{ Options }

func (t *target) Name() string { return "istio" }

func (t *target) Emit(p *policy.Policy) ([]targets.Manifest, diag.List) { return nil, nil }
