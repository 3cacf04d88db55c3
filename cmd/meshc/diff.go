package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/meshc/meshc/compiler"
	"github.com/meshc/meshc/compiler/analysis/diff"
	"github.com/meshc/meshc/compiler/cluster"
	"github.com/meshc/meshc/compiler/config"
	"github.com/meshc/meshc/compiler/project"
	"github.com/meshc/meshc/targets/gitops"
	"github.com/meshc/meshc/targets/gitops/forge"
)

func newDiff() *cobra.Command {
	d := diffing{}
	cmd := &cobra.Command{
		Use:   "diff [BEFORE AFTER | PATH]",
		Short: "Show which requests a change allows or denies",
		Long: `Show which requests a change newly allows or denies, in terms of the language, and then the diff of the YAML.

BEFORE and AFTER are projects, folders or files of manifests, - for standard input, or git revisions of the project (also
written A..B); a path takes precedence over a revision of the same name. --from compares the project at PATH with an
earlier git revision of it; --env alone compares it with what the environment's repository holds. --cluster shows what
applying the project would change in a cluster, taking into account the objects of others that stay there.

Manifests that allow the same requests have no differences, however they are written. With --exit-code the command exits
with 1 if requests, routes, mTLS modes, data planes or objects of other kinds differ, or with --format yaml-diff, if any line
does. Even without --exit-code it exits with 1, after the comparison, if manifests contain something that a cluster would
refuse (what that may affect is marked perhaps) or if a project breaks a never, always or only. Services of manifests
without a project come from --workloads, or are named after the app label of their selectors. If the project did not exist
at the other revision, all of it is new; if it had errors there, nothing is compared.`,
		Example: `  meshc diff --from origin/main               # what this branch opens and closes
  meshc diff HEAD~1 HEAD                      # what the last commit did
  meshc diff --env prod                       # what a publish would change
  meshc diff --env prod --cluster=prod        # what applying it would change there
  meshc diff --env prod --from HEAD~1 --format markdown
  meshc diff --env prod --from origin/main --comment # in CI: one comment on the pull request, updated by each run
  meshc diff old/manifests new/manifests --exit-code`,
		Args: few(0, 2, "two at most, what was and what is"),
		RunE: onProject(d.run),
	}
	d.registerProject(cmd)
	registerFormat(cmd, &d.layout, "text", "json", "markdown", "yaml-diff")
	cmd.Flags().StringVar(&d.from, "from", "", "git revision of the project to compare with, as in HEAD~1 or origin/main")
	cmd.Flags().BoolVar(&d.exitCode, "exit-code", false, "exit with 1 if anything differs")
	cmd.Flags().BoolVar(&d.withNamespaces, "with-namespaces", false, "also compare Namespace objects and waypoints")
	cmd.Flags().StringVar(&d.comment, "comment", "", "also post the change as a comment on a pull request: its `URL`, or without a value that of this CI job")
	cmd.Flags().Lookup("comment").NoOptDefVal = ofThisJob
	d.registerContext(cmd, "compare a cluster with itself after the project is applied")
	cmd.Flags().DurationVar(&d.timeout, "timeout", 2*time.Minute, "time limit for a cluster, repository or forge")
	return cmd
}

type diffing struct {
	comparison
	layout, from string
	comment      string // the URL of a pull request, or ofThisJob
	exitCode     bool
	deployed     map[string]string // the names of a cluster's objects, by path
}

func (d *diffing) run(cmd *cobra.Command, paths []string) error {
	d.cmd = cmd
	if err := stdinOnce(paths, d.workloads); err != nil {
		return err
	}
	pull, err := d.pullRequest()
	if err != nil {
		return err
	}
	before, after, err := d.sides(cmd, paths)
	if err != nil {
		return err
	}
	if after.errors != "" {
		if err := d.tell(pull, after, "nothing was compared: "+forge.Escape(after.errors)+"\n"); err != nil {
			return err
		}
		fmt.Fprintf(cmd.ErrOrStderr(), "%s; nothing was compared\n", after.errors)
		return errFindings
	}
	if before.errors != "" {
		return d.uncompared(pull, before, after)
	}
	c, err := compare(cmd.Context(), before.Side, after.Side)
	if err != nil {
		return err
	}
	if err := d.write(cmd.ErrOrStderr(), c.Findings, func(name string) string { return cmp.Or(d.deployed[name], name) }); err != nil {
		return err
	}
	desc := c.description(d.environment, ownersOf(after.project))
	var out []byte
	switch d.layout {
	case "json":
		out, err = c.json(before, after, d.environment, desc.Headlines)
	case "markdown":
		out = []byte(desc.Markdown(forge.Limit))
	case "yaml-diff":
		out = c.yaml
	default:
		out = append(desc.Terminal(), c.yaml...)
	}
	if err != nil {
		return err
	}
	if err := writeAnswer(cmd, d.layout, out); err != nil {
		return err
	}
	if err := d.tell(pull, after, desc.Comment(forge.CommentLimit)); err != nil {
		return err
	}
	if d.layout == "text" {
		note := ""
		if c.DryRun {
			note = " (dry run: Istio only logs it)"
		}
		if c.Findings.HasErrors() {
			note += "; undecided where a policy is refused"
		}
		say(cmd, "%s%s; %s\n", desc.Summary(), note, filesDiffer(len(c.Files)))
	}
	if after.Build != nil && after.Build.Findings.HasErrors() || c.Findings.HasErrors() || d.exitCode && (!c.None() || d.layout == "yaml-diff" && len(c.Files) > 0) {
		return errFindings
	}
	return nil
}

func filesDiffer(n int) string {
	if n == 1 {
		return "1 file differs"
	}
	return plural(n, "file") + " differ"
}

// uncompared says that there is nothing to compare with. That is not a failure: the change may be the fix.
func (d *diffing) uncompared(pull *forge.PullRequest, before, after *side) error {
	fmt.Fprintf(d.cmd.ErrOrStderr(), "%s; there is nothing to compare with\n", before.errors)
	nothing := "There is nothing to compare with: " + forge.Escape(before.errors) + ".\n"
	var out []byte
	var err error
	switch d.layout {
	case "json":
		out, err = (&difference{Difference: &compiler.Difference{Diff: &diff.Diff{}}}).json(before, after, d.environment, nil)
	case "markdown":
		out = []byte(nothing)
	}
	if err == nil {
		err = d.tell(pull, after, nothing)
	}
	if err == nil {
		err = writeAnswer(d.cmd, d.layout, out)
	}
	if err == nil && d.exitCode {
		err = errFindings
	}
	return err
}

// sides reads the two sides to compare.
func (d *diffing) sides(cmd *cobra.Command, paths []string) (before, after *side, err error) {
	stdin := func() io.Reader { return cmd.InOrStdin() }
	if slices.Contains(d.workloads, project.Stdin) {
		if stdin, err = again(cmd.InOrStdin()); err != nil {
			return nil, nil, err
		}
	}
	if len(paths) == 1 && d.from == "" && isRevision(paths[0]) {
		if from, to, ok := strings.Cut(paths[0], ".."); ok && from != "" && to != "" {
			paths = []string{from, to}
		}
	}
	switch {
	case d.cluster != "" && (d.from != "" || len(paths) == 2):
		return nil, nil, usageError("--cluster compares one project with a cluster: name one PATH, or none, and no --from")
	case d.from != "" && len(paths) == 2:
		return nil, nil, usageError("--from compares one project with what it was: name one PATH, or none")
	case d.from != "" && slices.Contains(paths, project.Stdin):
		return nil, nil, usageError("standard input has no revisions")
	case len(paths) == 2:
		if before, err = d.anySide(paths[0], projectsOf(paths[1]), stdin(), false); err != nil {
			return nil, nil, err
		}
		if after, err = d.anySide(paths[1], projectsOf(paths[0]), stdin(), true); err != nil {
			return nil, nil, err
		}
		return before, after, d.settle()
	case d.from == "" && d.environment == "" && d.cluster == "" && len(paths) == 1 && isRevision(paths[0]):
		return nil, nil, usageError("%s is no file or folder; to compare with a revision: meshc diff --from %[1]s", paths[0])
	case d.from == "" && d.environment == "" && d.cluster == "":
		return nil, nil, usageError("what to compare with? name two projects or folders of manifests, or a revision with --from, an environment with --env, or a cluster with --cluster")
	}
	if after, err = d.projectSide("the project", paths, stdin(), true); err != nil {
		return nil, nil, err
	}
	if d.from != "" && !after.made.Findings.HasErrors() {
		if before, err = d.revisionSide(d.from, paths, stdin(), false); err != nil {
			return nil, nil, delivered(err)
		}
		return before, after, d.settle()
	}
	if err = d.settle(); err != nil || after.errors != "" {
		return nil, after, err
	}
	if d.cluster != "" {
		return d.clusterSides(after)
	}
	before, err = d.published(cmd, after)
	return before, after, err
}

// projectsOf is the project of a revision that is compared with a path: that path, if it is a project.
func projectsOf(path string) []string {
	if is, err := project.HoldsManifests(path); err != nil || is || path == project.Stdin {
		return nil
	}
	return []string{path}
}

// clusterSides is a cluster as it is, and as it would be once a project is applied to it.
func (d *diffing) clusterSides(of *side) (before, after *side, err error) {
	s, err := d.snapshot(d.cmd, cluster.Options{RootNamespace: of.project.Config.RootNamespace, PoliciesOnly: true})
	if err != nil {
		return nil, nil, err
	}
	was, is, names, err := s.Apply(of.Build.Manifests)
	if err != nil {
		return nil, nil, err
	}
	d.deployed = names
	before = &side{name: s.Context, Side: compiler.Side{Files: was}}
	return before, &side{name: of.name, Side: of.Build.Among(is), project: of.project}, nil
}

// published is the manifests in the repository of the environment.
func (d *diffing) published(cmd *cobra.Command, after *side) (*side, error) {
	o, local := destination(after.project, d.environment)
	s := &side{name: d.environment}
	if _, err := os.Stat(o.Repository); local && err != nil {
		say(cmd, "nothing is published yet: %s has no repository, and meshc publish has made none\n", d.environment)
		return s, nil
	}
	o.Timeout = d.timeout
	files, err := gitops.Fetch(cmd.Context(), after.Files, o)
	s.Files = files
	return s, delivered(err)
}

// destination is where an environment is published, and whether that is the repository within the project that is used
// where meshc.yaml names none.
func destination(p *project.Project, environment string) (o gitops.Options, local bool) {
	e := p.Config.Environments[environment]
	if e == nil {
		e = &config.Environment{}
	}
	o = gitops.Options{Repository: e.Repository, Branch: e.Branch, Path: e.Path, Environment: environment, Forge: gitops.Forge(e.Forge), Dir: p.Root}
	if o.Repository == "" {
		o.Repository, local = filepath.Join(p.Root, "build", "environments", cmp.Or(environment, noEnvironment)+".git"), true
	}
	return o, local
}
