// Package targets holds what all outputs of the compiler share: manifests and the order in which they are applied, the
// files of a delivery and the lock that identifies them, and the YAML writer.
//
// A [Target] turns a policy into manifests. [Layout] turns manifests into files, with a kustomization.yaml for each
// folder and a [Lock] with a digest of each file. Packages folder and gitops deliver the files. All output is
// deterministic: the same policy gives the same bytes.
//
// The package knows the checked policy, never the language. It does not touch the disk.
package targets

import (
	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/network"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// Target turns a policy into manifests. It is a [Mesh] or a [Network], which also reads manifests for the analysis. The
// two share no code: what Read makes of the bytes that Emit gives is the proof of a build. What a target cannot express
// is a finding, never a silent loss.
type Target interface {
	Name() string // as `targets` of meshc.yaml has it
	Emit(*policy.Policy) ([]Manifest, diag.List)
}

// Mesh is a target whose manifests proxies enforce.
type Mesh interface {
	Target
	Read([]*source.File, enforce.Mesh) (*enforce.Layer, diag.List)
}

// Scoped is a target whose objects in a namespace follow from what the policy says about that namespace, and about
// callers.
type Scoped interface {
	Mesh
	// In returns the target that makes the objects of some namespaces and of the whole mesh alone. It is nil if by its
	// settings objects follow from more.
	In(policy.Scope) Mesh
}

// Network is a target whose manifests the network enforces.
type Network interface {
	Target
	Isolates() [2]bool // by direction: whether it closes pods of the project to connections that no edge needs
	Read([]*source.File) (*network.Layer, diag.List)
}

// Meshless is a target for clusters without a mesh: one network enforces all that it emits, also whom pods may call.
type Meshless interface {
	Mesh
	Isolates() [2]bool
	ReadNetwork([]*source.File) (*network.Layer, diag.List)
}

// Manifest is one Kubernetes object, ready to be written.
type Manifest struct {
	APIVersion string
	Kind       string
	Namespace  string
	Name       string
	Folder     string // of its target in a delivery; empty where there is only one
	Wave       int    // from 0 to 99; a lower wave is applied first
	YAML       string // the object as block-style YAML, ending in a newline, without `---`
}
