package compiler

import (
	"context"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/meshc/meshc/compiler/check"
	"github.com/meshc/meshc/compiler/inventory"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/compiler/project"
	"github.com/meshc/meshc/lang"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// Snapshot is a project at one moment, with the texts that an editor has not saved. It is immutable and safe for
// concurrent use. What it is asked for is computed once; the next Snapshot takes over what an edit does not touch, and
// answers what a project that is opened from nothing does.
//
// If meshc.yaml has errors, everything else is judged by the settings that it had before: a mistake in one file
// silences no other file.
type Snapshot struct {
	*Project
	options Options
	paths   []string

	checked func() *Checked
	found   func() diag.List
	known   atomic.Pointer[check.Found] // of this project, or of an earlier one
	mutex   sync.Mutex                  // of building
	build   *Build
}

// Checked is what a project means, before anything is made of it.
type Checked struct {
	Policy   *policy.Policy // without the statements that have errors
	Info     *check.Info    // what every name stands for
	Findings diag.List      // sorted; those of the targets and of guards are in a Build

	own diag.List // without those of meshc.yaml
}

// OpenSnapshot is Open for an editor.
func OpenSnapshot(ctx context.Context, o Options, paths ...string) (*Snapshot, error) {
	return (&Snapshot{options: o, paths: paths, Project: &Project{}}).Reopen(ctx, o.Unsaved)
}

// Reopen reads the project again, after files came, went or changed on disk.
func (s *Snapshot) Reopen(ctx context.Context, unsaved map[string]string) (*Snapshot, error) {
	o := s.options
	o.Unsaved, o.Earlier = maps.Clone(unsaved), s.Parsed
	opened, err := Open(ctx, o, s.paths...)
	if err != nil {
		return nil, err
	}
	if opened.Parsed == nil && s.Parsed != nil {
		opened.Config, opened.Parsed = s.Config, s.Parsed
	}
	o.Earlier = nil
	return newSnapshot(opened, o, s.paths), nil
}

// Edit returns the project with another text of one file, by its name in the project. It reports false if the project
// must be reopened instead: the file is its meshc.yaml, or not one of its files.
func (s *Snapshot) Edit(ctx context.Context, name, text string) (*Snapshot, bool, error) {
	if s.Parsed == nil || name == project.ConfigName {
		return nil, false, nil
	}
	in, known := s.Parsed.Inputs, false
	if i := slices.IndexFunc(in.Files, func(f Input) bool { return f.Name == name }); i >= 0 {
		in.Files, known = slices.Clone(in.Files), true
		in.Files[i].Text = []byte(text)
	}
	file := source.NewFile(name, text)
	if i := slices.IndexFunc(in.Workloads, func(w inventory.Input) bool { return w.File.Name == name }); i >= 0 {
		in.Workloads, known = slices.Clone(in.Workloads), true
		in.Workloads[i].File = file
	}
	if i := slices.IndexFunc(in.Accepted, func(f *source.File) bool { return f.Name == name }); i >= 0 {
		in.Accepted, known = slices.Clone(in.Accepted), true
		in.Accepted[i] = file
	}
	if !known {
		return nil, false, nil
	}
	parsed, err := s.Parsed.Reparse(ctx, in)
	if err != nil {
		return nil, false, err
	}
	o := s.options
	o.Unsaved = maps.Clone(o.Unsaved)
	if o.Unsaved == nil {
		o.Unsaved = map[string]string{}
	}
	o.Unsaved[s.Path(name)] = text
	next := newSnapshot(&Project{Project: s.Project.Project, Parsed: parsed, Findings: s.Project.Findings}, o, s.paths)
	if parsed.Inventory == s.Parsed.Inventory {
		next.known.Store(s.known.Load())
	}
	return next, true, nil
}

func newSnapshot(p *Project, o Options, paths []string) *Snapshot {
	s := &Snapshot{Project: p, options: o, paths: paths}
	s.checked = sync.OnceValue(func() *Checked {
		c := &Checked{Policy: &policy.Policy{}, Info: &check.Info{}, Findings: p.Findings}
		if p.Parsed != nil {
			var found *check.Found
			c.Policy, found = check.Project(p.Parsed.files, p.Parsed.Inventory, p.Parsed.checkOptions(p.Config, c.Info))
			s.known.Store(found)
			c.own = p.Parsed.findings(p.Config, found)
			c.Findings = append(slices.Clone(p.Findings), c.own...).Sort()
		}
		return c
	})
	s.found = sync.OnceValue(func() diag.List {
		if before := s.known.Load(); before != nil {
			if found, ok := check.Recheck(before, p.Parsed.files, p.Parsed.checkOptions(p.Config, nil)); ok {
				s.known.Store(found)
				return append(slices.Clone(p.Findings), p.Parsed.findings(p.Config, found)...).Sort()
			}
		}
		return s.Checked().Findings
	})
	return s
}

// Checked returns what the project means.
func (s *Snapshot) Checked() *Checked { return s.checked() }

// Found returns the findings of Checked. After an edit it judges only the arrows of the meshes that the edit touches:
// check.Recheck.
func (s *Snapshot) Found() diag.List { return s.found() }

// Build makes the manifests and proves them, as Project.Build does. Several callers wait for one build.
func (s *Snapshot) Build(ctx context.Context) (*Build, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.build != nil {
		return s.build, ctx.Err()
	}
	if s.Parsed == nil {
		return s.Project.Build(ctx)
	}
	c := s.Checked()
	b, err := s.Parsed.build(ctx, s.Config, c.Policy, slices.Clone(c.own))
	if err != nil {
		return nil, err
	}
	b.Findings = append(slices.Clone(s.Project.Findings), b.Findings...).Sort()
	s.build = b
	return b, nil
}

// Files returns the trees of the intents, in the order of their names.
func (s *Snapshot) Files() []*lang.File {
	if s.Parsed == nil {
		return nil
	}
	return s.Parsed.files
}
