package main

import (
	"cmp"
	"context"
	"errors"
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
	"github.com/meshc/meshc/compiler/project"
	"github.com/meshc/meshc/targets/gitops"
	"github.com/meshc/meshc/targets/gitops/forge"
)

func newPublish() *cobra.Command {
	p := publish{}
	cmd := &cobra.Command{
		Use:   "publish [PATH...]",
		Short: "Commit manifests to the repository of each environment",
		Long: `Build each environment and commit its manifests to the repository that meshc.yaml names for it: as a proposal on a
branch, with --pr also as a pull request, or with --direct on the branch that controllers follow. The commit and the pull
request describe the change in terms of intents. If nothing changes, nothing is committed, and a proposal that is no longer
needed is withdrawn.

The branch of a proposal is meshc/ENV, or meshc/ENV-PATH if the environment has a path in its repository, so that several
projects can share a repository. Each proposal replaces the previous one; branch rules that forbid this must exempt
meshc/*.

Controllers apply objects one after another. If a change would allow or deny something it should not, even briefly, a
warning says what and between which steps. --steps then publishes two commits; run it again for the second one once the
first has been applied.

Objects that meshc.yaml lists under replaces, because they were imported, are removed from the files of others in the same
change, or with --steps in the second commit. Nothing else in the files of others changes.

A publish stops with a finding if a file was changed by hand, if a file of others is in the way, or if the first
kustomization.yaml of a folder would leave out manifests of others. --overwrite replaces the files and leaves out the
manifests. If meshc.yaml names no repository, a bare one is created in build/environments, so that you can try all of this.

Credentials are GITHUB_TOKEN, GITLAB_TOKEN or GITEA_TOKEN, SSH keys and the SSH agent, or git's credential helper. A token is
sent only to the public servers of its forge and to the server that runs this CI job. For any other server, set GITHUB_HOST,
GITLAB_HOST or GITEA_HOST: meshc.yaml alone cannot choose who receives a token. The date of a commit is GIT_AUTHOR_DATE, else
SOURCE_DATE_EPOCH, else the current time; author and signature follow git's configuration. If one environment fails, the
others are still published. The exit code is 3 if a repository or forge failed, and 1 if findings stopped a publish.`,
		Example: `  meshc publish                                  # the only environment, or a project without any
  meshc publish --env staging --direct
  meshc publish --env staging --env prod --pr
  meshc publish --env prod --dry-run`,
		RunE: onProject(p.run),
	}
	p.registerFlags(cmd)
	return cmd
}

func (p *publish) registerFlags(cmd *cobra.Command) {
	p.registerSources(cmd)
	cmd.Flags().StringArrayVar(&p.environments, "env", nil, "environment of meshc.yaml to publish; repeatable (default the only one)")
	cmd.Flags().BoolVar(&p.pull, "pr", false, "open a pull request, or update the open one")
	cmd.Flags().BoolVar(&p.direct, "direct", false, "commit to the branch that controllers follow, without a proposal")
	cmd.Flags().BoolVar(&p.draft, "draft", false, "open the pull request as a draft")
	cmd.Flags().StringArrayVar(&p.labels, "label", nil, "label of the pull request; repeatable")
	cmd.Flags().BoolVar(&p.dryRun, "dry-run", false, "push nothing; print what would be committed, and with --pr the title and body of the pull request")
	cmd.Flags().BoolVar(&p.steps, "steps", false, "make two commits, one per run, if a single one would briefly allow or deny something it should not")
	cmd.Flags().BoolVar(&p.overwrite, "overwrite", false, "replace files that were changed by hand or belong to others, and leave out manifests of others")
	cmd.Flags().Var(&p.author, "author", "author of the commit, such as \"Ann <ann@example.org>\" (default that of git)")
	cmd.Flags().BoolVar(&p.withNamespaces, "with-namespaces", false, "also publish Namespace objects with the labels of their data plane, and waypoints")
	cmd.Flags().DurationVar(&p.timeout, "timeout", 2*time.Minute, "time limit for each environment")
	cmd.RegisterFlagCompletionFunc("env", completeEnvironments)
}

type publish struct {
	comparison
	environments                           []string
	pull, direct, draft, dryRun, overwrite bool
	steps                                  bool
	labels                                 []string
	author                                 author
}

func (p *publish) run(cmd *cobra.Command, paths []string) error {
	p.cmd = cmd
	switch {
	case p.pull && p.direct:
		return usageError("choose one of --pr and --direct")
	case !p.pull && (p.draft || len(p.labels) > 0):
		return usageError("--draft and --label require --pr")
	case p.timeout <= 0:
		return usageError("--timeout %s: want a time such as 90s", p.timeout)
	}
	stdin := func() io.Reader { return cmd.InOrStdin() }
	if slices.Contains(paths, project.Stdin) || slices.Contains(p.workloads, project.Stdin) {
		var err error
		if stdin, err = again(cmd.InOrStdin()); err != nil {
			return err
		}
	}
	chosen, err := p.choose(paths)
	if err != nil {
		return err
	}
	var worst *failure
	for _, environment := range chosen {
		err := p.one(cmd, environment, paths, stdin())
		var f *failure
		switch {
		case err == nil:
			continue
		case !errors.As(err, &f):
			f = &failure{exitIO, err}
		}
		if f.code == exitUsage {
			return f // the same for every environment
		}
		if f.err != nil {
			fmt.Fprintf(cmd.ErrOrStderr(), "meshc: %s%v\n", under(environment), f.err)
		}
		if worst == nil || f.code > worst.code {
			worst = &failure{code: f.code}
		}
	}
	if worst != nil {
		return worst
	}
	return nil
}

// noEnvironment stands for the environment of a project that has none in the names of branches, folders and marks.
const noEnvironment = "default"

// under begins a line about an environment; that of a project without environments has no name.
func under(environment string) string {
	if environment == "" {
		return ""
	}
	return environment + ": "
}

// choose returns the environments to publish.
func (p *publish) choose(paths []string) ([]string, error) {
	opened, findings, err := project.Open(paths)
	if err != nil {
		return nil, err
	}
	known := opened.Environments()
	switch {
	case findings.HasErrors():
		return []string{""}, nil // compiling reports them
	case len(p.environments) == 0 && len(known) > 1:
		return nil, usageError("which environment? there are %s: name each with --env", strings.Join(known, ", "))
	case len(p.environments) == 0 && len(known) == 1:
		return known, nil
	case len(p.environments) == 0:
		return []string{""}, nil
	}
	var chosen []string
	for _, e := range p.environments {
		if !slices.Contains(known, e) {
			return nil, usageError("--env: %v", &compiler.UnknownEnvironment{Name: e, Known: known})
		}
		if !slices.Contains(chosen, e) {
			chosen = append(chosen, e)
		}
	}
	return chosen, nil
}

// one publishes an environment and prints a line with the result.
func (p *publish) one(cmd *cobra.Command, environment string, paths []string, stdin io.Reader) error {
	p.environment = environment
	made, err := p.compile(cmd, paths, stdin)
	if err != nil {
		return err
	}
	made.Findings = append(made.Findings, made.missingNamespaces()...)
	if err := p.aside(cmd, made.Findings, paths, made.project.Shown); err != nil {
		return err
	}
	if made.Findings.HasErrors() {
		return p.stopped(cmd, counts(made.Findings))
	}

	ctx, cancel := context.WithTimeout(cmd.Context(), p.timeout)
	defer cancel()
	o, local := destination(made.project, environment)
	address := "" // the path of the stand-in for a missing repository
	if local {
		address = shownPath(o.Repository)
		gone, err := p.standIn(cmd, &o)
		if err != nil {
			return err
		}
		defer gone()
	}
	o.Secrets = &gitops.Secrets{}
	var f *forge.Forge
	if p.pull { // fail before anything is pushed
		if f, err = forge.Open(forge.Options{Repository: o.Repository, Kind: o.Forge, Getenv: os.Getenv, Secrets: o.Secrets, Timeout: p.timeout}); err != nil {
			return delivered(err)
		}
	}
	a := announced{made: made, after: made.Side(environment), replaced: replacing(made, environment, p.steps)}
	o.Direct, o.Overwrite, o.DryRun, o.Timeout, o.Author = p.direct, p.overwrite, p.dryRun, p.timeout, p.author.Identity
	o.Source, o.Warnings = gitops.Source(ctx, made.project.Root), made.project.Config.Warnings
	if a.replaced != nil {
		o.Others = &a.replaced.Others
	}
	half := false
	if p.steps {
		if a.after, half, err = firstStep(ctx, a.after, &made.project.Config, o); err != nil {
			return delivered(err)
		}
	}
	o.Describe = func(change gitops.Change) (gitops.Message, error) { return a.message(ctx, change, environment) }
	result, findings, err := gitops.Publish(ctx, a.after.Files, o)
	if err != nil {
		return delivered(err)
	}
	if address == "" {
		address = result.Repository
	}
	if err := p.write(cmd.ErrOrStderr(), findings, func(name string) string { return name }); err != nil {
		return err
	}
	if findings.HasErrors() {
		return p.stopped(cmd, counts(findings)+" in "+address)
	}
	if !p.dryRun { // which has them in its text
		for i := range a.replacements {
			fmt.Fprintf(cmd.ErrOrStderr(), "meshc: %s%s: %s\n", under(environment), &a.replacements[i], a.replacements[i].Effect())
		}
	}
	for _, line := range meanwhile(a.windows) {
		fmt.Fprintf(cmd.ErrOrStderr(), "meshc: %swhile this is applied, %s\n", under(environment), line)
	}
	a.replaced.report(cmd, p.environment)
	if len(a.windows) > 0 {
		fmt.Fprintln(cmd.ErrOrStderr(), "  help: --steps makes two commits of it, the second in another run")
	}
	done, err := p.propose(ctx, cmd, f, result, a.description, a.reviewers, address)
	if err != nil {
		return delivered(err)
	}
	if half || result.Change.Later {
		done += "; step 1 of 2: publish again once it has been applied"
	}
	return p.say(cmd, done)
}

// say prints the result for an environment.
func (p *publish) say(cmd *cobra.Command, text string) error {
	return writeOut(cmd, []byte(under(p.environment)+text+"\n"))
}

func (p *publish) stopped(cmd *cobra.Command, why string) error {
	if err := p.say(cmd, why+"; nothing was published"); err != nil {
		return err
	}
	return errFindings
}

// propose updates the pull request if there is a forge, and returns a summary of what was done.
func (p *publish) propose(ctx context.Context, cmd *cobra.Command, f *forge.Forge, result gitops.Result, description forge.Description, reviewers []string, address string) (string, error) {
	where := result.Branch + " of " + address
	switch {
	case result.Withdrawn && p.dryRun:
		return "up to date; the proposal on " + result.Review + " would be withdrawn", nil
	case result.Withdrawn:
		return withdrawn(ctx, f, result)
	case result.UpToDate && result.Commit == "":
		return "up to date", nil
	case p.dryRun:
		done := fmt.Sprintf("%s: would be committed on %s (%s)", description.Summary(), where, filesOf(result.Change))
		text := strings.TrimSpace(description.Text())
		if p.pull {
			text = description.Title() + "\n\n" + strings.TrimSpace(description.Markdown(bodyLimit))
		}
		if text != "" {
			done += "\n\n" + text + "\n"
		}
		return done, nil
	}
	done := fmt.Sprintf("%s: %s on %s", description.Summary(), result.Commit[:min(len(result.Commit), 10)], where)
	if result.UpToDate {
		done = description.Summary() + ": already proposed on " + where
	}
	if f == nil {
		return done, nil
	}
	description.Pointer = "the commit " + result.Commit
	pull, err := f.Ensure(ctx, forge.Request{
		Head: result.Branch, Base: result.Base, Environment: cmp.Or(p.environment, noEnvironment),
		Title: description.Title(), Body: description.Markdown(bodyLimit), Labels: p.labels, Reviewers: reviewers, Draft: p.draft,
	})
	if err != nil {
		return "", err
	}
	for _, w := range pull.Warnings {
		fmt.Fprintf(cmd.ErrOrStderr(), "meshc: %s%s\n", under(p.environment), w)
	}
	verb := "updated"
	if pull.Created {
		verb = "opened"
	}
	return done + "; " + verb + " " + pull.URL, nil
}

// bodyLimit leaves room for what people add to the body.
const bodyLimit = forge.Limit - 2000

// standIn creates the repository for an environment without one. A dry run uses the existing one, or a temporary one
// that gone removes.
func (p *publish) standIn(cmd *cobra.Command, o *gitops.Options) (gone func(), err error) {
	gone = func() {}
	if _, err := os.Stat(filepath.Join(o.Repository, "HEAD")); err == nil {
		return gone, nil
	}
	made := o.Repository
	if p.dryRun {
		dir, err := os.MkdirTemp("", "meshc-*")
		if err != nil {
			return gone, err
		}
		gone = func() { os.RemoveAll(dir) }
		o.Repository = filepath.Join(dir, filepath.Base(made))
	}
	if err := gitops.Init(o.Repository, time.Now()); err != nil {
		gone()
		return func() {}, delivered(fmt.Errorf("%s: %w", filepath.ToSlash(made), err))
	}
	if !p.dryRun {
		// Keep it out of the project's repository.
		if err := os.WriteFile(filepath.Join(filepath.Dir(made), ".gitignore"), []byte("*\n"), 0o644); err != nil {
			return gone, err
		}
		about := ""
		if o.Environment != "" {
			about = " for " + o.Environment
		}
		say(cmd, "meshc.yaml names no repository%s: created %s\n", about, shownPath(made))
	}
	return gone, nil
}

// shownPath returns a path relative to the current folder, if that is shorter.
func shownPath(path string) string {
	if wd, err := os.Getwd(); err == nil {
		if rel, err := filepath.Rel(wd, path); err == nil && len(rel) < len(path) {
			path = rel
		}
	}
	return filepath.ToSlash(path)
}

func filesOf(c gitops.Change) string {
	text := fmt.Sprintf("%s written, %d removed", plural(len(c.Written), "file"), len(c.Removed))
	if n := len(c.Others); n > 0 {
		text += fmt.Sprintf(", %d of others edited", n)
	}
	return text
}

// withdrawn closes the pull request of a withdrawn proposal.
func withdrawn(ctx context.Context, f *forge.Forge, result gitops.Result) (string, error) {
	text := "up to date; the proposal on " + result.Review + " was withdrawn"
	if f == nil {
		return text, nil
	}
	url, err := f.Close(ctx, result.Review, result.Base)
	if url != "" {
		text += "; closed " + url
	}
	return text, err
}

// author is the value of --author.
type author struct{ gitops.Identity }

func (a *author) String() string {
	if a.Name == "" {
		return ""
	}
	return a.Name + " <" + a.Email + ">"
}

func (a *author) Type() string { return "name" }

func (a *author) Set(text string) error {
	name, rest, ok := strings.Cut(text, "<")
	address, after, closed := strings.Cut(rest, ">")
	a.Name, a.Email = strings.TrimSpace(name), strings.TrimSpace(address)
	if !ok || !closed || strings.TrimSpace(after) != "" || a.Name == "" || a.Email == "" {
		return errors.New("want an author such as \"Ann <ann@example.org>\"")
	}
	return nil
}

// reviewers returns the owners of the changes that are users of a forge, whose names begin with @.
func (d *difference) reviewers(owners func(*diff.Change) []string) []string {
	var all []string
	for _, list := range [][]diff.Change{d.Opened, d.Closed, d.FailOpen, d.FailClosed} {
		for i := range list {
			for _, o := range owners(&list[i]) {
				if strings.HasPrefix(o, "@") && !slices.Contains(all, o) {
					all = append(all, o)
				}
			}
		}
	}
	slices.Sort(all)
	return all
}
