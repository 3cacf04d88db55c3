package main

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/meshc/meshc/cmd/meshc/internal/project"
	"github.com/meshc/meshc/compiler/config"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/source"
)

func newMigrate() *cobra.Command {
	m := migration{}
	cmd := &cobra.Command{
		Use:   "migrate --env ENV [PATH]",
		Short: "Plan an environment's way from DISABLE over PERMISSIVE to STRICT",
		Long: `Plan an environment's way from DISABLE over PERMISSIVE to STRICT: the ceilings under modes of the environment in
meshc.yaml, raised one at a time until everything has the mode that the intents state. Single services go first where
something in their namespace is not ready, then the namespace, then the mesh. What holds a step up is read from the
intents and the workload manifests: callers without a proxy, scrapers, probes that the injector leaves alone.

Policies cut a plaintext caller off before any mode does, since they ask for an identity; who would be is said first.
--next makes the change of the first step that nothing holds up in meshc.yaml, where the compiler agrees with it.`,
		Example: `  meshc migrate --env prod
  meshc migrate --env prod --next && meshc diff --env prod`,
		Args: cobra.MaximumNArgs(1),
		RunE: verb(m.run),
	}
	m.registerProject(cmd)
	cmd.Flags().BoolVar(&m.next, "next", false, "make the change of the next step in meshc.yaml")
	return cmd
}

type migration struct {
	inputs
	next bool
}

// step is one ceiling to raise.
type step struct {
	key      string
	from, to policy.Mode
	blocked  []blocker
}

// blocker is what would break.
type blocker struct {
	text string
	at   source.Span
}

func (m *migration) run(cmd *cobra.Command, paths []string) error {
	m.format = "text"
	if m.environment == "" {
		return usageError("which environment? name it with --env")
	}
	if slices.Contains(paths, project.Stdin) || slices.Contains(m.workloads, project.Stdin) {
		return usageError("a plan is about a project with a meshc.yaml, and standard input has none")
	}
	made, err := m.compile(cmd, paths, cmd.InOrStdin())
	if err != nil {
		return err
	}
	if made.findings.HasErrors() {
		if err := m.write(cmd.ErrOrStderr(), made.findings, made.project.Shown); err != nil {
			return err
		}
		fmt.Fprintf(cmd.ErrOrStderr(), "%s; there is no plan\n", counts(made.findings))
		return errFindings
	}
	p, err := m.plan(made, paths)
	if err != nil {
		return err
	}
	if !m.next {
		if err := writeOut(cmd, p.text(made.project)); err != nil {
			return err
		}
		fmt.Fprintln(cmd.ErrOrStderr(), p.summary(m.environment))
		return nil
	}
	return m.advance(cmd, made, p, paths)
}

// advance makes the next step in meshc.yaml. The compiler has the last word: where the change gives an error it is
// taken back.
func (m *migration) advance(cmd *cobra.Command, made *compiled, p *plan, paths []string) error {
	i := slices.IndexFunc(p.steps, func(s step) bool { return len(s.blocked) == 0 })
	if i < 0 {
		if len(p.steps) == 0 {
			fmt.Fprintln(cmd.ErrOrStderr(), p.summary(m.environment))
			return nil
		}
		if err := writeOut(cmd, p.text(made.project)); err != nil {
			return err
		}
		fmt.Fprintf(cmd.ErrOrStderr(), "%s: every step is held up; nothing was changed\n", m.environment)
		return errFindings
	}
	s := p.steps[i]
	path := filepath.Join(made.project.Root, project.ConfigName)
	e := made.project.Config.Environments[m.environment]
	before, after, ok := raise(e, s)
	if !ok {
		return fmt.Errorf("%s: the ceilings of %s cannot be changed in place; write `%q: %s` under its modes", made.project.Shown(project.ConfigName), m.environment, s.key, s.to)
	}
	if err := replaceFile(path, after); err != nil {
		return fmt.Errorf("%s: %w", made.project.Shown(project.ConfigName), cause(err))
	}
	again, err := m.compile(cmd, paths, cmd.InOrStdin())
	if err != nil || again.findings.HasErrors() {
		if back := replaceFile(path, before); back != nil {
			return fmt.Errorf("%s: %w", made.project.Shown(project.ConfigName), cause(back))
		}
		if err != nil {
			return err
		}
		if err := m.write(cmd.ErrOrStderr(), again.findings, again.project.Shown); err != nil {
			return err
		}
		fmt.Fprintf(cmd.ErrOrStderr(), "%s: %s cannot be %s yet; nothing was changed\n", m.environment, s.key, s.to)
		return errFindings
	}
	return writeOut(cmd, fmt.Appendf(nil, "%s: %s is %s now (%s)\n", m.environment, s.key, s.to, made.project.Shown(project.ConfigName)))
}

// raise is the text of meshc.yaml before and after a step: the mode behind its key is replaced, or an entry is put
// before the first one. Comments and everything else stay as they are.
func raise(e *config.Environment, s step) (before, after []byte, ok bool) {
	first := source.Span{}
	for _, at := range e.ModesAt {
		if first.IsZero() || at.Start < first.Start {
			first = at
		}
	}
	if first.IsZero() {
		return nil, nil, false
	}
	text := first.File.Text
	before = []byte(text)
	if at, there := e.ModesAt[s.key]; there {
		old := e.Modes[s.key].String()
		i := strings.Index(text[at.End:], old)
		if i < 0 || strings.ContainsAny(text[at.End:int(at.End)+i], "\n,}") {
			return nil, nil, false
		}
		start := int(at.End) + i
		return before, []byte(text[:start] + s.to.String() + text[start+len(old):]), true
	}
	line := strings.LastIndexByte(text[:first.Start], '\n') + 1
	entry := fmt.Sprintf("%q: %s", s.key, s.to)
	if indent := text[line:first.Start]; strings.TrimSpace(indent) == "" {
		entry += "\n" + indent
	} else {
		entry += ", "
	}
	return before, []byte(text[:first.Start] + entry + text[first.Start:]), true
}

// text is the plan for people.
func (p *plan) text(of *project.Project) []byte {
	var b bytes.Buffer
	list := func(indent string, blockers []blocker) {
		const most = 10
		for i, x := range blockers {
			if i == most {
				fmt.Fprintf(&b, "%s… and %d more\n", indent, len(blockers)-i)
				break
			}
			b.WriteString(indent + x.text)
			if !x.at.IsZero() {
				fmt.Fprintf(&b, " (%s:%d)", of.Shown(x.at.File.Name), x.at.StartPosition().Line)
			}
			b.WriteByte('\n')
		}
	}
	if len(p.cut) > 0 {
		b.WriteString("turned away by the policies, whatever the mode:\n")
		list("  ", p.cut)
		b.WriteByte('\n')
	}
	if len(p.steps) > 0 {
		b.WriteString("steps:\n")
	}
	for i, s := range p.steps {
		fmt.Fprintf(&b, "%3d. %s: %s to %s\n", i+1, s.key, s.from, s.to)
		if len(s.blocked) > 0 {
			b.WriteString("     held up:\n")
			list("       ", s.blocked)
		}
	}
	if len(p.looser) > 0 {
		b.WriteString("\nstated looser than strict in the intents:\n")
		list("  ", p.looser)
	}
	return b.Bytes()
}

func (p *plan) summary(environment string) string {
	ready := 0
	for _, s := range p.steps {
		if len(s.blocked) == 0 {
			ready++
		}
	}
	if len(p.steps) == 0 {
		return environment + ": no ceiling holds anything back"
	}
	return fmt.Sprintf("%s: %s, %d ready", environment, plural(len(p.steps), "step"), ready)
}
