package bearing_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"istio.io/api/annotation"
	"istio.io/api/label"
	mesh "istio.io/api/mesh/v1alpha1"
	corev1 "k8s.io/api/core/v1"

	"github.com/meshc/meshc/compiler/bearing"
)

// TestIstiosOwn holds the list against the annotations and labels that Istio's API names for objects which meshc reads,
// and the settings of a mesh: each is there, so that a new one is judged, named or called harmless.
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

// TestKubernetesOwn holds the list against Kubernetes' own API: its kinds, the fields of Services and pods, and the
// labels and annotations that it names.
func TestKubernetesOwn(t *testing.T) {
	listed := map[string]bool{}
	for _, f := range bearing.Facts {
		listed[f.Name] = true
	}
	for of, spec := range map[string]reflect.Type{
		"/Service spec.":                            reflect.TypeFor[corev1.ServiceSpec](),
		"/Service spec.ports[].":                    reflect.TypeFor[corev1.ServicePort](),
		"/Pod spec.":                                reflect.TypeFor[corev1.PodSpec](),
		"/Pod spec.securityContext.":                reflect.TypeFor[corev1.PodSecurityContext](),
		"/Pod spec.containers[].":                   reflect.TypeFor[corev1.Container](),
		"/Pod spec.containers[].ports[].":           reflect.TypeFor[corev1.ContainerPort](),
		"/Pod spec.containers[].securityContext.":   reflect.TypeFor[corev1.SecurityContext](),
		"/Pod spec.containers[].livenessProbe.":     reflect.TypeFor[corev1.Probe](),
		"/Pod spec.containers[].lifecycle.":         reflect.TypeFor[corev1.Lifecycle](),
		"/Pod spec.containers[].lifecycle.preStop.": reflect.TypeFor[corev1.LifecycleHandler](),
	} {
		for _, field := range reflect.VisibleFields(spec) {
			name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			within := slices.ContainsFunc(bearing.Facts, func(f bearing.Fact) bool { return strings.HasPrefix(f.Name, of+name+".") })
			assert.True(t, field.Anonymous || listed[of+name] || within, "the field %s%s is neither judged nor named nor harmless", of, name)
		}
	}
	names := regexp.MustCompile(`"([a-z0-9.-]*(?:kubernetes|k8s)\.io/[A-Za-z0-9._-]+)"`)
	kinds := regexp.MustCompile(`\+genclient\n(?s:.{0,900}?)\ntype (\w+) struct`)
	elsewhere := regexp.MustCompile(`^(node|csi\.storage|volume\.beta|storage\.alpha|bootstrap|ipaddress|resource|flowcontrol|apf|validation|alpha\.image-policy|endpoints|endpointslice|imperative-eviction|failure-domain\.beta|topology|beta|node\.alpha|` +
		`rbac\.authorization|ingressclass|\.deviceclass)\.|^kubernetes\.io/(kube|legacy|service-|tls|ssh|docker|basic|hostname|arch|job-controller|peer|enforce|ingress\.class)|preferAvoidPods|scheduler\.alpha\.kubernetes\.io/taints`)
	groups := map[string]string{"core": "", "extensions": "apps", "apps": "apps", "autoscaling": "autoscaling", "batch": "batch", "policy": "policy", "admissionregistration": "admissionregistration.k8s.io",
		"apiserverinternal": "internal.apiserver.k8s.io", "flowcontrol": "flowcontrol.apiserver.k8s.io", "rbac": "rbac.authorization.k8s.io"}
	for name, text := range sources(t, "k8s.io/api") {
		for _, m := range names.FindAllStringSubmatch(text, -1) {
			assert.True(t, listed[m[1]] || elsewhere.MatchString(m[1]), "%s is neither judged nor named nor harmless", m[1])
		}
		dir, _, _ := strings.Cut(name, "/")
		group, ok := groups[dir]
		if !ok {
			group = dir + ".k8s.io"
		}
		for _, m := range kinds.FindAllStringSubmatch(text, -1) {
			found := listed[group+"/"+m[1]] || dir == "extensions" && listed["networking.k8s.io/"+m[1]]
			assert.True(t, found, "the kind %s/%s is neither judged nor named nor harmless", group, m[1])
		}
	}
}

// sources is the files of Go of a module, by their path in it.
func sources(t *testing.T, module string) map[string]string {
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", module).Output()
	require.NoError(t, err)
	root, all := strings.TrimSpace(string(dir)), map[string]string{}
	require.NoError(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go") && !strings.HasSuffix(path, ".pb.go") {
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			name, _ := filepath.Rel(root, path)
			all[filepath.ToSlash(name)] = string(text)
		}
		return err
	}))
	assert.Greater(t, len(all), 50)
	return all
}

func kinds[R interface{ String() string }](all []R) (names []string) {
	for _, r := range all {
		names = append(names, r.String())
	}
	return names
}
