package diag

// nameCodes is MESH10xx: names and values that do not lead anywhere, or are written in the wrong place.
var nameCodes = []Entry{
	{
		Code: UnknownService, Severity: Error, Follows: UnknownName,
		Title: "a service, group or external that is not declared",
		Text: "Every name in an edge must lead to something: a `service`, `group` or `external` of the same mesh, or a workload " +
			"in the manifests that the project reads. A name of another mesh is written with it: `payments/api`. " +
			"An undeclared name would become a rule that matches nobody, which is why it is refused.",
		Bad: `mesh shop strict
service frontend account frontend-sa
service admin account admin-sa
service backend account backend-sa
frontend -> backend
admin -> backnd
`,
		Good: `mesh shop strict
service frontend account frontend-sa
service admin account admin-sa
service backend account backend-sa
frontend -> backend
admin -> backend
`,
	},
	{
		Code: UnknownMesh, Severity: Error, Follows: UnknownName,
		Title: "a mesh that is not declared",
		Text: "A qualified name such as `payments/api` begins with a mesh that some file of the project opens with `mesh payments`, " +
			"or with a namespace of its workload manifests. A mesh of another team that is not in this project can be declared " +
			"here with the services that are named: `mesh payments; service api account api-sa`.",
		Bad: `mesh payments strict
service api account api-sa
any -> api
mesh shop strict
service backend account backend-sa
pyments/api -> backend
`,
		Good: `mesh payments strict
service api account api-sa
any -> api
mesh shop strict
service backend account backend-sa
payments/api -> backend
`,
	},
	{
		Code: UnknownAccount, Severity: Error,
		Title: "a service account that is not declared",
		Text: "The manifests of this namespace have ServiceAccount objects, and the one that the service names is not among them. " +
			"A pod with an account that does not exist never starts, and a rule that names it lets nobody in.",
		Bad: `-- shop.mesh --
mesh shop strict
service frontend account frontend-sa
service backend account backend-sa
frontend -> backend
-- k8s/accounts.yaml --
apiVersion: v1
kind: ServiceAccount
metadata: {name: backend-sa, namespace: shop}
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
		Code: UnknownPort, Severity: Error,
		Title: "a port that the service does not declare",
		Text: "The callee states its ports, and the edge names another. A rule for a port that nobody listens on lets nothing through. " +
			"Ports are container ports, as Istio enforces them, not ports of a Service object.",
		Bad: `mesh shop strict
service frontend account frontend-sa
service backend account backend-sa port 8080 http
frontend -> backend:8081
`,
		Good: `mesh shop strict
service frontend account frontend-sa
service backend account backend-sa port 8080 http
frontend -> backend:8080
`,
	},
	{
		Code: DuplicateDeclaration, Severity: Error, Follows: FromNothing,
		Title: "two declarations of one name",
		Text: "Within a mesh a name stands for one service, group or external, in whichever file it is declared. " +
			"Keep one of the two, or give one another name.",
		Bad: `mesh shop strict
service frontend account frontend-sa
service backend account backend-sa
service backend account backend-v2-sa
frontend -> backend
`,
		Good: `mesh shop strict
service frontend account frontend-sa
service backend account backend-sa
service backend-v2 account backend-v2-sa
frontend -> backend, backend-v2
`,
	},
	{
		Code: DuplicateMode, Severity: Error, Follows: FromNothing,
		Title: "two mTLS modes for one mesh, workload or port",
		Text: "The mode of a mesh, a workload or a port is stated once in a project, even where both say the same: of two " +
			"PeerAuthentications for one scope Istio takes the older one and says nothing. Other files open the mesh without a mode.",
		Bad: `mesh shop strict
service frontend account frontend-sa
service backend account backend-sa
frontend -> backend

mesh shop permissive
`,
		Good: `mesh shop strict
service frontend account frontend-sa
service backend account backend-sa

mesh shop
frontend -> backend
`,
	},
	{
		Code: InvalidName, Severity: Error, Follows: FromNothing,
		Title: "a name that Kubernetes would refuse",
		Text: "Names of meshes and services become names and labels of Kubernetes objects: at most 63 lower-case letters, digits " +
			"and dashes, with a letter or digit at either end. Names of accounts may also have dots.",
		Bad: `mesh shop strict
service frontend account frontend-sa
service Backend account backend-sa
frontend -> Backend
`,
		Good: `mesh shop strict
service frontend account frontend-sa
service backend account backend-sa
frontend -> backend
`,
	},
	{
		Code: InvalidValue, Severity: Error, Follows: FromNothing,
		Title: "a value that cannot be right",
		Text: "A port is a number from 1 to 65535, a protocol is one of http, http2, grpc, tcp and tls, a mode one of strict, permissive " +
			"and disable, a date a day of the calendar as in 2027-03-31, an address an IP address or a CIDR block, and a label what " +
			"Kubernetes takes for one.",
		Bad: `mesh shop strict
service frontend account frontend-sa
service backend account backend-sa port 80800 http
frontend -> backend
`,
		Good: `mesh shop strict
service frontend account frontend-sa
service backend account backend-sa port 8080 http
frontend -> backend
`,
	},
	{
		Code: NoSection, Severity: Error,
		Title: "a statement that needs a mesh to stand in",
		Text: "Services, groups, externals, edges, denies, exports and modes belong to the mesh whose section they stand in, which " +
			"begins with a `mesh` line. Only never, always and only may stand outside of one, with qualified names.",
		Bad: `service frontend account frontend-sa
mesh shop strict
service backend account backend-sa
any -> backend
`,
		Good: `mesh shop strict
service frontend account frontend-sa
service backend account backend-sa
frontend -> backend
`,
	},
	{
		Code: AmbiguousName, Severity: Error, Follows: FromNothing,
		Title: "a name that reads like something else",
		Text: "In an edge `any` is whoever proves an identity and `world` is anyone at all, and this mesh also declares something of that name. " +
			"Whoever reads the line must be able to say what it lets through: give the service another name, or write it in double quotes.",
		Bad: `mesh shop strict
service world account world-sa
service backend account backend-sa
service db account db-sa
"world" -> backend
world -> db
`,
		Good: `mesh shop strict
service atlas account atlas-sa
service backend account backend-sa
service db account db-sa
atlas -> backend
atlas -> db
`,
	},
	{
		Code: ServicePort, Severity: Error, Follows: FromNothing,
		Title: "a Service port where the container port is meant",
		Text: "A Service object maps its own port to a container port, and the proxy of the callee sees only the latter. A rule for the " +
			"Service's port would match nothing, and so would one for a port that a `service` statement declares by that number. " +
			"The finding names the container port.",
		Bad: `-- shop.mesh --
mesh shop strict
service backend account backend-sa
any -> backend:80
` + backendManifest,
		Good: `-- shop.mesh --
mesh shop strict
service backend account backend-sa
any -> backend:8080
` + backendManifest,
	},
	{
		Code: RepeatedClause, Severity: Error, Follows: FromNothing,
		Title: "a clause that is written twice",
		Text: "A service has one account, one answer to `outside`, and each of its ports once; an edge has one `until` and one `because`. " +
			"Of two, meshc would have to guess which is meant. `label`, `port` and `address` may repeat with different values.",
		Bad: `mesh shop strict
service frontend account frontend-sa account web-sa
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
		Code: AccountMismatch, Severity: Error, Follows: FromNothing,
		Title: "an account that differs from serviceAccountName",
		Text: "The identity of a pod comes from the serviceAccountName in its manifest, whatever the intents say. Rules made from another " +
			"account would turn the pod away everywhere, one of the most common outages with Istio. Correct whichever is wrong, " +
			"or leave the account out of the intents: the manifest is enough.",
		Bad: `-- shop.mesh --
mesh shop strict
service frontend account frontend
any -> frontend
-- k8s/frontend.yaml --
apiVersion: v1
kind: Pod
metadata: {name: frontend, namespace: shop, labels: {app: frontend}}
spec:
  serviceAccountName: frontend-sa
  containers: [{name: frontend, image: shop/frontend}]
`,
		Good: `-- shop.mesh --
mesh shop strict
any -> frontend
-- k8s/frontend.yaml --
apiVersion: v1
kind: Pod
metadata: {name: frontend, namespace: shop, labels: {app: frontend}}
spec:
  serviceAccountName: frontend-sa
  containers: [{name: frontend, image: shop/frontend}]
`,
	},
	{
		Code: NotHTTP, Severity: Error,
		Title: "HTTP operations on a port that is not HTTP",
		Text: "Methods and paths exist only on ports whose protocol is http, http2 or grpc. On any other port Istio skips an allowing " +
			"rule that has them, and widens a denying one. State the protocol of the port, name an HTTP port, or leave the operations out.",
		Bad: `mesh shop strict
service backend account backend-sa
service db account db-sa port 5432 tcp
backend -> db:5432 GET /tables/*
`,
		Good: `mesh shop strict
service backend account backend-sa
service db account db-sa port 5432 tcp
backend -> db:5432
`,
	},
	{
		Code: InvalidOperation, Severity: Error, Follows: FromNothing,
		Title: "a method or path that Istio would refuse",
		Text: "A method is a word in capitals. A path begins with `/` and is exact, ends in `*`, or begins with `*`; for a star within a path " +
			"Istio has `{*}` (one segment) and `{**}` (any number), each as a whole segment. Istio accepts some other forms and then matches " +
			"them literally, so meshc refuses them.",
		Bad: `mesh shop strict
service frontend account frontend-sa
service backend account backend-sa port 8080 http
frontend -> backend GET /api/*/orders/*
`,
		Good: `mesh shop strict
service frontend account frontend-sa
service backend account backend-sa port 8080 http
frontend -> backend GET /api/{*}/orders/{**}
`,
	},
	{
		Code: NotADestination, Severity: Error, Follows: FromNothing,
		Title: "something that cannot be called",
		Text: "`any` and `world` describe callers. Where an edge leads must be a service, a group, an external, or `*` for all services of this " +
			"section: only these have a workload or a host that a rule can be about.",
		Bad: `mesh shop strict
service frontend account frontend-sa
service backend account backend-sa
frontend -> backend, world
`,
		Good: `mesh shop strict
service frontend account frontend-sa
service backend account backend-sa
external stripe host api.stripe.com port 443 tls
frontend -> backend, stripe
`,
	},
	{
		Code: MisplacedClause, Severity: Error, Follows: FromNothing,
		Title: "a clause that this statement cannot have",
		Text: "A port or operations belong to the callee, not to the caller; an address belongs to a service outside the mesh; a label or an " +
			"account belongs to one inside. Move the clause to where it means something, or leave it out.",
		Bad: `mesh shop strict
service frontend account frontend-sa port 8080 http
service backend account backend-sa
frontend:8080 -> backend
`,
		Good: `mesh shop strict
service frontend account frontend-sa
service backend account backend-sa port 8080 http
frontend -> backend:8080
`,
	},
	{
		Code: NoIdentitySource, Severity: Error,
		Title: "a service without an account",
		Text: "A service is known by its service account. State it (`account frontend-sa`), or give meshc the workload manifest that " +
			"has it (`workloads` in meshc.yaml, or --workloads). A service that has no proxy, and so no identity, is declared `outside`.",
		Bad: `mesh shop strict
service frontend
service backend account backend-sa
frontend -> backend
`,
		Good: `mesh shop strict
service frontend account frontend-sa
service backend account backend-sa
frontend -> backend
`,
	},
}

// backendManifest is a pod that listens on 8080 behind a Service that listens on 80.
const backendManifest = `-- k8s/backend.yaml --
apiVersion: v1
kind: Pod
metadata: {name: backend, namespace: shop, labels: {app: backend}}
spec:
  serviceAccountName: backend-sa
  containers:
  - {name: backend, image: shop/backend, ports: [{name: http, containerPort: 8080}]}
---
apiVersion: v1
kind: Service
metadata: {name: backend, namespace: shop}
spec:
  selector: {app: backend}
  ports: [{name: http, port: 80, targetPort: 8080}]
`
