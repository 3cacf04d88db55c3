package inventory

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kubernetes "k8s.io/apimachinery/pkg/labels"

	"github.com/meshc/meshc/compiler/bearing"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/compiler/yamldoc"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// bound is what the labels of a Namespace, Service or pod say about the waypoint that calls to it pass.
type bound struct {
	namespace, name string // of its Gateway; an empty name: none
	stated          bool
	at              source.Span

	ingress       bool // gateways pass it too
	ingressStated bool

	canaryNamespace, canary string // of the Gateway that a share of the calls passes in its place; an empty name: none
	canaryStated            bool
	canaryAt                source.Span
	of                      string // the namespace of the object
}

// waypointOf reads the labels of an object in a namespace.
func (f *file) waypointOf(n *yaml.Node, namespace string, labels map[string]string) (b bound) {
	name, stated := labels[bearing.UseWaypoint]
	b.stated, b.of = stated, namespace
	if bearing.UsesWaypoint(name) {
		b.namespace, b.name, b.at = f.gatewayOf(n, namespace, labels, bearing.UseWaypoint, bearing.WaypointNamespace)
	}
	canary, stated := labels[bearing.CanaryWaypoint]
	if b.canaryStated = stated; bearing.UsesWaypoint(canary) {
		b.canaryNamespace, b.canary, b.canaryAt = f.gatewayOf(n, namespace, labels, bearing.CanaryWaypoint, bearing.CanaryNamespace)
	}
	ingress, stated := labels[bearing.IngressWaypoint]
	// ingressUseWaypointFromLabels in istio.io/istio/pilot/pkg/serviceregistry/ambient/services.go
	b.ingress, _ = strconv.ParseBool(ingress)
	b.ingressStated = stated
	return b
}

// gatewayOf is the Gateway that an object names by one label, of its own namespace unless another label names one.
func (f *file) gatewayOf(n *yaml.Node, own string, labels map[string]string, byName, byNamespace string) (namespace, name string, at source.Span) {
	namespace, name = cmp.Or(labels[byNamespace], own), labels[byName]
	label := func(key string) source.Span { return f.doc.Span(yamldoc.Get(n, "metadata", "labels", key)) }
	at = label(byName)
	if other, rest, ok := strings.Cut(name, "/"); ok && policy.IsLabel(other) && policy.IsName(rest) && policy.IsLabel(namespace) {
		f.findings.Add(diag.MalformedManifest, at, "%q is not a valid value of a label, and no name of a Gateway", name).
			WithHelp("write `%s: %s`, and beside it `%s: %s`", byName, rest, byNamespace, other)
		return other, rest, at
	}
	if !policy.IsName(name) {
		f.findings.Add(diag.MalformedManifest, at, "%q is not a valid name of a Gateway: use lower-case letters, digits, `-` and `.`", name)
		return "", "", at
	}
	if !policy.IsLabel(namespace) {
		f.findings.Add(diag.MalformedManifest, label(byNamespace), "%q is not a valid namespace: use lower-case letters, digits and `-`", namespace)
		return "", "", at
	}
	return namespace, name, at
}

// or is what an object says, and what its namespace does where the object says nothing.
func (b bound) or(ns *namespace) bound {
	if ns == nil {
		return b
	}
	if !b.stated && !b.canaryStated {
		b.canary, b.canaryNamespace, b.canaryAt = ns.bound.canary, ns.bound.canaryNamespace, ns.bound.canaryAt
	}
	if !b.stated {
		b.stated, b.name, b.namespace, b.at = ns.bound.stated, ns.bound.name, ns.bound.namespace, ns.bound.at
	}
	if !b.ingressStated {
		b.ingress = ns.bound.ingress
	}
	return b
}

// waypoint is a Gateway of the class istio-waypoint.
type waypoint struct {
	*policy.Waypoint
	services, pods bool // calls to which pass it
	admits         admits
}

// admits is the namespaces that may name a waypoint: makeWaypointSelector in
// istio.io/istio/pilot/pkg/serviceregistry/ambient/waypoints.go. The zero value stands for its own.
type admits struct {
	all      bool
	selector kubernetes.Selector // of Namespaces, also of its own; nil: none
}

// admitsOf reads the listener of a waypoint through which calls come.
func (f *file) admitsOf(spec *yaml.Node) (a admits) {
	for _, l := range yamldoc.Items(yamldoc.Get(spec, "listeners")) {
		if yamldoc.Scalar(l, "protocol") != "HBONE" || number(yamldoc.Get(l, "port")) != 15008 {
			continue
		}
		namespaces := yamldoc.Get(l, "allowedRoutes", "namespaces")
		switch yamldoc.Scalar(namespaces, "from") {
		case "All":
			a.all = true
		case "Selector":
			a.selector = kubernetes.Nothing()
			var selector metav1.LabelSelector
			if n := yamldoc.Get(namespaces, "selector"); n != nil && f.decode(n, &selector) {
				if s, err := metav1.LabelSelectorAsSelector(&selector); err == nil {
					a.selector = s
				}
			}
		}
		break
	}
	return a
}

// has reports whether a namespace is among those, given the namespace of the waypoint. It is not known where that
// depends on labels and the manifests lack the Namespace, which is nil then.
func (a admits) has(name string, ns *namespace, own string) (has, known bool) {
	if a.all || a.selector == nil {
		return a.all || name == own, true
	}
	of := kubernetes.Set{corev1.LabelMetadataName: name}
	if ns == nil {
		requirements, _ := a.selector.Requirements()
		return a.selector.Matches(of), !slices.ContainsFunc(requirements, func(r kubernetes.Requirement) bool { return r.Key() != corev1.LabelMetadataName })
	}
	return a.selector.Matches(kubernetes.Merge(ns.labels, of)), true
}

// waypointClass is the class of gateways whose proxies are waypoints (istio.io/istio/pkg/config/constants).
const waypointClass = "istio-waypoint"

// trafficOf is the traffic that passes a waypoint. A value that Istio does not know stands for none.
func (f *file) trafficOf(gateway *yaml.Node) string {
	value := yamldoc.Get(gateway, "metadata", "labels", bearing.WaypointFor)
	if value == nil {
		return "service"
	}
	f.misspeltValue(bearing.WaypointFor, value)
	return yamldoc.Scalar(value)
}

// newWaypoint is the waypoint of a Gateway. What passes it is the label istio.io/waypoint-for:
// https://istio.io/latest/docs/ambient/usage/waypoint/#waypoint-traffic-types
func (m *managed) newWaypoint() *waypoint {
	w := &waypoint{Waypoint: &policy.Waypoint{Namespace: m.Namespace, Name: m.Name, Account: cmp.Or(m.account, m.name, m.Name), At: m.At, Known: true}, admits: m.admits}
	w.services = m.traffic == "service" || m.traffic == "all"
	w.pods = m.traffic == "workload" || m.traffic == "all"
	return w
}

// passed is the waypoint that an object names; nil if it names none. One whose Gateway is not in the manifests is what
// a Gateway is by default.
func (r *reader) passed(b bound) *waypoint {
	if b.name == "" {
		return nil
	}
	key := objectKey{waypointClass, b.namespace, b.name}
	w := r.waypoints[key]
	if w == nil {
		w = &waypoint{Waypoint: &policy.Waypoint{Namespace: b.namespace, Name: b.name, Account: b.name, At: b.at, Near: r.nearWaypoint(b)}, services: true, admits: admits{all: true}}
		r.waypoints[key] = w
	}
	return w
}

// nearWaypoint is the waypoint of the manifests that an object most likely means by a name that none has.
func (r *reader) nearWaypoint(b bound) string {
	var names []string
	for key, w := range r.waypoints {
		if key.namespace == b.namespace && w.Known {
			names = append(names, key.name)
		}
	}
	slices.Sort(names)
	near, _ := diag.Nearest(b.name, names)
	return near
}

// behind settles which waypoints calls to a pod pass, once it is known to be in ambient mode or not.
func (p *pod) behind(r *reader, ns *namespace) {
	judged := p.Dataplane.Dataplane == policy.Ambient
	unjudged := func(at source.Span, why, way string) {
		if p.Dataplane.Dataplane == policy.Sidecar || judged {
			p.Dataplane = Dataplane{Dataplane: policy.Unjudged, Why: why, At: at, Way: way}
		}
	}
	if b := p.bound.or(ns); len(p.Hosts) > 0 || judged {
		if w := r.passed(b); w != nil && w.pods {
			unjudged(b.at, "calls to the addresses of its pods pass the waypoint "+b.name, "have it take calls to Services alone: label the Gateway "+b.name+" `"+bearing.WaypointFor+": service`")
		}
	}
	var canaries []policy.Front
	for i := range p.Fronts {
		front := &p.Fronts[i]
		b := p.bindings[front.Host]
		w := r.passed(b)
		front.Unbound, front.Ingress = b.stated && b.name == "", b.ingress
		if w == nil || !w.services || front.Headless {
			if w != nil && !w.services {
				front.Idle = w.Waypoint
			}
			continue
		}
		switch admitted, known := w.admits.has(p.Workload.Namespace, ns, w.Namespace); {
		case !known:
			unjudged(b.at, "the waypoint "+w.ID()+" takes calls to Services by the labels of their Namespace, which the manifests lack", "add the Namespace "+p.Workload.Namespace+" to `workloads` in meshc.yaml")
		case !admitted:
			way := "let its listener take them, with `allowedRoutes: {namespaces: {from: All}}`, or name a waypoint of the namespace"
			if w.Namespace == p.Workload.Namespace {
				way = "let its listener take them, with `allowedRoutes: {namespaces: {from: Same}}`"
			}
			unjudged(b.at, "the waypoint "+w.ID()+" takes no calls to Services of namespace "+p.Workload.Namespace, way)
		case !judged:
			front.Waypoint, p.Bound = w.Waypoint, true
			why, way := p.notAmbient(ns)
			unjudged(b.at, "calls to it pass the waypoint "+b.name+", and "+why, way+", or label the Service `"+bearing.UseWaypoint+": none`")
		default:
			front.Waypoint = w.Waypoint
		}
		if canary := r.canary(b, w, ns); front.Waypoint != nil && canary != nil {
			second := *front
			second.Waypoint, second.Canary = canary.Waypoint, true
			canaries = append(canaries, second)
		}
	}
	p.Fronts = append(p.Fronts, canaries...)
	slices.SortFunc(p.Fronts, policy.CompareFronts)
}

// canary is the waypoint that a share of the calls passes in place of another one: buildWeightedWaypoints in
// istio.io/istio/pilot/pkg/serviceregistry/ambient/waypoints.go. How many, an annotation says, which changes while one
// takes the place of the other: whatever it says, calls may pass either.
func (r *reader) canary(b bound, primary *waypoint, ns *namespace) *waypoint {
	if b.canary == "" || primary == nil {
		return nil
	}
	w := r.passed(bound{namespace: b.canaryNamespace, name: b.canary, at: b.canaryAt})
	if w == primary || !w.services {
		return nil
	}
	if admitted, known := w.admits.has(b.of, ns, b.canaryNamespace); known && !admitted {
		return nil
	}
	return w
}
