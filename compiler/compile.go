// Package compiler is the API of meshc: it opens a project, checks it, builds and proves its manifests, and answers
// questions about them.
//
//	Open      a project on disk            project, config
//	Parse     text to trees and objects    lang, inventory
//	Check     trees to a policy            check, policy
//	Build     a policy to manifests        targets
//	          and their proof              analysis
//
// A program without files on disk starts with Parse. Findings are values, sorted by place. An error concerns a file or
// a context, or is a bug in meshc (InternalError). Nothing here writes files, and no state is kept between calls,
// except in a Snapshot, which serves an editor.
package compiler

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/meshc/meshc/compiler/check"
	"github.com/meshc/meshc/compiler/config"
	"github.com/meshc/meshc/compiler/inventory"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/compiler/project"
	"github.com/meshc/meshc/lang"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// Inputs is everything that a build depends on.
type Inputs struct {
	Files       []Input
	Workloads   []inventory.Input
	Accepted    []*source.File // with the manifests of what Config accepts
	Config      config.Project
	Environment string    // a key of Config.Environments; empty: none
	Today       time.Time // the day that `until` is compared with

	// Applied returns what applies a file of the workloads in which namespaces; nil where nothing on disk says that.
	Applied func(name string) []project.Applied

	WithNamespaces bool // also emit the Namespace objects that put workloads into the mesh
}

// Input is one file of intents.
type Input = project.Input

// Check parses and checks a project. The policy is nil if a finding is an error. Findings are sorted and have the
// levels of the project's configuration. The error is that of ctx.
func Check(ctx context.Context, in Inputs) (*policy.Policy, diag.List, error) {
	parsed, err := Parse(ctx, in)
	if err != nil {
		return nil, nil, err
	}
	p, found := parsed.Check(in.Config)
	return p, found, nil
}

// Parsed is a project whose intents and manifests have been read. It can be checked and built under one configuration
// after another.
type Parsed struct {
	Inputs
	Inventory *inventory.Set // what could be read, whatever the findings
	files     []*lang.File
	found     []diag.List // of each of the files
	syntax    diag.List   // all of these
	manifests diag.List
}

// Parse reads the intents and the manifests of a project; Check reports the findings. The error is that of ctx.
func Parse(ctx context.Context, in Inputs) (*Parsed, error) { return new(Parsed).Reparse(ctx, in) }

// Reparse is Parse of other inputs: what they share with those of p is not read again.
func (p *Parsed) Reparse(ctx context.Context, in Inputs) (*Parsed, error) {
	parsed := &Parsed{Inputs: in}
	p.parse(ctx, parsed)
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case p.hasInventory(in):
		parsed.Workloads, parsed.Inventory, parsed.manifests = p.Workloads, p.Inventory, p.manifests
	default:
		parsed.Inventory, parsed.manifests = inventory.Read(in.Workloads, in.Config.Stated(in.Environment)...)
		parsed.manifests = in.placed(parsed.manifests)
		if Meshless(in.Config) {
			parsed.Inventory = parsed.Inventory.Meshless()
		}
	}
	return parsed, nil
}

// hasInventory reports whether the inventory of other inputs is that of p.
func (p *Parsed) hasInventory(in Inputs) bool {
	return p.Inventory != nil && Meshless(p.Config) == Meshless(in.Config) &&
		slices.Equal(p.Config.Stated(p.Environment), in.Config.Stated(in.Environment)) && slices.EqualFunc(p.Workloads, in.Workloads, sameManifests)
}

func sameManifests(a, b inventory.Input) bool {
	return a.Namespace == b.Namespace && (a.File == b.File || a.File.Name == b.File.Name && a.File.Text == b.File.Text)
}

// Check returns the policy under a configuration. It is nil if a finding is an error with a code that is not in
// despite: a caller that passes codes can use a policy that lacks the statements with such errors.
func (p *Parsed) Check(c config.Project, despite ...diag.Code) (*policy.Policy, diag.List) {
	checked, list := p.policy(c)
	list = append(list, p.refused(c, checked, list)...).Sort()
	if slices.ContainsFunc(list, func(d diag.Diagnostic) bool { return d.Severity == diag.Error && !slices.Contains(despite, d.Code) }) {
		return nil, list
	}
	return checked, list
}

// policy returns the policy under a configuration, without the statements that have errors, and the findings of all
// stages before the targets.
func (p *Parsed) policy(c config.Project) (*policy.Policy, diag.List) {
	checked, found := check.Project(p.files, p.Inventory, p.checkOptions(c, nil))
	return checked, p.findings(c, found)
}

// findings is those of a check, with those of the stages before it.
func (p *Parsed) findings(c config.Project, found *check.Found) diag.List {
	unread := len(p.syntax) > 0 || p.manifests.HasErrors()
	checked := append(found.List(), p.reportBeside(c, found.Meshes)...)
	return slices.Concat(p.manifests, p.syntax, checked.Settled(unread)).Sort().Apply(c.Warnings)
}

func (p *Parsed) checkOptions(c config.Project, info *check.Info) check.Options {
	return check.Options{Config: c, Environment: p.Environment, Today: p.Today, Meshless: Meshless(c), Network: closesNetwork(c), Info: info}
}

// refused returns the findings about what the targets cannot express. If statements with errors are missing from the
// policy, findings that may only follow from that are left out.
func (p *Parsed) refused(c config.Project, checked *policy.Policy, found diag.List) (refused diag.List) {
	all, _ := Targets(c, p.WithNamespaces)
	for _, target := range all {
		_, cannot := target.Emit(checked)
		refused = append(refused, cannot...)
	}
	_, beside := p.networkOf(checked, all)
	refused = append(refused, beside...)
	if found.HasErrors() {
		refused = refused.Settled(true)
	}
	return refused.Apply(c.Warnings)
}

// parse parses the files of the inputs on all processors, without those that p has already.
func (p *Parsed) parse(ctx context.Context, into *Parsed) {
	inputs := into.Files
	into.files, into.found = make([]*lang.File, len(inputs)), make([]diag.List, len(inputs))
	earlier := make(map[string]int, len(p.files))
	for i, f := range p.files {
		earlier[f.Source.Name] = i
	}
	next := make(chan int)
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(inputs)) {
		workers.Go(func() {
			for i := range next {
				if k, ok := earlier[inputs[i].Name]; ok && p.files[k].Source.Text == string(inputs[i].Text) {
					into.files[i], into.found[i] = p.files[k], p.found[k]
				} else {
					into.files[i], into.found[i] = lang.Parse(inputs[i].Name, inputs[i].Text)
				}
			}
		})
	}
	for i := range inputs {
		if ctx.Err() != nil {
			break
		}
		next <- i
	}
	close(next)
	workers.Wait()
	into.syntax = slices.Concat(into.found...)
}
