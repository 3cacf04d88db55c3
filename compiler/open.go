package compiler

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/meshc/meshc/compiler/inventory"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/compiler/project"
	"github.com/meshc/meshc/lang/diag"
)

// Options says how to read a project. The zero value reads it as it is, without an environment, as of today.
type Options struct {
	Environment    string            // of meshc.yaml; empty: none
	Workloads      []string          // files, folders and globs of workload manifests in place of those of meshc.yaml; `-` is Stdin
	Running        []inventory.Input // workloads that were read already, in place of Workloads and those of meshc.yaml; nil: none were
	Stdin          io.Reader         // what the path `-` stands for
	Today          time.Time         // the day that `until` is compared with; zero: today in UTC
	WithNamespaces bool              // also emit the Namespace objects that put workloads into the mesh

	Levels map[diag.Code]diag.Level // the level of the warnings of a code, which takes precedence over meshc.yaml
	Strict bool                     // every warning without a level in meshc.yaml or Levels is an error

	Unsaved map[string]string // texts of files in place of those on disk, by absolute path
	Earlier *Parsed           // the same project at another moment or in another place, or nil: what is as it was there is not read again
}

// Project is a project on disk that has been read. Its settings may be changed before it is checked or built.
type Project struct {
	*project.Project
	Parsed   *Parsed   // nil where meshc.yaml has errors
	Findings diag.List // of meshc.yaml and of the paths that it names
}

// UnknownEnvironment is the error about an environment that is not in meshc.yaml.
type UnknownEnvironment struct {
	Name  string
	Known []string // sorted
}

func (e *UnknownEnvironment) Error() string {
	if len(e.Known) == 0 {
		return fmt.Sprintf("unknown environment %q: meshc.yaml has none", e.Name)
	}
	text := fmt.Sprintf("unknown environment %q; want %s", e.Name, strings.Join(e.Known, ", "))
	if near, ok := diag.Nearest(e.Name, e.Known); ok {
		text += "; did you mean " + near + "?"
	}
	return text
}

// Open reads the project that contains paths (files, folders, or `-` for standard input) or, without paths, the current
// folder. The error names a path that cannot be read, or is an *UnknownEnvironment.
func Open(ctx context.Context, o Options, paths ...string) (*Project, error) {
	disk, found, err := project.OpenUnsaved(o.Unsaved, paths)
	if err != nil {
		return nil, err
	}
	_, wrong := Targets(disk.Config, o.WithNamespaces)
	found = append(found, wrong...).Sort()
	opened := &Project{Project: disk, Findings: found}
	if found.HasErrors() {
		return opened, nil
	}
	disk.Config.Warnings = o.levels(disk.Config.Warnings)
	if o.Environment != "" && disk.Config.Environments[o.Environment] == nil {
		return nil, &UnknownEnvironment{o.Environment, disk.Environments()}
	}
	files, err := disk.Intents(o.Environment, o.Stdin)
	if err != nil {
		return nil, err
	}
	workloads, missing := o.Running, diag.List(nil)
	if workloads == nil {
		if workloads, missing, err = disk.Workloads(o.Workloads, o.Stdin); err != nil {
			return nil, err
		}
	}
	opened.Findings = append(opened.Findings, missing...)
	accepted, missing, err := disk.Accepted()
	if err != nil {
		return nil, err
	}
	opened.Findings = append(opened.Findings, missing...)
	if o.Today.IsZero() {
		o.Today = time.Now().UTC().Truncate(24 * time.Hour)
	}
	earlier := o.Earlier
	if earlier == nil {
		earlier = new(Parsed)
	}
	opened.Parsed, err = earlier.Reparse(ctx, Inputs{
		Files:          files,
		Workloads:      workloads,
		Accepted:       accepted,
		Config:         disk.Config,
		Environment:    o.Environment,
		Today:          o.Today,
		WithNamespaces: o.WithNamespaces,
		Applied:        disk.Applied(o.Workloads),
	})
	return opened, err
}

// levels returns the level of each code that has one.
func (o *Options) levels(configured map[diag.Code]diag.Level) map[diag.Code]diag.Level {
	levels := map[diag.Code]diag.Level{}
	if o.Strict {
		for _, e := range diag.Table {
			if e.Severity == diag.Warning {
				levels[e.Code] = diag.Fail
			}
		}
	}
	maps.Copy(levels, configured)
	maps.Copy(levels, o.Levels)
	return levels
}

// Check checks a project and emits nothing. The policy is nil where a finding is an error.
func (p *Project) Check() (*policy.Policy, diag.List) {
	if p.Parsed == nil {
		return nil, p.Findings
	}
	checked, found := p.Parsed.Check(p.Config)
	return checked, append(slices.Clone(p.Findings), found...).Sort()
}

// Build makes the manifests of a project and proves them. The error is that of ctx, or an *InternalError.
func (p *Project) Build(ctx context.Context) (*Build, error) {
	if p.Parsed == nil {
		return &Build{Findings: p.Findings}, ctx.Err()
	}
	b, err := p.Parsed.Build(ctx, p.Config)
	if err != nil {
		return nil, err
	}
	b.Findings = append(slices.Clone(p.Findings), b.Findings...).Sort()
	return b, nil
}
