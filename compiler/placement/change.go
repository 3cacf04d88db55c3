package placement

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/meshc/meshc/compiler/yamldoc"
	"github.com/meshc/meshc/lang/source"
)

// change is what a kustomization does to manifests beyond their namespace.
type change struct {
	by    *kustomization
	field string
	at    source.Span
	kind  string // of the objects that a patch changes; empty: any
	name  string // likewise
	text  string // of a patch
}

// patch reads an entry of patches: a file, a text, or either with its target.
func (p *Placement) patch(k *kustomization, d *yamldoc.Document, field string, n *yaml.Node) (all []*change) {
	n = yamldoc.Resolve(n)
	c := change{by: k, field: field, at: d.Span(n)}
	file := ""
	if n.Kind == yaml.ScalarNode {
		if file = n.Value; strings.Contains(file, "\n") {
			file, c.text = "", n.Value
		}
	} else {
		file, c.text = yamldoc.Scalar(n, "path"), yamldoc.Scalar(n, "patch")
	}
	if file != "" {
		p.patches[path.Join(k.folder, file)] = true
		if f := p.disk.Open(path.Join(k.folder, file)); f != nil {
			c.text = f.Text
		}
	}
	if target := yamldoc.Get(n, "target"); target != nil {
		c.kind, c.name = literal(yamldoc.Scalar(target, "kind")), literal(yamldoc.Scalar(target, "name"))
		return []*change{&c}
	}
	for doc := range yamldoc.Split(source.NewFile(file, c.text)) {
		if doc.Parse() != nil || doc.Root == nil {
			continue
		}
		one := c
		one.kind, one.name = yamldoc.Scalar(doc.Root, "kind"), yamldoc.Scalar(yamldoc.Get(doc.Root, "metadata"), "name")
		all = append(all, &one)
	}
	if all == nil {
		all = []*change{&c}
	}
	return all
}

// literal is a text of a selector, which is a regular expression; empty where it may be several texts.
func literal(selector string) string {
	if regexp.QuoteMeta(selector) != selector {
		return ""
	}
	return selector
}

// tells are what the patch of a workload, a Service or a Namespace has if it bears on who reaches whom.
var tells = regexp.MustCompile(`(?i)label|annotation|selector|serviceAccount|hostNetwork|port|\$patch|^\s*-\s*op: remove`)

// patches reports whether the change surely is one of an object.
func (c *change) patches(kind, name string) bool {
	return slices.Contains(patching, c.field) && c.kind == kind && (c.name == "" || c.name == name)
}

// bears reports whether the change may bear on what an object does, whose document has a text.
func (c *change) bears(o *object, text string) bool {
	switch {
	case c.kind != "" && c.kind != o.kind || c.name != "" && c.name != o.name:
		return false
	case c.field == "vars":
		return strings.Contains(text, "$(") && (isPolicy(o.group) || withPods(o.kind))
	case isPolicy(o.group):
		return !slices.Contains([]string{"labels", "commonLabels", "commonAnnotations"}, c.field)
	case !withPods(o.kind) && o.kind != "Service" && o.kind != "ServiceAccount" && o.kind != "Namespace":
		return false
	}
	return !slices.Contains(patching, c.field) || c.text == "" || tells.MatchString(c.text)
}

// isPolicy reports whether objects of a group are for the mesh itself.
func isPolicy(group string) bool {
	return strings.HasSuffix(group, ".istio.io") || group == "gateway.networking.k8s.io"
}

// withPods reports whether objects of a kind are pods, or make pods that are read.
func withPods(kind string) bool {
	return slices.Contains([]string{"Pod", "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "CronJob", "Rollout", "DeploymentConfig", "CloneSet"}, kind)
}

// replacements reads an entry of replacements, or the file that it names.
func (p *Placement) replacements(k *kustomization, d *yamldoc.Document, n *yaml.Node) (all []*change) {
	n = yamldoc.Resolve(n)
	at, file := d.Span(n), n.Value
	if n.Kind == yaml.MappingNode {
		file = yamldoc.Scalar(n, "path")
	}
	roots := []*yaml.Node{n}
	if file != "" {
		roots = nil
		p.patches[path.Join(k.folder, file)] = true
		if f := p.disk.Open(path.Join(k.folder, file)); f != nil {
			for doc := range yamldoc.Split(f) {
				if doc.Parse() == nil && doc.Root != nil {
					roots = append(roots, doc.Root)
				}
			}
		}
	}
	for _, root := range roots {
		entries := []*yaml.Node{root}
		if root.Kind == yaml.SequenceNode {
			entries = root.Content
		}
		for _, entry := range entries {
			targets := yamldoc.Get(entry, "targets")
			if targets == nil {
				continue
			}
			for _, target := range targets.Content {
				selected := yamldoc.Get(target, "select")
				all = append(all, &change{by: k, field: "replacements", at: at, kind: yamldoc.Scalar(selected, "kind"), name: yamldoc.Scalar(selected, "name")})
			}
		}
	}
	if all == nil {
		all = []*change{{by: k, field: "replacements", at: at}}
	}
	return all
}
