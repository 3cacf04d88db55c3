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
			for o := range yamldoc.Objects(d.Root) {
				all = append(all, objectOf(d, o, in.Namespace))
			}
		}
	}
	return all
}

func objectOf(d *yamldoc.Document, of yamldoc.Object, namespace string) object {
	n := of.Node
	o := object{doc: d, node: n, version: of.APIVersion, kind: of.Kind, name: yamldoc.Scalar(n, "metadata", "name")}
	stated := yamldoc.Scalar(n, "metadata", "namespace")
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
