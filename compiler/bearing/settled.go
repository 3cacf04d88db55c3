package bearing

const kubernetesLabels = "https://kubernetes.io/docs/reference/labels-annotations-taints/"

// settled are labels and annotations of Istio's own list, and of the load balancers of clouds, that decide nothing
// about who may call.
var settled = func() (all []Fact) {
	harmless := func(on On, source, why string, names ...string) {
		for _, name := range names {
			all = append(all, Fact{On: on, Name: name, Harmless: why, Source: source})
		}
	}
	const (
		readiness = "readiness.status.sidecar.istio.io/"
		stats     = "sidecar.istio.io/stats"
	)
	harmless(Pod, annotations, "it decides when the proxy counts as ready", readiness+"applicationPorts", readiness+"failureThreshold", readiness+"initialDelaySeconds", readiness+"periodSeconds")
	harmless(Pod, annotations, "it changes metrics only", "sidecar.istio.io/extraStatTags", stats+"Compression", stats+"EvictionInterval", stats+"FlushInterval", stats+"HistogramBins", stats+"HistogramBuckets", stats+"InclusionPrefixes", stats+"InclusionRegexps", stats+"InclusionSuffixes")
	harmless(Pod, annotations, "it changes the log only", "sidecar.istio.io/agentLogLevel", "sidecar.istio.io/componentLogLevel")
	harmless(Pod, annotations, "it changes the resources of the proxy only", "sidecar.istio.io/proxyCPULimit", "sidecar.istio.io/proxyMemory", "sidecar.istio.io/proxyMemoryLimit")
	harmless(Pod, annotations, "the proxy is the same, with other tools in its image", "sidecar.istio.io/proxyImageType")
	harmless(Pod, annotations, "what was injected is written there afterwards", "sidecar.istio.io/status", "ambient.istio.io/redirection")
	harmless(Pod, annotations, "it adds files to the proxy, and what uses them is elsewhere", "sidecar.istio.io/userVolume", "sidecar.istio.io/userVolumeMount")
	harmless(Pod, annotations, "it changes who answers DNS only", "ambient.istio.io/dns-capture")
	harmless(Pod, labels, "only those of Services and of their namespaces have a canary", CanaryWaypoint, CanaryNamespace)
	harmless(Pod, labels, "telemetry has it, and policies do not", "service.istio.io/canonical-name", "service.istio.io/canonical-revision", "service.istio.io/workload-name")
	harmless(Pod, labels, "it prefers some endpoints to others", "topology.istio.io/cluster", "topology.istio.io/locality")
	harmless(Service, annotations, "it says at which nodes the gateway between networks is found", "traffic.istio.io/nodeSelector")
	harmless(Service, labels, "identities are the same across networks", "topology.istio.io/network", "networking.istio.io/gatewayPort")
	harmless(Namespace, labels, "identities are the same across networks", "topology.istio.io/network")
	harmless(Service, labels, "istiod labels what it makes for a Gateway", "gateway.istio.io/managed", GatewayName, GatewayClass)
	harmless(Namespace, annotations, "it prefers some endpoints to others", "networking.istio.io/traffic-distribution")
	for _, on := range []On{Pod, Namespace, Service, Policy} {
		harmless(on, annotations, "it is about findings of istioctl", "galley.istio.io/analyze-suppress")
		harmless(on, annotations, "a controller writes there what it made the object with", "gateway.istio.io/controller-version")
		harmless(on, labels, "the installation of Istio labels its own objects so", "operator.istio.io/component", "operator.istio.io/managed", "operator.istio.io/version")
	}
	for _, on := range []On{Service, Namespace} {
		harmless(on, labels, "whatever it says, calls may pass either waypoint", "istio.io/use-waypoint-canary-weight")
	}
	harmless(Service, kubernetesLabels, "a load balancer of a private network is outside of the cluster as well", "networking.gke.io/load-balancer-type", "cloud.google.com/load-balancer-type",
		"service.beta.kubernetes.io/azure-load-balancer-internal", "service.beta.kubernetes.io/openstack-internal-load-balancer", "service.kubernetes.io/ibm-load-balancer-cloud-provider-ip-type")
	for _, name := range []string{"service.beta.kubernetes.io/aws-load-balancer-proxy-protocol", "service.beta.kubernetes.io/do-loadbalancer-enable-proxy-protocol", "load-balancer.hetzner.cloud/uses-proxyprotocol",
		"loadbalancer.openstack.org/proxy-protocol", "service.beta.kubernetes.io/scw-loadbalancer-proxy-protocol-v2", "service.beta.kubernetes.io/linode-loadbalancer-default-proxy-protocol"} {
		all = append(all, Fact{On: Service, Name: name, Judged: "compiler/inventory", Source: kubernetesLabels})
	}
	return append(all,
		Fact{On: Service, Name: "service.beta.kubernetes.io/load-balancer-source-ranges", Named: narrows, Source: kubernetesLabels},
		Fact{On: Pod, Name: WaypointNamespace, Judged: "compiler/inventory", Source: labels},
		Fact{On: Pod, Name: "sidecar.istio.io/discoveryAddress", Named: "its proxy may obey another control plane", Opens: true, Source: annotations},
	)
}()
