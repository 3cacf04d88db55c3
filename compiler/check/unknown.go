package check

import (
	"maps"
	"net/netip"
	"path"
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/bearing"
	"github.com/meshc/meshc/compiler/inventory"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang"
	"github.com/meshc/meshc/lang/diag"
)

// unknown reports a name that mesh m does not declare.
func (c *checker) unknown(m *mesh, r lang.Ref) {
	c.unit.lost = true
	if near := c.meant(m, r.Name.Text); near != "" {
		c.misspelt(m, near)
		return
	}
	if c.managed(m, r) || c.notation(m, r, diag.UnknownService) || c.alias(m, r) {
		return
	}
	d := c.list.Add(diag.UnknownService, r.Name.Range, "%s is not declared in mesh %s", quoted(r.Name.Text), m.Name)
	if m.meansPods(r) {
		d.WithNote("`pods` is the destination of an edge, deny, ask or guard rail, and nothing else").
			WithHelp("every caller of the namespace is `%s/*`; a mode of all its pods is that of the mesh, and `*` is every service that is declared", m.Name)
		return
	}
	if name, namespace, dotted := hostOf(r); dotted {
		if o := c.byName[namespace]; o != nil && o.names[name] != nil {
			if namespace != m.Name {
				name = namespace + "/" + name
			}
			d.WithHelp("that is its host name: write %s", name).WithFix(false, r.Name.Range, name, "write "+name)
		} else {
			d.WithHelp("a service of another mesh is written NAMESPACE/NAME; a host outside the mesh is declared, `external NAME host %s port 443 tls`", r.Name.Text)
		}
		return
	}
	if m.known == nil {
		m.known = slices.Sorted(maps.Keys(m.names))
	}
	if c.unit.missed(m) > maxSuggestions {
		d.WithHelp("declare it: `service %s account NAME`, or name its manifests with --workloads or in meshc.yaml", r.Name.Text)
		return
	}
	if c.runsAs(d, m, r) || suggest(d, r.Name, m.known) {
		return
	}
	switch homes := c.homes(r.Name.Text); {
	case c.unplaced(r.Name.Text) != nil:
		d.WithHelp("there is one in a manifest that names no namespace: state its namespace in meshc.yaml, `%s`", inventory.Entry(c.unplaced(r.Name.Text).At.File.Name, m.Name))
	case !r.Qualified() && len(homes) > 0:
		d.WithHelp("mesh %s has one: write %s/%s", listed(homes), homes[0], r.Name.Text)
	case m.manifested:
		d.WithNote("the workload manifests of namespace %s have %s", m.Name, listed(c.serviceNames(m)))
		d.WithHelp("declare it: `service %s account NAME`", r.Name.Text)
	case !c.inv.Template.IsZero():
		d.WithRelated(c.inv.Template, "it may be in a template, and these are skipped")
		d.WithHelp("render the chart: `helm template CHART | meshc check --workloads -`; or declare it: `service %s account NAME`", r.Name.Text)
	case !c.inv.Kustomization.IsZero():
		folder := path.Dir(c.inv.Kustomization.File.Name)
		d.WithRelated(c.inv.Kustomization, "it may be in what this kustomization uses")
		d.WithHelp("check what Kustomize renders: `kustomize build %s | meshc check --workloads -`; or name what it uses in meshc.yaml, too: `workloads: [%s, {path: BASE, namespace: %s}]`", folder, folder, m.Name)
	default:
		d.WithHelp("declare it: `service %s account NAME`, or name its manifests with --workloads or in meshc.yaml", r.Name.Text)
	}
}

// alias reports the name of a Service that is another name of a host. It reports false if the name is not one.
func (c *checker) alias(m *mesh, r lang.Ref) bool {
	a := c.inv.Alias(m.Name, r.Name.Text)
	if a == nil {
		return false
	}
	d := c.list.Add(diag.UnknownService, r.Name.Range, "%s is a Service of type ExternalName, an alias of %s", quoted(r.Name.Text), a.Host).
		WithRelated(a.At, "it says so")
	if a.To == "" {
		d.WithHelp("declare the host, and write an edge to it: `external %s host %s port 443 tls`", r.Name.Text, a.Host)
		return true
	}
	namespace, service, _ := strings.Cut(a.To, "/")
	if o := c.byName[namespace]; o != nil {
		for _, s := range o.services {
			if s.Name == service || slices.Contains(s.Hosts, service) {
				d.WithHelp("write %s", s.seenFrom(m)).WithFix(false, r.Range, s.seenFrom(m), "write "+s.seenFrom(m))
				return true
			}
		}
	}
	d.WithHelp("declare %s in mesh %s, and write %s", service, namespace, a.To)
	return true
}

// unknownMesh reports a mesh that nothing declares.
func (c *checker) unknownMesh(r lang.Ref) {
	c.unit.lost = true
	n := r.Namespace
	d := c.list.Add(diag.UnknownMesh, n.Range, "mesh %s is not declared", quoted(n.Text))
	if !suggest(d, n, slices.Sorted(maps.Keys(c.byName))) {
		name := r.Name.Text
		if name == "*" {
			name = "NAME"
		}
		d.WithHelp("declare it and its services: `mesh %s; service %s account ACCOUNT`", n.Text, name)
	}
}

// managed reports the name of a Gateway in place of that of the pods that Istio makes for it. It reports false if it is
// none.
func (c *checker) managed(m *mesh, r lang.Ref) bool {
	i := slices.IndexFunc(m.services, func(s *service) bool {
		return slices.Contains(s.Labels, policy.Label{Key: bearing.GatewayName, Value: r.Name.Text})
	})
	if i < 0 {
		return false
	}
	name := m.services[i].Name
	c.list.Add(diag.UnknownService, r.Name.Range, "%s is not declared in mesh %s", quoted(r.Name.Text), m.Name).
		WithHelp("the pods of the Gateway %s are the service %s: write it", r.Name.Text, name).
		WithFix(false, r.Name.Range, name, "write "+name)
	return true
}

// notation reports a reference in the notation of something else: an address, `deployment/web` or `everyone`. It
// reports false if the reference is none of these.
func (c *checker) notation(m *mesh, r lang.Ref, code diag.Code) bool {
	c.unit.lost = true
	text := r.String()
	switch network, err := parsePrefix(text); {
	case err == nil:
		d := c.list.Add(code, r.Range, "%s is an address, and a caller or destination is a service", quoted(text))
		if s := c.at(m, network); s != "" {
			d.WithHelp("write the service with this address: %s", s).WithFix(false, r.Range, s, "write "+s)
		} else {
			d.WithHelp("declare a service outside the mesh with this address, and write its name in place of it: `service NAME outside address %s`", text)
		}
	case r.Qualified() && slices.Contains(resources, strings.ToLower(r.Namespace.Text)):
		name := r.Name.Text
		d := c.list.Add(code, r.Range, "a service is written without its kind").WithHelp("write its name alone: %s", name)
		if m != nil && m.names[name] != nil {
			d.WithFix(false, r.Range, name, "write "+name)
		}
	case !r.Qualified() && slices.Contains(everybody, strings.ToLower(text)):
		c.list.Add(code, r.Range, "%s is not declared in mesh %s", quoted(text), m.Name).
			WithHelp("of the callers, `*` is every service of mesh %s, `any` every caller with an identity, and `world` every caller", m.Name)
	case !r.Qualified() && slices.Contains(beyond, strings.ToLower(text)):
		c.list.Add(code, r.Range, "%s is not declared in mesh %s", quoted(text), m.Name).
			WithHelp("calls from outside the cluster come from the ingress gateway: write its service as the caller; a host that is called is declared as an external")
	default:
		return false
	}
	return true
}

var (
	// What kubectl calls the kinds that a service is made of.
	resources = []string{
		"deployment", "deployments", "deploy", "service", "services", "svc", "statefulset", "statefulsets", "sts", "daemonset", "daemonsets", "ds",
		"replicaset", "rs", "pod", "pods", "po", "job", "jobs", "cronjob", "cj", "rollout",
	}
	everybody = []string{"all", "everyone", "everybody", "anyone", "anybody", "everything", "anything"}
	beyond    = []string{"internet", "public", "outside", "external"}
)

func parsePrefix(text string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(text); err == nil {
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	return netip.ParsePrefix(text)
}

// at returns the reference in mesh m to the only service with exactly this address; empty if there is none.
func (c *checker) at(m *mesh, network netip.Prefix) string {
	var found []*service
	for _, o := range c.meshes {
		for _, s := range o.services {
			if len(s.Addresses) == 1 && s.Addresses[0] == network {
				found = append(found, s)
			}
		}
	}
	if len(found) != 1 {
		return ""
	}
	return found[0].seenFrom(m)
}

// seenFrom returns how a statement of mesh m (nil outside any) refers to the service.
func (s *service) seenFrom(m *mesh) string {
	if s.mesh == m {
		return s.Name
	}
	return s.ID()
}

// runsAs adds the services that run as the account of this name. It reports false if there is none.
func (c *checker) runsAs(d *diag.Diagnostic, m *mesh, r lang.Ref) bool {
	var names []string
	for _, s := range m.services {
		if s.Account == r.Name.Text {
			names = append(names, s.seenFrom(m))
		}
	}
	switch len(names) {
	case 0:
		return false
	case 1:
		d.WithHelp("%s is the account of %s: write the service", r.Name.Text, names[0])
		d.WithFix(false, r.Name.Range, names[0], "write "+names[0])
	default:
		d.WithHelp("%s is the account of %s: write one of the services; their callees cannot distinguish them", r.Name.Text, listed(names))
	}
	return true
}

// meant returns the mesh that was likely meant by m, which has no services of its own: one with a similar name that has
// the service of this name, or is in the manifests but in no statement if the name is empty and m declares nothing.
func (c *checker) meant(m *mesh, name string) string {
	if m.manifested || len(m.services) > 0 || name == "" && len(m.names) > 0 || len(m.sections) == 0 {
		return ""
	}
	var among []string
	for _, o := range c.meshes {
		if o != m && (o.names[name] != nil || name == "" && o.manifested && len(o.sections) == 0) {
			among = append(among, o.Name)
		}
	}
	near, _ := diag.Nearest(m.Name, among)
	return near
}

// misspelt reports, once, a mesh whose services are those of a mesh with a similar name.
func (c *checker) misspelt(m *mesh, near string) {
	if m.misspelt {
		return
	}
	m.misspelt, c.whole = true, true
	d := c.list.Add(diag.UnknownMesh, m.sections[0], "mesh %s has no services", m.Name).WithHelp("did you mean %s?", near)
	fix := diag.Fix{Title: "write " + near}
	for _, at := range m.sections {
		fix.Edits = append(fix.Edits, diag.Edit{Span: at, New: near})
	}
	d.Fixes = append(d.Fixes, fix)
}

// hostOf splits a Kubernetes host name: SERVICE.NAMESPACE and what may follow.
func hostOf(r lang.Ref) (service, namespace string, dotted bool) {
	service, rest, dotted := strings.Cut(r.Name.Text, ".")
	namespace, _, _ = strings.Cut(rest, ".")
	return service, namespace, dotted && !r.Qualified()
}

// missed counts the unknown names in a mesh.
func (u *unit) missed(m *mesh) int {
	if u.misses == nil {
		u.misses = map[*mesh]int{}
	}
	u.misses[m]++
	return u.misses[m]
}

// maxSuggestions bounds the search for near names in one mesh: so many unknown names are not typos.
const maxSuggestions = 100

// homes returns the meshes that declare a name, sorted.
func (c *checker) homes(name string) []string {
	var found []string
	for _, m := range c.meshes {
		if m.names[name] != nil {
			found = append(found, m.Name)
		}
	}
	return found
}

// unplaced returns a workload of a name whose manifest names no namespace; nil where there is none.
func (c *checker) unplaced(name string) *inventory.Workload {
	i := slices.IndexFunc(c.inv.Workloads, func(w *inventory.Workload) bool { return w.Unplaced && w.Service == name })
	if i < 0 {
		return nil
	}
	return c.inv.Workloads[i]
}

func (c *checker) serviceNames(m *mesh) []string {
	var names []string
	for _, s := range m.services {
		names = append(names, s.Name)
		if len(names) == 8 {
			return append(names, "others")
		}
	}
	return names
}
