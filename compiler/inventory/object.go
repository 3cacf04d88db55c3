package inventory

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/compiler/yamldoc"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// kind says which API groups a kind of object is read from: others have kinds of the same name, such as Knative's
// Service and Volcano's Job.
type kind struct {
	version string // the current apiVersion, for messages
	groups  []string
}

// Deployments and their like were in the group extensions up to Kubernetes 1.15, with the same fields.
var apps = []string{"apps", "extensions"}

// Argo Rollouts, OpenKruise and OpenShift have kinds of their own with the same template as a Deployment:
// https://argoproj.github.io/argo-rollouts/features/specification/, https://openkruise.io/docs/user-manuals/cloneset,
// https://docs.redhat.com/en/documentation/openshift_container_platform/4.18/html/workloads_apis/deploymentconfig-apps-openshift-io-v1
var (
	argo      = []string{"argoproj.io"}
	kruise    = []string{"apps.kruise.io"}
	openshift = []string{"apps.openshift.io"}
)

// Groups of objects that say what gateways pass on.
const (
	istioGroup   = "networking.istio.io"
	gatewayGroup = "gateway.networking.k8s.io"
	ingressGroup = "networking.k8s.io"
)

var (
	gatewayAPI = []string{gatewayGroup}
	networking = []string{ingressGroup}
	admission  = []string{"admissionregistration.k8s.io"}

	certificates = []string{certManager}
)

// kinds are the kinds that are read.
var kinds = map[string]*kind{
	"Alertmanager":                   {"monitoring.coreos.com/v1", []string{"monitoring.coreos.com"}},
	"Certificate":                    {"cert-manager.io/v1", certificates},
	"CloneSet":                       {"apps.kruise.io/v1alpha1", kruise},
	"APIService":                     {"apiregistration.k8s.io/v1", []string{"apiregistration.k8s.io"}},
	"Cluster":                        {"postgresql.cnpg.io/v1", []string{"postgresql.cnpg.io"}},
	"ClusterIssuer":                  {"cert-manager.io/v1", certificates},
	"CronJob":                        {"batch/v1", []string{"batch"}},
	"CustomResourceDefinition":       {"apiextensions.k8s.io/v1", []string{"apiextensions.k8s.io"}},
	"DaemonSet":                      {"apps/v1", slices.Concat(apps, kruise)},
	"Deployment":                     {"apps/v1", apps},
	"DeploymentConfig":               {"apps.openshift.io/v1", openshift},
	"GRPCRoute":                      {"gateway.networking.k8s.io/v1", gatewayAPI},
	"Gateway":                        {"gateway.networking.k8s.io/v1", []string{istioGroup, gatewayGroup}},
	"GatewayClass":                   {"gateway.networking.k8s.io/v1", gatewayAPI},
	"HTTPRoute":                      {"gateway.networking.k8s.io/v1", gatewayAPI},
	"Ingress":                        {"networking.k8s.io/v1", networking},
	"IngressClass":                   {"networking.k8s.io/v1", networking},
	"Issuer":                         {"cert-manager.io/v1", certificates},
	"Job":                            {"batch/v1", []string{"batch"}},
	"MutatingWebhookConfiguration":   {"admissionregistration.k8s.io/v1", admission},
	"Namespace":                      {"v1", []string{""}},
	"Pod":                            {"v1", []string{""}},
	"Prometheus":                     {"monitoring.coreos.com/v1", []string{"monitoring.coreos.com"}},
	"ReferenceGrant":                 {"gateway.networking.k8s.io/v1", gatewayAPI},
	"ReplicaSet":                     {"apps/v1", apps},
	"ReplicationController":          {"v1", []string{""}},
	"Rollout":                        {"argoproj.io/v1alpha1", argo},
	"Service":                        {"v1", []string{""}},
	"ServiceAccount":                 {"v1", []string{""}},
	"StatefulSet":                    {"apps/v1", slices.Concat(apps, kruise)},
	"TCPRoute":                       {"gateway.networking.k8s.io/v1", gatewayAPI},
	"TLSRoute":                       {"gateway.networking.k8s.io/v1", gatewayAPI},
	"ValidatingWebhookConfiguration": {"admissionregistration.k8s.io/v1", admission},
	"VirtualService":                 {"networking.istio.io/v1", []string{istioGroup}},
}

// clustered are those of kinds whose objects are in no namespace.
var clustered = []string{"APIService", "ClusterIssuer", "CustomResourceDefinition", "GatewayClass", "IngressClass", "MutatingWebhookConfiguration", "Namespace", "ValidatingWebhookConfiguration"}

// templated is the part of an object by which its controller creates pods that run as long as it does.
type templated struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`

	Spec struct {
		Template *corev1.PodTemplateSpec `json:"template"`
	} `json:"spec"`
}

// object is one object on its way into the set.
type object struct {
	kind, namespace, name string
	at                    source.Span // metadata.name
	document              string      // its text, if it is a document of its own
	add                   func(*reader)
}

// object decodes an object of one of kinds, and keeps it until the end of the file.
func (f *file) object(n *yaml.Node, kind, group string) {
	if kind != "Pod" { // whose fields are those of every template
		f.noticeFields(n, group+"/"+kind)
	}
	switch kind {
	case "CloneSet", "DeploymentConfig", "ReplicationController", "Rollout":
		var o templated
		if f.decode(n, &o) && o.Spec.Template != nil { // a Rollout can refer to a Deployment in its place
			f.workload(n, kind, &o.ObjectMeta, o.Spec.Template, yamldoc.Get(n, "spec", "template"))
		}
	case "Alertmanager", "Cluster", "Prometheus":
		f.operated(n, kind)
	case "Deployment":
		var o appsv1.Deployment
		f.controller(n, kind, &o, &o.ObjectMeta, &o.Spec.Template)
	case "StatefulSet":
		var o appsv1.StatefulSet
		f.controller(n, kind, &o, &o.ObjectMeta, &o.Spec.Template)
	case "DaemonSet":
		var o appsv1.DaemonSet
		f.controller(n, kind, &o, &o.ObjectMeta, &o.Spec.Template)
	case "ReplicaSet":
		var o appsv1.ReplicaSet
		f.controller(n, kind, &o, &o.ObjectMeta, &o.Spec.Template)
	case "Job":
		var o batchv1.Job
		f.controller(n, kind, &o, &o.ObjectMeta, &o.Spec.Template)
	case "CronJob":
		var o batchv1.CronJob
		if f.decode(n, &o) {
			f.workload(n, kind, &o.ObjectMeta, &o.Spec.JobTemplate.Spec.Template, yamldoc.Get(n, "spec", "jobTemplate", "spec", "template"))
		}
	case "Pod":
		var o corev1.Pod
		if f.decode(n, &o) {
			f.workload(n, kind, &o.ObjectMeta, &corev1.PodTemplateSpec{ObjectMeta: o.ObjectMeta, Spec: o.Spec}, n)
		}
	case "Service":
		var o corev1.Service
		if f.decode(n, &o) {
			f.service(n, &o)
		}
	case "Gateway":
		if group == gatewayGroup {
			f.managedGateway(n)
		} else {
			f.gateway(n)
		}
	case "GatewayClass", "IngressClass":
		f.class(n, kind)
	case "GRPCRoute", "HTTPRoute", "TCPRoute", "TLSRoute":
		f.gatewayRoute(n, kind)
	case "Ingress":
		f.ingress(n)
	case "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration":
		f.webhooks(n, kind, group)
	case "Certificate":
		f.certificate(n)
	case "ClusterIssuer", "Issuer":
		f.issuer(n, kind)
	case "APIService":
		f.aggregated(n)
	case "CustomResourceDefinition":
		f.converted(n)
	case "ReferenceGrant":
		f.grant(n)
	case "VirtualService":
		f.virtualService(n)
	case "ServiceAccount":
		var o corev1.ServiceAccount
		if !f.decode(n, &o) {
			return
		}
		if at, namespace, ok := f.meta(n, kind, &o.ObjectMeta); ok {
			account := &Account{Namespace: namespace, Name: o.Name, At: at, NamespaceAt: f.namespaceAt(n, &o.ObjectMeta)}
			f.keep(kind, namespace, o.Name, at, func(r *reader) { r.accounts = append(r.accounts, account) })
		}
	case "Namespace":
		var o corev1.Namespace
		if f.decode(n, &o) {
			f.namespace(n, &o)
		}
	}
}

func (f *file) keep(kind, namespace, name string, at source.Span, add func(*reader)) {
	o := &object{kind: kind, namespace: namespace, name: name, at: at, add: add}
	if f.alone {
		o.document = strings.TrimSpace(strings.TrimPrefix(f.doc.Text, "---"))
	}
	f.objects = append(f.objects, o)
}

// meta checks the names of an object and determines its namespace, which is empty for a kind that is in none.
func (f *file) meta(n *yaml.Node, kind string, m *metav1.ObjectMeta) (at source.Span, namespace string, ok bool) {
	at = f.doc.Span(yamldoc.Get(n, "kind"))
	if name := yamldoc.Get(n, "metadata", "name"); m.Name != "" && name != nil {
		at = f.doc.Span(name)
	}
	switch {
	case f.unfilled(m.Name, m.Namespace):
		return at, "", false
	case m.Name == "" && m.GenerateName == "":
		if !f.wrong {
			f.findings.Add(diag.MalformedManifest, at, "%s without metadata.name", kind)
		}
		return at, "", false
	case m.Name != "" && !policy.IsName(m.Name) && !(kind == "APIService" && policy.IsName(strings.TrimSuffix(m.Name, "."))): // VERSION.GROUP, where the core group has no name
		f.findings.Add(diag.MalformedManifest, at, "%q is not a valid name of a %s: use lower-case letters, digits, `-` and `.`", m.Name, kind)
		return at, "", false
	case slices.Contains(clustered, kind):
		return at, "", true
	case m.Namespace != "":
		if !policy.IsLabel(m.Namespace) {
			f.findings.Add(diag.MalformedManifest, f.doc.Span(yamldoc.Get(n, "metadata", "namespace")), "%q is not a valid namespace: use lower-case letters, digits and `-`", m.Namespace)
			return at, "", false
		}
		return at, m.Namespace, true
	case f.Namespace != "":
		return at, f.Namespace, true
	}
	if !f.warned {
		f.warned = true
		StateNamespace(f.findings.Add(diag.NoNamespace, at, "%s %s names no namespace, so default is assumed", kind, m.Name+m.GenerateName))
	}
	return at, "default", true
}

func (f *file) namespaceAt(n *yaml.Node, m *metav1.ObjectMeta) (at source.Span) {
	if m.Namespace == "" {
		return at
	}
	return f.doc.Span(yamldoc.Get(n, "metadata", "namespace"))
}

// StateNamespace has a finding about a file that names no namespace say where to state one.
func StateNamespace(d *diag.Diagnostic) {
	d.WithHelp("state metadata.namespace in the manifests, or for all of them in meshc.yaml: `%s`", Entry(d.Primary.File.Name, "NAME"))
}

// Entry returns the line of meshc.yaml that gives the objects of a file, or of a stream, their namespace.
func Entry(file, namespace string) string {
	if strings.HasPrefix(file, "<") { // no path: a stream
		file = "-"
	}
	return fmt.Sprintf("workloads: [{path: %q, namespace: %s}]", file, namespace)
}

// unfilled reports whether one of some values has a placeholder, which makes the file a template even if it is valid
// YAML because the placeholder is in quotes.
func (f *file) unfilled(values ...string) bool {
	for _, v := range values {
		f.template = f.template || strings.Contains(v, "{{")
	}
	return f.template
}

func (f *file) unfilledLabels(labels map[string]string) bool {
	for key, value := range labels {
		f.unfilled(key, value)
	}
	return f.template
}
