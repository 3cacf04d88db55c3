package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/meshc/meshc/compiler/learn"
	"github.com/meshc/meshc/compiler/traffic"
	"github.com/meshc/meshc/lang/print"
)

func newLearn() *cobra.Command {
	var l learning
	cmd := &cobra.Command{
		Use:   "learn SOURCE...",
		Short: "Draft intents from observed calls, or compare the calls with a project",
		Long: `Draft intents from observed calls, or compare the calls with a project.

` + sourcesHelp + `

The intents are printed: the services of each mesh and who called them, with the number of calls and when they happened.
Review this draft. Once it is in force, calls that were not observed are refused; and some that were observed perhaps should
be. Callers without a proven identity are listed but not written, since no edge can name them. Access logs have ports,
methods and paths, metrics do not; --operations writes those that were observed, with {*} for segments such as numbers.

--against compares the calls with a project instead. It lists calls that the project does not allow, with the line that
would allow them, and edges that no call used.`,
		Example: `  kubectl logs -n istio-system ds/ztunnel | meshc learn -
  meshc learn --prometheus http://localhost:9090 --since 30d
  meshc learn requests.json --against ../shop`,
		RunE: verb(l.run),
	}
	l.sources.register(cmd)
	l.replaying.inputs.registerProject(cmd)
	registerFormat(cmd, &l.format, answerFormats...)
	cmd.Flags().StringVar(&l.against, "against", "", "file or folder of a project to compare with, like --project")
	cmd.MarkFlagsMutuallyExclusive("against", "project")
	cmd.Flags().BoolVar(&l.operations, "operations", false, "also write methods and paths, where the logs have them")
	return cmd
}

type learning struct {
	replaying
	against    string
	operations bool
}

func (l *learning) run(cmd *cobra.Command, args []string) error {
	if l.against != "" {
		l.projectPath = l.against
	}
	if l.projectPath != "" {
		return l.compare(cmd, args)
	}
	if l.format != "text" {
		return usageError("--format is about the answer of --against")
	}
	pods, err := l.directory(cmd)
	if err != nil {
		return err
	}
	g := learn.New(pods, l.operations)
	seen, err := l.read(cmd, args, nil, g.Add)
	if err != nil {
		return err
	}
	if g.Calls == 0 {
		return &failure{exitFindings, fmt.Errorf("no calls were seen%s", unread(seen))}
	}
	text, err := print.Lines(g.Lines())
	if err != nil {
		return err
	}
	if err := writeOut(cmd, text); err != nil {
		return err
	}
	if words := unread(seen); words != "" {
		say(cmd, "note%s\n", words)
	}
	return nil
}

// unread is what was not read, in words that follow others.
func unread(seen *traffic.Seen) string {
	var parts []string
	if n := seen.Unknown; n > 0 {
		parts = append(parts, fmt.Sprintf("%s not understood, the first in line %d: %s", plural(n, "line"), seen.FirstAt, seen.Log.First))
	}
	if n := seen.Forbidden; n > 0 {
		parts = append(parts, fmt.Sprintf("%s answered with 403, by a policy or by the callee, and left out", plural(n, "request")))
	}
	if len(parts) == 0 {
		return ""
	}
	return ": " + strings.Join(parts, "; ")
}
