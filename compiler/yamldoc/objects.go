package yamldoc

import (
	"cmp"
	"iter"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Object is a Kubernetes object in a document.
type Object struct {
	Node             *yaml.Node
	APIVersion, Kind string
}

// Objects returns the object that a node is, or those of a List. Items of a DeploymentList are Deployments of its
// version unless they state otherwise; those of a plain List state it themselves.
func Objects(root *yaml.Node) iter.Seq[Object] {
	return func(yield func(Object) bool) { objects(Object{Node: root}, yield) }
}

func objects(o Object, yield func(Object) bool) bool {
	o.Node = Resolve(o.Node)
	o.APIVersion, o.Kind = cmp.Or(Scalar(o.Node, "apiVersion"), o.APIVersion), cmp.Or(Scalar(o.Node, "kind"), o.Kind)
	element, list := strings.CutSuffix(o.Kind, "List")
	items := Get(o.Node, "items")
	if !list || items == nil {
		return yield(o)
	}
	if element == "" {
		o.APIVersion = ""
	}
	for _, item := range Items(items) {
		if !objects(Object{item, o.APIVersion, element}, yield) {
			return false
		}
	}
	return true
}
