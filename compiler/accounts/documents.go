package accounts

import (
	"cmp"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/meshc/meshc/compiler/inventory"
	"github.com/meshc/meshc/compiler/yamldoc"
	"github.com/meshc/meshc/lang/source"
)

// object is an object of the manifests, whatever its kind.
type object struct {
	doc       *yamldoc.Document
	node      *yaml.Node
	version   string // apiVersion
	kind      string
	namespace string // that of its file, or default, where it states none
	placed    bool   // it states its namespace
	name      string
	at        source.Span // metadata.name
}

// objects returns the objects of manifests, and those of lists. What cannot be read is left out.
func objects(inputs []inventory.Input) (all []object) {
	for _, in := range inputs {
		if yamldoc.Text(in.File) != nil {
			continue
		}
		for d := range yamldoc.Split(in.File) {
			if d.Parse() != nil || d.Root == nil {
				continue
			}
			kind := scalar(yamldoc.Get(d.Root, "kind"))
			element, list := strings.CutSuffix(kind, "List")
			items := yamldoc.Get(d.Root, "items")
			if !list || items == nil || items.Kind != yaml.SequenceNode {
				all = append(all, objectOf(d, d.Root, in.Namespace, "", ""))
				continue
			}
			version := scalar(yamldoc.Get(d.Root, "apiVersion"))
			for _, item := range items.Content {
				all = append(all, objectOf(d, yamldoc.Resolve(item), in.Namespace, version, element))
			}
		}
	}
	return all
}

func objectOf(d *yamldoc.Document, n *yaml.Node, namespace, version, kind string) object {
	o := object{
		doc: d, node: n,
		version: cmp.Or(scalar(yamldoc.Get(n, "apiVersion")), version),
		kind:    cmp.Or(scalar(yamldoc.Get(n, "kind")), kind),
		name:    scalar(yamldoc.Get(n, "metadata", "name")),
	}
	stated := scalar(yamldoc.Get(n, "metadata", "namespace"))
	o.placed = stated != ""
	o.namespace = cmp.Or(stated, namespace, "default")
	o.at = d.Span(yamldoc.Get(n, "metadata", "name"))
	return o
}

func (o *object) id() string {
	if strings.HasPrefix(o.kind, "Cluster") || !o.placed && o.kind == "Namespace" {
		return o.kind + " " + o.name
	}
	return o.kind + " " + o.namespace + "/" + o.name
}

// group is the API group.
func (o *object) group() string {
	group, _, grouped := strings.Cut(o.version, "/")
	if !grouped {
		return ""
	}
	return group
}

// scalar is the value of a node; empty where it has none.
func scalar(n *yaml.Node) string {
	if n == nil || n.Kind != yaml.ScalarNode || n.ShortTag() == "!!null" {
		return ""
	}
	return n.Value
}

// items returns the items of a list.
func items(n *yaml.Node) []*yaml.Node {
	if n == nil || n.Kind != yaml.SequenceNode {
		return nil
	}
	all := make([]*yaml.Node, len(n.Content))
	for i, item := range n.Content {
		all[i] = yamldoc.Resolve(item)
	}
	return all
}
