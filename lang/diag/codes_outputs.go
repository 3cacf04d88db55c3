package diag

import (
	"fmt"
	"strings"
)

// outputCodes is MESH3xxx and MESH4xxx: what a target cannot express, and what stands in the way of writing it.
var outputCodes = []Entry{
	{
		Code: Inexpressible, Severity: Error, Follows: FromNothing,
		Title: "something that the target cannot express",
		Text: "The intent is clear, and the target has no way to say it, or none that means exactly this. Nothing is left out silently or made wider: " +
			"the build fails and the finding says what would be possible. In the example the policy of a service called `default` would have the name " +
			"of the one that closes the namespace.",
		Bad: `mesh shop strict
service frontend account frontend-sa
service default account backend-sa port 8080 http
frontend -> default
deny frontend -> default DELETE
`,
		Good: `mesh shop strict
service frontend account frontend-sa
service backend account backend-sa port 8080 http
frontend -> backend
deny frontend -> backend DELETE
`,
	},
	{
		Code: ManifestLimit, Severity: Error,
		Title: "an object over a limit of its kind",
		Text: "The API server takes no object beyond certain sizes and counts. Where a policy can be split, meshc does so; this one statement alone is " +
			"over the limit. Write it as several.",
		Bad: `mesh shop strict
service backend account backend-sa
external partners` + hosts(257) + ` port 443 tls
backend -> partners
`,
		Good: `mesh shop strict
service backend account backend-sa
external partners host "*.partners.example.com" port 443 tls
backend -> partners
`,
	},
	{
		Code: Unevaluable, Severity: Error,
		Title: "a manifest that cannot be judged",
		Text: "A policy has a field that is unknown, or that a cluster would refuse, or the file cannot be read at all. What such a policy lets through " +
			"cannot be told, so every request that it might decide counts as undecided. Of two PeerAuthentications of one scope the oldest counts: " +
			"where they differ and neither manifest tells its age, as those of a cluster do, the mode is not known. Neither can a service be judged " +
			"whose rules have so many patterns of paths, each of which may go with any of the others, that the kinds of requests cannot be counted.",
		Bad: `-- manifests/backend.yaml --
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: backend-ingress, namespace: shop}
spec:
  selector: {matchLabels: {app: backend}}
  rules:
  - from:
    - source: {principal: [cluster.local/ns/shop/sa/frontend-sa]}
`,
		Good: `-- manifests/backend.yaml --
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: backend-ingress, namespace: shop}
spec:
  selector: {matchLabels: {app: backend}}
  rules:
  - from:
    - source: {principals: [cluster.local/ns/shop/sa/frontend-sa]}
`,
	},
	{
		Code: Ineffective, Severity: Warning,
		Title: "a policy, or a part of one, that has no effect",
		Text: "Istio takes the policy and then does not do what it seems to say: of two PeerAuthentications of one scope only the oldest counts, one with a " +
			"selector in the root namespace is passed over, a selector takes no pod, an empty list restricts nothing, a Sidecar lets through no call by address.",
		Bad: `-- manifests/shop.yaml --
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default, namespace: shop}
spec: {mtls: {mode: STRICT}}
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: shop-strict, namespace: shop}
spec: {mtls: {mode: STRICT}}
`,
		Good: `-- manifests/shop.yaml --
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default, namespace: shop}
spec: {mtls: {mode: STRICT}}
`,
	},
	{
		Code: Undecided, Severity: Warning,
		Title: "a policy that looks at more than meshc tells apart",
		Text: "The policy is sound, and what it lets through depends on something that is no part of a caller, a port, a method or a path: a token, a header, an " +
			"external authorizer, a waypoint. Requests that it might match count as undecided.",
		Bad: `-- manifests/backend.yaml --
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: backend-ingress, namespace: shop}
spec:
  selector: {matchLabels: {app: backend}}
  rules:
  - from:
    - source: {requestPrincipals: [issuer.example.com/*]}
`,
		Good: `-- manifests/backend.yaml --
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: backend-ingress, namespace: shop}
spec:
  selector: {matchLabels: {app: backend}}
  rules:
  - from:
    - source: {principals: [cluster.local/ns/shop/sa/frontend-sa]}
`,
	},
	{
		Code: NotJudged, Severity: Note,
		Title: "an object that is not judged",
		Text: "The object belongs to Istio's security, and meshc does not look at it: a RequestAuthentication turns away requests with a token that is not valid and " +
			"lets those without one pass; of other kinds nothing is known. What the policies beside it let through is told as if it were not there.",
		Bad: `-- manifests/shop.yaml --
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: {name: tokens, namespace: shop}
spec:
  jwtRules: [{issuer: issuer.example.com}]
`,
		Good: `-- manifests/shop.yaml --
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default, namespace: shop}
spec: {mtls: {mode: STRICT}}
`,
	},
	{
		Code: Misleading, Severity: Warning,
		Title: "a part of a policy that does not mean what it seems to",
		Text: "Istio takes it, and then reads it in another way: a principal is written without spiffe://, a wildcard is one at the start or at the end only, " +
			"a method is compared as it is written, and a DENY rule with fields of HTTP denies everything on a port that is not HTTP.",
		Bad: `-- manifests/backend.yaml --
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: backend-deny, namespace: shop}
spec:
  action: DENY
  selector: {matchLabels: {app: backend}}
  rules:
  - to:
    - operation: {ports: ["8080"], methods: [delete]}
`,
		Good: `-- manifests/backend.yaml --
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: backend-deny, namespace: shop}
spec:
  action: DENY
  selector: {matchLabels: {app: backend}}
  rules:
  - to:
    - operation: {ports: ["8080"], methods: [DELETE]}
`,
	},
	{
		Code: Unjudged, Severity: Warning,
		Title: "an object of Istio's that may change who reaches whom",
		Text: "An EnvoyFilter or a Sidecar changes what proxies do, and a DestinationRule how callers open their connections. Where that cannot be held against " +
			"the policies, what they let through is told as if the object were not there.",
		Bad: `-- manifests/shop.yaml --
apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: {name: tuning, namespace: shop}
spec: {}
`,
		Good: `-- manifests/shop.yaml --
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default, namespace: shop}
spec: {mtls: {mode: STRICT}}
`,
	},
	{
		Code: ForeignFile, Severity: Error,
		Title: "a file in the output folder that meshc did not write",
		Text: "meshc replaces and removes only files that it wrote there before, as .meshc.lock in the folder says, and this one has the name of a file " +
			"that it would write. Move it away, or build into a folder of its own. Files with other names stay as they are.",
		Bad: `-- shop.mesh --
mesh shop strict
service backend account backend-sa
any -> backend
-- out/kustomization.yaml --
resources: [../base]
`,
		Good: `-- shop.mesh --
mesh shop strict
service backend account backend-sa
any -> backend
-- out/README.md --
Generated by meshc from shop.mesh.
`,
	},
	{
		Code: ChangedFile, Severity: Error,
		Title: "a generated file that was changed by hand",
		Text: "The file is not as meshc wrote it. Writing it anew would lose the change, so nothing is written. Bring the change into the intents and " +
			"delete the file, or give the change up with --overwrite.",
		Bad: `-- shop.mesh --
mesh shop strict
service backend account backend-sa
any -> backend
-- out/.meshc.lock --
` + lockOfKustomization + `-- out/kustomization.yaml --
resources: [shop, by-hand.yaml]
`,
		Good: `-- shop.mesh --
mesh shop strict
service backend account backend-sa
any -> backend
-- out/.meshc.lock --
` + lockOfKustomization + `-- out/kustomization.yaml --
resources: [shop]
`,
	},
	{
		Code: OtherEnvironment, Severity: Error,
		Title: "an output folder of another environment",
		Text: "The lock of the folder says which environment its files were built for, and this build is for another one, or for none. Whatever applies the " +
			"folder would bring the modes and intents of the one to the other, so nothing is written. Build each environment into a folder of its own, name " +
			"the folder's environment with `--env`, or change what the folder is for with --overwrite.",
		Bad: `-- shop.mesh --
mesh shop strict
service backend account backend-sa
any -> backend
-- out/.meshc.lock --
` + lockHead + `environment prod
` + lockedKustomization + `-- out/kustomization.yaml --
resources: [shop]
`,
		Good: `-- shop.mesh --
mesh shop strict
service backend account backend-sa
any -> backend
-- out/.meshc.lock --
` + lockOfKustomization + `-- out/kustomization.yaml --
resources: [shop]
`,
	},
	{
		Code: LeftOut, Severity: Warning,
		Title: "a manifest that a new kustomization.yaml leaves out",
		Text: "A controller that is pointed at a folder applies all manifests in it, until there is a kustomization.yaml: then it applies what that names, and " +
			"may delete the rest. meshc is about to write the first one here, and it names only files of meshc. Say in the intents what the others say, or " +
			"move them to a folder that the controller reads besides.",
		Bad: `-- shop.mesh --
mesh shop strict
service backend account backend-sa
any -> backend
-- out/shop/legacy.yaml --
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: legacy, namespace: shop}
spec: {}
`,
		Good: `-- shop.mesh --
mesh shop strict
service backend account backend-sa
any -> backend
-- legacy/shop.yaml --
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: legacy, namespace: shop}
spec: {}
`,
	},
}

// lockOfKustomization is the lock of a folder to which meshc wrote the one line `resources: [shop]`.
const lockOfKustomization = lockHead + lockedKustomization

const lockHead = `# The files here that meshc owns, with their digests. Written by meshc; do not edit.
format 1
`

const lockedKustomization = `sha256:3e8c0308d6bf08f41fcfae78a9e3879c758730a500b76f27a6046b1072cf7c04 kustomization.yaml
`

func hosts(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, " host api-%d.example.com", i+1)
	}
	return b.String()
}
