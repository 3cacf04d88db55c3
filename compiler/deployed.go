package compiler

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/meshc/meshc/compiler/analysis/audit"
	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/model"
	"github.com/meshc/meshc/compiler/check"
	"github.com/meshc/meshc/compiler/config"
	"github.com/meshc/meshc/compiler/inventory"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
	"github.com/meshc/meshc/targets/istio/read"
)

// Deployed is manifests that no build made: written by hand, or read from a cluster.
type Deployed struct {
	Model       *model.Model
	Workloads   *inventory.Set    // nil if none were given
	Assumed     []*policy.Service // services whose account is assumed to be called like them
	TrustDomain string            // the assumed one, which every principal names; empty if none was assumed
	Findings    diag.List         // what cannot be judged; everything else is

	routes *routing // nil where there are none
}

// ReadDeployed reads manifests under the settings of a project, and checks them against workload manifests if there are
// any. With guess, the trust domain of the settings is only a default: that of the mesh itself takes its place, if the
// workloads have its settings, or else one that every principal names.
func ReadDeployed(files []*source.File, workloads []inventory.Input, settings config.Project, guess bool) *Deployed {
	d := &Deployed{}
	mesh := enforce.Mesh{TrustDomain: settings.TrustDomain, Aliases: settings.Previous, RootNamespace: settings.RootNamespace}
	mesh.Meshless = meshless(&settings, files)
	var unreadable diag.List
	if len(workloads) > 0 {
		d.Workloads, unreadable = inventory.Read(workloads, settings.Stated("")...)
	}
	stated, skipped := meshConfigs(files, d.Workloads)
	own := !guess
	guess = guess && !takeSettings(&mesh, stated)
	mesh.Settled = len(stated) > 0
	layer, found := readManifests(files, mesh)
	if domain := model.TrustDomain(layer); guess && domain != "" && domain != mesh.TrustDomain {
		d.TrustDomain, mesh.TrustDomain = domain, domain
		layer, found = readManifests(files, mesh)
	}
	d.Findings = slices.Concat(found, skipped)
	if own {
		d.Findings = append(d.Findings, check.Settings(stated, &settings)...)
	} else {
		d.Findings = append(d.Findings, check.Revisions(stated)...)
	}
	var known []*policy.Service
	if d.Workloads != nil {
		d.Findings = append(d.Findings, unreadable...)
		if mesh.Meshless {
			d.Workloads = d.Workloads.Meshless()
		}
		known = ServicesOf(d.Workloads)
		d.Findings = append(d.Findings, read.Check(layer, pods(d.Workloads))...)
	}
	named, assumed := model.Named(layer, mesh, known)
	for _, s := range named.Services() {
		s.Partial = d.Workloads == nil
	}
	markAmbient(named, d.Workloads)
	for _, s := range named.Services() {
		g := settings.Gateways[s.ID()]
		s.Clients = s.Clients.Stated(g.ClientAddress, g.At)
	}
	if d.routes, found = readRoutes(files, workloads, named.Services()); d.routes != nil {
		d.routes.lead()
		d.Findings = append(d.Findings, found...)
	}
	d.Model, d.Assumed = model.New(named, layer), assumed
	d.Model.Network, found = deployedNetwork(named, files, workloads)
	d.Findings = append(d.Findings, found...)
	d.Findings = slices.Concat(d.Findings, read.Ambient(layer, bound(named)), unjudged(named), d.Model.ClientAddresses(), d.Model.ServicePorts())
	d.Findings = d.Findings.Sort()
	return d
}

// meshConfigs returns the settings of a mesh that are among its workloads, or else among its policies, with what of
// these is not judged. Reading the workloads finds that too.
func meshConfigs(files []*source.File, workloads *inventory.Set) ([]*inventory.MeshConfig, diag.List) {
	if workloads != nil && len(workloads.MeshConfigs) > 0 {
		return workloads.MeshConfigs, nil
	}
	return inventory.Settings(files)
}

// takeSettings takes the settings of a mesh that its first revision states. It reports whether that states a trust
// domain.
func takeSettings(mesh *enforce.Mesh, stated []*inventory.MeshConfig) bool {
	if len(stated) == 0 || stated[0].TrustDomain == "" {
		return false
	}
	mesh.TrustDomain, mesh.Aliases = stated[0].TrustDomain, stated[0].Aliases
	return true
}

// markAmbient has the pods of a namespace be in ambient mode, if the namespace is: those that nothing names, and those
// of services without a workload.
func markAmbient(p *policy.Policy, workloads *inventory.Set) {
	if workloads == nil {
		return
	}
	known, ambient := map[string]bool{}, map[string]bool{}
	for _, s := range ServicesOf(workloads) {
		known[s.ID()] = true
	}
	for _, n := range workloads.Namespaces {
		ambient[n.Name] = n.Ambient
	}
	for _, m := range p.Meshes {
		m.Ambient = ambient[m.Name]
		for _, s := range m.Services {
			if m.Ambient && !known[s.ID()] {
				s.Dataplane = policy.Ambient
			}
		}
	}
}

// Empty reports whether there is nothing to judge: no object that says who may call, and no workload.
func (d *Deployed) Empty() bool {
	return len(d.Model.Manifests.Policies)+len(d.Model.Manifests.Destinations)+len(d.Model.Policy.Services()) == 0
}

// ServicesOf returns each workload and each WorkloadEntry as a service, with all the labels of its pods. If several
// would have the same name, the later ones are named after their object.
func ServicesOf(inv *inventory.Set) []*policy.Service {
	var services []*policy.Service
	taken := map[string]bool{}
	for _, w := range inv.Workloads {
		s := &policy.Service{Namespace: w.Namespace, Name: w.Service, Account: w.Account, Hosts: w.Hosts, Fronts: w.Fronts, Inbound: w.Inbound, Outbound: w.Outbound, At: w.At}
		s.Dataplane, s.DataplaneWhy, s.DataplaneAt, s.OwnSidecar = w.Dataplane.Dataplane, w.Dataplane.Why, w.Dataplane.At, w.OwnSidecar()
		s.Clients = w.Clients
		if w.Assumed {
			s.DataplaneWhy += "; if it has one in the cluster, add it to the manifest"
		}
		for n := 1; taken[s.ID()]; n++ {
			s.Name = w.Object
			if n > 1 {
				s.Name = fmt.Sprintf("%s-%d", w.Object, n)
			}
		}
		taken[s.ID()] = true
		s.Labels, s.Pods, s.HostNetwork = labelsOf(w.Labels), []map[string]string{w.Labels}, w.OnNode
		for _, p := range w.Ports {
			if !p.UDP {
				s.Ports = append(s.Ports, policy.Port{Number: p.Number, Protocol: p.Protocol})
			} else {
				s.UDP = append(s.UDP, p.Number)
			}
		}
		services = append(services, s)
	}
	for _, m := range inv.Machines {
		s := &policy.Service{Namespace: m.Namespace, Name: m.Name, Account: m.Account, At: m.At, Dataplane: policy.Unjudged, DataplaneWhy: machine, DataplaneAt: m.At}
		s.Labels = labelsOf(m.Labels)
		if !taken[s.ID()] {
			services = append(services, s)
		}
	}
	return services
}

const machine = "it is a WorkloadEntry, and whether a proxy runs on the machine is not known"

func labelsOf(labels map[string]string) (all []policy.Label) {
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		all = append(all, policy.Label{Key: key, Value: labels[key]})
	}
	return all
}

// bound is the workloads of the services of a policy.
func bound(p *policy.Policy) (all []enforce.Workload) {
	for _, s := range p.Services() {
		if s.Proxied() {
			all = append(all, enforce.WorkloadOf(s))
		}
	}
	return all
}

// unjudged reports the services of which nothing is judged, those of one cause together.
func unjudged(p *policy.Policy) (list diag.List) {
	causes := map[source.Span][]*policy.Service{}
	for _, s := range p.Services() {
		if !s.Dataplane.Judged() && s.DataplaneWhy != machine { // of which the manifest has a finding already
			causes[s.DataplaneAt] = append(causes[s.DataplaneAt], s)
		}
	}
	for at, services := range causes {
		more := ""
		if n := len(services) - 1; n > 0 {
			more = fmt.Sprintf(" and %d more", n)
		}
		list.Add(diag.UnknownEffect, at, "meshc cannot tell what reaches %s%s: %s", services[0].ID(), more, services[0].DataplaneWhy)
	}
	return list
}

// unjudged reports the services of which nothing is judged and of which the build has not said so.
func (b *Build) unjudged() diag.List {
	return slices.DeleteFunc(unjudged(b.Policy), func(d diag.Diagnostic) bool {
		return slices.ContainsFunc(b.Findings, func(known diag.Diagnostic) bool { return known.Code == d.Code && known.Primary == d.Primary })
	})
}

func pods(inv *inventory.Set) []enforce.Workload {
	all := make([]enforce.Workload, len(inv.Workloads), len(inv.Workloads)+len(inv.Machines))
	for i, w := range inv.Workloads {
		all[i] = enforce.Workload{Namespace: w.Namespace, Labels: w.Labels, Dataplane: w.Dataplane.Dataplane, Own: w.OwnSidecar(), Fronts: w.Fronts}
	}
	for _, m := range inv.Machines {
		all = append(all, enforce.Workload{Namespace: m.Namespace, Labels: m.Labels, Dataplane: policy.Unjudged})
	}
	return all
}

// pods returns the pods of the services of the project's namespaces, and of others that its own objects bind.
func (b *Build) pods() (all []audit.Pods) {
	for _, m := range b.Policy.Meshes {
		for _, s := range m.Services {
			if !s.Proxied() {
				continue
			}
			labels, known := podsOf(s, b.Inventory)
			if m.Closes(s) || !m.Declares || slices.ContainsFunc(labels, func(labels map[string]string) bool {
				at := b.Model.Manifests.For(enforce.Workload{Namespace: s.Namespace, Labels: labels, Dataplane: s.Dataplane, Own: s.OwnSidecar, Fronts: s.Fronts})
				return slices.ContainsFunc(slices.Concat(at.All(), at.Peers), func(o *enforce.Object) bool { return o.Namespace == s.Namespace })
			}) {
				all = append(all, audit.Pods{Service: s, Labels: labels, Known: known})
			}
		}
	}
	return all
}

// podsOf returns the labels of the pods of a service. They are known if there is a manifest of its workloads. Otherwise
// they are the labels of its selector, and the pods may have others too.
func podsOf(s *policy.Service, inv *inventory.Set) (all []map[string]string, known bool) {
	first, _ := slices.BinarySearchFunc(inv.Workloads, s.Namespace, func(w *inventory.Workload, namespace string) int { return cmp.Compare(w.Namespace, namespace) })
	for _, w := range inv.Workloads[first:] {
		if w.Namespace != s.Namespace {
			break
		}
		if !slices.ContainsFunc(s.Labels, func(l policy.Label) bool { return w.Labels[l.Key] != l.Value }) {
			all = append(all, w.Labels)
		}
	}
	if len(all) > 0 {
		return all, true
	}
	return []map[string]string{s.Selector()}, false
}

// workloads returns the pods that policies may bind.
func (b *Build) workloads() []enforce.Workload {
	all := pods(b.Inventory)
	for _, m := range b.Policy.Meshes {
		for _, s := range m.Services {
			if s.Proxied() {
				known, _ := podsOf(s, b.Inventory)
				for _, labels := range known {
					all = append(all, enforce.Workload{Namespace: s.Namespace, Labels: labels, Dataplane: s.Dataplane, Own: s.OwnSidecar, Fronts: s.Fronts})
				}
			}
		}
	}
	return all
}
