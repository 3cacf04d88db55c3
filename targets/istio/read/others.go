package read

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/bearing"
	"github.com/meshc/meshc/compiler/yamldoc"
	"github.com/meshc/meshc/compiler/yamldoc/plainyaml"
	"github.com/meshc/meshc/lang/source"
)

// Others reads the objects that decide no request, which Files skips. It unfolds Lists. It leaves out objects that are
// not applied to clusters, and what cannot be read, which is a finding of Files.
func Others(files []*source.File) []enforce.Other {
	d := &decoder{tree: &tree{}}
	var all []enforce.Other
	for _, f := range files {
		if yamldoc.Text(f) != nil {
			continue
		}
		d.documents(f, func(bad *fault) {
			if bad == nil {
				all = d.others(all, 1)
			}
		})
	}
	return all
}

// Bears reports whether objects of a kind among policies bear on who reaches whom.
func Bears(kind string) bool { return bearing.IsPolicyKind(kind) }

func (d *decoder) others(all []enforce.Other, n int32) []enforce.Other {
	kindOf := d.text(d.at(n, "kind"))
	if items := d.at(n, "items"); items != 0 && strings.HasSuffix(kindOf, "List") {
		for c := d.Nodes[items].First; c != 0; c = d.Nodes[c].Next {
			all = d.others(all, c)
		}
		return all
	}
	of, _, _ := strings.Cut(d.text(d.at(n, "apiVersion")), "/")
	_, judged := roles[kindOf]
	if kindOf == "" || of == "meshc.dev" || of == "kustomize.config.k8s.io" || of == group && judged {
		return all
	}
	meta, spec := d.at(n, "metadata"), d.at(n, "spec")
	o := enforce.Other{
		Kind:      kindOf,
		Namespace: d.text(d.at(meta, "namespace")),
		Name:      d.text(d.at(meta, "name")),
		Origin:    d.origin(d.at(meta, "annotations")),
		At:        d.span(cmp.Or(d.at(meta, "name"), n)),
	}
	added := d.added(n, meta)
	switch kindOf {
	case "Sidecar":
		o.Sidecar = &enforce.Sidecar{Whole: d.at(spec, "workloadSelector") == 0}
		egress := d.at(spec, "egress")
		for c := d.Nodes[egress].First; c != 0; c = d.Nodes[c].Next {
			o.Sidecar.Hosts = append(o.Sidecar.Hosts, d.texts(d.at(c, "hosts"))...)
		}
		if o.Sidecar.Apart = d.onlyHosts(egress); o.Sidecar.Apart {
			added = append(added, egress)
		}
	case "ServiceEntry":
		o.External = &enforce.External{Hosts: d.texts(d.at(spec, "hosts")), ExportTo: d.texts(d.at(spec, "exportTo"))}
		for c := d.Nodes[d.at(spec, "ports")].First; c != 0; c = d.Nodes[c].Next {
			o.External.Ports = append(o.External.Ports, d.text(d.at(c, "number")))
		}
	}
	o.Content = string(d.canonical(nil, n, added))
	if spec != 0 && kindOf != "Namespace" { // whose finalizers a cluster adds
		o.Spec = string(d.canonical(nil, spec, nil))
	}
	return append(all, o)
}

// onlyHosts reports whether a Sidecar says nothing about outbound traffic except its hosts.
func (d *decoder) onlyHosts(egress int32) bool {
	listener := d.Nodes[egress].First
	hosts := d.at(listener, "hosts")
	return hosts != 0 && d.Nodes[hosts].Kind == plainyaml.Sequence && d.Nodes[listener].Next == 0 && d.Nodes[listener].First == hosts && d.Nodes[hosts].Next == 0
}

// added are the fields that clusters and meshc add to an object.
func (d *decoder) added(n, meta int32) []int32 {
	all := []int32{d.at(n, "status")}
	for _, key := range []string{"resourceVersion", "uid", "creationTimestamp", "generation", "managedFields"} {
		all = append(all, d.at(meta, key))
	}
	annotations := d.at(meta, "annotations")
	theirs := false
	for c := d.Nodes[annotations].First; c != 0; c = d.Nodes[c].Next {
		if key := d.Nodes[c].Key; strings.HasPrefix(key, "meshc.dev/") || key == "kubectl.kubernetes.io/last-applied-configuration" {
			all = append(all, c)
		} else {
			theirs = true
		}
	}
	if !theirs {
		all = append(all, annotations)
	}
	return all
}

// content is what an object says, without what clusters and meshc add, and without its kind and a version that Istio
// serves, which a list may say for it.
func (d *decoder) content(n int32) string {
	without := append(d.added(n, d.at(n, "metadata")), d.at(n, "kind"))
	if version := d.at(n, "apiVersion"); isServed(d.text(version)) {
		without = append(without, version)
	}
	return string(d.canonical(nil, n, without))
}

// canonical appends a value without some of the values in it. The text does not depend on the order of mappings.
func (d *decoder) canonical(text []byte, n int32, without []int32) []byte {
	v := &d.Nodes[n]
	text = append(text, '0'+byte(v.Kind))
	if v.Kind != plainyaml.Mapping && v.Kind != plainyaml.Sequence {
		return strconv.AppendQuote(text, v.Text)
	}
	var children []int32
	for c := v.First; c != 0; c = d.Nodes[c].Next {
		if !slices.Contains(without, c) {
			children = append(children, c)
		}
	}
	if v.Kind == plainyaml.Mapping {
		slices.SortFunc(children, func(a, b int32) int { return strings.Compare(d.Nodes[a].Key, d.Nodes[b].Key) })
	}
	text = append(text, '{')
	for _, c := range children {
		if v.Kind == plainyaml.Mapping {
			text = strconv.AppendQuote(text, d.Nodes[c].Key)
		}
		text = d.canonical(text, c, without)
	}
	return append(text, '}')
}

func (d *decoder) texts(n int32) (all []string) {
	for c := d.Nodes[n].First; c != 0; c = d.Nodes[c].Next {
		all = append(all, d.text(c))
	}
	return all
}

// origin reads the annotations by which meshc names the intents that an object is made from.
func (d *decoder) origin(annotations int32) enforce.Origin {
	split := func(key, separator string) (all []string) {
		if text := d.text(d.at(annotations, key)); text != "" {
			all = strings.Split(text, separator)
		}
		return all
	}
	return enforce.Origin{Files: split("meshc.dev/source", ","), Because: split("meshc.dev/because", "; ")}
}
