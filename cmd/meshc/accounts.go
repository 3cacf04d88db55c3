package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/meshc/meshc/compiler/accounts"
	"github.com/meshc/meshc/compiler/adopt"
	"github.com/meshc/meshc/compiler/project"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
	"github.com/meshc/meshc/targets/textdiff"
)

func newAccounts() *cobra.Command {
	a := accountsVerb{}
	cmd := &cobra.Command{
		Use:   "accounts [PATH...]",
		Short: "Plan how services that share an account each get their own",
		Long: `Plan how services that share an account each get their own. A callee knows its caller only by its account, so services
that share one cannot be told apart. No call is refused on the way:

  1. Let in both accounts: 1-intents.diff changes the intents to ` + "`service api account api was shop-sa`" + `. Apply it with
     git apply or patch -p1, then build and publish.
  2. Once that is in force, move the pods: 2-accounts is a Kustomize component with the ServiceAccounts, bindings that give
     them the rights of the earlier account, and patches of the workloads. To edit the manifests instead, apply
     2-workloads.diff to them, and only accounts.yaml of the component to the cluster.
  3. Once all pods run as the new accounts, drop the earlier one: 3-intents.diff deletes ` + "`was`" + `. Build and publish again.

A service with the same name as the account keeps it. The plan lists what these files cannot give to the new accounts, such
as a cloud identity, so that you can set it up before step 2. It starts from the current state of the project and leaves out
what is already done. meshc checks it by building the project as it will be after steps 1 and 3; the exit code is 1 if a
step cannot be built.

Without -o the files are printed and nothing is written. No file is ever overwritten.`,
		Example: `  meshc accounts
  meshc accounts -o move && git apply move/1-intents.diff
  kustomize build overlays/prod | meshc accounts --workloads - -o move`,
		RunE: onProject(a.run),
	}
	a.registerProject(cmd)
	registerFormat(cmd, &a.format, answerFormats...)
	cmd.Flags().StringVarP(&a.output, "output", "o", "", "folder to write the files to")
	cmd.MarkFlagDirname("output")
	return cmd
}

type accountsVerb struct {
	inputs
	format string
	output string
}

func (a *accountsVerb) run(cmd *cobra.Command, paths []string) error {
	if slices.Contains(paths, project.Stdin) {
		return usageError("the plan changes files of intents, and standard input is not a file")
	}
	of, err := a.open(cmd, paths, cmd.InOrStdin())
	if err != nil {
		return err
	}
	var plan *accounts.Plan
	found := of.Findings
	if !found.HasErrors() {
		if plan, found, err = accounts.New(cmd.Context(), of.Parsed); err != nil {
			return err
		}
	}
	if plan == nil {
		found = slices.DeleteFunc(found, func(d diag.Diagnostic) bool { return d.Severity != diag.Error || d.Code == diag.SharedAccount })
		if err := a.write(cmd.ErrOrStderr(), found, of.Shown); err != nil {
			return err
		}
		fmt.Fprintf(cmd.ErrOrStderr(), "%s; there is no plan\n", counts(found))
		return errFindings
	}
	files := accountFiles(plan)
	if a.output != "" {
		if _, err := writeFiles(a.output, files, " with -o"); err != nil {
			return err
		}
	}
	out := a.text(plan, files, of.Project)
	if a.format == "json" {
		if out, err = accountsJSON(plan, files, of.Project); err != nil {
			return err
		}
	}
	if err := writeOut(cmd, out); err != nil {
		return err
	}
	if blocked := slices.Concat(plan.Admit.Blocked, plan.Retire.Blocked); len(blocked) > 0 {
		return errFindings
	}
	return nil
}

// accountFiles returns the files of a plan, step by step.
func accountFiles(p *accounts.Plan) (files []adopt.File) {
	add := func(name string, text []byte) {
		if len(text) > 0 {
			files = append(files, adopt.File{Name: name, Text: text})
		}
	}
	add("1-intents.diff", diffOf(p.Admit.Files))
	add("2-accounts/accounts.yaml", []byte(p.Create.Accounts))
	add("2-accounts/kustomization.yaml", component(p))
	add("2-workloads.diff", diffOf(p.Create.Files))
	add("3-intents.diff", diffOf(p.Retire.Files))
	return files
}

func diffOf(changes []accounts.Change) []byte {
	var b bytes.Buffer
	for _, c := range changes {
		b.Write(textdiff.Unified("a/"+c.Name, "b/"+c.Name, []byte(c.Before), []byte(c.After)))
	}
	return b.Bytes()
}

// component is the kustomization of the ServiceAccounts and the patches.
// https://kubectl.docs.kubernetes.io/guides/config_management/components/
func component(p *accounts.Plan) []byte {
	if p.Create.Accounts == "" && len(p.Create.Patches) == 0 {
		return nil
	}
	var b bytes.Buffer
	b.WriteString("apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n")
	if p.Create.Accounts != "" {
		b.WriteString("resources:\n- accounts.yaml\n")
	}
	if len(p.Create.Patches) > 0 {
		b.WriteString("patches:\n")
	}
	for _, patch := range p.Create.Patches {
		b.WriteString("- patch: |\n")
		for line := range strings.Lines(patch) {
			b.WriteString("    " + line)
		}
	}
	return b.Bytes()
}

// text is the plan for people, with the files where they were not written.
func (a *accountsVerb) text(p *accounts.Plan, files []adopt.File, of *project.Project) []byte {
	var b bytes.Buffer
	if len(p.Moves) == 0 {
		return []byte("every service has an account of its own\n")
	}
	for _, m := range p.Moves {
		fmt.Fprintf(&b, "%s: %s to %s\n", m.Service.ID(), strings.Join(m.From, ", "), m.To)
	}
	if len(p.Notes) > 0 {
		b.WriteString("\nbefore step 2, see to this:\n")
		for _, n := range p.Notes {
			fmt.Fprintf(&b, "  %s%s\n", n.Text, placed(n.At, of))
		}
	}
	for i, title := range []string{
		"let both accounts in: apply this to the intents, then build and publish",
		"once that is in force, move the pods",
		"once all pods run as the new accounts, delete the earlier ones: apply this, then build and publish",
	} {
		step := fmt.Sprint(i + 1)
		var own []adopt.File
		for _, f := range files {
			if strings.HasPrefix(f.Name, step+"-") {
				own = append(own, f)
			}
		}
		var blocked diag.List
		switch i {
		case 0:
			blocked = p.Admit.Blocked
		case 2:
			blocked = p.Retire.Blocked
		}
		if len(own)+len(blocked) == 0 {
			continue
		}
		fmt.Fprintf(&b, "\n%s. %s\n", step, title)
		switch {
		case len(blocked) > 0 && i == 0:
			b.WriteString("   cannot be built yet; what distinguishes services that have the same earlier account has to wait for step 3:\n")
		case len(blocked) > 0:
			b.WriteString("   cannot be built yet:\n")
		}
		for _, d := range blocked {
			fmt.Fprintf(&b, "     %s%s\n", d.Message, placed(d.Primary, of))
			if d.Help != "" {
				fmt.Fprintf(&b, "       %s\n", d.Help)
			}
		}
		for _, f := range own {
			if a.output != "" {
				fmt.Fprintf(&b, "   wrote %s\n", shownIn(a.output, f.Name))
			} else {
				fmt.Fprintf(&b, "\n# %s\n%s", f.Name, f.Text)
			}
		}
	}
	return b.Bytes()
}

// placed is a place in brackets after a space; empty if there is none.
func placed(at source.Span, of *project.Project) string {
	if at.IsZero() {
		return ""
	}
	return fmt.Sprintf(" (%s:%d)", of.Shown(at.File.Name), at.StartPosition().Line)
}

// accountsJSON is the plan for programs.
func accountsJSON(p *accounts.Plan, files []adopt.File, of *project.Project) ([]byte, error) {
	type move struct {
		Service   string   `json:"service"`
		From      []string `json:"from"`
		To        string   `json:"to"`
		Workloads []string `json:"workloads"` // that have yet to move
	}
	type note struct {
		Text  string `json:"text"`
		Place string `json:"place,omitempty"`
	}
	type blocker struct {
		Step int `json:"step"`
		note
	}
	type file struct {
		Path string `json:"path"`
		Text string `json:"text"`
	}
	report := struct {
		Schema   string    `json:"schema"`
		Services []move    `json:"services"`
		Notes    []note    `json:"notes"`
		Blocked  []blocker `json:"blocked"`
		Files    []file    `json:"files"`
	}{"meshc.dev/accounts/v1", []move{}, []note{}, []blocker{}, []file{}}
	place := func(at source.Span) string { return strings.Trim(placed(at, of), " ()") }
	for _, m := range p.Moves {
		workloads := []string{}
		for _, w := range m.Workloads {
			workloads = append(workloads, w.Kind+" "+w.Namespace+"/"+w.Object)
		}
		report.Services = append(report.Services, move{m.Service.ID(), m.From, m.To, workloads})
	}
	for _, n := range p.Notes {
		report.Notes = append(report.Notes, note{n.Text, place(n.At)})
	}
	for _, d := range p.Admit.Blocked {
		report.Blocked = append(report.Blocked, blocker{1, note{d.Message, place(d.Primary)}})
	}
	for _, d := range p.Retire.Blocked {
		report.Blocked = append(report.Blocked, blocker{3, note{d.Message, place(d.Primary)}})
	}
	for _, f := range files {
		report.Files = append(report.Files, file{f.Name, string(f.Text)})
	}
	return answerJSON(report)
}
