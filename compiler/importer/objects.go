package importer

import (
	"cmp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/yamldoc"
	"github.com/meshc/meshc/lang/source"
)

// group is the API group of the objects that are imported.
const group = "security.istio.io"

// object is an object of the group among the manifests.
type object struct {
	Object
	read *enforce.Object // nil for kinds that are not judged

	node     *yaml.Node
	document source.Span
	comments []string   // about the object as a whole
	ofRule   [][]string // about each rule
	about    *service   // the pods that it selects; nil for all of a namespace
	through  []passage  // the Services that it names at a waypoint
	waypoint bool       // it binds a waypoint as a whole
	together bool       // it was accepted with others, of which one alone may be the reason
}

// find lists the objects of some kinds in manifests, those in Lists too. Documents without a text are passed over.
func find(files []*source.File, text string, wants func(group, kind string) bool) (all []*object) {
	for _, f := range files {
		if yamldoc.Text(f) != nil {
			continue // a finding of the reader
		}
		for doc := range yamldoc.Split(f) {
			if !strings.Contains(doc.Text, text) || doc.Parse() != nil || doc.Root == nil { // a finding of the reader, too
				continue
			}
			for o := range yamldoc.Objects(doc.Root) {
				if of, _, _ := strings.Cut(o.APIVersion, "/"); o.Kind != "" && wants(of, o.Kind) {
					all = append(all, objectOf(doc, o))
				}
			}
		}
	}
	return all
}

func objectOf(doc *yamldoc.Document, of yamldoc.Object) *object {
	meta := yamldoc.Get(of.Node, "metadata")
	o := &object{node: of.Node, document: doc.File.Span(doc.Offset(), doc.Offset()+len(doc.Text))}
	o.Kind, o.Namespace, o.Name = of.Kind, cmp.Or(yamldoc.Scalar(meta, "namespace"), "default"), yamldoc.Scalar(meta, "name")
	o.At = doc.Span(cmp.Or(yamldoc.Get(of.Node, "kind"), of.Node))
	if name := yamldoc.Get(meta, "name"); name != nil {
		o.At = doc.Span(name)
	}
	o.readComments()
	return o
}

// readComments takes the comments of the object apart: those of each rule, and all others.
func (o *object) readComments() {
	rules := yamldoc.Get(o.node, "spec", "rules")
	if rules != nil && rules.Kind == yaml.SequenceNode {
		o.ofRule = make([][]string, len(rules.Content))
		for i, rule := range rules.Content {
			o.ofRule[i] = commentsOf(rule, nil, nil)
		}
	}
	o.comments = commentsOf(o.node, rules, nil)
}

// commentsOf appends the comments of a node and of what is in it, without the items of one list.
func commentsOf(n, without *yaml.Node, all []string) []string {
	if n == nil {
		return all
	}
	all = appendComment(all, n.HeadComment)
	all = appendComment(all, n.LineComment)
	if n != without && n.Kind != yaml.AliasNode {
		for _, c := range n.Content {
			all = commentsOf(c, without, all)
		}
	}
	return appendComment(all, n.FootComment)
}

func appendComment(all []string, comment string) []string {
	for line := range strings.Lines(comment) {
		line = strings.TrimSpace(strings.TrimLeft(strings.TrimSpace(line), "#"))
		if line != "" && !strings.HasPrefix(line, "Source: ") && !slices.Contains(all, line) { // Helm writes where a template is
			all = append(all, line)
		}
	}
	return all
}

// serverFields are keys of metadata that a cluster adds.
var serverFields = []string{"managedFields", "resourceVersion", "uid", "generation", "selfLink"}

const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

// applied is the text of an object as it would be applied, without what a cluster adds to it.
func applied(object *yaml.Node) string {
	n := *object
	n.Content = slices.Clone(n.Content)
	drop(&n, "status")
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value != "metadata" || n.Content[i+1].Kind != yaml.MappingNode {
			continue
		}
		meta := *n.Content[i+1]
		meta.Content = slices.Clone(meta.Content)
		drop(&meta, serverFields...)
		for j := 0; j+1 < len(meta.Content); j += 2 {
			if meta.Content[j].Value != "annotations" || meta.Content[j+1].Kind != yaml.MappingNode {
				continue
			}
			annotations := *meta.Content[j+1]
			annotations.Content = slices.Clone(annotations.Content)
			drop(&annotations, lastApplied)
			if meta.Content[j+1] = &annotations; len(annotations.Content) == 0 {
				drop(&meta, "annotations")
			}
			break
		}
		n.Content[i+1] = &meta
	}
	return encoded(&n)
}

// drop removes keys from a mapping.
func drop(n *yaml.Node, keys ...string) {
	var kept []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		if !slices.Contains(keys, n.Content[i].Value) {
			kept = append(kept, n.Content[i], n.Content[i+1])
		}
	}
	n.Content = kept
}
