package conformance

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/meshc/meshc/testdata/draft"
)

var namespaces = []string{"shop", "stock", "web"}

// newProject generates a project.
func newProject(seed uint64) *draft.Project {
	r := rand.New(rand.NewPCG(seed, 11))
	chance := func(percent int) bool { return r.IntN(100) < percent }
	pick := func(of ...string) string { return of[r.IntN(len(of))] }
	p := &draft.Project{Lines: map[string][]string{}}
	egress := pick("{}", "{egress: true}")
	p.Settings = "apiVersion: meshc.dev/v1alpha1\nkind: Project\ntargets: {istio: {}, networkPolicy: " + egress + "}\ndataplanes:\n"
	for _, ns := range namespaces {
		p.Settings += "  " + ns + ": " + pick("sidecar", "sidecar", "ambient", "{ambient: {waypoint: waypoint}}") + "\n"
		for i := range 3 {
			name, number := fmt.Sprintf("s%d", i), pick("8080", "9090", "5432")
			if chance(50) {
				p.Lines[ns] = append(p.Lines[ns], fmt.Sprintf("service %s account %[1]s label app=%[1]s port %s %s", name, number, pick("http", "tcp")))
				continue
			}
			udp := pick("", fmt.Sprintf("        - {containerPort: %s, protocol: UDP}\n", pick(number, "53")))
			p.Workloads += fmt.Sprintf("---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: %s, namespace: %s}\nspec:\n  template:\n"+
				"    metadata: {labels: {app: %[1]s, version: %[3]s}}\n    spec:\n      serviceAccountName: %[1]s\n      containers:\n      - name: main\n        ports:\n        - containerPort: %[4]s\n%[5]s"+
				"---\napiVersion: v1\nkind: Service\nmetadata: {name: %[1]s, namespace: %[2]s}\nspec:\n  selector: {app: %[1]s}\n  ports:\n  - {name: %[6]s, port: 80, targetPort: %[4]s}\n",
				name, ns, pick("v1", "v2"), number, udp, pick("http", "tcp"))
		}
		p.Lines[ns] = append(p.Lines[ns], "service partner outside address "+pick("10.0.3.0/24", "192.0.2.7", "2001:db8::/64"), "external bank host bank.example port 443 tls",
			"export s0 to "+strings.Join(slices.DeleteFunc(slices.Clone(namespaces), func(n string) bool { return n == ns }), ", "))
	}
	for _, ns := range namespaces {
		for range 2 + r.IntN(5) {
			from, to := pick("s0", "s1", "s2"), pick("s0", "s1", "s2")
			switch {
			case chance(25):
				to = pick(namespaces...) + "/s0"
			case chance(12):
				from = pick("any", "world", "*", "partner", pick(namespaces...)+"/*")
			case chance(10):
				to = "bank"
			}
			line := from + " -> " + to
			if chance(25) {
				line += ":" + pick("8080", "9090", "5432") + pick("", "", " GET /api/*")
			}
			if chance(8) {
				line = "deny " + line
			}
			p.Lines[ns] = append(p.Lines[ns], line)
		}
	}
	return p
}
