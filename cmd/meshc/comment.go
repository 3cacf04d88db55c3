package main

import (
	"cmp"
	"context"
	"os"
	"path"
	"path/filepath"

	"github.com/meshc/meshc/targets/gitops"
	"github.com/meshc/meshc/targets/gitops/forge"
)

// ofThisJob is the value of --comment that means the pull request that a CI job is for.
const ofThisJob = "job"

// pullRequest returns the pull request that --comment means; nil if there is no such flag.
func (d *diffing) pullRequest() (*forge.PullRequest, error) {
	var p forge.PullRequest
	var err error
	switch d.comment {
	case "":
		return nil, nil
	case ofThisJob:
		if p, err = forge.PullRequestOfJob(os.Getenv); err != nil {
			return nil, usageError("--comment: %v; name it with --comment=URL", err)
		}
	default:
		if p, err = forge.ParsePullRequest(d.comment); err != nil {
			return nil, usageError("--comment: %v, such as https://github.com/acme/shop/pull/7", err)
		}
	}
	return &p, nil
}

// tell writes the comment about a project and environment on a pull request, if there is one to write on.
func (d *diffing) tell(pull *forge.PullRequest, about *side, text string) error {
	if pull == nil {
		return nil
	}
	f, err := forge.Open(forge.Options{Repository: pull.Repository, Kind: pull.Kind, Getenv: os.Getenv, Timeout: d.timeout})
	if err != nil {
		return delivered(err)
	}
	ctx, cancel := context.WithTimeout(d.cmd.Context(), d.timeout)
	defer cancel()
	url, err := f.Comment(ctx, pull.Number, path.Join(within(about), cmp.Or(d.environment, noEnvironment)), text)
	if err != nil {
		return delivered(err)
	}
	say(d.cmd, "commented: %s\n", url)
	return nil
}

// within is the folder of a project in its repository, since a pull request may be about several.
func within(about *side) string {
	if about.project == nil {
		return ""
	}
	root, err := gitops.Root(about.project.Root)
	if err != nil {
		return ""
	}
	rel, err := filepath.Rel(root, resolved(about.project.Root))
	if err != nil {
		return ""
	}
	return filepath.ToSlash(rel)
}
