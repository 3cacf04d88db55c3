package importer

import (
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/compiler/yamldoc"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// unread drops the objects of which the manifests do not say what is in force: those with several manifests that say
// something else, templates, and patches of kustomize, which change others. That is a finding. Of manifests that say
// the same the first stays.
func (i *importer) unread(layer *enforce.Layer) {
	type place struct {
		file  *source.File
		start int32
	}
	at, byName := map[place]*enforce.Object{}, map[string]*enforce.Object{}
	for _, p := range layer.Policies {
		at[place{p.At.File, p.At.Start}], byName[p.Kind+" "+p.ID()] = p, p
	}
	taken := map[*enforce.Object]bool{}
	for _, o := range i.objects {
		o.read = at[place{o.At.File, o.At.Start}]
		taken[o.read] = true
	}
	i.objects = slices.DeleteFunc(i.objects, func(o *object) bool {
		named := byName[o.ID()]
		if o.read == nil && !taken[named] { // its name is an alias
			o.read, taken[named] = named, true
		}
		switch {
		case named != nil && named.Disputed:
			return true
		case templated(o.node):
			if o.read != nil && o.read.Refusal == "" {
				i.findings.Add(diag.Unevaluable, o.At, "%s is a template", o.Kind).WithHelp("read what it makes, such as the output of `helm template`")
			}
			return true
		case yamldoc.Get(o.node, "$patch") != nil || yamldoc.Get(o.node, "spec", "$patch") != nil:
			return o.read != nil
		default:
			return o.read == nil && named != nil
		}
	})
}

// templated reports whether a text, or a key that is a mapping of its own, is a placeholder such as `{{ .Values.x }}`.
func templated(n *yaml.Node) bool {
	switch n.Kind {
	case yaml.ScalarNode:
		_, placeholder, opened := strings.Cut(n.Value, "{{")
		return opened && strings.Contains(placeholder, "}}")
	case yaml.MappingNode:
		for k := 0; k < len(n.Content); k += 2 {
			if n.Content[k].Kind == yaml.MappingNode {
				return true
			}
		}
	}
	return slices.ContainsFunc(n.Content, templated)
}

// network reports the policies of the network, those of one kind together: an import says what proxies enforce.
func (i *importer) network() (list diag.List) {
	const suffix = "NetworkPolicy"
	byKind := map[string][]*object{}
	for _, o := range find(i.Manifests, suffix, func(_, kind string) bool { return strings.HasSuffix(kind, suffix) }) {
		byKind[o.Kind] = append(byKind[o.Kind], o)
	}
	for _, kind := range slices.Sorted(maps.Keys(byKind)) {
		all := byKind[kind]
		d := list.Add(diag.SkippedObject, all[0].At, "the %s %s/%s is not imported: the project says what proxies of Istio enforce", kind, all[0].Namespace, all[0].Name)
		if len(all) > 1 {
			d.WithNote("there are %d of this kind", len(all))
		}
		switch kind {
		case suffix:
			d.WithHelp("make it one of the workloads, in meshc.yaml or with `--workloads %s`: what it refuses of the edges is then a finding; or have the project emit its own: `targets: {istio: {}, networkPolicy: {}}`", all[0].At.File.Name)
		case "CiliumNetworkPolicy", "CiliumClusterwideNetworkPolicy":
			d.WithHelp("where Cilium alone enforces, see what it lets through: `meshc graph --manifests %s`; write that down with `targets: {cilium: {}}`, and compare both: `meshc diff %[1]s .`", all[0].At.File.Name)
		}
	}
	return list
}

// shut reports whether no ALLOW lets anything in to the pods of an object. If one does, it closes them to everyone
// else, too.
func (i *importer) shut(o *object) bool { return !i.opens(o.Namespace, labelsOf(o.read)) }

// opens reports whether an ALLOW lets anything in to pods with some labels, or to some of them.
func (i *importer) opens(namespace string, pods []policy.Label) bool {
	return slices.ContainsFunc(i.objects, func(o *object) bool {
		if p := o.read; p == nil || o.Outcome == Refused || p.Role != enforce.Authorizes || p.Effect != enforce.Allow || p.DryRun {
			return false
		}
		if o.Namespace != namespace && o.Namespace != i.mesh.RootNamespace {
			return false
		}
		_, possible := joined(labelsOf(o.read), pods)
		return possible && slices.ContainsFunc(o.read.Clauses, func(c enforce.Clause) bool { return i.reduced(o, &c).matches() })
	})
}
