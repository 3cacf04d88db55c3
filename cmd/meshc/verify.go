package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/meshc/meshc/compiler/analysis/audit"
	"github.com/meshc/meshc/compiler/cluster"
	"github.com/meshc/meshc/compiler/project"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
	"github.com/meshc/meshc/targets"
	"github.com/meshc/meshc/targets/folder"
)

func newVerify() *cobra.Command {
	var v verify
	cmd := &cobra.Command{
		Use:   "verify [PATH...]",
		Short: "Report what the mesh enforces and what is wrong with it",
		Long: `Report what is wrong with what the mesh enforces: edges that are refused, services that any or world may call or that no
policy closes, and workloads that do not match the policies. --all also lists every edge with the transport that its two
ends agree on: mTLS, TLS to an external, plaintext or refused.

--manifests compares the project with what is deployed, on the assumption that the manifests are complete. It is an error if
an object of the project is missing, or one that meshc.yaml accepts is missing or another one, if other policies allow or deny
something else, or if DestinationRules make callers use another kind of TLS. A folder that meshc wrote must be up to date.
--cluster compares with the cluster of a kubeconfig ($KUBECONFIG, or ~/.kube/config) and names who last changed an object.
Without intents (no PATH, and none around the current folder) the manifests are judged on their own, against the workloads of
--workloads if given.

The exit code is 1 if something is wrong: a refused edge, a broken never, always or only, a missing object, policies that
interfere or cannot be evaluated, a folder that differs.`,
		Example: `  meshc verify
  meshc verify --env prod --manifests ../gitops/prod/mesh
  meshc verify --env prod --cluster=prod
  kubectl get authorizationpolicy,peerauthentication,destinationrule,serviceentry,sidecar -A -o yaml | meshc verify --manifests -`,
		RunE: onProject(v.run),
	}
	v.inputs.registerProject(cmd)
	v.inputs.registerRoot(cmd)
	v.inputs.registerCluster(cmd, "compare with a cluster instead of --manifests")
	registerFormat(cmd, &v.format, answerFormats...)
	cmd.Flags().BoolVar(&v.all, "all", false, "also list every edge with its transport; JSON always does")
	cmd.Flags().StringArrayVar(&v.manifests, "manifests", nil, "deployed manifests: a file, folder, glob, or - for standard input; repeatable")
	cmd.Flags().BoolVar(&v.withNamespaces, "with-namespaces", false, "the manifests were written with --with-namespaces")
	return cmd
}

type verify struct {
	inputs
	format    string
	manifests []string
	all       bool
}

// report is what verify prints, with the names of files as the user in the current folder would write them.
type report struct {
	*audit.Report
	shown func(string) string
}

func (v *verify) run(cmd *cobra.Command, paths []string) error {
	alone, err := v.alone(paths)
	if err != nil {
		return err
	}
	if !alone && v.rootNamespace != "" {
		return usageError("--root-namespace works only with --manifests without a project; a project states its root namespace in meshc.yaml")
	}
	var r *report
	empty := false
	if alone {
		r, empty, err = v.policies(cmd)
	} else {
		r, err = v.compiled(cmd, paths)
	}
	if err != nil {
		return err
	}
	out := r.text(v.all)
	if v.format == "json" {
		if out, err = r.json(); err != nil {
			return err
		}
	}
	if err := writeAnswer(cmd, v.format, out); err != nil {
		return err
	}
	if r.Count(diag.Error) > 0 {
		return errFindings
	}
	if empty {
		return &failure{exitFindings, fmt.Errorf("nothing was judged: no workload and no policy of Istio is in %s", v.source())}
	}
	return nil
}

// source is what was judged, in words.
func (v *verify) source() string {
	if v.cluster != "" {
		return "the cluster"
	}
	return strings.Join(v.manifests, ", ")
}

// fromCluster says of each object of a cluster that has a problem who changed it last, and adds what the mesh itself
// says of its objects.
func (r *report) fromCluster(s *cluster.Snapshot) {
	if s == nil {
		return
	}
	for i := range r.Problems {
		p := &r.Problems[i]
		if p.At.IsZero() {
			continue
		}
		if o := s.Of(p.At.File); o != nil && o.ChangedBy != "" {
			p.Text += fmt.Sprintf("; last changed by %s at %s", o.ChangedBy, o.ChangedAt.Format(time.RFC3339))
		}
	}
	for _, o := range s.Objects {
		for _, why := range o.Refusals {
			severity, what := diag.Error, "this"
			if why.Partly {
				severity, what = diag.Warning, "all of this"
			}
			r.Add(severity, audit.NoEffect, o.File.Span(0, 0), "the mesh reports that it does not enforce %s: %s", what, why.Text)
		}
	}
	r.Sort()
}

// alone reports whether manifests are judged without a project: none is named, and the current folder has no intents.
func (v *verify) alone(paths []string) (bool, error) {
	if len(v.manifests) == 0 && v.cluster == "" || len(paths) > 0 || v.environment != "" {
		return false, nil
	}
	p, _, err := project.Open(nil)
	if err != nil {
		return false, err
	}
	if configured(p) {
		_, err := p.AllIntents(nil)
		return errors.Is(err, project.ErrNoIntents), nil
	}
	found, err := filepath.Glob(filepath.Join(p.Root, "*.mesh"))
	return len(found) == 0, err
}

// policies judges manifests alone. It reports whether they are empty.
func (v *verify) policies(cmd *cobra.Command) (r *report, empty bool, err error) {
	p, err := v.readPolicies(cmd, v.manifests)
	if err != nil {
		return nil, false, err
	}
	judged, err := p.Verify()
	if err != nil {
		return nil, false, &failure{exitFindings, err}
	}
	r = &report{judged, p.project.Shown}
	r.fromCluster(p.cluster)
	return r, p.Empty(), nil
}

// compiled judges a project, and compares it with what is deployed.
func (v *verify) compiled(cmd *cobra.Command, paths []string) (*report, error) {
	if err := stdinOnce(paths, v.workloads, v.manifests); err != nil {
		return nil, err
	}
	if err := v.clusterInstead(v.manifests); err != nil {
		return nil, err
	}
	locks, err := v.locks()
	if err != nil {
		return nil, err
	}
	for _, l := range locks {
		v.withNamespaces = v.withNamespaces || slices.ContainsFunc(l.lock.Files, func(f targets.LockedFile) bool { return strings.Contains(f.Path, "-namespace-") })
	}
	c, err := v.compileFor(cmd, paths, "verified")
	if err != nil {
		return nil, err
	}
	var deployed []*source.File
	var running *cluster.Snapshot
	var placed diag.List
	if v.cluster != "" {
		if running, err = v.snapshot(cmd, cluster.Options{RootNamespace: c.project.Config.RootNamespace, PoliciesOnly: true}); err != nil {
			return nil, err
		}
		deployed = running.Manifests()
	} else if len(v.manifests) > 0 {
		if deployed, err = manifestFiles(c.project, v.manifests, cmd.InOrStdin()); err != nil {
			return nil, err
		}
		placed, _ = asApplied(c.project, v.manifests, deployed, nil, false)
	}
	judged, err := c.Verify(deployed, compared(c.project, locks, deployed))
	if err != nil {
		return nil, &failure{exitFindings, err}
	}
	r := &report{judged, c.project.Shown}
	r.Findings(audit.Manifest, placed)
	r.fromCluster(running)
	for _, l := range locks {
		if err := r.compare(l, c, v.environment); err != nil {
			return nil, err
		}
	}
	r.Sort()
	return r, nil
}

// locked is a folder that meshc wrote.
type locked struct {
	dir  string
	lock targets.Lock
}

func (v *verify) locks() ([]locked, error) {
	var all []locked
	for _, dir := range v.manifests {
		name := filepath.Join(dir, targets.LockName)
		text, err := os.ReadFile(name)
		if err != nil {
			continue // not a folder that meshc wrote; it is read later, or reported as missing
		}
		lock, err := targets.ParseLock(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", filepath.ToSlash(name), err)
		}
		all = append(all, locked{dir, lock})
	}
	return all, nil
}

// compared returns the manifests that meshc wrote to a folder, which are compared with the files of the project; nil if
// there is no such folder.
func compared(p *project.Project, locks []locked, manifests []*source.File) map[*source.File]bool {
	if len(locks) == 0 {
		return nil
	}
	owned := map[string]bool{}
	for _, l := range locks {
		for _, f := range l.lock.Files {
			if path, err := filepath.Abs(filepath.Join(l.dir, filepath.FromSlash(f.Path))); err == nil {
				owned[path] = true
			}
		}
	}
	files := map[*source.File]bool{}
	for _, f := range manifests {
		if path, err := filepath.Abs(p.Path(f.Name)); err == nil && owned[path] {
			files[f] = true
		}
	}
	return files
}

// compare compares a folder that meshc wrote with what the project gives now.
func (r *report) compare(l locked, c *compiled, environment string) error {
	dir := filepath.ToSlash(l.dir)
	if l.lock.Environment != environment {
		r.Problems = append(r.Problems, audit.Problem{Severity: diag.Error, Topic: audit.Folder, Text: fmt.Sprintf("it was written for the environment %q, and this is %q: use --env", l.lock.Environment, environment), Path: dir})
		return nil
	}
	changes, err := folder.Compare(l.dir, c.Build.Files(environment))
	if err != nil {
		var refusal *folder.Refusal
		if errors.As(err, &refusal) {
			r.Findings(audit.Folder, refusal.Findings)
			return nil
		}
		return err
	}
	for _, d := range changes.Differences {
		text := "it differs from what the project gives"
		switch {
		case d.Path == targets.LockName && len(changes.Differences) > 1:
			continue
		case d.Before == nil:
			text = "the project gives it, and it is missing"
		case d.After == nil:
			text = "the project no longer gives it"
		default:
			if digest, ok := l.lock.Find(d.Path); ok && digest != targets.Digest(d.Before) {
				text = "it was changed by hand"
			}
		}
		r.Problems = append(r.Problems, audit.Problem{Severity: diag.Error, Topic: audit.Folder, Text: text, Path: dir + "/" + d.Path})
	}
	return nil
}
