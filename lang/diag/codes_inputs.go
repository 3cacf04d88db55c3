package diag

// inputCodes is MESH11xx and MESH12xx: workload manifests and meshc.yaml.
var inputCodes = []Entry{
	{
		Code: MalformedManifest, Severity: Error,
		Title: "a workload manifest that is not valid YAML or has a field of a wrong type",
		Text: "The manifest could not be read, so nothing is known of its workloads. The cluster would refuse it too. " +
			"A chart's templates are no manifests: read what `helm template` makes of them.",
		Bad: `-- shop.mesh --
mesh shop strict
service backend account backend-sa
any -> backend
-- k8s/backend.yaml --
apiVersion: v1
kind: ServiceAccount
metadata: {name: backend-sa, namespace: shop
`,
		Good: `-- shop.mesh --
mesh shop strict
service backend account backend-sa
any -> backend
-- k8s/backend.yaml --
apiVersion: v1
kind: ServiceAccount
metadata: {name: backend-sa, namespace: shop}
`,
	},
	{
		Code: DuplicateManifest, Severity: Error,
		Title: "two manifests of one object",
		Text: "Two manifests have the same kind, namespace and name, and a cluster would keep only one of them. Often both the base and a rendered " +
			"overlay are read: name only one of them in `workloads`.",
		Bad: `-- shop.mesh --
mesh shop strict
service backend account backend-sa
any -> backend
-- k8s/accounts.yaml --
apiVersion: v1
kind: ServiceAccount
metadata: {name: backend-sa, namespace: shop}
-- k8s/backend.yaml --
apiVersion: v1
kind: ServiceAccount
metadata: {name: backend-sa, namespace: shop}
`,
		Good: `-- shop.mesh --
mesh shop strict
service backend account backend-sa
any -> backend
-- k8s/accounts.yaml --
apiVersion: v1
kind: ServiceAccount
metadata: {name: backend-sa, namespace: shop}
`,
	},
	{
		Code: ManifestTooLarge, Severity: Error,
		Title: "a workload manifest that is larger than any real one",
		Text: "A manifest of this size, or with this much behind its YAML aliases, is no manifest of a workload. The limit keeps a broken or " +
			"hostile file from using up the machine.",
		Bad: `-- shop.mesh --
mesh shop strict
service backend account backend-sa
any -> backend
-- k8s/backend.yaml --
apiVersion: v1
kind: ServiceAccount
metadata: {name: backend-sa, namespace: shop}
a: &a [x, x, x, x, x, x, x, x, x, x]
b: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a]
c: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b, *b]
d: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c, *c]
e: &e [*d, *d, *d, *d, *d, *d, *d, *d, *d, *d]
f: &f [*e, *e, *e, *e, *e, *e, *e, *e, *e, *e]
g: &g [*f, *f, *f, *f, *f, *f, *f, *f, *f, *f]
h: &h [*g, *g, *g, *g, *g, *g, *g, *g, *g, *g]
`,
		Good: `-- shop.mesh --
mesh shop strict
service backend account backend-sa
any -> backend
-- k8s/backend.yaml --
apiVersion: v1
kind: ServiceAccount
metadata: {name: backend-sa, namespace: shop}
`,
	},
	{
		Code: NoNamespace, Severity: Warning,
		Title: "a manifest that names no namespace",
		Text: "Without a namespace an object goes wherever it is applied, which meshc cannot know; it takes `default`. State it in the " +
			"manifest, or for a whole folder in meshc.yaml: `workloads: [{path: \"k8s/**\", namespace: shop}]`. For a stream that `--workloads -` reads the " +
			"path is `-`: `helm template --namespace shop` writes no namespace into most charts.",
		Bad: `-- shop.mesh --
mesh default strict
any -> backend
-- k8s/backend.yaml --
apiVersion: v1
kind: Pod
metadata: {name: backend, labels: {app: backend}}
spec:
  serviceAccountName: backend-sa
  containers: [{name: backend, image: shop/backend}]
`,
		Good: `-- shop.mesh --
mesh shop strict
any -> backend
-- k8s/backend.yaml --
apiVersion: v1
kind: Pod
metadata: {name: backend, namespace: shop, labels: {app: backend}}
spec:
  serviceAccountName: backend-sa
  containers: [{name: backend, image: shop/backend}]
`,
	},
	{
		Code: SkippedTemplate, Severity: Note,
		Title: "a template that is not a manifest yet",
		Text: "Templates of a Helm chart become manifests only with their values. They are left out; to have them checked, pass on what the " +
			"chart makes: `helm template shop charts/shop | meshc check --workloads -`.",
		Bad: `-- shop.mesh --
mesh shop strict
service backend account backend-sa
any -> backend
-- k8s/templates/backend.yaml --
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ include "shop.fullname" . }}
{{- with .Values.labels }}
  labels: {{ toYaml . | nindent 4 }}
{{- end }}
`,
		Good: `-- shop.mesh --
mesh shop strict
service backend account backend-sa
any -> backend
-- k8s/backend.yaml --
apiVersion: v1
kind: ServiceAccount
metadata: {name: backend-sa, namespace: shop}
`,
	},
	{
		Code: NothingRead, Severity: Warning,
		Title: "manifests without any object that bears on a mesh",
		Text: "None of the files that `workloads` or --workloads names has a workload, a ServiceAccount, a Service or a Namespace, so no account, " +
			"port or label of the intents is checked against them. Most likely they are the wrong files: a base that is put together elsewhere, a " +
			"chart's values, an empty stream.",
		Bad: `-- shop.mesh --
mesh shop strict
service backend account backend-sa
any -> backend
-- k8s/kustomization.yaml --
resources: [../base]
`,
		Good: `-- shop.mesh --
mesh shop strict
service backend account backend-sa
any -> backend
-- k8s/backend.yaml --
apiVersion: v1
kind: ServiceAccount
metadata: {name: backend-sa, namespace: shop}
`,
	},
	{
		Code: UnknownField, Severity: Warning,
		Title: "a kind or a field of a manifest that Kubernetes does not have",
		Text: "The word is near one that meshc reads: a kind of workload, or a field that says whom a pod runs as, what it listens on or whether it has a " +
			"proxy. A cluster refuses the manifest, or takes it without the field; so does meshc.",
		Bad: `-- shop.mesh --
mesh shop strict
service backend account backend-sa
any -> backend
-- k8s/backend.yaml --
apiVersion: v1
kind: Pod
metadata: {name: backend, namespace: shop, labels: {app: backend}}
spec:
  hostNetwrok: true
  serviceAccountName: backend-sa
  containers: [{name: backend, image: shop/backend}]
`,
		Good: `-- shop.mesh --
mesh shop strict
service backend account backend-sa
any -> backend
-- k8s/backend.yaml --
apiVersion: v1
kind: Pod
metadata: {name: backend, namespace: shop, labels: {app: backend}}
spec:
  hostNetwork: false
  serviceAccountName: backend-sa
  containers: [{name: backend, image: shop/backend}]
`,
	},
	{
		Code: MalformedConfig, Severity: Error,
		Title: "a meshc.yaml that is not valid YAML or has a value of a wrong type",
		Text:  "meshc.yaml could not be read. Where a list is wanted, a single word is not enough: `sources: [\"intents/**/*.mesh\"]`.",
		Bad: `-- shop.mesh --
mesh shop strict
service backend account backend-sa
any -> backend
-- meshc.yaml --
apiVersion: meshc.dev/v1alpha1
kind: Project
sources: "*.mesh"
trustDomain: [cluster.local
`,
		Good: `-- shop.mesh --
mesh shop strict
service backend account backend-sa
any -> backend
-- meshc.yaml --
apiVersion: meshc.dev/v1alpha1
kind: Project
sources: ["*.mesh"]
trustDomain: cluster.local
`,
	},
	{
		Code: UnknownKey, Severity: Error,
		Title: "a key that meshc.yaml does not have",
		Text: "A key with a typing error would be a setting that silently does nothing, so every unknown key is an error. The finding " +
			"names the nearest key that exists.",
		Bad: `-- shop.mesh --
mesh shop strict
service backend account backend-sa
any -> backend
-- meshc.yaml --
apiVersion: meshc.dev/v1alpha1
kind: Project
trustDomian: prod.example.com
`,
		Good: `-- shop.mesh --
mesh shop strict
service backend account backend-sa
any -> backend
-- meshc.yaml --
apiVersion: meshc.dev/v1alpha1
kind: Project
trustDomain: prod.example.com
`,
	},
	{
		Code: InvalidSetting, Severity: Error,
		Title: "a setting that cannot be right",
		Text: "The key exists and its value has the right type, yet it cannot mean anything: an apiVersion that Istio does not have, a glob " +
			"that cannot be read, a mode that is none, a code that does not exist or whose errors cannot be demoted.",
		Bad: `-- shop.mesh --
mesh shop strict
service backend account backend-sa
any -> backend
-- meshc.yaml --
apiVersion: meshc.dev/v1alpha1
kind: Project
targets:
  istio: {apiVersion: security.istio.io/v2}
`,
		Good: `-- shop.mesh --
mesh shop strict
service backend account backend-sa
any -> backend
-- meshc.yaml --
apiVersion: meshc.dev/v1alpha1
kind: Project
targets:
  istio: {apiVersion: security.istio.io/v1beta1}
`,
	},
}
