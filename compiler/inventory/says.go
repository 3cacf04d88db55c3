package inventory

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/meshc/meshc/compiler/yamldoc"
	"github.com/meshc/meshc/lang/source"
)

// says is what the manifest of an object says, however it is written and whatever a cluster adds to it. Its file is
// read once more for all that are asked for: few are.
func (r *reader) says(o *object) string {
	file := o.at.File
	if r.said[file] == nil {
		all, budget := map[int32]string{}, 2*len(file.Text)+expansion // as much as is read of it
		for doc := range yamldoc.Split(file) {
			if !Irrelevant(doc) && doc.Parse() == nil {
				objectsIn(doc, doc.Root, 0, all, &budget)
			}
		}
		if r.said == nil {
			r.said = map[*source.File]map[int32]string{}
		}
		r.said[file] = all
	}
	return r.said[file][o.at.Start]
}

// objectsIn adds what the objects of a document say, by the places of their names.
func objectsIn(doc *yamldoc.Document, n *yaml.Node, depth int, all map[int32]string, budget *int) {
	if n = yamldoc.Resolve(n); n == nil || n.Kind != yaml.MappingNode || *budget < 0 {
		return
	}
	if items := yamldoc.Get(n, "items"); items != nil && items.Kind == yaml.SequenceNode && depth <= maxLists {
		for _, item := range items.Content {
			objectsIn(doc, item, depth+1, all, budget)
		}
		return
	}
	name := yamldoc.Get(n, "metadata", "name")
	if name == nil {
		return
	}
	var b strings.Builder
	for _, p := range yamldoc.Sorted(n) {
		if !slices.Contains([]string{"apiVersion", "kind", "metadata", "status"}, p.Key.Value) {
			b.WriteString(p.Key.Value + ": ")
			yamldoc.Canonical(&b, p.Value)
		}
	}
	for _, of := range []string{"labels", "annotations"} {
		for _, p := range yamldoc.Sorted(yamldoc.Get(n, "metadata", of)) {
			if p.Key.Value != "kubectl.kubernetes.io/last-applied-configuration" {
				b.WriteString("\n" + of + " " + p.Key.Value + ": ")
				yamldoc.Canonical(&b, p.Value)
			}
		}
	}
	if *budget -= b.Len(); *budget >= 0 && b.Len() <= yamldoc.MaxCanonical {
		all[doc.Span(name).Start] = "it says " + b.String()
	}
}
