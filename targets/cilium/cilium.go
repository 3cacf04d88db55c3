// Package cilium turns a policy into Cilium's objects, for a cluster in which nothing else enforces it.
//
// Callees are pods by their labels, and callers are pods by their namespace and account, which Cilium knows for every
// pod that it manages. Operations become HTTP rules, which Cilium's proxy on the callee's node enforces. The package
// knows what Cilium and the API server accept, and refuses what they would refuse or interpret differently from the
// intents: there is no mutual TLS, no token and no exception of operations.
//
// What is emitted for a mesh, and the step of an apply (the wave) that each object belongs to:
//
//	12  CiliumNetworkPolicy NAME-deny     before the edges that it narrows; it isolates nothing
//	20  CiliumNetworkPolicy NAME-ingress  who may call NAME
//	20  CiliumNetworkPolicy NAME-egress   with Options.Egress: whom NAME may call
//	30  CiliumNetworkPolicy default-deny  closes the namespace
//	30  CiliumClusterwideNetworkPolicy default-deny closes every namespace but those of Options.Spared
//
// A pod that some policy isolates accepts what at least one rule allows and no deny matches. The kubelet on its node
// gets through regardless of policies, unless Cilium runs with allow-localhost=policy.
package cilium

import (
	"slices"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/network"
	"github.com/meshc/meshc/compiler/config"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
	"github.com/meshc/meshc/targets"
	"github.com/meshc/meshc/targets/cilium/read"
)

// Name is the name of the target in meshc.yaml.
const Name = "cilium"

// Options of the target. The zero value is the default.
type Options struct {
	Spared []string // namespaces that `mesh * closed` does not close, unless the project declares them; empty: kube-system
	Egress bool     // pods of closed namespaces may call nobody but whom an edge names, and DNS
}

// FromSettings makes the target with the settings of targets.cilium of meshc.yaml.
func FromSettings(s config.Section, _ bool) (targets.Target, diag.List) {
	var o Options
	found := s.Read(config.Flag("egress", &o.Egress), config.Names("keepOpen", &o.Spared))
	return New(o), found
}

// New makes the target.
func New(o Options) targets.Target {
	if len(o.Spared) == 0 {
		o.Spared = []string{"kube-system"}
	}
	o.Spared = slices.Compact(slices.Sorted(slices.Values(o.Spared)))
	return &target{o}
}

type target struct{ Options }

func (t *target) Name() string { return Name }

// ReadDatagrams reads what Cilium's manifests let through of UDP.
func (t *target) ReadDatagrams(files []*source.File, mesh enforce.Mesh) (*enforce.Layer, diag.List) {
	return read.Datagrams(files, mesh)
}

// Isolates reports in which directions what ReadNetwork reads is to close pods.
func (t *target) Isolates() [2]bool { return [2]bool{network.Egress: t.Egress} }

// ReadNetwork reads whom pods may call.
func (t *target) ReadNetwork(files []*source.File) (*network.Layer, diag.List) {
	return read.Egress(files)
}

// Alone reports that nothing else enforces policies.
func (t *target) Alone() bool { return true }

// Read reads Cilium's manifests: see package read.
func (t *target) Read(files []*source.File, mesh enforce.Mesh) (*enforce.Layer, diag.List) {
	return read.Files(files, mesh)
}

// Emit returns the manifests of a policy in the order of an apply, and findings about what cannot be expressed. What
// has an error is left out.
func (t *target) Emit(p *policy.Policy) ([]targets.Manifest, diag.List) {
	e := &emission{target: t, Policy: p, writer: targets.NewWriter(), guessed: map[*policy.Service]bool{}}
	if e.refuseProject() {
		return nil, e.findings.Sort()
	}
	if !p.ClosedAt.IsZero() {
		e.add(object{kind: clusterwide, name: "default-deny", wave: waveDefaultDeny, why: targets.OfSpan(p.ClosedAt),
			subject: selector{{namespaceKey, "Exists", nil}, {namespaceKey, "NotIn", t.Spared}}, ingress: []targets.Fields{{}}})
	}
	for _, m := range p.Meshes {
		e.mesh(m)
	}
	return targets.Sorted(e.manifests), e.findings.Sort()
}

// mesh emits the objects of a namespace.
func (e *emission) mesh(m *policy.Mesh) {
	if !policy.IsLabel(m.Name) {
		e.findings.Add(diag.Inexpressible, m.At, "%q is not a valid namespace name", m.Name).WithHelp(nameHelp)
		return
	}
	e.refuseModes(m)
	if m.Closed || !m.Declares && !m.Open {
		closed := object{namespace: m.Name, name: "default-deny", wave: waveDefaultDeny, why: targets.OfFiles(m.Files), ingress: []targets.Fields{{}}}
		if e.Egress {
			var all exits
			e.ofWildcards(&all, m.Name)
			closed.egress = all.rules()
			e.egress(m)
		}
		e.add(closed)
	}
	e.externals(m)
	for _, s := range m.Services {
		if s.Proxied() && len(s.Allow)+len(s.Deny)+len(s.Ask) > 0 && e.acceptService(s) {
			e.service(s)
		}
	}
}

// service emits the objects of a callee.
func (e *emission) service(s *policy.Service) {
	stated := func(rules []policy.Rule) []policy.Rule { // a rule about every pod is stated once
		return slices.DeleteFunc(slices.Clone(rules), func(r policy.Rule) bool { return r.EveryPod && !s.Unnamed })
	}
	e.refuseAsks(s)
	e.refuseTokens(s)
	e.refuseConnections(s)
	callee := object{namespace: s.Namespace, at: s.At, subject: subjectOf(s)}
	if rules := stated(s.Allow); len(rules) > 0 {
		allow := callee
		allow.name, allow.wave, allow.why = s.Name+"-ingress", waveAllow, targets.OfRules(rules)
		allow.ingress = e.rules(s, rules, true)
		if len(allow.ingress) == 0 { // nobody is left: it still isolates
			allow.ingress = []targets.Fields{{}}
		}
		e.add(allow)
	}
	if rules := stated(s.Deny); len(rules) > 0 {
		deny := callee
		deny.name, deny.wave, deny.why = s.Name+"-deny", waveDeny, targets.OfRules(rules)
		if deny.ingressDeny = e.rules(s, rules, false); len(deny.ingressDeny) > 0 {
			e.add(deny)
		}
	}
}

// subjectOf selects the pods of a service in their own namespace.
func subjectOf(s *policy.Service) (pods selector) {
	for _, l := range s.Labels {
		pods = append(pods, requirement{labelPrefix + l.Key, "In", []string{l.Value}})
	}
	return pods
}
