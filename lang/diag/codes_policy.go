package diag

// policyCodes is MESH20xx: intents that would not do what they say.
var policyCodes = []Entry{
	{
		Code: SharedAccount, Severity: Error, Follows: FromNothing,
		Title: "two services that share an account but not their edges",
		Text: "Istio knows a caller by its service account alone. Where two services of a namespace run as one account, whoever lets in the " +
			"first lets in the second too, and a deny for one hits both; a guard that makes an exception of one makes it of both. Give each its own account, " +
			"or write the same for both.",
		Bad: `mesh shop strict
service frontend account shop-sa
service reports account shop-sa
service backend account backend-sa
service db account db-sa
frontend -> backend
reports -> db
`,
		Good: `mesh shop strict
service frontend account frontend-sa
service reports account reports-sa
service backend account backend-sa
service db account db-sa
frontend -> backend
reports -> db
`,
	},
	{
		Code: OverlappingSelectors, Severity: Error, Follows: FromNothing,
		Title: "selectors of two services that match the same pods",
		Text: "A policy binds every pod that has the labels of its selector. Where the labels of one service are a part of another's, the rules of " +
			"the first also open and close the second's pods. Give each service a label that only its own pods have.",
		Bad: `mesh shop strict
service gateway account gateway-sa
service web account web-sa label app=web
service canary account canary-sa label app=web label track=canary
gateway -> web
gateway -> canary
`,
		Good: `mesh shop strict
service gateway account gateway-sa
service web account web-sa label app=web label track=stable
service canary account canary-sa label app=web label track=canary
gateway -> web
gateway -> canary
`,
	},
	{
		Code: NotExported, Severity: Error,
		Title: "an edge into a mesh that does not export its destination",
		Text: "Who may call a service is for its owners to say. An edge that stands in another section than its callee's needs an `export` in the " +
			"callee's section that covers it: the same service, caller, port and operations, and no earlier last day. Ask for the line that the finding names.",
		Bad: `mesh payments strict
service api account api-sa
mesh shop strict
service backend account backend-sa
backend -> payments/api
`,
		Good: `mesh payments strict
service api account api-sa
export api to shop/backend
mesh shop strict
service backend account backend-sa
backend -> payments/api
`,
	},
	{
		Code: NotOwner, Severity: Error, Follows: FromNothing,
		Title: "a file that opens a mesh which it does not own",
		Text: "`owners` in meshc.yaml says which files may open which mesh, so that no team writes rules for another. Move the statements to a file " +
			"of the owners, or write the edge in your own section and ask for an `export`.",
		Bad: `-- meshc.yaml --
apiVersion: meshc.dev/v1alpha1
kind: Project
owners: {payments: ["teams/payments/**"]}
-- teams/shop/shop.mesh --
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
		Code: NoIdentity, Severity: Error, Follows: FromNothing,
		Title: "an edge from a caller that cannot prove who it is",
		Text: "Identity comes with mutual TLS, between two proxies. A caller without a proxy has none, and where the callee's mode is `disable` no " +
			"caller has one: the rule would turn everyone away. Bring both into the mesh, give an outside caller its `address`, or write " +
			"`world` if anyone may call.",
		Bad: `mesh shop disable
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
		Code: OutsideIntoStrict, Severity: Error, Follows: FromNothing,
		Title: "an edge from outside the mesh into a strict port",
		Text: "A caller without a proxy speaks plaintext, and a strict port takes only mutual TLS: the connection is cut before any rule is looked " +
			"at. Bring the caller into the mesh, or make the port permissive for as long as the move takes: `mtls backend:8080 permissive`.",
		Bad: `mesh shop strict
service legacy outside address 10.0.3.7
service backend account backend-sa
legacy -> backend
`,
		Good: `mesh shop strict
service legacy account legacy-sa
service backend account backend-sa
legacy -> backend
`,
	},
	{
		Code: ExternalSource, Severity: Error, Follows: FromNothing,
		Title: "an external as a caller",
		Text: "An external is a host outside the mesh that services call. What comes from outside enters through a gateway, and that is a " +
			"service with an account: `istio-system/ingress -> backend`.",
		Bad: `mesh shop strict
service backend account backend-sa
external stripe host api.stripe.com port 443 tls
backend -> stripe
stripe -> backend
`,
		Good: `mesh istio-system
service ingress account ingress-sa
mesh shop strict
service backend account backend-sa
external stripe host api.stripe.com port 443 tls
backend -> stripe
istio-system/ingress -> backend
`,
	},
	{
		Code: ExternalMode, Severity: Error, Follows: FromNothing,
		Title: "an mTLS mode for an external",
		Text: "Mutual TLS of the mesh works between its own proxies; a host outside has none. To encrypt the way there, state it on the port: `tls` where the " +
			"application opens the TLS connection itself, `http tls` where its sidecar is to do so.",
		Bad: `mesh shop strict
service backend account backend-sa
external stripe host api.stripe.com port 443 tls
backend -> stripe
mtls stripe strict
`,
		Good: `mesh shop strict
service backend account backend-sa
external stripe host api.stripe.com port 443 tls
backend -> stripe
`,
	},
	{
		Code: RootNamespace, Severity: Error, Follows: FromNothing,
		Title: "a mode or an edge in the root namespace",
		Text: "Istio applies what stands in the root namespace to every namespace. So its section may declare services, a gateway for instance, and " +
			"nothing else. The mode of the whole mesh is `mesh * strict`.",
		Bad: `mesh istio-system strict
service ingress account ingress-sa
mesh shop strict
service backend account backend-sa
istio-system/ingress -> backend
`,
		Good: `mesh * strict
mesh istio-system
service ingress account ingress-sa
mesh shop
service backend account backend-sa
istio-system/ingress -> backend
`,
	},
	{
		Code: Expired, Severity: Error, Follows: FromNothing,
		Title: "an intent whose last day has passed",
		Text: "The statement was meant to end, and its day is over, so it is left out of the manifests. Remove it, or agree on a new day. " +
			"Today is what --date or SOURCE_DATE_EPOCH says, else the clock in UTC.",
		Bad: `mesh shop strict
service frontend account frontend-sa
service batch account batch-sa
service backend account backend-sa
frontend -> backend
batch -> backend until 2026-12-31 because "INC-42, batch window"
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
		Code: NeverBroken, Severity: Error,
		Title: "a never that some request breaks",
		Text: "The policy, as compiled, lets a request through that `never` rules out. The finding shows such a request and the edges that let it " +
			"through. Remove one of them, or name the exception: `never * -> db except backend`.",
		Bad: `mesh shop strict
service frontend account frontend-sa
service backend account backend-sa
service db account db-sa
frontend -> backend -> db
never frontend ->> db
`,
		Good: `mesh shop strict
service frontend account frontend-sa
service backend account backend-sa
service db account db-sa
frontend -> backend -> db
never frontend -> db
`,
	},
	{
		Code: AlwaysBroken, Severity: Error,
		Title: "an always that some request fails",
		Text: "The policy, as compiled, stops a request that `always` promises. The finding shows such a request and what stops it: a deny, or that no " +
			"edge lets it through.",
		Bad: `mesh shop strict
service frontend account frontend-sa
service backend account backend-sa port 8080 http
frontend -> backend GET /api/*
always frontend -> backend GET /health
`,
		Good: `mesh shop strict
service frontend account frontend-sa
service backend account backend-sa port 8080 http
frontend -> backend GET /api/*, GET /health
always frontend -> backend GET /health
`,
	},
	{
		Code: OnlyBroken, Severity: Error,
		Title: "an only that does not hold",
		Text: "`only` names exactly who may reach a destination. Someone else reaches it, or one of those named does not; the finding shows which, with " +
			"the edge that does it.",
		Bad: `mesh shop strict
service backend account backend-sa
service reports account reports-sa
service db account db-sa
backend, reports -> db
only backend -> db
`,
		Good: `mesh shop strict
service backend account backend-sa
service reports account reports-sa
service db account db-sa
backend, reports -> db
only backend, reports -> db
`,
	},
	{
		Code: SelectorMismatch, Severity: Error, Follows: FromNothing,
		Title: "a selector that matches none of the service's pods",
		Text: "A policy finds the pods that it binds by their labels. Where the declared labels match none of the pods that the manifests give the " +
			"service, an allow rule would open nothing and a deny would shut nothing. Write the labels that the pods have, or leave them out where " +
			"the pods have the label `app` with the name of the service.",
		Bad: `-- shop.mesh --
mesh shop strict
service frontend account frontend-sa
service db account db-sa label app=database
frontend -> db
-- k8s/db.yaml --
apiVersion: apps/v1
kind: Deployment
metadata: {name: db, namespace: shop}
spec:
  template:
    metadata: {labels: {app: db}}
    spec: {serviceAccountName: db-sa}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: frontend, namespace: shop}
spec:
  template:
    metadata: {labels: {app: frontend}}
    spec: {serviceAccountName: frontend-sa}
`,
		Good: `-- shop.mesh --
mesh shop strict
service frontend account frontend-sa
service db account db-sa label app=database
frontend -> db
-- k8s/db.yaml --
apiVersion: apps/v1
kind: Deployment
metadata: {name: db, namespace: shop}
spec:
  template:
    metadata: {labels: {app: database}}
    spec: {serviceAccountName: db-sa}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: frontend, namespace: shop}
spec:
  template:
    metadata: {labels: {app: frontend}}
    spec: {serviceAccountName: frontend-sa}
`,
	},
	{
		Code: SharedAddress, Severity: Error, Follows: FromNothing,
		Title: "two services that share an address but not their edges",
		Text: "A service outside the mesh is known by its addresses alone. Where one service is at an address of another, whoever lets in the other lets in " +
			"the one too, and a deny for the other hits both. Give them addresses that do not overlap, or write for the one what is written for the other; " +
			"a host may well be let in to more than the network that it is in.",
		Bad: `mesh shop permissive
service legacy outside address 10.0.3.0/24
service reports outside address 10.0.3.7
service backend account backend-sa port 8080 http
legacy -> backend:8080 GET /orders
reports -> backend:8080 GET /reports
`,
		Good: `mesh shop permissive
service legacy outside address 10.0.3.0/24
service reports outside address 10.0.3.7
service backend account backend-sa port 8080 http
legacy, reports -> backend:8080 GET /orders
reports -> backend:8080 GET /reports
`,
	},
	{
		Code: ProxiedOutside, Severity: Error, Follows: FromNothing,
		Title: "a service declared outside the mesh whose manifest shows a proxy",
		Text: "`outside` says that the pods of a service have no proxy, and the manifests show that they have one: a label that asks for it, a container " +
			"istio-proxy, or a namespace with injection. Such a caller comes with an identity, and a rule for its addresses does not let it in; as a callee it " +
			"would be closed by the default-deny of its namespace. Correct whichever is wrong.",
		Bad: `-- shop.mesh --
mesh shop permissive
service legacy outside address 10.0.3.0/24
service backend account backend-sa port 8080 http
legacy -> backend:8080
` + legacyManifest,
		Good: `-- shop.mesh --
mesh shop strict
legacy -> backend:8080
` + legacyManifest,
	},
}

// legacyManifest is two pods of a namespace with injection.
const legacyManifest = `-- k8s/shop.yaml --
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {istio-injection: enabled}}
---
apiVersion: v1
kind: Pod
metadata: {name: legacy, namespace: shop, labels: {app: legacy}}
spec:
  serviceAccountName: legacy-sa
  containers: [{name: legacy, image: shop/legacy}]
---
apiVersion: v1
kind: Pod
metadata: {name: backend, namespace: shop, labels: {app: backend}}
spec:
  serviceAccountName: backend-sa
  containers: [{name: backend, image: shop/backend, ports: [{containerPort: 8080}]}]
`
