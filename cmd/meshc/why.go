package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/meshc/meshc/compiler"
	"github.com/meshc/meshc/compiler/analysis/audit"
	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/explain"
	"github.com/meshc/meshc/compiler/analysis/model"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
	"github.com/meshc/meshc/targets"
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

// reason is everything that there is to say about a question.
type reason struct {
	asked
	verdict  string // allowed, partly, denied or undecided
	answer   *explain.Answer
	chain    *model.Chain
	remedy   explain.Remedy
	against  []source.Span // the never and only that the remedy would break
	notes    []string
	guesses  func(about func(*policy.Service) bool) []string // nil where nothing is guessed
	sidecars bool                                            // each workload of the project has a Sidecar
	virtual  bool                                            // the policies are those of a build, and lie in no file
	shown    func(string) string
}

func (w *why) run(cmd *cobra.Command, args []string) error {
	if err := checkAnswerFormat(w.format); err != nil {
		return err
	}
	model, r, err := w.open(cmd)
	if err != nil {
		return err
	}
	questions, err := ask(model.Policy, args, !r.virtual)
	if err != nil {
		return err
	}
	answers := make([]*reason, len(questions))
	for i, a := range questions {
		one := *r
		one.asked, one.notes = *a, slices.Clone(r.notes)
		if a.note != "" {
			one.notes = append(one.notes, a.note)
		}
		if err := one.find(model); err != nil {
			return err
		}
		answers[i] = &one
	}
	out, err := w.answer(answers)
	if err != nil {
		return err
	}
	if err := writeOut(cmd, out); err != nil {
		return err
	}
	if w.exitCode && !slices.ContainsFunc(answers, func(r *reason) bool { return r.verdict == "allowed" || r.verdict == "partly" }) {
		return errFindings
	}
	return nil
}

// answer is the answers about the members of a group under each other, or the one there is.
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

// open gives what is asked: a project, or manifests.
func (w *why) open(cmd *cobra.Command) (*model.Model, *reason, error) {
	if len(w.manifests) == 0 {
		var paths []string
		if w.project != "" {
			paths = []string{w.project}
		}
		c, err := w.compileFor(cmd, paths, "asked")
		if err != nil {
			return nil, nil, err
		}
		r := &reason{virtual: true, sidecars: slices.ContainsFunc(c.Manifests, func(m targets.Manifest) bool { return m.Kind == "Sidecar" }), shown: c.project.Shown}
		if c.Policy.DryRun {
			r.notes = append(r.notes, compiler.DryRunNote(c.Policy))
		}
		return c.Model, r, nil
	}
	if w.project != "" || w.environment != "" {
		return nil, nil, usageError("--manifests asks manifests and no project, so --project and --env have no meaning with it")
	}
	p, err := w.readPolicies(cmd, w.manifests)
	if err != nil {
		return nil, nil, err
	}
	err = w.write(cmd.ErrOrStderr(), slices.DeleteFunc(p.Findings, func(d diag.Diagnostic) bool { return d.Severity == diag.Note }), p.project.Shown)
	r := &reason{shown: p.project.Shown}
	r.guesses = p.Guesses
	return p.Model, r, err
}

// find answers the question.
func (r *reason) find(m *model.Model) error {
	switch {
	case r.external != nil:
		r.outside(m)
		return nil
	case !r.to.Proxied():
		r.verdict = "allowed"
		r.notes = append([]string{r.to.ID() + " has no proxy: no policy binds it, and whoever reaches it on the network may call it, in plaintext"}, r.notes...)
		return nil
	}
	if from := r.from.Service; from != nil && from.Proxied() && m.Principal(from) == "" {
		r.notes = append(r.notes, fmt.Sprintf("which account %s has is not known, so this is for all of them; --workloads says which", from.ID()))
		r.from = policy.Source{Kind: policy.FromAny}
	}
	q := explain.Question{From: r.from, To: r.to, Port: r.port, Ops: r.ops}
	var err error
	if r.answer, err = explain.Why(m, q); err != nil {
		return &failure{exitFindings, err}
	}
	if len(r.answer.Ports) == 0 {
		return usageError("no HTTP reaches %s there, so methods and paths mean nothing: ask without them", r.to.ID())
	}
	verdict, mixed := r.answer.Verdict()
	r.verdict = verdict.String()
	if mixed {
		r.verdict = "partly"
	}
	if r.verdict == "denied" {
		if r.chain, err = explain.Nearest(m, q); err != nil {
			return &failure{exitFindings, err}
		}
		if r.virtual {
			r.remedy = explain.RemedyOf(m, r.answer)
			r.forbidden(m)
		}
	}
	if r.guesses != nil {
		r.notes = append(r.notes, r.guesses(func(s *policy.Service) bool {
			return s == r.from.Service || s != r.to && r.chain != nil && slices.Contains(r.chain.Services, s)
		})...)
	}
	if tls, rule := audit.Opens(m, r.from, r.to, r.port); rule != nil {
		r.notes = append(r.notes, audit.Opening(tls, rule)+", which is not looked at here: meshc verify judges it")
	}
	if mesh := meshOf(m.Policy, r.to.Namespace); mesh != nil && mesh.Declares {
		r.notes = append(r.notes, fmt.Sprintf("%s only declares services here, so nothing closes it: whoever owns it may have", mesh.Name))
	}
	if r.from.Kind == policy.FromService && !r.from.Service.Proxied() {
		r.notes = append(r.notes, r.from.Service.ID()+" has no proxy, and so no identity and no mutual TLS")
		if r.verdict == "denied" && r.virtual && r.refused() {
			r.notes = append(r.notes, fmt.Sprintf("to allow it, bring %s into the mesh, or let the port take plaintext too (`mtls %s permissive`) and write the edge", r.from.Service.Name, r.portName()))
		}
	}
	return nil
}

// portName is the destination as an mtls statement of its mesh names it.
func (r *reason) portName() string {
	if r.port == 0 {
		return r.to.Name
	}
	return fmt.Sprintf("%s:%d", r.to.Name, r.port)
}

// refused tells whether requests are denied because their callers have no identity.
func (r *reason) refused() bool {
	for _, p := range r.answer.Ports {
		for _, c := range p.Callers {
			if slices.ContainsFunc(c.Cases, func(k explain.Case) bool { return k.Reason == enforce.Plaintext }) {
				return true
			}
		}
	}
	return false
}

// forbidden gathers the guards that the remedy would break. It looks at the sides of a guard and not at its operations.
func (r *reason) forbidden(m *model.Model) {
	if len(r.remedy.Narrow) == 0 && r.remedy.Line.Text == "" {
		return
	}
	for _, g := range m.Policy.Guards {
		breaks := g.Kind == policy.Never && policy.Includes(g.From, r.from) && !policy.Includes(g.Except, r.from) ||
			g.Kind == policy.Only && !policy.Includes(g.From, r.from) && !policy.Includes(g.Except, r.from)
		overlap := len(g.Ports) == 0 || r.port == 0 || slices.Contains(g.Ports, r.port)
		if breaks && overlap && slices.Contains(g.To, r.to) && !slices.Contains(r.against, g.At) {
			r.against = append(r.against, g.At)
		}
	}
}

func meshOf(p *policy.Policy, name string) *policy.Mesh {
	i := slices.IndexFunc(p.Meshes, func(m *policy.Mesh) bool { return m.Name == name })
	if i < 0 {
		return nil
	}
	return p.Meshes[i]
}

// outside answers for an external: no policy binds it, so that only a Sidecar of the caller can hold a call back.
func (r *reason) outside(m *model.Model) {
	e := r.external
	name := e.Namespace + "/" + e.Name
	note := func(format string, args ...any) { r.notes = append(r.notes, fmt.Sprintf(format, args...)) }
	r.notes = append([]string{fmt.Sprintf("%s (%s) is outside the mesh: no policy binds it and it has no mutual TLS of the mesh; the ServiceEntry %s makes it known", name, strings.Join(e.Hosts, ", "), name)}, r.notes...)
	declared := r.port == 0 || slices.ContainsFunc(e.Ports, func(p policy.ExternalPort) bool { return p.Number == r.port })
	if !declared {
		note("port %d is not declared for it, so it is not in the ServiceEntry", r.port)
	}
	led := declared && policy.Includes(e.Callers, r.from)
	r.verdict = "allowed"
	switch within := r.callers(e); {
	case led:
		note("an edge leads to it")
	case !r.sidecars:
		note("no edge of %s leads to it, and nothing in the mesh stops such a call: `targets.istio.sidecars: true` in meshc.yaml does, and so does REGISTRY_ONLY as the mesh's outboundTrafficPolicy", r.from)
	case r.unbound(m):
		note("no edge of %s leads to it, and it has no Sidecar that would stop the call", r.from)
	case declared && len(within) > 0:
		r.verdict = "partly"
		note("of %s, edges of %s lead to it; the Sidecars of the others stop such calls", r.from, strings.Join(within, ", "))
	case r.from.Kind == policy.FromAny || r.from.Kind == policy.FromWorld:
		r.verdict = "partly"
		note("the Sidecars of this project stop such calls, and who has none makes them")
	default:
		r.verdict = "denied"
		note("no edge of %s leads to it, and a Sidecar lets its workload call nothing else", r.from)
		if mesh := meshOf(m.Policy, e.Namespace); declared && r.from.Kind == policy.FromService && r.from.Service.Namespace == e.Namespace && len(mesh.Files) > 0 {
			port := ""
			if r.port != 0 {
				port = fmt.Sprintf(":%d", r.port)
			}
			r.remedy.Line = explain.Line{Text: r.from.Service.Name + " -> " + e.Name + port, Mesh: mesh.Name, File: mesh.Files[0]}
		}
	}
}

// callers is those of an external who are part of whom is asked about.
func (r *reason) callers(e *policy.External) (names []string) {
	for _, f := range e.Callers {
		if r.from.Includes(f) {
			names = append(names, f.String())
		}
	}
	return names
}

// unbound tells whether who is asked about has no Sidecar: it is without a proxy, or of a mesh that only declares.
func (r *reason) unbound(m *model.Model) bool {
	mesh := r.from.Mesh
	if s := r.from.Service; s != nil {
		if !s.Proxied() {
			return true
		}
		mesh = s.Namespace
	}
	of := meshOf(m.Policy, mesh)
	return of != nil && of.Declares
}
