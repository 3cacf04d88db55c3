package conformance

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/config"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/source"
	"github.com/meshc/meshc/targets/istio/conformance/envoy"
	"github.com/meshc/meshc/targets/istio/read"
)

// TestEmitted compiles generated projects. Istio must accept every object without a warning, and Istio, meshc's own
// evaluation and the intents must decide every request alike.
func TestEmitted(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for seed := range size(t, 4000) {
		p := newProject(seed)
		if err := b.judge(&p, seed); err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, p.text())
		}
	}
	b.log(t)
}

// TestSplitPolicies checks a callee with more rules than one object may have.
func TestSplitPolicies(t *testing.T) {
	lines := []string{"mesh shop strict", "service backend account backend port 8080 http"}
	for i := range 700 {
		lines = append(lines, fmt.Sprintf("service caller-%d account caller-%d", i, i), fmt.Sprintf("caller-%d -> backend:8080 GET /of/%d/*", i, i))
		if i%7 == 0 {
			lines = append(lines, fmt.Sprintf("deny caller-%d -> backend:8080 GET /of/%d/private", i, i))
		}
	}
	p := project{files: map[string][]string{"shop.mesh": lines}, config: config.Default()}
	b := newBench(t)
	if err := b.judge(&p, 1); err != nil {
		t.Fatal(err)
	}
	if b.objects < 5 {
		t.Fatalf("%d objects; want the rules split into at least 5", b.objects)
	}
	b.log(t)
}

// bench checks projects and counts what it compared.
type bench struct {
	schemas                                        Schemas
	projects, dropped, objects, decisions, allowed int
}

func newBench(t *testing.T) *bench {
	schemas, err := LoadSchemas()
	if err != nil {
		t.Fatal(err)
	}
	return &bench{schemas: schemas}
}

func (b *bench) log(t *testing.T) {
	t.Logf("%d projects (without %d statements that had errors), %d objects, %d decisions compared (%d allowed)",
		b.projects, b.dropped, b.objects, b.decisions, b.allowed)
}

// judge builds a project and checks its objects and their decisions against Istio. It leaves p as built: without the
// statements that had errors.
func (b *bench) judge(p *project, seed uint64) error {
	built, err := p.build()
	if err != nil {
		return err
	}
	b.projects++
	b.dropped += built.dropped
	var stream bytes.Buffer
	for _, m := range built.manifests {
		if _, err := b.schemas.Admit(m.YAML); err != nil {
			return fmt.Errorf("%w\n%s", err, m.YAML)
		}
		b.objects++
		fmt.Fprintf(&stream, "---\n%s", m.YAML)
	}
	if err := b.decide(built.policy, stream.String(), false, seed); err != nil {
		return fmt.Errorf("%w\n%s", err, &stream)
	}
	if err := proven(built.policy, stream.String()); err != nil {
		return fmt.Errorf("the proof of the build: %w\n%s", err, &stream)
	}
	if !built.policy.DryRun {
		return nil
	}
	if err := b.decide(built.policy, stream.String(), true, seed); err != nil {
		return fmt.Errorf("as if enforced: %w\n%s", err, &stream)
	}
	return nil
}

// decide compares the decisions of Istio, of meshc's evaluation and of the intents. If shadow is set, policies in dry-run
// are evaluated as if they were enforced.
func (b *bench) decide(p *policy.Policy, stream string, shadow bool, seed uint64) error {
	options := Options{TrustDomain: p.TrustDomain, RootNamespace: p.RootNamespace}
	manifests, findings := read.Files([]*source.File{source.NewFile("manifests.yaml", stream)},
		enforce.Mesh{TrustDomain: p.TrustDomain, RootNamespace: p.RootNamespace, Shadow: shadow})
	if len(findings) > 0 {
		return fmt.Errorf("meshc: %s %s", findings[0].Code, findings[0].Message)
	}
	if shadow {
		stream = strings.ReplaceAll(stream, "    istio.io/dry-run: \"true\"\n", "")
	}
	istiod, err := Start([]byte(stream), options)
	if err == nil && len(istiod.Warnings) > 0 {
		err = istiod.Warnings[0]
	}
	if err != nil {
		return err
	}
	r := rand.New(rand.NewPCG(seed, 8))
	a := newAsker(r, p)
	for _, m := range p.Meshes {
		for _, s := range m.Services {
			if !s.Proxied() || m.Name == p.RootNamespace {
				continue
			}
			j, err := newJudge(istiod, manifests, pod(s))
			if err != nil {
				return err
			}
			if err := b.service(j, intended{p, m, s, p.DryRun && !shadow}, a); err != nil {
				return err
			}
		}
		j, err := newJudge(istiod, manifests, Workload{m.Name, map[string]string{"app": "unknown"}})
		if err != nil {
			return err
		}
		q := a.request(&policy.Service{})
		if err := j.differ(q, false); err != nil {
			return err
		}
		b.decisions++
		open := m.Declares || p.DryRun && !shadow || m.Name == p.RootNamespace
		if got := j.callee.Authorize(asked(&q)); (got.Verdict == enforce.Allowed) != open {
			return fmt.Errorf("a pod in %s that no intent names: %s", m.Name, got)
		}
	}
	return nil
}

// service compares the decisions on requests to one service.
func (b *bench) service(j *judge, intents intended, a *asker) error {
	n, err := j.classes(a.Rand, 100, false)
	if err != nil {
		return err
	}
	b.decisions += n
	for range 40 + 2*len(intents.service.Allow) {
		q := a.request(intents.service)
		if err := j.differ(q, false); err != nil {
			return err
		}
		b.decisions++
		if mode, _ := j.callee.Mode(q.Port); !strings.EqualFold(mode.String(), intents.mode(q.Port).String()) {
			return fmt.Errorf("port %d of %s is %s; the intents say %s", q.Port, intents.service.ID(), mode, intents.mode(q.Port))
		}
		if !spoken(intents.service, &q) {
			continue
		}
		got, want := j.istiod.Decide(j.workload, j.chains, q), intents.permits(q)
		if got != want {
			return fmt.Errorf("the intents permit: %t, Istio permits: %t\n%s\nto %s", want, got, show(&q), intents.service.ID())
		}
		if want {
			b.allowed++
		}
	}
	return nil
}

// pod returns a pod that the service's selector matches. Like real pods, it also has a label that no selector names.
func pod(s *policy.Service) Workload {
	labels := map[string]string{"pod-template-hash": "5d4f8"}
	for _, l := range s.Labels {
		labels[l.Key] = l.Value
	}
	return Workload{s.Namespace, labels}
}

// spoken reports whether the request uses the protocol that the service declares for the port. Intents say nothing about
// other protocols.
func spoken(s *policy.Service, q *envoy.Request) bool {
	for _, p := range s.Ports {
		if p.Number == q.Port {
			return p.Protocol.IsHTTP() == (q.Method != "")
		}
	}
	return true
}

// asker generates requests from the contents of a policy.
type asker struct {
	*rand.Rand
	trustDomain string
	peers       []string
	addresses   []netip.Addr
	ports       []uint16
	methods     []string
	paths       []string
}

func newAsker(r *rand.Rand, p *policy.Policy) *asker {
	a := &asker{Rand: r, trustDomain: p.TrustDomain, peers: []string{""}, ports: []uint16{1, 8081}, methods: []string{"GET", "POST", "PATCH"}}
	paths := map[string]bool{"/": true, "/other": true, "/api/v1/x/y": true}
	for _, text := range []string{"10.0.3.4", "10.0.4.7", "10.0.4.8", "192.168.255.255", "2001:db8::9", "2001:db9::1", "172.16.0.1"} {
		a.addresses = append(a.addresses, netip.MustParseAddr(text))
	}
	for _, m := range p.Meshes {
		a.peers = append(a.peers, principal(p.TrustDomain, m.Name, "stranger"))
		for _, s := range m.Services {
			if s.Proxied() {
				a.peers = append(a.peers, principal(p.TrustDomain, s.Namespace, s.Account), principal(p.TrustDomain, s.Namespace, s.Account+"x"),
					principal("other.example", s.Namespace, s.Account))
			}
			for _, port := range s.Ports {
				a.ports = append(a.ports, port.Number)
			}
			for _, rule := range slices.Concat(s.Allow, s.Deny) {
				a.ports = append(a.ports, rule.Ports...)
				for _, o := range rule.Ops {
					a.methods = append(a.methods, o.Methods...)
					for _, path := range examples(o.Path) {
						paths[path] = true
					}
				}
			}
		}
	}
	a.paths = slices.Sorted(maps.Keys(paths))
	return a
}

// examples returns paths that match the pattern, and some that nearly match.
func examples(pattern string) []string {
	if pattern == "" {
		return nil
	}
	fill := func(one, all, star string) string {
		path := strings.NewReplacer("{**}", all, "{*}", one).Replace(pattern)
		path = strings.Replace(path, "*", star, 1)
		if !strings.HasPrefix(path, "/") {
			path = "/" + path
		}
		return path
	}
	exact := fill("v1", "a/b", "x")
	return []string{exact, fill("", "", ""), fill("v1", "", "/"), fill("a/b", "a", "a/b"), exact + "/", exact + "x", strings.TrimSuffix(exact, "/"), exact + "?q=1", strings.ToUpper(exact)}
}

// request generates a request to a service. Half of them match one of its rules, or nearly do.
func (a *asker) request(s *policy.Service) envoy.Request {
	q := envoy.Request{
		Peer: pick(a.Rand, a.peers), Source: pick(a.Rand, a.addresses), Remote: pick(a.Rand, a.addresses), Destination: pick(a.Rand, a.addresses),
		Port: pick(a.Rand, a.ports),
	}
	method, path := pick(a.Rand, a.methods), pick(a.Rand, a.paths)
	if len(s.Ports) > 0 && a.IntN(4) > 0 {
		q.Port = pick(a.Rand, s.Ports).Number
	}
	if rules := slices.Concat(s.Allow, s.Deny); len(rules) > 0 && a.IntN(2) == 0 {
		rule := pick(a.Rand, rules)
		switch from := pick(a.Rand, rule.From); {
		case from.Kind == policy.FromService && from.Service.Proxied():
			q.Peer = principal(a.trustDomain, from.Service.Namespace, from.Service.Account)
		case from.Kind == policy.FromService && len(from.Service.Addresses) > 0:
			q.Peer, q.Source = "", pick(a.Rand, from.Service.Addresses).Addr()
		}
		if len(rule.Ports) > 0 && a.IntN(8) > 0 {
			q.Port = pick(a.Rand, rule.Ports)
		}
		if len(rule.Ops) > 0 {
			o := pick(a.Rand, rule.Ops)
			if len(o.Methods) > 0 && a.IntN(8) > 0 {
				method = pick(a.Rand, o.Methods)
			}
			if list := examples(o.Path); len(list) > 0 {
				path = pick(a.Rand, list)
			}
		}
	}
	http := a.IntN(2) == 0
	for _, p := range s.Ports {
		if p.Number == q.Port && a.IntN(8) > 0 {
			http = p.Protocol.IsHTTP()
		}
	}
	if http {
		q.Method, q.Path, q.Host = method, path, pick(a.Rand, []string{"any.example", "a.example.com", "A.example.com:8080", "b.example.com"})
		if x := pick(a.Rand, []string{"", "1", "12", "2", "3"}); x != "" {
			q.Headers = map[string]string{"x-a": x}
		}
	}
	return q
}
