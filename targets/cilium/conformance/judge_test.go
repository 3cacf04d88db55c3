package conformance

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/compiler"
	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/model"
	"github.com/meshc/meshc/compiler/analysis/space"
	meshc "github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/targets"
	"github.com/meshc/meshc/targets/cilium/read"
)

var count = flag.Int("projects", 120, "how many generated projects to judge")

// Every decision about every pair of ends, and about requests of every kind that the project tells apart, is that of
// Cilium and that of the intents.
func TestCilium(t *testing.T) {
	decisions, allowed, requests := 0, 0, 0
	for seed := range uint64(*count) {
		p := newProject(seed)
		b, err := p.Build()
		require.NoError(t, err, "seed %d\n%s", seed, p)
		j, err := newJudge(b, b.Manifests)
		require.NoError(t, err, "seed %d\n%s", seed, p)
		err = j.every(rand.New(rand.NewPCG(seed, 13)), func(from, to *end, q *request) error {
			passes, err := j.cluster.permits(from, to, q)
			if err != nil {
				return err
			}
			if ours := j.ours(from, to, q); ours.Verdict != verdict(passes) {
				return fmt.Errorf("to Cilium it passes: %t, to meshc it is %s", passes, ours)
			}
			if want := intends(b.Policy, j.spared, from, to, q); want != passes && spoken(to, q) {
				return fmt.Errorf("to Cilium it passes: %t, and to the intents: %t", passes, want)
			}
			decisions++
			if passes {
				allowed++
			}
			if q.method != "" {
				requests++
			}
			return nil
		})
		require.NoError(t, err, "seed %d\n%s\n%s", seed, p, targets.Stream(b.Manifests))
	}
	t.Logf("%d projects, %d decisions compared (%d of them about requests of HTTP; %d let through)", *count, decisions, requests, allowed)
	require.Greater(t, allowed, 20**count)
	require.Greater(t, decisions-allowed, 20**count)
}

// judge is manifests in a cluster, and what meshc reads in them.
type judge struct {
	policy              *meshc.Policy
	spared              []string
	cluster             *cluster
	ends                []*end
	layer, datagrams    *enforce.Layer
	methods, paths      []string
	hosts, names, texts []string
}

func newJudge(b *compiler.Build, manifests []targets.Manifest) (*judge, error) {
	j := &judge{policy: b.Policy, spared: spared(manifests), ends: ends(b.Policy)}
	c, err := newCluster(manifests, j.ends)
	if err != nil {
		return nil, err
	}
	j.cluster = c
	files, mesh := compiler.Sources(manifests), model.MeshSettings(b.Policy)
	layer, findings := read.Files(files, mesh)
	if len(findings) > 0 {
		return nil, findings.Err()
	}
	j.layer = layer
	j.datagrams, _ = read.Datagrams(files, mesh)
	j.methods, j.paths, j.hosts = []string{"GET", "POST", "HEAD"}, []string{"/", "/other?a=b"}, []string{"any.example", "shop.example.com:8080"}
	j.names, j.texts = []string{"x-other"}, []string{"other"}
	for _, s := range b.Policy.Services() {
		for _, r := range s.Allow {
			j.know(&r)
		}
	}
	return j, nil
}

// spared is the namespaces that a closed mesh leaves open.
func spared(manifests []targets.Manifest) []string {
	for _, m := range manifests {
		if m.Namespace == "" && strings.Contains(m.YAML, "- elsewhere") {
			return []string{"elsewhere", "kube-system"}
		}
	}
	return []string{"kube-system"}
}

// know remembers texts that a rule is about, or nearly.
func (j *judge) know(r *meshc.Rule) {
	for _, o := range r.Ops {
		j.methods = append(j.methods, o.Methods...)
		if o.Path == "" {
			continue
		}
		fill := func(one, many, star string) string {
			path := strings.NewReplacer("{**}", many, "{*}", one).Replace(o.Path)
			if path = strings.Replace(path, "*", star, 1); !strings.HasPrefix(path, "/") {
				path = "/" + path
			}
			return path
		}
		exact := fill("v1", "a/b", "x")
		j.paths = append(j.paths, exact, exact+"?q=/x", exact+"/", exact+"x", fill("v1", "", ""), fill("a/b", "a", "a/b"), strings.ToUpper(exact), strings.ReplaceAll(exact, ".", "-"))
	}
	for i := range r.Where {
		switch c := &r.Where[i]; c.Dimension {
		case meshc.HostDimension:
			for _, v := range c.Values {
				j.hosts = append(j.hosts, strings.Replace(v, "*", "x", 1), strings.ToUpper(strings.Replace(v, "*", "", 1)), v+".", "x"+v, strings.ReplaceAll(v, ".", "-"))
			}
		case meshc.HeaderDimension:
			j.names = append(j.names, c.Key[0])
			for _, v := range c.Values {
				j.texts = append(j.texts, strings.Replace(v, "*", "any", 1), strings.ToUpper(v), v+"x", strings.ReplaceAll(v, ".", "-"))
			}
		}
	}
}

// ports is a number of each kind that the projects tell apart.
var ports = []uint16{1, 53, 5432, 8080, 9090, 65535}

// each calls f with requests that the callee speaks, from every end to every pod, until it returns an error.
func (j *judge) each(r *rand.Rand, f func(from, to *end, q *request) error) error {
	return j.every(r, func(from, to *end, q *request) error {
		if !spoken(to, q) {
			return nil
		}
		return f(from, to, q)
	})
}

// every is each for whatever may be sent.
func (j *judge) every(r *rand.Rand, f func(from, to *end, q *request) error) error {
	pick := func(of []string) string { return of[r.IntN(len(of))] }
	for _, to := range j.ends {
		if to.namespace == "" {
			continue
		}
		for _, from := range j.ends {
			if from == to {
				continue
			}
			for _, port := range ports {
				for n := range 6 {
					q := request{port: port, udp: n == 0, headers: map[string]string{}}
					if n > 1 {
						q.method, q.path, q.host = pick(j.methods), pick(j.paths), pick(j.hosts)
						for range r.IntN(3) {
							q.headers[pick(j.names)] = pick(j.texts)
						}
					}
					if err := f(from, to, &q); err != nil {
						return fmt.Errorf("%w\n%s to %s: %+v", err, from, to, q)
					}
				}
			}
		}
	}
	return nil
}

// spoken reports whether a request speaks what the service declares for the port. Intents say nothing about other
// protocols.
func spoken(to *end, q *request) bool {
	if to.service == nil || q.udp {
		return true
	}
	for _, p := range to.service.Ports {
		if p.Number == q.port {
			return p.Protocol.IsHTTP() == (q.method != "")
		}
	}
	return true
}

func verdict(passes bool) enforce.Verdict {
	if passes {
		return enforce.Allowed
	}
	return enforce.Denied
}

// ours is what meshc decides.
func (j *judge) ours(from, to *end, q *request) enforce.Decision {
	layer := j.layer
	if q.udp {
		layer = j.datagrams
	}
	facts := space.Facts{space.Identity: from.principal(), space.Port: fmt.Sprint(q.port), space.Method: q.method, space.Path: q.path, space.Host: q.host}
	if from.address.IsValid() {
		facts[space.SourceAddress] = from.address.String()
	}
	var headers []string
	for name, value := range q.headers {
		headers = append(headers, name+"="+value)
	}
	slices.Sort(headers)
	facts[space.Header] = strings.Join(headers, "\n")
	return layer.For(enforce.Workload{Namespace: to.namespace, Labels: to.labels}).Authorize(space.Standard.Request(q.method != "", facts))
}
