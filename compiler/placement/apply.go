package placement

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/meshc/meshc/compiler/bearing"
	"github.com/meshc/meshc/compiler/yamldoc"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// Manifests is a file of manifests.
type Manifests struct {
	Path      string // absolute and slash-separated; empty for what is not on disk
	File      *source.File
	Workloads bool // it was named for its workloads, and not only for policies
	Alone     bool // no other manifests can be named beside those of the same path
}

// Apply returns manifests as a cluster has them, with their namespaces, in the order in which they were given. What is
// applied in several namespaces, and what kustomizations patch, is left out with a finding. If a kustomization is one
// of the files, what others do with the same manifests does not count.
func (p *Placement) Apply(files []Manifests) ([]*source.File, diag.List) {
	a := &applying{Placement: p, given: map[string]bool{}, named: map[string]bool{}, several: map[string]*diag.Diagnostic{}, warned: map[*kustomization]*warning{}, more: map[*diag.Diagnostic]int{}}
	for _, f := range files {
		a.given[f.Path], a.named[f.File.Name] = true, true
		a.alone = a.alone || f.Alone
		a.ambient = a.ambient || strings.Contains(f.File.Text, "istio.io/dataplane-mode")
	}
	applied := make([]*source.File, len(files))
	for i, f := range files {
		applied[i] = f.File
		if f.Path != "" {
			applied[i] = a.file(f)
		}
	}
	for d, more := range a.more {
		d.WithNote("%s", alike(more))
	}
	a.unused(files)
	return applied, a.list()
}

func alike(more int) string {
	if more == 1 {
		return "there is one more object like it"
	}
	return fmt.Sprintf("there are %d more objects like it", more)
}

// applying carries one run of Apply.
type applying struct {
	*Placement
	ambient bool                        // workloads matter to policies, too
	alone   bool                        // nothing else can be named
	given   map[string]bool             // by path
	named   map[string]bool             // by name
	several map[string]*diag.Diagnostic // by the places
	warned  map[*kustomization]*warning // by what is to be rendered
	more    map[*diag.Diagnostic]int    // how many other objects each is about
	patched diag.List
	unread  diag.List
}

func (a *applying) list() diag.List {
	all := slices.Concat(a.patched, a.unread)
	for _, d := range a.several {
		all = append(all, *d)
	}
	for k, w := range a.warned {
		w.fields = slices.Compact(slices.Sorted(slices.Values(w.fields)))
		d := all.Add(diag.Unrendered, w.at, "a kustomization may change what the %s %s does, and this is not followed: `%s`", w.first.kind, w.first.name, strings.Join(w.fields, "`, `"))
		d.WithRelated(w.place, "as the file has it").WithHelp("%s", k.rendering())
		if more := len(w.objects) - 1; more > 0 {
			d.WithNote("%s", alike(more))
		}
	}
	return all.Sort()
}

// warning is what a kustomization may do to objects.
type warning struct {
	at, place source.Span // of the first change, and of the first object
	first     object
	objects   map[source.Span]bool
	fields    []string
}

// file is one file as a cluster has it.
func (a *applying) file(f Manifests) *source.File {
	at, changes := a.meant(a.Of(f.Path)), a.changes[f.Path]
	if a.patches[f.Path] && a.within[f.Path] == nil {
		return f.File.Edited([]source.Edit{{Start: 0, End: len(f.File.Text)}})
	}
	if len(changes) == 0 && !slices.ContainsFunc(at, func(p Place) bool { return p.Namespace != "" }) {
		return f.File
	}
	var edits []source.Edit
	for d := range yamldoc.Split(f.File) {
		if d.Parse() != nil || d.Root == nil || strings.Contains(d.Text, "{{") {
			continue
		}
		e := editing{applying: a, doc: d, at: at, changes: changes, workloads: f.Workloads || a.ambient}
		all := objectsIn(d.Root)
		for _, o := range all {
			e.object(o)
		}
		if e.out || !e.right() {
			e.edits = []source.Edit{{Start: d.Offset(), End: d.Offset() + len(d.Text)}}
		}
		edits = append(edits, e.edits...)
	}
	if edits == nil {
		return f.File
	}
	return f.File.Edited(edits)
}

// meant is the places of what is among the files, if any are: Applications, or else kustomizations.
func (a *applying) meant(all []Place) []Place {
	for _, given := range []func(Place) bool{
		func(p Place) bool { return !p.applier.IsZero() && a.named[p.applier.File.Name] },
		func(p Place) bool { return p.folder != "" && a.given[a.kustomizations[p.folder].file] },
	} {
		if slices.ContainsFunc(all, given) {
			return slices.DeleteFunc(slices.Clone(all), func(p Place) bool { return !given(p) })
		}
	}
	return all
}

// editing is one document.
type editing struct {
	*applying
	doc     *yamldoc.Document
	at      []Place
	changes []*change

	workloads bool // not only policies matter

	edits  []source.Edit
	wanted []string // the namespaces of the objects, in their order
	out    bool     // it is not known what a cluster has
}

// object is one object of a document.
type object struct {
	group, kind, name, namespace string
	root, meta                   *yaml.Node
}

// objectsIn is an object, or those of a List.
func objectsIn(root *yaml.Node) (all []object) {
	for o := range yamldoc.Objects(root) {
		meta := yamldoc.Get(o.Node, "metadata")
		if o.Kind == "" || meta == nil || meta.Kind != yaml.MappingNode {
			continue
		}
		group, _, found := strings.Cut(o.APIVersion, "/")
		if !found {
			group = ""
		}
		all = append(all, object{group, o.Kind, yamldoc.Scalar(meta, "name"), yamldoc.Scalar(meta, "namespace"), o.Node, meta})
	}
	return all
}

// clusterWide reports whether objects of a kind are in no namespace.
func clusterWide(kind string) bool {
	return slices.Contains([]string{"Namespace", "GatewayClass", "IngressClass", "StorageClass", "PriorityClass", "RuntimeClass", "Node", "PersistentVolume",
		"CustomResourceDefinition", "APIService", "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration", "GlobalNetworkPolicy",
		"AdminNetworkPolicy", "BaselineAdminNetworkPolicy"}, kind) || strings.HasPrefix(kind, "Cluster") || strings.HasPrefix(kind, "CiliumClusterwide")
}

// namespaces are those that an object may have, sorted; an empty one is not known.
func (e *editing) namespaces(stated string) (all []string) {
	for _, at := range e.at {
		switch {
		case stated == "" || at.Moves && at.Namespace != "":
			all = append(all, at.Namespace)
		default:
			all = append(all, stated)
		}
	}
	slices.Sort(all)
	if all = slices.Compact(all); len(all) > 1 && all[0] == "" {
		all = all[1:]
	}
	return all
}

func (e *editing) object(o object) {
	bears := isPolicy(o.group) || strings.HasSuffix(o.kind, "NetworkPolicy") || e.workloads && bearing.IsKind(o.kind)
	place := e.doc.Span(cmp.Or(yamldoc.Get(o.meta, "name"), o.root))
	for _, c := range e.changes {
		if isPolicy(o.group) && c.patches(o.kind, o.name) {
			e.patched.Add(diag.PatchedManifest, place, "the %s %s is not what a cluster has: a kustomization patches it", o.kind, o.name).
				WithRelated(c.at, "patched here").
				WithHelp("%s", e.rendered(c).rendering())
			e.out = true
			return
		}
	}
	for _, c := range e.changes {
		if bears && c.bears(&o, e.doc.Text) {
			e.warn(c, place, o)
		}
	}
	if o.kind == "Namespace" {
		o.namespace = o.name
	} else if clusterWide(o.kind) {
		e.wanted = append(e.wanted, o.namespace)
		return
	}
	all := e.namespaces(o.namespace)
	if len(all) > 1 {
		if bears {
			e.severally(place, o, all)
		}
		e.out = true
		return
	}
	if len(all) == 0 || all[0] == "" || all[0] == o.namespace || o.kind == "Namespace" && !e.at[0].Moves {
		e.wanted = append(e.wanted, o.namespace)
		return
	}
	e.wanted = append(e.wanted, all[0])
	switch {
	case o.kind == "Namespace":
		e.set(yamldoc.Get(o.meta, "name"), all[0])
	case yamldoc.Get(o.meta, "namespace") != nil:
		e.set(yamldoc.Get(o.meta, "namespace"), all[0])
	default:
		e.insert(o.meta, all[0])
	}
}

// set writes another value in place of one.
func (e *editing) set(value *yaml.Node, namespace string) {
	at := e.doc.Span(value)
	e.edits = append(e.edits, source.Edit{Start: int(at.Start), End: int(at.End), Text: `"` + namespace + `"`})
}

// insert writes a namespace before what else metadata have.
func (e *editing) insert(meta *yaml.Node, namespace string) {
	if len(meta.Content) == 0 {
		return
	}
	first := e.doc.Span(meta.Content[0])
	text := fmt.Sprintf("%q: %q, ", "namespace", namespace)
	if meta.Style&yaml.FlowStyle == 0 && e.doc.File.Text[e.doc.Span(meta).Start] != '{' {
		text = fmt.Sprintf("namespace: %q\n%s", namespace, strings.Repeat(" ", first.StartPosition().Rune-1))
	}
	e.edits = append(e.edits, source.Edit{Start: int(first.Start), End: int(first.Start), Text: text})
}

// right reports whether the edits make of the document what is wanted. If they do not, that is a finding.
func (e *editing) right() bool {
	if len(e.edits) == 0 {
		return true
	}
	slices.SortFunc(e.edits, func(a, b source.Edit) int { return cmp.Compare(a.Start, b.Start) })
	start := e.doc.Offset()
	alone := source.NewFile(e.doc.File.Name, e.doc.Text)
	moved := slices.Clone(e.edits)
	for i := range moved {
		moved[i].Start, moved[i].End = moved[i].Start-start, moved[i].End-start
	}
	var got []string
	for d := range yamldoc.Split(alone.Edited(moved)) {
		if d.Parse() != nil || d.Root == nil {
			continue
		}
		for _, o := range objectsIn(d.Root) {
			if o.kind == "Namespace" {
				o.namespace = o.name
			}
			got = append(got, o.namespace)
		}
	}
	if slices.Equal(got, e.wanted) && !aliased(e.doc.Root) { // what an alias stands for is somewhere else, too
		return true
	}
	e.unread.Add(diag.PatchedManifest, e.doc.Start(), "these objects are applied in namespace %s, and how they are written does not let them be read there", e.at[0].Namespace).
		WithHelp("write `namespace` in their metadata")
	return false
}

func aliased(n *yaml.Node) bool {
	return n.Kind == yaml.AliasNode || slices.ContainsFunc(n.Content, aliased)
}

// severally reports an object that is in several namespaces.
func (e *editing) severally(place source.Span, o object, all []string) {
	key := strings.Join(all, " ")
	if d := e.several[key]; d != nil {
		e.more[d]++
		return
	}
	d := diag.New(diag.SeveralNamespaces, place, "the %s %s is applied in several namespaces, and is left out: %s", o.kind, o.name, strings.Join(all, ", "))
	e.several[key] = &d
	k, applier := e.chosen()
	switch {
	case k == nil && e.appliesAll(applier):
		d.WithHelp("name its folder and, in place of `%s`, a copy that applies it only in the namespace that is meant", applier)
	case k != nil && (e.given[k.file] || e.alone):
		d.WithHelp("%s", k.rendering())
	case k != nil:
		d.WithHelp("name what applies it in the namespace that is meant, too, such as `--manifests %s`", k.shown)
	case e.named[applier]:
		d.WithHelp("name its folder and only the Application that is meant, such as `--manifests %s`", applier)
	default:
		d.WithHelp("name what applies it in the namespace that is meant, too, such as `--manifests %s`", applier)
	}
}

// chosen is what applies an object in one of several namespaces: a kustomization, or the name of another file.
func (e *editing) chosen() (k *kustomization, applier string) {
	at := e.at[slices.IndexFunc(e.at, func(p Place) bool { return p.Namespace != "" })]
	same := slices.ContainsFunc(e.at, func(other Place) bool { return other != at && other.folder == at.folder })
	if at.folder == "" || same && !at.applier.IsZero() {
		return nil, at.applier.File.Name
	}
	return e.kustomizations[at.folder], ""
}

// appliesAll reports whether one file applies an object in several namespaces, as that of an ApplicationSet does.
func (e *editing) appliesAll(applier string) bool {
	in := map[string]bool{}
	for _, p := range e.at {
		if !p.applier.IsZero() && p.applier.File.Name == applier {
			in[p.Namespace] = true
		}
	}
	return len(in) > 1
}

// rendering is the advice to read a kustomization as a cluster does.
func (k *kustomization) rendering() string {
	return fmt.Sprintf("read what Kustomize renders: `kustomize build %s`", k.shown)
}

// rendered is what is to be rendered to see what a cluster has after a change: an outermost kustomization.
func (e *editing) rendered(c *change) *kustomization {
	k := c.by
	for _, at := range e.at {
		if at.folder == c.by.folder {
			return c.by
		}
		if outer := e.kustomizations[at.folder]; outer != nil && k == c.by {
			k = outer
		}
	}
	return k
}

// warn reports a change that may make another object of one.
func (e *editing) warn(c *change, place source.Span, o object) {
	k := e.rendered(c)
	w := e.warned[k]
	if w == nil {
		w = &warning{at: c.at, place: place, first: o, objects: map[source.Span]bool{}}
		e.warned[k] = w
	}
	w.objects[place] = true
	w.fields = append(w.fields, c.field)
}

// unused reports what the kustomizations among some files use that is not among them.
func (a *applying) unused(files []Manifests) {
	for _, folder := range slices.Sorted(maps.Keys(a.kustomizations)) {
		k := a.kustomizations[folder]
		if !a.given[k.file] {
			continue
		}
		for _, u := range k.uses {
			remote := strings.Contains(u.at.Text(), "//") || strings.Contains(u.at.Text(), "?ref=")
			if !remote && !a.disk.IsFolder(u.path) && a.disk.Open(u.path) == nil { // Kustomize refuses it
				continue
			}
			if a.given[u.path] || a.kustomizations[u.path] != nil && slices.ContainsFunc(files, func(f Manifests) bool { return strings.HasPrefix(f.Path, u.path+"/") }) {
				continue
			}
			a.unread.Add(diag.Unrendered, u.at, "the kustomization uses %s, which is not among the manifests", u.at.Text()).
				WithHelp("%s", k.rendering())
		}
	}
}

// Changed is the folders of the outermost kustomizations that change more of the manifests in a file than namespaces.
func (p *Placement) Changed(f Manifests) (folders []string) {
	changes := p.changes[f.Path]
	if len(changes) == 0 {
		return nil
	}
	for d := range yamldoc.Split(f.File) {
		if d.Parse() != nil || d.Root == nil {
			continue
		}
		for _, o := range objectsIn(d.Root) {
			if slices.ContainsFunc(changes, func(c *change) bool { return c.bears(&o, d.Text) }) {
				return p.Kustomized(f.Path)
			}
		}
	}
	return nil
}

// Kustomized is the folders of the outermost kustomizations that have a file.
func (p *Placement) Kustomized(file string) (folders []string) {
	for _, at := range p.within[file] {
		folders = append(folders, p.kustomizations[at.folder].shown)
	}
	slices.Sort(folders)
	return slices.Compact(folders)
}
