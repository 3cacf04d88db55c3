package bearing_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"istio.io/api/annotation"
	"istio.io/api/label"
	mesh "istio.io/api/mesh/v1alpha1"

	"github.com/meshc/meshc/compiler/bearing"
)

// TestIstiosOwn holds the list against the annotations and labels that Istio's API names for objects which meshc reads, and the
// settings of a mesh: each is there, so that a new one is judged, named or called harmless.
func TestIstiosOwn(t *testing.T) {
	on := map[string]bearing.On{"Pod": bearing.Pod, "Namespace": bearing.Namespace, "Service": bearing.Service, "AuthorizationPolicy": bearing.Policy}
	listed := map[bearing.On]map[string]bool{}
	for _, f := range bearing.Facts {
		if listed[f.On] == nil {
			listed[f.On] = map[string]bool{}
		}
		listed[f.On][f.Name] = true
	}
	check := func(name string, resources []string) {
		for _, r := range resources {
			if on, reads := on[r]; reads {
				assert.True(t, listed[on][name], "%s of a %s is neither judged nor named nor harmless", name, r)
			}
		}
	}
	for _, a := range annotation.AllResourceAnnotations() {
		check(a.Name, kinds(a.Resources))
	}
	for _, l := range label.AllResourceLabels() {
		check(l.Name, kinds(l.Resources))
	}
	settings := (&mesh.MeshConfig{}).ProtoReflect().Descriptor().Fields()
	for i := range settings.Len() {
		name := settings.Get(i).JSONName()
		assert.True(t, listed[bearing.Mesh][name], "%s of a MeshConfig is neither judged nor named nor harmless", name)
	}
}

func kinds[R interface{ String() string }](all []R) (names []string) {
	for _, r := range all {
		names = append(names, r.String())
	}
	return names
}
