package main

import (
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
		Long: `Build each environment and commit its manifests to the repository that meshc.yaml names for it: as a proposal, with
--pr as a pull request too, with --direct on the branch that controllers follow. What changes is said in the words of
the language, in the commit and in the pull request. What is there already is not committed again, and one that
proposes nothing any more is withdrawn.

Proposals are on the branch meshc/ENV, on meshc/ENV-PATH where the environment has a path in its repository, so that
several projects can propose to one. The branch is replaced each time: a rule that forbids that must leave out meshc/*.

Files that somebody changed by hand, and files of others, are findings and stop the publish; --overwrite takes them.
Where meshc.yaml names no repository a bare one is made in build/environments, so that all of this can be tried.

Credentials are GITHUB_TOKEN, GITLAB_TOKEN or GITEA_TOKEN, keys and the agent of ssh, or what git's credential helper
knows; the forge of a server of one's own is named with forge in meshc.yaml. The date of a commit is GIT_AUTHOR_DATE,
else SOURCE_DATE_EPOCH, else the clock; author and signature are those of git's configuration. An environment that
fails does not keep the others from being published; the exit code is 3 where a repository or forge failed, else 1
where findings stood in the way.`,
		Example: `  meshc publish                                  # the only environment, or a project without any
  meshc publish --env staging --direct
  meshc publish --env staging --env prod --pr
  meshc publish --env prod --dry-run`,
		RunE: verb(p.run),
	}
	p.registerFlags(cmd)
	return cmd
}

func (p *publish) registerFlags(cmd *cobra.Command) {
	p.registerSources(cmd)
	cmd.Flags().StringArrayVar(&p.environments, "env", nil, "environment of meshc.yaml to publish; may repeat (default the only one)")
	cmd.Flags().BoolVar(&p.pull, "pr", false, "open a pull request, or renew the open one")
	cmd.Flags().BoolVar(&p.direct, "direct", false, "commit on the branch that controllers follow, without a proposal")
	cmd.Flags().BoolVar(&p.draft, "draft", false, "open the pull request as a draft")
	cmd.Flags().StringArrayVar(&p.labels, "label", nil, "label of the pull request; may repeat")
	cmd.Flags().BoolVar(&p.dryRun, "dry-run", false, "say what would be committed, and push nothing")
	cmd.Flags().BoolVar(&p.overwrite, "overwrite", false, "take back generated files that were changed by hand, and take over those of others")
	cmd.Flags().Var(&p.author, "author", "who the commit is by, as in \"Ann <ann@example.org>\" (default as for git)")
	cmd.Flags().BoolVar(&p.withNamespaces, "with-namespaces", false, "also publish Namespace objects that ask for sidecars")
	cmd.Flags().DurationVar(&p.timeout, "timeout", 2*time.Minute, "how long each environment may take")
	cmd.RegisterFlagCompletionFunc("env", completeEnvironments)
}

type publish struct {
	comparison
	environments                           []string
	pull, direct, draft, dryRun, overwrite bool
	labels                                 []string
	author                                 author
	timeout                                time.Duration
}

func (p *publish) run(cmd *cobra.Command, paths []string) error {
	p.cmd = cmd
	switch {
	case p.pull && p.direct:
		return usageError("--direct needs no pull request: choose one of --pr and --direct")
	case !p.pull && (p.draft || len(p.labels) > 0):
		return usageError("--draft and --label are about the pull request of --pr")
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
			return f // it is the same for all of them
		}
		if f.err != nil {
			fmt.Fprintf(cmd.ErrOrStderr(), "meshc: %s: %v\n", shownName(environment), f.err)
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

func shownName(environment string) string {
	if environment == "" {
		return "default"
	}
	return environment
}

// choose settles which environments are published.
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

// one publishes an environment and prints a line about it.
func (p *publish) one(cmd *cobra.Command, environment string, paths []string, stdin io.Reader) error {
	p.environment = environment
	made, err := p.compile(cmd, paths, stdin)
	if err != nil {
		return err
	}
	if err := p.write(cmd.ErrOrStderr(), made.Findings, made.project.Shown); err != nil {
		return err
	}
	if made.Findings.HasErrors() {
		return p.stopped(cmd, counts(made.Findings))
	}

	ctx, cancel := context.WithTimeout(cmd.Context(), p.timeout)
	defer cancel()
	o, local := destination(made.project, environment)
	shown := "" // where the stand-in for a repository is, or would be
	if local {
		shown = shownPath(o.Repository)
		gone, err := p.standIn(cmd, &o)
		if err != nil {
			return err
		}
		defer gone()
	}
	o.Secrets = &gitops.Secrets{}
	var f *forge.Forge
	if p.pull { // whether there can be a pull request is known before anything is pushed
		if f, err = forge.Open(forge.Options{Repository: o.Repository, Kind: o.Forge, Getenv: os.Getenv, Secrets: o.Secrets, Timeout: p.timeout}); err != nil {
			return delivered(err)
		}
	}
	after := made.Side(environment)
	var said forge.Description
	var reviewers []string
	o.Direct, o.Overwrite, o.DryRun, o.Timeout, o.Author = p.direct, p.overwrite, p.dryRun, p.timeout, p.author.Identity
	o.Source, o.Warnings = gitops.Source(ctx, made.project.Root), made.project.Config.Warnings
	o.Describe = func(change gitops.Change) (gitops.Message, error) {
		d, err := compare(ctx, compiler.Side{Files: change.Old}, after)
		if err != nil {
			return gitops.Message{}, err
		}
		owners := ownersOf(made.project)
		said, reviewers = d.description(environment, owners), d.reviewers(owners)
		for _, path := range change.LeftOut {
			said.Others = append(said.Others, forge.Line{Intent: path + " is no longer applied"})
		}
		return gitops.Message{Title: said.Title(), Body: said.Text()}, nil
	}
	result, findings, err := gitops.Publish(ctx, after.Files, o)
	if err != nil {
		return delivered(err)
	}
	if shown == "" {
		shown = result.Repository
	}
	if err := p.write(cmd.ErrOrStderr(), findings, func(name string) string { return name }); err != nil {
		return err
	}
	if findings.HasErrors() {
		return p.stopped(cmd, counts(findings)+" in "+shown)
	}
	done, err := p.propose(ctx, cmd, f, result, said, reviewers, shown)
	if err != nil {
		return delivered(err)
	}
	return p.say(cmd, done)
}

// say prints the line about an environment.
func (p *publish) say(cmd *cobra.Command, text string) error {
	return writeOut(cmd, []byte(shownName(p.environment)+": "+text+"\n"))
}

func (p *publish) stopped(cmd *cobra.Command, why string) error {
	if err := p.say(cmd, why+"; nothing was published"); err != nil {
		return err
	}
	return errFindings
}

// propose brings the pull request, where there is a forge, to what was published, and says what was done.
func (p *publish) propose(ctx context.Context, cmd *cobra.Command, f *forge.Forge, result gitops.Result, said forge.Description, reviewers []string, shown string) (string, error) {
	where := result.Branch + " of " + shown
	switch {
	case result.Withdrawn && p.dryRun:
		return "up to date; the proposal on " + result.Review + " would be withdrawn", nil
	case result.Withdrawn:
		return withdrawn(ctx, f, result)
	case result.UpToDate && result.Commit == "":
		return "up to date", nil
	case p.dryRun:
		done := fmt.Sprintf("%s: would be committed on %s (%s)", summary(said), where, filesOf(result.Change))
		if text := strings.TrimSpace(said.Text()); text != "" {
			done += "\n\n" + text + "\n"
		}
		return done, nil
	}
	done := fmt.Sprintf("%s: %s on %s", summary(said), result.Commit[:min(len(result.Commit), 10)], where)
	if result.UpToDate {
		done = summary(said) + ": proposed already on " + where
	}
	if f == nil {
		return done, nil
	}
	said.Pointer = "the commit " + result.Commit
	pull, err := f.Ensure(ctx, forge.Request{
		Head: result.Branch, Base: result.Base, Environment: shownName(p.environment),
		Title: said.Title(), Body: said.Markdown(bodyLimit), Labels: p.labels, Reviewers: reviewers, Draft: p.draft,
	})
	if err != nil {
		return "", err
	}
	for _, w := range pull.Warnings {
		fmt.Fprintf(cmd.ErrOrStderr(), "meshc: %s: %s\n", shownName(p.environment), w)
	}
	verb := "renewed"
	if pull.Created {
		verb = "opened"
	}
	return done + "; " + verb + " " + pull.URL, nil
}

// bodyLimit leaves room for what people write around the text of meshc.
const bodyLimit = forge.Limit - 2000

// standIn makes the repository that an environment without one is published to. A dry run looks at what is there, or
// at an empty one elsewhere, which is gone afterwards.
func (p *publish) standIn(cmd *cobra.Command, o *gitops.Options) (gone func(), err error) {
	gone = func() {}
	if _, err := os.Stat(o.Repository); err == nil {
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
		// What tries the road is not for the project's own repository.
		if err := os.WriteFile(filepath.Join(filepath.Dir(made), ".gitignore"), []byte("*\n"), 0o644); err != nil {
			return gone, err
		}
		fmt.Fprintf(cmd.ErrOrStderr(), "meshc.yaml names no repository for %s: made %s\n", shownName(o.Environment), shownPath(made))
	}
	return gone, nil
}

// shownPath is a path as somebody in the current folder would write it.
func shownPath(path string) string {
	if wd, err := os.Getwd(); err == nil {
		if rel, err := filepath.Rel(wd, path); err == nil && len(rel) < len(path) {
			path = rel
		}
	}
	return filepath.ToSlash(path)
}

func filesOf(c gitops.Change) string {
	return fmt.Sprintf("%s written, %d removed", plural(len(c.Written), "file"), len(c.Removed))
}

// withdrawn closes the pull request of a proposal that the branch has overtaken.
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

// author is who a commit is by, as git takes it.
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
		return errors.New("want one as in \"Ann <ann@example.org>\"")
	}
	return nil
}

// reviewers are the owners of what changes; names of forges begin with @, mail addresses are left out.
func (d *difference) reviewers(owners func(diff.Change) []string) []string {
	var all []string
	for _, list := range [][]diff.Change{d.Opened, d.Closed, d.FailOpen, d.FailClosed} {
		for _, c := range list {
			for _, o := range owners(c) {
				if strings.HasPrefix(o, "@") && !slices.Contains(all, o) {
					all = append(all, o)
				}
			}
		}
	}
	slices.Sort(all)
	return all
}
