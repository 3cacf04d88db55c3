package read

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/bearing"
	"github.com/meshc/meshc/compiler/yamldoc/plainyaml"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

const group = "security.istio.io"

// roles is the kinds of the group that are judged.
var roles = map[string]enforce.Role{
	"AuthorizationPolicy":   enforce.Authorizes,
	"PeerAuthentication":    enforce.SetsModes,
	"RequestAuthentication": enforce.Authenticates,
}

// Judges reports whether objects of a kind of the group are read.
func Judges(kind string) bool {
	_, judged := roles[kind]
	return judged
}

// object reads the root of a document, or an item of a list of objects. The items of a typed list may omit their kind
// and apiVersion, which the list then gives.
func (r *reader) object(d *decoder, n int32, apiVersion, kindOf string) {
	if d.Nodes[n].Kind != plainyaml.Mapping {
		if d.Nodes[n].Kind != plainyaml.Null {
			r.findings.Add(diag.Unevaluable, d.span(n), "not a Kubernetes object, but %s", d.Nodes[n].Kind)
		}
		return
	}
	var kindNode, items int32
	for c := d.Nodes[n].First; c != 0; c = d.Nodes[c].Next {
		switch d.Nodes[c].Key {
		case "apiVersion":
			apiVersion = d.Nodes[c].Text
		case "kind":
			kindOf, kindNode = d.Nodes[c].Text, c
		case "items":
			items = c
		}
	}
	of, version, _ := strings.Cut(apiVersion, "/")
	if items != 0 && strings.HasSuffix(kindOf, "List") && (apiVersion == "v1" || of == group || of == networking) {
		r.items(d, items, apiVersion, strings.TrimSuffix(kindOf, "List"))
		return
	}
	d.broken, d.refusal, d.otherwise, d.selectsNothing, d.path = false, "", false, false, d.path[:0]
	judged := Judges(kindOf)
	switch {
	case apiVersion == "" && judged: // no other API has these kinds
		of = group
	case version == "": // of Kubernetes' own group
		of = ""
	}
	r.notice(d, of, kindOf, n)
	if d.isUnread(n) {
		r.unread(d, n)
		return
	}
	if of == networking {
		r.neighbour(d, kindOf, n)
	}
	if apiVersion == "v1" && kindOf == "Namespace" {
		r.namespace(d, n)
	}
	switch {
	case of != group:
	case judged:
		r.policy(d, n, kindNode, apiVersion, kindOf)
	default:
		r.pass(d.span(kindNode), "objects of the kind %q are not judged", kindOf)
	}
}

// items reads a list of objects. Its kind and apiVersion are those of its items, unless it is a List of any kinds.
func (r *reader) items(d *decoder, n int32, apiVersion, kindOf string) {
	if kindOf == "" {
		apiVersion = ""
	}
	reported := false
	for c := d.Nodes[n].First; c != 0; c = d.Nodes[c].Next {
		if k := d.Nodes[c].Kind; k != plainyaml.Mapping && k != plainyaml.Null {
			if reported { // one finding for all that is not an object
				continue
			}
			reported = true
		}
		r.object(d, c, apiVersion, kindOf)
	}
}

// policy reads an object of a kind that is judged.
func (r *reader) policy(d *decoder, n, kindNode int32, apiVersion, kindOf string) {
	switch {
	case apiVersion == "":
		d.refuse(d.span(kindNode), "%s without an apiVersion", kindOf).WithHelp("add `apiVersion: security.istio.io/v1`")
	case !isServed(apiVersion):
		_, version, _ := strings.Cut(apiVersion, "/")
		d.refuse(d.span(d.child(n, "apiVersion")), "version %[2]q of %[1]s is not one that Istio serves", kindOf, version).
			WithHelp("write security.istio.io/v1")
	}
	p := &d.objects.take(1)[0]
	p.Kind, p.Role = kindOf, roles[kindOf]
	if n == 1 {
		p.Document = d.document
	}
	var spec, dryRun int32
	revision := d.at(d.at(d.at(n, "metadata"), "labels"), bearing.Revision)
	known := d.fields(n, []string{"apiVersion", "kind", "metadata", "spec", "status"}, func(key string, value int32) {
		switch key {
		case "metadata":
			dryRun = d.metadata(p, value)
		case "spec":
			spec = value
		}
	})
	p.AnyEffect = !known
	d.named(p, n, kindNode)
	d.path = append(d.path[:0], "spec")
	switch p.Role {
	case enforce.Authorizes:
		d.authorization(p, spec)
	case enforce.SetsModes:
		d.peer(p, spec)
	case enforce.Authenticates:
		d.authentication(p, spec)
	}
	if dryRun != 0 {
		d.dryRun(p, dryRun)
	}
	if revision != 0 {
		r.revision(d, revision, p.Kind, p.ID())
	}
	if p.Broken = d.broken || revision != 0; p.Broken {
		p.Content, p.Refusal = d.content(n), d.refusal
	}
	r.register(p, d, n)
}

// named reports an object without a name or a namespace, and gives it the namespace that it gets.
func (d *decoder) named(p *enforce.Object, n, kindNode int32) {
	misread := func(key string) bool { // which is a finding already
		k := d.Nodes[d.at(d.at(n, "metadata"), key)].Kind
		return k != plainyaml.Null && k != plainyaml.Text
	}
	if p.Name == "" && !misread("name") {
		p.At = d.span(kindNode)
		d.refuse(p.At, "%s has no name", p.Kind)
	}
	if p.Namespace == "" && !misread("namespace") {
		d.findings.Add(diag.NoNamespace, p.At, "the %s %s has no namespace; default is assumed", p.Kind, p.Name).
			WithHelp("write metadata.namespace")
	}
	p.Namespace = cmp.Or(p.Namespace, "default")
}

func (d *decoder) child(n int32, key string) int32 {
	for c := d.Nodes[n].First; c != 0; c = d.Nodes[c].Next {
		if d.Nodes[c].Key == key {
			return c
		}
	}
	return n
}

// isServed reports whether Istio serves a version of the group.
func isServed(apiVersion string) bool {
	return apiVersion == group+"/v1" || apiVersion == group+"/v1beta1"
}

// revision reports an object that only one revision of istiod reads: LabelsInRevision in
// istio.io/istio/pkg/config/model.go. Which revision the proxies have is not known, for their namespaces may name a
// tag.
func (r *reader) revision(d *decoder, n int32, kind, id string) {
	r.findings.Add(diag.UnknownEffect, d.span(n), "only an istiod of the revision %s reads the %s %s: whether it is in force is not known", d.text(n), kind, id).
		WithHelp("delete the label %s, so that every revision reads it", bearing.Revision)
}

// pass reports an object that is not judged.
func (r *reader) pass(at source.Span, format string, args ...any) *diag.Diagnostic {
	return r.findings.Add(diag.SkippedObject, at, format, args...)
}

// metadata reads names, labels and the like, and returns the value of the annotation istio.io/dry-run, 0 if there is
// none.
func (d *decoder) metadata(p *enforce.Object, n int32) (dryRun int32) {
	if !d.is(n, plainyaml.Mapping) {
		return 0
	}
	d.path = append(d.path, "")
	for c := d.Nodes[n].First; c != 0; c = d.Nodes[c].Next {
		if d.Nodes[c].Kind == plainyaml.Null {
			continue
		}
		d.path[len(d.path)-1] = d.Nodes[c].Key
		switch d.Nodes[c].Key {
		case "name":
			p.Name, p.At = d.string(c), d.span(c)
		case "namespace":
			p.Namespace = d.string(c)
		case "creationTimestamp":
			if d.Nodes[c].Kind == plainyaml.Text {
				p.Created, _ = time.Parse(time.RFC3339, d.Nodes[c].Text)
			}
		case "annotations":
			if d.is(c, plainyaml.Mapping) {
				dryRun, p.Origin = d.at(c, "istio.io/dry-run"), d.origin(c)
			}
		}
	}
	d.path = d.path[:len(d.path)-1]
	return dryRun
}

// dryRun reads the annotation istio.io/dry-run, and refuses it where Istio's validation does (checkDryRunAnnotation in
// istio.io/istio/pkg/config/validation).
func (d *decoder) dryRun(p *enforce.Object, n int32) {
	d.path = append(d.path[:0], "metadata", "annotations", "istio.io/dry-run")
	if !d.is(n, plainyaml.Text) {
		return
	}
	dry, err := strconv.ParseBool(d.Nodes[n].Text)
	switch {
	case p.Kind != "AuthorizationPolicy":
		d.refuse(d.keySpan(n), "a %s has no dry run, and Istio refuses the annotation", p.Kind).
			WithHelp("delete the annotation")
	case p.Effect != enforce.Allow && p.Effect != enforce.Deny:
		d.refuse(d.keySpan(n), "%s has no dry run, and Istio refuses the annotation", p.Effect).
			WithHelp("delete the annotation")
	case err != nil:
		d.refuse(d.span(n), "istio.io/dry-run is %q, which Istio refuses", d.Nodes[n].Text).
			WithHelp("write \"true\" or \"false\"")
	}
	p.DryRun = dry
}

// selector reads the labels of the pods that an object binds. An object whose labels cannot be read binds its whole
// namespace.
func (d *decoder) selector(p *enforce.Object, n int32) {
	before := len(*d.findings)
	d.fields(n, []string{"matchLabels"}, func(_ string, labels int32) {
		if !d.is(labels, plainyaml.Mapping) {
			return
		}
		for c := d.Nodes[labels].First; c != 0; c = d.Nodes[c].Next {
			key := d.Nodes[c].Key
			d.path = append(d.path, key)
			value := d.string(c)
			d.path = d.path[:len(d.path)-1]
			switch {
			case key == "":
				d.refuse(d.keySpan(c), "a selector has an empty key")
			case strings.Contains(key, "*"), strings.Contains(value, "*"):
				d.refuse(d.span(c), "a selector takes no wildcards in labels")
			case len(value) > 63:
				d.refuse(d.span(c), "a label has up to 63 characters, not %d", len(value))
			}
			p.Selector = append(p.Selector, enforce.Label{Key: key, Value: value})
		}
		for _, l := range p.Selector {
			if bearing.Added(l.Key) {
				p.Added = append(p.Added, l.Key)
			}
		}
		slices.SortFunc(p.Selector, func(a, b enforce.Label) int { return cmp.Compare(a.Key, b.Key) })
	})
	if len(*d.findings) > before {
		p.Selector = nil
	}
}
