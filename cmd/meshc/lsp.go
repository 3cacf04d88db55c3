package main

import (
	"runtime"

	"github.com/spf13/cobra"

	"github.com/meshc/meshc/cmd/meshc/internal/lsp"
	"github.com/meshc/meshc/compiler"
)

func newLSP() *cobra.Command {
	var in inputs
	cmd := &cobra.Command{
		Use:   "lsp",
		Short: "Run the language server for editors: findings, completion, definitions and more",
		Long: `Run the language server on standard input and output. An editor starts this command; it is not meant for a terminal. The
findings are those of the whole project around each open file, unsaved changes included.`,
		Example: `  meshc lsp
  meshc lsp --env prod`,
		Args: few(0, 0, "none: what an editor asks comes on standard input"),
		RunE: verb(func(cmd *cobra.Command, _ []string) error {
			levels, strict, err := in.levels()
			if err != nil {
				return err
			}
			stay()
			// A thread more than processors answers requests while checks and builds occupy these: the operating system
			// lets it run at once, where Go's scheduler would have it wait for 10 ms.
			runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + 1)
			return lsp.Serve(cmd.Context(), cmd.InOrStdin(), cmd.OutOrStdout(), lsp.Options{
				Compile: compiler.Options{Environment: in.environment, Workloads: in.workloads, Levels: levels, Strict: strict},
				Version: versionLine(),
			})
		}),
	}
	in.registerLevels(cmd)
	cmd.Flags().StringVar(&in.environment, "env", "", "environment of meshc.yaml, with its mode ceilings, enforcement and sources")
	cmd.Flags().Bool("stdio", true, "for editors that say which streams they use")
	cmd.Flags().MarkHidden("stdio")
	return cmd
}
