package main

import (
	"bytes"
	"errors"
	"slices"

	"github.com/spf13/cobra"

	"github.com/meshc/meshc/compiler/analysis/explain"
	"github.com/meshc/meshc/lang/diag"
)

func newWhy() *cobra.Command {
	var w why
	cmd := &cobra.Command{
		Use:   "why SRC DST[:PORT] [METHOD] [PATH]",
		Short: "Say whether a service may call another, and why",
		Long: `Say whether a service may call another, by which policy, rule and intent, and with which mutual TLS.

SRC is a service (frontend, or shop/frontend where two meshes have one), all of a mesh (shop/*), any (whoever has an
identity) or world (whoever). DST is one service or external. Of a group each member is asked about. Without a port
the answer is for every port; without METHOD and PATH it says for which operations. Rules of a policy are counted from
0, as Istio's proxies log them.

A call of an external is allowed where an edge leads to it, and where nothing stops it all the same: Istio holds calls
out of the mesh back with ` + "`targets.istio.sidecars: true`" + ` only.

The answer is that of the manifests which the project gives. With --manifests it is that of manifests as they are,
generated, hand-written or from a cluster, and then the services are those that selectors and accounts name, or those
of --workloads, and SRC may be any account (shop/backend-sa) of any namespace.

It ends with 0 whatever the answer. With --exit-code it ends with 1 where nothing of what was asked is allowed.`,
		Example: `  meshc why frontend backend
  meshc why frontend backend:8080 GET /api/orders
  meshc why any payments/api --project ../infra --env prod
  kubectl get authorizationpolicy,peerauthentication -A -o yaml | meshc why shop/frontend shop/db --manifests -`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) < 2 {
				return usageError("want a source and a destination: meshc why frontend backend")
			}
			return nil
		},
		RunE: verb(w.run),
	}
	w.inputs.registerProject(cmd)
	registerAnswerFormat(cmd, &w.format)
	cmd.Flags().StringVar(&w.project, "project", "", "file or folder of the project (default that around the current folder)")
	cmd.Flags().StringArrayVar(&w.manifests, "manifests", nil, "manifests that are asked in place of a project: a file, folder, glob, or - for standard input; may repeat")
	cmd.Flags().BoolVar(&w.exitCode, "exit-code", false, "end with 1 where nothing of what was asked is allowed")
	return cmd
}

type why struct {
	inputs
	format    string
	project   string
	manifests []string
	exitCode  bool
}

// reason is an explanation as it is printed.
type reason struct {
	*explain.Explanation
	virtual bool // the policies are those of a build, and lie in no file
	shown   func(string) string
}

func (w *why) run(cmd *cobra.Command, args []string) error {
	if err := checkAnswerFormat(w.format); err != nil {
		return err
	}
	ask, r, err := w.open(cmd)
	if err != nil {
		return err
	}
	explanations, err := ask(args...)
	var query *explain.QueryError
	switch {
	case errors.As(err, &query):
		return usageError("%v", query)
	case err != nil:
		return &failure{exitFindings, err}
	}
	answers := make([]*reason, len(explanations))
	allowed := false
	for i, e := range explanations {
		answers[i] = &reason{e, r.virtual, r.shown}
		allowed = allowed || e.Verdict == explain.Allowed || e.Verdict == explain.Partly
	}
	out, err := w.answer(answers)
	if err != nil {
		return err
	}
	if err := writeOut(cmd, out); err != nil {
		return err
	}
	if w.exitCode && !allowed {
		return errFindings
	}
	return nil
}

// answer is one answer, or those about the members of a group one after another.
func (w *why) answer(all []*reason) ([]byte, error) {
	if w.format == "json" {
		return whysJSON(all)
	}
	texts := make([][]byte, len(all))
	for i, r := range all {
		texts[i] = r.text()
	}
	return bytes.Join(texts, []byte("\n")), nil
}

// open gives what answers queries, a project or manifests, and how its answers are printed.
func (w *why) open(cmd *cobra.Command) (func(query ...string) ([]*explain.Explanation, error), *reason, error) {
	if len(w.manifests) == 0 {
		var paths []string
		if w.project != "" {
			paths = []string{w.project}
		}
		c, err := w.compileFor(cmd, paths, "asked")
		if err != nil {
			return nil, nil, err
		}
		return c.Explain, &reason{virtual: true, shown: c.project.Shown}, nil
	}
	if w.project != "" || w.environment != "" {
		return nil, nil, usageError("--manifests asks manifests and no project, so --project and --env have no meaning with it")
	}
	p, err := w.readPolicies(cmd, w.manifests)
	if err != nil {
		return nil, nil, err
	}
	err = w.write(cmd.ErrOrStderr(), slices.DeleteFunc(p.Findings, func(d diag.Diagnostic) bool { return d.Severity == diag.Note }), p.project.Shown)
	return p.Explain, &reason{shown: p.project.Shown}, err
}
