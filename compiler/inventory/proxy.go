package inventory

import (
	"fmt"

	"go.yaml.in/yaml/v3"
	corev1 "k8s.io/api/core/v1"

	"github.com/meshc/meshc/compiler/bearing"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/compiler/yamldoc"
	"github.com/meshc/meshc/lang/source"
)

// The labels and annotations by which Istio decides which pods get a proxy. Which of them count, and in which order, is
// in pkg/kube/inject/inject.go of istio/istio (injectRequired) and in the selectors of
// manifests/charts/istio-control/istio-discovery/templates/mutatingwebhook.yaml.
const (
	injectKey    = "sidecar.istio.io/inject"
	revisionKey  = "istio.io/rev"
	namespaceKey = "istio-injection"
	dataplaneKey = "istio.io/dataplane-mode"

	rewriteKey = "sidecar.istio.io/rewriteAppHTTPProbers"
)

// system namespaces never get a sidecar (pkg/kube/inject/initializer.go).
var system = map[string]bool{"kube-system": true, "kube-public": true, "kube-node-lease": true, "local-path-storage": true}

// proxy is what a pod's own manifest says about its proxy.
type proxy struct {
	present     bool        // the manifest has a container istio-proxy: a gateway, or injected by hand
	hostNetwork source.Span // non-zero if the pod uses it
	off         source.Span // non-zero if sidecar.istio.io/inject is "false"
	on          bool        // the label sidecar.istio.io/inject is "true", or there is a revision label
	asked       source.Span // what requests a proxy: these labels, or the annotation, which does not suffice
	ambient     string      // istio.io/dataplane-mode
	ambientAt   source.Span
}

func (f *file) proxy(here *yaml.Node, template *corev1.PodTemplateSpec) proxy {
	p := proxy{ambient: template.Labels[dataplaneKey]}
	if p.ambient != "" {
		p.ambientAt = f.doc.Span(yamldoc.Get(here, "metadata", "labels", dataplaneKey))
	}
	for _, list := range [][]corev1.Container{template.Spec.Containers, template.Spec.InitContainers} {
		for _, c := range list {
			p.present = p.present || c.Name == "istio-proxy"
		}
	}
	if template.Spec.HostNetwork {
		key, _ := yamldoc.Find(yamldoc.Get(here, "spec"), "hostNetwork")
		p.hostNetwork = f.doc.Span(key)
	}
	// The label takes precedence over the older annotation; only the label reaches the webhook's selectors.
	value, labelled := template.Labels[injectKey]
	where := "labels"
	if !labelled {
		value, where = template.Annotations[injectKey], "annotations"
	}
	if value == "false" {
		p.off = f.doc.Span(yamldoc.Get(here, "metadata", where, injectKey))
	}
	p.on = labelled && value == "true" || template.Labels[revisionKey] != ""
	switch {
	case value == "true":
		p.asked = f.doc.Span(yamldoc.Get(here, "metadata", where, injectKey))
	case p.on:
		p.asked = f.doc.Span(yamldoc.Get(here, "metadata", "labels", revisionKey))
	}
	return p
}

// namespace is a Namespace object and what it says about proxies.
type namespace struct {
	Namespace
	sidecars string // why its pods get no sidecar by default; empty if they do
	injects  string // the label that gives them one
	never    bool   // a label of the pods cannot change that
	settled  bool   // it has no label, and the settings of the project say what it has
	bound    bound  // of its Services and pods that say nothing
	labels   map[string]string
	at       source.Span // what says so
}

func (f *file) namespace(n *yaml.Node, o *corev1.Namespace) {
	at, _, ok := f.meta(n, "Namespace", &o.ObjectMeta)
	if !ok {
		return
	}
	ns := &namespace{Namespace: Namespace{Name: o.Name, At: at}, at: at, labels: o.Labels}
	f.notice(bearing.Namespace, yamldoc.Get(n, "metadata"), o.Labels, o.Annotations)
	ns.bound = f.waypointOf(n, o.Name, o.Labels)
	for _, key := range bearing.WaypointLabels {
		if value, ok := o.Labels[key]; ok {
			ns.Binding = append(ns.Binding, policy.Label{Key: key, Value: value})
		}
	}
	injection, stated := o.Labels[namespaceKey]
	switch {
	case stated && injection != "enabled":
		ns.sidecars, ns.never = fmt.Sprintf("namespace %s has %s: %s", o.Name, namespaceKey, injection), true
		ns.at = f.doc.Span(yamldoc.Get(n, "metadata", "labels", namespaceKey))
	case !stated && o.Labels[revisionKey] == "":
		ns.sidecars = fmt.Sprintf("namespace %s has no injection label", o.Name)
	case stated:
		ns.injects = namespaceKey
	default:
		ns.injects = revisionKey
	}
	ns.Redirected = o.Labels[dataplaneKey] == "ambient"
	ns.Ambient = ns.sidecars != "" && ns.Redirected
	ns.Injected = ns.sidecars == "" || ns.Ambient
	ns.Unlabelled = !stated && !ns.Injected
	f.keep("Namespace", "", o.Name, at, func(r *reader) { r.namespaces = append(r.namespaces, ns) })
}

// injected reports whether a pod gets a sidecar. Where it does, ztunnel leaves it alone, whatever its labels say:
// https://istio.io/latest/docs/ambient/usage/add-workloads/
func (p *pod) injected(ns *namespace) bool {
	switch {
	case !p.proxy.off.IsZero(), !p.proxy.hostNetwork.IsZero(), system[p.Workload.Namespace]:
		return p.proxy.present
	case ns == nil:
		return p.proxy.present || p.proxy.on
	}
	return p.proxy.present || ns.sidecars == "" || p.proxy.on && !ns.never
}

// notAmbient says why a pod with a proxy is not known to be in ambient mode, and what would have it be.
func (p *pod) notAmbient(ns *namespace) (why, way string) {
	const ambient = "`" + dataplaneKey + ": ambient`"
	switch {
	case p.proxy.present:
		return "its pods have a sidecar of their own", "leave the container istio-proxy out of its manifest"
	case ns != nil && ns.sidecars == "" && ns.Redirected:
		return "the label " + ns.injects + " of the namespace gives its pods sidecars", "delete the label " + ns.injects + ": beside it " + ambient + " does nothing"
	case ns != nil && ns.sidecars == "":
		return "the label " + ns.injects + " of the namespace gives its pods sidecars", "write " + ambient + " in place of this label"
	case p.proxy.on:
		return "its pods ask for sidecars", "take the label off them that does, and label the namespace " + ambient
	}
	return "its pods are not known to be in ambient mode",
		fmt.Sprintf("say which they are: label the namespace %s, or write `dataplanes: {%s: ambient}` in meshc.yaml", ambient, p.Workload.Namespace)
}

// ambient reports whether a pod has ztunnel in place of a sidecar.
func (p *pod) ambient(ns *namespace) bool {
	if p.injected(ns) || !p.proxy.hostNetwork.IsZero() {
		return false
	}
	return p.proxy.ambient == "ambient" || p.proxy.ambient != "none" && ns != nil && ns.Redirected
}

// judgeProxy determines whether the manifests show that a workload has no proxy. Nothing is assumed of a namespace
// without a Namespace object, or of one that the settings settle.
func (p *pod) judgeProxy(ns *namespace) {
	switch {
	case p.proxy.present:
	case !p.proxy.hostNetwork.IsZero():
		p.NoProxy, p.NoProxyAt = "hostNetwork", p.proxy.hostNetwork
	case p.ambient(ns):
	case !p.proxy.off.IsZero():
		p.NoProxy, p.NoProxyAt = injectKey+" is false", p.proxy.off
	case system[p.Workload.Namespace]:
		p.NoProxy, p.NoProxyAt = fmt.Sprintf("Istio never injects into %s", p.Workload.Namespace), p.At
	case ns == nil, ns.sidecars == "", ns.settled, p.proxy.on && !ns.never:
	case ns.Ambient:
		p.NoProxy, p.NoProxyAt = dataplaneKey+" is none", p.proxy.ambientAt
	default:
		p.NoProxy, p.NoProxyAt, p.Assumed = ns.sidecars, ns.at, ns.Unlabelled
	}
	p.KeptOut = p.proxy.ambient == "none" || !p.proxy.hostNetwork.IsZero()
	if p.NoProxy != "" {
		return
	}
	switch {
	case p.proxy.present:
		p.Proxy, p.ProxyAt, p.OwnProxy = "it has a container istio-proxy", p.At, true
	case p.proxy.ambient == "ambient" && p.ambient(ns):
		p.Proxy, p.ProxyAt = "it has the label "+dataplaneKey+": ambient", p.proxy.ambientAt
	case !p.proxy.asked.IsZero():
		p.Proxy, p.ProxyAt, p.OwnProxy = "it asks for a sidecar", p.proxy.asked, true
	case ns != nil && !ns.settled:
		p.Proxy, p.ProxyAt = fmt.Sprintf("namespace %s gives one to its pods", ns.Name), ns.Namespace.At
	}
}
