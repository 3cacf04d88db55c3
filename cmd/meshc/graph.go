package main

import (
	"errors"
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
	var g graphCommand
	cmd := &cobra.Command{
		Use:   "graph [PATH...]",
		Short: "Draw who may call whom",
		Long: `Draw who may call whom: a matrix for a terminal, DOT, Mermaid, JSON, SVG, or one HTML page that needs no network,
with search and a lock on every edge that has mutual TLS.

A closed lock (S in the matrix) means STRICT, an open one (P) PERMISSIVE. An edge without a lock (N) has no mutual TLS from
the mesh: its port disables it, or one end has no proxy. An edge to several ports shows the loosest mode. With --against,
edges that only this project has are marked as opened, and edges that only the other has as closed. Findings go to standard
error. A project that breaks a never, always or only is still drawn, but the command exits with 1.

--manifests and --cluster draw what is deployed instead of a project. An edge is then whatever the policies let through, no
matter who wrote them; services come from --workloads or the cluster, or else from the selectors of the policies.`,
		Example: `  meshc graph                                     # a matrix of the project around the current folder
  meshc graph --focus shop/backend                # one service, its callers and its callees
  meshc graph --format html -o graph.html         # a page with search, also for thousands of services
  meshc graph --against ../main -o change.svg     # what this branch opens and closes
  meshc graph --manifests policies/ --workloads k8s/ -o now.svg   # what hand-written policies let through
  meshc graph --cluster=prod -o prod.html
  meshc graph --format dot | dot -Tpdf > mesh.pdf`,
		RunE: onProject(g.run),
	}
	g.inputs.registerProject(cmd)
	g.inputs.registerRoot(cmd)
	g.inputs.registerCluster(cmd, "draw what is deployed in a cluster instead of a project")
	cmd.Flags().StringArrayVar(&g.manifests, "manifests", nil, "draw deployed manifests instead of a project: a file, folder, glob, or - for standard input; repeatable")
	registerFormat(cmd, &g.format, graphFormats...)
	cmd.Flags().Lookup("format").Usage += ", by default after the extension of -o"
	cmd.RegisterFlagCompletionFunc("focus", completeServices)
	cmd.Flags().StringVarP(&g.output, "output", "o", toStdout, "file to write the graph to, or - for standard output")
	cmd.Flags().StringVar(&g.against, "against", "", "file or folder of another project, to mark what this one opens and closes")
	cmd.Flags().StringArrayVar(&g.focus, "focus", nil, "draw only a service (shop/backend) or namespace (shop) with its callers and callees; repeatable")
	return cmd
}

type graphCommand struct {
	inputs
	format, output, against string
	manifests, focus        []string
}

func (d *graphCommand) run(cmd *cobra.Command, paths []string) error {
	if err := d.choose(cmd); err != nil {
		return err
	}
	deployed := len(d.manifests) > 0 || d.cluster != ""
	switch {
	case deployed && (len(paths) > 0 || d.environment != "" || d.against != ""):
		return usageError("--manifests and --cluster draw what is deployed in place of a project, so they cannot be combined with PATH, --env or --against")
	case !deployed && d.rootNamespace != "":
		return usageError("--root-namespace works only with --manifests; a project states its root namespace in meshc.yaml")
	}
	stdin := func() io.Reader { return cmd.InOrStdin() }
	if d.against != "" && slices.Contains(d.workloads, project.Stdin) {
		var err error
		if stdin, err = again(cmd.InOrStdin()); err != nil {
			return err
		}
	}
	var g *graph.Graph
	var broken bool
	var err error
	if deployed {
		g, broken, err = d.deployed(cmd)
	} else {
		g, broken, err = d.graph(cmd, paths, stdin(), true)
	}
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

func (d *graphCommand) deliver(cmd *cobra.Command, out []byte, g *graph.Graph) error {
	if d.output == toStdout {
		if d.format == "text" {
			return writeOut(cmd, out)
		}
		return writeExact(cmd, out)
	}
	if err := writeFile(d.output, out); err != nil {
		return fmt.Errorf("%s: %w", filepath.ToSlash(d.output), cause(err))
	}
	say(cmd, "%s: %s, %s\n", filepath.ToSlash(d.output), plural(len(g.Nodes), "node"), plural(len(g.Edges), "edge"))
	return nil
}

// choose determines the format.
func (d *graphCommand) choose(cmd *cobra.Command) error {
	switch {
	case d.against == project.Stdin:
		return usageError("--against needs a file or folder; standard input is for the current project")
	case !cmd.Flags().Changed("format"):
		switch extension := strings.TrimPrefix(filepath.Ext(d.output), "."); {
		case slices.Contains(graphFormats, extension):
			d.format = extension
		case d.output != toStdout && extension != "" && extension != "txt":
			return usageError("--output %s: unknown extension; name a format with --format: %s", filepath.ToSlash(d.output), strings.Join(graphFormats, ", "))
		}
	}
	return nil
}

// graph compiles a project, and reports whether it breaks a guard. Of the project to compare with it shows errors only:
// its warnings are about the past.
func (d *graphCommand) graph(cmd *cobra.Command, paths []string, stdin io.Reader, current bool) (g *graph.Graph, broken bool, err error) {
	c, err := d.compile(cmd, paths, stdin)
	if err != nil {
		return nil, false, err
	}
	if d.output != toStdout && c.project.IsInput(d.output) {
		return nil, false, usageError("--output %s: that file is an input of the graph and will not be overwritten", filepath.ToSlash(d.output))
	}
	if current || c.Findings.HasErrors() {
		if err := d.aside(cmd, c.Findings, paths, c.project.Shown); err != nil {
			return nil, false, err
		}
	}
	if !c.Judgeable() {
		fmt.Fprintf(cmd.ErrOrStderr(), "%s; nothing was drawn\n", counts(c.Findings))
		return nil, false, errFindings
	}
	return graph.New(c.Policy, c.Model.Network), c.Findings.HasErrors(), nil
}

// deployed reads manifests, and reports whether something about them is wrong or could not be read.
func (d *graphCommand) deployed(cmd *cobra.Command) (g *graph.Graph, broken bool, err error) {
	p, err := d.readPolicies(cmd, d.manifests)
	if err != nil {
		return nil, false, err
	}
	if d.output != toStdout && p.project.IsInput(d.output) {
		return nil, false, usageError("--output %s: that file is an input of the graph and will not be overwritten", filepath.ToSlash(d.output))
	}
	if err := d.write(cmd.ErrOrStderr(), p.Findings, p.project.Shown); err != nil {
		return nil, false, err
	}
	if p.Empty() {
		return nil, false, &failure{exitFindings, errors.New("nothing was drawn: there is no workload and no policy of Istio")}
	}
	opened, err := p.Opened(cmd.Context())
	if err != nil {
		return nil, false, &failure{exitFindings, err}
	}
	return graph.Opened(p.Model, opened), p.Findings.HasErrors() || p.cluster != nil && len(p.cluster.Unread) > 0, nil
}

func (d *graphCommand) draw(g *graph.Graph) ([]byte, error) {
	switch d.format {
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
