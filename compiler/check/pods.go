package check

import (
	"slices"

	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang"
	"github.com/meshc/meshc/lang/diag"
)

// podsName is a destination: every pod of the namespace, declared or not.
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

// podsElsewhere reports the pods of another mesh as a destination.
func (c *checker) podsElsewhere(r lang.Ref) bool {
	if !r.Qualified() || r.Name.Quoted || r.Name.Text != podsName {
		return false
	}
	namespace := r.Namespace.Text
	if m := c.byName[namespace]; m != nil && m.names[podsName] != nil {
		return false
	}
	d := c.list.Add(diag.NotADestination, r.Range, "every pod of %s can be named in its own section only", namespace)
	if c.isRoot(namespace) {
		d.WithHelp("name the gateways that are meant")
	} else {
		d.WithHelp("write the edge below `mesh %s`, as `CALLER -> pods`", namespace)
	}
	return true
}

// reached notes which services a statement about every pod is about.
func (c *checker) reached(m *mesh, t *lang.Target, callees []*service, does string) {
	var names []string
	for _, s := range callees {
		if !s.Unnamed {
			names = append(names, s.Name)
		}
	}
	what := "nothing that is declared"
	if len(names) > 0 {
		what = listed(names)
	}
	c.list.Add(diag.EveryPod, t.Ref.Range, "this %s every pod of %s: %s, and those that nothing declares", does, m.Name, what).
		WithHelp("name the services, or write `*` for all that are declared")
}

// called reports whether an edge leads into the mesh.
func (m *mesh) called() bool {
	return m.unnamed != nil && len(m.unnamed.allow) > 0 || slices.ContainsFunc(m.services, func(s *service) bool { return len(s.allow) > 0 })
}
