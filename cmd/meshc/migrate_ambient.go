package main

import (
	"bytes"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/meshc/meshc/compiler"
	planner "github.com/meshc/meshc/compiler/migrate"
	"github.com/meshc/meshc/compiler/project"
	"github.com/meshc/meshc/lang/source"
	"github.com/meshc/meshc/targets/gitops/forge"
)

// toAmbient plans the move to ambient mode, or makes its next step.
func (m *migration) toAmbient(cmd *cobra.Command, of *compiler.Project) error {
	if of.Findings.HasErrors() {
		return m.refuse(cmd, of.Findings, of, "there is no plan")
	}
	if compiler.Meshless(of.Config) {
		return usageError("--to ambient: Cilium enforces this project alone, and there are no sidecars to move from")
	}
	p, found, err := planner.ToAmbient(cmd.Context(), of.Parsed)
	if err != nil {
		return err
	}
	if p == nil {
		return m.refuse(cmd, found, of, "there is no plan")
	}
	steps, blocked := 0, 0
	for _, g := range p.Groups {
		if steps += len(g.Moves); len(g.Blocked) > 0 {
			blocked++
		}
	}
	summary := fmt.Sprintf("%s to move, %s, %d blocked", plural(len(p.Groups), "group"), plural(steps, "step"), blocked)
	if len(p.Groups) == 0 {
		summary = "every namespace is in ambient mode"
	}
	if next := p.Next(); m.next && next != nil {
		return m.advanceMove(cmd, of, next)
	} else if m.next && len(p.Groups) > 0 {
		summary += "; nothing was changed"
	}
	w := moveWriter{of: of.Project, environment: m.environment}
	switch m.format {
	case "json":
		var out []byte
		if out, err = answerJSON(w.json(p)); err == nil {
			err = writeOut(cmd, out)
		}
	case "markdown":
		w.markdown = true
		fallthrough
	default:
		err = writeAnswer(cmd, m.format, w.text(p))
	}
	if err != nil {
		return err
	}
	say(cmd, "%s\n", summary)
	if m.next && len(p.Groups) > 0 {
		return errFindings
	}
	return nil
}

// advanceMove makes the next move of a group in meshc.yaml, if the result builds.
func (m *migration) advanceMove(cmd *cobra.Command, of *compiler.Project, g *planner.Group) error {
	move := &g.Moves[0]
	w := moveWriter{of: of.Project, environment: m.environment}
	shown := of.Shown(project.ConfigName)
	if len(move.Waiting) > 0 || len(move.Settings) == 0 {
		var b bytes.Buffer
		fmt.Fprintf(&b, "%s: the manifests come next\n", g.Title())
		for _, line := range w.lines(g, move) {
			b.WriteString("  " + line + "\n")
		}
		if err := writeOut(cmd, b.Bytes()); err != nil {
			return err
		}
		fmt.Fprintf(cmd.ErrOrStderr(), "%s was not changed\n", shown)
		return errFindings
	}
	path := filepath.Join(of.Root, project.ConfigName)
	if of.File == nil {
		return fmt.Errorf("there is no meshc.yaml to write %s to: `meshc init` makes one", entries(move))
	}
	text, settings, ok := move.Apply(of.Config, m.environment, of.File)
	if !ok {
		return fmt.Errorf("%s: the settings cannot be changed in place: write %s under %s", shown, entries(move), w.section())
	}
	of.Config = settings
	c, err := buildProject(cmd, of)
	if err != nil {
		return err
	}
	if c.Findings.HasErrors() {
		return m.refuse(cmd, c.Findings, of, g.Title()+" cannot move yet, and nothing was changed")
	}
	if err := replaceFile(path, []byte(text)); err != nil {
		return fmt.Errorf("%s: %w", shown, cause(err))
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s: %s (%s)\n", g.Title(), entries(move), shown)
	for _, line := range w.lines(g, move) {
		b.WriteString("  " + line + "\n")
	}
	return writeOut(cmd, b.Bytes())
}

// entries is the entries of `dataplanes` that a move makes.
func entries(m *planner.Move) string {
	var all []string
	for _, namespace := range slices.Sorted(maps.Keys(m.Settings)) {
		d := m.Settings[namespace]
		all = append(all, fmt.Sprintf("`%s: %s`", namespace, d.Written(namespace)))
	}
	return strings.Join(all, ", ")
}

// moveWriter writes a plan as text or Markdown.
type moveWriter struct {
	of          *project.Project
	environment string
	markdown    bool
}

// section is where the entries stand in meshc.yaml.
func (w *moveWriter) section() string {
	if w.environment == "" {
		return "dataplanes"
	}
	return "dataplanes of " + w.environment
}

const beforeMoving = "before the first step, install Istio for ambient mode (istio-cni and ztunnel), and restart the pods with sidecars once: sidecars that started before cannot use its tunnels"

func (w *moveWriter) text(p *planner.Ambient) []byte {
	var b bytes.Buffer
	if len(p.Groups) > 0 && len(p.Moved) == 0 {
		b.WriteString(beforeMoving + "\n\n")
	}
	number := 0
	for i := range p.Groups {
		g := &p.Groups[i]
		if i > 0 {
			b.WriteByte('\n')
		}
		title, indent := g.Title()+":", "     "
		if w.markdown {
			title, indent = "## "+forge.Escape(g.Title())+"\n", "   "
		}
		b.WriteString(title + "\n")
		if len(g.Blocked) > 0 {
			blocked := "  blocked by:\n"
			if w.markdown {
				blocked = "Blocked by:\n\n"
			}
			b.WriteString(blocked)
			for _, x := range g.Blocked {
				w.item(&b, x)
			}
		}
		for n := range g.Moves {
			number++
			lines := w.lines(g, &g.Moves[n])
			if e := entries(&g.Moves[n]); e != "" {
				lines = append([]string{"under " + w.section() + " in meshc.yaml: " + e}, lines...)
			}
			for k, line := range lines {
				switch {
				case k > 0 && w.markdown:
					b.WriteString(indent + "- " + strings.TrimSpace(line) + "\n")
				case k > 0:
					b.WriteString(indent + line + "\n")
				case w.markdown:
					fmt.Fprintf(&b, "%d. %s\n", number, line)
				default:
					fmt.Fprintf(&b, "%3d. %s\n", number, line)
				}
			}
		}
	}
	return b.Bytes()
}

func (w *moveWriter) item(b *bytes.Buffer, x planner.Blocker) {
	text := x.Text + w.place(x.At)
	if w.markdown {
		b.WriteString("- " + forge.Escape(text) + "\n")
		return
	}
	b.WriteString("    " + text + "\n")
}

func (w *moveWriter) place(at source.Span) string {
	if at.IsZero() {
		return ""
	}
	return fmt.Sprintf(" (%s:%d)", w.of.Shown(at.File.Name), at.StartPosition().Line)
}

// lines is what is done in a move, apart from its settings.
func (w *moveWriter) lines(g *planner.Group, m *planner.Move) (lines []string) {
	for _, x := range m.Waiting {
		lines = append(lines, "first: "+x.Text+w.place(x.At))
	}
	if m.Stage == planner.Prepared {
		for _, waypoint := range g.Waypoints {
			lines = append(lines, fmt.Sprintf("apply the Gateway %s of class istio-waypoint, which `meshc build --with-namespaces` writes, and wait until it is programmed", waypoint))
		}
	}
	for i, l := range m.Labels {
		where := ""
		if i == 0 || m.Labels[i-1].Namespace != l.Namespace {
			where = w.place(l.At)
		}
		if l.Value == "" {
			lines = append(lines, fmt.Sprintf("take the label `%[2]s`, or else `istio.io/rev`, off the Namespace %[1]s%[3]s", l.Namespace, l.Key, where))
		} else {
			lines = append(lines, fmt.Sprintf("label the Namespace %s `%s: %s`%s", l.Namespace, l.Key, quotedLabel(l.Value), where))
		}
	}
	switch m.Stage {
	case planner.Prepared:
		return append(lines, "publish: the policies hold for pods with sidecars and for those in ambient mode")
	case planner.Settled:
		return append(lines, "publish once no pod has a sidecar any more: the policies are those of ambient mode")
	}
	if len(g.Restarts) < 2 {
		return append(lines, "restart the pods, in any order")
	}
	lines = append(lines, "give the pods of these services the label `sidecar.istio.io/inject: \"false\"`, which restarts them, each line once all pods of those before have restarted:")
	for _, wave := range g.Restarts {
		lines = append(lines, "  "+strings.Join(wave, ", "))
	}
	return lines
}

// quotedLabel is the value of a label as YAML takes it for text.
func quotedLabel(value string) string {
	if value == "true" {
		return `"true"`
	}
	return value
}

type moveDocument struct {
	Schema string      `json:"schema"`
	Groups []moveGroup `json:"groups"`
	Moved  []string    `json:"moved"`
}

type moveGroup struct {
	Namespaces []string      `json:"namespaces"`
	Waypoints  []string      `json:"waypoints,omitempty"`
	Restarts   [][]string    `json:"restarts"`
	Blocked    []moveBlocker `json:"blocked"`
	Steps      []moveStep    `json:"steps"`
}

type moveStep struct {
	Stage      string            `json:"stage"`
	Dataplanes map[string]string `json:"dataplanes,omitempty"`
	Labels     []moveLabel       `json:"labels,omitempty"`
	Waiting    []moveBlocker     `json:"waiting,omitempty"`
}

type moveLabel struct {
	Namespace string `json:"namespace"`
	Key       string `json:"key"`
	Value     string `json:"value,omitempty"`
	Removed   bool   `json:"removed,omitempty"`
}

type moveBlocker struct {
	Text string `json:"text"`
	File string `json:"file,omitempty"`
	Line int    `json:"line,omitempty"`
}

func (w *moveWriter) json(p *planner.Ambient) moveDocument {
	blockers := func(list []planner.Blocker) []moveBlocker {
		all := []moveBlocker{}
		for _, x := range list {
			one := moveBlocker{Text: x.Text}
			if !x.At.IsZero() {
				one.File, one.Line = w.of.Shown(x.At.File.Name), x.At.StartPosition().Line
			}
			all = append(all, one)
		}
		return all
	}
	d := moveDocument{Schema: "meshc.dev/migrate/v1", Groups: []moveGroup{}, Moved: append([]string{}, p.Moved...)}
	for _, g := range p.Groups {
		one := moveGroup{Namespaces: g.Namespaces, Waypoints: g.Waypoints, Restarts: append([][]string{}, g.Restarts...), Blocked: blockers(g.Blocked), Steps: []moveStep{}}
		for _, m := range g.Moves {
			step := moveStep{Stage: m.Stage.String(), Waiting: blockers(m.Waiting)}
			for namespace, d := range m.Settings {
				if step.Dataplanes == nil {
					step.Dataplanes = map[string]string{}
				}
				step.Dataplanes[namespace] = d.Written(namespace)
			}
			for _, l := range m.Labels {
				step.Labels = append(step.Labels, moveLabel{l.Namespace, l.Key, l.Value, l.Value == ""})
			}
			one.Steps = append(one.Steps, step)
		}
		d.Groups = append(d.Groups, one)
	}
	return d
}
