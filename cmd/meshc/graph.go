package main

import (
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/meshc/meshc/cmd/meshc/internal/graph"
	"github.com/meshc/meshc/compiler/project"
)

var graphFormats = []string{"text", "dot", "mermaid", "json", "svg", "html"}

func newGraph() *cobra.Command {
	g := drawing{}
	cmd := &cobra.Command{
		Use:   "graph [PATH...]",
		Short: "Draw who may call whom",
		Long: `Draw who may call whom: a matrix for a terminal, DOT, Mermaid, JSON, SVG, or one HTML page that needs no network,
with search and a lock on every edge that has mutual TLS.

A closed lock (S in the matrix) is strict, an open one (P) is permissive. An edge without a lock (N) has no mutual
TLS of the mesh: its port is disabled, or one of its ends has no proxy. Where an edge leads to several ports, the
loosest of them counts. With --against, edges that the other project has not are opened, those that only it has are
closed. Findings go to standard error. A project that breaks a never, always or only is drawn all the same, and the
command ends with 1.`,
		Example: `  meshc graph                                     # a matrix of the project around the current folder
  meshc graph --focus shop/backend                # one service, its callers and its callees
  meshc graph --format html -o graph.html         # a page to search in, also for thousands of services
  meshc graph --against ../main -o change.svg     # what this branch opens and closes
  meshc graph --format dot | dot -Tpdf > mesh.pdf`,
		RunE: verb(g.run),
	}
	g.inputs.registerProject(cmd)
	cmd.Flags().StringVar(&g.picture, "format", "", "text, dot, mermaid, json, svg or html (default what the ending of -o says, else text)")
	cmd.Flags().StringVarP(&g.output, "output", "o", toStdout, "file that the graph is written to, or - for standard output")
	cmd.Flags().StringVar(&g.against, "against", "", "file or folder of the project as it was: mark what this one opens and closes")
	cmd.Flags().StringArrayVar(&g.focus, "focus", nil, "a service (shop/backend) or namespace (shop) to keep, with what it calls and what calls it; may repeat")
	cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(graphFormats, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

type drawing struct {
	inputs
	picture, output, against string
	focus                    []string
}

func (d *drawing) run(cmd *cobra.Command, paths []string) error {
	if err := d.choose(); err != nil {
		return err
	}
	stdin := func() io.Reader { return cmd.InOrStdin() }
	if d.against != "" && slices.Contains(d.workloads, project.Stdin) {
		var err error
		if stdin, err = again(cmd.InOrStdin()); err != nil {
			return err
		}
	}
	g, broken, err := d.graph(cmd, paths, stdin(), true)
	if err != nil {
		return err
	}
	if d.against != "" {
		before, _, err := d.graph(cmd, []string{d.against}, stdin(), false)
		if err != nil {
			return err
		}
		g = graph.Compare(before, g)
	}
	if len(d.focus) > 0 {
		if g, err = g.Focus(d.focus); err != nil {
			return usageError("--focus: %v", err)
		}
	}
	out, err := d.draw(g)
	if err != nil {
		return err
	}
	if err := d.deliver(cmd, out, g); err != nil {
		return err
	}
	if broken {
		return errFindings
	}
	return nil
}

func (d *drawing) deliver(cmd *cobra.Command, out []byte, g *graph.Graph) error {
	if d.output == toStdout {
		if d.picture == "text" {
			return writeOut(cmd, out)
		}
		return writeExact(cmd, out)
	}
	if err := writeFile(d.output, out); err != nil {
		return fmt.Errorf("%s: %w", filepath.ToSlash(d.output), cause(err))
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "%s: %s, %s\n", filepath.ToSlash(d.output), plural(len(g.Nodes), "node"), plural(len(g.Edges), "edge"))
	return nil
}

// choose settles the format.
func (d *drawing) choose() error {
	switch {
	case d.against == project.Stdin:
		return usageError("--against wants a file or folder, not standard input")
	case d.picture == "":
		d.picture = "text"
		switch ending := strings.TrimPrefix(filepath.Ext(d.output), "."); {
		case slices.Contains(graphFormats, ending):
			d.picture = ending
		case d.output != toStdout && ending != "" && ending != "txt":
			return usageError("--output %s: no format ends so; name one with --format, of %s", filepath.ToSlash(d.output), strings.Join(graphFormats, ", "))
		}
	case !slices.Contains(graphFormats, d.picture):
		return usageError("--format %s: there are text, dot, mermaid, json, svg and html", d.picture)
	}
	return nil
}

// graph compiles a project, and tells whether it breaks a guard. Of the one that is compared with only the errors are
// shown: its warnings are about what is past.
func (d *drawing) graph(cmd *cobra.Command, paths []string, stdin io.Reader, current bool) (g *graph.Graph, broken bool, err error) {
	c, err := d.compile(cmd, paths, stdin)
	if err != nil {
		return nil, false, err
	}
	if d.output != toStdout && c.project.IsInput(d.output) {
		return nil, false, usageError("--output %s: that file was read for the graph, and is not overwritten", filepath.ToSlash(d.output))
	}
	if current || c.Findings.HasErrors() {
		if err := d.write(cmd.ErrOrStderr(), c.Findings, c.project.Shown); err != nil {
			return nil, false, err
		}
	}
	if !c.Judgeable() {
		fmt.Fprintf(cmd.ErrOrStderr(), "%s; nothing was drawn\n", counts(c.Findings))
		return nil, false, errFindings
	}
	return graph.New(c.Policy), c.Findings.HasErrors(), nil
}

func (d *drawing) draw(g *graph.Graph) ([]byte, error) {
	switch d.picture {
	case "dot":
		return graph.DOT(g), nil
	case "mermaid":
		return graph.Mermaid(g), nil
	case "json":
		return graph.JSON(g)
	case "svg":
		return graph.SVG(g), nil
	case "html":
		return graph.HTML(g)
	}
	return graph.Text(g, len(d.focus) > 0), nil
}
