package diag

// warningCodes is MESH21xx: intents that do what they say, which may not be what was meant.
var warningCodes = []Entry{
	{
		Code: NoProxy, Severity: Warning,
		Title: "a workload without a proxy",
		Text: "The manifests show that no sidecar is injected: an annotation or label that turns it off, hostNetwork, or a namespace without " +
			"an injection label. Nothing enforces rules for such a workload, and it has no identity. Turn injection on and restart the pods, or " +
			"declare the service `outside`.",
		Bad: `-- shop.mesh --
mesh shop strict
any -> backend
` + backendManifest + `-- k8s/reports.yaml --
apiVersion: v1
kind: Pod
metadata: {name: reports, namespace: shop, labels: {app: reports}}
spec:
  hostNetwork: true
  serviceAccountName: reports-sa
  containers: [{name: reports, image: shop/reports}]
`,
		Good: `-- shop.mesh --
mesh shop strict
reports -> backend
` + backendManifest + `-- k8s/reports.yaml --
apiVersion: v1
kind: Pod
metadata: {name: reports, namespace: shop, labels: {app: reports}}
spec:
  serviceAccountName: reports-sa
  containers: [{name: reports, image: shop/reports}]
`,
	},
	{
		Code: PermissiveCallee, Severity: Warning,
		Title: "edges into a permissive mesh",
		Text: "Permissive lets plaintext callers connect, yet they have no identity, so the rules made from these edges turn them away all the same. " +
			"It is the rules, not the step to strict, that break callers without a proxy. Go strict once they have one.",
		Bad: `mesh shop permissive
service frontend account frontend-sa
service backend account backend-sa
frontend -> backend
`,
		Good: `mesh shop strict
service frontend account frontend-sa
service backend account backend-sa
frontend -> backend
`,
	},
	{
		Code: WorldIntoStrict, Severity: Warning,
		Title: "world into a strict port",
		Text: "`world` is anyone, proved or not, but a strict port cuts plaintext callers off before any rule is looked at. Write `any` for whoever proves " +
			"an identity of the mesh, or make the port permissive if plaintext callers are meant.",
		Bad: `mesh shop strict
service frontend account frontend-sa port 8080 http
world -> frontend:8080
`,
		Good: `mesh shop strict
service frontend account frontend-sa port 8080 http
any -> frontend:8080
`,
	},
	{
		Code: OutsideCallee, Severity: Warning,
		Title: "an edge into a service outside the mesh",
		Text: "A service without a proxy takes calls from everyone: nothing enforces this edge, and none of its denies. The line documents the call and " +
			"protects nothing.",
		Bad: `mesh shop strict
service backend account backend-sa
service legacy outside address 10.0.3.7
backend -> legacy
`,
		Good: `mesh shop strict
service backend account backend-sa
service legacy account legacy-sa
backend -> legacy
`,
	},
	{
		Code: DuplicateEdge, Severity: Warning,
		Title: "an edge that is written twice",
		Text:  "Another edge lets the same requests through. Whoever removes one of them will think that the call is closed.",
		Bad: `mesh shop strict
service frontend account frontend-sa
service admin account admin-sa
service backend account backend-sa
frontend, admin -> backend
frontend -> backend
`,
		Good: `mesh shop strict
service frontend account frontend-sa
service admin account admin-sa
service backend account backend-sa
frontend, admin -> backend
`,
	},
	{
		Code: CoveredByDeny, Severity: Warning,
		Title: "an edge that a deny wholly covers",
		Text:  "A deny wins over every edge, and this one stops all that the edge would let through. One of the two is not meant.",
		Bad: `mesh shop strict
service frontend account frontend-sa
service admin account admin-sa
service backend account backend-sa
frontend -> backend
admin -> backend
deny admin -> backend
`,
		Good: `mesh shop strict
service frontend account frontend-sa
service admin account admin-sa
service backend account backend-sa port 8080 http
frontend -> backend
admin -> backend
deny admin -> backend DELETE
`,
	},
	{
		Code: SelfEdge, Severity: Warning,
		Title: "an edge from a service to itself",
		Text: "Containers of one pod talk over localhost, which no proxy sees. The edge is needed only where replicas call each other, as those of a " +
			"database do; then silence this warning for the project.",
		Bad: `mesh shop strict
service frontend account frontend-sa
service backend account backend-sa
frontend -> backend
backend -> backend
`,
		Good: `mesh shop strict
service frontend account frontend-sa
service backend account backend-sa
frontend -> backend
`,
	},
	{
		Code: IdleService, Severity: Warning, Follows: FromUnknown,
		Title: "a service that nothing may call and that calls nothing",
		Text: "No edge leads to the service or away from it, and none lets in `any` or `world`, of which it would be one. Either an edge is missing, or the " +
			"service is gone and its line was left behind.",
		Bad: `mesh shop strict
service frontend account frontend-sa
service backend account backend-sa
service reports account reports-sa
frontend -> backend
`,
		Good: `mesh shop strict
service frontend account frontend-sa
service backend account backend-sa
service reports account reports-sa
frontend -> backend
reports -> backend
`,
	},
	{
		Code: UnusedAccount, Severity: Warning, Follows: FromUnknown,
		Title: "an account that no workload uses",
		Text: "The manifests have a ServiceAccount that no workload and no service names. Often a workload was meant to run as it, and runs as " +
			"another one.",
		Bad: `-- shop.mesh --
mesh shop strict
service frontend account frontend-sa
service backend account backend-sa
frontend -> backend
-- k8s/accounts.yaml --
apiVersion: v1
kind: ServiceAccount
metadata: {name: frontend-sa, namespace: shop}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: backend-sa, namespace: shop}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: db-sa, namespace: shop}
`,
		Good: `-- shop.mesh --
mesh shop strict
service frontend account frontend-sa
service backend account backend-sa
frontend -> backend
-- k8s/accounts.yaml --
apiVersion: v1
kind: ServiceAccount
metadata: {name: frontend-sa, namespace: shop}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: backend-sa, namespace: shop}
`,
	},
	{
		Code: DefaultAccount, Severity: Warning,
		Title: "a service that runs as the account default",
		Text: "Every pod of the namespace that names no account runs as `default`, also those of tomorrow. Whoever lets this service in lets them all in. " +
			"Give the service its own account.",
		Bad: `mesh shop strict
service frontend account default
service backend account backend-sa
frontend -> backend
`,
		Good: `mesh shop strict
service frontend account frontend-sa
service backend account backend-sa
frontend -> backend
`,
	},
	{
		Code: UnusedExternal, Severity: Warning, Follows: FromUnknown,
		Title: "an external that nothing uses",
		Text:  "No edge leads to the external. Either an edge is missing, or the host is no longer called and its line was left behind.",
		Bad: `mesh shop strict
service frontend account frontend-sa
service backend account backend-sa
external stripe host api.stripe.com port 443 tls
frontend -> backend
`,
		Good: `mesh shop strict
service frontend account frontend-sa
service backend account backend-sa
external stripe host api.stripe.com port 443 tls
frontend -> backend -> stripe
`,
	},
	{
		Code: SmallGroup, Severity: Warning,
		Title: "a group with one member",
		Text:  "A group is a name for several services. With one member it only hides whom an edge lets in.",
		Bad: `mesh shop strict
service frontend account frontend-sa
service backend account backend-sa
group web = frontend
web -> backend
`,
		Good: `mesh shop strict
service frontend account frontend-sa
service admin account admin-sa
service backend account backend-sa
group web = frontend, admin
web -> backend
`,
	},
	{
		Code: UnusedExport, Severity: Warning, Follows: FromUnknown,
		Title: "an export that no edge needs",
		Text: "No edge of the project makes use of this consent. Edges that stand in the callee's own section need none. Remove it, or write the " +
			"edge that it was meant for.",
		Bad: `mesh payments strict
service api account api-sa
export api to shop
any -> api
mesh shop strict
service frontend account frontend-sa
service backend account backend-sa
frontend -> backend
`,
		Good: `mesh payments strict
service api account api-sa
export api to shop
any -> api
mesh shop strict
service frontend account frontend-sa
service backend account backend-sa
frontend -> backend -> payments/api
`,
	},
	{
		Code: NoMode, Severity: Warning,
		Title: "a mesh whose mTLS mode is stated nowhere",
		Text: "Neither this mesh nor the project as a whole states a mode, so whatever the cluster has applies; Istio's own default is permissive. " +
			"State one: `mesh shop strict`, or `mesh * strict` for all.",
		Bad: `mesh shop
service frontend account frontend-sa
service backend account backend-sa
frontend -> backend
`,
		Good: `mesh shop strict
service frontend account frontend-sa
service backend account backend-sa
frontend -> backend
`,
	},
	{
		Code: UncoveredScrape, Severity: Warning,
		Title: "a scraped port that no edge covers",
		Text: "The pod asks to be scraped on this port, and nobody may call it there: the metrics will be missing. A scraper is a source like any other. " +
			"Write an edge for it.",
		Bad: `-- shop.mesh --
mesh shop strict
any -> backend:8080
` + scrapedManifest,
		Good: `-- shop.mesh --
mesh monitoring
service prometheus account prometheus
mesh shop strict
any -> backend:8080
monitoring/prometheus -> backend:9090
` + scrapedManifest,
	},
	{
		Code: Expiring, Severity: Warning,
		Title: "an intent that ends within thirty days",
		Text: "From the day after, the statement is left out of the manifests and is an error in the source. Agree on a new day now, or " +
			"see to it that nobody needs the call any more.",
		Bad: `mesh shop strict
service frontend account frontend-sa
service batch account batch-sa
service backend account backend-sa
frontend -> backend
batch -> backend until 2027-03-31 because "INC-42, batch window"
`,
		Good: `mesh shop strict
service frontend account frontend-sa
service batch account batch-sa
service backend account backend-sa
frontend -> backend
batch -> backend until 2027-12-31 because "INC-42, batch window"
`,
	},
	{
		Code: AroundDeny, Severity: Warning,
		Title: "a deny that callers get around",
		Text: "A deny knows its callers by their identity, and it binds the ports that it is about. Where the port is not strict and an edge lets in " +
			"`world` or the addresses of a service outside the mesh, the caller comes in without an identity: its own proxy does not have to take part. And a " +
			"deny of methods and paths binds HTTP ports only: a port without a declared protocol stays open where an edge opens it. Make the port strict, deny " +
			"them the operations too, or declare the protocol.",
		Bad: `mesh shop strict
service frontend account frontend-sa
service backend account backend-sa port 8080 http
mtls backend:8080 permissive
world -> backend:8080
deny frontend -> backend:8080 GET /admin/*
`,
		Good: `mesh shop strict
service frontend account frontend-sa
service backend account backend-sa port 8080 http
mtls backend:8080 permissive
world -> backend:8080
deny world -> backend:8080 GET /admin/*
frontend -> backend
`,
	},
	{
		Code: BareMethod, Severity: Warning,
		Title: "a method without a path, beside one with",
		Text: "Operations are METHOD PATH, separated by commas, so `GET, POST /x` is every GET and POST /x. Several methods of one path are joined by `|`: " +
			"`GET|POST /x`. Where every path is meant, write it: `GET /*, POST /x`.",
		Bad: `mesh shop strict
service frontend account frontend-sa
service backend account backend-sa port 8080 http
frontend -> backend GET, POST /orders
`,
		Good: `mesh shop strict
service frontend account frontend-sa
service backend account backend-sa port 8080 http
frontend -> backend GET|POST /orders
`,
	},
	{
		Code: AlsoServicePort, Severity: Warning,
		Title: "a container port that is also the port of a Service",
		Text: "The pods listen on this port, and a Service of the same number leads to another one. The rule opens the container port that it names; " +
			"whoever calls through the Service reaches the other one. Name the port that is meant.",
		Bad: `-- shop.mesh --
mesh shop strict
any -> backend:80
` + twoPortsManifest,
		Good: `-- shop.mesh --
mesh shop strict
any -> backend:8080
` + twoPortsManifest,
	},
	{
		Code: UnknownOwned, Severity: Warning,
		Title: "owners of a mesh that is not declared",
		Text: "`owners` in meshc.yaml keeps a mesh for the files of those who own it, by its name. No file opens a mesh of this name and no manifest is in " +
			"such a namespace, so the entry protects nothing: with a typing error, the mesh that it was meant for is open to every file.",
		Bad: `-- meshc.yaml --
apiVersion: meshc.dev/v1alpha1
kind: Project
owners: {paymets: ["teams/payments/**"]}
-- teams/payments/payments.mesh --
mesh payments strict
service api account api-sa
any -> api
`,
		Good: `-- meshc.yaml --
apiVersion: meshc.dev/v1alpha1
kind: Project
owners: {payments: ["teams/payments/**"]}
-- teams/payments/payments.mesh --
mesh payments strict
service api account api-sa
any -> api
`,
	},
	{
		Code: Unmanifested, Severity: Warning,
		Title: "a declared service that the manifests do not have",
		Text: "The manifests have workloads of this namespace, and none with the labels of this service. Its policies would bind no pod, so whoever relies on " +
			"its denies relies on nothing. Add its manifest, correct its name or labels, or silence this for a project that has only some of its manifests.",
		Bad: `-- shop.mesh --
mesh shop strict
service reports account reports-sa port 8080 http
any -> backend
backend -> reports
` + backendManifest,
		Good: `-- shop.mesh --
mesh shop strict
any -> backend
` + backendManifest,
	},
	{
		Code: LastOnly, Severity: Warning,
		Title: "operations behind the last of several destinations",
		Text: "Operations belong to the one destination that they stand behind: `frontend -> backend, admin GET /api/*` means those of admin, and every " +
			"call to backend. Repeat the operations behind each destination. Where every call to one of them is meant, give it an edge of its own.",
		Bad: `mesh shop strict
service frontend account frontend-sa
service backend account backend-sa port 8080 http
service admin account admin-sa port 8080 http
frontend -> backend, admin GET /api/*
`,
		Good: `mesh shop strict
service frontend account frontend-sa
service backend account backend-sa port 8080 http
service admin account admin-sa port 8080 http
frontend -> backend GET /api/*, admin GET /api/*
`,
	},
	{
		Code: AboutNothing, Severity: Warning, Follows: FromUnknown,
		Title: "a never, always or only that is about nothing",
		Text: "One side of the statement stands for no service, so it holds whatever the edges are: `*` is the services of the section that the statement " +
			"stands in, and `vault/*` those that mesh vault declares. Declare them or name their manifests, write the names that are meant, or delete the statement.",
		Bad: `mesh shop strict
service frontend account frontend-sa
service backend account backend-sa
frontend -> backend
never shop/frontend -> vault/*
mesh vault strict
`,
		Good: `mesh shop strict
service frontend account frontend-sa
service backend account backend-sa
frontend -> backend
never shop/frontend -> vault/*
mesh vault strict
service store account store-sa
service agent account agent-sa
agent -> store
`,
	},
}

// twoPortsManifest is a pod that listens on 80 and 8080 behind a Service whose port 80 leads to 8080.
const twoPortsManifest = `-- k8s/backend.yaml --
apiVersion: v1
kind: Pod
metadata: {name: backend, namespace: shop, labels: {app: backend}}
spec:
  serviceAccountName: backend-sa
  containers:
  - {name: backend, image: shop/backend, ports: [{containerPort: 80}, {containerPort: 8080}]}
---
apiVersion: v1
kind: Service
metadata: {name: backend, namespace: shop}
spec:
  selector: {app: backend}
  ports: [{name: http, port: 80, targetPort: 8080}]
`

// scrapedManifest is a pod that serves on 8080 and is scraped on 9090.
const scrapedManifest = `-- k8s/backend.yaml --
apiVersion: v1
kind: Pod
metadata:
  name: backend
  namespace: shop
  labels: {app: backend}
  annotations: {prometheus.io/scrape: "true", prometheus.io/port: "9090"}
spec:
  serviceAccountName: backend-sa
  containers:
  - name: backend
    image: shop/backend
    ports: [{name: http, containerPort: 8080}, {name: http-metrics, containerPort: 9090}]
`
