package importer

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler"
	"github.com/meshc/meshc/compiler/analysis/diff"
	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/model"
	"github.com/meshc/meshc/compiler/config"
	"github.com/meshc/meshc/compiler/inventory"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// prove compiles a project and compares it, together with what is accepted, with what was given. If it is refused or
// lets through other requests, the objects behind that are accepted, and again is true.
func (i *importer) prove(ctx context.Context, p *draft) (again bool, err error) {
	settings := i.settings()
	written, found := config.Parse(source.NewFile(settings.Name, settings.Text))
	if found.HasErrors() {
		return false, fmt.Errorf("the settings that were written are refused: %s", found[0].Message)
	}
	written.Accepted = nil
	inputs := compiler.Inputs{Config: written, Workloads: i.manifests, Today: i.Today}
	for _, f := range p.output {
		inputs.Files = append(inputs.Files, compiler.Input{Name: f.Name, Text: []byte(f.Text)})
	}
	parsed, err := compiler.Parse(ctx, inputs)
	if err != nil {
		return false, err
	}
	if p.build, err = parsed.Build(ctx, inputs.Config); err != nil {
		return false, err
	}
	for _, shut := range []bool{false, true} { // a gateway that nobody can call may be so because its edges are refused
		for _, d := range p.build.Findings {
			if d.Severity != diag.Error || (d.Code == diag.ShutOut) != shut {
				continue
			}
			at := d.Primary
			if shut && len(d.Related) > 0 { // by what closes the whole mesh
				at = d.Related[0].Span
			}
			behind := p.behind(at)
			if len(behind) == 0 && i.withoutManifest(&d) {
				return true, nil
			}
			if len(behind) == 0 {
				return false, fmt.Errorf("the project that was written is refused: %s", d.Message)
			}
			for _, o := range behind {
				again = again || o.Outcome == Said
				o.together = o.together || len(behind) > 1
				o.accept("its statement would be refused: %s", d.Message)
			}
		}
		if again {
			return true, nil
		}
	}
	if i.collides(p.build) || i.unauthenticated(p.build) {
		return true, nil
	}
	differences, err := i.compare(ctx, p.build)
	if err != nil {
		return false, err
	}
	var unwanted []difference
	for _, d := range differences {
		if i.wanted(&d) {
			p.changes = append(p.changes, d.words)
		} else {
			unwanted = append(unwanted, d)
		}
	}
	return i.blame(unwanted)
}

// withoutManifest has the project be built without the manifest that an error is about, and reports whether there is
// one.
func (i *importer) withoutManifest(d *diag.Diagnostic) bool {
	if i.copies != nil {
		omitted := i.omit(d)
		i.manifests = i.copiesAsInput()
		return omitted
	}
	about := i.manifests != nil && !d.Primary.IsZero() && slices.ContainsFunc(i.manifests, func(in inventory.Input) bool { return in.File.Name == d.Primary.File.Name })
	if about {
		i.copy()
	}
	return about
}

// behind lists the objects that the statement at a place comes from.
func (p *draft) behind(at source.Span) []*object {
	if at.IsZero() {
		return nil
	}
	for _, o := range p.origin[at.File.Name] {
		if at.Start >= o.at.Start && at.Start <= o.at.End {
			return o.of
		}
	}
	return nil
}

// beside is the manifests of a build together with what is accepted.
func (i *importer) beside(b *compiler.Build) *enforce.Layer {
	own := b.Model.Manifests
	all := slices.Clone(own.Policies)
	for _, o := range i.objects {
		if o.Outcome == Accepted && o.read != nil {
			all = append(all, o.read)
		}
	}
	mesh := own.Mesh
	mesh.Aside = nil // it is that of the services for which both sides are compared
	layer := enforce.NewLayer(mesh, own.Table, all, i.layer.Destinations)
	layer.Gateways, layer.Dataplanes = i.layer.Gateways, i.layer.Dataplanes
	return layer
}

// difference is a request, in the words of the language, that the two sides treat differently, and whom it reaches.
type difference struct {
	words     string
	namespace string            // empty: every one
	labels    map[string]string // nil: the pods that nothing selects
	mode      bool              // it is about a mode
	opened    bool              // the requests pass and did not; otherwise they do not and did
}

// concerns reports whether an object selects the pods of a difference, or all of their namespace.
func (d *difference) concerns(o *object) bool {
	return o.Namespace == d.namespace && (o.about == nil || d.labels != nil && !slices.ContainsFunc(o.about.labels, func(l policy.Label) bool { return d.labels[l.Key] != l.Value }))
}

// named is the services that the policies of a layer tell apart.
func (i *importer) named(layer *enforce.Layer) *policy.Policy {
	services, _ := model.Named(layer, i.mesh, i.pods())
	for _, m := range services.Meshes {
		m.Ambient = i.ambient(m.Name)
		for _, s := range m.Services {
			if m.Ambient && s.Dataplane == policy.Sidecar && len(s.Labels) == 0 { // an account that policies name, of pods that nothing shows
				s.Dataplane = policy.Ambient
			}
		}
	}
	return services
}

// compare compares what a build lets through, beside what is accepted, with what was given.
func (i *importer) compare(ctx context.Context, b *compiler.Build) (all []difference, err error) {
	layer := i.beside(b)
	both := enforce.NewLayer(layer.Mesh, layer.Table, slices.Concat(i.layer.Policies, layer.Policies), nil)
	services := i.named(both)
	d, err := diff.Compare(ctx, model.New(services, i.layer), model.New(services, layer), diff.Options{Requests: true})
	if err != nil {
		return nil, err
	}
	add := func(found difference, c *diff.Callee) {
		found.namespace = c.Namespace
		if c.Service != nil {
			found.labels = c.Service.Selector()
		}
		all = append(all, found)
	}
	for _, m := range d.Modes {
		callee := m.Callee
		if callee == nil {
			callee = &diff.Callee{Namespace: m.Mesh}
		}
		add(difference{words: fmt.Sprintf("%s is %s, and would be %s", m.Scope(), m.Old, m.New), mode: true}, callee)
	}
	for _, c := range slices.Concat(d.Opened, d.FailOpen) {
		add(difference{words: c.String() + " would be let in", opened: true}, &c.Callee)
	}
	for _, c := range d.Closed {
		add(difference{words: c.String() + " would be shut out"}, &c.Callee)
	}
	for _, c := range d.FailClosed {
		add(difference{words: c.String() + " would be all that is let in"}, &c.Callee)
	}
	slices.SortStableFunc(all, func(a, b difference) int { return strings.Compare(a.namespace+" "+a.words, b.namespace+" "+b.words) })
	return all, nil
}

// ownSidecars reports whether all pods with some labels that the manifests show have sidecars of their own.
func (i *importer) ownSidecars(namespace string, labels []policy.Label) bool {
	some := false
	for _, w := range i.known.Workloads {
		if w.Namespace != namespace || slices.ContainsFunc(labels, func(l policy.Label) bool { return w.Labels[l.Key] != l.Value }) {
			continue
		}
		if some = w.OwnSidecar(); !some {
			return false
		}
	}
	return some
}

// pods are those that selectors distinguish: of one alone, and of any two that may select the same pods. Pods in
// ambient mode are those of their workloads, whose Services show what calls pass, and gateways are, because they may
// pass a waypoint too.
func (i *importer) pods() (all []*policy.Service) {
	if i.manifests != nil {
		all = slices.DeleteFunc(compiler.ServicesOf(i.known), func(s *policy.Service) bool { return s.Dataplane != policy.Gateway && !i.ambient(s.Namespace) })
	}
	named := map[string][]policy.Label{}
	for _, s := range all {
		named[s.ID()] = s.Labels
	}
	for name, n := range i.services {
		var selected []*policy.Service
		add := func(called string, labels []policy.Label) {
			if known, taken := named[name+"/"+called]; taken && slices.Equal(known, labels) {
				return
			} else if taken { // by other pods, of a workload or of the root namespace
				called += "," + labelsText(labels)
			}
			named[name+"/"+called] = labels
			selected = append(selected, &policy.Service{Namespace: name, Name: called, Labels: labels, OwnSidecar: i.ownSidecars(name, labels), Inbound: policy.Captures{Agent: true}})
		}
		for _, s := range n.services {
			if s.labels != nil && len(s.fronts("")) == 0 {
				add(s.name, s.labels)
			}
		}
		if root := i.services[i.mesh.RootNamespace]; root != nil && root != n {
			for _, s := range root.services {
				if s.labels != nil && !s.gateway { // a policy of the root namespace selects pods of every one
					add(s.name, s.labels)
				}
			}
		}
		for k, s := range selected {
			for _, other := range selected[:k] {
				if labels, ok := joined(s.Labels, other.Labels); ok && len(labels) > max(len(s.Labels), len(other.Labels)) {
					add(s.Name+","+other.Name, labels)
				}
			}
		}
		all = append(all, selected...)
	}
	slices.SortFunc(all, func(a, b *policy.Service) int { return strings.Compare(a.ID(), b.ID()) })
	return all
}

func labelsText(labels []policy.Label) string {
	words := make([]string, len(labels))
	for i, l := range labels {
		words[i] = l.Key + "=" + l.Value
	}
	return strings.Join(words, ",")
}

// joined is the labels of pods that two selectors select; false if there can be none.
func joined(a, b []policy.Label) ([]policy.Label, bool) {
	all := a[:len(a):len(a)]
	for _, l := range b {
		switch k := slices.IndexFunc(a, func(m policy.Label) bool { return m.Key == l.Key }); {
		case k < 0:
			all = append(all, l)
		case a[k] != l:
			return nil, false
		}
	}
	if len(all) == len(a) {
		return a, true
	}
	slices.SortFunc(all, func(a, b policy.Label) int { return strings.Compare(a.Key, b.Key) })
	return all, true
}

// blame accepts the objects behind the differences. The first are those that select the pods, the next those of the
// namespace, then those of the mesh, and the last all others, of which one may name the caller.
func (i *importer) blame(differences []difference) (again bool, err error) {
	said := slices.DeleteFunc(slices.Clone(i.objects), func(o *object) bool { return o.Outcome != Said })
	for _, d := range differences {
		blamed := false
		for _, applies := range []func(o *object) bool{
			func(o *object) bool { return o.about != nil && d.concerns(o) },
			func(o *object) bool { return o.about == nil && d.concerns(o) },
			func(o *object) bool { return o.Namespace == d.namespace },
			func(o *object) bool { return o.Namespace == i.mesh.RootNamespace },
			func(*object) bool { return true },
		} {
			var behind []*object
			for _, o := range said {
				if applies(o) {
					behind = append(behind, o)
				}
			}
			for _, o := range behind {
				o.together = o.together || len(behind) > 1
				o.accept("as intents it would not be the same: %s", d.words)
			}
			if blamed = len(behind) > 0; blamed {
				break
			}
		}
		again = again || blamed
	}
	if len(differences) > 0 && !again {
		return false, fmt.Errorf("the project that was written is not the same as the manifests: %s", differences[0].words)
	}
	return again, nil
}
