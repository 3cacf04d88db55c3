// Package importer turns hand-written policies into a project that allows exactly the same requests.
//
// It takes the objects as decoded by the reader of Istio's manifests, builds statements of the language (package lang)
// and prints them. It then compiles what it wrote, and compares the result with the input, namespace by namespace, as
// sets of requests, the way diff compares two sets of manifests. The importer shares no code with what emits
// manifests, so a mistake of its own does not go unnoticed.
//
// An object is either expressed by statements or accepted: it stays where and as it is, and is judged together with
// the manifests of the project. Which objects are expressed is decided in rounds. The first round takes every object
// whose rules the language can express. Each further round drops the objects behind a statement that the check refuses
// or behind a difference, until there are none. Objects that were dropped together with others are then tried again,
// one at a time. An object that Istio would refuse has no effect anywhere and is ignored.
package importer

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/model"
	"github.com/meshc/meshc/compiler/config"
	"github.com/meshc/meshc/compiler/inventory"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
	"github.com/meshc/meshc/targets/istio/read"
)

// Given is what to import.
type Given struct {
	Manifests []*source.File
	Workloads []inventory.Input // name services, their accounts and ports; may be empty
	Settings  config.Project    // the trust domain and the root namespace of the mesh
	Guess     bool              // a trust domain that every principal names takes the place of that of the settings
	Today     time.Time
	Direction Direction

	ManifestPaths, WorkloadPaths []string // how meshc.yaml names the files, where they are in the folder of the project
}

// Direction is what becomes of a rule that cannot be said exactly.
type Direction uint8

const (
	Exact  Direction = iota // its object is accepted
	Narrow                  // it is said so that nothing passes that did not
	Widen                   // it is said so that everything passes that did
)

// Result is a project, and what became of each object.
type Result struct {
	Files    []File    // sorted by name; none where nothing was said or accepted
	Objects  []Object  // of Istio's security group, sorted by namespace, kind and name
	Changes  []string  // requests that pass on one side only, in the words of the language; none unless something is approximated
	Replaced []Object  // objects that were said and are not overwritten: to be deleted in this order, once the manifests of the project are in force
	Findings diag.List // about the manifests
}

// File is a file of a project.
type File struct {
	Name string // slash-separated, relative to the folder of the project
	Text string
}

// Object is an object of Istio's security group, and what became of it.
type Object struct {
	Kind, Namespace, Name string
	At                    source.Span
	Outcome               Outcome
	Reason                string   // why it was not said; empty if it was
	Approximated          []string // what was not said exactly
}

// ID is KIND NAMESPACE/NAME.
func (o *Object) ID() string { return o.Kind + " " + o.Namespace + "/" + o.Name }

// Outcome is what became of an object.
type Outcome uint8

const (
	Said     Outcome = iota // by statements of the project
	Accepted                // it stays as it is, beside the manifests of the project
	Refused                 // by Istio, so that it is not in force
)

func (o Outcome) String() string { return [...]string{"said", "accepted", "refused"}[o] }

// Count is the number of objects with an outcome.
func (r *Result) Count(o Outcome) int {
	n := 0
	for i := range r.Objects {
		if r.Objects[i].Outcome == o {
			n++
		}
	}
	return n
}

// importer carries one run.
type importer struct {
	Given
	mesh     enforce.Mesh
	layer    *enforce.Layer          // all that is in force
	age      map[*enforce.Object]int // their order, in a namespace: the oldest first
	objects  []*object
	services map[string]*namespace
	issuers  []*issuer
	findings diag.List

	known     *inventory.Set      // the workloads
	manifests []inventory.Input   // with which the project is built; none unless a namespace is in ambient mode
	paths     []string            // how meshc.yaml names them
	domains   map[string][]string // see findElsewhere: by namespace, the trust domains of its callers, where that of the mesh is not the only one
	copies    []copied            // in place of manifests that meshc.yaml cannot name; nil if it names all

	declared []string  // namespaces, in this round
	signing  []*issuer // who is declared in this round
}

// Import makes a project of manifests. The error is that of ctx, or names a service that is too complicated to be
// compared.
func Import(ctx context.Context, given Given) (*Result, error) {
	given.Manifests = slices.SortedStableFunc(slices.Values(given.Manifests), func(a, b *source.File) int { return cmp.Compare(a.Name, b.Name) })
	given.Workloads = slices.SortedStableFunc(slices.Values(given.Workloads), func(a, b inventory.Input) int { return cmp.Compare(a.File.Name, b.File.Name) })
	i := &importer{Given: given}
	i.read()
	i.takeInventory()
	i.findElsewhere()
	i.name()
	i.findIssuers()
	for {
		p, again, err := i.write()
		if err != nil {
			return nil, err
		}
		if again {
			continue
		}
		again, err = i.prove(ctx, p)
		if err != nil {
			return nil, err
		}
		if !again {
			if p, err = i.takeBack(ctx, p); err != nil {
				return nil, err
			}
			return i.result(p), nil
		}
	}
}

// read reads the manifests, and sets apart what Istio would refuse and what no statement can say.
func (i *importer) read() {
	i.mesh = enforce.Mesh{TrustDomain: i.Settings.TrustDomain, Aliases: i.Settings.Previous, RootNamespace: i.Settings.RootNamespace}
	stated, unjudged := inventory.Settings(i.Manifests)
	i.mesh.Settled = len(stated) > 0
	if i.Guess && len(stated) > 0 && stated[0].TrustDomain != "" {
		i.Guess, i.mesh.TrustDomain, i.mesh.Aliases = false, stated[0].TrustDomain, stated[0].Aliases
	}
	layer, found := read.Files(i.Manifests, i.mesh)
	if domain := model.TrustDomain(layer); i.Guess && domain != "" && domain != i.mesh.TrustDomain {
		i.mesh.TrustDomain = domain
		layer, found = read.Files(i.Manifests, i.mesh)
	}
	if domains := renamed(layer); i.Guess && domains != nil {
		if !slices.Contains(domains, i.mesh.TrustDomain) {
			i.mesh.TrustDomain = domains[0]
		}
		i.mesh.Aliases = slices.DeleteFunc(domains, func(d string) bool { return d == i.mesh.TrustDomain })
		layer, found = read.Files(i.Manifests, i.mesh)
	}
	i.findings = slices.Concat(found, unjudged)
	i.objects = find(i.Manifests, group, func(of, _ string) bool { return of == group })
	i.unread(layer)
	var inForce []*enforce.Object
	for _, o := range i.objects {
		switch {
		case !policy.IsLabel(o.Namespace):
			o.Outcome, o.Reason = Refused, fmt.Sprintf("`%s` cannot be the name of a namespace", o.Namespace)
			i.findings.Add(diag.Unevaluable, o.At, "%s", o.Reason)
		case o.Name != "" && !policy.IsName(o.Name):
			o.Outcome, o.Reason = Refused, fmt.Sprintf("`%s` cannot be the name of an object", o.Name)
			i.findings.Add(diag.Unevaluable, o.At, "%s", o.Reason)
		case o.read != nil && o.read.Refusal != "":
			o.Outcome, o.Reason = Refused, o.read.Refusal
		case o.read == nil && read.Judges(o.Kind) && i.unreadable(o) != "":
			o.Outcome, o.Reason = Refused, i.unreadable(o)
		case o.read == nil:
			o.accept("%s is a kind that is not judged", o.Kind)
		default:
			inForce = append(inForce, o.read)
		}
	}
	i.layer = enforce.NewLayer(layer.Mesh, layer.Table, inForce, layer.Destinations)
	i.layer.Gateways, i.layer.Dataplanes = layer.Gateways, layer.Dataplanes
	i.age = make(map[*enforce.Object]int, len(i.layer.Policies))
	for k, o := range i.layer.Policies {
		i.age[o] = k
	}
	asked := make(map[*object]string, len(i.objects))
	for _, o := range i.objects {
		if o.read != nil {
			asked[o] = fmt.Sprintf("%3d ", len(labelsOf(o.read))) + o.read.Canonical()
		}
	}
	slices.SortStableFunc(i.objects, func(a, b *object) int { // what becomes of them does not depend on their names
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Kind, b.Kind), cmp.Compare(asked[a], asked[b]), cmp.Compare(a.Name, b.Name))
	})
}

// byName is the objects in the order in which they are told.
func (i *importer) byName() []*object {
	return slices.SortedStableFunc(slices.Values(i.objects), func(a, b *object) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name))
	})
}

// unreadable is why the document of an object that was not read cannot be read; empty if it can.
func (i *importer) unreadable(o *object) string {
	k := slices.IndexFunc(i.findings, func(d diag.Diagnostic) bool {
		return d.Severity == diag.Error && d.Primary.File == o.document.File && d.Primary.Start >= o.document.Start && d.Primary.Start < o.document.End
	})
	if k < 0 {
		return ""
	}
	return i.findings[k].Message
}

// accept leaves an object as it is, for a reason. The first reason counts.
func (o *object) accept(format string, args ...any) {
	if o.Outcome == Said {
		o.Outcome, o.Reason = Accepted, fmt.Sprintf(format, args...)
	}
}

func (i *importer) result(p *draft) *Result {
	r := &Result{Changes: p.changes, Files: append(p.output, i.settings()), Replaced: i.replaced(p)}
	r.Files = append(r.Files, i.acceptedFiles()...)
	if i.copies != nil {
		r.Files = append(r.Files, File{Copies, i.copiesText()})
	}
	slices.SortFunc(r.Files, func(a, b File) int { return cmp.Compare(a.Name, b.Name) })
	for _, o := range i.byName() {
		if o.Outcome != Said {
			o.Approximated = nil
		}
		r.Objects = append(r.Objects, o.Object)
	}
	r.Findings = slices.DeleteFunc(i.findings, func(d diag.Diagnostic) bool {
		return d.Code == diag.Undecided || d.Code == diag.SkippedObject
	})
	r.Findings = slices.Concat(r.Findings, i.unmatched(), i.unenforced(), i.network()).Sort()
	return r
}

// replaced lists the objects that were said and that no object of the project has the name of. Once the new ones are in
// force, all that allows can go: each request that is let through is allowed by the new ones, and what is denied still
// is, by the old denies. Then what restricts, whose requests nothing allows any more but the new ones, which have
// restrictions of their own; then modes and tokens, of which one may be in force only because an older one is: the
// youngest first.
func (i *importer) replaced(p *draft) (all []Object) {
	taken := map[string]bool{}
	for _, m := range p.build.Manifests {
		taken[m.Kind+" "+m.Namespace+"/"+m.Name] = true
	}
	step := func(o *object) int {
		switch {
		case o.read.Role != enforce.Authorizes && !o.read.Created.IsZero():
			return 3 + len(i.age) - i.age[o.read]
		case o.read.Role != enforce.Authorizes: // younger than what a cluster has
			return 2
		case o.read.Effect != enforce.Allow:
			return 1
		}
		return 0
	}
	said := slices.DeleteFunc(i.byName(), func(o *object) bool { return o.Outcome != Said || taken[o.ID()] })
	slices.SortStableFunc(said, func(a, b *object) int { return cmp.Compare(step(a), step(b)) })
	for _, o := range said {
		all = append(all, o.Object)
	}
	return all
}
