// Package compiler is the way from intents and workload manifests to a checked policy, on one page.
//
// It knows every stage and opens no file: what it compiles is handed to it.
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
	"github.com/meshc/meshc/compiler/lower"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/compiler/project"
	"github.com/meshc/meshc/lang"
	"github.com/meshc/meshc/lang/diag"
)

// Project is everything that a build depends on.
type Project struct {
	Files       []Input
	Workloads   []inventory.Input
	Config      config.Project
	Environment string    // a key of Config.Environments; empty: none
	Today       time.Time // the day that `until` is held against
}

// Input is one file of intents.
type Input = project.Input

// Compile parses, checks and lowers a project. The policy is nil where a finding is an error; findings
// come sorted, with the levels of the project's configuration applied. Where ctx is done before the files are read
// there is neither: ask ctx.Err().
func Compile(ctx context.Context, p Project) (*policy.Policy, diag.List) {
	parsed, err := Parse(ctx, p)
	if err != nil {
		return nil, nil
	}
	return parsed.Compile(p.Config)
}

// Parsed is a project whose intents and manifests are read. It can be compiled under one configuration after the other.
type Parsed struct {
	Project
	Inventory *inventory.Set // what could be read, whatever the findings

	files     []*lang.File
	syntax    diag.List
	manifests diag.List
}

// Parse reads the intents and the manifests of a project; what is wrong with them Compile tells. The error is that of ctx.
func Parse(ctx context.Context, p Project) (*Parsed, error) {
	parsed := &Parsed{Project: p}
	parsed.files, parsed.syntax = parse(ctx, p.Files)
	if ctx.Err() == nil {
		parsed.Inventory, parsed.manifests = inventory.Read(p.Workloads)
	}
	return parsed, ctx.Err()
}

// Compile checks and lowers under a configuration. The policy is nil where a finding is an error, but for errors of
// the codes in despite: whoever names those has a use for a policy that does not do what the intents say.
func (p *Parsed) Compile(c config.Project, despite ...diag.Code) (*policy.Policy, diag.List) {
	info, found := check.Project(p.files, p.Inventory, check.Options{Config: c, Environment: p.Environment, Today: p.Today})
	unread := len(p.syntax) > 0 || p.manifests.HasErrors()
	list := slices.Concat(p.manifests, p.syntax, found.Settled(unread)).Sort().Apply(c.Warnings)
	if slices.ContainsFunc(list, func(d diag.Diagnostic) bool { return d.Severity == diag.Error && !slices.Contains(despite, d.Code) }) {
		return nil, list
	}
	return lower.Policy(info), list
}

// parse reads all files, as many at once as there are processors.
func parse(ctx context.Context, inputs []Input) ([]*lang.File, diag.List) {
	files := make([]*lang.File, len(inputs))
	lists := make([]diag.List, len(inputs))
	next := make(chan int)
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(inputs)) {
		workers.Go(func() {
			for i := range next {
				files[i], lists[i] = lang.Parse(inputs[i].Name, inputs[i].Text)
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
	var all diag.List
	whole := files[:0]
	for i, f := range files {
		if f != nil {
			whole = append(whole, f)
		}
		all = append(all, lists[i]...)
	}
	return whole, all
}
