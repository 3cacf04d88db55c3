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

	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/targets/istio/conformance/envoy"
	"github.com/meshc/meshc/targets/istio/eval"
)

// TestEmitted holds what meshc writes for made-up projects to Istio: every object is taken without a warning, and
// Istio, eval and the intents decide every request alike.
func TestEmitted(t *testing.T) {
	schemas, err := LoadSchemas()
	if err != nil {
		t.Fatal(err)
	}
	var count struct{ projects, dropped, objects, decisions, allowed int }
	for seed := range size(t, 1500) {
		p := newProject(seed)
		b, err := p.build()
		if err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, p.text())
		}
		fail := func(err error, manifest []byte) {
			t.Helper()
			t.Fatalf("seed %d: %v\n%s\n%s", seed, err, p.text(), manifest)
		}
		count.projects++
		count.dropped += b.dropped
		var stream bytes.Buffer
		for _, m := range b.manifests {
			count.objects++
			if err := schemas.Check(m.YAML); err != nil {
				fail(err, m.YAML)
			}
			fmt.Fprintf(&stream, "---\n%s", m.YAML)
		}
		options := Options{TrustDomain: b.policy.TrustDomain, RootNamespace: b.policy.RootNamespace}
		istiod, err := Start(stream.Bytes(), options)
		if err != nil {
			fail(err, stream.Bytes())
		}
		if len(istiod.Warnings) > 0 {
			fail(istiod.Warnings[0], stream.Bytes())
		}
		manifests, findings := read(stream.String(), options)
		if len(findings) > 0 {
			fail(fmt.Errorf("eval: %s %s", findings[0].Code, findings[0].Message), stream.Bytes())
		}
		r := rand.New(rand.NewPCG(seed, 8))
		a := newAsker(r, b.policy)
		for _, m := range b.policy.Meshes {
			for _, s := range m.Services {
				if s.Outside || m.Name == b.policy.RootNamespace {
					continue
				}
				intents := intended{b.policy, m, s}
				j, err := newJudge(istiod, manifests, pod(s))
				if err != nil {
					fail(err, stream.Bytes())
				}
				for range 60 {
					q := a.request(s)
					if err := j.differ(q, false); err != nil {
						fail(err, stream.Bytes())
					}
					if mode, _ := j.callee.Mode(q.Port); !strings.EqualFold(mode.String(), intents.mode(q.Port).String()) {
						fail(fmt.Errorf("port %d of %s is %s, and meant to be %s", q.Port, s.ID(), mode, intents.mode(q.Port)), stream.Bytes())
					}
					want := intents.permits(q)
					if err := same(want, j.callee.Decide(asked(&q)), false); err != nil && spoken(s, &q) {
						fail(fmt.Errorf("%s\n%w\n(for Istio read: the intents)", show(&q), err), stream.Bytes())
					}
					count.decisions++
					if want {
						count.allowed++
					}
				}
			}
			j, err := newJudge(istiod, manifests, Workload{m.Name, map[string]string{"app": "unknown"}})
			if err != nil {
				fail(err, stream.Bytes())
			}
			q := a.request(&policy.Service{})
			if err := j.differ(q, false); err != nil {
				fail(err, stream.Bytes())
			}
			open := m.Declares || b.policy.DryRun || m.Name == b.policy.RootNamespace
			if got := j.callee.Authorize(asked(&q)); (got.Verdict == eval.Allowed) != open {
				fail(fmt.Errorf("a pod of %s that no intent names: %s", m.Name, got), stream.Bytes())
			}
			count.decisions++
		}
	}
	t.Logf("%d projects (%d statements with errors left out), %d objects, %d decisions compared (%d allowed)",
		count.projects, count.dropped, count.objects, count.decisions, count.allowed)
}

// pod is one that the service's selector takes; pods have labels that no selector names.
func pod(s *policy.Service) Workload {
	labels := map[string]string{"pod-template-hash": "5d4f8"}
	for _, l := range s.Labels {
		labels[l.Key] = l.Value
	}
	return Workload{s.Namespace, labels}
}

// spoken tells whether the request speaks the protocol that the service declares for the port: intents are about
// no other.
func spoken(s *policy.Service, q *envoy.Request) bool {
	for _, p := range s.Ports {
		if p.Number == q.Port {
			return p.Protocol.IsHTTP() == (q.Method != "")
		}
	}
	return true
}

// asker makes up requests from what a policy says.
type asker struct {
	*rand.Rand
	peers     []string
	addresses []netip.Addr
	ports     []uint16
	methods   []string
	paths     []string
}

func newAsker(r *rand.Rand, p *policy.Policy) *asker {
	a := &asker{Rand: r, peers: []string{""}, ports: []uint16{1, 8081}, methods: []string{"GET", "POST", "PATCH"}}
	paths := map[string]bool{"/": true, "/other": true, "/api/v1/x/y": true}
	for _, text := range []string{"10.0.3.4", "10.0.4.7", "10.0.4.8", "192.168.255.255", "2001:db8::9", "2001:db9::1", "172.16.0.1"} {
		a.addresses = append(a.addresses, netip.MustParseAddr(text))
	}
	for _, m := range p.Meshes {
		a.peers = append(a.peers, principal(p.TrustDomain, m.Name, "stranger"))
		for _, s := range m.Services {
			if !s.Outside {
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

// examples are paths that a pattern takes, and some that it nearly takes.
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

func (a *asker) request(s *policy.Service) envoy.Request {
	q := envoy.Request{
		Peer: pick(a.Rand, a.peers), Source: pick(a.Rand, a.addresses), Remote: pick(a.Rand, a.addresses), Destination: pick(a.Rand, a.addresses),
		Port: pick(a.Rand, a.ports),
	}
	if len(s.Ports) > 0 && a.IntN(4) > 0 {
		q.Port = pick(a.Rand, s.Ports).Number
	}
	var froms []policy.Source
	for _, rule := range slices.Concat(s.Allow, s.Deny) {
		froms = append(froms, rule.From...)
	}
	if len(froms) > 0 && a.IntN(2) == 0 {
		switch from := pick(a.Rand, froms); {
		case from.Kind == policy.FromService && !from.Service.Outside:
			q.Peer = principal(strings.Split(a.peers[1], "/")[2], from.Service.Namespace, from.Service.Account)
		case from.Kind == policy.FromService && len(from.Service.Addresses) > 0:
			q.Source = pick(a.Rand, from.Service.Addresses).Addr()
		}
	}
	http := a.IntN(2) == 0
	for _, p := range s.Ports {
		if p.Number == q.Port && a.IntN(8) > 0 {
			http = p.Protocol.IsHTTP()
		}
	}
	if http {
		q.Method, q.Path, q.Host = pick(a.Rand, a.methods), pick(a.Rand, a.paths), "any.example"
	}
	return q
}
