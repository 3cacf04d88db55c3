package conformance

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"istio.io/istio/pkg/log"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
	"github.com/meshc/meshc/targets/istio/conformance/envoy"
	"github.com/meshc/meshc/targets/istio/read"
)

func TestMain(m *testing.M) {
	for _, scope := range log.Scopes() {
		scope.SetOutputLevel(log.NoneLevel)
	}
	os.Exit(m.Run())
}

// size returns how many projects or clusters a test generates: n, scaled by the environment variable CONFORMANCE. At
// the default scale all tests together take about three minutes.
func size(t *testing.T, n int) uint64 {
	if factor := os.Getenv("CONFORMANCE"); factor != "" {
		f, err := strconv.ParseFloat(factor, 64)
		if err != nil {
			t.Fatalf("CONFORMANCE: %v", err)
		}
		n = max(1, int(float64(n)*f))
	}
	return uint64(n)
}

// readYAML reads manifests with meshc's own reader.
func readYAML(yaml string, o Options) (*enforce.Layer, diag.List) {
	return read.Files([]*source.File{source.NewFile("manifests.yaml", yaml)}, enforce.Mesh{TrustDomain: o.TrustDomain, RootNamespace: o.RootNamespace})
}

// asked converts a request for meshc's evaluation, which knows no server names.
func asked(q *envoy.Request) space.Request {
	var headers, claims []string
	for name, value := range q.Headers {
		headers = append(headers, name+"="+value)
	}
	var add func(path string, value any)
	add = func(path string, value any) {
		switch value := value.(type) {
		case string:
			claims = append(claims, path+"="+value)
		case []any:
			if len(value) == 1 { // a single text would not tell that it is in a list
				add(path, value[0])
			}
			for _, v := range value {
				add(path, v)
			}
		case map[string]any:
			for name, v := range value {
				add(path+"]["+name, v)
			}
		}
	}
	for name, value := range q.Claims {
		add(name, value)
	}
	return space.Standard.Request(q.Method != "", space.Facts{
		space.Identity: q.Peer, space.SourceAddress: q.Source.String(), space.RemoteAddress: q.Remote.String(), space.DestinationAddress: q.Destination.String(),
		space.Port: fmt.Sprint(q.Port), space.Method: q.Method, space.Path: q.Path, space.Host: q.Host,
		space.Header: strings.Join(headers, "\n"), space.Token: strings.Join(claims, "\n"),
	})
}

// judge holds both views of one workload: Istio's and meshc's.
type judge struct {
	istiod   *Istiod
	workload Workload
	chains   Chains
	callee   *enforce.Point
}

func newJudge(istiod *Istiod, manifests *enforce.Layer, w Workload) (*judge, error) {
	chains, err := istiod.Chains(w)
	proxy := policy.Sidecar
	if w.Gateway {
		proxy = policy.Gateway
	}
	return &judge{istiod, w, chains, manifests.For(enforce.Workload{Namespace: w.Namespace, Labels: w.Labels, Dataplane: proxy})}, err
}

// differ compares both sides on one request. If maybe is set, meshc may leave it undecided, because the manifests test
// properties that meshc's evaluation does not know.
func (j *judge) differ(q envoy.Request, maybe bool) error {
	istio := j.chains.Decide(&q)
	if err := same(istio.Allowed, j.callee.Authorize(asked(&q)), maybe); err != nil {
		return fmt.Errorf("%w (in Istio by %q)\n%s\nto %v", err, istio.Policy, show(&q), j.workload)
	}
	mode, _ := j.callee.Mode(q.Port)
	if j.workload.Gateway {
		maybe = maybe || q.Peer != "" // a listener that asks for no certificate does not know it
	} else if want := j.istiod.Mode(j.workload, q.Port); mode.String() != want {
		return fmt.Errorf("port %d: meshc says mode %s, Istio says %s, of %v", q.Port, mode, want, j.workload)
	}
	if err := same(j.istiod.Decide(j.workload, j.chains, q), j.callee.Decide(asked(&q)), maybe); err != nil {
		return fmt.Errorf("port %s: %w\n%s\nto %v", mode, err, show(&q), j.workload)
	}
	return nil
}

// classes compares both sides on one request from each of meshc's request classes, or of so many. It returns how many
// it compared.
func (j *judge) classes(r *rand.Rand, most int, maybe bool) (int, error) {
	return eachClass(r, j.callee, most, func(region *enforce.Class, source int, q envoy.Request) error {
		if err := j.differ(q, maybe); err != nil {
			return err
		}
		outcome, want := region.Outcomes[0], j.istiod.Decide(j.workload, j.chains, q)
		if mode := j.istiod.Mode(j.workload, q.Port); !j.workload.Gateway && mode != outcome.Mode.String() {
			return fmt.Errorf("in its classes meshc says that port %d is %s, Istio says %s", q.Port, outcome.Mode, mode)
		}
		if got := outcome.Allowed.Has(source); got != want && !outcome.Undecided.Has(source) {
			return fmt.Errorf("in its classes meshc says allowed: %t, Istio says %t\n%s\nto %v", got, want, show(&q), j.workload)
		}
		return nil
	})
}

// eachClass calls f with one request from each of meshc's request classes, which together cover every request there is.
// If there are more than most classes, it picks that many at random. It returns how many there were.
func eachClass(r *rand.Rand, callee *enforce.Point, most int, f func(region *enforce.Class, source int, q envoy.Request) error) (int, error) {
	split, err := enforce.NewClasses(space.Distinctions{}, callee)
	if errors.Is(err, space.ErrTooMany) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	all := len(split.Operations) * len(split.Sources)
	for i := range min(all, most) {
		if all > most {
			i = r.IntN(all)
		}
		region, source := &split.Operations[i/len(split.Sources)], i%len(split.Sources)
		if err := f(region, source, told(split.From(region.Request, split.Sources[source]))); err != nil {
			return 0, err
		}
	}
	return min(all, most), nil
}

// told converts the representative of a request class to a request as Envoy sees it.
func told(r space.Request) envoy.Request {
	q := envoy.Request{Source: r.Address(space.SourceAddress), Remote: r.Address(space.RemoteAddress), Destination: r.Address(space.DestinationAddress), Port: r.Port()}
	if r.Identity() != "" {
		q.Peer = "spiffe://" + r.Identity()
	}
	if r.HTTP {
		q.Method, q.Path, q.Host = cmp.Or(r.Text(space.Method), "GET"), cmp.Or(r.Text(space.Path), "/"), r.Text(space.Host)
		for name, texts := range r.Keys(space.Header) {
			if q.Headers == nil {
				q.Headers = map[string]string{}
			}
			q.Headers[name] = texts[0]
		}
		for path, texts := range r.Keys(space.Token) {
			if q.Claims == nil {
				q.Claims = map[string]any{}
			}
			within := q.Claims
			parts := strings.Split(path, "][")
			for _, part := range parts[:len(parts)-1] {
				if within[part] == nil {
					within[part] = map[string]any{}
				}
				within, _ = within[part].(map[string]any)
			}
			within[parts[len(parts)-1]] = texts[0]
			delimited := policy.SpaceDelimited(path)
			// A text with spaces in a list is one text, whichever claims an issuer has split; a subject is no list.
			spaced := path != "sub" && slices.ContainsFunc(texts, func(s string) bool { return strings.Contains(s, " ") })
			if delimited && !spaced {
				within[path] = strings.Join(texts, " ")
			} else if len(texts) > 1 || spaced {
				list := make([]any, len(texts))
				for i := range texts {
					list[i] = texts[i]
				}
				within[parts[len(parts)-1]] = list
			}
		}
	}
	return q
}

func same(istio bool, ours enforce.Decision, maybe bool) error {
	switch {
	case ours.Verdict == enforce.Undecided && maybe:
		return nil
	case istio && ours.Verdict != enforce.Allowed:
		return fmt.Errorf("Istio allows, meshc says: %s", ours)
	case !istio && ours.Verdict != enforce.Denied:
		return fmt.Errorf("Istio denies, meshc says: %s", ours)
	}
	return nil
}

func show(q *envoy.Request) string {
	return fmt.Sprintf("%+v", *q)
}

// TestHandWrittenPolicies compares meshc's evaluation with Istio on policies as people write them, with every field.
func TestHandWrittenPolicies(t *testing.T) {
	t.Parallel()
	clusters, policies, decisions, undecided, allowed := 0, 0, 0, 0, 0
	for seed := range size(t, 2500) {
		tokens := seed%3 == 0
		c := newCluster(seed, tokens)
		istiod, err := Start([]byte(c.yaml), c.Options)
		if err != nil {
			t.Fatalf("seed %d: Istio rejects a valid policy: %v\n%s", seed, err, c.yaml)
		}
		manifests, findings := readYAML(c.yaml, c.Options)
		if findings.HasErrors() {
			t.Errorf("seed %d: meshc rejects what Istio accepts: %v\n%s", seed, firstError(findings), c.yaml)
			continue
		}
		clusters++
		policies += len(manifests.Policies)
		r := rand.New(rand.NewPCG(seed, 3))
		for _, w := range c.workloads {
			j, err := newJudge(istiod, manifests, w)
			if err != nil {
				t.Fatalf("seed %d: %v\n%s", seed, err, c.yaml)
			}
			n, err := j.classes(r, 60, tokens)
			if err != nil {
				t.Fatalf("seed %d: %v\n%s", seed, err, c.yaml)
			}
			decisions += n
			for range 30 {
				q := c.request(r)
				if err := j.differ(q, tokens); err != nil {
					t.Fatalf("seed %d: %v\n%s", seed, err, c.yaml)
				}
				decisions++
				switch j.callee.Authorize(asked(&q)).Verdict {
				case enforce.Allowed:
					allowed++
				case enforce.Undecided:
					undecided++
				}
			}
		}
	}
	t.Logf("%d clusters, %d policies, %d decisions compared (%d allowed, %d undecided)", clusters, policies, decisions, allowed, undecided)
}

func firstError(findings diag.List) diag.Diagnostic {
	return findings[slices.IndexFunc(findings, func(d diag.Diagnostic) bool { return d.Severity == diag.Error })]
}
