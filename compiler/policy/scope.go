package policy

import (
	"cmp"
	"iter"
	"maps"
	"reflect"
	"slices"

	"github.com/meshc/meshc/lang/source"
)

// Scope is some namespaces; nil is all of them, and everything that concerns the whole mesh.
type Scope map[string]bool

// Has reports whether a namespace is in the scope.
func (s Scope) Has(namespace string) bool { return s == nil || s[namespace] }

// Differing returns the namespaces outside of which two policies say the same: a target makes the same objects there of
// both, byte by byte, and these decide every request alike. The scope has the root namespace, and those with a gateway,
// whose objects are in the root namespace. It is nil where the policies differ in what may concern everyone. In a mesh
// of nothing but sidecars that is only what concerns the whole mesh. Elsewhere it is all but what a namespace lets
// through: what is in front of a callee, and which calls pass that, follows from all callers there. Guards do not
// count.
func Differing(a, b *Policy) Scope {
	if !alike(a, b, wide) || !maps.EqualFunc(a.Passing(), b.Passing(), maps.Equal) {
		return nil
	}
	root := cmp.Or(a.RootNamespace, "istio-system")
	scope, changed := Scope{root: true}, map[*Service]bool{}
	was, is := a.byName(), b.byName()
	for name := range union(was, is) {
		m, other := was[name], is[name]
		self := m != nil && other != nil && alike(m, other, wideOfMesh)
		differs := !self || !alike(m, other, ofMesh)
		before, after := m.byName(), other.byName()
		for one := range union(before, after) {
			s, t := before[one], after[one]
			if s == nil || t == nil || !alike(s, t, wideOfService) {
				self, changed[s], changed[t] = false, true, true
			}
			differs = differs || !self || !alike(s, t, ofService)
		}
		if differs && name == root && (!self || m.EveryPod() != nil) {
			return nil
		}
		if differs {
			scope[name] = true
		}
		if !self && !(sidecars(a) && sidecars(b)) {
			return nil
		}
	}
	delete(changed, nil)
	for _, m := range slices.Concat(a.Meshes, b.Meshes) {
		if scope[m.Name] || m.calledBy(changed) || slices.ContainsFunc(m.Services, func(s *Service) bool { return s.Dataplane == Gateway }) {
			scope.add(m)
		}
	}
	return scope
}

// add adds a namespace, and those of the waypoints in front of it.
func (s Scope) add(m *Mesh) {
	s[m.Name] = true
	for _, service := range m.Services {
		for _, f := range service.Through() {
			s[f.Waypoint.Namespace] = true
		}
	}
}

// sidecars reports whether services of a policy have a sidecar or no proxy, and none is in front of them.
func sidecars(p *Policy) bool {
	return !slices.ContainsFunc(p.Meshes, func(m *Mesh) bool {
		return m.Ambient || m.Moving || slices.ContainsFunc(m.Services, func(s *Service) bool {
			return s.Dataplane != Sidecar && s.Dataplane != NoProxy || s.Unnamed || len(s.Issuers)+len(s.Through()) > 0
		})
	})
}

// calledBy reports whether a statement about a namespace names one of some services as a caller.
func (m *Mesh) calledBy(some map[*Service]bool) bool {
	named := func(s Source) bool { return some[s.Service] }
	of := func(r Rule) bool { return slices.ContainsFunc(r.From, named) || slices.ContainsFunc(r.Except, named) }
	return len(some) > 0 && (slices.ContainsFunc(m.Externals, func(x *External) bool { return slices.ContainsFunc(x.Callers, named) }) ||
		slices.ContainsFunc(m.Services, func(s *Service) bool {
			rules := s.Rules()
			return slices.ContainsFunc(rules[:], func(rules []Rule) bool { return slices.ContainsFunc(rules, of) })
		}))
}

func (p *Policy) byName() map[string]*Mesh {
	all := make(map[string]*Mesh, len(p.Meshes))
	for _, m := range p.Meshes {
		all[m.Name] = m
	}
	return all
}

func (m *Mesh) byName() map[string]*Service {
	if m == nil {
		return nil
	}
	all := make(map[string]*Service, len(m.Services))
	for _, s := range m.Services {
		all[s.Name] = s
	}
	return all
}

// union visits the keys of both, each once.
func union[T any](a, b map[string]T) iter.Seq[string] {
	return func(yield func(string) bool) {
		for k := range a {
			if !yield(k) {
				return
			}
		}
		for k := range b {
			if _, both := a[k]; !both && !yield(k) {
				return
			}
		}
	}
}

// The fields that concern only the namespace that has them, and those that may concern all: every other one.
var (
	wide          = fieldsBut[Policy]("Meshes", "Guards", "index")
	ofMesh        = fields[Mesh]("Files", "Externals", "Groups", "Exported", "At")
	wideOfMesh    = fieldsBut[Mesh]("Files", "Externals", "Groups", "Exported", "At", "Services")
	ofService     = fields[Service]("Allow", "Deny", "Ask")
	wideOfService = fieldsBut[Service]("Allow", "Deny", "Ask")
)

func fields[T any](names ...string) (indices []int) {
	for _, name := range names {
		f, ok := reflect.TypeFor[T]().FieldByName(name)
		if !ok {
			panic(name)
		}
		indices = append(indices, f.Index[0])
	}
	return indices
}

func fieldsBut[T any](names ...string) (indices []int) {
	left := fields[T](names...)
	for i := range reflect.TypeFor[T]().NumField() {
		if !slices.Contains(left, i) {
			indices = append(indices, i)
		}
	}
	return indices
}

// alike compares some fields of two structs.
func alike[T any](a, b *T, fields []int) bool {
	return sameFields(reflect.ValueOf(a).Elem(), reflect.ValueOf(b).Elem(), fields)
}

func sameFields(a, b reflect.Value, fields []int) bool {
	for _, i := range fields {
		if !same(a.Field(i), b.Field(i)) {
			return false
		}
	}
	return true
}

var (
	span     = reflect.TypeFor[source.Span]()
	file     = fields[source.Span]("File")[0]
	fileName = fields[source.File]("Name")[0]
	service  = reflect.TypeFor[*Service]()
	id       = fields[Service]("Namespace", "Name")
)

// same compares what values say: services by their names, and places by their files, because lines change with every
// edit.
func same(a, b reflect.Value) bool {
	switch a.Kind() {
	case reflect.String:
		return a.String() == b.String()
	case reflect.Bool:
		return a.Bool() == b.Bool()
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return a.Uint() == b.Uint()
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return a.Int() == b.Int()
	case reflect.Pointer:
		switch {
		case a.Pointer() == b.Pointer():
			return true
		case a.IsNil() || b.IsNil():
			return false
		case a.Type() == service:
			return sameFields(a.Elem(), b.Elem(), id)
		}
		return same(a.Elem(), b.Elem())
	case reflect.Slice:
		if a.Len() != b.Len() {
			return false
		}
		for i := range a.Len() {
			if !same(a.Index(i), b.Index(i)) {
				return false
			}
		}
		return true
	case reflect.Map:
		if a.Len() != b.Len() {
			return false
		}
		for each := a.MapRange(); each.Next(); {
			if v := b.MapIndex(each.Key()); !v.IsValid() || !same(each.Value(), v) {
				return false
			}
		}
		return true
	case reflect.Struct:
		if a.Type() == span {
			f, g := a.Field(file), b.Field(file)
			return f.Pointer() == g.Pointer() || !f.IsNil() && !g.IsNil() && same(f.Elem().Field(fileName), g.Elem().Field(fileName))
		}
		for i := range a.NumField() {
			if !same(a.Field(i), b.Field(i)) {
				return false
			}
		}
		return true
	}
	return false
}
