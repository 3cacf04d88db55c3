package network_test

import (
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/compiler"
	"github.com/meshc/meshc/compiler/analysis/network"
	"github.com/meshc/meshc/compiler/analysis/testdata/analysistest"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
	"github.com/meshc/meshc/targets"
	cilium "github.com/meshc/meshc/targets/cilium/read"
	"github.com/meshc/meshc/targets/networkpolicy/read"
	"github.com/meshc/meshc/testdata/draft"
)

// kinds has each kind of caller, port and pods.
var kinds = map[string][]string{
	"shop": {
		"service web account web label app=web port 8080 http port 9090 tcp",
		"service api account api label app=api label tier=back port 8080 http",
		"service cart account cart label app=cart port 8080 http",
		"service guessed account guessed port 80 http",
		"service legacy outside address 10.0.3.0/24 address 2001:db8::/64",
		"external bank host bank.example port 443 tls", "external shops host \"*.shop.example\" port 443 tls port 80 http",
		"web, cart, guessed -> api:8080", "api -> web except :9090", "legacy -> web:9090", "lab/* -> cart", "any -> guessed", "world -> web:8080",
		"cart -> bank", "api -> shops", "api -> dns", "cart -> web", "deny cart -> web:9090", "web -> lab/probe:8080", "dns -> cart:8080",
	},
	"lab": {
		"service probe account probe label app=probe port 8080 http", "export probe to shop", "shop/web -> probe", "lab/* -> probe:8080",
		"service bench account bench label app=bench port 8080 http", "probe -> bench",
	},
}

const workloads = `apiVersion: apps/v1
kind: Deployment
metadata: {name: dns, namespace: shop}
spec:
  template:
    metadata: {labels: {app: dns, version: v1}}
    spec: {serviceAccountName: dns, containers: [{name: main, ports: [{containerPort: 53}, {containerPort: 53, protocol: UDP}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: dns, namespace: shop}
spec: {selector: {app: dns, version: v1}, ports: [{name: tcp, port: 53}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: nodes, namespace: shop}
spec:
  template:
    metadata: {labels: {app: nodes}}
    spec: {serviceAccountName: nodes, hostNetwork: true, containers: [{name: main, ports: [{containerPort: 80}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: nodes, namespace: shop}
spec: {selector: {app: nodes}, ports: [{name: http, port: 80}]}
`

// networks are what may enforce that. All of them say word for word what is granted.
var networks = []struct {
	settings string
	kind     string
	read     func([]*source.File) (*network.Layer, diag.List)
	isolates [2]bool
}{
	{"targets: {istio: {}, networkPolicy: {egress: true}}\n", "NetworkPolicy", networkPolicies, [2]bool{true, true}},
	{"targets: {istio: {}, networkPolicy: {egress: true}}\ndataplanes: {shop: {ambient: {waypoint: waypoint}}, lab: ambient}\n", "NetworkPolicy", networkPolicies, [2]bool{true, true}},
	{"targets: {cilium: {egress: true}}\n", "CiliumNetworkPolicy", cilium.Egress, [2]bool{false, true}},
}

func networkPolicies(files []*source.File) (*network.Layer, diag.List) { return read.Files(files, "") }

// swaps are what a line alone does not come to.
var swaps = []analysistest.Swap{
	{Old: regexp.MustCompile(`matchLabels:\n( *)(\S+): (\S+)`), New: "matchExpressions:\n$1- key: $2\n$1  operator: NotIn\n$1  values:\n$1  - $3"},
	{Old: regexp.MustCompile(`matchLabels:\n( *)(\S+): (\S+)`), New: "matchExpressions:\n$1- key: $2\n$1  operator: In\n$1  values:\n$1  - $3\n$1  - web"},
	{Old: regexp.MustCompile(`matchLabels:\n( *)(\S+): (\S+)`), New: "matchExpressions:\n$1- key: $2\n$1  operator: Exists"},
	{Old: regexp.MustCompile(`operator: In`), New: "operator: NotIn"},
	{Old: regexp.MustCompile(`( *)namespaceSelector:\n.*\n.*`), New: "${1}namespaceSelector: {}"},
	{Old: regexp.MustCompile(`( *)(matchLabels:\n)( *)kubernetes.io/metadata.name`), New: "$1$2${3}team: a\n${3}kubernetes.io/metadata.name"},
	{Old: regexp.MustCompile(`( *)- (namespaceSelector:\n.*\n.*)\n( *)podSelector:`), New: "$1- $2\n$1- podSelector:"},
	{Old: regexp.MustCompile(`( *)podSelector:\n.*\n.*\n`), New: "${1}podSelector: {}\n"},
	{Old: regexp.MustCompile(`( *)cidr: 10.0.3.0/24`), New: "${1}cidr: 10.0.3.0/24\n${1}except:\n${1}- 10.0.3.128/25"},
	{Old: regexp.MustCompile(`port: \d+`), New: "port: http"},
	{Old: regexp.MustCompile(`( *)port: 8080`), New: "${1}endPort: 8090\n${1}port: 8080"},
	{Old: regexp.MustCompile(`( *)port: 8080`), New: "${1}endPort: 9090\n${1}port: 8080"},
	{Old: regexp.MustCompile(`protocol: TCP`), New: "protocol: SCTP"},
	{Old: regexp.MustCompile(`protocol: TCP`), New: "protocol: ANY"},
	{Old: regexp.MustCompile(`- Ingress`), New: "- Egress"},
	{Old: regexp.MustCompile(`- Egress`), New: "- Ingress"},
	{Old: regexp.MustCompile(`(?s)( *)(- from|- to|- toEndpoints|- toFQDNs|- toCIDR):.*`), New: "$1- {}\n$1$2:$3"},
	{Old: regexp.MustCompile(`(from|to|ports|toPorts|toEndpoints|toFQDNs):\n`), New: "unknown: []\n"},
	{Old: regexp.MustCompile(`matchName: `), New: "matchPattern: "},
	{Old: regexp.MustCompile(`\*\*\.`), New: "*."},
}

// TestLiteral spoils the manifests of a network in a random line: where they are still said to be word for word what is
// granted, the proof by classes finds no difference either.
func TestLiteral(t *testing.T) {
	for _, n := range networks {
		p := &draft.Project{Settings: "apiVersion: meshc.dev/v1alpha1\nkind: Project\n" + n.settings, Lines: maps.Clone(kinds), Workloads: workloads}
		b, err := p.Build()
		require.NoError(t, err)
		require.Equal(t, kinds, p.Lines, "lines without errors")
		manifests := slices.DeleteFunc(slices.Clone(b.Manifests), func(m targets.Manifest) bool { return m.Kind != n.kind })
		in := network.NewIntents(b.Policy)
		each := func(manifests []targets.Manifest, f func(of string, literal bool, witnesses []string)) {
			layer, _ := n.read(compiler.Sources(manifests))
			for _, s := range in.Ends() {
				for d, isolates := range n.isolates {
					if isolates {
						d := network.Direction(d)
						literal, witnesses := in.Both(layer, d, isolates, s)
						f(d.String()+" of "+s.ID(), literal, witnesses)
					}
				}
			}
		}
		each(manifests, func(of string, literal bool, witnesses []string) {
			require.Empty(t, witnesses)
			require.True(t, literal, of)
		})

		r := rand.New(rand.NewPCG(1, 2))
		spoiler := analysistest.Spoiler{Rand: r, Swaps: swaps}
		spoiler.Learn(manifests)
		found := 0
		for range 500 {
			changed := slices.Clone(manifests)
			i := r.IntN(len(changed))
			changed[i].YAML = spoiler.Spoil(changed[i].YAML)
			each(changed, func(of string, literal bool, witnesses []string) {
				if len(witnesses) > 0 {
					found++
				}
				if literal {
					require.Empty(t, witnesses, "%s:\n%s", of, changed[i].YAML)
				}
			})
		}
		assert.Greater(t, found, 200)
	}
}
