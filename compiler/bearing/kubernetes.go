package bearing

import (
	"regexp"
	"strings"
)

const (
	kubernetesAPI = "https://kubernetes.io/docs/reference/kubernetes-api/"
	serviceSpec   = kubernetesAPI + "service-resources/service-v1/"
	podSpec       = kubernetesAPI + "workload-resources/pod-v1/"
)

// kubernetes are the kinds of Kubernetes' own API, the fields of its Services and pods, and the labels and annotations
// of its reference, as far as other lists do not have them. The fields of containers stand with those of pods.
var kubernetes = func() (all []Fact) {
	add := func(on On, source string, fact Fact, names ...string) {
		for _, name := range names {
			fact.On, fact.Name, fact.Source = on, name, source
			all = append(all, fact)
		}
	}
	harmless := func(on On, source, why string, names string) {
		add(on, source, Fact{Harmless: why}, strings.Fields(names)...)
	}
	field := func(kind, source, why string, paths string) {
		for _, path := range strings.Fields(paths) {
			add(Field, source, Fact{Harmless: why}, kind+" "+path)
		}
	}

	// Kinds
	add(Workloads, "https://kubernetes.io/docs/concepts/services-networking/endpoint-slices/", Fact{Named: "calls to its Service may lead to other addresses, also to those of pods that policies close"}, "discovery.k8s.io/EndpointSlice", "/Endpoints")
	add(Both, "https://kubernetes.io/docs/reference/access-authn-authz/mutating-admission-policy/", Fact{Named: "it may decide which pods get a proxy", Opens: true}, "admissionregistration.k8s.io/MutatingAdmissionPolicy")
	harmless(Workloads, "https://kubernetes.io/docs/reference/access-authn-authz/mutating-admission-policy/", "it has no effect without its policy", "admissionregistration.k8s.io/MutatingAdmissionPolicyBinding")
	harmless(Workloads, "https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/", "it refuses objects, and changes none", "admissionregistration.k8s.io/ValidatingAdmissionPolicy admissionregistration.k8s.io/ValidatingAdmissionPolicyBinding")
	add(Workloads, "https://kubernetes.io/docs/concepts/workloads/controllers/replicationcontroller/", Fact{Judged: "compiler/inventory"}, "/ReplicationController")
	harmless(Workloads, kubernetesAPI+"authorization-resources/", "it is about who may call the API server", `rbac.authorization.k8s.io/ClusterRole rbac.authorization.k8s.io/ClusterRoleBinding rbac.authorization.k8s.io/Role
		rbac.authorization.k8s.io/RoleBinding authorization.k8s.io/LocalSubjectAccessReview authorization.k8s.io/SelfSubjectAccessReview authorization.k8s.io/SelfSubjectRulesReview
		authorization.k8s.io/SubjectAccessReview authentication.k8s.io/SelfSubjectReview authentication.k8s.io/TokenReview certificates.k8s.io/CertificateSigningRequest certificates.k8s.io/ClusterTrustBundle
		flowcontrol.apiserver.k8s.io/FlowSchema flowcontrol.apiserver.k8s.io/PriorityLevelConfiguration`)
	harmless(Workloads, kubernetesAPI+"authentication-resources/", "it asks for a certificate that a pod uses by itself, and no proxy", "certificates.k8s.io/PodCertificateRequest")
	harmless(Workloads, kubernetesAPI+"config-and-storage-resources/", "it holds data, and who signs identities is a setting of the mesh", "/ConfigMap /Secret")
	harmless(Workloads, kubernetesAPI+"config-and-storage-resources/", "it is about storage", `/PersistentVolume /PersistentVolumeClaim storage.k8s.io/CSIDriver storage.k8s.io/CSINode storage.k8s.io/CSIStorageCapacity storage.k8s.io/StorageClass
		storage.k8s.io/VolumeAttachment storage.k8s.io/VolumeAttributesClass internal.apiserver.k8s.io/StorageVersion storagemigration.k8s.io/StorageVersionMigration`)
	harmless(Workloads, kubernetesAPI+"policy-resources/", "it bounds resources", "/LimitRange /ResourceQuota")
	harmless(Workloads, kubernetesAPI+"workload-resources/", "it decides how many pods there are, or where they run", `autoscaling/HorizontalPodAutoscaler policy/PodDisruptionBudget policy/Eviction scheduling.k8s.io/PriorityClass scheduling.k8s.io/Workload
		scheduling.k8s.io/PodGroup scheduling.k8s.io/CompositePodGroup resource.k8s.io/DeviceClass resource.k8s.io/DeviceTaintRule resource.k8s.io/ResourceClaim resource.k8s.io/ResourceClaimTemplate
		resource.k8s.io/ResourceSlice resource.k8s.io/ResourcePoolStatusRequest node.k8s.io/RuntimeClass /Node /Binding lifecycle.k8s.io/EvictionRequest`)
	harmless(Workloads, kubernetesAPI+"workload-resources/", "nothing creates pods of it by itself", "/PodTemplate apps/ControllerRevision")
	harmless(Workloads, kubernetesAPI+"cluster-resources/", "it reports, or coordinates controllers", "/ComponentStatus /Event events.k8s.io/Event coordination.k8s.io/Lease coordination.k8s.io/LeaseCandidate imagepolicy.k8s.io/ImageReview")
	harmless(Workloads, kubernetesAPI+"cluster-resources/", "it is about which addresses Services get", "networking.k8s.io/IPAddress networking.k8s.io/ServiceCIDR")

	// Fields
	for _, path := range strings.Fields("selector ports type externalIPs externalName externalTrafficPolicy clusterIP") {
		add(Field, serviceSpec, Fact{Judged: "compiler/inventory"}, "/Service spec."+path)
	}
	field("/Service", serviceSpec, "it chooses the addresses of the Service", "spec.clusterIPs spec.loadBalancerIP spec.ipFamily spec.ipFamilies spec.ipFamilyPolicy spec.loadBalancerClass spec.allocateLoadBalancerNodePorts spec.healthCheckNodePort")
	field("/Service", serviceSpec, "it chooses among the pods of the Service", "spec.sessionAffinity spec.sessionAffinityConfig spec.publishNotReadyAddresses spec.topologyKeys spec.internalTrafficPolicy spec.trafficDistribution")
	for _, path := range strings.Fields("name port targetPort protocol appProtocol") {
		add(Field, serviceSpec, Fact{Judged: "compiler/inventory"}, "/Service spec.ports[]."+path)
	}
	field("/Service", serviceSpec, "it is one more way to the same pods, and that there is one is judged by the type of the Service", "spec.ports[].nodePort")
	for _, path := range strings.Fields(`ports livenessProbe readinessProbe startupProbe lifecycle securityContext restartPolicy args ports[].name ports[].containerPort ports[].protocol ports[].hostPort
		livenessProbe.httpGet livenessProbe.grpc lifecycle.preStop lifecycle.postStart lifecycle.preStop.httpGet securityContext.runAsUser securityContext.runAsGroup name`) {
		add(Field, podSpec, Fact{Judged: "compiler/inventory"}, "/Pod spec.containers[]."+path)
	}
	for _, path := range strings.Fields("runAsUser runAsGroup") {
		add(Field, podSpec, Fact{Judged: "compiler/inventory"}, "/Pod spec.securityContext."+path)
	}
	const own = "it is about the application, and the proxy is a container of its own"
	field("/Pod", podSpec, own, `spec.containers[].image spec.containers[].command spec.containers[].workingDir spec.containers[].env spec.containers[].envFrom spec.containers[].imagePullPolicy
		spec.containers[].stdin spec.containers[].stdinOnce spec.containers[].tty spec.containers[].terminationMessagePath spec.containers[].terminationMessagePolicy`)
	field("/Pod", podSpec, "it is about resources and files of the container", "spec.containers[].resources spec.containers[].resizePolicy spec.containers[].volumeMounts spec.containers[].volumeDevices")
	field("/Pod", podSpec, "it decides when the container runs again", "spec.containers[].restartPolicyRules spec.containers[].lifecycle.stopSignal")
	field("/Pod", podSpec, "it chooses an address of the node, and the port is judged", "spec.containers[].ports[].hostIP")
	field("/Pod", podSpec, "the kubelet runs it in the container, and no call is made", "spec.containers[].livenessProbe.exec spec.containers[].lifecycle.preStop.exec spec.containers[].lifecycle.preStop.sleep")
	field("/Pod", "https://istio.io/latest/docs/ops/configuration/mesh/app-health-check/", "a proxy accepts connections without a request in any mode", "spec.containers[].livenessProbe.tcpSocket spec.containers[].lifecycle.preStop.tcpSocket")
	field("/Pod", podSpec, "it is about when and how often the kubelet asks", `spec.containers[].livenessProbe.initialDelaySeconds spec.containers[].livenessProbe.timeoutSeconds spec.containers[].livenessProbe.periodSeconds
		spec.containers[].livenessProbe.successThreshold spec.containers[].livenessProbe.failureThreshold spec.containers[].livenessProbe.terminationGracePeriodSeconds`)
	const bounds = "it bounds what the container may do on its node"
	for _, context := range []string{"spec.securityContext.", "spec.containers[].securityContext."} {
		for _, path := range strings.Fields("seLinuxOptions windowsOptions runAsNonRoot seccompProfile appArmorProfile") {
			field("/Pod", podSpec, bounds, context+path)
		}
	}
	field("/Pod", podSpec, bounds, `spec.containers[].securityContext.readOnlyRootFilesystem spec.containers[].securityContext.allowPrivilegeEscalation spec.containers[].securityContext.procMount spec.securityContext.supplementalGroups
		spec.securityContext.supplementalGroupsPolicy spec.securityContext.fsGroup spec.securityContext.fsGroupChangePolicy spec.securityContext.seLinuxChangePolicy`)
	field("/Pod", podSpec, "it is a setting of the kernel for the network of the pod, and redirects nothing", "spec.securityContext.sysctls")
	const traffic = "https://istio.io/latest/docs/ops/best-practices/security/#understand-traffic-capture-limitations"
	add(Field, traffic, Fact{Named: "the container may undo what leads the calls of its pod through the proxy", When: []string{"true"}}, "/Pod spec.containers[].securityContext.privileged")
	add(Field, traffic, Fact{Named: "the container may undo what leads the calls of its pod through the proxy", When: []string{"NET_ADMIN", "ALL"}}, "/Pod spec.containers[].securityContext.capabilities.add[]")
	add(Field, "https://istio.io/latest/docs/setup/additional-setup/sidecar-injection/#customizing-injection", Fact{Named: "its proxy may be another than that of the mesh", Opens: true, Like: regexp.MustCompile(`^(.*/)?(auto|proxyv2)([:@-].*)?$`)},
		"/Pod spec.containers[istio-proxy].image", "/Pod spec.initContainers[istio-proxy].image")
	for _, path := range strings.Fields("containers initContainers serviceAccountName serviceAccount hostNetwork") {
		add(Field, podSpec, Fact{Judged: "compiler/inventory"}, "/Pod spec."+path)
	}
	field("/Pod", podSpec, "it decides where and when the pod runs, and with which resources", `spec.volumes spec.restartPolicy spec.terminationGracePeriodSeconds spec.activeDeadlineSeconds spec.nodeSelector spec.nodeName spec.imagePullSecrets
		spec.affinity spec.schedulerName spec.tolerations spec.priorityClassName spec.priority spec.readinessGates spec.preemptionPolicy spec.overhead spec.topologySpreadConstraints spec.os spec.schedulingGates spec.resourceClaims
		spec.resources spec.workloadRef spec.schedulingGroup spec.evictionResponders`)
	field("/Pod", podSpec, "it changes how names are resolved, and not who answers there", "spec.dnsPolicy spec.dnsConfig spec.hostAliases spec.hostname spec.subdomain spec.setHostnameAsFQDN spec.hostnameOverride spec.enableServiceLinks")
	field("/Pod", podSpec, "the token is for the API server; a proxy has one of its own", "spec.automountServiceAccountToken")
	field("/Pod", podSpec, "the network of the pod is its own all the same", "spec.hostPID spec.hostIPC spec.hostUsers spec.shareProcessNamespace")
	add(Field, "https://istio.io/latest/docs/ops/deployment/application-requirements/", Fact{Judged: "compiler/inventory"}, "/Pod spec.securityContext")
	field("/Pod", podSpec, "it is for a person who looks for a fault", "spec.ephemeralContainers")
	add(Field, "https://kubernetes.io/docs/concepts/containers/runtime-class/", Fact{Named: "with another runtime, proxies may not see the calls of the pod", Opens: true}, "/Pod spec.runtimeClassName")

	// Labels and annotations
	harmless(Pod, kubernetesLabels, "it names the pod for people and tools", "app.kubernetes.io/component app.kubernetes.io/created-by app.kubernetes.io/instance app.kubernetes.io/managed-by app.kubernetes.io/part-of app.kubernetes.io/version")
	harmless(Pod, kubernetesLabels, "it decides where the pod runs, and for how long", `cluster-autoscaler.kubernetes.io/safe-to-evict cluster-autoscaler.kubernetes.io/enable-ds-eviction controller.kubernetes.io/pod-deletion-cost kubernetes.io/os
		scheduler.alpha.kubernetes.io/critical-pod scheduler.alpha.kubernetes.io/tolerations`)
	harmless(Pod, kubernetesLabels, "a tool notes something there", `kubectl.kubernetes.io/restartedAt kubectl.kubernetes.io/default-container kubectl.kubernetes.io/default-logs-container kubernetes.io/limit-ranger kubernetes.io/psp kubernetes.io/config.mirror
		kubeadm.kubernetes.io/etcd.advertise-client-urls kubeadm.kubernetes.io/kube-apiserver.advertise-address.endpoint resource.kubernetes.io/pod-claim-name resource.kubernetes.io/extended-resource-claim`)
	harmless(Pod, kubernetesLabels, "it bounds how fast calls are, and refuses none", "kubernetes.io/ingress-bandwidth kubernetes.io/egress-bandwidth")
	harmless(Pod, kubernetesLabels, "it bounds what the container may do on its node", "seccomp.security.alpha.kubernetes.io/pod experimental.windows.kubernetes.io/isolation-type")
	harmless(Pod, kubernetesLabels, "the controller of the pod sets it, and selectors may ask for it", `apps.kubernetes.io/pod-index statefulset.kubernetes.io/pod-name batch.kubernetes.io/job-completion-index batch.kubernetes.io/job-name
		batch.kubernetes.io/controller-uid job-name controller-uid`)
	harmless(Namespace, kubernetesLabels, "it refuses pods, and changes none", `pod-security.kubernetes.io/enforce pod-security.kubernetes.io/enforce-version pod-security.kubernetes.io/audit pod-security.kubernetes.io/audit-version
		pod-security.kubernetes.io/warn pod-security.kubernetes.io/warn-version`)
	harmless(Namespace, kubernetesLabels, "it decides where pods run", "scheduler.alpha.kubernetes.io/node-selector scheduler.alpha.kubernetes.io/defaultTolerations scheduler.alpha.kubernetes.io/tolerationsWhitelist")
	add(Namespace, kubernetesLabels, Fact{Judged: "compiler/analysis/network"}, "kubernetes.io/metadata.name")
	harmless(Service, kubernetesLabels, "it chooses among the pods of the Service", "service.kubernetes.io/topology-mode service.kubernetes.io/topology-aware-hints service.alpha.kubernetes.io/tolerate-unready-endpoints")
	harmless(Service, kubernetesLabels, "the control plane copies it to Endpoints", "service.kubernetes.io/headless")
	add(Service, kubernetesLabels, Fact{Named: "something else than kube-proxy leads its calls on"}, "service.kubernetes.io/service-proxy-name")
	for _, on := range []On{Pod, Namespace, Service, Policy} {
		harmless(on, kubernetesLabels, "tools mark their objects so", `addonmanager.kubernetes.io/mode applyset.kubernetes.io/part-of kubernetes.io/change-cause kubernetes.io/description internal.config.kubernetes.io/path internal.config.kubernetes.io/index`)
	}
	for _, on := range []On{Pod, Namespace, Service} {
		add(on, kubernetesLabels, Fact{Named: "tools may leave out the object, so that the cluster does not have it", Opens: true}, "config.kubernetes.io/local-config")
	}
	return all
}()
