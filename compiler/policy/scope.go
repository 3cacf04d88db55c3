package policy

import (
	"cmp"
	"maps"
	"reflect"
	"slices"

	"github.com/meshc/meshc/lang/source"
)

// Scope is some namespaces; nil is all of them, and everything that concerns the whole mesh.
type Scope map[string]bool

// Has reports whether a namespace is in the scope.
func (s Scope) Has(namespace string) bool { return s == nil || s[namespace] }

// Differing returns the namespaces outside of which two policies say the same: a target makes the same objects there of both,
// byte by byte, and these decide every request alike. The scope has the root namespace, and those with a gateway, whose objects
// are in the root namespace. It is nil where the policies differ in more than what namespaces let through: who a caller is,
// and what is in front of a callee, may concern everyone. Guards do not count.
func Differing(a, b *Policy) Scope {
	if !alike(a, b, wide) || len(a.Meshes) != len(b.Meshes) || !maps.EqualFunc(a.Passing(), b.Passing(), maps.Equal) {
		return nil
	}
	root := cmp.Or(a.RootNamespace, "istio-system")
	scope := Scope{root: true}
	for i, m := range a.Meshes {
		other := b.Meshes[i]
		if !alike(m, other, wideOfMesh) || len(m.Services) != len(other.Services) {
			return nil
		}
		differs, gateways := !alike(m, other, ofMesh), false
		for k, s := range m.Services {
			if !alike(s, other.Services[k], wideOfService) {
				return nil
			}
			differs = differs || !alike(s, other.Services[k], ofService)
			gateways = gateways || s.Dataplane == Gateway
		}
		switch {
		case differs && m.Name == root && m.EveryPod() != nil:
			return nil
		case differs || gateways:
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

// same compares what values say: services by their names, and places by their files, because lines change with every edit.
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
