package conformance

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/config"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/source"
	"github.com/meshc/meshc/targets/istio"
	"github.com/meshc/meshc/targets/istio/read"
)

// TestAsks compiles projects that ask a provider. What meshc leaves undecided must be what Istio asks the provider
// about and lets through otherwise, whatever headers the provider writes, and the intents must say the same.
func TestAsks(t *testing.T) {
	t.Parallel()
	schemas, err := LoadSchemas()
	if err != nil {
		t.Fatal(err)
	}
	asks, decisions := 0, 0
	for seed := range size(t, 1000) {
		r := rand.New(rand.NewPCG(seed, 11))
		p := askingProject(r)
		built, err := p.build()
		if err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, p.text())
		}
		var stream strings.Builder
		for _, m := range built.manifests {
			if _, err := schemas.Admit([]byte(m.YAML)); err != nil {
				t.Fatalf("seed %d: %v\n%s", seed, err, m.YAML)
			}
			fmt.Fprintf(&stream, "---\n%s", m.YAML)
		}
		istiod, err := Start([]byte(stream.String()), Options{})
		if err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, stream.String())
		}
		if err := proven(built.policy, stream.String()); err != nil {
			t.Fatalf("seed %d: %v\n%s\n%s", seed, err, p.text(), stream.String())
		}
		manifests, _ := read.Files([]*source.File{source.NewFile("manifests.yaml", stream.String())}, enforce.Mesh{TrustDomain: "cluster.local", RootNamespace: "istio-system"})
		a := newAsker(r, built.policy)
		for _, s := range built.policy.Services() {
			w := pod(s)
			callee := manifests.For(enforce.Workload{Namespace: w.Namespace, Labels: w.Labels})
			custom, err := istiod.Asks(w)
			if err != nil {
				t.Fatal(err)
			}
			local, err := istiod.local(w)
			if err != nil {
				t.Fatal(err)
			}
			own := intended{built.policy, built.policy.Meshes[0], s, false}
			asks += len(s.Ask)
			for range 40 {
				q := a.request(s)
				if len(s.Ask) > 0 && a.IntN(2) == 0 {
					q.Port, q.Method, q.Path = 8080, pick(r, []string{"GET", "POST"}), pick(r, []string{"/a", "/a/b", "/b", "/c/x"})
				}
				if !spoken(s, &q) {
					continue
				}
				decisions++
				want := enforce.Denied
				sent := istiod.Decide(w, local, q)
				switch {
				case !custom.Decide(&q).Allowed:
					for _, value := range []string{"", "1", "y1", "other"} { // as the provider may leave it
						left := q
						left.Headers = map[string]string{}
						maps.Copy(left.Headers, q.Headers)
						delete(left.Headers, "x-a")
						if value != "" {
							left.Headers["x-a"] = value
						}
						if sent || istiod.Decide(w, local, left) {
							want = enforce.Undecided
						}
					}
				case sent:
					want = enforce.Allowed
				}
				// Conditions of a deny and of an edge on one header are taken for independent.
				independent := want == enforce.Denied && !custom.Decide(&q).Allowed && slices.ContainsFunc(s.Deny, func(rule policy.Rule) bool {
					return slices.ContainsFunc(rule.Where, func(c policy.Condition) bool { return c.Dimension == policy.HeaderDimension })
				})
				if got := callee.Decide(asked(&q)); got.Verdict != want && !(independent && got.Verdict == enforce.Undecided) {
					t.Fatalf("seed %d: Istio: %d, meshc: %s\n%s\n%s\n%s", seed, want, got, show(&q), p.text(), stream.String())
				}
				if meant := slices.ContainsFunc(s.Ask, func(rule policy.Rule) bool { return own.matches(&rule, &q) }); want != enforce.Denied && meant != (want == enforce.Undecided) {
					t.Fatalf("seed %d: the intents ask: %t, Istio asks: %t\n%s\n%s", seed, meant, !meant, show(&q), p.text())
				}
			}
		}
	}
	t.Logf("%d asks, %d decisions compared", asks, decisions)
	if asks == 0 {
		t.Fatal("nothing is asked")
	}
}

// askingProject is a project of one mesh with edges and asks. Statements with errors are dropped when it is built.
func askingProject(r *rand.Rand) *project {
	lines := []string{"mesh shop " + pick(r, []string{"strict", "permissive"})}
	names := []string{"a", "b", "c", "d"}
	for _, n := range names {
		lines = append(lines, fmt.Sprintf("service %s account %s port 8080 http port 9090 grpc port 5432 tcp", n, n))
	}
	operations := []string{"", " GET /a", " /a/*", " GET|POST /b", " /c/* except GET /c/x", " except /a", " host shop.example.com", " header x-a=1", " header x-a=y*", " no header x-a"}
	for range 3 + r.IntN(6) {
		lines = append(lines, fmt.Sprintf("%s -> %s%s%s", pick(r, append(names, "any", "world")), pick(r, names), pick(r, []string{"", ":8080"}), pick(r, operations)))
	}
	for range 1 + r.IntN(5) {
		lines = append(lines, fmt.Sprintf("%s -> %s%s%s", pick(r, []string{"ask login world", "ask login world", "deny any", "deny a", "deny world except b"}), pick(r, append(names, "pods")), pick(r, []string{"", ":8080", ":*"}), pick(r, operations)))
	}
	settings, _ := config.Parse(source.NewFile("meshc.yaml", "apiVersion: meshc.dev/v1alpha1\nkind: Project\ntargets: {istio: {extensionProviders: [login]}}\n"))
	return &project{files: map[string][]string{"shop.mesh": lines}, config: settings, options: istio.Options{Providers: []string{"login"}}}
}
