package inventory

import (
	"cmp"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/meshc/meshc/compiler/bearing"
	"github.com/meshc/meshc/compiler/yamldoc"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// maxFile is the size up to which a manifest file is read.
const maxFile = 32 << 20

// Input is one file of manifests, or a stream of them.
type Input struct {
	File      *source.File
	Namespace string // for objects that name none; empty: `default`, with a warning
	Entry     string // the path of meshc.yaml that names the file; empty where none does
}

// Read reads workload manifests. Every object that can be read is in the set, whatever is wrong with the rest of its
// file. Kinds that do not affect a mesh are skipped. The set is never nil. Set and findings do not depend on the order
// of the inputs. stated names the namespaces of which settings say what data plane they have if their Namespace has no
// label; "*" is every one.
func Read(inputs []Input, stated ...string) (*Set, diag.List) {
	inputs = slices.Clone(inputs)
	slices.SortStableFunc(inputs, func(a, b Input) int {
		return cmp.Or(cmp.Compare(a.File.Name, b.File.Name), cmp.Compare(a.Namespace, b.Namespace))
	})
	inputs = slices.CompactFunc(inputs, func(a, b Input) bool {
		return a.File.Name == b.File.Name && a.File.Text == b.File.Text && a.Namespace == b.Namespace
	})
	r := &reader{first: map[objectKey]*object{}, unread: Unread{map[[2]string]bool{}, map[[2]string]bool{}}, aliases: map[string]*Alias{}, gateways: map[objectKey]*Gateway{}, waypoints: map[objectKey]*waypoint{}, issuers: map[objectKey]*issuer{}, classes: map[string]bool{"istio": true}, grants: map[grant]bool{}}
	for _, in := range inputs {
		f := &file{Input: in, reader: r, budget: expansion + 2*len(in.File.Text)}
		f.read()
	}
	if len(inputs) > 0 && len(r.first)+len(r.pods)+len(r.findings) == 0 && !slices.ContainsFunc(inputs, bears) {
		r.nothingRead(inputs)
	}
	set := r.set(stated)
	set.Kustomization = using(inputs)
	r.findings = append(r.findings, r.notices.Findings()...)
	return set, r.findings.Sort()
}

// using is the first kustomization that uses other manifests; zero where none does.
func using(inputs []Input) source.Span {
	i := slices.IndexFunc(inputs, func(in Input) bool {
		return bearing.IsKustomization(path.Base(in.File.Name)) && usesLine.MatchString(in.File.Text)
	})
	if i < 0 {
		return source.Span{}
	}
	at := usesLine.FindStringIndex(inputs[i].File.Text)
	return inputs[i].File.Span(at[0], at[1])
}

var usesLine = regexp.MustCompile(`(?m)^(?:resources|bases|components)\b`)

var kindLine = regexp.MustCompile(`(?m)^[ \t{]*"?kind"?:[ \t]*["']?(\w+)`)

// bears reports whether an input has an object that bears on who reaches whom, whatever reads it. Of one that was
// edited, some may have been left out, which is a finding of its own.
func bears(in Input) bool {
	return in.File.IsEdited() || slices.ContainsFunc(kindLine.FindAllStringSubmatch(in.File.Text, -1), func(m []string) bool {
		return bearing.IsKind(m[1]) || named(m[1], in.File.Text)
	})
}

// nothingRead warns that no input has an object that affects a mesh: most likely these are the wrong files. It is not
// called if there are other findings, which say more.
func (r *reader) nothingRead(inputs []Input) {
	what := inputs[0].File.Name + " has"
	if len(inputs) > 1 {
		what = fmt.Sprintf("the %d files of manifests have", len(inputs))
	}
	r.findings.Add(diag.NothingRead, inputs[0].File.Span(0, 0), "%s no workload, ServiceAccount, Service or Namespace", what).
		WithHelp("name the files that are applied to the cluster; without them nothing is checked against manifests")
}

// expansion is how many bytes aliases and merge keys may add to a file beyond twice its size. An API server accepts no
// object above 3 MiB (limitRequestBody in k8s.io/apiserver).
const expansion = 3 << 20

// reader collects the objects of all files, to combine them in the end.
type reader struct {
	findings    diag.List
	first       map[objectKey]*object
	said        map[*source.File]map[int32]string // see says
	pods        []*pod
	services    []*service
	accounts    []*Account
	namespaces  []*namespace
	machines    []*Machine
	unread      Unread
	notices     bearing.Notices
	webhooks    []*Webhook
	besides     []*Beside
	meshConfigs []*MeshConfig
	native      *native // nil if nothing says it
	unmerged    bool    // the settings of the mesh say that agents do not merge metrics

	aliases         map[string]*Alias      // by NAMESPACE/NAME
	gateways        map[objectKey]*Gateway // by the API group in place of the kind
	managed         []*managed
	waypoints       map[objectKey]*waypoint
	classes         map[string]bool // of gateways that Istio is the controller of
	virtualServices []*virtualService
	ingresses       []*ingress
	grants          map[grant]bool
	passes          []*passing
	issuers         map[objectKey]*issuer
	certified       []*certified
	astray          bool
	skipped         source.Span // the first template
	elsewhere       bool
}

type objectKey struct{ kind, namespace, name string }

// file is one input while it is read. Its objects go to the reader once the whole file has turned out to be YAML.
type file struct {
	Input
	*reader
	budget int // bytes that its objects may still take

	objects  []*object
	doc      *yamldoc.Document
	since    int  // findings of the files before
	braces   bool // the document has {{ somewhere
	alone    bool // the current object is a document of its own
	template bool
	wrong    bool // the current object has values of a wrong type, which are reported, and their consequences are not
	warned   bool // about objects without a namespace
}

// maxFindings bounds the findings of one file that are shown. Reading stops after the object that exceeds it.
const maxFindings = 100

func (f *file) read() {
	if len(f.File.Text) > maxFile {
		f.findings.Add(diag.ManifestTooLarge, f.File.Span(0, 0), "%s has %d MiB; meshc reads up to %d MiB of a file", f.File.Name, len(f.File.Text)>>20, maxFile>>20).
			WithHelp("split it, or leave it out of the workloads globs")
		return
	}
	if bad := yamldoc.Text(f.File); bad != nil {
		f.findings.Add(diag.MalformedManifest, bad.Span, "%s", bad.Message).
			WithHelp("let the workloads globs match manifests only, such as \"k8s/**/*.yaml\"")
		return
	}
	f.since = len(f.findings)
	for d := range yamldoc.Split(f.File) {
		if Irrelevant(d) {
			continue
		}
		f.document(d)
		if f.full() {
			break
		}
		if f.template {
			f.findings = f.findings[:f.since]
			f.skipTemplate()
			return
		}
	}
	for _, o := range f.objects {
		f.register(o)
	}
	if f.full() {
		most := f.since + maxFindings
		f.findings = f.findings[:most]
		f.findings[most-1].WithNote("%s has more findings than are shown", f.File.Name)
	}
}

// full reports whether the file has as many findings as are shown.
func (f *file) full() bool { return len(f.findings)-f.since >= maxFindings }

// skipTemplate reports that the file is a template of Helm or another text generator.
func (f *file) skipTemplate() {
	at := strings.Index(f.File.Text, "{{")
	if f.skipped.IsZero() {
		f.skipped = f.File.Span(at, at+2)
	}
	f.findings.Add(diag.SkippedTemplate, f.File.Span(at, at+2), "a template, not a manifest: %s is skipped", f.File.Name).
		WithHelp("read what the template renders: `helm template CHART | meshc check --workloads -`")
}

const definition = "CustomResourceDefinition"

// Irrelevant reports, without parsing, whether a document is a mapping of a kind that is never read: custom resource
// definitions are the largest part of many folders. A key at the start of a line is at the top level, because what is
// deeper is indented, in block scalars too.
func Irrelevant(d *yamldoc.Document) bool {
	const key = "kind:"
	at := d.Start()
	if at.Start > 0 && d.File.Text[at.Start-1] != '\n' {
		return false // the top level is indented
	}
	first := strings.TrimLeft(strings.TrimPrefix(at.Text(), "---"), " \t")
	found := ""
	for rest, atStart := d.Text, strings.HasPrefix(d.Text, key); ; atStart = false {
		if !atStart {
			n := strings.Index(rest, "\n"+key)
			if n < 0 {
				break
			}
			rest = rest[n+1:]
		}
		rest = rest[len(key):]
		value, _, _ := strings.Cut(rest, "\n")
		if found != "" {
			return false // a repeated key
		}
		if found = strings.TrimSpace(value); !word(found) {
			return false
		}
	}
	_, misspelt := diag.Nearest(found, kindNames)
	pods := found != definition && (strings.Contains(d.Text, "containers:") || strings.Contains(d.Text, "serviceAccount"))
	return found != "" && (kinds[found] == nil || found == definition && !strings.Contains(d.Text, "clientConfig")) && !pods && !named(found, d.Text) && !misspelt && !strings.HasSuffix(found, "List") && !strings.HasPrefix(first, "{")
}

// named reports whether an object of a kind may have to be named in a finding.
func named(kind, text string) bool {
	return bearing.NamedKind(kind) || besides[kind] != "" || kind == "ConfigMap" && strings.Contains(text, "name: istio")
}

func word(s string) bool {
	for _, c := range []byte(s) {
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z') {
			return false
		}
	}
	return s != ""
}

func (f *file) document(d *yamldoc.Document) {
	f.doc, f.braces = d, strings.Contains(d.Text, "{{")
	if err := d.Parse(); err != nil {
		var broken *yamldoc.SyntaxError
		switch {
		case f.braces:
			f.template = true
		case errors.As(err, &broken):
			f.findings.Add(diag.MalformedManifest, broken.Span, "%s", broken.Message).Help = broken.Help
		default:
			f.findings.Add(diag.ManifestTooLarge, d.Start(), "%v", err).
				WithHelp("split it, or leave it out of the workloads globs")
		}
		return
	}
	if d.Root != nil {
		f.root(d.Root, objectType{})
	}
}

// root reads an object, or the objects of a List. The items of a typed list (DeploymentList) may omit the kind and
// apiVersion that it implies: list has these.
func (f *file) root(n *yaml.Node, list objectType) {
	n = yamldoc.Resolve(n)
	if !f.spend(n, 16) || n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" {
		return
	}
	if n.Kind != yaml.MappingNode {
		if f.braces {
			f.template = true
			return
		}
		f.findings.Add(diag.MalformedManifest, f.doc.Span(n), "a document that is %s, not a Kubernetes object", shape(n)).
			WithHelp("let the workloads globs match manifests only; patches take effect in the output of `kustomize build`")
		return
	}
	t := list
	kind := yamldoc.Get(n, "kind")
	if kind != nil && kind.Kind == yaml.ScalarNode {
		t.kind, t.versioned = kind.Value, false
	} else if t.kind == "" {
		f.template = f.template || f.templated(n) || f.templated(kind)
		if version := yamldoc.Get(n, "apiVersion"); version != nil && yamldoc.Get(n, "metadata") != nil {
			f.findings.Add(diag.MalformedManifest, f.doc.Span(version), "an object without a kind").
				WithHelp("add `kind: …`; its name and case are those of the Kubernetes reference, such as Deployment")
		}
		return // values of a chart, a kustomization, or settings of other tools
	}
	if version := yamldoc.Get(n, "apiVersion"); version != nil {
		t.group, t.versioned = "", true
		if group, _, grouped := strings.Cut(version.Value, "/"); grouped {
			t.group = group
		}
	}
	if element, ok := strings.CutSuffix(t.kind, "List"); ok {
		f.items(n, objectType{element, t.group, t.versioned, list.depth + 1})
		return
	}
	k := kinds[t.kind]
	if k == nil && t.versioned {
		f.misspeltKind(kind, &t)
	}
	read := k != nil && (!t.versioned || slices.Contains(k.groups, t.group))
	if !read && bearing.NamedKind(t.kind) && t.versioned || t.kind == "ConfigMap" {
		f.noticeKind(n, t.group, t.kind)
	}
	if !read {
		if t.group != "" && besides[t.kind] == t.group {
			f.beside(n, t.kind)
		}
		f.unread(n, t.group, t.kind)
		return // Istio's, Argo's, Knative's Service …
	}
	if !t.versioned {
		f.findings.Add(diag.MalformedManifest, f.doc.Span(kind), "%s without an apiVersion", t.kind).
			WithHelp("add `apiVersion: %s`", k.version)
	}
	f.alone = t.depth == 0
	f.object(n, t.kind, t.group)
}

// objectType is the meaning of kind and apiVersion.
type objectType struct {
	kind, group string
	versioned   bool
	depth       int // how many Lists it is in
}

// maxLists is how many nested Lists are unfolded. No tool writes more.
const maxLists = 2

func (f *file) items(n *yaml.Node, of objectType) {
	items := yamldoc.Get(n, "items")
	if items == nil || items.Kind != yaml.SequenceNode || of.depth > maxLists || of.kind != "" && kinds[of.kind] == nil && besides[of.kind] == "" && !bearing.NamedKind(of.kind) {
		return
	}
	for _, item := range items.Content {
		if f.full() || f.template {
			return
		}
		if of.depth > 1 && !f.spend(item, 512) { // what any object costs, however small: a List can be an alias
			return
		}
		f.root(item, of)
	}
}

// spend subtracts bytes from the budget of the file, and reports whether it was enough.
func (f *file) spend(n *yaml.Node, bytes int) bool {
	if f.budget < 0 {
		return false
	}
	if f.budget -= bytes; f.budget < 0 {
		f.findings.Add(diag.ManifestTooLarge, f.doc.Span(n), "aliases make %s grow to more than twice its size and %d MiB", f.File.Name, expansion>>20).
			WithHelp("write out the aliases; the rest of the file is not read")
		return false
	}
	return true
}

// templated reports whether a mapping is a placeholder such as `{{ .Values.x }}`, which happens to be YAML: a flow
// mapping as the key of another.
func (f *file) templated(n *yaml.Node) bool {
	if n == nil || n.Kind != yaml.MappingNode {
		return false
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Kind == yaml.MappingNode {
			at := f.doc.Span(n.Content[i])
			return at.Start > 0 && strings.HasPrefix(f.File.Text[at.Start-1:], "{{")
		}
	}
	return false
}

func shape(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	}
	switch n.ShortTag() {
	case "!!null":
		return "empty"
	case "!!bool":
		return "true or false"
	case "!!int", "!!float":
		return "a number"
	}
	if legacyBool(n) != "" {
		return "true or false"
	}
	return "text"
}

// register adds an object to the set, unless one of the same name is there already. The same object twice is no
// mistake: manifests that are rendered in parts repeat their Namespace in each.
func (f *file) register(o *object) {
	if o.name != "" {
		key := objectKey{o.kind, o.namespace, o.name}
		if first, ok := f.first[key]; ok {
			if o.document != "" && o.document == first.document || f.says(o) != "" && f.says(o) == f.says(first) {
				return
			}
			f.findings.Add(diag.DuplicateManifest, o.at, "%s has two manifests", key).
				WithRelated(first.at, "first manifest here").
				WithHelp("keep one of them; if one is a patch, read the output of `kustomize build`")
			return
		}
		f.first[key] = o
	}
	o.add(f.reader)
}

func (k objectKey) compare(l objectKey) int {
	return cmp.Or(cmp.Compare(k.kind, l.kind), cmp.Compare(k.namespace, l.namespace), cmp.Compare(k.name, l.name))
}

func (k objectKey) String() string {
	if k.namespace == "" {
		return fmt.Sprintf("%s %s", k.kind, k.name)
	}
	return fmt.Sprintf("%s %s/%s", k.kind, k.namespace, k.name)
}

// set combines the objects of all files.
func (r *reader) set(stated []string) *Set {
	s := &Set{Machines: r.machines, MeshConfigs: r.meshConfigs, Unread: r.unread, aliases: r.aliases}
	byName := make(map[string]*namespace, len(r.namespaces))
	r.pods = slices.DeleteFunc(r.pods, r.owned)
	r.leaveTestsOut()
	r.manage()
	for _, n := range r.namespaces {
		byName[n.Name] = n
		n.settled = n.Unlabelled && (slices.Contains(stated, n.Name) || slices.Contains(stated, "*"))
		if w := r.passed(n.bound); w != nil && w.services {
			n.Waypoint = w.Waypoint
			if canary := r.canary(n.bound, w, n); canary != nil {
				n.Canary = canary.Waypoint
			}
		}
		s.Namespaces = append(s.Namespaces, &n.Namespace)
	}
	r.ingress()
	r.solve()
	r.connect(byName)
	for _, p := range r.pods {
		p.judgeProxy(byName[p.Namespace])
		p.judgeDataplane(byName[p.Namespace])
		p.behind(r, byName[p.Namespace])
		p.judgeCapture()
		p.judgeEarly(r.native)
		p.judgeClients(r.meshConfigs)
		if p.Scrape != nil && r.unmerged && !p.merges {
			p.Scrape.Merged = false
		}
		s.Workloads = append(s.Workloads, &p.Workload)
	}
	s.Accounts, s.Routes, s.Webhooks, s.Beside = r.accounts, r.routes(), r.webhooks, r.besides
	s.Astray, s.Elsewhere, s.Template = r.astray, r.elsewhere, r.skipped
	for _, g := range r.gateways {
		if g.Foreign == "" {
			s.Gateways = append(s.Gateways, g)
		}
	}
	slices.SortFunc(s.Gateways, func(a, b *Gateway) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Within, b.Within))
	})
	slices.SortStableFunc(s.Workloads, func(a, b *Workload) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Object, b.Object), cmp.Compare(a.Kind, b.Kind))
	})
	slices.SortStableFunc(s.Machines, func(a, b *Machine) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	slices.SortStableFunc(s.Accounts, func(a, b *Account) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	slices.SortStableFunc(s.Namespaces, func(a, b *Namespace) int { return cmp.Compare(a.Name, b.Name) })
	return s
}
