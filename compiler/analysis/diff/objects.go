package diff

import (
	"cmp"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/compiler/yamldoc"
	"github.com/meshc/meshc/lang/source"
)

// Object is a Kubernetes object of a kind that no request is judged by.
type Object struct {
	Kind, Namespace, Name string
	File                  string // of the intents that it comes from, as its annotation says; empty where it has none
	Because               string

	root *yaml.Node
}

// ID is NAMESPACE/NAME, or NAME.
func (o *Object) ID() string { return strings.TrimPrefix(o.Namespace+"/"+o.Name, "/") }

// ReadObjects reads the objects that a comparison of requests says nothing about. Lists are their items. What is no
// object of a cluster is left out, and so is what cannot be read: the reader of manifests reports it.
func ReadObjects(files []*source.File) []Object {
	var all []Object
	for _, f := range files {
		if yamldoc.Text(f) != nil {
			continue
		}
		for doc := range yamldoc.Split(f) {
			if doc.Parse() == nil {
				all = appendObjects(all, doc.Root)
			}
		}
	}
	return all
}

func appendObjects(all []Object, n *yaml.Node) []Object {
	n = yamldoc.Resolve(n)
	version, kind := word(n, "apiVersion"), word(n, "kind")
	if items := yamldoc.Get(n, "items"); items != nil && strings.HasSuffix(kind, "List") {
		for _, item := range items.Content {
			all = appendObjects(all, item)
		}
		return all
	}
	group, _, _ := strings.Cut(version, "/")
	switch {
	case kind == "", group == "meshc.dev", group == "kustomize.config.k8s.io":
		return all
	case group == "security.istio.io" && (kind == "AuthorizationPolicy" || kind == "PeerAuthentication"):
		return all
	}
	o := Object{Kind: kind, Namespace: word(n, "metadata", "namespace"), Name: word(n, "metadata", "name"), root: n}
	o.File, o.Because = word(n, "metadata", "annotations", filesKey), word(n, "metadata", "annotations", becauseKey)
	return append(all, o)
}

func word(n *yaml.Node, keys ...string) string {
	if v := yamldoc.Get(n, keys...); v != nil && v.Kind == yaml.ScalarNode {
		return v.Value
	}
	return ""
}

// ObjectChange is an object that is not judged, and what became of it.
type ObjectChange struct {
	Change string // new, changed or gone
	Kind   string
	Name   string // NAMESPACE/NAME
}

func (o ObjectChange) String() string { return o.Kind + " " + o.Name + " is " + o.Change }

// Objects compares the objects of two sides, and adds what it finds to a difference: what Sidecars let out to external
// hosts opens and closes, and the rest is named. The policies, where they are known, say where externals are declared.
func (d *Diff) Objects(before, after []Object, was, is *policy.Policy) {
	a, b := readEgress(before), readEgress(after)
	said := d.saidHosts()
	d.egress(&a, &b, was, is)
	old := map[ObjectChange]*Object{}
	for i := range before {
		old[ObjectChange{Kind: before[i].Kind, Name: before[i].ID()}] = &before[i]
	}
	for i := range after {
		o := &after[i]
		key := ObjectChange{Kind: o.Kind, Name: o.ID()}
		p, there := old[key]
		delete(old, key)
		switch {
		case !there:
			d.Others = append(d.Others, ObjectChange{"new", o.Kind, o.ID()})
		case !o.same(p, func(host string) bool {
			return said[host] || a.names(host, o.Namespace) || b.names(host, o.Namespace)
		}):
			d.Others = append(d.Others, ObjectChange{"changed", o.Kind, o.ID()})
		}
	}
	for _, o := range old {
		d.Others = append(d.Others, ObjectChange{"gone", o.Kind, o.ID()})
	}
	slices.SortFunc(d.Others, func(a, b ObjectChange) int { return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name)) })
}

// saidHosts is the hosts, as a Sidecar names them, of the services that something was said of.
func (d *Diff) saidHosts() map[string]bool {
	hosts := map[string]bool{}
	for _, list := range [][]Change{d.Opened, d.Closed, d.FailOpen, d.FailClosed} {
		for _, c := range list {
			if c.Callee == nil {
				continue
			}
			for _, name := range append(slices.Clone(c.Callee.Hosts), c.Callee.Name) {
				hosts[c.Callee.Namespace+"/"+name+"."+c.Callee.Namespace+".svc.cluster.local"] = true
			}
		}
	}
	return hosts
}

// same tells that two objects ask for the same. What a cluster adds is not compared, nor are annotations of meshc, which
// say only where an object comes from, nor hosts of a Sidecar that were said of already.
func (o *Object) same(p *Object, said func(host string) bool) bool {
	one, other := o.asked(), p.asked()
	if o.Kind == "Sidecar" {
		mine, theirs := onlyHosts(one), onlyHosts(other)
		unsaid := func(list, among []any) bool {
			return slices.ContainsFunc(list, func(h any) bool {
				text, _ := h.(string)
				return !slices.Contains(among, h) && !said(text)
			})
		}
		if mine != nil && theirs != nil && !unsaid(mine, theirs) && !unsaid(theirs, mine) {
			delete(one["spec"].(map[string]any), "egress")
			delete(other["spec"].(map[string]any), "egress")
		}
	}
	return reflect.DeepEqual(one, other)
}

// onlyHosts is the hosts of a Sidecar that says nothing else of what goes out.
func onlyHosts(sidecar map[string]any) []any {
	spec, _ := sidecar["spec"].(map[string]any)
	listeners, _ := spec["egress"].([]any)
	if len(listeners) != 1 {
		return nil
	}
	listener, _ := listeners[0].(map[string]any)
	hosts, _ := listener["hosts"].([]any)
	if len(listener) != 1 || slices.ContainsFunc(hosts, func(h any) bool { _, ok := h.(string); return !ok }) {
		return nil
	}
	return hosts
}

// asked is an object without what a cluster adds to it.
func (o *Object) asked() map[string]any {
	var all map[string]any
	if o.root.Decode(&all) != nil {
		return map[string]any{"": o.root}
	}
	delete(all, "status")
	metadata, _ := all["metadata"].(map[string]any)
	for _, key := range []string{"resourceVersion", "uid", "creationTimestamp", "generation", "managedFields"} {
		delete(metadata, key)
	}
	annotations, _ := metadata["annotations"].(map[string]any)
	for key := range annotations {
		if strings.HasPrefix(key, "meshc.dev/") || key == "kubectl.kubernetes.io/last-applied-configuration" {
			delete(annotations, key)
		}
	}
	if len(annotations) == 0 {
		delete(metadata, "annotations")
	}
	return all
}
