package main

import (
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/meshc/meshc/compiler/config"
	"github.com/meshc/meshc/compiler/replace"
	"github.com/meshc/meshc/targets"
	"github.com/meshc/meshc/targets/gitops"
)

// replacement is the removal of what a project replaces from files of others.
type replacement struct {
	gitops.Others
	objects, stays []string
}

// replacing is the replacement of an environment; nil if the project replaces nothing there, as where its policies are
// only logged. In steps, what is removed goes last.
func replacing(made *compiled, environment string, steps bool) *replacement {
	settings := &made.project.Config
	if len(settings.Replaces) == 0 || made.Policy.DryRun {
		return nil
	}
	overwritten := slices.DeleteFunc(slices.Clone(settings.Replaces), func(r config.Replaced) bool {
		return !slices.ContainsFunc(made.Manifests, func(m targets.Manifest) bool {
			return m.Kind == r.Kind && m.Namespace == r.Namespace && m.Name == r.Name
		})
	})
	r := &replacement{Others: gitops.Others{Last: steps}}
	if e := settings.Environments[environment]; e != nil {
		r.Folders = e.Replaces
	}
	r.Edit = func(files []targets.File, all bool) (edited, gone []targets.File) {
		those := settings.Replaces
		if !all {
			those = overwritten
		}
		removal := replace.From(files, those)
		if all {
			r.objects, r.stays = removal.Objects, removal.Stays
		}
		return removal.Files, removal.Removed
	}
	return r
}

// report says what stays although the project replaces it.
func (r *replacement) report(cmd *cobra.Command, environment string) {
	if r == nil {
		return
	}
	for _, line := range r.stays {
		fmt.Fprintf(cmd.ErrOrStderr(), "meshc: %s%s\n", under(environment), line)
	}
}
