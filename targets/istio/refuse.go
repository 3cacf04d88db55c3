package istio

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// These functions refuse what a cluster would refuse halfway through an apply, and point to the intent. The rules are
// those of istio.io/istio/pkg/config/validation and of Kubernetes' object names. The check reports most violations
// earlier, with better messages.

// acceptMesh refuses a mesh whose name is not a valid namespace.
func (b *builder) acceptMesh(m *policy.Mesh) bool {
	if !policy.IsLabel(m.Name) {
		b.findings.Add(diag.Inexpressible, m.At, "%q is not a valid namespace name", m.Name).WithHelp(nameHelp)
		return false
	}
	if !m.Declares && !isTrustDomain(b.trust) {
		b.findings.Add(diag.Inexpressible, source.Span{}, "%q is not a valid trust domain", b.trust)
		return false
	}
	return true
}

// refuseRoot refuses what would have to go into the root namespace.
func (b *builder) refuseRoot(m *policy.Mesh) {
	if m.Mode != policy.ModeUnset {
		b.modeInRoot(m.ModeAt, m.Mode.String())
	}
	for _, s := range m.Services {
		if s.Mode != policy.ModeUnset || slices.ContainsFunc(s.Ports, hasMode) {
			b.modeInRoot(either(s.ModeAt, s.At), "MODE")
		}
	}
	for _, x := range m.Externals {
		b.findings.Add(diag.Inexpressible, x.At, "an external cannot go into the root namespace %s", b.root).
			WithNote("its objects bind every namespace, so meshc puts only the mesh-wide mode and policies there")
	}
}

// acceptAmbient refuses modes that ztunnel would enforce otherwise. It has no DISABLE, and leaves ports of a workload
// open where the namespace states no mode: convertPeerAuthentication in
// istio.io/istio/pilot/pkg/serviceregistry/ambient/authorization.go.
func (b *builder) acceptAmbient(m *policy.Mesh) {
	if m.Ambient && !m.Declares && cmp.Or(m.Mode, b.Mode) == policy.Disable {
		d := b.findings.Add(diag.Inexpressible, either(m.ModeAt, either(b.ModeAt, m.At)), "mesh %s is ambient, where mutual TLS cannot be disabled", m.Name)
		if i := slices.IndexFunc(m.Services, func(s *policy.Service) bool { return s.Dataplane == policy.Ambient }); i >= 0 {
			d.WithRelated(m.Services[i].DataplaneAt, "%s", m.Services[i].DataplaneWhy)
		}
		if m.Mode == policy.ModeUnset {
			d.WithHelp("state a mode of its own: `mesh %s permissive`", m.Name)
		} else {
			d.WithHelp("make it permissive")
		}
		return
	}
	unlimited := false
	for _, s := range m.Services {
		if s.Dataplane != policy.Ambient {
			continue
		}
		if b.edges != nil && !unlimited {
			unlimited = true
			b.findings.Add(diag.Ineffective, m.At, "a Sidecar has no effect on %s, which is ambient: what its pods call is not limited", s.ID()).
				WithRelated(s.DataplaneAt, "%s", s.DataplaneWhy).
				WithHelp("leave `targets.istio.sidecars` out")
		}
		at := either(s.ModeAt, either(m.ModeAt, either(b.ModeAt, s.At)))
		disabled := b.ModeOf(m, s, 0) == policy.Disable
		for _, p := range s.Ports {
			disabled = disabled || p.Mode == policy.Disable
		}
		switch {
		case disabled:
			b.findings.Add(diag.Inexpressible, at, "%s is ambient, where mutual TLS cannot be disabled", s.ID()).
				WithRelated(s.DataplaneAt, "%s", s.DataplaneWhy).
				WithHelp("make it permissive")
			return
		case m.Mode == policy.ModeUnset && slices.ContainsFunc(s.Ports, hasMode):
			b.findings.Add(diag.Inexpressible, at, "the modes of the ports of %s cannot be enforced: it is ambient, and its mesh states no mode", s.ID()).
				WithRelated(s.DataplaneAt, "%s", s.DataplaneWhy).
				WithHelp("state it: `mesh %s strict`", m.Name)
		}
	}
}

func (b *builder) modeInRoot(at source.Span, mode string) {
	d := b.findings.Add(diag.RootNamespace, at, "%s is the root namespace, where a mode would bind the whole mesh", b.root)
	if !b.ModeAt.IsZero() {
		d.WithRelated(b.ModeAt, "the mode of the whole mesh").WithHelp("delete the mode here")
		return
	}
	d.WithHelp("delete the mode here, and write `mesh * %s` for the whole mesh", mode)
	if line := at.File.Line(at.StartPosition().Line); mode == at.Text() && strings.HasPrefix(line, "mesh ") {
		start := at.File.Offset(at.StartPosition().Line)
		d.Fixes = append(d.Fixes, diag.Fix{Title: "state the mode of the whole mesh", Edits: []diag.Edit{
			{Span: at.File.Span(start, start), New: "mesh * " + mode + "\n"}, {Span: at.File.Span(int(at.Start)-1, int(at.End))},
		}})
	}
}

// acceptService refuses a workload that no policy could select.
func (b *builder) acceptService(s *policy.Service) bool {
	switch {
	case !s.Dataplane.Judged():
		b.findings.Add(diag.Inexpressible, either(s.At, s.DataplaneAt), "no policy for %s can be expressed: %s", s.ID(), s.DataplaneWhy).
			WithRelated(s.DataplaneAt, "because of this").
			Help = s.DataplaneWay
		return false
	case !policy.IsName(s.Name):
		b.findings.Add(diag.Inexpressible, s.At, "%q is not a valid object name", s.Name).WithHelp(nameHelp)
		return false
	case len(s.Labels) == 0:
		b.findings.Add(diag.Inexpressible, s.At, "%s has no labels, so what is emitted for it would bind all of %s", s.ID(), s.Namespace).
			WithHelp("give its pods a label, such as `app: %s`", s.Name)
		return false
	}
	for _, l := range s.Labels {
		if !policy.IsLabelKey(l.Key) || !policy.IsLabelValue(l.Value) {
			b.findings.Add(diag.Inexpressible, s.At, "the label %s=%s of %s is not a valid pod label", l.Key, l.Value, s.ID())
			return false
		}
	}
	return true
}

// acceptRule refuses a rule that Istio would refuse, or match differently from what the intent says.
func (b *builder) acceptRule(s *policy.Service, r *policy.Rule, a action) bool {
	before := len(b.findings)
	refuse := func(at source.Span, format string, args ...any) *diag.Diagnostic {
		return b.findings.Add(diag.Inexpressible, at, format, args...)
	}
	operations := r.At
	if r.OfHTTP() {
		operations = either(requestsAt(&r.Requests), r.At)
	}
	if len(r.From) == 0 {
		refuse(r.At, "a rule of %s has no caller", s.ID()) // Istio would let every caller in
	}
	for i, from := range r.From {
		at := r.SourceAt(i)
		switch {
		case from.Kind == policy.FromMesh && !policy.IsLabel(from.Mesh):
			refuse(at, "%q is not a valid namespace name", from.Mesh).WithHelp(nameHelp)
		case from.Kind == policy.FromMesh && (from.Mesh == "ns" || from.Mesh == "sa"):
			refuse(at, "Istio cannot tell callers of the namespace %s from others: it looks for /ns/%s/ anywhere in an identity, and /ns/ns/sa/ is in those of the namespace ns", from.Mesh, from.Mesh).
				WithHelp("name the services of %s that are meant in place of `%s/*`", from.Mesh, from.Mesh)
		case from.Kind != policy.FromService:
		case !from.Service.Proxied() && slices.ContainsFunc(from.Service.Addresses, func(a netip.Prefix) bool { return !a.IsValid() }):
			refuse(at, "%s has an invalid address", from.Service.ID())
		case !from.Service.Proxied() && len(from.Service.Addresses) == 0:
			refuse(at, "%s has no proxy and no address, so it cannot be identified", from.Service.ID()).
				WithHelp("give its addresses: `service %s outside address 10.0.3.0/24`", from.Service.Name)
		case from.Service.Proxied() && !(policy.IsLabel(from.Service.Namespace) && policy.IsName(from.Service.Account)) ||
			slices.ContainsFunc(from.Service.Was, func(account string) bool { return !policy.IsName(account) }):
			refuse(at, "%s has no service account, and so no identity", from.Service.ID()).
				WithHelp("name the account that its pods run under: `service %s account NAME`", from.Service.Name)
		}
	}
	if slices.Contains(r.Ports, 0) {
		refuse(either(r.ToAt, r.At), "0 is not a port")
	}
	if a == ask {
		b.acceptProvider(r)
	}
	if len(r.Ports) == 0 && a != allow && r.OfHTTP() && !r.Widened {
		refuse(operations, "%s of HTTP operations needs a port: without one Istio takes every connection of ports that are not HTTP for one that is meant", diag.WithArticle(a.word))
	}
	for _, operations := range [...][]policy.Operation{r.Ops, r.Without} {
		for _, o := range operations {
			for _, m := range o.Methods {
				if m == "" || strings.ContainsAny(m, "* \t") {
					refuse(either(o.At, r.At), "%q is not an HTTP method", m)
				}
			}
		}
	}
	if b.acceptPaths(r.Ops, r.At) && a != allow {
		b.acceptTemplates(s, r, a)
	}
	b.acceptExceptions(r)
	b.acceptOnDataplane(s, r, a)
	for _, c := range r.Where {
		switch c.Dimension {
		case policy.TokenDimension:
		case policy.HeaderDimension:
			b.acceptHeader(s, r, &c)
		case policy.PortDimension:
			if !c.Not || len(r.Ports) > 0 {
				refuse(either(c.At, r.At), "a condition on ports that a rule names")
			}
		case policy.HostDimension:
			if c.Not || c.Every && slices.ContainsFunc(c.Values, func(v string) bool { return strings.HasPrefix(v, "*") }) {
				refuse(either(c.At, r.At), "%s of a host with a wildcard can be got around: Istio compares hosts with their ports, and no pattern has a wildcard at both ends", diag.WithArticle(a.word)).
					WithHelp("name the hosts")
			}
		default:
			refuse(either(c.At, r.At), "a condition on %s cannot be enforced", c.Dimension)
		}
	}
	if r.OfHTTP() {
		for _, p := range s.Ports {
			if !p.Protocol.IsHTTP() && slices.Contains(r.Ports, p.Number) {
				refuse(operations, "HTTP operations on port %d of %s, which is not HTTP", p.Number, s.ID())
			}
		}
	}
	return len(b.findings) == before
}

// acceptOnDataplane refuses what ztunnel would not see: connections, not requests, are what it decides about.
// https://istio.io/latest/docs/ambient/usage/l4-policy/
func (b *builder) acceptOnDataplane(s *policy.Service, r *policy.Rule, a action) {
	if !r.OfHTTP() && a != ask || s.Dataplane != policy.Ambient || len(s.Through()) > 0 {
		return
	}
	which := "methods and paths"
	if len(r.Ops)+len(r.Without) == 0 {
		which = "conditions on requests"
	}
	at, or := either(requestsAt(&r.Requests), r.At), "leave them out"
	if a == ask {
		or = "delete the ask"
	}
	if r.EveryPod {
		b.everyPod(s, r.EveryMesh, at, fmt.Sprintf("%s of this %s cannot be enforced at", which, a.word), strings.Replace(or, "them", "the "+which, 1))
		return
	}
	b.findings.Add(diag.Inexpressible, at, "%s of this %s cannot be enforced: %s is ambient, and has no sidecar", which, a.word, s.ID()).
		WithRelated(s.DataplaneAt, "%s", s.DataplaneWhy).
		WithHelp("%s, or %s", s.WaypointWay(), or).
		Alone = true
}

// acceptProvider refuses to ask a provider that the mesh does not have: Istio would refuse every request instead.
func (b *builder) acceptProvider(r *policy.Rule) {
	if slices.Contains(b.Providers, r.Provider) {
		return
	}
	d := b.findings.Add(diag.Inexpressible, r.ProviderAt, "%q is not a provider of the mesh that meshc.yaml names", r.Provider).
		WithNote("if the MeshConfig has no such extensionProvider, Istio refuses every request that it should be asked about")
	if near, ok := diag.Nearest(r.Provider, b.Providers); ok {
		d.WithHelp("did you mean %s?", near)
	} else {
		d.WithHelp("write `targets: {istio: {extensionProviders: [%s]}}` in meshc.yaml, once the MeshConfig has it", r.Provider)
	}
}

// acceptExceptions refuses exceptions with templates: what these do not match, such as the segment `a*b`, would not be
// left out.
func (b *builder) acceptExceptions(r *policy.Rule) {
	if !b.acceptPaths(r.Without, r.At) {
		return
	}
	for i := range r.Without {
		if o := &r.Without[i]; policy.IsTemplate(o.Path) {
			b.findings.Add(diag.Inexpressible, either(pathAt(o), r.At), "`%s` cannot be left out: the templates of Istio do not match a path with `*`, `[` or `]`", o.Path).
				WithHelp("leave out the prefix %s*, or name exact paths", o.Path[:strings.IndexByte(o.Path, '{')])
		}
	}
}

// requestsAt returns the span of all that follows a destination; the zero span where there is nothing.
func requestsAt(q *policy.Requests) (at source.Span) {
	for _, operations := range [...][]policy.Operation{q.Ops, q.Without} {
		for i := range operations {
			at = at.To(operations[i].At)
		}
	}
	for i := range q.Where {
		at = at.To(q.Where[i].At)
	}
	return at
}

func either(first, second source.Span) source.Span {
	if first.IsZero() {
		return second
	}
	return first
}

const nameHelp = "use lowercase letters, digits and `-`"

func isTrustDomain(s string) bool {
	for part := range strings.SplitSeq(strings.TrimSuffix(s, "."), ".") {
		if !policy.IsLabel(part) {
			return false
		}
	}
	return true
}

// refuseHost returns why an external cannot have a host; empty if it can. A Sidecar does not accept short names.
func refuseHost(host string, sidecars bool) string {
	name, wildcard := strings.CutPrefix(strings.ToLower(host), "*.")
	parts := strings.Split(strings.TrimSuffix(name, "."), ".")
	switch {
	case strings.Contains(name, "*"):
		return "a * stands for the whole first label"
	case len(host) > 253:
		return "it is longer than a DNS name may be"
	case strings.Trim(parts[len(parts)-1], "0123456789") == "":
		return "an address is not a name"
	case slices.ContainsFunc(parts, func(p string) bool { return !policy.IsLabel(p) }):
		return "it is not a DNS name"
	case sidecars && !wildcard && len(parts) == 1:
		return "a Sidecar takes no short names"
	}
	return ""
}
