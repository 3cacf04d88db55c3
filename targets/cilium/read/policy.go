package read

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/network"
	"github.com/meshc/meshc/compiler/yamldoc"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// object is one object of a cluster. It comes to several of the analysis: what it lets through, and what it denies.
type object struct {
	kind, namespace, name string
	at, document          source.Span
	objects               []*enforce.Object
	leaves                []*network.Policy // in place of objects
}

func (p *object) id() string {
	if p.namespace == "" {
		return p.name
	}
	return p.namespace + "/" + p.name
}

// decoder takes one policy apart.
type decoder struct {
	doc      *yamldoc.Document
	domains  []string
	protocol string
	leaving  bool
	findings *diag.List
	told     *diag.List // those about what goes out of pods; all others are told where the rest is read
	out      *object
	broken   bool
}

func (d *decoder) policy(n *yaml.Node, version, kind string) *object {
	meta := yamldoc.Get(n, "metadata")
	name := yamldoc.Get(meta, "name")
	p := &object{kind: kind, name: yamldoc.Scalar(name), at: d.doc.Span(n)}
	if n == yamldoc.Resolve(d.doc.Root) {
		start := int(d.doc.Offset())
		p.document = d.doc.File.Span(start, start+len(d.doc.Text))
	}
	if kind == namespaced {
		p.namespace = cmp.Or(yamldoc.Scalar(meta, "namespace"), "default")
	}
	if name != nil {
		p.at = d.doc.Span(name)
	}
	d.out = p
	if version != group+"/v2" {
		d.refuse(yamldoc.Get(n, "apiVersion"), "Cilium serves it as %s/v2", group)
	}
	var specs []*yaml.Node
	d.fields(n, "the object", func(key string, v *yaml.Node) bool {
		switch key {
		case "spec":
			specs = append(specs, v)
		case "specs":
			specs = append(specs, d.list(v)...)
		default:
			return slices.Contains([]string{"apiVersion", "kind", "metadata", "status"}, key)
		}
		return true
	})
	if len(specs) == 0 {
		d.refuse(nil, "it has no spec")
		specs = []*yaml.Node{nil}
	}
	for _, spec := range specs {
		d.spec(spec)
	}
	for _, o := range p.objects {
		if o.Broken = o.Broken || d.broken; o.Broken {
			o.Content = d.doc.Text
		}
	}
	return p
}

// foreign stands for a NetworkPolicy, which adds to what policies of Cilium let through. It may let anything into its
// namespace.
func (d *decoder) foreign(n *yaml.Node) *object {
	meta := yamldoc.Get(n, "metadata")
	p := &object{kind: "NetworkPolicy", namespace: cmp.Or(yamldoc.Scalar(meta, "namespace"), "default"), name: yamldoc.Scalar(meta, "name"), at: d.doc.Span(n)}
	if name := yamldoc.Get(meta, "name"); name != nil {
		p.at = d.doc.Span(name)
	}
	d.out = p
	d.refuse(nil, "it adds to what policies of Cilium let through")
	p.objects = []*enforce.Object{{Role: enforce.Authorizes, Kind: p.kind, Namespace: p.namespace, Name: p.name, At: p.at, Broken: true, AnyEffect: true, Content: d.doc.Text}}
	return p
}

// sections is what a spec is made of.
type sections struct {
	subject, node                            *yaml.Node
	ingress, ingressDeny, egress, egressDeny []*yaml.Node
	stated, closesStated                     bool // whether it isolates its pods, and whether it does for what they call
	isolates, closes                         bool
}

// spec reads one rule of Cilium's API, with the validation of Rule.Sanitize in pkg/policy/api/rule_validation.go of
// cilium/cilium.
func (d *decoder) spec(n *yaml.Node) {
	var s sections
	d.fields(n, "spec", func(key string, v *yaml.Node) bool {
		switch key {
		case "endpointSelector":
			s.subject = v
		case "nodeSelector":
			s.node = v
		case "ingress":
			s.ingress = d.list(v)
		case "ingressDeny":
			s.ingressDeny = d.list(v)
		case "egress":
			s.egress = d.list(v)
		case "egressDeny":
			s.egressDeny = d.list(v)
		case "enableDefaultDeny":
			d.fields(v, key, func(key string, v *yaml.Node) bool {
				switch key {
				case "ingress":
					s.stated, s.isolates = true, d.flag(v)
				case "egress":
					s.closesStated, s.closes = true, d.flag(v)
				default:
					return false
				}
				return true
			})
		default:
			return key == "description" || key == "labels" || key == "log"
		}
		return true
	})
	into := len(s.ingress)+len(s.ingressDeny) > 0
	switch {
	case n == nil:
	case !into && len(s.egress)+len(s.egressDeny) == 0:
		d.refuse(n, "it has neither ingress nor egress, and Cilium refuses it")
	case s.subject == nil && s.node == nil:
		d.refuse(n, "it selects nothing, and Cilium refuses it")
	case s.subject != nil && s.node != nil:
		d.refuse(n, "it selects pods and nodes, and Cilium refuses it")
	case s.node != nil:
		d.skip(n, "it is about nodes")
		return
	}
	out := len(s.egress)+len(s.egressDeny) > 0
	switch {
	case d.leaving && (out || d.broken):
		d.leave(&s)
	case d.leaving:
	case out && d.out.kind == clusterwide:
		d.skip(n, "what it lets out of its pods")
	}
	if !d.leaving && (n == nil || into || d.broken) {
		d.into(&s)
	}
}

// into adds the objects of what comes into pods. Where pods are isolated, they take only what some policy lets through.
// Rules that isolate nothing open nothing either, unless another policy isolates the pods
// (computePolicyEnforcementAndRules in pkg/policy/repository.go): whether they count is not judged.
func (d *decoder) into(s *sections) {
	isolates := s.isolates || !s.stated
	var refused []enforce.Clause
	base := enforce.Object{Role: enforce.Authorizes, Kind: d.out.kind, Namespace: d.out.namespace, Name: d.out.name, At: d.out.at, Document: d.out.document}
	d.subject(s.subject, &base)
	base.Origin = d.origin()
	if isolates || len(s.ingress) > 0 || d.broken {
		allow := base
		allow.Effect = enforce.Allow
		for _, n := range s.ingress {
			clauses, others := d.rule(n)
			allow.Clauses, refused = append(allow.Clauses, clauses...), append(refused, others...)
		}
		if !isolates && !d.broken {
			allow.Broken = true
			d.findings.Add(diag.Unevaluable, d.out.at, "whether the rules of the %s %s count is not judged: it isolates nothing by itself", d.out.kind, d.out.id())
		}
		d.out.objects = append(d.out.objects, &allow)
	}
	if len(s.ingressDeny)+len(refused) > 0 {
		deny := base
		deny.Effect, deny.Clauses = enforce.Deny, refused
		for _, n := range s.ingressDeny {
			clauses, others := d.rule(n)
			if len(others) > 0 {
				d.refuse(n, "Cilium denies ports and not requests")
			}
			deny.Clauses = append(deny.Clauses, clauses...)
		}
		d.out.objects = append(d.out.objects, &deny)
	}
	for _, o := range d.out.objects {
		o.AnyEffect = o.AnyEffect || d.broken
	}
}

// refuse marks the policy as one that may stand for anything.
func (d *decoder) refuse(n *yaml.Node, format string, args ...any) {
	if d.broken {
		return
	}
	d.broken = true
	d.findings.Add(diag.Unevaluable, d.spanOf(n), "the %s %s is not judged: %s", d.out.kind, d.out.id(), fmt.Sprintf(format, args...))
}

// skip reports what is not judged and has no say in what is.
func (d *decoder) skip(n *yaml.Node, what string) {
	d.findings.Add(diag.SkippedObject, d.spanOf(n), "the %s %s is not judged: %s", d.out.kind, d.out.id(), what)
}

func (d *decoder) spanOf(n *yaml.Node) source.Span {
	if n == nil {
		return d.out.at
	}
	return d.doc.Span(n)
}

// fields calls f with the fields of a mapping that have a value. It returns false for one that is not known.
func (d *decoder) fields(n *yaml.Node, what string, f func(key string, value *yaml.Node) bool) {
	if yamldoc.Null(n) {
		return
	}
	if n.Kind != yaml.MappingNode {
		d.refuse(n, "%s is not a mapping", what)
		return
	}
	pairs, repeats := yamldoc.Pairs(n)
	if len(repeats) > 0 {
		d.refuse(repeats[0].Again, "%s is given twice", repeats[0].Again.Value)
	}
	for _, p := range pairs {
		if !yamldoc.Null(p.Value) && !f(p.Key.Value, p.Value) {
			d.refuse(p.Key, "the field %s of %s is not known here", p.Key.Value, what)
		}
	}
}

// list returns the items of a list.
func (d *decoder) list(n *yaml.Node) []*yaml.Node {
	if yamldoc.Null(n) {
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		d.refuse(n, "not a list")
		return nil
	}
	return yamldoc.Items(n)
}

// word returns a string.
func (d *decoder) word(n *yaml.Node) string {
	if n == nil || n.Kind != yaml.ScalarNode || n.ShortTag() != "!!str" {
		d.refuse(n, "not a string")
		return ""
	}
	return n.Value
}

func (d *decoder) words(n *yaml.Node) (all []string) {
	for _, item := range d.list(n) {
		all = append(all, d.word(item))
	}
	return all
}

func (d *decoder) flag(n *yaml.Node) bool {
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!bool" {
		d.refuse(n, "not true or false")
	}
	return n.Value == "true"
}

// origin reads what meshc says in an object about its intents.
func (d *decoder) origin() enforce.Origin {
	annotations := yamldoc.Get(yamldoc.Resolve(d.doc.Root), "metadata", "annotations")
	split := func(key, separator string) []string {
		if value := yamldoc.Scalar(annotations, key); value != "" {
			return strings.Split(value, separator)
		}
		return nil
	}
	return enforce.Origin{Files: split("meshc.dev/source", ","), Because: split("meshc.dev/because", "; ")}
}
