package bearing

import "slices"

const (
	istioReference = "https://istio.io/latest/docs/reference/config/"
	gatewayAPI     = "https://gateway-api.sigs.k8s.io/api-types/"
	annotations    = istioReference + "annotations/"
	labels         = istioReference + "labels/"

	removed = "no Istio since 1.6 reads it, and nothing enforces what it says"
	removal = "https://istio.io/latest/blog/2021/migrate-alpha-policy/"
	narrows = "it narrows who outside the cluster reaches the load balancer"

	otherMesh     = "it may get a proxy of another mesh, which knows no policy of Istio"
	otherClusters = "calls may lead to pods of other clusters, which the policies of this one do not bind"

	linkerd         = "proxies of Linkerd may refuse what policies let through"
	linkerdPolicies = "https://linkerd.io/2/reference/authorization-policy/"
)

// Facts is the list.
var Facts = slices.Concat([]Fact{
	// Kubernetes
	{On: Workloads, Name: "/Pod", Judged: "compiler/inventory", Source: "https://kubernetes.io/docs/concepts/workloads/pods/"},
	{On: Workloads, Name: "/Service", Judged: "compiler/inventory", Source: "https://kubernetes.io/docs/concepts/services-networking/service/"},
	{On: Workloads, Name: "/ServiceAccount", Judged: "compiler/inventory", Source: "https://kubernetes.io/docs/concepts/security/service-accounts/"},
	{On: Workloads, Name: "/Namespace", Judged: "compiler/inventory", Source: "https://kubernetes.io/docs/concepts/overview/working-with-objects/namespaces/"},
	{On: Workloads, Name: "apps/Deployment", Judged: "compiler/inventory", Source: "https://kubernetes.io/docs/concepts/workloads/controllers/deployment/"},
	{On: Workloads, Name: "apps/StatefulSet", Judged: "compiler/inventory", Source: "https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/"},
	{On: Workloads, Name: "apps/DaemonSet", Judged: "compiler/inventory", Source: "https://kubernetes.io/docs/concepts/workloads/controllers/daemonset/"},
	{On: Workloads, Name: "batch/CronJob", Judged: "compiler/inventory", Source: "https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/"},
	{On: Workloads, Name: "apps/ReplicaSet", Judged: "compiler/inventory", Source: "https://kubernetes.io/docs/concepts/workloads/controllers/replicaset/"},
	{On: Workloads, Name: "batch/Job", Judged: "compiler/inventory", Source: "https://kubernetes.io/docs/concepts/workloads/controllers/job/"},
	{On: Workloads, Name: "argoproj.io/Rollout", Judged: "compiler/inventory", Source: "https://argo-rollouts.readthedocs.io/en/stable/features/specification/"},
	{On: Workloads, Name: "apps.openshift.io/DeploymentConfig", Judged: "compiler/inventory", Source: "https://docs.openshift.com/container-platform/latest/applications/deployments/what-deployments-are.html"},
	{On: Workloads, Name: "apps.kruise.io/CloneSet", Judged: "compiler/inventory", Source: "https://openkruise.io/docs/user-manuals/cloneset/"},
	{On: Field, Name: "/Service spec.loadBalancerSourceRanges", Named: narrows, Source: "https://kubernetes.io/docs/reference/networking/virtual-ips/"},
	{On: Both, Name: "networking.k8s.io/NetworkPolicy", Judged: "targets/networkpolicy/read", Source: "https://kubernetes.io/docs/concepts/services-networking/network-policies/"},
	{On: Both, Name: "networking.k8s.io/Ingress", Named: "it may lead to services that policies close", Source: "https://kubernetes.io/docs/concepts/services-networking/ingress/"},
	{On: Workloads, Name: "networking.k8s.io/IngressClass", Judged: "compiler/inventory", Source: "https://kubernetes.io/docs/concepts/services-networking/ingress/"},
	{On: Both, Name: "policy.networking.k8s.io/AdminNetworkPolicy", Named: "the network may refuse what policies let through", Source: "https://network-policy-api.sigs.k8s.io/api-overview/"},
	{On: Both, Name: "policy.networking.k8s.io/BaselineAdminNetworkPolicy", Named: "the network may refuse what policies let through", Source: "https://network-policy-api.sigs.k8s.io/api-overview/"},
	{On: Both, Name: "policy.networking.k8s.io/ClusterNetworkPolicy", Named: "the network may refuse what policies let through", Source: "https://network-policy-api.sigs.k8s.io/api-overview/"},
	{On: Both, Name: "cilium.io/CiliumNetworkPolicy", Named: "the network may refuse what policies let through", Source: "https://docs.cilium.io/en/stable/network/kubernetes/policy/"},
	{On: Both, Name: "cilium.io/CiliumClusterwideNetworkPolicy", Named: "the network may refuse what policies let through", Source: "https://docs.cilium.io/en/stable/network/kubernetes/policy/"},
	{On: Both, Name: "projectcalico.org/NetworkPolicy", Named: "the network may refuse what policies let through", Source: "https://docs.tigera.io/calico/latest/reference/resources/networkpolicy"},
	{On: Both, Name: "projectcalico.org/GlobalNetworkPolicy", Named: "the network may refuse what policies let through", Source: "https://docs.tigera.io/calico/latest/reference/resources/globalnetworkpolicy"},
	{On: Both, Name: "crd.projectcalico.org/NetworkPolicy", Named: "the network may refuse what policies let through", Source: "https://docs.tigera.io/calico/latest/reference/resources/networkpolicy"},
	{On: Both, Name: "crd.projectcalico.org/GlobalNetworkPolicy", Named: "the network may refuse what policies let through", Source: "https://docs.tigera.io/calico/latest/reference/resources/globalnetworkpolicy"},
	{On: Workloads, Name: "apiextensions.k8s.io/CustomResourceDefinition", Judged: "compiler/inventory", Source: "https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definition-versioning/"},
	{On: Workloads, Name: "apiregistration.k8s.io/APIService", Judged: "compiler/inventory", Source: "https://kubernetes.io/docs/tasks/extend-kubernetes/setup-extension-api-server/"},
	{On: Workloads, Name: "admissionregistration.k8s.io/ValidatingWebhookConfiguration", Judged: "compiler/inventory", Source: "https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/"},
	{On: Both, Name: "admissionregistration.k8s.io/MutatingWebhookConfiguration", Named: "it may decide which pods get a proxy", Opens: true, Source: "https://istio.io/latest/docs/ops/configuration/mesh/injection-concepts/"},

	// Istio's policies
	{On: Policies, Name: "security.istio.io/AuthorizationPolicy", Judged: "targets/istio/read", Source: istioReference + "security/authorization-policy/"},
	{On: Policies, Name: "security.istio.io/PeerAuthentication", Judged: "targets/istio/read", Source: istioReference + "security/peer_authentication/"},
	{On: Policies, Name: "security.istio.io/RequestAuthentication", Judged: "targets/istio/read", Source: istioReference + "security/request_authentication/"},
	{On: Policies, Name: "networking.istio.io/DestinationRule", Judged: "targets/istio/read", Source: istioReference + "networking/destination-rule/"},

	// What else changes where calls go, and through what
	{On: Workloads, Name: "networking.istio.io/Gateway", Judged: "compiler/inventory", Source: istioReference + "networking/gateway/"},
	{On: Policies, Name: "networking.istio.io/Gateway", Named: "its listeners decide who may connect to the gateway, and who proves an identity there", Source: istioReference + "networking/gateway/"},
	{On: Both, Name: "networking.istio.io/VirtualService", Named: "it may send calls of sidecars to other services, also to some that policies close", Source: istioReference + "networking/virtual-service/"},
	{On: Policies, Name: "networking.istio.io/ServiceEntry", Named: "it may send calls for a host elsewhere", Opens: true, Source: istioReference + "networking/service-entry/"},
	{On: Both, Name: "networking.istio.io/WorkloadEntry", Named: "policies may bind the machine, which may call as its account", Opens: true, Source: istioReference + "networking/workload-entry/"},
	{On: Both, Name: "networking.istio.io/WorkloadGroup", Named: "policies may bind its machines, which may call as its account", Opens: true, Source: istioReference + "networking/workload-group/"},
	{On: Policies, Name: "networking.istio.io/EnvoyFilter", Named: "it may change what proxies let through", Opens: true, Source: istioReference + "networking/envoy-filter/"},
	{On: Policies, Name: "networking.istio.io/Sidecar", Named: "it may hide services from callers, and change what ports expect", Opens: true, Source: istioReference + "networking/sidecar/"},
	{On: Both, Name: "networking.istio.io/ProxyConfig", Named: "it may change what proxies do", Opens: true, Source: istioReference + "networking/proxy-config/"},
	{On: Both, Name: "extensions.istio.io/WasmPlugin", Named: "it may let requests through, refuse them or change them", Opens: true, Source: istioReference + "proxy_extensions/wasm-plugin/"},
	{On: Both, Name: "extensions.istio.io/TrafficExtension", Named: "it may let requests through, refuse them or change them", Opens: true, Source: "https://github.com/istio/api/tree/master/extensions"},
	{On: Both, Name: "telemetry.istio.io/Telemetry", Harmless: "it configures metrics, logs and traces only", Source: istioReference + "telemetry/"},
	{On: Both, Name: "install.istio.io/IstioOperator", Named: "the settings of the mesh may be other than those of meshc.yaml", Opens: true, Source: istioReference + "istio.operator.v1alpha1/"},
	{On: Both, Name: "sailoperator.io/Istio", Named: "the settings of the mesh may be other than those of meshc.yaml", Opens: true, Source: "https://github.com/istio-ecosystem/sail-operator"},
	{On: Both, Name: MeshConfig, Named: "the settings of the mesh, such as trustDomain, rootNamespace and enableAutoMtls, may be other than those of meshc.yaml", Opens: true, Source: istioReference + "istio.mesh.v1alpha1/"},

	// The Gateway API
	{On: Both, Name: "gateway.networking.k8s.io/Gateway", Named: "it may be a gateway or a waypoint, whose listeners decide who may connect", Source: gatewayAPI + "gateway/"},
	{On: Workloads, Name: "gateway.networking.k8s.io/GatewayClass", Judged: "compiler/inventory", Source: gatewayAPI + "gatewayclass/"},
	{On: Policies, Name: "gateway.networking.k8s.io/GatewayClass", Harmless: "it has no effect without a Gateway", Source: gatewayAPI + "gatewayclass/"},
	{On: Workloads, Name: "gateway.networking.k8s.io/ReferenceGrant", Judged: "compiler/inventory", Source: gatewayAPI + "referencegrant/"},
	{On: Policies, Name: "gateway.networking.k8s.io/ReferenceGrant", Harmless: "it has no effect without a route", Source: gatewayAPI + "referencegrant/"},
	{On: Both, Name: "gateway.networking.k8s.io/ListenerSet", Named: "its listeners decide who may connect to the gateway", Source: gatewayAPI + "listenerset/"},
	{On: Both, Name: "gateway.networking.x-k8s.io/XListenerSet", Named: "its listeners decide who may connect to the gateway", Source: gatewayAPI + "listenerset/"},
	{On: Both, Name: "gateway.networking.x-k8s.io/XBackend", Named: "routes may lead to what it stands for", Source: "https://gateway-api.sigs.k8s.io/reference/specx/"},
	{On: Both, Name: "gateway.networking.x-k8s.io/XBackendTrafficPolicy", Harmless: "it is about retries and sessions", Source: "https://gateway-api.sigs.k8s.io/reference/specx/"},
	{On: Both, Name: "gateway.networking.x-k8s.io/XMesh", Harmless: "it reports what a mesh is able to do", Source: "https://gateway-api.sigs.k8s.io/reference/specx/"},
	{On: Both, Name: "gateway.networking.k8s.io/HTTPRoute", Judged: "compiler/inventory", Source: gatewayAPI + "httproute/"},
	{On: Both, Name: "gateway.networking.k8s.io/GRPCRoute", Judged: "compiler/inventory", Source: gatewayAPI + "grpcroute/"},
	{On: Both, Name: "gateway.networking.k8s.io/TCPRoute", Judged: "compiler/inventory", Source: "https://gateway-api.sigs.k8s.io/guides/tcp/"},
	{On: Both, Name: "gateway.networking.k8s.io/TLSRoute", Judged: "compiler/inventory", Source: "https://gateway-api.sigs.k8s.io/guides/tls/"},
	{On: Both, Name: "gateway.networking.k8s.io/UDPRoute", Named: "it may lead to services that policies close", Source: "https://gateway-api.sigs.k8s.io/concepts/api-overview/"},
	{On: Both, Name: "gateway.networking.k8s.io/BackendTLSPolicy", Named: "it may change what callers open to a service", Opens: true, Source: gatewayAPI + "backendtlspolicy/"},

	{On: Field, Name: "gateway.networking.k8s.io/Gateway spec.allowedListeners.namespaces.from", Usual: "None", Named: "ListenerSets that it allows may add listeners, which decide who may connect", Source: gatewayAPI + "listenerset/"},

	// Pods for certificates
	{On: Workloads, Name: "cert-manager.io/Issuer", Judged: "compiler/inventory", Source: "https://cert-manager.io/docs/configuration/acme/http01/"},
	{On: Workloads, Name: "cert-manager.io/ClusterIssuer", Judged: "compiler/inventory", Source: "https://cert-manager.io/docs/configuration/acme/http01/"},
	{On: Workloads, Name: "cert-manager.io/Certificate", Judged: "compiler/inventory", Source: "https://cert-manager.io/docs/usage/certificate/"},

	// What Istio had before its security API, up to 1.5
	{On: Both, Name: "rbac.istio.io/ClusterRbacConfig", Named: removed, Opens: true, Source: removal},
	{On: Both, Name: "rbac.istio.io/RbacConfig", Named: removed, Opens: true, Source: removal},
	{On: Both, Name: "rbac.istio.io/ServiceRole", Named: removed, Opens: true, Source: removal},
	{On: Both, Name: "rbac.istio.io/ServiceRoleBinding", Named: removed, Opens: true, Source: removal},
	{On: Both, Name: "authentication.istio.io/Policy", Named: removed, Opens: true, Source: removal},
	{On: Both, Name: "authentication.istio.io/MeshPolicy", Named: removed, Opens: true, Source: removal},

	// Another mesh beside Istio's
	{On: Both, Name: "policy.linkerd.io/Server", Named: linkerd, Source: linkerdPolicies},
	{On: Both, Name: "policy.linkerd.io/ServerAuthorization", Named: linkerd, Source: linkerdPolicies},
	{On: Both, Name: "policy.linkerd.io/AuthorizationPolicy", Named: linkerd, Source: linkerdPolicies},
	{On: Both, Name: "policy.linkerd.io/HTTPRoute", Named: linkerd, Source: linkerdPolicies},
	{On: Both, Name: "policy.linkerd.io/MeshTLSAuthentication", Harmless: "it has no effect without an AuthorizationPolicy of Linkerd", Source: linkerdPolicies},
	{On: Both, Name: "policy.linkerd.io/NetworkAuthentication", Harmless: "it has no effect without an AuthorizationPolicy of Linkerd", Source: linkerdPolicies},
	{On: Both, Name: "policy.linkerd.io/HTTPLocalRateLimitPolicy", Named: linkerd, Source: "https://linkerd.io/2/features/rate-limiting/"},
	{On: Both, Name: "policy.linkerd.io/EgressNetwork", Named: linkerd, Source: "https://linkerd.io/2/features/egress/"},
	{On: Pod, Name: "config.linkerd.io/default-inbound-policy", Named: linkerd, Source: linkerdPolicies},
	{On: Namespace, Name: "config.linkerd.io/default-inbound-policy", Named: linkerd, Source: linkerdPolicies},
	{On: Pod, Name: "linkerd.io/inject", Named: "it may get a proxy of Linkerd, which knows no policy of Istio", Opens: true, Source: "https://linkerd.io/2/features/proxy-injection/"},
	{On: Namespace, Name: "linkerd.io/inject", Named: "its pods may get a proxy of Linkerd, which knows no policy of Istio", Opens: true, Source: "https://linkerd.io/2/features/proxy-injection/"},

	{On: Pod, Name: "consul.hashicorp.com/connect-inject", Named: otherMesh, Opens: true, Source: "https://developer.hashicorp.com/consul/docs/k8s/annotations-and-labels"},
	{On: Namespace, Name: "consul.hashicorp.com/connect-inject", Named: otherMesh, Opens: true, Source: "https://developer.hashicorp.com/consul/docs/k8s/annotations-and-labels"},
	{On: Pod, Name: "kuma.io/sidecar-injection", Named: otherMesh, Opens: true, Source: "https://kuma.io/docs/latest/reference/kubernetes-annotations/"},
	{On: Namespace, Name: "kuma.io/sidecar-injection", Named: otherMesh, Opens: true, Source: "https://kuma.io/docs/latest/reference/kubernetes-annotations/"},

	// What other webhooks add to pods
	{On: Pod, Name: "vault.hashicorp.com/agent-inject", Named: "an init container is added that calls Vault, and before the proxy of the pod runs no call of one gets through where istio-cni redirects calls", Source: "https://developer.hashicorp.com/vault/docs/deploy/kubernetes/injector/annotations"},
	{On: Pod, Name: "dapr.io/enabled", Named: "a sidecar of Dapr is added, which calls and is called for the pod, on ports of its own", Source: "https://docs.dapr.io/reference/arguments-annotations-overview/"},

	// Several clusters
	{On: Service, Name: "istio.io/global", Named: otherClusters, Opens: true, Source: "https://istio.io/latest/docs/ambient/install/multicluster/"},
	{On: Namespace, Name: "istio.io/global", Named: otherClusters, Opens: true, Source: "https://istio.io/latest/docs/ambient/install/multicluster/"},

	// Pods
	{On: Pod, Name: Inject, Judged: "compiler/inventory", Source: labels},
	{On: Pod, Name: Revision, Judged: "compiler/inventory", Source: labels},
	{On: Pod, Name: DataplaneMode, Judged: "compiler/inventory", Source: labels},
	{On: Pod, Name: Templates, Judged: "compiler/inventory", Source: annotations},
	{On: Pod, Name: UseWaypoint, Judged: "compiler/inventory", Source: labels},
	{On: Pod, Name: GatewayName, Judged: "compiler/bearing", Source: labels},
	{On: Pod, Name: GatewayClass, Judged: "compiler/bearing", Source: labels},
	{On: Pod, Name: WaypointFor, Judged: "compiler/bearing", Source: labels},
	{On: Pod, Name: BypassInbound, Judged: "compiler/inventory", Source: annotations},
	{On: Pod, Name: "traffic.sidecar.istio.io/includeInboundPorts", Judged: "compiler/inventory", Source: annotations},
	{On: Pod, Name: "traffic.sidecar.istio.io/excludeInboundPorts", Judged: "compiler/inventory", Source: annotations},
	{On: Pod, Name: "sidecar.istio.io/interceptionMode", Judged: "compiler/inventory", Source: annotations},
	{On: Pod, Name: "status.sidecar.istio.io/port", Judged: "compiler/inventory", Source: annotations},
	{On: Pod, Name: "traffic.sidecar.istio.io/excludeInterfaces", Judged: "compiler/inventory", Source: annotations},
	{On: Pod, Name: "traffic.sidecar.istio.io/includeOutboundIPRanges", Judged: "compiler/inventory", Source: annotations},
	{On: Pod, Name: "traffic.sidecar.istio.io/excludeOutboundIPRanges", Judged: "compiler/inventory", Source: annotations},
	{On: Pod, Name: "traffic.sidecar.istio.io/includeOutboundPorts", Judged: "compiler/inventory", Source: annotations},
	{On: Pod, Name: "traffic.sidecar.istio.io/excludeOutboundPorts", Judged: "compiler/inventory", Source: annotations},
	{On: Pod, Name: "traffic.sidecar.istio.io/kubevirtInterfaces", Named: "calls of virtual machines in the pod may go through its proxy, or past it", Opens: true, Source: annotations},
	{On: Pod, Name: "istio.io/reroute-virtual-interfaces", Named: "calls of virtual machines in the pod may go through its proxy, or past it", Opens: true, Source: annotations},
	{On: Pod, Name: "sidecar.istio.io/rewriteAppHTTPProbers", Judged: "compiler/inventory", Source: annotations},
	{On: Pod, Name: NativeSidecar, Judged: "compiler/inventory", Source: annotations},
	{On: Pod, Name: BeforeProxy, Judged: "compiler/inventory", Source: "https://github.com/istio/istio/blob/master/pkg/kube/inject/webhook.go"},
	{On: Pod, Name: "prometheus.istio.io/merge-metrics", Judged: "compiler/inventory", Source: "https://istio.io/latest/docs/ops/integrations/prometheus/"},
	{On: Pod, Name: "prometheus.io/scrape", Judged: "compiler/inventory", Source: "https://istio.io/latest/docs/ops/integrations/prometheus/"},
	{On: Pod, Name: "security.istio.io/tlsMode", Named: "callers may open plaintext to the pod, or mutual TLS", Opens: true, Source: labels},
	{On: Pod, Name: "sidecar.istio.io/bootstrapOverride", Named: "its proxy may do anything", Opens: true, Source: annotations},
	{On: Pod, Name: "proxy.istio.io/config", Judged: "compiler/inventory", Source: annotations},
	{On: Pod, Name: "proxy.istio.io/overrides", Named: "its proxy may be another than that of the mesh", Opens: true, Source: annotations},
	{On: Pod, Name: "sidecar.istio.io/proxyImage", Named: "its proxy may be another than that of the mesh", Opens: true, Source: annotations},
	{On: Pod, Name: "networking.istio.io/tunnel", Named: "callers may reach it through a tunnel", Source: labels},
	{On: Pod, Name: HelmHook, Judged: "compiler/inventory", Source: "https://helm.sh/docs/topics/charts_hooks/"},
	{On: Pod, Name: "sidecar.istio.io/logLevel", Harmless: "it changes the log only", Source: annotations},
	{On: Pod, Name: "sidecar.istio.io/proxyCPU", Harmless: "it changes the resources of the proxy only", Source: annotations},
	{On: Pod, Name: "topology.istio.io/network", Harmless: "identities are the same across networks", Source: labels},

	// Namespaces
	{On: Namespace, Name: InjectNamespace, Judged: "compiler/inventory", Source: labels},
	{On: Namespace, Name: Revision, Judged: "compiler/inventory", Source: labels},
	{On: Namespace, Name: DataplaneMode, Judged: "compiler/inventory", Source: labels},
	{On: Namespace, Name: UseWaypoint, Judged: "compiler/inventory", Source: labels},
	{On: Namespace, Name: WaypointNamespace, Judged: "compiler/inventory", Source: labels},
	{On: Namespace, Name: IngressWaypoint, Judged: "compiler/inventory", Source: labels},
	{On: Namespace, Name: CanaryWaypoint, Judged: "compiler/inventory", Source: labels},
	{On: Namespace, Name: CanaryNamespace, Judged: "compiler/inventory", Source: labels},
	{On: Namespace, Name: "topology.istio.io/controlPlaneClusters", Named: "another control plane may be responsible for it", Opens: true, Source: annotations},

	// Services
	{On: Service, Name: UseWaypoint, Judged: "compiler/inventory", Source: labels},
	{On: Service, Name: WaypointNamespace, Judged: "compiler/inventory", Source: labels},
	{On: Service, Name: IngressWaypoint, Judged: "compiler/inventory", Source: labels},
	{On: Service, Name: CanaryWaypoint, Judged: "compiler/inventory", Source: labels},
	{On: Service, Name: CanaryNamespace, Judged: "compiler/inventory", Source: labels},
	{On: Service, Name: "networking.istio.io/exportTo", Named: "callers of other namespaces may not know it", Source: annotations},
	{On: Service, Name: "alpha.istio.io/kubernetes-serviceaccounts", Named: "callers may take other accounts for those of its pods", Opens: true, Source: annotations},
	{On: Service, Name: "alpha.istio.io/canonical-serviceaccounts", Named: "callers may take other accounts for those of its pods", Opens: true, Source: annotations},
	{On: Service, Name: "networking.istio.io/traffic-distribution", Harmless: "it prefers some endpoints to others", Source: annotations},

	// Policies
	{On: Policy, Name: Revision, Judged: "targets/istio/read", Source: labels},
	{On: Policy, Name: "istio.io/dry-run", Judged: "targets/istio/read", Source: annotations},
}, settings, operated, settled, kubernetes)
