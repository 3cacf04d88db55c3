// Package targets is what every kind of output has in common: a manifest, the order in which
// manifests are applied, and the one deterministic YAML writer.
//
// It knows the checked policy, never the language.
package targets

import (
	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// Target turns a policy into manifests, and reads manifests for the analysis. The two share no code: what Read makes of
// the bytes that Emit gives is the proof of a build. What a target cannot express is a finding, never a silent loss.
type Target interface {
	Name() string // as `targets` of meshc.yaml has it
	Emit(*policy.Policy) ([]Manifest, diag.List)
	Read([]*source.File, enforce.Mesh) (*enforce.Layer, diag.List)
}

// Manifest is one Kubernetes object, ready to be written.
type Manifest struct {
	APIVersion string
	Kind       string
	Namespace  string
	Name       string
	Wave       int    // the step of an apply that it belongs to, from 0 to 99: lower goes first
	YAML       []byte // the object as block-style YAML, ending in a newline, without `---`
}
