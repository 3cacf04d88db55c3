package importer

import (
	"slices"

	"github.com/meshc/meshc/compiler"
	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/policy"
)

// collides looks for objects that a build makes under the name of an object that is accepted, or of one that does
// something else and would be overwritten before the rest is there. Their services get other names. Where the name is
// that of a whole namespace, its objects are accepted.
func (i *importer) collides(b *compiler.Build) (again bool) {
	there := map[string]*object{}
	for _, o := range i.objects {
		if o.Outcome != Refused && o.read != nil {
			there[o.ID()] = o
		}
	}
	renamed := map[*service]bool{}
	for _, p := range b.Model.Manifests.Policies {
		o := there[p.Kind+" "+p.ID()]
		if o == nil || o.Outcome == Said && p.Role == o.read.Role && p.Effect == o.read.Effect && slices.Equal(p.Selector, o.read.Selector) {
			continue
		}
		if s := i.selectedBy(p); s != nil {
			if again = true; !renamed[s] {
				s.name, s.renamed, renamed[s] = i.in(p.Namespace).free(s.name), true, true
			}
			continue
		}
		for _, namespace := range []string{p.Namespace, i.mesh.RootNamespace} {
			for _, said := range i.objects {
				if said.Namespace == namespace && said.Outcome == Said {
					again = true
					said.together = said.together || said != o
					said.accept("the project would make the %s itself", o.ID())
				}
			}
			if again {
				break
			}
		}
	}
	return again
}

// selectedBy is the service that an object of a build was made for; nil if it is for a namespace.
func (i *importer) selectedBy(p *enforce.Object) *service {
	labels := slices.Concat(p.Selector, p.Targets)
	if len(labels) == 0 || i.services[p.Namespace] == nil {
		return nil
	}
	for _, s := range i.services[p.Namespace].services {
		if s.labels != nil && slices.EqualFunc(s.labels, labels, func(a policy.Label, b enforce.Label) bool { return a.Key == b.Key && a.Value == b.Value }) {
			return s
		}
	}
	for _, w := range i.known.Workloads { // that a statement about every pod is about
		if found := naming(w); w.Namespace == p.Namespace && slices.Equal(found, labelsOf(p)) {
			return i.labelled(p.Namespace, found)
		}
	}
	return nil
}
