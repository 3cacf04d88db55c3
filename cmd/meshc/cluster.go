package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/meshc/meshc/compiler/cluster"
	"github.com/meshc/meshc/compiler/inventory"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/compiler/project"
	"github.com/meshc/meshc/lang/source"
)

// currentContext stands for the current context of the kubeconfig.
const currentContext = "current-context"

// registerCluster is for a verb that reads manifests or workloads: a cluster has both.
func (in *inputs) registerCluster(cmd *cobra.Command, usage string) {
	in.registerContext(cmd, usage)
	cmd.Flags().DurationVar(&in.timeout, "timeout", time.Minute, "time limit for reading the cluster")
}

// registerContext is registerCluster without --timeout, for a verb that has one for more.
func (in *inputs) registerContext(cmd *cobra.Command, usage string) {
	cmd.Flags().StringVar(&in.cluster, "cluster", "", usage+`: the context in kubeconfig, as in --cluster=prod, or without a value the current one`)
	cmd.Flags().Lookup("cluster").NoOptDefVal = currentContext
	cmd.Flags().StringVar(&in.istiod, "istio-namespace", "", "namespace of istiod and its mesh settings, for --cluster (default the root namespace)")
	cmd.RegisterFlagCompletionFunc("cluster", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return cluster.Contexts(), cobra.ShellCompDirectiveNoFileComp
	})
	if valid := cmd.Args; strings.Contains(cmd.Use, "PATH") {
		cmd.Args = func(cmd *cobra.Command, paths []string) error {
			for _, p := range paths {
				if in.cluster == currentContext && isRevision(p) && slices.Contains(cluster.Contexts(), p) {
					return usageError("%s is a context of the kubeconfig and no path: write --cluster=%[1]s", p)
				}
			}
			if valid == nil {
				return nil
			}
			return valid(cmd, paths)
		}
	}
}

// clusterInstead refuses --cluster together with flags that it stands for.
func (in *inputs) clusterInstead(manifests []string) error {
	if in.cluster != "" && len(manifests) > 0 {
		return usageError("--cluster reads what is deployed from a cluster, so it cannot be combined with --manifests")
	}
	return nil
}

// snapshot reads the cluster of --cluster.
func (in *inputs) snapshot(cmd *cobra.Command, o cluster.Options) (*cluster.Snapshot, error) {
	if in.cluster != currentContext {
		o.Context = in.cluster
	}
	if o.Istiod = in.istiod; o.Istiod != "" && !policy.IsLabel(o.Istiod) {
		return nil, usageError("--istio-namespace %s: not a valid name of a namespace", o.Istiod)
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), in.timeout)
	defer cancel()
	line := &progressLine{}
	if t, ok := cmd.ErrOrStderr().(terminal); ok && isTerminal(t.stream) {
		line.to = t.stream
	}
	s, err := cluster.Read(ctx, o, line.show)
	line.clear()
	var unknown *cluster.UnknownContext
	if errors.As(err, &unknown) {
		return nil, usageError("--cluster=%s: %v", in.cluster, unknown)
	}
	return s, err
}

// runningInstead reads the workloads of the cluster of --cluster in place of manifests, and returns what it keeps to
// itself of them.
func (in *inputs) runningInstead(cmd *cobra.Command, paths []string) ([]cluster.Unread, error) {
	if len(in.workloads) > 0 {
		return nil, usageError("--cluster takes the workloads from a cluster, so it cannot be combined with --workloads")
	}
	p, _, err := project.Open(paths)
	if err != nil {
		return nil, err
	}
	s, err := in.snapshot(cmd, cluster.Options{RootNamespace: p.Config.RootNamespace})
	if err != nil {
		return nil, err
	}
	in.running = asWorkloads(s.Workloads())
	if u := s.NoSettings(); u != nil {
		fmt.Fprintf(cmd.ErrOrStderr(), "note: %s, so the settings of meshc.yaml are not compared with those of the mesh; if istiod runs in another namespace, name that with --istio-namespace\n", u)
	}
	return slices.DeleteFunc(slices.Clone(s.Unread), func(u cluster.Unread) bool { return !u.Workloads }), nil
}

// progressLine is a line on a terminal that says what is being done.
type progressLine struct {
	to    io.Writer // nil: there is no terminal
	shown time.Time
}

func (l *progressLine) show(resource string, objects int) {
	const often = 100 * time.Millisecond
	if l.to != nil && time.Since(l.shown) > often {
		l.shown = time.Now()
		fmt.Fprintf(l.to, "%sreading the cluster: %s, %s", clearLine, plural(objects, "object"), resource)
	}
}

func (l *progressLine) clear() {
	if l.to != nil && !l.shown.IsZero() {
		fmt.Fprint(l.to, clearLine)
	}
}

// asWorkloads is files of a cluster as workload manifests. Each object states its namespace.
func asWorkloads(files []*source.File) []inventory.Input {
	all := make([]inventory.Input, len(files))
	for i, f := range files {
		all[i] = inventory.Input{File: f}
	}
	return all
}
