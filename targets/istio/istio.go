// Package istio turns a policy into Istio's objects.
//
// It knows what Istio and the API server accept and how sidecars interpret it. It refuses whatever they would refuse or
// interpret differently from the intents. It does not judge the policy itself.
//
// What is emitted for a mesh, and the step of an apply (the wave) that each object belongs to:
//
//	 0     Namespace, Gateway NAME          with Options.WithNamespaces; the Gateway is a waypoint
//	 1- 3  PeerAuthentication               that is STRICT anywhere, or whose surrounding mode is
//	 3     RequestAuthentication NAME-waypoint of pods that move, as the next
//	 4     RequestAuthentication NAME       before the edges that ask for its tokens, if any do
//	 4     AuthorizationPolicy default-deny in dry-run: no longer enforced before the edges are
//	 5-12  AuthorizationPolicy NAME-deny    before the edges that it narrows
//	 5-12  AuthorizationPolicy NAME-ask     the same: what an external authorizer decides about
//	5-12   AuthorizationPolicy HOST-deny-waypoint    the same at the waypoint of a Service
//	13-20  AuthorizationPolicy NAME-ingress who may call NAME, one object per callee
//	13-20  AuthorizationPolicy HOST-ingress-waypoint the same at the waypoint of a Service
//	21     DestinationRule                  of the externals; it opens TLS, so it exists before its host does
//	22     ServiceEntry                     of the externals
//	23     Sidecar NAME                     with Options.Sidecars, once its hosts exist; not in dry-run
//	22-29  AuthorizationPolicy NAME-ingress of a callee behind a waypoint, which it lets in
//	30     AuthorizationPolicy default-deny closes everything else, and default-deny-NAME a waypoint
//	31-33  PeerAuthentication               all others
//
// A request passes if the mode accepts it, an ALLOW matches and no DENY does. So objects that close are applied before
// objects that open, and removals come last, in the reverse order. The modes of a workload, its namespace and the mesh
// are applied in this order, so that the mode of a port changes only once. The parts of a large policy have their own
// waves: see partWave.
//
// The order follows from the new state alone, without the old one. A request that passes before and after an apply
// passes during it too, and one that passes neither before nor after does not pass during it, with these exceptions:
//
//   - a deny and an edge are narrowed together: open for requests that one of the two stops before and the other after
//   - the last edge of a service, or a mode looser than the one around it, is removed while something else opens: open
//   - a mode looser than the one around it is added while an edge is narrowed or a deny added: open
//   - some ports of a workload get looser and others stricter while its edges change: open
//   - the mode around a workload, which has a mode for a port, is no longer stated: shut until the old object is
//     removed
//   - enforcement starts or ends while the edges of a callee need several objects: shut for some of its callers
//   - a wider source replaces a narrower one of a callee with several objects: shut, or open for a deny
//   - DISABLE is added or removed while edges or denies by identity change: under DISABLE no caller has an identity
//   - the labels of a service change: its objects stop selecting its pods one after another
//   - a waypoint is added or removed at once (see policy.Service.Joining): shut for those who pass it, or do not yet
//
// The names of objects depend only on the service. Only the mesh-wide PeerAuthentication, the default-deny of a closed
// mesh and the policies of gateways go into the root namespace, because the objects there bind every namespace.
package istio

import (
	"cmp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"google.golang.org/protobuf/proto"
	"istio.io/api/security/v1beta1"
	selector "istio.io/api/type/v1beta1"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/config"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
	"github.com/meshc/meshc/targets"
	"github.com/meshc/meshc/targets/istio/read"
)

// Name is the name of the target in meshc.yaml.
const Name = "istio"

// Options of the target. The zero value is the default.
type Options struct {
	APIVersion     string // security.istio.io/v1 (default), or security.istio.io/v1beta1 for Istio before 1.22
	WithNamespaces bool   // also emit Namespace objects that enable injection
	Injection      string // their revision; empty: istio-injection=enabled
	Sidecars       bool   // also emit a Sidecar per workload, with the hosts that its edges name

	Providers []string // of external authorization, that the MeshConfig has
}

// FromSettings makes the target with the settings of targets.istio of meshc.yaml.
func FromSettings(s config.Section, withNamespaces bool) (targets.Target, diag.List) {
	o := Options{WithNamespaces: withNamespaces}
	found := s.Read(
		config.Word("apiVersion", &o.APIVersion, "security.istio.io/v1", "security.istio.io/v1beta1"),
		config.Flag("sidecars", &o.Sidecars),
		config.Label("revision", &o.Injection),
		config.Names("extensionProviders", &o.Providers),
	)
	return New(o), found
}

// New makes the target.
func New(o Options) targets.Target {
	version := cmp.Or(o.APIVersion, "security.istio.io/v1")
	version = version[strings.LastIndexByte(version, '/')+1:]
	return &target{Options: o, security: "security.istio.io/" + version, networking: "networking.istio.io/" + version}
}

// In makes the objects of some namespaces, except where a Sidecar names what is in others.
func (t *target) In(scope policy.Scope) targets.Mesh {
	if t.Sidecars {
		return nil
	}
	in := *t
	in.scope = scope
	return &in
}

type target struct {
	Options
	security, networking string // API versions
	scope                policy.Scope
}

func (t *target) Name() string { return Name }

// Read reads Istio's manifests: see package read.
func (t *target) Read(files []*source.File, mesh enforce.Mesh) (*enforce.Layer, diag.List) {
	return read.Files(files, mesh)
}

// Emit returns the manifests of a policy in the order of an apply, and findings about what cannot be expressed. An
// object with an error is left out.
func (t *target) Emit(p *policy.Policy) ([]targets.Manifest, diag.List) {
	e := &emission{target: t, Policy: p,
		trust: cmp.Or(p.TrustDomain, "cluster.local"),
		root:  cmp.Or(p.RootNamespace, "istio-system"),
	}
	e.passing = p.Passing()
	e.waypoints, e.shared = waypoints(p)
	if t.Sidecars && !p.DryRun { // a Sidecar has no dry-run: hosts that it does not name cannot be reached
		e.edges = p.Edges()
	}
	first := &builder{emission: e}
	first.meshWide()
	for _, g := range p.Guards {
		first.acceptPaths(g.Ops, g.At)
		first.acceptPaths(g.Without, g.At)
	}
	var jobs []func(*builder)
	for _, m := range p.Meshes {
		if m.Name == e.root {
			e.everyMesh = m.EveryPod()
			first.refuseRoot(m)
			first.acceptAmbient(m)
			for _, s := range m.Services {
				if s.Proxied() {
					jobs = append(jobs, func(b *builder) { b.service(m, s) })
				}
			}
			continue
		}
		if !first.acceptMesh(m) {
			continue
		}
		first.acceptPaths(m.Exported, m.At)
		first.acceptAmbient(m)
		if !t.scope.Has(m.Name) {
			continue
		}
		// A mesh that only declares closes nothing, but its denies and modes of workloads hold.
		if !m.Declares {
			jobs = append(jobs, func(b *builder) { b.mesh(m) })
		}
		for _, s := range m.Services {
			if s.Proxied() {
				jobs = append(jobs, func(b *builder) { b.service(m, s) })
				continue
			}
			for _, r := range slices.Concat(s.Allow, s.Deny, s.Ask) { // rules that are not emitted must be valid too
				first.acceptPaths(r.Ops, r.At)
			}
		}
		first.acceptHosts(m.Externals)
		tcp := map[uint16]*policy.External{}
		for _, x := range m.Externals {
			if (!m.Declares || len(x.Callers) > 0) && first.ownPorts(x, tcp) {
				jobs = append(jobs, func(b *builder) { b.external(m, x) })
			}
		}
	}
	var (
		next    atomic.Int64
		wait    sync.WaitGroup
		workers = make([]builder, min(runtime.GOMAXPROCS(0), 1+len(jobs)/64))
		each    = len(jobs) / len(workers)
		made    = make([][]targets.Manifest, len(jobs), len(jobs)+1)
	)
	if len(e.waypoints) > 0 {
		each *= 2 // the policies at the waypoint, and those at the pods
	}
	for w := range workers {
		wait.Go(func() {
			b := &workers[w]
			b.emission = e
			b.manifests = make([]targets.Manifest, 0, each)
			for i := next.Add(1) - 1; i < int64(len(jobs)); i = next.Add(1) - 1 {
				before := len(b.manifests)
				jobs[i](b)
				made[i] = b.manifests[before:]
			}
		})
	}
	wait.Wait()
	findings := first.findings
	for w := range workers {
		findings = append(findings, workers[w].findings...)
	}
	return targets.Sorted(append(made, first.manifests)...), findings.Sort()
}

// emission is what all objects of one Emit have in common. It does not change.
type emission struct {
	*target
	*policy.Policy
	trust, root string
	edges       *policy.Edges              // nil where no Sidecar is emitted
	everyMesh   *policy.Service            // what stands for every pod of the mesh; nil where nothing does
	passing     map[string]map[string]bool // see policy.Passing
	waypoints   map[string][]string        // by namespace, sorted
	shared      map[host][]*policy.Service // by the Services that lead to them
}

// builder collects the objects of one worker.
type builder struct {
	*emission
	manifests []targets.Manifest
	findings  diag.List

	principals map[*policy.Service][]caller
	relays     map[*policy.Waypoint][]policy.Source
	limits     map[string]*limit
	exempt     map[string]*exemption
	admitted   map[string]string // the rules of policies that let in waypoints alone, as they are written, by who enters where

	// What the work on one object leaves to the next:
	buffer     []byte
	rules      []policy.Rule
	view       policy.Service // as a waypoint or pods behind one see it
	fronts     []policy.Front
	ports      []policy.Port
	grants     []grant
	operations []operation
	callers    []caller
	scratch    scratch
	file       *source.File
	ofFile     targets.Origin // of objects that rules of the file are about

	// What the work on one service leaves to the next:
	drafts      arena[draft]
	targets     arena[selector.PolicyTargetReference]
	targetLists arena[*selector.PolicyTargetReference]
}

const (
	waveNamespace       = 0
	waveStrict          = 1 // to 3: the mode of a workload, of a namespace, of the mesh
	waveTokens          = 4
	waveShadow          = 4
	waveDeny            = 12 // and down to 5: its parts
	waveAllow           = 20 // and down to 13: its parts
	waveDestinationRule = 21
	waveServiceEntry    = 22
	waveSidecar         = 23
	waveDefaultDeny     = 30
	waveLoose           = 31 // to 33, as waveStrict
)

// writer also writes the enums whose zero value is a decision that a reader of the YAML needs to see.
var writer = targets.NewWriter(
	"istio.networking.v1alpha3.ServiceEntry.location",
	"istio.networking.v1alpha3.ServiceEntry.resolution",
	"istio.networking.v1alpha3.OutboundTrafficPolicy.mode",
)

// draft is an object before it is written, with its wave.
type draft struct {
	targets.Object
	wave int
	yaml string
}

// draft returns an object with the metadata that all objects have.
func (b *builder) draft(wave int, version, kind, namespace, name string, why targets.Origin, spec proto.Message) *draft {
	annotations := why.Annotations(wave)
	if b.DryRun && kind == "AuthorizationPolicy" {
		annotations = slices.Insert(annotations, 1, targets.Pair{Key: "istio.io/dry-run", Value: "true"})
	}
	d := &b.drafts.take(1)[0]
	*d = draft{wave: wave, Object: targets.Object{
		APIVersion:  version,
		Kind:        kind,
		Namespace:   namespace,
		Name:        name,
		Labels:      targets.Managed,
		Annotations: annotations,
		Spec:        spec,
	}}
	return d
}

// write writes the object as YAML, once.
func (b *builder) write(d *draft) string {
	if d.yaml == "" {
		b.buffer = writer.Append(b.buffer[:0], &d.Object)
		d.yaml = string(b.buffer)
	}
	return d.yaml
}

func (b *builder) add(d *draft) {
	b.manifests = append(b.manifests, targets.Manifest{
		APIVersion: d.APIVersion, Kind: d.Kind, Namespace: d.Namespace, Name: d.Name, Wave: d.wave, YAML: b.write(d),
	})
}

// mesh emits the objects that concern a whole namespace.
func (b *builder) mesh(m *policy.Mesh) {
	why := targets.OfFiles(m.Files)
	if b.WithNamespaces {
		b.namespace(m, why)
	}
	if m.Mode != policy.ModeUnset {
		b.peer(m.Name, "default", why, m.Mode, nil, nil, b.Mode)
	}
	if !m.Open {
		b.defaultDeny(m.Name, why, m.Services)
		b.closeWaypoints(m, why)
	}
}

// defaultDeny emits the policy that closes a namespace with some services; in the root namespace, all namespaces.
func (b *builder) defaultDeny(namespace string, why targets.Origin, services []*policy.Service) {
	wave := waveDefaultDeny
	if b.DryRun {
		wave = waveShadow
	}
	spec := &v1beta1.AuthorizationPolicy{}
	if !b.DryRun && slices.ContainsFunc(services, func(s *policy.Service) bool { return s.Dataplane == policy.Proxyless }) {
		spec.Rules = nobody
	}
	b.add(b.draft(wave, b.security, "AuthorizationPolicy", namespace, "default-deny", why, spec))
}

// nobody is a rule that no caller matches: one with an identity and without. A policy with it denies what one without
// rules does. Istio tells proxyless gRPC nothing of the latter, so that it would let everyone through, and nothing of a
// dry run, so that it would enforce this: buildRBAC in pilot/pkg/networking/grpcgen/lds.go of istio/istio.
var nobody = []*v1beta1.Rule{{From: []*v1beta1.Rule_From{{Source: &v1beta1.Source{Principals: anyPrincipal, NotPrincipals: anyPrincipal}}}}}

// service emits the objects of one workload.
func (b *builder) service(m *policy.Mesh, s *policy.Service) {
	b.drafts.reset()
	b.targets.reset()
	b.targetLists.reset()
	b.acceptVerified(s)
	if s.Unnamed {
		b.authenticate(s, b.own(m, s))
		b.authorize(s)
		return
	}
	sidecar := b.edges != nil && !m.Declares && s.Dataplane != policy.Ambient
	bound := len(s.Allow)+len(s.Deny)+len(s.Ask)+len(s.Verifies) > 0 || s.Mode != policy.ModeUnset || slices.ContainsFunc(s.Ports, hasMode)
	if !sidecar && !bound || !b.acceptService(s) {
		return
	}
	if m.Name != b.root { // where that is refused
		b.workloadMode(m, s)
	}
	b.authenticate(s, b.own(m, s))
	b.authorize(s)
	if sidecar {
		b.sidecar(m, s)
	}
}

// namespace emits the Namespace object that enables injection or ambient mode, and its waypoint where the manifests do
// not have it. Neither Argo CD nor Flux may remove it, not even with the Application or Kustomization that applied it:
// removing a mesh from the intents must not remove its workloads.
// https://argo-cd.readthedocs.io/en/stable/user-guide/sync-options/#no-resource-deletion
func (b *builder) namespace(m *policy.Mesh, why targets.Origin) {
	injection := targets.Pair{Key: "istio-injection", Value: "enabled"}
	if b.Injection != "" {
		injection = targets.Pair{Key: "istio.io/rev", Value: b.Injection}
	}
	labels := []targets.Pair{targets.Managed[0], injection}
	if m.Ambient {
		switch ambient := b.ambient(m, why); {
		case m.Unlabelled:
		case slices.ContainsFunc(m.Services, func(s *policy.Service) bool { return s.Joining }):
			labels = append(labels[:1], ambient[0]) // the mode alone: its waypoint may have no policies yet
		case slices.ContainsFunc(m.Services, func(s *policy.Service) bool { return len(b.Waits(s)) > 0 }):
			labels = append(labels, ambient...) // its pods keep their sidecars until their turn comes
		default:
			labels = append(labels[:1], ambient...)
		}
	}
	o := b.draft(waveNamespace, "v1", "Namespace", "", m.Name, why, nil)
	o.Labels = labels
	o.Annotations = append(o.Annotations,
		targets.Pair{Key: "argocd.argoproj.io/sync-options", Value: "Prune=false," + targets.KeepNamespace},
		targets.Pair{Key: "kustomize.toolkit.fluxcd.io/prune", Value: "disabled"},
	)
	b.add(o)
}
