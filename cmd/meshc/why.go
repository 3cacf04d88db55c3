package main

import (
	"bytes"
	"errors"
	"slices"

	"github.com/spf13/cobra"

	"github.com/meshc/meshc/compiler"
	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/explain"
	"github.com/meshc/meshc/compiler/cluster"
	"github.com/meshc/meshc/compiler/inventory"
	"github.com/meshc/meshc/lang/diag"
)

func newWhy() *cobra.Command {
	var w why
	cmd := &cobra.Command{
		Use:   "why SRC DST[:PORT] [METHOD] [PATH]",
		Short: "Explain whether one service may call another, or why calls of a log were refused",
		Long: `Explain whether one service may call another: by which policy, rule and intent, and with which mutual TLS.

SRC is a service (frontend, or shop/frontend if several meshes have one), all of a mesh (shop/*), any (every caller with an
identity) or world (every caller). DST is one service or external. A group stands for each of its members. Names from other
tools work too: a SPIFFE ID or principal, a host name (backend.shop.svc.cluster.local), a pod, deployment/backend, or the
address of a pod or Service that --pods or --cluster knows. A caller may be any address. Without a port the answer covers
every port; the port of a Kubernetes Service stands for the container port behind it. Without METHOD and PATH the answer
lists the operations it holds for. Rules of a policy are counted from 0, as in the logs of Istio's proxies.

The remedies offered for a denial have been tried: each passes meshc check, allows the call, and breaks no never or only.

A call to an external is allowed if an edge leads to it or if nothing blocks it: Istio blocks calls out of the mesh only
with ` + "`targets.istio.sidecars: true`" + `, and only those of pods with sidecars.

The answer is about the manifests that the project compiles to. With --manifests it is about those instead, no matter who
wrote them, and with --cluster about what is deployed and running there. Services then come from --workloads, or else from
selectors and accounts, and SRC may be any account of any namespace (shop/backend-sa).

With --log the answers are about the denials in a log: an access log of Envoy (in Istio's text or JSON format, that of
--log-format or that of the mesh's settings), debug messages of Envoy's RBAC filters, or an access log of ztunnel. There is
one answer per kind of denial, with the calls that were observed. Envoy's access logs have the addresses of callers, not
their identities; --pods or --cluster maps one to the other. TLS failures, callers without mutual TLS and failures of the
callee are kept apart from denials by policies.

The exit code is 0 for any answer. With --exit-code it is 1 if none of the requests is allowed, or if policies refused
something in the log. It is also 1 if --cluster could not read everything that affects the answer.`,
		Example: `  meshc why frontend backend
  meshc why frontend backend:8080 GET /api/orders
  meshc why any payments/api --project ../infra --env prod
  kubectl logs deploy/backend -c istio-proxy | meshc why --log - --pods pods.json
  kubectl get authorizationpolicy,peerauthentication -A -o yaml | meshc why shop/frontend shop/db --manifests -`,
		Args: func(_ *cobra.Command, args []string) error {
			args, err := withoutArrow(args)
			switch {
			case err != nil:
				return err
			case len(w.logs) > 0 && len(args) > 0:
				return usageError("--log asks about the calls of a log, so it takes no source and destination")
			case len(w.logs) == 0 && len(args) < 2:
				return usageError("want a source and a destination, such as meshc why frontend backend")
			}
			return nil
		},
		ValidArgsFunction: completeEnds,
		RunE: verb(func(cmd *cobra.Command, args []string) error {
			if len(w.logs) > 0 {
				return w.runLog(cmd)
			}
			if w.format == "markdown" {
				return usageError("--format markdown is for the answers about a --log")
			}
			words, _ := withoutArrow(args) // judged with the arguments
			return w.run(cmd, words)
		}),
	}
	w.inputs.registerProject(cmd)
	registerFormat(cmd, &w.format, "text", "json", "markdown")
	cmd.Flags().StringArrayVar(&w.manifests, "manifests", nil, "ask about these manifests instead of a project: a file, folder, glob, or - for standard input; repeatable")
	cmd.Flags().StringArrayVar(&w.logs, "log", nil, "explain the denials in a proxy's log instead of one call: a file, or - for standard input; repeatable")
	w.sources.registerPods(cmd)
	w.inputs.registerRoot(cmd)
	w.inputs.registerCluster(cmd, "ask about a cluster instead of a project")
	cmd.Flags().BoolVar(&w.exitCode, "exit-code", false, "exit with 1 if none of the requests is allowed")
	return cmd
}

type why struct {
	inputs
	sources
	format    string
	manifests []string
	logs      []string
	exitCode  bool
}

// reason is an explanation as it is printed.
type reason struct {
	*explain.Explanation
	build *compiler.Build // that made the policies, except for those that it accepts; nil if they were read from files
	shown func(string) string

	deployed *compiler.Deployed // the manifests that were asked; nil for a project
	unread   []cluster.Unread   // what the cluster kept of them to itself
}

// mesh is what is known of the mesh that was asked, and of its settings; nil where that is nothing.
func (r *reason) mesh() *inventory.Set {
	if r.build != nil {
		return r.build.Inventory
	}
	return r.deployed.Workloads
}

// findings is what is wrong with the manifests that answers depend on: all that cannot be judged or is not, and the
// warnings about objects that bind a callee.
func (r *reason) findings(answers []*explain.Explanation) diag.List {
	var objects []*enforce.Object
	for _, e := range answers {
		if e.To != nil && e.To.Proxied() {
			point := r.deployed.Model.Callee(e.To)
			objects = slices.Concat(objects, point.All(), point.Peers, point.Shadowed)
		}
	}
	return slices.DeleteFunc(slices.Clone(r.deployed.Findings), func(d diag.Diagnostic) bool {
		return d.Severity != diag.Error && d.Code != diag.SkippedObject && d.Code != diag.UnknownEffect && (d.Severity == diag.Note || !slices.ContainsFunc(objects, func(o *enforce.Object) bool {
			return o.Document.File == d.Primary.File && o.Document.To(d.Primary) == o.Document
		}))
	})
}

func (w *why) run(cmd *cobra.Command, args []string) error {
	ask, r, err := w.open(cmd)
	if err != nil {
		return err
	}
	explanations, err := ask.Explain(args...)
	if r.deployed != nil {
		if err := w.write(cmd.ErrOrStderr(), r.findings(explanations), r.shown); err != nil {
			return err
		}
	}
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
		answers[i] = &reason{Explanation: e, build: r.build, shown: r.shown}
		allowed = allowed || e.Verdict == explain.Allowed || e.Verdict == explain.Partly
	}
	out, err := w.answer(answers)
	if err != nil {
		return err
	}
	if err := writeAnswer(cmd, w.format, out); err != nil {
		return err
	}
	if len(r.unread) > 0 || w.exitCode && !allowed {
		return errFindings
	}
	return nil
}

// answer renders one answer, or those about the members of a group one after another.
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

// open opens the project or the manifests. It returns what answers queries, and how to print the answers.
func (w *why) open(cmd *cobra.Command) (*compiler.Asking, *reason, error) {
	pods, err := w.directory(cmd)
	if err != nil {
		return nil, nil, err
	}
	if len(w.manifests) == 0 && w.cluster == "" {
		if w.rootNamespace != "" {
			return nil, nil, usageError("--root-namespace works only with --manifests; a project states its root namespace in meshc.yaml")
		}
		c, err := w.compileFor(cmd, w.paths(), "asked")
		if err != nil {
			return nil, nil, err
		}
		return c.Asking(pods), &reason{build: c.Build, shown: c.project.Shown}, nil
	}
	if w.projectPath != "" || w.environment != "" {
		return nil, nil, usageError("--manifests and --cluster ask manifests instead of a project, so they cannot be combined with --project or --env")
	}
	p, err := w.readPolicies(cmd, w.manifests)
	if err != nil {
		return nil, nil, err
	}
	r := &reason{shown: p.project.Shown, deployed: p.Deployed}
	if s := p.cluster; s != nil {
		r.unread = s.Unread
		if pods == nil {
			pods = s.Directory()
		}
	}
	return p.Asking(pods), r, nil
}
