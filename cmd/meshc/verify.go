package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/meshc/meshc/compiler"
	"github.com/meshc/meshc/compiler/analysis/audit"
	"github.com/meshc/meshc/compiler/analysis/model"
	"github.com/meshc/meshc/compiler/inventory"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/compiler/project"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
	"github.com/meshc/meshc/targets"
	"github.com/meshc/meshc/targets/folder"
	"github.com/meshc/meshc/targets/istio/read"
)

func newVerify() *cobra.Command {
	var v verify
	cmd := &cobra.Command{
		Use:   "verify [PATH...]",
		Short: "Report what the mesh will enforce, and what gets in its way",
		Long: `Report what the mesh will enforce: for each edge its mutual TLS as both ends have it (mTLS, TLS to an external,
plaintext or refused), services that any or world may call, services that no policy closes, and workloads that do not
fit the policies.

With --manifests a project is held against manifests as they lie in a folder or a cluster. A folder that meshc wrote
must be what the project gives now. Policies that the project does not give are judged together with those that it
gives, and so is the TLS that DestinationRules have callers open; what they open or shut is told. Without a project
(no PATH, and none around the current folder) the manifests are judged alone, against the workloads of --workloads
where they are given.

It ends with 1 where something is wrong: an edge that is refused, a broken never, always or only, policies that
interfere or cannot be judged, a folder that differs.`,
		Example: `  meshc verify
  meshc verify --env prod --manifests ../gitops/prod/mesh
  kubectl get authorizationpolicy,peerauthentication,destinationrule -A -o yaml | meshc verify --manifests -`,
		RunE: verb(v.run),
	}
	v.inputs.registerProject(cmd)
	registerAnswerFormat(cmd, &v.format)
	cmd.Flags().StringArrayVar(&v.manifests, "manifests", nil, "manifests as they are deployed: a file, folder, glob, or - for standard input; may repeat")
	return cmd
}

type verify struct {
	inputs
	format    string
	manifests []string
}

// report is what verify has to tell.
type report struct {
	edges    []edgeRow
	problems []problem
	shown    func(string) string
}

// problem is one thing that is wrong or worth knowing.
type problem struct {
	severity diag.Severity
	topic    string
	text     string
	at       source.Span
	path     string // in place of at: a file as somebody in the current folder would call it
}

func (r *report) add(severity diag.Severity, topic string, at source.Span, format string, args ...any) {
	r.problems = append(r.problems, problem{severity: severity, topic: topic, text: fmt.Sprintf(format, args...), at: at})
}

func (r *report) findings(topic string, list diag.List) {
	for _, d := range list {
		text := d.Message
		if d.Help != "" && d.Severity != diag.Note {
			text += "; " + d.Help
		}
		r.add(d.Severity, topic, d.Primary, "%s", text)
	}
}

func (v *verify) run(cmd *cobra.Command, paths []string) error {
	if err := checkAnswerFormat(v.format); err != nil {
		return err
	}
	r := &report{}
	alone, err := v.alone(paths)
	if err != nil {
		return err
	}
	if alone {
		err = v.policies(cmd, r)
	} else {
		err = v.compiled(cmd, paths, r)
	}
	if err != nil {
		return err
	}
	out := r.text()
	if v.format == "json" {
		if out, err = r.json(); err != nil {
			return err
		}
	}
	if err := writeOut(cmd, out); err != nil {
		return err
	}
	if r.count(diag.Error) > 0 {
		return errFindings
	}
	return nil
}

func (r *report) count(s diag.Severity) int {
	n := 0
	for _, p := range r.problems {
		if p.severity == s {
			n++
		}
	}
	return n
}

// alone tells whether manifests are judged without a project: none is named, and there are no intents here.
func (v *verify) alone(paths []string) (bool, error) {
	if len(v.manifests) == 0 || len(paths) > 0 || v.environment != "" {
		return false, nil
	}
	p, _, err := project.Open(nil)
	if err != nil {
		return false, err
	}
	if configured(p) {
		return false, nil
	}
	found, err := filepath.Glob(filepath.Join(p.Root, "*.mesh"))
	return len(found) == 0, err
}

// policies judges manifests alone.
func (v *verify) policies(cmd *cobra.Command, r *report) error {
	p, err := v.readPolicies(cmd, v.manifests)
	if err != nil {
		return err
	}
	r.shown = p.project.Shown
	r.findings("manifest", p.Findings)
	for _, guess := range p.guesses(func(*policy.Service) bool { return true }) {
		r.add(diag.Note, "guess", source.Span{}, "%s", guess)
	}
	r.idle(p.Model)
	if p.Workloads != nil {
		r.pitfalls(p.Model, p.Workloads)
	}
	return r.judge(p.Model)
}

// idle tells of policies that enforce nothing.
func (r *report) idle(m *model.Model) {
	for _, p := range audit.Idle(m) {
		r.add(diag.Warning, "dry-run", p.At, "%s %s is in dry-run: Istio logs what it would do, and enforces nothing of it", p.Kind, p.ID())
	}
}

// pitfalls holds policies against the workloads: accounts that nothing runs as, and workloads that have no proxy.
func (r *report) pitfalls(m *model.Model, inv *inventory.Set) {
	for _, w := range inv.Workloads {
		if w.NoProxy != "" {
			r.add(diag.Warning, "no proxy", w.NoProxyAt, "%s/%s has no proxy (%s): it has no identity, STRICT ports refuse it, and no policy binds it", w.Namespace, w.Service, w.NoProxy)
		}
	}
	for _, s := range audit.Strangers(m, compiler.ServicesOf(inv)) {
		r.add(diag.Warning, "account", s.Policy.At, "%s %s names the account %s, which no workload runs as", s.Policy.Kind, s.Policy.ID(), s.Account)
	}
}

// compiled judges a project, and holds it against what is deployed.
func (v *verify) compiled(cmd *cobra.Command, paths []string, r *report) error {
	if n := count(paths, project.Stdin) + count(v.workloads, project.Stdin) + count(v.manifests, project.Stdin); n > 1 {
		return usageError("standard input can be read only once, and - stands %d times", n)
	}
	locks, err := v.locks()
	if err != nil {
		return err
	}
	for _, l := range locks {
		v.withNamespaces = v.withNamespaces || slices.ContainsFunc(l.lock.Files, func(f targets.LockedFile) bool { return strings.Contains(f.Path, "-namespace-") })
	}
	c, err := v.compileFor(cmd, paths, "verified")
	if err != nil {
		return err
	}
	r.shown = c.project.Shown
	if c.Policy.DryRun {
		r.add(diag.Note, "dry-run", source.Span{}, "%s", dryRun(c.Policy))
	}
	for _, d := range c.Findings {
		if topic := topics[d.Code]; topic != "" {
			r.findings(topic, diag.List{d})
		}
	}

	model := c.Model
	if len(v.manifests) > 0 {
		if model, err = v.deployed(c, len(locks) > 0, cmd, r); err != nil {
			return err
		}
		for _, l := range locks {
			if err := r.compare(l, c, v.environment); err != nil {
				return err
			}
		}
		if err := r.guards(model, c.Findings); err != nil {
			return err
		}
	}
	return r.judge(model)
}

// topics is the findings of a build that are about what runs, and what verify calls them.
var topics = map[diag.Code]string{
	diag.NeverBroken: "guard", diag.AlwaysBroken: "guard", diag.OnlyBroken: "guard",
	diag.NoProxy: "no proxy", diag.OutsideCallee: "no proxy", diag.PermissiveCallee: "plaintext", diag.WorldIntoStrict: "plaintext",
	diag.UnusedAccount: "account", diag.DefaultAccount: "account", diag.Unmanifested: "workload", diag.UncoveredScrape: "scrape", diag.NoMode: "mode",
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
			continue // no folder, or none of meshc's: what it holds is read later, or said to be missing
		}
		lock, err := targets.ParseLock(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", filepath.ToSlash(name), err)
		}
		all = append(all, locked{dir, lock})
	}
	return all, nil
}

// compare holds a folder that meshc wrote against what the project gives now.
func (r *report) compare(l locked, c *compiled, environment string) error {
	dir := filepath.ToSlash(l.dir)
	if l.lock.Environment != environment {
		r.problems = append(r.problems, problem{diag.Error, "folder", fmt.Sprintf("it was written for the environment %q, and this is %q: ask with --env", l.lock.Environment, environment), source.Span{}, dir})
		return nil
	}
	changes, err := folder.Compare(l.dir, targets.Layout(c.Manifests, environment))
	if err != nil {
		var refusal *folder.Refusal
		if errors.As(err, &refusal) {
			r.findings("folder", refusal.Findings)
			return nil
		}
		return err
	}
	for _, d := range changes.Differences {
		text := "it is not what the project gives"
		switch {
		case d.Path == targets.LockName && len(changes.Differences) > 1:
			continue
		case d.Before == nil:
			text = "the project gives it, and it is not there"
		case d.After == nil:
			text = "the project does not give it any more"
		default:
			if digest, ok := l.lock.Find(d.Path); ok && digest != targets.Digest(d.Before) {
				text = "it was changed by hand"
			}
		}
		r.problems = append(r.problems, problem{diag.Error, "folder", text, source.Span{}, dir + "/" + d.Path})
	}
	return nil
}

// deployed judges the manifests that a project gives together with those that are deployed, and tells what these do to
// the former. A folder of meshc's is the whole deployment; other manifests lie beside what the project gives, in place
// of objects with the same name.
func (v *verify) deployed(c *compiled, whole bool, cmd *cobra.Command, r *report) (*model.Model, error) {
	files, err := manifestFiles(c.project, v.manifests, cmd.InOrStdin())
	if err != nil {
		return nil, err
	}
	mesh := model.SettingsOf(c.Policy)
	layer, findings := read.Files(files, mesh)
	if !whole {
		there := map[string]bool{}
		for _, p := range layer.Policies {
			there[p.Kind+" "+p.ID()] = true
		}
		var mine []targets.Manifest
		for _, m := range c.Manifests {
			if !there[m.Kind+" "+m.Namespace+"/"+m.Name] {
				mine = append(mine, m)
			}
		}
		layer, findings = read.Files(append(compiler.Sources(mine), files...), mesh)
	}
	r.findings("manifest", findings)
	model := model.New(c.Policy, layer)
	r.idle(model)
	lying := map[*source.File]bool{}
	for _, f := range files {
		lying[f] = true
	}
	found, supposed, err := audit.InterferencesOf(c.Model, compiler.Enforced(c.Policy, c.Inventory), layer)
	if err != nil {
		return nil, &failure{exitFindings, err}
	}
	for i := range found {
		r.interference(&found[i], lying)
	}
	for _, d := range read.Check(layer, append(compiler.Bound(c.Policy, c.Inventory), supposed...)) {
		topic := "no effect"
		if d.Code == diag.Unevaluable {
			topic = "manifest"
		}
		if lying[d.Primary.File] {
			r.findings(topic, diag.List{d})
		}
	}
	r.problems = slices.CompactFunc(r.problems, func(a, b problem) bool { return a == b })
	return model, nil
}

// guards judges never, always and only by what is deployed. Those that the project breaks by itself are told already.
func (r *report) guards(deployed *model.Model, told diag.List) error {
	judged, err := deployed.Judge()
	if err != nil {
		return &failure{exitFindings, err}
	}
	r.findings("guard", slices.DeleteFunc(model.Broken(judged), func(d diag.Diagnostic) bool {
		return slices.ContainsFunc(told, func(t diag.Diagnostic) bool { return t.Code == d.Code && t.Primary == d.Primary })
	}))
	return nil
}

func (r *report) interference(i *audit.Supposed, lying map[*source.File]bool) {
	who, at := "the lack of an ALLOW policy", source.Span{}
	if i.By != nil {
		who = i.By.Kind + " " + i.By.ID()
		at = i.By.At
		if i.Rule >= 0 {
			who += fmt.Sprintf(" rule %d", i.Rule)
			at = i.By.RuleAt(i.Rule)
		}
		if !lying[at.File] {
			who, at = who+", in the company of others,", source.Span{}
		}
	}
	verb, what := "shut", i.Service.ID()+" from "+i.Names()
	switch {
	case i.Mode:
		verb, what = "set", "a mode"
	case i.Opened:
		verb, what = "open", i.Service.ID()+" to "+i.Names()
	}
	if i.Perhaps || len(i.Lacks) > 0 {
		verb = "may " + verb
	} else {
		verb += "s"
	}
	condition := ""
	if len(i.Lacks) > 0 {
		condition = ", if its pods have " + strings.Join(i.Lacks, ", ") + " (--workloads says)"
	}
	r.add(diag.Error, "interference", at, "%s %s %s: %s%s", who, verb, what, i.Example, condition)
}

// judge tells of every edge, and of services that are open.
func (r *report) judge(m *model.Model) error {
	for _, mesh := range m.Policy.Meshes {
		for _, s := range mesh.Services {
			if err := r.service(m, mesh, s); err != nil {
				return err
			}
		}
		for _, e := range mesh.Externals {
			r.external(e)
		}
	}
	r.findings("manifest", audit.Unmatched(m))
	slices.SortStableFunc(r.edges, func(a, b edgeRow) int { return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to)) })
	slices.SortStableFunc(r.problems, func(a, b problem) int { return cmp.Compare(b.severity, a.severity) })
	return nil
}

func (r *report) service(m *model.Model, mesh *policy.Mesh, s *policy.Service) error {
	if !s.Proxied() {
		for _, rule := range s.Allow {
			for _, f := range rule.From {
				r.edges = append(r.edges, edgeRow{from: f.String(), to: s.ID(), port: join(rule.Ports, ","), client: "plaintext", server: "no proxy", result: "plaintext"})
			}
		}
		return nil
	}
	if len(s.Labels) == 0 {
		return nil // an account that manifests name: nothing is known of its pods
	}
	edges, err := audit.Edges(m, s)
	if err != nil {
		return &failure{exitFindings, err}
	}
	for i := range edges {
		r.edge(m, &edges[i])
	}
	if mesh.Declares {
		return nil
	}
	r.findings("manifest", audit.Widened(m, s))
	if !audit.Guarded(m, s) {
		r.add(diag.Warning, "open", s.At, "no ALLOW policy selects %s: whatever nothing denies is let through", s.ID())
		return nil
	}
	exposed, err := audit.Exposed(m, s)
	if err != nil {
		return &failure{exitFindings, err}
	}
	for _, e := range exposed {
		severity, at := diag.Warning, source.Span{}
		if rule := audit.Meant(s, e); rule != nil {
			severity, at = diag.Note, rule.At
		}
		r.add(severity, "exposed", at, "%s may call %s", e, s.ID())
	}
	return nil
}
