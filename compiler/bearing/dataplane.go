package bearing

import "strings"

// Labels and annotations by which Istio chooses what enforces policies for a pod.
const (
	DataplaneMode     = "istio.io/dataplane-mode"
	UseWaypoint       = "istio.io/use-waypoint"
	WaypointNamespace = "istio.io/use-waypoint-namespace"
	IngressWaypoint   = "istio.io/ingress-use-waypoint"
	CanaryWaypoint    = "istio.io/use-waypoint-canary"
	CanaryNamespace   = "istio.io/use-waypoint-canary-namespace"
	Revision          = "istio.io/rev"
	Inject            = "sidecar.istio.io/inject"
	InjectNamespace   = "istio-injection"
	NativeSidecar     = "sidecar.istio.io/nativeSidecar"
	BeforeProxy       = "sidecar.istio.io/init-containers-before-proxy"
	Templates         = "inject.istio.io/templates"
	GatewayName       = "gateway.networking.k8s.io/gateway-name"
	GatewayClass      = "gateway.networking.k8s.io/gateway-class-name"
	WaypointFor       = "istio.io/waypoint-for"
	BypassInbound     = "ambient.istio.io/bypass-inbound-capture"
)

// WaypointLabels are those by which a Namespace says which waypoints calls to its Services pass.
var WaypointLabels = []string{UseWaypoint, WaypointNamespace, IngressWaypoint, CanaryWaypoint, CanaryNamespace}

// HelmHook is the annotation of what Helm creates at a point of a release, or for its tests.
const HelmHook = "helm.sh/hook"

// GatewayLabels are the values of the label `istio` that the gateways of Istio's own charts and profiles have.
// https://istio.io/latest/docs/setup/additional-setup/gateway/
var GatewayLabels = []string{"ingressgateway", "egressgateway", "eastwestgateway"}

// Gateway says in words which label shows that pods are those of a gateway; empty if none does.
func Gateway(labels map[string]string) string {
	if labels[GatewayName] != "" {
		return "label " + GatewayName
	}
	for _, value := range GatewayLabels {
		if labels["istio"] == value {
			return "label istio: " + value
		}
	}
	return ""
}

// Waypoint says in words which label shows that pods are those of a waypoint; empty if none does.
func Waypoint(labels map[string]string) string {
	switch {
	case strings.HasPrefix(labels[GatewayClass], "istio-waypoint"):
		return "label " + GatewayClass
	case labels[WaypointFor] != "":
		return "label " + WaypointFor
	}
	return ""
}

// UsesWaypoint reports whether the value of UseWaypoint binds an object to a waypoint; `none` opts out.
func UsesWaypoint(value string) bool { return value != "" && value != "none" }

// Selects reports whether pods with some labels have all of a selector.
func Selects(selector, labels map[string]string) bool {
	for key, value := range selector {
		if got, ok := labels[key]; !ok || got != value {
			return false
		}
	}
	return true
}
