package importer

import (
	"slices"

	"github.com/meshc/meshc/compiler"
	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/policy"
)

// collides looks for objects that a build makes under the name of an object that is accepted, or of one that does something
// else and would be overwritten before the rest is there. Their services get other names. Where the name is that of a whole
// namespace, its objects are accepted.
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
		again = true
		if s := i.selectedBy(p); s != nil {
			if !renamed[s] {
				s.name, renamed[s] = i.in(p.Namespace).free(s.name), true
			}
			continue
		}
		for _, said := range i.objects {
			if said.Namespace == p.Namespace {
				said.together = said.together || said != o
				said.accept("the project would make the %s itself", o.ID())
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
	return nil
}
