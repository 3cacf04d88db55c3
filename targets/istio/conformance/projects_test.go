package conformance

import (
	"cmp"
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
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
	"github.com/meshc/meshc/targets"
	"github.com/meshc/meshc/targets/istio"
)

// project is a generated project that uses every statement of the language, one per line.
type project struct {
	files       map[string][]string // lines of intents by file
	workloads   map[string]string   // manifests by file
	canaries    bool                // beside waypoints
	config      config.Project
	environment string
	options     istio.Options
}

// today is the date that `until` is compared with.
var today = time.Date(2027, 1, 15, 12, 0, 0, 0, time.UTC)

// drafter generates a project. Its statements may have errors: build drops those that do.
type drafter struct {
	*rand.Rand
	project
	meshes []*draftMesh
}

type draftMesh struct {
	name      string
	mode      string
	open      string // ` open`, or nothing
	services  []*draftService
	groups    []string
	externals []string
	lines     []string
}

type draftService struct {
	name             string
	outside, gateway bool
	ports            []draftPort
}

type draftPort struct {
	number   int
	protocol string
}

var (
	meshNames    = []string{"shop", "payments", "team-a", "stock"}
	serviceNames = []string{"frontend", "backend", "db", "api", "cache", "mesh", "deny", "port", "label", "web-2", "x", "a-name-that-is-as-long-as-a-label-may-be-which-is-63-characters"}
	allProtocols = []string{"http", "http", "http2", "grpc", "tcp", "tls", ""}
	modeWords    = []string{"strict", "strict", "permissive", "permissive", "disable"}
	intentPaths  = []string{"/", "/api", "/api/*", "/api/v1/*", "*.png", "*/health", "/{*}", "/api/{*}", "/api/{*}/x", "/api/{**}", "/static/{**}/x.js", "/a-b_c~d", "*", "/~user", "/orders/{*}/{**}", "/api/", "/shop.v1.Cart/Get", "/shop.v1.Cart/*", "*/Get", `"/orders/*/lines"`, `"/a*b/*"`}
	intentVerbs  = []string{"GET", "HEAD", "POST", "PUT", "DELETE", "PURGE", "OPTIONS"}
)

func newProject(seed uint64) project {
	d := &drafter{Rand: rand.New(rand.NewPCG(seed, 7))}
	d.project = project{files: map[string][]string{}, workloads: map[string]string{}, config: config.Default()}
	d.settings()
	for _, i := range d.Perm(len(meshNames))[:1+d.IntN(3)] {
		d.declare(meshNames[i])
	}
	if d.chance(40) {
		root := &draftMesh{name: d.config.RootNamespace}
		d.meshes = append(d.meshes, root)
		if d.chance(30) {
			root.services = []*draftService{{name: "ingress"}}
			root.lines = []string{"service ingress account ingress-sa label istio=ingress"}
		} else {
			d.gateway(root, "ingress")
		}
	}
	d.issuers()
	d.environments()
	own := d.meshes
	if d.chance(20) {
		d.partner()
	}
	for _, m := range own {
		d.intend(m)
	}
	d.verify(own, rand.New(rand.NewPCG(seed, 77)))
	d.write()
	return d.project
}

func (d *drafter) chance(percent int) bool { return d.IntN(100) < percent }

// settings generates meshc.yaml and the options of the target.
func (d *drafter) settings() {
	d.config.TrustDomain = pick(d.Rand, []string{"cluster.local", "cluster.local", "mesh.example", "td1"})
	for _, domain := range []string{"cluster.local", "old.example", "td0"} {
		if domain != d.config.TrustDomain && d.chance(15) {
			d.config.Previous = append(d.config.Previous, domain)
		}
	}
	d.config.RootNamespace = pick(d.Rand, []string{"istio-system", "istio-system", "mesh-root"})
	d.options = istio.Options{
		APIVersion:     pick(d.Rand, []string{"", "security.istio.io/v1", "security.istio.io/v1beta1"}),
		WithNamespaces: d.chance(30),
		Injection:      pick(d.Rand, []string{"", "1-31-0"}),
		Sidecars:       d.chance(40),
	}
}

// environments generates mode ceilings and dry-run.
func (d *drafter) environments() {
	if d.chance(60) {
		return
	}
	d.environment = "staging"
	staging := &config.Environment{DryRun: d.chance(30), Modes: map[string]policy.Mode{}}
	scopes := []string{"*"}
	for _, m := range d.meshes {
		s := pick(d.Rand, m.services)
		if m.name == d.config.RootNamespace || s.gateway {
			continue
		}
		scopes = append(scopes, m.name, m.name+"/"+s.name)
		for _, p := range s.ports {
			scopes = append(scopes, fmt.Sprintf("%s/%s:%d", m.name, s.name, p.number))
		}
	}
	for _, scope := range scopes {
		if d.chance(20) {
			staging.Modes[scope] = pick(d.Rand, []policy.Mode{policy.Permissive, policy.Permissive, policy.Disable, policy.Strict})
		}
	}
	d.config.Environments = map[string]*config.Environment{"staging": staging, "prod": {}}
}

func (d *drafter) declare(name string) {
	m := &draftMesh{name: name}
	if d.chance(75) {
		m.mode = pick(d.Rand, modeWords)
	}
	if d.chance(12) {
		m.open = " open"
	}
	d.meshes = append(d.meshes, m)
	for _, i := range d.Perm(len(serviceNames))[:2+d.IntN(5)] {
		d.service(m, serviceNames[i])
	}
	if d.chance(20) {
		d.gateway(m, "gate")
	}
	if d.chance(30) {
		group := pick(d.Rand, []string{"everyone", "web", "group"})
		m.groups = append(m.groups, group)
		m.lines = append(m.lines, "group "+group+" = "+strings.Join(d.several(3, func() string { return pick(d.Rand, m.services).name }), ", "))
	}
	for i := range d.IntN(3) {
		d.external(m, i)
	}
}

func (d *drafter) service(m *draftMesh, name string) {
	s := &draftService{name: name, outside: d.chance(10)}
	m.services = append(m.services, s)
	if s.outside {
		line := "service " + name + " outside"
		for range 1 + d.IntN(2) {
			line += " address " + pick(d.Rand, []string{"10.0.3.0/24", "10.0.4.7", "2001:db8::/64", "192.168.0.0/16", "10.0.3.4"})
		}
		m.lines = append(m.lines, line)
		return
	}
	for _, number := range []int{8080, 9090, 5432, 443, 65535} {
		if d.chance(35) {
			s.ports = append(s.ports, draftPort{number, pick(d.Rand, allProtocols)})
		}
	}
	if d.chance(20) {
		d.workloads["k8s/"+m.name+"-"+name+".yaml"] = d.deployment(m, s)
		return
	}
	line := "service " + name + " account " + name + pick(d.Rand, []string{"", "-sa", ".sa"})
	for d.chance(8) {
		line += " was " + pick(d.Rand, []string{"default", "old", name + "-old"})
	}
	if d.chance(30) {
		line += " label app=" + name + " label tier=" + pick(d.Rand, []string{"front", "\"\""})
	}
	for _, p := range s.ports {
		line += strings.TrimRight(fmt.Sprintf(" port %d %s", p.number, p.protocol), " ")
	}
	m.lines = append(m.lines, line)
}

// deployment declares a service through its manifests.
func (d *drafter) deployment(m *draftMesh, s *draftService) string {
	var b strings.Builder
	fmt.Fprintf(&b, "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: %q, namespace: %s}\nspec:\n  template:\n", s.name, m.name)
	fmt.Fprintf(&b, "    metadata: {labels: {app: %q, version: v1}}\n    spec:\n      serviceAccountName: %s-sa\n      containers:\n      - name: main\n", s.name, s.name)
	if len(s.ports) == 0 {
		return b.String()
	}
	b.WriteString("        ports:\n")
	for _, p := range s.ports {
		fmt.Fprintf(&b, "        - containerPort: %d\n", p.number)
	}
	fmt.Fprintf(&b, "---\napiVersion: v1\nkind: Service\nmetadata: {name: %s, namespace: %s}\nspec:\n  selector: {app: %q}\n  ports:\n", s.name, m.name, s.name)
	for i, p := range s.ports {
		fmt.Fprintf(&b, "  - {name: %s-%d, port: %d, targetPort: %d}\n", cmp.Or(p.protocol, "tcp"), i, 80+i, p.number)
	}
	return b.String()
}

func (d *drafter) external(m *draftMesh, i int) {
	name := fmt.Sprintf("external-%d", i)
	m.externals = append(m.externals, name)
	line := "external " + name
	for range 1 + d.IntN(2) {
		line += " host " + pick(d.Rand, []string{"api.stripe.com", "\"*.example.com\"", "storage.example.org", "xn--bcher-kva.example"})
	}
	for range d.IntN(3) {
		line += " port " + pick(d.Rand, []string{"443 tls", "443 http tls", "80 http", "5432 tcp", "8443 http2 tls", "443 grpc tls", "9000 grpc"})
	}
	m.lines = append(m.lines, line)
}

// partner declares callers of another mesh of Istio.
func (d *drafter) partner() {
	m := &draftMesh{name: "partner", services: []*draftService{{name: "orders"}, {name: "web"}}}
	m.lines = []string{"service orders account orders", "service web account web was default"}
	d.config.Elsewhere = map[string]string{m.name: "partner.example"}
	d.meshes = append(d.meshes, m)
}

// several returns one to most values.
func (d *drafter) several(most int, one func() string) []string {
	var list []string
	for range 1 + d.IntN(most) {
		list = append(list, one())
	}
	return list
}

// intend writes the modes, edges, denies and exports of a mesh.
func (d *drafter) intend(m *draftMesh) {
	for _, s := range m.services {
		if s.gateway {
			for range d.IntN(4) {
				m.lines = append(m.lines, pick(d.Rand, []string{"world", "world", "any", d.caller(m), d.client(m)})+" -> "+d.to(s))
			}
		}
	}
	if m.name == d.config.RootNamespace {
		return
	}
	for _, s := range m.services {
		if d.chance(15) {
			m.lines = append(m.lines, "mtls "+s.name+" "+pick(d.Rand, modeWords))
		}
		for _, p := range s.ports {
			if d.chance(10) {
				m.lines = append(m.lines, fmt.Sprintf("mtls %s:%d %s", s.name, p.number, pick(d.Rand, modeWords)))
			}
		}
	}
	if m.mode == "" && d.chance(40) {
		return // a mesh that only declares services
	}
	for range d.IntN(9) {
		line := d.edge(m)
		if d.chance(10) {
			line = d.caller(m) + " -> " + pick(d.Rand, m.services).name + ":*" + d.requests(false)
		}
		m.lines = append(m.lines, line)
	}
	for range d.IntN(3) {
		m.lines = append(m.lines, "deny "+d.edge(m))
	}
	if d.chance(15) {
		from, to := d.caller(m), pick(d.Rand, m.services).name
		m.lines = append(m.lines, "deny "+from+d.but(m)+" -> "+pick(d.Rand, []string{to, to, "pods"})+":*"+d.requests(false))
	}
	for range d.IntN(3) {
		to := []string{"*"}
		for _, other := range d.meshes {
			to = append(to, other.name, other.name+"/"+pick(d.Rand, other.services).name)
		}
		what := pick(d.Rand, m.services)
		line := "export " + what.name + " to " + pick(d.Rand, to)
		if d.chance(30) {
			line += d.requests(false)
		}
		m.lines = append(m.lines, line)
	}
	if d.chance(10) {
		m.lines = append(m.lines, "never "+pick(d.Rand, m.services).name+" -> "+pick(d.Rand, m.services).name)
	}
}

func (d *drafter) edge(m *draftMesh) string {
	from := strings.Join(d.several(3, func() string { return d.caller(m) }), ", ")
	if d.chance(8) {
		from = pick(d.Rand, []string{"any", "world", "*", pick(d.Rand, d.meshes).name + "/*"})
	}
	from += d.but(m)
	line := from + " -> " + d.callee(m)
	if d.chance(10) {
		line = from + " -> " + pick(d.Rand, m.services).name + " -> " + d.callee(m)
	}
	if d.chance(10) {
		line += " until " + pick(d.Rand, []string{"2027-03-31", "2027-01-20", "2027-01-15", "2030-12-31"})
	}
	if d.chance(15) {
		line += " because " + pick(d.Rand, []string{`"INC-42, batch window"`, `"a: \"b\" # c"`, `"früher war's ruhiger"`, `"'"`})
	}
	return line
}

// but returns callers that are left out, or nothing.
func (d *drafter) but(m *draftMesh) string {
	if !d.chance(12) {
		return ""
	}
	return " except " + strings.Join(d.several(2, func() string { return d.caller(m) }), ", ")
}

func (d *drafter) caller(m *draftMesh) string {
	switch n := d.IntN(20); {
	case n == 0:
		return "any"
	case n == 1:
		return "world"
	case n == 2:
		return "*"
	case n == 3:
		return pick(d.Rand, d.meshes).name + "/*"
	case n < 7:
		other := pick(d.Rand, d.meshes)
		return other.name + "/" + pick(d.Rand, other.services).name
	case n == 7 && len(m.groups) > 0:
		return pick(d.Rand, m.groups)
	}
	return pick(d.Rand, m.services).name
}

// client is callers at some addresses, if the mesh has any.
func (d *drafter) client(m *draftMesh) string {
	for _, s := range m.services {
		if s.outside {
			return s.name
		}
	}
	return "world"
}

func (d *drafter) callee(m *draftMesh) string {
	switch n := d.IntN(16); {
	case n == 0:
		return "*"
	case n < 3 && len(m.externals) > 0:
		return pick(d.Rand, m.externals)
	case n == 3 && len(m.groups) > 0:
		return pick(d.Rand, m.groups)
	case n == 4:
		other := pick(d.Rand, d.meshes)
		return other.name + "/" + pick(d.Rand, other.services).name
	case n == 5:
		return d.to(&draftService{name: "pods", ports: append(slices.Clone(pick(d.Rand, m.services).ports), draftPort{8080, "http"}, draftPort{7070, ""})})
	}
	return d.to(pick(d.Rand, m.services))
}

// to returns a destination with what is asked of requests to it.
func (d *drafter) to(s *draftService) string {
	switch {
	case len(s.ports) == 0:
		return s.name
	case d.chance(10):
		return s.name + d.requests(true)
	case d.chance(20):
		return s.name
	}
	p := pick(d.Rand, s.ports)
	text := fmt.Sprintf("%s:%d", s.name, p.number)
	if (strings.HasPrefix(p.protocol, "http") || p.protocol == "grpc") && d.chance(70) {
		text += d.requests(false)
	}
	return text
}

// write distributes the sections over files.
func (d *drafter) write() {
	if d.chance(60) {
		d.files["base.mesh"] = []string{"mesh * " + pick(d.Rand, modeWords) + pick(d.Rand, []string{"", "", " closed"})}
	}
	for _, m := range d.meshes {
		file := m.name + ".mesh"
		if d.chance(20) {
			file = "all.mesh"
		}
		d.files[file] = append(d.files[file], strings.TrimRight("mesh "+m.name+" "+m.mode, " ")+m.open)
		for _, line := range m.lines {
			if d.chance(5) {
				file = "teams/" + m.name + ".mesh"
				d.files[file] = append(d.files[file], "mesh "+m.name)
			}
			d.files[file] = append(d.files[file], line)
		}
	}
}

// built is a project without errors.
type built struct {
	policy    *policy.Policy
	manifests []targets.Manifest
	dropped   int // statements with errors
	findings  diag.List
}

// build compiles a project. It drops statements with errors and tries again until none is left.
func (p *project) build() (*built, error) {
	b := &built{}
	for range 60 {
		maps.DeleteFunc(p.config.Dataplanes, func(name string, _ config.Dataplane) bool { return name != "*" && !p.declares(name) })
		maps.DeleteFunc(p.config.Issuers, func(name string, _ config.Issuer) bool { return !p.has("issuer " + name) })
		input := compiler.Inputs{Config: p.config, Environment: p.environment, Today: today}
		sources := map[string]bool{}
		for name, lines := range p.files {
			input.Files = append(input.Files, compiler.Input{Name: name, Text: []byte(strings.Join(lines, "\n") + "\n")})
			sources[name] = true
		}
		for name, text := range p.workloads {
			input.Workloads = append(input.Workloads, inventory.Input{File: source.NewFile(name, text)})
		}
		compiled, findings, _ := compiler.Check(context.Background(), input)
		if compiled != nil {
			var emitted diag.List
			if b.policy = compiled; p.canaries {
				addCanaries(compiled)
			}
			b.manifests, emitted = istio.New(p.options).Emit(compiled)
			findings = append(findings, emitted...)
		}
		b.findings = findings
		if !findings.HasErrors() {
			return b, nil
		}
		wrong := map[string]map[int]bool{}
		modes := p.environment != "" && len(p.config.Environments[p.environment].Modes) > 0
		for _, f := range findings {
			if f.Severity != diag.Error {
				continue
			}
			if (f.Primary.File == nil || !sources[f.Primary.File.Name]) && modes {
				clear(p.config.Environments[p.environment].Modes) // a ceiling on a service that was dropped or has no proxy
				continue
			}
			if f.Primary.File == nil || !sources[f.Primary.File.Name] {
				return nil, fmt.Errorf("%s %s, at %v", f.Code, f.Message, f.Primary)
			}
			line := strings.Count(f.Primary.File.Text[:f.Primary.Start], "\n")
			if wrong[f.Primary.File.Name] == nil {
				wrong[f.Primary.File.Name] = map[int]bool{}
			}
			wrong[f.Primary.File.Name][line] = true
		}
		for name, lines := range wrong {
			var kept []string
			for i, line := range p.files[name] {
				if !lines[i] {
					kept = append(kept, line)
				} else {
					b.dropped++
				}
			}
			p.files[name] = kept
		}
	}
	return nil, fmt.Errorf("statements with errors remain after 60 rounds: %v", b.findings)
}

// addCanaries has a share of the calls that pass a waypoint pass another one.
func addCanaries(p *policy.Policy) {
	canaries := map[string]*policy.Waypoint{}
	for _, s := range p.Services() {
		for _, f := range s.Through() {
			name := f.Waypoint.Name + "-next"
			key := f.Waypoint.Namespace + "/" + name
			if canaries[key] == nil {
				canaries[key] = &policy.Waypoint{Namespace: f.Waypoint.Namespace, Name: name, Account: name, At: f.Waypoint.At, Known: true}
			}
			f.Waypoint, f.Canary = canaries[key], true
			s.Fronts = append(s.Fronts, f)
		}
		slices.SortFunc(s.Fronts, policy.CompareFronts)
	}
}

// has reports whether some statement begins with these words.
func (p *project) has(words string) bool {
	for _, lines := range p.files {
		if slices.ContainsFunc(lines, func(line string) bool { return line == words || strings.HasPrefix(line, words+" ") }) {
			return true
		}
	}
	return false
}

// declares reports whether a section or a manifest of the project is of a mesh.
func (p *project) declares(mesh string) bool {
	if p.has("mesh " + mesh) {
		return true
	}
	for _, text := range p.workloads {
		if strings.Contains(text, "namespace: "+mesh+"}") {
			return true
		}
	}
	return false
}

// text returns the project in a form for the message of a failed test.
func (p *project) text() string {
	var b strings.Builder
	names := make([]string, 0, len(p.files))
	for name := range p.files {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		fmt.Fprintf(&b, "-- %s --\n%s\n", name, strings.Join(p.files[name], "\n"))
	}
	for name, text := range p.workloads {
		fmt.Fprintf(&b, "-- %s --\n%s", name, text)
	}
	return fmt.Sprintf("%s(environment %q, trust domain %s, before %v)\n", b.String(), p.environment, p.config.TrustDomain, p.config.Previous)
}
