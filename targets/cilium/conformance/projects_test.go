package conformance

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/meshc/meshc/testdata/draft"
)

var (
	namespaces = []string{"shop", "stock", "web"}
	operations = []string{
		"GET", "GET|HEAD /api/*", "POST /api", "/static/*", "*.png", "GET /orders/{*}", "/a/{**}/z", "/orders/{*}/items/{**}", "DELETE /", "*", "GET /a.b+c", "PUT /api/v1, GET /health",
	}
	hosts   = []string{"", "", "", " host shop.example.com", " host A.example.com|*.b.example", " host api*"}
	headers = []string{"", "", "", " header x-tenant", " header x-tenant=acme|beta", " header X-Mode=a.b header x-tenant=1"}
	numbers = []string{"8080", "9090", "5432"}
)

// newProject generates a project of three namespaces, in a cluster that has Cilium alone.
func newProject(seed uint64) *draft.Project {
	r := rand.New(rand.NewPCG(seed, 12))
	chance := func(percent int) bool { return r.IntN(100) < percent }
	pick := func(of ...string) string { return of[r.IntN(len(of))] }
	p := &draft.Project{Lines: map[string][]string{}}
	p.Settings = "apiVersion: meshc.dev/v1alpha1\nkind: Project\ntargets: {cilium: " + pick("{}", "{}", "{keepOpen: [kube-system, elsewhere]}") + "}\n"
	for _, ns := range namespaces {
		for i := range 3 {
			name, number := fmt.Sprintf("s%d", i), pick(numbers...)
			if chance(50) {
				p.Lines[ns] = append(p.Lines[ns], fmt.Sprintf("service %s account %s%s label app=%[1]s port %[4]s %[5]s", name, pick(name, name, "shared"), pick("", "", " was old"), number, pick("http", "grpc", "tcp")))
				continue
			}
			udp := pick("", fmt.Sprintf("        - {containerPort: %s, protocol: UDP}\n", pick(number, "53")))
			p.Workloads += fmt.Sprintf("---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: %s, namespace: %s}\nspec:\n  template:\n"+
				"    metadata: {labels: {app: %[1]s, version: %[3]s}}\n    spec:\n      serviceAccountName: %[1]s\n      containers:\n      - name: main\n        ports:\n        - containerPort: %[4]s\n%[5]s",
				name, ns, pick("v1", "v2"), number, udp)
		}
		p.Lines[ns] = append(p.Lines[ns], "service partner outside address "+pick("10.0.3.0/24", "192.0.2.7", "2001:db8::/64", "10.0.3.0/24 address 192.0.2.0/24"), "service guest outside address 10.0.3.200",
			"export s0 to "+strings.Join(slices.DeleteFunc(slices.Clone(namespaces), func(n string) bool { return n == ns }), ", "))
	}
	if chance(10) {
		p.Lines["shop"] = append(p.Lines["shop"], "mesh * closed", "mesh shop")
	}
	if chance(10) {
		p.Lines["web"] = append(p.Lines["web"], "mesh web open")
	}
	for _, ns := range namespaces {
		for range 2 + r.IntN(6) {
			from, to := pick("s0", "s1", "s2"), pick("s0", "s1", "s2", "s0, s1")
			if chance(25) {
				to = pick(namespaces...) + "/s0"
			}
			if chance(30) {
				from = pick("any", "world", "*", "partner", pick(namespaces...)+"/*", "s0, partner")
			}
			if chance(15) {
				from += " except " + pick("s0", "s1", "guest", pick(namespaces...)+"/*")
			}
			line := from + " -> " + to
			switch {
			case chance(50):
				line += ":" + pick(numbers...)
				if chance(70) {
					line += pick(hosts...) + pick("", " "+pick(operations...)) + pick(headers...)
				}
			case chance(20):
				line += " except :" + pick(numbers...)
			}
			if chance(12) {
				line = "deny " + line
			}
			p.Lines[ns] = append(p.Lines[ns], line)
		}
	}
	return p
}
