package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler"
	"github.com/meshc/meshc/compiler/analysis/rollout"
	"github.com/meshc/meshc/targets"
	"github.com/meshc/meshc/targets/gitops"
	"github.com/meshc/meshc/targets/gitops/forge"
)

// announced is a change to the repository of an environment, as its commit and its pull request describe it.
type announced struct {
	made         *compiled
	after        compiler.Side
	replaced     *replacement
	windows      []rollout.Window
	replacements []rollout.Replacement
	description  forge.Description
	reviewers    []string
}

// message describes what a publish is about to change in a repository.
func (a *announced) message(ctx context.Context, change gitops.Change, environment string) (gitops.Message, error) {
	old := slices.Concat(change.Old, change.Gone)
	var err error
	if a.windows, err = compiler.Windows(ctx, old, a.after); err != nil {
		return gitops.Message{}, err
	}
	c, err := compare(ctx, compiler.Side{Files: slices.Concat(change.Lock, old)}, a.after)
	if err != nil {
		return gitops.Message{}, err
	}
	owners := ownersOf(a.made.project)
	a.replacements, a.reviewers = c.Dataplanes, c.reviewers(owners)
	d := c.description(environment, owners)
	d.DryRun = a.made.Policy.DryRun
	for _, line := range meanwhile(a.windows) {
		d.Meanwhile = append(d.Meanwhile, forge.Line{Intent: line})
	}
	if len(change.Gone) > 0 {
		for _, object := range a.replaced.objects {
			d.Replaced = append(d.Replaced, forge.Line{Intent: object})
		}
	}
	for _, path := range change.Unlisted {
		d.Others = append(d.Others, forge.Line{Intent: path + " is no longer applied"})
	}
	if lost := targets.LostNamespaces(change.Old, change.New); len(lost) > 0 {
		return gitops.Message{}, lostNamespaces(lost)
	}
	findings := targets.Departed(change.Old, change.New)
	for i := range findings {
		d.Others = append(d.Others, forge.Line{Intent: findings[i].Message})
	}
	a.description = d
	return gitops.Message{Title: d.Title(), Body: d.Text(), Findings: findings}, nil
}

// lostNamespaces is the error of a publish by which a controller might delete namespaces that meshc did not make.
func lostNamespaces(meshes []string) error {
	names := strings.Join(meshes, ", ")
	return &gitops.Error{
		Kind:    gitops.Refused,
		Message: fmt.Sprintf("removing %s may make Argo CD delete the namespace with everything in it: the published Namespace lacks %s", names, targets.KeepNamespace),
		Help:    fmt.Sprintf("keep %s in the intents, publish with --with-namespaces, and remove it once that has been applied", names),
	}
}
