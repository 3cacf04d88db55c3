// Package read reads Istio manifests into a Layer of compiler/analysis/enforce, as for a cluster that has nothing
// else.
//
// It knows the policies of security.istio.io, v1 and v1beta1, as Istio 1.31 reads them and Envoy enforces them in a
// sidecar, and the TLS that a DestinationRule makes callers use. Code that follows a file of Istio or Envoy cites it.
// The package knows nothing of intents or of how manifests are written: together with the analysis it is the judge of
// the emitter, and shares no code with it.
//
// Nothing is guessed. What a cluster would refuse is a finding, and so is every field that depends on something that
// the model of a request lacks: TLS server names, metadata of other filters, CUSTOM providers, waypoints. Requests
// that such a field may decide are undecided, and no others are. EnvoyFilters and Sidecars are findings, because their
// effects are not modelled. Trust domain aliases, routes, and the normalization of paths before policies are applied
// are not modelled and give no finding.
//
// Manifests written by a program are read by a fast reader for a subset of YAML (package plainyaml), all others by a
// library (slow.go). Both build the same tree (node.go), which the decoder takes apart.
package read

import (
	"cmp"
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/compiler/bearing"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/compiler/yamldoc"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// maxFile is the size in bytes up to which a file of manifests is read.
const maxFile = 256 << 20

// Files reads manifests: files of YAML, each of one document or more. Objects of other kinds are skipped. A document
// that cannot be read is a finding, and the rest is read without it; an object that a cluster would refuse is a finding
// too, and what it may decide is undecided. The result does not depend on the order of the files.
func Files(files []*source.File, mesh enforce.Mesh) (*enforce.Layer, diag.List) {
	mesh.TrustDomain = cmp.Or(mesh.TrustDomain, "cluster.local")
	mesh.RootNamespace = cmp.Or(mesh.RootNamespace, "istio-system")
	files = slices.Clone(files)
	slices.SortStableFunc(files, func(a, b *source.File) int { return cmp.Compare(a.Name, b.Name) })
	r := &reader{
		mesh: mesh, trustDomains: append([]string{mesh.TrustDomain}, mesh.Aliases...),
		first: make(map[objectKey]*enforce.Object, len(files)), again: map[*enforce.Object][]*enforce.Object{}, policies: make([]*enforce.Object, 0, len(files)),
		dataplanes: map[string]policy.Dataplane{}, gateways: gatewaySelectors(),
	}
	d := &decoder{tree: &tree{}, trustDomains: r.trustDomains, findings: &r.findings}
	for _, f := range files {
		r.file(f, d)
	}
	r.findings = append(r.findings, r.notices.Findings()...)
	return r.manifests(), r.findings.Sort()
}

type reader struct {
	mesh enforce.Mesh

	trustDomains []string
	findings     diag.List
	first        map[objectKey]*enforce.Object
	again        map[*enforce.Object][]*enforce.Object // other manifests of the same object
	policies     []*enforce.Object

	destinations []*enforce.Destination
	gateways     []*enforce.Object
	notices      bearing.Notices
	dataplanes   map[string]policy.Dataplane // by namespace
}

type objectKey struct{ kind, namespace, name string }

func (r *reader) file(f *source.File, d *decoder) {
	if len(f.Text) > maxFile {
		r.findings.Add(diag.Unevaluable, f.Span(0, 0), "%s has %d MiB; up to %d MiB of a file are read", f.Name, len(f.Text)>>20, maxFile>>20)
		return
	}
	if d.whole(f) {
		if len(d.Nodes) > 1 {
			r.object(d, 1, "", "")
		}
		return
	}
	if bad := yamldoc.Text(f); bad != nil {
		r.findings.Add(diag.Unevaluable, bad.Span, "%s", bad.Message)
		return
	}
	d.documents(f, func(bad *fault) {
		if bad != nil {
			r.findings.Add(diag.Unevaluable, bad.at, "%s", bad.message).Help = bad.help
			return
		}
		r.object(d, 1, "", "")
	})
}

// whole reads a file that is one document, as programs write them, and reports whether it is. Such a file is text.
func (t *tree) whole(file *source.File) bool {
	t.reset(file)
	if !t.Read(file.Text, 0) {
		return false
	}
	t.locate(file, file.Text, 0)
	return true
}

// documents reads the documents of a file into the tree, one after the other, and calls f for each with content: with a
// fault if it cannot be read.
func (t *tree) documents(file *source.File, f func(*fault)) {
	for doc := range yamldoc.Split(file) {
		t.reset(file)
		var bad *fault
		if !t.Read(doc.Text, int(doc.Offset())) {
			bad = t.readSlow(doc)
		}
		if bad != nil || len(t.Nodes) > 1 {
			t.locate(file, doc.Text, int(doc.Offset()))
			f(bad)
		}
	}
}

// locate says where the content of a document is.
func (t *tree) locate(file *source.File, text string, offset int) {
	end := offset + len(text)
	text = strings.TrimLeft(strings.TrimPrefix(text, "---"), " \n")
	t.document = file.Span(end-len(text), end-len(text)+len(strings.TrimRight(text, " \n")))
}

// register adds an object, or another manifest of one.
func (r *reader) register(p *enforce.Object, d *decoder, n int32) {
	p.DryRun = p.DryRun && !r.mesh.Shadow
	if p.Role == enforce.Authorizes && p.Unsent == enforce.Sent && d.otherwise && !p.Broken {
		p.Ztunnel = p.As(d.connections(p, d.at(d.at(n, "spec"), "rules")))
	}
	key := objectKey{p.Kind, p.Namespace, p.Name}
	if first := r.first[key]; first != nil && p.Name != "" {
		r.again[first] = append(r.again[first], p)
		return
	}
	r.first[key] = p
	r.policies = append(r.policies, p)
}

func (r *reader) manifests() *enforce.Layer {
	r.once()
	r.rewritten()
	m := enforce.NewLayer(r.mesh, space.Standard, r.policies, r.destinations)
	m.Gateways, m.Dataplanes = r.gateways, r.dataplanes
	for i, p := range m.Policies {
		if p.Kind == "PeerAuthentication" && p.Namespace == r.mesh.RootNamespace && len(p.Selector) > 0 {
			r.findings.Add(diag.Ineffective, p.At, "the PeerAuthentication %s has a selector in the root namespace, where Istio ignores it", p.ID()).
				WithHelp("put it into the namespace of the workload")
		}
		if p.Role == enforce.SetsModes && (i == 0 || m.Policies[i-1].Namespace != p.Namespace || m.Policies[i-1].Role != p.Role) {
			end := i
			for end < len(m.Policies) && m.Policies[end].Namespace == p.Namespace && m.Policies[end].Role == p.Role {
				end++
			}
			r.oneScope(m.Policies[i:end])
		}
	}
	return m
}
