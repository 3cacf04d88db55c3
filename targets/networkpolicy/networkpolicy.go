// Package networkpolicy turns a policy into Kubernetes NetworkPolicies, in addition to what makes proxies enforce it:
// the network then closes what no edge opens, also around a proxy and to pods that have none.
//
// A NetworkPolicy identifies pods by their labels and sees only connections. What is emitted for a mesh, and the step
// of an apply (the wave) that each object belongs to:
//
//	20     NetworkPolicy NAME-ingress            who may call NAME, one object per callee
//	20     NetworkPolicy waypoint.NAME-ingress   who calls through a waypoint of a closed namespace
//	20     NetworkPolicy NAME-egress             with Options.Egress: whom NAME may call, one object per caller
//	20     NetworkPolicy waypoint.NAME-egress    the same for a waypoint
//	21     NetworkPolicy pods-ingress            who may call every pod of the namespace
//	30     NetworkPolicy default-deny            isolates all pods of the namespace
//
// An object isolates its pods as soon as it exists, so each contains everything that its pods need.
//
// The network must allow whatever a proxy allows. A source that cannot be distinguished from others by labels
// therefore includes all of them, with a finding; so does what a deny stops, unless an edge can be left out for it. A
// dry run emits nothing, because NetworkPolicies have none. See package compiler/analysis/network, which proves the
// result.
package networkpolicy

import (
	"github.com/meshc/meshc/compiler/analysis/network"
	"github.com/meshc/meshc/compiler/config"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
	"github.com/meshc/meshc/targets"
	"github.com/meshc/meshc/targets/networkpolicy/read"
)

// Name is the name of the target in meshc.yaml.
const Name = "networkPolicy"

// Options of the target. The zero value is the default.
type Options struct {
	Egress bool // pods of closed namespaces may call nobody but whom an edge names, and what they need to run
}

// FromSettings makes the target with the settings of targets.networkPolicy of meshc.yaml.
func FromSettings(s config.Section, _ bool) (targets.Target, diag.List) {
	o := Options{}
	found := s.Read(config.Flag("egress", &o.Egress))
	return New(o), found
}

// New makes the target.
func New(o Options) targets.Target { return target{o} }

type target struct{ Options }

func (target) Name() string { return Name }

func (t target) Isolates() [2]bool {
	return [2]bool{network.Ingress: true, network.Egress: t.Egress}
}

// Read reads NetworkPolicies: see package read.
func (target) Read(files []*source.File) (*network.Layer, diag.List) { return read.Files(files, "") }

// Emit returns the manifests of a policy in the order of an apply, and findings about where the network is wider than
// the intents.
func (t target) Emit(p *policy.Policy) ([]targets.Manifest, diag.List) {
	if p.DryRun {
		return nil, nil
	}
	e := newEmission(t.Options, p)
	for _, m := range p.Meshes {
		e.mesh(m)
	}
	e.gates()
	e.unnamed()
	e.hidden()
	return targets.Sorted(e.manifests), e.findings.Sort()
}
