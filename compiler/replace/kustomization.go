package replace

import (
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/meshc/meshc/compiler/yamldoc"
	"github.com/meshc/meshc/lang/source"
)

// kustomization is a file that lists files of others.
type kustomization struct {
	text      *source.File
	doc       *yamldoc.Document
	resources *yaml.Node // a list; nil if there is none
	gone      []*yaml.Node
}

// readKustomization is nil for what cannot be read.
func readKustomization(text *source.File) *kustomization {
	for doc := range yamldoc.Split(text) {
		if doc.Parse() != nil {
			return nil
		}
		k := &kustomization{text: text, doc: doc}
		if list := yamldoc.Get(doc.Root, "resources"); list != nil && list.Kind == yaml.SequenceNode {
			k.resources = list
		}
		return k
	}
	return nil
}

// item is the resource that a file is; nil if it is not listed.
func (k *kustomization) item(f *file) *yaml.Node {
	if k.resources == nil {
		return nil
	}
	folder := path.Dir(k.text.Name)
	for _, n := range k.resources.Content {
		if n.Kind == yaml.ScalarNode && path.Join(folder, n.Value) == f.path {
			return n
		}
	}
	return nil
}

// needs is why a file has to stay; empty if it need not.
func (k *kustomization) needs(f *file) string {
	item := k.item(f)
	if item == nil {
		return ""
	}
	for _, p := range f.cut {
		if name := yamldoc.Scalar(p.object, "metadata", "name"); name != "" && k.patches(name) {
			return k.text.Name + " seems to change it"
		}
	}
	switch {
	case len(k.gone)+1 >= len(k.resources.Content):
		return k.text.Name + " would have no resources left"
	case !strings.HasPrefix(strings.TrimSpace(k.lineOf(item)), "- "):
		return k.text.Name + " lists it in a way that is not edited"
	}
	return ""
}

// drop takes a file off the list.
func (k *kustomization) drop(f *file) {
	if item := k.item(f); item != nil {
		k.gone = append(k.gone, item)
	}
}

// patches reports whether what is not the list of resources has a name in it.
func (k *kustomization) patches(name string) bool {
	if k.doc.Root.Kind != yaml.MappingNode {
		return true
	}
	for i := 0; i+1 < len(k.doc.Root.Content); i += 2 {
		if v := yamldoc.Resolve(k.doc.Root.Content[i+1]); v != k.resources && mentions(v, name) {
			return true
		}
	}
	return false
}

func mentions(n *yaml.Node, text string) bool {
	return strings.Contains(n.Value, text) || slices.ContainsFunc(n.Content, func(c *yaml.Node) bool { return mentions(c, text) })
}

func (k *kustomization) lineOf(n *yaml.Node) string {
	from, to := k.line(n)
	return k.text.Text[from:to]
}

// line is where the line of a node begins and ends, with its line break.
func (k *kustomization) line(n *yaml.Node) (from, to int) {
	at := int(k.doc.Span(n).Start)
	from = strings.LastIndexByte(k.text.Text[:at], '\n') + 1
	if to = strings.IndexByte(k.text.Text[at:], '\n'); to < 0 {
		return from, len(k.text.Text)
	}
	return from, at + to + 1
}

// rest is the text without the items that are gone, and whether there are any.
func (k *kustomization) rest() (string, bool) {
	text := k.text.Text
	slices.SortFunc(k.gone, func(a, b *yaml.Node) int { return a.Line - b.Line })
	for _, item := range slices.Backward(k.gone) {
		from, to := k.line(item)
		text = text[:from] + text[to:]
	}
	return text, len(k.gone) > 0
}
