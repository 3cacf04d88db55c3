package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/meshc/meshc/compiler"
	"github.com/meshc/meshc/compiler/inventory"
	"github.com/meshc/meshc/compiler/project"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
	"github.com/meshc/meshc/targets"
	"github.com/meshc/meshc/targets/gitops"
)

// side is one of two sides of a comparison, with its name and its project if there is one.
type side struct {
	name string // as the user wrote it
	compiler.Side
	project *project.Project
	errors  string // why it cannot be compared; empty where it can

	made    *compiled    // a project that remains to be proved; nil if the side is something else
	current bool         // the project as it is, and not as it was
	tell    func() error // what there is to say of the side, once it is proved
}

// comparison reads the sides of a comparison.
type comparison struct {
	inputs
	cmd    *cobra.Command
	around *surroundings // of manifests that were not built; nil until they are asked for
	drafts []*side       // of projects, in the order in which they were read
}

// surroundings is the project around the current folder, and the workloads of --workloads.
type surroundings struct {
	*project.Project
	workloads *inventory.Set
	findings  diag.List
}

// surround reads what manifests alone do not say.
func (c *comparison) surround(stdin io.Reader) (*surroundings, error) {
	if c.around != nil {
		return c.around, nil
	}
	p, findings, err := project.Open(nil)
	if err != nil {
		return nil, err
	}
	c.around = &surroundings{Project: p, findings: findings}
	if len(c.workloads) > 0 {
		inputs, _, err := p.Workloads(c.workloads, stdin)
		if err != nil {
			return nil, err
		}
		placed, _ := asApplied(p, c.workloads, nil, inputs, false)
		var found diag.List
		c.around.workloads, found = inventory.Read(inputs)
		c.around.findings = slices.Concat(c.around.findings, placed, found)
	}
	return c.around, c.write(c.cmd.ErrOrStderr(), c.around.findings.Sort(), p.Shown)
}

// manifestSide is a file or folder of manifests, or those of a stream.
func (c *comparison) manifestSide(path string, stream []byte, stdin io.Reader) (*side, error) {
	around, err := c.surround(stdin)
	if err != nil {
		return nil, err
	}
	s := &side{name: filepath.ToSlash(path), Side: compiler.Side{Workloads: around.workloads}}
	if configured(around.Project) {
		s.Settings = &around.Config
	}
	if path == project.Stdin {
		s.Files = []targets.File{{Path: "standard-input.yaml", Data: stream}}
		return s, nil
	}
	if s.Files, err = around.Manifests(path); err != nil {
		return nil, err
	}
	lock, err := around.Lock(path)
	if err != nil {
		return nil, err
	}
	if lock != nil {
		s.Files = append(s.Files, *lock)
		return s, nil
	}
	return s, c.place(s, path)
}

// place gives the manifests of a side the namespaces in which they are applied.
func (c *comparison) place(s *side, path string) error {
	top := path
	if info, err := os.Stat(path); err == nil && !info.IsDir() {
		top = filepath.Dir(path)
	}
	files := make([]*source.File, len(s.Files))
	for i, f := range s.Files {
		files[i] = source.NewFile(c.around.Name(filepath.Join(top, filepath.FromSlash(f.Path))), string(f.Data))
	}
	found, moved := asApplied(c.around.Project, []string{path}, files, nil, true)
	if moved {
		for i, f := range files {
			s.Files[i].Data = []byte(f.Text)
		}
	}
	return c.write(c.cmd.ErrOrStderr(), found, c.around.Shown)
}

// drafted reads a project as a side that remains to be proved.
func (c *comparison) drafted(name string, paths []string, stdin io.Reader, current bool) (*side, error) {
	var like *compiler.Build
	if builds := c.builds(); len(builds) > 0 {
		like = builds[0]
	}
	made, err := c.draft(c.cmd, paths, stdin, like)
	if err != nil {
		return nil, err
	}
	s := &side{name: name, project: made.project, made: made, current: current}
	c.drafts = append(c.drafts, s)
	return s, nil
}

func (c *comparison) builds() (all []*compiler.Build) {
	for _, s := range c.drafts {
		if s.made != nil {
			all = append(all, s.made.Build)
		}
	}
	return all
}

// settle proves the projects that were read, of two of them what differs, and says what there is to say of each. If the
// present one cannot be compared, there is nothing to say of the past.
func (c *comparison) settle() error {
	if builds := c.builds(); len(builds) > 0 {
		done := step(c.cmd, "proving")
		err := unproved(compiler.Prove(c.cmd.Context(), builds...))
		done()
		if err != nil {
			return err
		}
	}
	for _, s := range c.drafts {
		if err := s.tell(); err != nil {
			return err
		}
		switch {
		case s.made == nil:
		case s.made.Judgeable():
			s.Side = s.made.Build.Side(c.environment)
		default:
			s.errors = s.name + " has " + counts(s.made.Findings)
			if s.current {
				return nil
			}
		}
	}
	return nil
}

// projectSide reads a project. For a past state only errors are printed.
func (c *comparison) projectSide(name string, paths []string, stdin io.Reader, current bool) (*side, error) {
	s, err := c.drafted(name, paths, stdin, current)
	if err != nil {
		return nil, err
	}
	s.tell = func() error {
		made := s.made
		if current || made.Findings.HasErrors() {
			if err := c.aside(c.cmd, made.Findings, paths, made.project.Shown); err != nil {
				return err
			}
		}
		if !made.Judgeable() && !current {
			fmt.Fprintf(c.cmd.ErrOrStderr(), "%s has %s; nothing was compared\n", name, counts(made.Findings))
			return errFindings
		}
		return nil
	}
	return s, nil
}

// anySide is the project, or the folder, file or stream of manifests, at a path; where nothing is there, the project in
// projects at a revision of that name.
func (c *comparison) anySide(path string, projects []string, stdin io.Reader, current bool) (*side, error) {
	if isRevision(path) {
		s, err := c.revisionSide(path, projects, stdin, current)
		if e := (*gitops.Error)(nil); errors.As(err, &e) && e.Kind == gitops.NotFound {
			return nil, fmt.Errorf("%s: no such file, folder or revision", filepath.ToSlash(path))
		}
		return s, delivered(err)
	}
	if path == project.Stdin {
		text, err := project.ReadStdin(stdin)
		if err != nil {
			return nil, err
		}
		if project.LooksLikeManifests(text) {
			return c.manifestSide(path, text, stdin)
		}
		stdin = bytes.NewReader(text)
	}
	is, err := project.HoldsManifests(path)
	if err != nil {
		return nil, err
	}
	if is {
		return c.manifestSide(path, nil, stdin)
	}
	return c.projectSide(filepath.ToSlash(path), []string{path}, stdin, current)
}

// isRevision reports whether a word can only mean a revision, since there is no such path.
func isRevision(word string) bool {
	_, err := os.Stat(word)
	return word != project.Stdin && errors.Is(err, fs.ErrNotExist)
}

// revisionSide compiles a project as it was at a revision of its repository. It is empty where there was no project or
// no such environment; a project with errors has them in the side's errors.
func (c *comparison) revisionSide(revision string, paths []string, stdin io.Reader, current bool) (*side, error) {
	past, err := projectAt(paths, revision)
	if err != nil {
		return nil, err
	}
	defer past.close()
	nothing := func(what string) (*side, error) {
		so := "new"
		if current {
			so = "gone"
		}
		s := &side{name: revision, tell: func() error {
			_, err := fmt.Fprintf(c.cmd.ErrOrStderr(), "%s has no %s: all of this is %s\n", revision, what, so)
			return err
		}}
		c.drafts = append(c.drafts, s)
		return s, nil
	}
	if len(past.paths) == 0 {
		return nothing("such project")
	}
	if p, findings, err := project.Open(past.paths); err == nil && !findings.HasErrors() && c.environment != "" && p.Config.Environments[c.environment] == nil {
		return nothing("environment " + c.environment)
	}
	s, err := c.drafted(revision, past.paths, stdin, current)
	switch {
	case errors.Is(err, project.ErrNoIntents):
		return nothing("such project")
	case err != nil:
		return nil, past.error(err)
	}
	s.project = past.now
	s.tell = func() error {
		if !s.made.Findings.HasErrors() {
			return nil
		}
		return c.write(c.cmd.ErrOrStderr(), s.made.Findings, func(file string) string { return past.shown(s.made.project, file) })
	}
	return s, nil
}

// delivered gives an error of delivery the exit code of files and streams, and adds its help.
func delivered(err error) error {
	var e *gitops.Error
	if !errors.As(err, &e) {
		return err
	}
	text := e.Error()
	if e.Help != "" {
		text += "\n  help: " + e.Help
	}
	return &failure{exitIO, errors.New(text)}
}
