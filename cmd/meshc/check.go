package main

import (
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/meshc/meshc/compiler/cluster"
	"github.com/meshc/meshc/compiler/project"
	"github.com/meshc/meshc/lang/diag"
)

func newCheck() *cobra.Command {
	var c check
	cmd := &cobra.Command{
		Use:   "check [PATH...]",
		Short: "Check intents against each other and against workload manifests",
		Long: `Check intents against each other and against workload manifests without writing manifests. Text findings go to
standard error; findings for programs (--format json, sarif, github or gitlab) go to standard output.

With --cluster the workloads are those that run in a cluster, in place of the manifests that meshc.yaml names.`,
		Example: `  meshc check
  meshc check --fix
  meshc check -W error -W MESH2107=silence
  meshc check --format sarif > meshc.sarif
  kustomize build overlays/prod | meshc check --workloads -
  meshc check --env prod --cluster=prod`,
		RunE: verb(c.run),
	}
	c.registerProject(cmd)
	c.registerCluster(cmd, "take the workloads from a cluster, in place of manifests")
	c.findings.register(cmd)
	cmd.Flags().BoolVar(&c.fix, "fix", false, "apply the safe fixes of findings to the sources: those that cannot change who may call whom")
	return cmd
}

type check struct {
	inputs
	findings reporter
	fix      bool
}

// maxRounds bounds how often fixes are applied. Fixes that overlap wait for the next round.
const maxRounds = 10

func (c *check) run(cmd *cobra.Command, paths []string) error {
	if err := c.findings.check(); err != nil {
		return err
	}
	stdin := func() io.Reader { return cmd.InOrStdin() }
	fixed := map[string]bool{}
	fixes := 0
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
	for round := 0; c.fix && round < maxRounds; round++ {
		changed := diag.ApplyFixes(result.Findings)
		written := 0
		for _, f := range changed {
			path := result.project.Path(f.File.Name)
			if path == "" {
				continue // manifests from standard input
			}
			if err := replaceFile(path, []byte(f.Text)); err != nil {
				return fmt.Errorf("%s: %w", result.project.Shown(f.File.Name), cause(err))
			}
			fixed[path] = true
			written += f.Fixes
		}
		if written == 0 {
			break
		}
		fixes += written
		if result, err = c.compile(cmd, paths, stdin()); err != nil {
			return err
		}
	}

	out := cmd.ErrOrStderr()
	if c.findings.machine() {
		out = cmd.OutOrStdout()
	}
	if err := c.findings.write(out, result.Findings, result.project.Shown); err != nil {
		return err
	}
	if fixes > 0 {
		fmt.Fprintf(cmd.ErrOrStderr(), "%s fixed in %s\n", plural(fixes, "finding"), plural(len(fixed), "file"))
	}
	for i := range unread {
		fmt.Fprintf(cmd.ErrOrStderr(), "not checked against what the cluster keeps to itself: %s\n", &unread[i])
	}
	fmt.Fprintln(cmd.ErrOrStderr(), counts(result.Findings))
	if result.Findings.HasErrors() || len(unread) > 0 {
		return errFindings
	}
	return nil
}
