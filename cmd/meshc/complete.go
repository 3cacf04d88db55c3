package main

import (
	"slices"

	"github.com/spf13/cobra"

	"github.com/meshc/meshc/compiler"
	"github.com/meshc/meshc/compiler/project"
)

// projectOf is the paths of the project that a command line is about so far.
func projectOf(cmd *cobra.Command, args []string) ([]string, error) {
	if err := enterDirectory(cmd); err != nil {
		return nil, err
	}
	if named, _ := cmd.Flags().GetString("project"); named != "" {
		return []string{named}, nil
	}
	return args, nil
}

func completeEnvironments(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if cmd.Name() == "why" || cmd.Name() == "replay" || cmd.Name() == "learn" {
		args = nil // they are no paths
	}
	paths, err := projectOf(cmd, args)
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	p, _, err := project.Open(paths)
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	return p.Environments(), cobra.ShellCompDirectiveNoFileComp
}

// completeServices is the services, externals and groups of a project.
func completeServices(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	paths, err := projectOf(cmd, args)
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	p, err := compiler.Open(cmd.Context(), compiler.Options{}, paths...)
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	checked, _ := p.Check()
	if checked == nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []string
	for _, s := range checked.Services() {
		names = append(names, s.ID())
	}
	slices.Sort(names)
	return names, cobra.ShellCompDirectiveNoFileComp
}

// completeEnds is the two ends of the call that why asks about.
func completeEnds(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 1 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	names, directive := completeServices(cmd, nil, word)
	if len(args) == 0 {
		names = append(names, "any", "world")
	}
	return names, directive
}
