package compiler

import (
	"fmt"
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/analysis/audit"
	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/model"
	"github.com/meshc/meshc/compiler/check"
	"github.com/meshc/meshc/compiler/inventory"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
	"github.com/meshc/meshc/targets"
	"github.com/meshc/meshc/targets/istio/read"
)

// topics maps the codes that a report repeats from a build to their topics.
var topics = map[diag.Code]audit.Topic{
	diag.NeverBroken: audit.Guard, diag.AlwaysBroken: audit.Guard, diag.OnlyBroken: audit.Guard,
	diag.NoProxy: audit.NoProxy, diag.OutsideCallee: audit.NoProxy,
	diag.PermissiveCallee: audit.PlaintextTLS, diag.WorldIntoStrict: audit.PlaintextTLS,
	diag.UnusedAccount: audit.Account, diag.DefaultAccount: audit.Account,
	diag.SkippedObject: audit.Manifest, diag.UnknownEffect: audit.Manifest, diag.PolicyBeside: audit.Manifest,
	diag.ClosedRoute: audit.Route, diag.UnroutedEdge: audit.Route,
	diag.NoManifest: audit.Workload, diag.UncoveredScrape: audit.Scrape, diag.RefusedProbe: audit.Probe, diag.NoMode: audit.Mode,
}

// Verify reports what the manifests of a build enforce. With deployed it is what these enforce, which are taken for all
// that is deployed: an object of the build that they lack, or have otherwise, is an error. Compared is those of them
// that the caller compares with the files of the build itself, which have all that it gives; nil where it compares
// none. The build must be Judgeable; the error names a service that cannot be judged.
func (b *Build) Verify(deployed []*source.File, compared map[*source.File]bool) (*audit.Report, error) {
	r := &audit.Report{}
	if b.Policy.DryRun {
		r.Add(diag.Note, audit.DryRun, source.Span{}, "%s", DryRunNote(b.Policy.Environment))
	}
	for _, d := range b.Findings {
		if d.Code == diag.PolicyBeside && deployed != nil {
			continue // what is deployed is judged
		}
		if topic := topics[d.Code]; topic != "" {
			r.Findings(topic, diag.List{d})
		}
	}
	m := b.Model
	if deployed != nil {
		var err error
		if m, err = b.deployed(r, deployed, compared); err != nil {
			return nil, err
		}
	}
	if err := r.Judge(m); err != nil {
		return nil, err
	}
	r.Sort()
	return r, nil
}

// deployed reads manifests and reports where they let through other requests than those of the build.
func (b *Build) deployed(r *audit.Report, deployed []*source.File, compared map[*source.File]bool) (*model.Model, error) {
	stated, unjudged := inventory.Settings(deployed)
	mesh := model.MeshSettings(b.Policy)
	mesh.Settled = len(stated) > 0
	layer, found := readManifests(deployed, mesh)
	r.Findings(audit.Manifest, slices.Concat(b.withoutAsked(layer, found), unjudged, check.Settings(stated, &b.parsed.Config)))
	there := audit.Objects{Layer: layer, Others: otherObjects(deployed, model.MeshSettings(b.Policy)), Unread: read.Unread(deployed)}
	r.Drift(audit.Objects{Layer: b.own, Others: b.others()}, b.kept(), there, compared)
	m := model.New(b.Policy, layer)
	m.Network, found = deployedNetwork(b.Policy, deployed, b.parsed.Workloads)
	r.Findings(audit.Manifest, found)
	b.widerNetwork(r, m.Network)
	r.DryRuns(m)
	routes, found := readRoutes(deployed, b.parsed.Workloads, b.Policy.Services())
	r.Findings(audit.Manifest, found)
	routes.only(deployed)
	if err := routes.report(r, m); err != nil {
		return nil, err
	}
	interferences, assumed, err := audit.Beside(b.Model, b.pods(), layer)
	if err != nil {
		return nil, err
	}
	for i := range interferences {
		r.Interference(&interferences[i])
	}
	objects, rules := b.asEmitted(layer)
	ambient := slices.DeleteFunc(read.Ambient(layer, b.workloads()), func(d diag.Diagnostic) bool { return rules[d.Primary] })
	r.Findings(audit.Manifest, slices.Concat(ambient, b.unjudged()))
	r.Findings(audit.Manifest, slices.Concat(m.ClientAddresses(), m.ServicePorts()))
	elsewhere := b.elsewhere(r, layer)
	for _, d := range read.Check(layer, append(b.workloads(), assumed...)) {
		if d.Code == diag.Ineffective && (elsewhere[d.Primary] || objects[d.Primary]) {
			continue
		}
		topic := audit.NoEffect
		if d.Code == diag.Unevaluable {
			topic = audit.Manifest
		}
		r.Findings(topic, diag.List{d})
	}
	judged, err := m.Judge()
	if err != nil {
		return nil, err
	}
	// The findings of the build already include the guards that its own manifests break.
	r.Findings(audit.Guard, slices.DeleteFunc(model.Broken(judged), func(d diag.Diagnostic) bool {
		return slices.ContainsFunc(b.Findings, func(known diag.Diagnostic) bool { return known.Code == d.Code && known.Primary == d.Primary })
	}))
	return m, nil
}

// asEmitted is the places of the objects that are as the project emits them, and of their rules. Some have no effect,
// because others do what they say: where pods move to ambient mode they have the policies of both data planes.
func (b *Build) asEmitted(layer *enforce.Layer) (objects, rules map[source.Span]bool) {
	objects, rules = map[source.Span]bool{}, map[source.Span]bool{}
	own := map[string]*enforce.Object{}
	for _, p := range b.own.Policies {
		own[p.Kind+" "+p.ID()] = p
	}
	for _, p := range layer.Policies {
		if o := own[p.Kind+" "+p.ID()]; o == nil || !enforce.Same(o, p) {
			continue
		}
		objects[p.At] = true
		for i := range p.Clauses {
			rules[p.Clauses[i].At] = true
		}
	}
	return objects, rules
}

// withoutAsked drops the findings about providers that the project itself asks.
func (b *Build) withoutAsked(layer *enforce.Layer, found diag.List) diag.List {
	own := map[string]string{}
	for _, p := range b.Model.Manifests.Policies {
		if p.Effect == enforce.Custom {
			own[p.ID()] = p.Provider
		}
	}
	return slices.DeleteFunc(found, func(d diag.Diagnostic) bool {
		return d.Code == diag.Undecided && slices.ContainsFunc(layer.Policies, func(p *enforce.Object) bool {
			return p.Effect == enforce.Custom && p.AsksAt == d.Primary && own[p.ID()] == p.Provider
		})
	})
}

// elsewhere is the places of the policies in namespaces that the project does not have. What they bind is not known
// here, and a note says so.
func (b *Build) elsewhere(r *audit.Report, layer *enforce.Layer) map[source.Span]bool {
	known := map[string]bool{b.Policy.RootNamespace: true}
	for _, m := range b.Policy.Meshes {
		known[m.Name] = true
	}
	for _, w := range b.Inventory.Workloads {
		known[w.Namespace] = true
	}
	places := map[source.Span]bool{}
	var namespaces []string
	for _, p := range layer.Policies {
		if !known[p.Namespace] {
			places[p.At] = true
			namespaces = append(namespaces, p.Namespace)
		}
	}
	slices.Sort(namespaces)
	if namespaces = slices.Compact(namespaces); len(namespaces) > 0 {
		const most = 3
		names := strings.Join(namespaces[:min(most, len(namespaces))], ", ")
		if n := len(namespaces) - most; n > 0 {
			names += fmt.Sprintf(" and %d more", n)
		}
		r.Add(diag.Note, audit.Elsewhere, source.Span{}, "the project has no namespace %s: policies there are not judged", names)
	}
	return places
}

// others is the objects of a build that decide no request.
func (b *Build) others() []enforce.Other {
	judged := func(m targets.Manifest) bool {
		return m.Kind == "AuthorizationPolicy" || m.Kind == "PeerAuthentication"
	}
	return otherObjects(Sources(slices.DeleteFunc(slices.Clone(b.Manifests), judged)), model.MeshSettings(b.Policy))
}

// Verify reports what deployed manifests enforce. The error names a service that cannot be judged.
func (d *Deployed) Verify() (*audit.Report, error) {
	r := &audit.Report{}
	r.Findings(audit.Manifest, d.Findings)
	for _, guess := range d.Assumptions(func(*policy.Service) bool { return true }) {
		r.Add(diag.Note, audit.Guess, source.Span{}, "%s", guess)
	}
	r.DryRuns(d.Model)
	if d.Workloads != nil {
		for _, w := range d.Workloads.Workloads {
			for _, p := range w.Probes {
				at := d.Model.Manifests.For(enforce.Workload{Namespace: w.Namespace, Labels: w.Labels, Dataplane: w.Dataplane.Dataplane, Own: w.OwnSidecar(), Inbound: &w.Inbound, Fronts: w.Fronts})
				if why := audit.RefusesPlaintext(at, p.Port, p.Method, p.Path); p.Port != 0 && why != "" {
					r.Add(diag.Warning, audit.Probe, p.At, "the kubelet's %s of container %s of %s/%s on port %d comes in plaintext and is refused: %s", p.What, p.Container, w.Namespace, w.Service, p.Port, why)
				}
			}
			if w.NoProxy != "" && !w.Solver {
				r.Add(diag.Warning, audit.NoProxy, w.NoProxyAt, "%s/%s has no proxy (%s): it has no identity, STRICT ports refuse it, and no policy binds it", w.Namespace, w.Service, w.NoProxy)
			}
		}
		d.webhooks(r)
		for _, u := range audit.UnknownAccounts(d.Model, ServicesOf(d.Workloads)) {
			if d.Workloads.Unread.RunsAs(u.Namespace, u.Account) {
				continue
			}
			why := "which no workload runs as"
			if u.Bare {
				why = "whose workloads have no proxy, so that nobody proves this identity"
			}
			r.Add(diag.Warning, audit.Account, u.Policy.At, "%s %s names the account %s/%s, %s", u.Policy.Kind, u.Policy.ID(), u.Namespace, u.Account, why)
		}
	}
	if err := d.routes.report(r, d.Model); err != nil {
		return nil, err
	}
	if err := r.Judge(d.Model); err != nil {
		return nil, err
	}
	r.Sort()
	return r, nil
}

// webhooks reports services that the API server calls and whose policies refuse it: it has no identity of the mesh.
func (d *Deployed) webhooks(r *audit.Report) {
	seen := map[string]bool{}
	for _, w := range d.Workloads.Webhooks {
		for _, s := range d.Model.Policy.Services() {
			if s.Namespace != w.Namespace || !slices.Contains(model.HostsOf(s), w.Service) || !s.Proxied() {
				continue
			}
			for _, port := range w.Targets(s) {
				to := fmt.Sprintf("%s:%d", s.ID(), port)
				why := audit.RefusesTLS(d.Model.Callee(s), port)
				if port == 0 || why == "" || seen[w.By+" "+to] {
					continue
				}
				seen[w.By+" "+to] = true
				r.Add(diag.Warning, audit.Route, w.At, "the API server calls %s with no identity of the mesh, and is refused: %s; without an answer it may refuse to %s (%s)", to, why, w.Needed, w.By)
			}
		}
	}
}

// Assumptions returns what was assumed about the services that an answer is about.
func (d *Deployed) Assumptions(about func(*policy.Service) bool) (all []model.Assumption) {
	if d.TrustDomain != "" {
		all = append(all, model.Assumption{TrustDomain: d.TrustDomain})
	}
	for _, s := range d.Assumed {
		if about(s) {
			all = append(all, model.Assumption{Service: s})
		}
	}
	return all
}

// DryRunNote returns a sentence on what answers about an environment in dry-run mean.
func DryRunNote(environment string) string {
	return environment + " is in dry-run: Istio logs what it would deny, and denies nothing; judged as if enforced"
}
