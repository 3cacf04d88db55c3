package check

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/inventory"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// lint warns of what is allowed and rarely meant.
func (c *checker) lint() {
	for _, m := range c.meshes {
		m.At = either(m.At, firstSection(m))
	}
	c.eachJudged(func(m *mesh) {
		runs := m.running()
		for _, s := range m.services {
			if len(m.sections) > 0 {
				c.lintAccount(m, s, runs[s.Account])
			}
			c.exposed(s)
			if !m.Declares {
				c.lintService(s)
			} else if m.Closed {
				c.lintScrape(s)
			}
		}
		c.lintMesh(m)
	})
	for _, m := range c.meshes {
		c.lintName(m)
	}
	c.leftOut()
	c.lintPermissive()
	c.routes()
	c.webhooks()
	c.solvers()
	c.early()
}

// bindable reports whether a policy could bind anything in the mesh: not if nothing in it has a proxy.
func (m *mesh) bindable() bool {
	return len(m.services) == 0 || slices.ContainsFunc(m.services, func(s *service) bool { return s.Proxied() })
}

// named reports whether an edge or a deny has a caller of the mesh.
func (m *mesh) named() bool {
	return m.calls || slices.ContainsFunc(m.services, func(s *service) bool { return s.calls })
}

// lintName warns of a mesh that is likely called by a wrong name.
func (c *checker) lintName(m *mesh) {
	near := c.meant(m, "")
	if near == "" || m.misspelt {
		c.lintTwin(m)
		return
	}
	d := c.list.Add(diag.NoManifest, m.sections[0], "no manifest is in namespace %s", m.Name).
		WithHelp("did you mean %s?", near)
	if len(m.sections) == 1 {
		d.WithFix(false, m.sections[0], near, "write "+near)
	}
}

func (c *checker) lintMesh(m *mesh) {
	for _, all := range m.modesOfAll {
		c.modeOfAll(m, all)
	}
	root := c.isRoot(m.Name)
	if !root && !c.Meshless && !m.Declares && m.stated.at.IsZero() && c.wide.at.IsZero() && len(m.sections) > 0 {
		mode, note := policy.Strict, "plaintext callers reach its pods, but policies reject them"
		if slices.ContainsFunc(m.services, func(s *service) bool { return s.Dataplane != policy.Gateway && s.welcomesPlaintext() }) {
			mode, note = policy.Permissive, "callers without a proxy need it"
		}
		open := ""
		if m.Open {
			open = " open"
		}
		way := fmt.Sprintf("write `mesh %s %s%s`", m.Name, mode, open)
		if mode == policy.Strict {
			way += fmt.Sprintf(", or `mesh %s permissive%s` to leave it as it is by default", m.Name, open)
		}
		c.list.Add(diag.NoMode, m.sections[0], "the mTLS mode of mesh %s is stated nowhere", m.Name).
			WithNote("Istio's default is permissive: %s", note).
			WithHelp("%s", way).
			WithFix(false, insertAfter(m.sections[0]), " "+mode.String(), "make it "+mode.String())
	}
	states := m.states()
	if m.Declares && !m.Closed && len(m.sections) > 0 && !root && m.bindable() && (states || len(m.exports) > 0 || m.hasWorkloads() || len(m.externals()) > 0 || len(m.services) > 0 && !m.named()) {
		what := "nothing is emitted for mesh %s"
		if states {
			what = "nothing closes mesh %s"
		}
		d := c.list.Add(diag.NoMode, m.sections[0], what+": none of its sections sets a mode, and no edge leads into it", m.Name).
			WithNote("there is no default-deny: except for its own denies, asks and modes it is as open as without meshc, like a mesh that only names services of others")
		switch {
		case m.Open:
			d.WithHelp("write the calls as edges: each closes the service that it leads to")
		case c.Meshless:
			d.WithHelp("write an edge into it, or `mesh %s permissive`: either closes it to every call that no edge allows", m.Name).
				WithFix(false, insertAfter(m.sections[0]), " permissive", "make it permissive")
		default:
			d.WithHelp("write an edge into it, or `mesh %s strict`: either closes it to every call that no edge allows; `mesh %[1]s strict open` only requires mutual TLS, and `mesh %[1]s permissive open` leaves everything as it is", m.Name).
				WithFix(false, insertAfter(m.sections[0]), " strict", "make it strict")
		}
		if !c.wide.at.IsZero() {
			d.WithRelated(c.wide.at, "a default, which closes no mesh by itself")
		}
	}
	switch {
	case m.Declares || !m.Open || m.Closed:
	case m.unnamed != nil && len(m.unnamed.allow) > 0:
		c.list.Add(diag.OpenMesh, m.openAt, "mesh %s is not open: an edge to every pod closes each to everything else", m.Name).
			WithRelated(m.unnamed.allow[0].At, "this edge").
			WithHelp("delete `open`, or name the services that the edge leads to")
	default:
		c.list.Add(diag.OpenMesh, m.openAt, "mesh %s is open: only services with edges are closed", m.Name).
			WithNote("everyone may call its other pods, declared or not, as without policies").
			WithHelp("delete `open` once every call has an edge")
	}
	for _, e := range m.externals() {
		if !e.used {
			c.list.Add(diag.UnusedExternal, e.At, "no edge leads to %s", quoted(e.Name)).
				WithHelp("delete it, or write an edge to it")
		}
	}
	reported := map[*exportStmt]bool{}
	for _, e := range m.exports {
		if !e.stmt.used && !reported[e.stmt] {
			reported[e.stmt] = true
			c.list.Add(diag.UnusedExport, e.stmt.at, "no edge needs this export").
				WithHelp("delete it, or keep it for a caller that other projects declare")
		}
	}
	if m.Declares || len(m.sections) == 0 {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(m.accounts)) {
		used := slices.ContainsFunc(m.services, func(s *service) bool {
			return s.RunsAs(name) || slices.ContainsFunc(s.workloads, func(w *inventory.Workload) bool { return w.Account == name })
		})
		if !used && name != "default" && !c.inv.Unread.RunsAs(m.Name, name) {
			c.list.Add(diag.UnusedAccount, m.accounts[name], "no workload of %s runs as %s", m.Name, quoted(name)).
				WithHelp("delete the ServiceAccount, or set it as serviceAccountName of its workload")
		}
	}
}

// running returns the accounts that workloads of a mesh run as.
func (m *mesh) running() map[string]bool {
	accounts := map[string]bool{}
	for _, s := range m.services {
		for _, w := range s.workloads {
			accounts[w.Account] = true
		}
	}
	return accounts
}

// lintAccount compares the account of a service with the ServiceAccounts of its namespace. runs is whether a workload
// there runs as it.
func (c *checker) lintAccount(m *mesh, s *service, runs bool) {
	if s.Account == "" || s.mismatch {
		return
	}
	stated := s.decl != nil && len(s.decl.Accounts) > 0
	_, known := m.accounts[s.Account]
	switch {
	case s.Account == "default":
		if !m.Declares && !s.solver() {
			c.list.Add(diag.DefaultAccount, either(s.accountAt, s.At), "%s runs as the account default, as does every pod that names none", s.Name).
				WithHelp("give it its own account, so that callees can distinguish it")
		}
	case len(m.accounts) > 0 && !known && (stated && !runs || len(s.workloads) > 0):
		d := c.list.Add(diag.UnknownAccount, either(s.accountAt, s.At), "namespace %s has no service account %s", m.Name, quoted(s.Account))
		near, ok := diag.Nearest(s.Account, slices.Sorted(maps.Keys(m.accounts)))
		switch {
		case ok && stated:
			d.WithHelp("did you mean %s?", near).WithFix(false, s.accountAt, near, "write "+near)
		case ok:
			d.WithHelp("did you mean %s? Kubernetes would not start a pod whose account is missing", near)
		default:
			d.WithHelp("add a ServiceAccount %s to the manifests: Kubernetes would not start a pod whose account is missing", s.Account)
		}
	case stated && m.manifested && len(m.accounts) == 0 && !runs && len(s.workloads) == 0 && s.Proxied() && !s.bound() && m.hasWorkloads() && !c.inv.Unread.Makes(m.Name, s.Name, s.Account):
		c.list.Add(diag.UnusedAccount, s.accountAt, "no workload in the manifests runs as %s", quoted(s.Account)).
			WithHelp("add the manifest of %s, or delete its declaration", s.Name)
	}
}

func (m *mesh) hasWorkloads() bool {
	return slices.ContainsFunc(m.services, func(s *service) bool { return len(s.workloads) > 0 })
}

func (c *checker) lintService(s *service) {
	c.lintUnmanifested(s)
	if !s.Dataplane.Judged() && !s.bound() {
		c.list.Add(diag.UnknownEffect, s.DataplaneAt, "meshc cannot tell what reaches %s: %s", s.ID(), s.DataplaneWhy).
			Help = s.DataplaneWay
	}
	exported := slices.ContainsFunc(s.mesh.exports, func(e *export) bool { return e.callee == s })
	idle := !s.calls && !s.called && !s.solver()
	invited := c.anyone == policy.FromWorld || c.anyone == policy.FromAny && s.Proxied()
	switch {
	case idle && !s.Proxied() && !s.declaredOutside():
		c.list.Add(diag.NoProxy, s.outsideAt(), "%s has no proxy: %s", s.Name, s.outsideWhy()).
			WithHelp("inject its proxy and restart it, or declare it `service %s outside`", s.Name)
	case idle && !invited && !exported && len(s.mesh.sections) > 0 && !s.shut():
		c.list.Add(diag.IsolatedService, s.At, "nothing may call %s, and it calls nothing", s.Name).
			WithHelp("write an edge from or to it, or remove the service if nothing uses it")
	}
	c.lintCovered(s)
	c.lintScrape(s)
	c.lintProbes(s)
}

// lintUnmanifested warns of a declared service that is not in the manifests: its policies would bind nothing. It is an
// error if a workload in the manifests runs as its account.
func (c *checker) lintUnmanifested(s *service) {
	if s.decl == nil || len(s.workloads) > 0 || s.mismatch || !s.bound() || !s.mesh.hasWorkloads() || c.inv.Unread.Makes(s.Namespace, s.Name, s.Account) {
		return
	}
	var known []string
	for _, o := range s.mesh.services {
		if o.decl != nil || len(o.workloads) == 0 {
			continue
		}
		known = append(known, o.Name)
		if w := o.workloads[0]; s.Account != "" && w.Account == s.Account {
			c.list.Add(diag.SelectorMismatch, s.At, "no workload of %s is %s; %s runs as %s", s.Namespace, s.Name, o.Name, quoted(s.Account)).
				WithRelated(w.At, "%s %s", w.Kind, w.Object).
				WithHelp("write `service %s`, or give %s the labels of its pods: a policy for it would bind nothing", o.Name, s.Name)
			return
		}
	}
	d := c.list.Add(diag.NoManifest, s.At, "no workload in the manifests of %s is %s", s.Namespace, s.Name).
		WithNote("its policies look for pods with %s that no other service takes", selectorText(s.Labels)).
		WithHelp("add its manifest, state the labels that its pods have, or delete it")
	if near, ok := diag.Nearest(s.Name, known); ok {
		d.WithHelp("did you mean %s?", near)
	}
}

// lintCovered warns of edges that denies override completely.
func (c *checker) lintCovered(s *service) {
	if len(s.deny) == 0 {
		return
	}
	for _, r := range s.allow {
		var by *rule
		covered := len(r.From) > 0
		for _, f := range r.From {
			i := slices.IndexFunc(s.deny, func(d *rule) bool {
				return d.Requests.Covers(&r.Requests) && d.Includes(f)
			})
			if i < 0 {
				covered = false
				break
			}
			by = s.deny[i]
		}
		if covered {
			c.list.Add(diag.CoveredByDeny, r.ToAt, "a deny overrides this edge completely").
				WithRelated(by.At, "denied here").
				WithHelp("delete the edge, or narrow the deny")
		}
	}
}

func (c *checker) lintScrape(s *service) {
	if !s.Proxied() {
		return
	}
	for _, w := range s.workloads {
		if w.Scraped() && !slices.ContainsFunc(s.allow, func(r *rule) bool { return r.Leads(w.Scrape.Port) }) {
			code := diag.UncoveredScrape
			if s.mesh.Closed && !c.policy.DryRun {
				code = diag.ShutOut
			}
			c.list.Add(code, w.Scrape.At, "%s is scraped, but no edge admits the scraper", s.Name).
				WithHelp("%s", c.scrapeRemedy(s, w.Scrape.Port))
			return
		}
	}
}

// scraper is a service that is taken for what scrapes.
const scraper = "prometheus"

// scrapeRemedy returns what lets in the scraper of a port; 0: of every port. One that is called Prometheus is taken for
// it.
func (c *checker) scrapeRemedy(s *service, number uint16) string {
	var steps []string
	mesh := "monitoring"
	if homes := c.homes(scraper); len(homes) > 0 {
		mesh = homes[0]
	} else {
		steps = append(steps, "declare the scraper, such as `mesh monitoring; service prometheus account ACCOUNT`")
	}
	port := ""
	if number != 0 {
		port = ":" + portText(number)
		if !slices.ContainsFunc(s.Ports, func(p policy.Port) bool { return p.Number == number }) {
			steps = append(steps, fmt.Sprintf("declare the port, `service %s port %d http`", s.Name, number))
		}
	}
	if s.unledAt(number) {
		steps = append(steps, fmt.Sprintf("add a port with `targetPort: %d` to the Service %s and have it scrape that, since it proves no identity to the address of a pod", number, s.Fronts[0].Host))
	}
	return strings.Join(append(steps, fmt.Sprintf("admit it: `%s/prometheus -> %s%s`", mesh, s.Name, port)), ", ")
}

// lintProbes warns of probes that come directly from the kubelet, in plaintext, and are refused.
func (c *checker) lintProbes(s *service) {
	for _, w := range s.workloads {
		for _, p := range w.Probes {
			if p.Port == 0 || w.Inbound.Of(p.Port).Capture == policy.Bypassed {
				continue
			}
			why := "no edge admits `world`"
			if c.effective(s, p.Port).mode == policy.Strict {
				why = "its mTLS is strict"
			} else if slices.ContainsFunc(s.allow, func(r *rule) bool {
				return r.Leads(p.Port) && slices.ContainsFunc(r.From, func(f policy.Source) bool { return f.Kind == policy.FromWorld })
			}) {
				continue
			}
			c.list.Add(diag.RefusedProbe, p.At, "the kubelet's %s of container %s of %s is refused on port %d: it comes in plaintext, and %s", p.What, p.Container, s.Name, p.Port, why).
				WithHelp("delete the annotation, so that the agent of the sidecar takes the probes")
			break
		}
	}
}

// loosePort returns a destination of callers without a proxy: a port that is permissive, if the ports are known.
func (c *checker) loosePort(s *service) string {
	for _, p := range s.Ports {
		if c.effective(s, p.Number).mode == policy.Permissive {
			return s.Name + ":" + portText(p.Number)
		}
	}
	return s.Name
}

// lintPermissive warns once for each permissive mode of callees whose edges need an identity.
func (c *checker) lintPermissive() {
	if c.Meshless {
		return
	}
	all, units := map[source.Span]permissive{}, c.merged()
	for _, name := range slices.Sorted(maps.Keys(units)) {
		for at, p := range units[name].loose {
			sum, known := all[at]
			if !known {
				sum = *p
				sum.callees = 0
			}
			sum.callees += p.callees
			all[at] = sum
		}
	}
	for _, at := range slices.SortedFunc(maps.Keys(all), source.Span.Compare) {
		p := all[at]
		who := p.first
		if p.callees > 1 {
			who = fmt.Sprintf("the %d services that edges lead to", p.callees)
		}
		c.list.Add(diag.PermissiveCallee, at, "plaintext callers of %s are rejected although it is permissive", who).
			WithNote("an edge admits an identity, and a plaintext caller has none: it is rejected by policies, not by the mode").
			WithHelp("make it strict once every caller has a proxy; admit those without one by their addresses: `service NAME outside address NETWORK`, and `NAME -> %s`", p.port)
	}
}
