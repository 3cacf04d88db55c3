package inventory

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
	corev1 "k8s.io/api/core/v1"

	"github.com/meshc/meshc/compiler/yamldoc"
	"github.com/meshc/meshc/lang/source"
)

// The labels and annotations by which Istio decides who gets a proxy. Which of them count, and in what order,
// is what istio/istio says in pkg/kube/inject/inject.go (injectRequired) and in the selectors of
// manifests/charts/istio-control/istio-discovery/templates/mutatingwebhook.yaml.
const (
	injectKey    = "sidecar.istio.io/inject"
	revisionKey  = "istio.io/rev"
	namespaceKey = "istio-injection"
	dataplaneKey = "istio.io/dataplane-mode"

	includeKey = "traffic.sidecar.istio.io/includeInboundPorts"
	excludeKey = "traffic.sidecar.istio.io/excludeInboundPorts"
	rewriteKey = "sidecar.istio.io/rewriteAppHTTPProbers"
)

// system namespaces never get a sidecar (pkg/kube/inject/initializer.go).
var system = map[string]bool{"kube-system": true, "kube-public": true, "kube-node-lease": true, "local-path-storage": true}

// proxy is what a pod's own manifest says about its proxy.
type proxy struct {
	present     bool        // a container istio-proxy stands in the manifest: a gateway, or injected by hand
	hostNetwork source.Span // not zero where the pod has it
	off         source.Span // not zero where sidecar.istio.io/inject is "false"
	on          bool        // the label sidecar.istio.io/inject is "true", or there is a revision label
	asked       source.Span // of what asks for one: that, or the annotation, which decides nothing by itself
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
	// The label is the new way and wins over the annotation; only the label reaches the webhook's selectors.
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

// excluded reads which ports are led through the sidecar. Excluded ports count only where all are led there, which is
// the default; an empty list of included ones is none at all (tools/istio-iptables/pkg/capture/run.go).
func (f *file) excluded(p *pod, at *yaml.Node, annotations map[string]string) {
	if list, ok := annotations[includeKey]; ok && list != "*" {
		p.Excluded = &Excluded{Ports: portList(list), Others: true, At: f.doc.Span(yamldoc.Get(at, includeKey))}
	} else if ports := portList(annotations[excludeKey]); len(ports) > 0 {
		p.Excluded = &Excluded{Ports: ports, At: f.doc.Span(yamldoc.Get(at, excludeKey))}
	}
}

// portList is the ports of an annotation without the sidecar's own, sorted. With anything else in it Istio refuses the pod.
func portList(text string) (ports []uint16) {
	for word := range strings.SplitSeq(text, ",") {
		n, err := strconv.ParseUint(strings.TrimSpace(word), 10, 16)
		if port := uint16(n); err == nil && port > 0 && !sidecarPort(port) {
			ports = append(ports, port)
		}
	}
	slices.Sort(ports)
	return slices.Compact(ports)
}

// sidecarPort tells a port of the sidecar itself (https://istio.io/latest/docs/ops/deployment/application-requirements/).
func sidecarPort(port uint16) bool {
	switch port {
	case 15000, 15001, 15002, 15004, 15006, 15008, 15009, 15020, 15021, 15053, 15090:
		return true
	}
	return false
}

// namespace is a Namespace object with what it says about proxies.
type namespace struct {
	Namespace
	sidecars string      // why its pods get no sidecar by themselves; empty where they do
	never    bool        // nor does a label of theirs change that
	at       source.Span // what says so
}

func (f *file) namespace(n *yaml.Node, o *corev1.Namespace) {
	at, _, ok := f.meta(n, "Namespace", &o.ObjectMeta)
	if !ok {
		return
	}
	ns := &namespace{Namespace: Namespace{Name: o.Name, Ambient: o.Labels[dataplaneKey] == "ambient", At: at}, at: at}
	injection, stated := o.Labels[namespaceKey]
	switch {
	case stated && injection != "enabled":
		ns.sidecars, ns.never = fmt.Sprintf("namespace %s has %s: %s", o.Name, namespaceKey, injection), true
		ns.at = f.doc.Span(yamldoc.Get(n, "metadata", "labels", namespaceKey))
	case !stated && o.Labels[revisionKey] == "":
		ns.sidecars = fmt.Sprintf("namespace %s has no injection label", o.Name)
	}
	ns.Injected = ns.sidecars == "" || ns.Ambient
	f.keep("Namespace", "", o.Name, at, func(r *reader) { r.namespaces = append(r.namespaces, ns) })
}

// judgeProxy settles whether the manifests show a workload to be without a proxy. Where no Namespace object
// is given nothing is assumed of it.
func (p *pod) judgeProxy(ns *namespace) {
	switch {
	case p.proxy.present:
	case !p.proxy.hostNetwork.IsZero():
		p.NoProxy, p.NoProxyAt = "hostNetwork", p.proxy.hostNetwork
	case p.proxy.ambient == "ambient", p.proxy.ambient != "none" && ns != nil && ns.Ambient:
		p.Excluded, p.Probes = nil, nil // ztunnel reads no annotations of sidecars
	case !p.proxy.off.IsZero():
		p.NoProxy, p.NoProxyAt = injectKey+" is false", p.proxy.off
	case system[p.Workload.Namespace]:
		p.NoProxy, p.NoProxyAt = fmt.Sprintf("Istio never injects into %s", p.Workload.Namespace), p.At
	case ns == nil, ns.sidecars == "", p.proxy.on && !ns.never:
	case ns.Ambient:
		p.NoProxy, p.NoProxyAt = dataplaneKey+" is none", p.proxy.ambientAt
	default:
		p.NoProxy, p.NoProxyAt = ns.sidecars, ns.at
	}
	if p.NoProxy != "" {
		return
	}
	switch {
	case p.proxy.present:
		p.Proxy, p.ProxyAt = "it has a container istio-proxy", p.At
	case p.proxy.ambient == "ambient":
		p.Proxy, p.ProxyAt = "it has the label "+dataplaneKey+": ambient", p.proxy.ambientAt
	case !p.proxy.asked.IsZero():
		p.Proxy, p.ProxyAt = "it asks for a sidecar", p.proxy.asked
	case ns != nil:
		p.Proxy, p.ProxyAt = fmt.Sprintf("namespace %s gives one to its pods", ns.Name), ns.Namespace.At
	}
}
