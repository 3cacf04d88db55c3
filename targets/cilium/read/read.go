// Package read reads Cilium's policies into a Layer of compiler/analysis/enforce, as for a cluster that has nothing
// else.
//
// It knows the ingress rules of CiliumNetworkPolicy and CiliumClusterwideNetworkPolicy of cilium.io/v2, as Cilium 1.20
// reads them and enforces them for TCP, or for UDP. Egress reads the other rules of a CiliumNetworkPolicy into a Layer
// of compiler/analysis/network. Code that follows a file of cilium/cilium cites it. The package knows nothing of
// intents or of how manifests are written: together with the analysis it is the judge of the emitter, and shares no
// code with it.
//
// An account of a namespace is read as the identity of its pods in the trust domain of the mesh: to Cilium every pod
// has one. A caller without one is outside the cluster, or a node.
//
// Nothing is guessed. A policy that Cilium would refuse, or that has an unknown field, is broken: whatever it may
// decide is undecided, and a finding says so. Whatever depends on other labels of callers, on names of ports or on
// unknown kinds of expressions is undecided too.
package read

import (
	"cmp"
	"errors"
	"runtime"
	"slices"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/network"
	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/compiler/yamldoc"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

const (
	group       = "cilium.io"
	namespaced  = "CiliumNetworkPolicy"
	clusterwide = "CiliumClusterwideNetworkPolicy"
	foreign     = "networking.k8s.io" // whose NetworkPolicies Cilium enforces too
)

// Files reads manifests: files of YAML, each of one document or more. Objects of other kinds are skipped. The result
// does not depend on the order of the files.
func Files(files []*source.File, mesh enforce.Mesh) (*enforce.Layer, diag.List) {
	return of(files, mesh, "TCP")
}

// Datagrams is Files for what policies let through of UDP.
func Datagrams(files []*source.File, mesh enforce.Mesh) (*enforce.Layer, diag.List) {
	return of(files, mesh, "UDP")
}

func of(files []*source.File, mesh enforce.Mesh, protocol string) (*enforce.Layer, diag.List) {
	mesh.TrustDomain = cmp.Or(mesh.TrustDomain, "cluster.local")
	mesh.RootNamespace = "" // what binds every namespace is in none
	all := scan(files, reader{domains: append([]string{mesh.TrustDomain}, mesh.Aliases...), protocol: protocol})
	return enforce.NewLayer(mesh, space.Standard, all.once(), nil), all.findings.Sort()
}

// scan reads files on all processors, as one reader does that knows what is read of them.
func scan(files []*source.File, as reader) (all reader) {
	files = slices.Clone(files)
	slices.SortStableFunc(files, func(a, b *source.File) int { return cmp.Compare(a.Name, b.Name) })
	workers := make([]reader, max(min(runtime.GOMAXPROCS(0), len(files)/32), 1))
	var wait sync.WaitGroup
	for w := range workers {
		share := files[len(files)*w/len(workers) : len(files)*(w+1)/len(workers)]
		wait.Go(func() {
			workers[w] = as
			for _, f := range share {
				workers[w].file(f)
			}
		})
	}
	wait.Wait()
	for _, w := range workers {
		all.policies, all.findings = append(all.policies, w.policies...), append(all.findings, w.findings...)
	}
	return all
}

// Judges reports whether objects of a kind are read.
func Judges(kind string) bool { return kind == namespaced || kind == clusterwide }

type reader struct {
	domains  []string // the trust domain of the mesh, and its aliases
	protocol string   // what is read of what comes into pods
	leaving  bool     // what goes out of them is read in its place
	policies []*object
	findings diag.List
	memory   yamldoc.Memory
}

// once returns the objects of the policies, of which a cluster keeps one by each name: the one that is applied last,
// and which one that is, is not known.
func (r *reader) once() (all []*enforce.Object) {
	type key struct{ kind, namespace, name string }
	first := map[key]*object{}
	for _, p := range r.policies {
		k := key{p.kind, p.namespace, p.name}
		other := first[k]
		if other != nil && p.name != "" && same(other, p) {
			r.findings.Add(diag.Ineffective, p.at, "the second manifest of the %s %s has no effect: it says the same", p.kind, p.id()).
				WithRelated(other.at, "the first one").
				WithHelp("remove one of them")
			continue
		}
		if other != nil && p.name != "" {
			for _, o := range slices.Concat(other.objects, p.objects) {
				o.Broken, o.AnyEffect = true, true
			}
			r.findings.Add(diag.Unevaluable, p.at, "two manifests of the %s %s: a cluster keeps the one that is applied last", p.kind, p.id()).
				WithRelated(other.at, "the other one").
				WithHelp("remove one of them")
		} else {
			first[k] = p
		}
		all = append(all, p.objects...)
	}
	return all
}

// same reports whether two manifests of one object ask for the same.
func same(p, q *object) bool {
	return slices.EqualFunc(p.objects, q.objects, func(a, b *enforce.Object) bool { return !a.Broken && !b.Broken && a.Canonical() == b.Canonical() }) &&
		slices.EqualFunc(p.leaves, q.leaves, network.Same)
}

// reads reports whether a text may have what this package reads.
func reads(text string) bool { return strings.Contains(text, group) || strings.Contains(text, foreign) }

func (r *reader) file(f *source.File) {
	if !reads(f.Text) {
		return
	}
	if bad := yamldoc.Text(f); bad != nil {
		r.findings.Add(diag.Unevaluable, bad.Span, "%s", bad.Message)
		return
	}
	for doc := range yamldoc.Split(f) {
		if !reads(doc.Text) {
			continue
		}
		var bad *yamldoc.SyntaxError
		switch err := doc.ParseInto(&r.memory); {
		case errors.As(err, &bad):
			r.findings.Add(diag.Unevaluable, bad.Span, "%s", bad.Message).Help = bad.Help
		case err != nil:
			r.findings.Add(diag.Unevaluable, doc.Start(), "%v", err)
		case doc.Root != nil:
			for o := range yamldoc.Objects(doc.Root) {
				r.object(doc, o.Node, o.APIVersion, o.Kind)
			}
		}
	}
}

func (r *reader) object(doc *yamldoc.Document, n *yaml.Node, version, kind string) {
	of, _, _ := strings.Cut(version, "/")
	if of == foreign && kind == "NetworkPolicy" && !r.leaving {
		d := &decoder{doc: doc, findings: &r.findings}
		r.policies = append(r.policies, d.foreign(n))
	}
	if of == group && Judges(kind) {
		d := &decoder{doc: doc, domains: r.domains, protocol: r.protocol, findings: &r.findings}
		if r.leaving {
			d.leaving, d.findings, d.told = true, new(diag.List), &r.findings
		}
		r.policies = append(r.policies, d.policy(n, version, kind))
	}
}
