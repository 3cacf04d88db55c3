package inventory

import (
	"cmp"
	"maps"
	"slices"

	"go.yaml.in/yaml/v3"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/compiler/yamldoc"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

const (
	certManager = "cert-manager.io"
	solverName  = "cm-acme-http-solver"
	solverPort  = 8089
	solverLabel = "acme." + certManager + "/http01-solver"
)

// issuer is an issuer of cert-manager that proves domains over HTTP-01: in the namespace of each certificate, by pods
// and a Service in front of them that are there for as long as it takes.
// https://github.com/cert-manager/cert-manager/blob/master/pkg/issuer/acme/http/pod.go and service.go
type issuer struct {
	key     objectKey // in no namespace for a ClusterIssuer
	at      source.Span
	solvers []solver
}

type solver struct {
	pod      *pod
	gateways []objectKey // of the Gateway API
	class    string      // of the Ingress in place of a route; "-" for none
}

// certified is an object for which cert-manager gets a certificate.
type certified struct {
	objectKey
	issuer objectKey
	at     source.Span // where it names the issuer
}

// issuer reads an Issuer or a ClusterIssuer. Others than those of ACME create no pods, and neither does DNS-01.
func (f *file) issuer(n *yaml.Node, kind string) {
	meta := metaOf(n)
	at, namespace, ok := f.meta(n, kind, meta)
	if !ok {
		return
	}
	i := &issuer{key: objectKey{kind, namespace, meta.Name}, at: at}
	for _, s := range yamldoc.Items(yamldoc.Get(n, "spec", "acme", "solvers")) {
		ingress, route := yamldoc.Get(s, "http01", "ingress"), yamldoc.Get(s, "http01", "gatewayHTTPRoute")
		if via := cmp.Or(ingress, route); via != nil && f.spend(via, 256) {
			i.solvers = append(i.solvers, solver{f.solver(n, kind, meta, via), parents(route), ingressClass(ingress)})
		}
	}
	f.keep(kind, namespace, meta.Name, at, func(r *reader) { r.issuers[i.key] = i })
}

// solver returns the pods of a solver as those of its issuer's namespace.
func (f *file) solver(n *yaml.Node, kind string, meta *metav1.ObjectMeta, via *yaml.Node) *pod {
	here := yamldoc.Get(via, "podTemplate")
	template := &corev1.PodTemplateSpec{}
	var stated struct {
		Labels      map[string]string `yaml:"labels"`
		Annotations map[string]string `yaml:"annotations"`
	}
	template.Labels, template.Annotations = labels{}, map[string]string{injectKey: "false"}
	if metadata := yamldoc.Get(here, "metadata"); metadata != nil && metadata.Decode(&stated) == nil {
		maps.Copy(template.Labels, stated.Labels)
		maps.Copy(template.Annotations, stated.Annotations)
	}
	template.Labels[solverLabel] = "true"
	template.Spec.ServiceAccountName = yamldoc.Scalar(here, "spec", "serviceAccountName")
	template.Spec.Containers = []corev1.Container{{Name: "acmesolver", Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: solverPort}}}}
	if here == nil {
		here = &yaml.Node{Kind: yaml.MappingNode}
	}
	p := f.pod(n, kind, meta, template, here)
	if p == nil {
		return nil
	}
	p.Service, p.NameAt, p.Solver = solverName, p.At, true
	if yamldoc.Get(here, "metadata", "annotations", injectKey) == nil && !p.proxy.off.IsZero() {
		p.proxy.off = p.At // by an annotation of cert-manager's own
	}
	for i := range p.Ports {
		p.Ports[i].At = p.At
	}
	return p
}

// parents returns the gateways of a route that has yet to be made in the namespace of a certificate, which stands for
// those that name none.
func parents(route *yaml.Node) (all []objectKey) {
	for _, parent := range yamldoc.Items(yamldoc.Get(route, "parentRefs")) {
		if cmp.Or(yamldoc.Scalar(parent, "kind"), "Gateway") == "Gateway" {
			all = append(all, objectKey{gatewayGroup, yamldoc.Scalar(parent, "namespace"), yamldoc.Scalar(parent, "name")})
		}
	}
	return all
}

// ingressClass returns the class of the Ingress by which a solver is reached; "-" if by none.
func ingressClass(ingress *yaml.Node) string {
	if ingress == nil {
		return "-"
	}
	return cmp.Or(yamldoc.Scalar(ingress, "ingressClassName"), yamldoc.Scalar(ingress, "class"))
}

// certificate reads which issuer a Certificate is from.
func (f *file) certificate(n *yaml.Node) {
	meta := metaOf(n)
	ref := yamldoc.Get(n, "spec", "issuerRef")
	at, namespace, ok := f.meta(n, "Certificate", meta)
	if !ok || cmp.Or(yamldoc.Scalar(ref, "group"), certManager) != certManager {
		return
	}
	f.certified(objectKey{"Certificate", namespace, meta.Name}, cmp.Or(yamldoc.Scalar(ref, "kind"), "Issuer"), yamldoc.Get(ref, "name"), at)
}

// annotated reads which issuer the annotations of an Ingress or a Gateway ask for a certificate.
// https://cert-manager.io/docs/usage/ingress/#supported-annotations and https://cert-manager.io/docs/usage/gateway/
func (f *file) annotated(n *yaml.Node, kind, namespace string, at source.Span) {
	annotations := yamldoc.Get(n, "metadata", "annotations")
	key := objectKey{kind, namespace, metaOf(n).Name}
	f.certified(key, "ClusterIssuer", yamldoc.Get(annotations, certManager+"/cluster-issuer"), at)
	if cmp.Or(yamldoc.Scalar(annotations, certManager+"/issuer-group"), certManager) == certManager {
		f.certified(key, cmp.Or(yamldoc.Scalar(annotations, certManager+"/issuer-kind"), "Issuer"), yamldoc.Get(annotations, certManager+"/issuer"), at)
	}
}

func (f *file) certified(key objectKey, kind string, issuer *yaml.Node, at source.Span) {
	name := yamldoc.Scalar(issuer)
	if name == "" || f.unfilled(name) {
		return
	}
	c := &certified{key, objectKey{kind, key.namespace, name}, f.doc.Span(issuer)}
	if kind == "ClusterIssuer" {
		c.issuer.namespace = ""
	}
	f.keep("", "", "", at, func(r *reader) { r.certified = append(r.certified, c) })
}

// solve adds the pods by which issuers prove domains: an Issuer in its own namespace, a ClusterIssuer in those of the
// objects that ask it.
func (r *reader) solve() {
	namespaces := map[objectKey][]string{}
	for key := range r.issuers {
		if key.namespace != "" {
			namespaces[key] = []string{key.namespace}
		}
	}
	for _, c := range r.certified {
		if r.issuers[c.issuer] == nil {
			r.findings.Add(diag.SkippedObject, c.at, "%s is not judged: no manifest has the %s %s; over HTTP-01 it has cert-manager create pods in namespace %s, which policies may close", c.objectKey, c.issuer.kind, c.issuer.name, c.namespace).
				WithHelp("add the manifest of the %s to the workloads", c.issuer.kind)
			continue
		}
		if !slices.Contains(namespaces[c.issuer], c.namespace) {
			namespaces[c.issuer] = append(namespaces[c.issuer], c.namespace)
		}
	}
	for _, key := range slices.SortedFunc(maps.Keys(r.issuers), objectKey.compare) {
		i := r.issuers[key]
		if len(i.solvers) > 0 && len(namespaces[key]) == 0 {
			r.findings.Add(diag.SkippedObject, i.at, "%s is not judged: no manifest says in which namespaces cert-manager creates its pods", key).
				WithHelp("add the Certificates that name it to the workloads")
		}
		for _, namespace := range namespaces[key] {
			for _, s := range i.solvers {
				r.solver(i, &s, namespace)
			}
		}
	}
}

// solver adds the pods of a solver in a namespace, with what leads to them.
func (r *reader) solver(i *issuer, s *solver, namespace string) {
	if s.pod == nil {
		return
	}
	p := *s.pod
	p.Namespace, p.Ports, p.NamespaceAt = namespace, slices.Clone(s.pod.Ports), source.Span{}
	r.pods = append(r.pods, &p)
	r.services = append(r.services, &service{
		namespace: namespace, name: solverName, selector: labels{solverLabel: "true"}, operated: true, arriving: arriving{inside: true},
		ports: []servicePort{{number: solverPort, called: "http", target: solverPort, protocol: policy.HTTP, at: i.at}},
	})
	leads := &passing{by: i.key, to: []destination{{namespace: namespace, service: solverName, port: solverPort, granted: true, at: i.at}}}
	for _, g := range s.gateways {
		g.namespace = cmp.Or(g.namespace, namespace)
		leads.gateways = append(leads.gateways, g)
	}
	if r.classes[s.class] {
		r.gateways[ingresses] = ofIngresses()
		leads.gateways = append(leads.gateways, ingresses)
	}
	if len(leads.gateways) > 0 {
		r.passes = append(r.passes, leads)
	}
}
