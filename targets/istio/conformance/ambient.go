package conformance

import (
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	discovery "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	api "istio.io/api/security/v1beta1"
	networkingclient "istio.io/client-go/pkg/apis/networking/v1"
	securityclient "istio.io/client-go/pkg/apis/security/v1"
	"istio.io/istio/pilot/pkg/model"
	"istio.io/istio/pilot/pkg/serviceregistry/ambient"
	"istio.io/istio/pkg/config/mesh"
	"istio.io/istio/pkg/kube/krt"
	"istio.io/istio/pkg/workloadapi/security"

	"github.com/meshc/meshc/targets/istio/conformance/ztunnel"
)

// Ambient is what istiod sends to ztunnel of a set of manifests.
type Ambient struct {
	root     string
	policies map[string]*security.Authorization // by NAMESPACE/NAME
	selected map[string][]string                // of workloads, by pod
	pods     map[string]string                  // by workload
}

// StartAmbient reads a stream of manifests as istiod does for ambient workloads: the collections of
// pilot/pkg/serviceregistry/ambient, without a cluster. It returns an error for what Istio's validation rejects.
func StartAmbient(stream []byte, o Options, workloads []Workload) (*Ambient, error) {
	configs, _, err := parse(stream, o)
	if err != nil {
		return nil, err
	}
	settings := mesh.DefaultMeshConfig()
	if o.TrustDomain != "" {
		settings.TrustDomain = o.TrustDomain
	}
	if o.RootNamespace != "" {
		settings.RootNamespace = o.RootNamespace
	}
	var authorizations []*securityclient.AuthorizationPolicy
	var peers []*securityclient.PeerAuthentication
	for _, c := range configs {
		meta := metav1.ObjectMeta{
			Name: c.Name, Namespace: c.Namespace, Labels: c.Labels, Annotations: c.Annotations, CreationTimestamp: metav1.NewTime(c.CreationTimestamp),
		}
		switch spec := c.Spec.(type) {
		case *api.AuthorizationPolicy:
			p := &securityclient.AuthorizationPolicy{ObjectMeta: meta}
			spec.DeepCopyInto(&p.Spec)
			authorizations = append(authorizations, p)
		case *api.PeerAuthentication:
			p := &securityclient.PeerAuthentication{ObjectMeta: meta}
			spec.DeepCopyInto(&p.Spec)
			peers = append(peers, p)
		}
	}
	a := &Ambient{root: settings.RootNamespace, policies: map[string]*security.Authorization{}, selected: map[string][]string{}, pods: map[string]string{}}
	var pods []*corev1.Pod
	for i, w := range workloads {
		address := fmt.Sprintf("10.1.%d.%d", i/250, i%250+1)
		name := fmt.Sprintf("pod-%d", i)
		a.pods[podKey(w)] = name
		pods = append(pods, &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: w.Namespace, Labels: w.Labels},
			Status:     corev1.PodStatus{Phase: corev1.PodRunning, PodIP: address, PodIPs: []corev1.PodIP{{IP: address}}},
		})
	}

	stop := make(chan struct{})
	defer close(stop)
	opts := krt.NewOptionsBuilder(stop, "conformance", new(krt.DebugHandler))
	meshConfig := krt.NewStatic(&ambient.MeshConfig{MeshConfig: settings}, true, opts.WithName("MeshConfig")...)
	namespaces, gateways := none[*corev1.Namespace](opts), none[*gatewayv1.Gateway](opts)
	waypoints := none[ambient.Waypoint](opts)
	peerAuths := fixed(peers, opts)
	builder := ambient.Builder{Networks: ambient.BuildNetworkCollections(namespaces, gateways, ambient.Options{SystemNamespace: a.root}, opts)}
	own, all := ambient.PolicyCollections(fixed(authorizations, opts), peerAuths, meshConfig, waypoints, opts, ambient.FeatureFlags{})
	infos := builder.WorkloadsCollection(fixed(pods, opts), none[ambient.Node](opts), meshConfig, own, peerAuths, waypoints, none[model.ServiceInfo](opts),
		none[*networkingclient.WorkloadEntry](opts), none[*networkingclient.ServiceEntry](opts), none[*discovery.EndpointSlice](opts), namespaces, opts)
	late := make(chan struct{})
	timer := time.AfterFunc(time.Minute, func() { close(late) })
	defer timer.Stop()
	if !all.WaitUntilSynced(late) || !infos.WaitUntilSynced(late) {
		return nil, errors.New("istiod's collections do not settle")
	}
	for _, p := range all.List() {
		if p.Authorization != nil {
			a.policies[p.ResourceName()] = p.Authorization
		}
	}
	for _, info := range infos.List() {
		a.selected[info.Workload.Name] = info.Workload.AuthorizationPolicies
	}
	if len(a.selected) != len(pods) {
		return nil, fmt.Errorf("istiod knows %d of %d pods", len(a.selected), len(pods))
	}
	return a, nil
}

func fixed[T any](list []T, opts krt.OptionsBuilder) krt.Collection[T] {
	return krt.NewStaticCollection(nil, list, opts.WithName(fmt.Sprintf("%T", list))...)
}

func none[T any](opts krt.OptionsBuilder) krt.Collection[T] { return fixed[T](nil, opts) }

// Policies is what ztunnel enforces for a workload: what is for the whole mesh or the namespace, and what istiod says
// is for the workload. What it says and does not send is passed over: assert_rbac in src/state.rs of istio/ztunnel.
func (a *Ambient) Policies(w Workload) []*security.Authorization {
	var list []*security.Authorization
	for _, p := range a.policies {
		if p.Scope == security.Scope_GLOBAL || p.Scope == security.Scope_NAMESPACE && p.Namespace == w.Namespace {
			list = append(list, p)
		}
	}
	for _, key := range a.selected[a.pods[podKey(w)]] {
		if p := a.policies[key]; p != nil {
			list = append(list, p)
		}
	}
	return list
}

// Decide reports whether ztunnel lets a connection through to a workload.
func (a *Ambient) Decide(w Workload, c ztunnel.Connection) bool {
	return ztunnel.Allowed(a.Policies(w), c)
}

func podKey(w Workload) string { return fmt.Sprint(w.Namespace, w.Labels) }
