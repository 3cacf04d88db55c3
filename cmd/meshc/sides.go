package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/meshc/meshc/compiler"
	"github.com/meshc/meshc/compiler/inventory"
	"github.com/meshc/meshc/compiler/project"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/targets"
	"github.com/meshc/meshc/targets/gitops"
)

// side is one of two sides of a comparison, with its name and its project if there is one.
type side struct {
	name string // as the user wrote it
	compiler.Side
	project *project.Project
	errors  string // why it cannot be compared; empty where it can
}

// comparison reads the sides of a comparison.
type comparison struct {
	inputs
	cmd    *cobra.Command
	around *surroundings // of manifests that were not built; nil until they are asked for
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
		var found diag.List
		c.around.workloads, found = inventory.Read(inputs)
		c.around.findings = append(c.around.findings, found...)
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
	s.Files, err = around.Manifests(path)
	return s, err
}

// side is a build as a side of a comparison.
func (c *compiled) side(name, environment string) *side {
	return &side{name: name, Side: c.Build.Side(environment), project: c.project}
}

// projectSide compiles a project. For a past state only errors are printed.
func (c *comparison) projectSide(name string, paths []string, stdin io.Reader, current bool) (*side, error) {
	made, err := c.compile(c.cmd, paths, stdin)
	if err != nil {
		return nil, err
	}
	if current || made.Findings.HasErrors() {
		if err := c.aside(c.cmd, made.Findings, paths, made.project.Shown); err != nil {
			return nil, err
		}
	}
	if !made.Judgeable() && current {
		return &side{name: name, project: made.project, errors: name + " has " + counts(made.Findings)}, nil
	}
	if !made.Judgeable() {
		fmt.Fprintf(c.cmd.ErrOrStderr(), "%s has %s; nothing was compared\n", name, counts(made.Findings))
		return nil, errFindings
	}
	return made.side(name, c.environment), nil
}

// anySide is the project, or the folder, file or stream of manifests, at a path; where nothing is there, the project in projects at a
// revision of that name.
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

// revisionSide compiles a project as it was at a revision of its repository. It is empty where there was no project or no such
// environment; a project with errors has them in the side's errors.
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
		fmt.Fprintf(c.cmd.ErrOrStderr(), "%s has no %s: all of this is %s\n", revision, what, so)
		return &side{name: revision}, nil
	}
	if len(past.paths) == 0 {
		return nothing("such project")
	}
	if p, findings, err := project.Open(past.paths); err == nil && !findings.HasErrors() && c.environment != "" && p.Config.Environments[c.environment] == nil {
		return nothing("environment " + c.environment)
	}
	made, err := c.compile(c.cmd, past.paths, stdin)
	switch {
	case errors.Is(err, project.ErrNoIntents):
		return nothing("such project")
	case err != nil:
		return nil, past.error(err)
	case made.Findings.HasErrors():
		shown := func(file string) string { return past.shown(made.project, file) }
		if err := c.write(c.cmd.ErrOrStderr(), made.Findings, shown); err != nil {
			return nil, err
		}
	}
	if !made.Judgeable() {
		return &side{name: revision, errors: revision + " has " + counts(made.Findings)}, nil
	}
	s := made.side(revision, c.environment)
	s.project = past.now
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
