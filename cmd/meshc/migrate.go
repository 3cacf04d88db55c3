package main

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/meshc/meshc/compiler"
	planner "github.com/meshc/meshc/compiler/migrate"
	"github.com/meshc/meshc/compiler/project"
	"github.com/meshc/meshc/lang/diag"
)

func newMigrate() *cobra.Command {
	m := migration{}
	cmd := &cobra.Command{
		Use:   "migrate [--env ENV] [--to ambient] [PATH]",
		Short: "Plan the migration of an environment to STRICT, or of a project to ambient mode",
		Long: `Plan the migration of an environment from DISABLE through PERMISSIVE to STRICT. Each step raises one mode ceiling of
the environment in meshc.yaml, until everything has the mode that the intents state: first services, where something else in
their namespace is not ready, then namespaces, then the mesh. Intents and workload manifests show what blocks a step:
callers without a proxy, scrapers, probes that the injector does not rewrite, and a never, always or only that the step
would break.

Policies require an identity, so they deny plaintext callers before any mode does. While mTLS is disabled they therefore run
in dry-run mode (enforcement: dry-run), in which Istio only logs what they would deny. Enforcing them is a step between
PERMISSIVE and STRICT, and the plan starts with the callers that it would deny.

While trustDomains.previous in meshc.yaml names an earlier trust domain of the mesh, the plan includes the steps to drop it.

With --to ambient the plan moves namespaces from sidecars to ambient mode. Callers with sidecars bypass waypoints, so on an
edge with operations the caller moves before the callee; namespaces that call each other with operations move together, one
service after another. Each namespace takes three publishes, all proved for every mix of pods with and without sidecars:
policies for both, then the labels of the Namespace and a restart of its pods, then the policies of ambient mode. The plan
names the obstacles: callers that keep their sidecars, services that wait for each other, DISABLE modes, virtual machines,
headless Services, pods that request a sidecar or have no proxy, and whatever else the build of a step refuses.

With --env, the environment moves and its entries in meshc.yaml change.

--next applies the first step that is not blocked to meshc.yaml, if the result builds. The exit code is 1 if every step is
blocked, or if manifests must change first.`,
		Example: `  meshc migrate --env prod
  meshc migrate --env prod --next && meshc diff --env prod
  meshc migrate --to ambient --format markdown
  meshc migrate --to ambient --next
  meshc migrate --to ambient --env staging --next`,
		Args: few(0, 1, "one PATH, or none"),
		RunE: onProject(m.run),
	}
	m.registerProject(cmd)
	cmd.Flags().BoolVar(&m.next, "next", false, "apply the next step to meshc.yaml")
	cmd.Flags().StringVar(&m.to, "to", "", "ambient: plan the move from sidecars to ambient mode")
	registerFormat(cmd, &m.format, "text", "json", "markdown")
	cmd.RegisterFlagCompletionFunc("to", cobra.FixedCompletions([]string{"ambient"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

type migration struct {
	inputs
	next       bool
	to, format string
}

func (m *migration) run(cmd *cobra.Command, paths []string) error {
	switch {
	case m.to != "" && m.to != "ambient":
		return usageError("--to %s: the only data plane to move to is ambient", m.to)
	case m.to == "" && m.format != "text":
		return usageError("--format %s needs --to ambient", m.format)
	case m.to == "" && m.environment == "":
		return usageError("which environment? name it with --env")
	}
	if slices.Contains(paths, project.Stdin) || slices.Contains(m.workloads, project.Stdin) {
		return usageError("a plan needs a project with a meshc.yaml, and standard input has none")
	}
	of, err := m.open(cmd, paths, cmd.InOrStdin())
	if err != nil {
		return err
	}
	if m.to == "ambient" {
		return m.toAmbient(cmd, of)
	}
	var p *planner.Plan
	found := of.Findings
	if !found.HasErrors() {
		var wrong diag.List
		if p, wrong, err = planner.New(cmd.Context(), of.Parsed); err != nil {
			return err
		}
		found = append(found, wrong...).Sort()
	}
	if p == nil {
		return m.refuse(cmd, found, of, "there is no plan")
	}
	ready, next := p.Ready()
	if m.next && next != nil {
		return m.advance(cmd, of, next)
	}
	if err := writeAnswer(cmd, "text", planText(p, of.Project)); err != nil {
		return err
	}
	summary, done := fmt.Sprintf("%s, %d ready", plural(len(p.Steps), "step"), ready), false
	switch {
	case len(p.Steps) > 0:
	case len(p.Refused) > 0:
		summary = "no step admits the callers that are denied"
	default:
		summary, done = "no ceiling is in effect, and policies are enforced", true
	}
	if m.next && !done {
		fmt.Fprintf(cmd.ErrOrStderr(), "%s: %s; nothing was changed\n", m.environment, summary)
		return errFindings
	}
	say(cmd, "%s: %s\n", m.environment, summary)
	return nil
}

// advance applies a step to meshc.yaml, if the result builds.
func (m *migration) advance(cmd *cobra.Command, of *compiler.Project, s *planner.Step) error {
	shown := of.Shown(project.ConfigName)
	text, settings, ok := s.Apply(of.Config, m.environment)
	if !ok {
		setting := fmt.Sprintf("`%s: %s`", s.Name(), s.To)
		if len(s.Setting) > 1 {
			setting = fmt.Sprintf("`%q: %s` under its modes", s.Name(), s.To)
		}
		return fmt.Errorf("%s: the settings of %s cannot be changed in place: write %s", shown, m.environment, setting)
	}
	of.Config = settings
	c, err := buildProject(cmd, of)
	if err != nil {
		return err
	}
	if c.Findings.HasErrors() {
		return m.refuse(cmd, c.Findings, of, fmt.Sprintf("%s cannot be %s yet, and nothing was changed", s.Name(), s.To))
	}
	if err := replaceFile(filepath.Join(of.Root, project.ConfigName), []byte(text)); err != nil {
		return fmt.Errorf("%s: %w", shown, cause(err))
	}
	return writeOut(cmd, fmt.Appendf(nil, "%s: %s is %s now (%s)\n", m.environment, s.Name(), s.To, shown))
}

// refuse prints the findings that prevent an action.
func (m *migration) refuse(cmd *cobra.Command, found diag.List, of *compiler.Project, what string) error {
	if err := m.write(cmd.ErrOrStderr(), found, of.Shown); err != nil {
		return err
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "%s; %s\n", counts(found), what)
	return errFindings
}

// planText formats the plan as text.
func planText(p *planner.Plan, of *project.Project) []byte {
	var b bytes.Buffer
	list := func(indent, title string, blockers []planner.Blocker) {
		const most = 10
		if len(blockers) > 0 {
			b.WriteString(indent + title + "\n")
		}
		for i, x := range blockers {
			if i == most {
				fmt.Fprintf(&b, "%s  … and %d more\n", indent, len(blockers)-i)
				break
			}
			b.WriteString(indent + "  " + x.Text)
			if !x.At.IsZero() {
				fmt.Fprintf(&b, " (%s:%d)", of.Shown(x.At.File.Name), x.At.StartPosition().Line)
			}
			b.WriteByte('\n')
		}
	}
	part := func(title string, blockers []planner.Blocker) {
		if list("", title, blockers); len(blockers) > 0 {
			b.WriteByte('\n')
		}
	}
	part("denied in every mode, so no step can be built:", p.Refused)
	part("denied by the policies in every mode:", p.Cut)
	if len(p.Steps) > 0 {
		b.WriteString("steps:\n")
	}
	for i, s := range p.Steps {
		fmt.Fprintf(&b, "%3d. %s: %s to %s\n", i+1, s.Name(), s.From, s.To)
		if s.Why != "" {
			b.WriteString("     " + s.Why + "\n")
		}
		list("     ", "denied from this step on:", s.Cut)
		list("     ", "blocked by:", s.Blocked)
	}
	if len(p.Looser) > 0 {
		b.WriteByte('\n')
		list("", "not strict in the intents:", p.Looser)
	}
	if r := p.Rename; r != nil {
		writeRename(&b, r, of)
		list("     ", "blocked by:", r.Blocked)
	}
	return b.Bytes()
}

// writeRename writes the steps by which the mesh gets another trust domain, of which meshc can see the second in the
// MeshConfig.
func writeRename(b *bytes.Buffer, r *planner.Rename, of *project.Project) {
	if b.Len() > 0 {
		b.WriteByte('\n')
	}
	from := strings.Join(r.From, ", ")
	fmt.Fprintf(b, "trust domain %s to %s:\n", from, r.To)
	b.WriteString("  1. publish: policies name each account in all of these trust domains, and let in nobody else\n")
	fmt.Fprintf(b, "  2. in the MeshConfig, set trustDomain: %s and trustDomainAliases: [%s]; restart istiod, then gateways and workloads\n", r.To, from)
	switch {
	case r.Mesh.IsZero():
		b.WriteString("     the manifests have no MeshConfig, so meshc does not see whether this is done\n")
	case r.Renamed:
		fmt.Fprintf(b, "     the MeshConfig says so (%s:%d)\n", of.Shown(r.Mesh.File.Name), r.Mesh.StartPosition().Line)
	default:
		fmt.Fprintf(b, "     the MeshConfig does not say so yet (%s:%d)\n", of.Shown(r.Mesh.File.Name), r.Mesh.StartPosition().Line)
	}
	fmt.Fprintf(b, "  3. once no workload has an identity of %s: delete trustDomains.previous from meshc.yaml, publish, and delete the aliases\n", from)
}
