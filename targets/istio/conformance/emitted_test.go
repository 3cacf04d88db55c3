package conformance

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/compiler/config"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/diag"
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
	schemas                                                Schemas
	projects, dropped, beyond, objects, decisions, allowed int
}

func newBench(t *testing.T) *bench {
	schemas, err := LoadSchemas()
	if err != nil {
		t.Fatal(err)
	}
	return &bench{schemas: schemas}
}

func (b *bench) log(t *testing.T) {
	t.Logf("%d projects (without %d statements that had errors; %d beyond the bound of the proof), %d objects, %d decisions compared (%d allowed)",
		b.projects, b.dropped, b.beyond, b.objects, b.decisions, b.allowed)
	if 50*b.beyond > b.projects+50 {
		t.Error("too many projects are beyond the bound")
	}
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
		if _, err := b.schemas.Admit([]byte(m.YAML)); err != nil {
			return fmt.Errorf("%w\n%s", err, m.YAML)
		}
		b.objects++
		fmt.Fprintf(&stream, "---\n%s", m.YAML)
	}
	if err := b.decide(built.policy, stream.String(), false, seed); err != nil {
		return fmt.Errorf("%w\n%s", err, &stream)
	}
	if err := proven(built.policy, stream.String()); errors.Is(err, space.ErrTooMany) {
		b.beyond++ // a build says so, and writes nothing
	} else if err != nil {
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

// decide compares the decisions of Istio, of meshc's evaluation and of the intents. If shadow is set, policies in
// dry-run are evaluated as if they were enforced.
func (b *bench) decide(p *policy.Policy, stream string, shadow bool, seed uint64) error {
	options := served(p)
	if len(p.Previous) == 1 && p.TrustDomain != "cluster.local" && seed%2 == 0 {
		options.TrustDomain, options.Aliases = p.Previous[0], nil // the mesh is yet to be renamed
	}
	manifests, findings := read.Files([]*source.File{source.NewFile("manifests.yaml", stream)},
		enforce.Mesh{TrustDomain: p.TrustDomain, Aliases: p.Previous, RootNamespace: p.RootNamespace, Shadow: shadow})
	// A star in the middle of a path is meant: the intents have it in quotes.
	findings = slices.DeleteFunc(findings, func(d diag.Diagnostic) bool {
		return d.Code == diag.Misleading && strings.Contains(d.Message, "a path takes one wildcard")
	})
	if len(findings) > 0 {
		return fmt.Errorf("meshc: %s %s", findings[0].Code, findings[0].Message)
	}
	if shadow {
		stream = strings.ReplaceAll(stream, "    istio.io/dry-run: \"true\"\n", "")
	}
	istiod, err := Start([]byte(stream), options)
	if err != nil {
		return err
	}
	if err := warned(istiod, p); err != nil {
		return err
	}
	r := rand.New(rand.NewPCG(seed, 8))
	a := newAsker(r, p)
	for _, m := range p.Meshes {
		for _, s := range m.Services {
			if !s.Proxied() || m.Name == p.RootNamespace && s.Dataplane != policy.Gateway {
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
		if slices.ContainsFunc(m.Services, func(s *policy.Service) bool { return s.Unnamed }) {
			continue
		}
		j, err := newJudge(istiod, manifests, Workload{Namespace: m.Name, Labels: map[string]string{"app": "unknown"}})
		if err != nil {
			return err
		}
		q := a.request(&policy.Service{})
		if err := j.differ(q, false); err != nil {
			return err
		}
		b.decisions++
		open := p.DryRun && !shadow || !m.Closed && (m.Declares || m.Open || m.Name == p.RootNamespace)
		if got := j.callee.Authorize(asked(&q)); (got.Verdict == enforce.Allowed) != open {
			return fmt.Errorf("a pod in %s that no intent names: %s", m.Name, got)
		}
	}
	return nil
}

// widened reports whether a deny of every port names what only HTTP has.
func widened(p *policy.Policy) bool {
	return slices.ContainsFunc(p.Services(), func(s *policy.Service) bool {
		return slices.ContainsFunc(s.Deny, func(r policy.Rule) bool { return r.Widened })
	})
}

// served returns the settings of the mesh that a policy is for.
func served(p *policy.Policy) Options {
	return Options{TrustDomain: p.TrustDomain, Aliases: p.Previous, RootNamespace: p.RootNamespace}
}

// warned returns what Istio warns of and meshc does not.
func warned(istiod *Istiod, p *policy.Policy) error {
	for _, warning := range istiod.Warnings {
		if !strings.Contains(warning.Error(), "will deny all traffic to TCP ports under its scope") || !widened(p) {
			return warning
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
		if mode, _ := j.callee.Mode(q.Port); !j.workload.Gateway && !strings.EqualFold(mode.String(), intents.mode(q.Port).String()) {
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
	return Workload{s.Namespace, labels, s.Dataplane == policy.Gateway}
}

// spoken reports whether the request uses the protocol that the service declares for the port. Intents say nothing
// about other protocols.
func spoken(s *policy.Service, q *envoy.Request) bool {
	for _, p := range s.Ports {
		if p.Number == q.Port {
			return p.Protocol.IsHTTP() == (q.Method != "")
		}
	}
	return true
}
