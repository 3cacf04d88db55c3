// Package read reads NetworkPolicies of networking.k8s.io/v1, and the labels of Namespaces, into a Layer of
// compiler/analysis/network, as for a cluster that has nothing else.
//
// Nothing is guessed. A policy that a cluster would refuse, or that has an unknown field, is broken: whatever it may
// decide is undecided, and a finding says so. Documents that cannot be read at all are left to the readers of other
// kinds.
package read

import (
	"cmp"
	"runtime"
	"slices"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"

	"github.com/meshc/meshc/compiler/analysis/network"
	"github.com/meshc/meshc/compiler/yamldoc"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

const group = "networking.k8s.io/v1"

// Files reads manifests: files of YAML, each of one document or more. Objects without a namespace are in the one that
// is given, or else in `default`. Objects of other kinds are skipped. The result does not depend on the order of the
// files.
func Files(files []*source.File, namespace string) (*network.Layer, diag.List) {
	namespace = cmp.Or(namespace, "default")
	files = slices.Clone(files)
	slices.SortStableFunc(files, func(a, b *source.File) int { return cmp.Compare(a.Name, b.Name) })
	workers := make([]reader, max(min(runtime.GOMAXPROCS(0), len(files)/32), 1))
	var wait sync.WaitGroup
	for w := range workers {
		share := files[len(files)*w/len(workers) : len(files)*(w+1)/len(workers)]
		wait.Go(func() {
			for _, f := range share {
				workers[w].file(f, namespace)
			}
		})
	}
	wait.Wait()
	all := reader{namespaces: map[string]map[string]string{}}
	for _, w := range workers {
		all.policies, all.findings = append(all.policies, w.policies...), append(all.findings, w.findings...)
		for name, labels := range w.namespaces {
			all.namespaces[name] = labels
		}
	}
	slices.SortStableFunc(all.policies, func(a, b *network.Policy) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	return network.NewLayer(all.once(), all.namespaces), all.findings.Sort()
}

type reader struct {
	policies   []*network.Policy
	namespaces map[string]map[string]string
	findings   diag.List
	memory     yamldoc.Memory
	decoder    decoder
}

// once keeps one of several policies with a name. A cluster keeps the one that is applied last, and which one that is,
// is not known.
func (r *reader) once() (all []*network.Policy) {
	for _, p := range r.policies {
		n := len(all) - 1
		again := n >= 0 && p.Name != "" && all[n].ID() == p.ID()
		if again && network.Same(all[n], p) {
			r.findings.Add(diag.Ineffective, p.At, "the second manifest of the NetworkPolicy %s has no effect: it says the same", p.ID()).
				WithRelated(all[n].At, "the first one").
				WithHelp("remove one of them")
			continue
		}
		if again {
			all[n].Broken, all[n].Selector = true, nil
			r.findings.Add(diag.SkippedObject, p.At, "the NetworkPolicy %s is not judged: there are two manifests of it, and a cluster keeps the one that is applied last", p.ID()).
				WithRelated(all[n].At, "the other one").
				WithHelp("remove one of them")
			continue
		}
		all = append(all, p)
	}
	return all
}

// reads reports whether a file may have what this package reads.
func reads(text string) bool {
	return strings.Contains(text, "NetworkPolicy") || strings.Contains(text, "Namespace")
}

func (r *reader) file(f *source.File, namespace string) {
	if !reads(f.Text) || yamldoc.Text(f) != nil {
		return
	}
	for doc := range yamldoc.Split(f) {
		if !reads(doc.Text) {
			continue
		}
		if doc.ParseInto(&r.memory) != nil || doc.Root == nil {
			continue
		}
		r.decoder.doc, r.decoder.namespace = doc, namespace
		for o := range yamldoc.Objects(doc.Root) {
			r.object(&r.decoder, o.Node, o.APIVersion, o.Kind)
		}
	}
}

func (r *reader) object(d *decoder, n *yaml.Node, version, kind string) {
	switch {
	case version == "v1" && kind == "Namespace":
		labels := map[string]string{}
		d.out = nil
		d.fields(yamldoc.Get(n, "metadata", "labels"), "labels", func(key string, value *yaml.Node) bool {
			labels[key] = yamldoc.Scalar(value)
			return true
		})
		if r.namespaces == nil {
			r.namespaces = map[string]map[string]string{}
		}
		r.namespaces[yamldoc.Scalar(n, "metadata", "name")] = labels
	case version == group && kind == "NetworkPolicy":
		d.findings = &r.findings
		r.policies = append(r.policies, d.policy(n))
	}
}
