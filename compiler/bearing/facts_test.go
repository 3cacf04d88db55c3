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
	// Of these the object itself is named, whatever it says, or it is made for pods that are read.
	whole := map[string]string{"Gateway": "gateway.networking.k8s.io/Gateway", "GatewayClass": "gateway.networking.k8s.io/GatewayClass", "Ingress": "networking.k8s.io/Ingress",
		"ServiceEntry": "networking.istio.io/ServiceEntry", "WorkloadEntry": "networking.istio.io/WorkloadEntry", "MutatingWebhookConfiguration": "admissionregistration.k8s.io/MutatingWebhookConfiguration"}
	labelled := []string{"Deployment", "HorizontalPodAutoscaler", "Node", "PodDisruptionBudget", "ServiceAccount"}
	check := func(name string, resources []string) {
		for _, r := range resources {
			switch on, reads := on[r]; {
			case reads:
				assert.True(t, listed[on][name], "%s of a %s is neither judged nor named nor harmless", name, r)
			case r == "Any":
				for r, on := range map[string]bearing.On{"Pod": bearing.Pod, "Namespace": bearing.Namespace, "Service": bearing.Service, "policy": bearing.Policy} {
					assert.True(t, listed[on][name], "%s of a %s is neither judged nor named nor harmless", name, r)
				}
			case whole[r] != "":
				assert.True(t, listed[bearing.Both][whole[r]] || listed[bearing.Policies][whole[r]], "the kind of %s of a %s is not listed", name, r)
			default:
				assert.Contains(t, labelled, r, "%s of a %s: what bears on who reaches whom there?", name, r)
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
