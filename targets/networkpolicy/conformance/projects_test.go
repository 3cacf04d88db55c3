package conformance

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/meshc/meshc/compiler"
	"github.com/meshc/meshc/compiler/config"
	"github.com/meshc/meshc/compiler/inventory"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

var namespaces = []string{"shop", "stock", "web"}

// project is a generated project: every edge, deny and export is a line of intents.
type project struct {
	settings  string
	lines     map[string][]string // by namespace
	workloads string
}

func newProject(seed uint64) *project {
	r := rand.New(rand.NewPCG(seed, 11))
	chance := func(percent int) bool { return r.IntN(100) < percent }
	pick := func(of ...string) string { return of[r.IntN(len(of))] }
	p := &project{lines: map[string][]string{}}
	egress := pick("{}", "{egress: true}")
	p.settings = "apiVersion: meshc.dev/v1alpha1\nkind: Project\ntargets: {istio: {}, networkPolicy: " + egress + "}\ndataplanes:\n"
	for _, ns := range namespaces {
		p.settings += "  " + ns + ": " + pick("sidecar", "sidecar", "ambient", "{ambient: {waypoint: waypoint}}") + "\n"
		for i := range 3 {
			name, number := fmt.Sprintf("s%d", i), pick("8080", "9090", "5432")
			if chance(50) {
				p.lines[ns] = append(p.lines[ns], fmt.Sprintf("service %s account %[1]s label app=%[1]s port %s %s", name, number, pick("http", "tcp")))
				continue
			}
			udp := pick("", fmt.Sprintf("        - {containerPort: %s, protocol: UDP}\n", pick(number, "53")))
			p.workloads += fmt.Sprintf("---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: %s, namespace: %s}\nspec:\n  template:\n"+
				"    metadata: {labels: {app: %[1]s, version: %[3]s}}\n    spec:\n      serviceAccountName: %[1]s\n      containers:\n      - name: main\n        ports:\n        - containerPort: %[4]s\n%[5]s"+
				"---\napiVersion: v1\nkind: Service\nmetadata: {name: %[1]s, namespace: %[2]s}\nspec:\n  selector: {app: %[1]s}\n  ports:\n  - {name: %[6]s, port: 80, targetPort: %[4]s}\n",
				name, ns, pick("v1", "v2"), number, udp, pick("http", "tcp"))
		}
		p.lines[ns] = append(p.lines[ns], "service partner outside address "+pick("10.0.3.0/24", "192.0.2.7", "2001:db8::/64"), "external bank host bank.example port 443 tls",
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
			p.lines[ns] = append(p.lines[ns], line)
		}
	}
	return p
}

// build builds the project without the lines that have errors.
func (p *project) build() (*compiler.Build, error) {
	for range 30 {
		c, findings := config.Parse(source.NewFile("meshc.yaml", p.settings))
		if findings.HasErrors() {
			return nil, findings.Err()
		}
		in := compiler.Inputs{Config: c, Today: time.Date(2027, 1, 15, 0, 0, 0, 0, time.UTC), Workloads: []inventory.Input{{File: source.NewFile("k8s.yaml", p.workloads)}}}
		for _, ns := range slices.Sorted(maps.Keys(p.lines)) {
			in.Files = append(in.Files, compiler.Input{Name: ns + ".mesh", Text: []byte("mesh " + ns + "\n" + strings.Join(p.lines[ns], "\n") + "\n")})
		}
		parsed, err := compiler.Parse(context.Background(), in)
		if err != nil {
			return nil, err
		}
		b, err := parsed.Build(context.Background(), c)
		if err != nil || !b.Findings.HasErrors() {
			return b, err
		}
		if err := p.drop(b.Findings); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("errors remain:\n%s", p)
}

// drop removes the lines that have errors.
func (p *project) drop(findings diag.List) error {
	wrong := map[string]map[int]bool{}
	for _, f := range findings {
		if f.Severity != diag.Error {
			continue
		}
		ns := ""
		if f.Primary.File != nil {
			ns, _ = strings.CutSuffix(f.Primary.File.Name, ".mesh")
		}
		line := f.Primary.StartPosition().Line - 2
		if p.lines[ns] == nil || line < 0 {
			return fmt.Errorf("%s\n%s", f.Error(), p)
		}
		if wrong[ns] == nil {
			wrong[ns] = map[int]bool{}
		}
		wrong[ns][line] = true
	}
	for ns, lines := range wrong {
		var kept []string
		for i, line := range p.lines[ns] {
			if !lines[i] {
				kept = append(kept, line)
			}
		}
		p.lines[ns] = kept
	}
	return nil
}

func (p *project) String() string {
	text := p.settings
	for _, ns := range slices.Sorted(maps.Keys(p.lines)) {
		text += "mesh " + ns + "\n" + strings.Join(p.lines[ns], "\n") + "\n"
	}
	return text + p.workloads
}
