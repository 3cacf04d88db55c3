package check

import (
	"slices"

	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang"
	"github.com/meshc/meshc/lang/diag"
)

// podsName is a destination: every pod of the namespace, declared or not. Below the root namespace it is every pod of
// the mesh.
const podsName = "pods"

// meansPods reports whether a reference in a section means all of its pods, because nothing there is called so.
func (m *mesh) meansPods(r lang.Ref) bool {
	return m != nil && !r.Qualified() && !r.Name.Quoted && r.Name.Text == podsName && m.names[podsName] == nil
}

// pods returns what stands for the pods of a mesh that no service selects.
func (m *mesh) pods(r lang.Ref) *service {
	if m.unnamed == nil {
		m.unnamed = &service{mesh: m, Service: &policy.Service{Namespace: m.Name, Name: podsName, Unnamed: true, At: r.Range}}
		if m.Ambient {
			m.unnamed.Moving = m.Moving
			m.unnamed.Dataplane, m.unnamed.DataplaneWhy, m.unnamed.DataplaneAt = policy.Ambient, "namespace "+m.Name+" is ambient", m.object.At
		}
	}
	return m.unnamed
}

// everyPod is the callees of a statement about the pods of a mesh.
func (c *checker) everyPod(m *mesh, r lang.Ref) (all []*service) {
	meshes := []*mesh{m}
	if c.isRoot(m.Name) {
		meshes = c.meshes
	}
	for _, one := range meshes {
		all = append(append(all, c.everyone(one, false)...), one.pods(r))
	}
	return all
}

// closesAll reports an edge to every pod of the mesh where the rest of the mesh is not closed: it would close all of
// it.
func (c *checker) closesAll(m *mesh, t *lang.Target) bool {
	if !c.isRoot(m.Name) || !c.policy.ClosedAt.IsZero() {
		return false
	}
	c.list.Add(diag.ClosesMesh, t.Ref.Range, "an edge to every pod of the mesh closes all of it to everyone else, and the mesh is not declared closed").
		WithHelp("write `mesh * closed`, or name the pods of each namespace in its own section")
	return true
}

// podsElsewhere reports the pods of another mesh as a destination.
func (c *checker) podsElsewhere(r lang.Ref) bool {
	if !r.Qualified() || r.Name.Quoted || r.Name.Text != podsName {
		return false
	}
	namespace := r.Namespace.Text
	if m := c.byName[namespace]; m != nil && m.names[podsName] != nil {
		return false
	}
	whose, where := namespace, "its own section"
	if c.isRoot(namespace) {
		whose, where = "the mesh", "the section of "+namespace
	}
	c.list.Add(diag.NotADestination, r.Range, "every pod of %s can be named in %s only", whose, where).
		WithHelp("write the edge below `mesh %s`, as `CALLER -> pods`", namespace)
	return true
}

// reached notes which services a statement about every pod is about.
func (c *checker) reached(m *mesh, t *lang.Target, callees []*service, does string) {
	var names []string
	for _, s := range callees {
		switch {
		case s.Unnamed:
		case s.mesh == m:
			names = append(names, s.Name)
		default:
			names = append(names, s.ID())
		}
	}
	what := "nothing that is declared"
	if len(names) > 0 {
		what = listed(names)
	}
	whose := m.Name
	if c.isRoot(m.Name) {
		whose = "the mesh, in whatever namespace"
	}
	c.list.Add(diag.EveryPod, t.Ref.Range, "this %s every pod of %s: %s, and those that nothing declares", does, whose, what).
		WithHelp("name the services, or write `*` for all that are declared")
}

// called reports whether an edge leads into the mesh.
func (m *mesh) called() bool {
	own := func(r *rule) bool { return !r.EveryMesh }
	return m.unnamed != nil && slices.ContainsFunc(m.unnamed.allow, own) ||
		slices.ContainsFunc(m.services, func(s *service) bool { return slices.ContainsFunc(s.allow, own) })
}
