package main

import (
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/meshc/meshc/compiler/cluster"
	"github.com/meshc/meshc/compiler/project"
)

func newCheck() *cobra.Command {
	var c check
	cmd := &cobra.Command{
		Use:   "check [PATH...]",
		Short: "Check intents against each other and against workload manifests",
		Long: `Check intents against each other and against workload manifests without writing manifests. Text findings go to
standard error; findings for programs (--format json, sarif, github or gitlab) go to standard output.

With --cluster the workloads are read from a cluster instead of the manifests that meshc.yaml names.`,
		Example: `  meshc check
  meshc check --fix
  meshc check --fix --unsafe-fixes --diff
  meshc check -W error -W MESH2107=silence
  meshc check --format sarif > meshc.sarif
  kustomize build overlays/prod | meshc check --workloads -
  meshc check --env prod --cluster=prod`,
		RunE: onProject(c.run),
	}
	c.registerProject(cmd)
	c.registerCluster(cmd, "read the workloads from a cluster instead of manifests")
	c.findings.register(cmd)
	cmd.Flags().BoolVar(&c.fix, "fix", false, "apply the safe fixes of findings to the sources: those that cannot change who may call whom")
	cmd.Flags().BoolVar(&c.unsafe, "unsafe-fixes", false, "with --fix, also apply the first fix of each other finding, which may change who may call whom")
	cmd.Flags().BoolVarP(&c.diff, "diff", "d", false, "with --fix, print the changes instead of making them, and exit with 1 if there are any")
	return cmd
}

type check struct {
	inputs
	findings reporter
	fix      bool
	unsafe   bool
	diff     bool
}

func (c *check) run(cmd *cobra.Command, paths []string) error {
	stdin := func() io.Reader { return cmd.InOrStdin() }
	switch {
	case !c.fix && (c.diff || c.unsafe):
		return usageError("--diff and --unsafe-fixes are about --fix")
	case c.diff && c.findings.machine():
		return usageError("--diff prints a diff, so it cannot be combined with --format %s", c.findings.format)
	}
	if c.fix {
		if slices.Contains(paths, project.Stdin) {
			return usageError("--fix changes files, and standard input is not a file")
		}
		if slices.Contains(c.workloads, project.Stdin) {
			var err error
			if stdin, err = again(cmd.InOrStdin()); err != nil {
				return err
			}
		}
	}
	var unread []cluster.Unread
	if c.cluster != "" {
		var err error
		if unread, err = c.runningInstead(cmd, paths); err != nil {
			return err
		}
	}
	result, err := c.compile(cmd, paths, stdin())
	if err != nil {
		return err
	}
	var fixed fixes
	if c.fix {
		if result, fixed, err = c.fixAll(cmd, paths, stdin, result); err != nil {
			return err
		}
	}
	if c.diff {
		return c.preview(cmd, fixed)
	}
	if err := fixed.write(); err != nil {
		return err
	}

	out := cmd.ErrOrStderr()
	if c.findings.machine() {
		out = cmd.OutOrStdout()
	}
	if err := c.findings.write(out, result.Findings, result.project.Shown); err != nil {
		return err
	}
	if fixed.count > 0 {
		say(cmd, "%s fixed in %s\n", plural(fixed.count, "finding"), plural(len(fixed.files), "file"))
	}
	for i := range unread {
		fmt.Fprintf(cmd.ErrOrStderr(), "not checked against what the cluster keeps to itself: %s\n", &unread[i])
	}
	say(cmd, "%s\n", counts(result.Findings))
	if result.Findings.HasErrors() || len(unread) > 0 {
		return errFindings
	}
	return nil
}
