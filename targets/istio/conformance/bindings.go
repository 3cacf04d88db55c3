package conformance

import (
	"errors"
	"maps"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"istio.io/api/label"
	networking "istio.io/api/networking/v1alpha3"
	networkingclient "istio.io/client-go/pkg/apis/networking/v1"
	"istio.io/istio/pilot/pkg/model"
	"istio.io/istio/pilot/pkg/serviceregistry/ambient"
	"istio.io/istio/pkg/config/constants"
	"istio.io/istio/pkg/config/mesh"
	"istio.io/istio/pkg/kube/krt"
	"istio.io/istio/pkg/workloadapi"
)

// Bindings is the waypoints, as NAMESPACE/NAME, that calls to the ServiceEntries of a stream of manifests pass as
// istiod tells ztunnel, by NAMESPACE/HOST; empty: none. Each of some namespaces has a waypoint of that name, which its
// Namespace names.
func Bindings(stream []byte, waypoint string, namespaces ...string) (map[string]string, error) {
	configs, _, err := parse(stream, Options{})
	if err != nil {
		return nil, err
	}
	var entries []*networkingclient.ServiceEntry
	for _, c := range configs {
		if spec, ok := c.Spec.(*networking.ServiceEntry); ok {
			e := &networkingclient.ServiceEntry{ObjectMeta: metav1.ObjectMeta{Name: c.Name, Namespace: c.Namespace, Labels: maps.Clone(c.Labels)}}
			spec.DeepCopyInto(&e.Spec)
			entries = append(entries, e)
		}
	}
	var labelled []*corev1.Namespace
	var waypoints []ambient.Waypoint
	for _, n := range namespaces {
		labelled = append(labelled, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
			Name: n, Labels: map[string]string{label.IoIstioDataplaneMode.Name: "ambient", label.IoIstioUseWaypoint.Name: waypoint},
		}})
		waypoints = append(waypoints, ambient.Waypoint{
			Named: krt.Named{Name: waypoint, Namespace: n}, TrafficType: constants.ServiceTraffic,
			Address: &workloadapi.GatewayAddress{Destination: &workloadapi.GatewayAddress_Hostname{
				Hostname: &workloadapi.NamespacedHostname{Namespace: n, Hostname: waypoint + "." + n + ".svc.cluster.local"},
			}},
		})
	}

	stop := make(chan struct{})
	defer close(stop)
	opts := krt.NewOptionsBuilder(stop, "conformance", new(krt.DebugHandler))
	settings := krt.NewStatic(&ambient.MeshConfig{MeshConfig: mesh.DefaultMeshConfig()}, true, opts.WithName("MeshConfig")...)
	everyone, _ := model.CompileServiceEntryVisibility(nil)
	known := fixed(labelled, opts)
	builder := ambient.Builder{Networks: ambient.BuildNetworkCollections(known, none[*gatewayv1.Gateway](opts), ambient.Options{}, opts)}
	services := builder.ServicesCollection("Kubernetes", none[*corev1.Service](opts), fixed(entries, opts), fixed(waypoints, opts), known, settings,
		krt.NewStatic(everyone, true, opts.WithName("Visibility")...), opts, false)
	late := make(chan struct{})
	timer := time.AfterFunc(time.Minute, func() { close(late) })
	defer timer.Stop()
	if !services.WaitUntilSynced(late) {
		return nil, errors.New("istiod's collections do not settle")
	}
	bound := map[string]string{}
	for _, s := range services.List() {
		bound[s.Service.Namespace+"/"+s.Service.Hostname] = s.Waypoint.ResourceName
	}
	return bound, nil
}
