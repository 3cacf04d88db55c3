package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/meshc/meshc/compiler/adopt"
	"github.com/meshc/meshc/compiler/importer"
	"github.com/meshc/meshc/compiler/project"
	"github.com/meshc/meshc/lang/diag"
)

func newImport() *cobra.Command {
	m := importing{}
	cmd := &cobra.Command{
		Use:   "import --manifests PATH [-o DIR]",
		Short: "Turn hand-written policies into a project",
		Long: `Turn hand-written policies into a project: a file of intents per namespace, and meshc.yaml. Services are named after their
workloads if --workloads has them, otherwise after the labels in the selectors of the policies.

The project allows exactly what the manifests allow: meshc compiles what it wrote and compares the two as sets of requests.
A policy that the language cannot express exactly is left as it is. meshc.yaml lists it under accepted, with the reason, and
from then on it is evaluated together with the project. A policy that Istio would refuse has no effect anywhere and is left
out.

With --narrow, a rule that cannot be expressed exactly becomes one that allows nothing more; with --widen, one that allows
nothing less. Each is reported, with the requests that it affects.

Without -o the project is printed and nothing is written. No file is ever overwritten. Apply the project's manifests next to
the existing ones. Once they are in force, delete the old objects that meshc lists, in the order given.

A policy gets the namespace in which a kustomization, an Argo CD Application or a Flux Kustomization of its repository
applies it. meshc does not render anything else that Kustomize changes: import the output of kustomize build then.`,
		Example: `  meshc import --manifests policies/ -o intents
  kubectl get authorizationpolicy,peerauthentication,requestauthentication -A -o yaml | meshc import --manifests - -o intents
  kustomize build overlays/prod | meshc import --manifests - -o intents
  meshc import --manifests policies/ --workloads k8s/ --format json`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usageError("policies are named with --manifests, and the folder of the project with -o: meshc import --manifests %s -o project", args[0])
			}
			return nil
		},
		RunE: verb(m.run),
	}
	cmd.Flags().StringArrayVar(&m.manifests, "manifests", nil, "policies: a file, folder, glob, or - for standard input; repeatable")
	cmd.Flags().StringArrayVar(&m.workloads, "workloads", nil, "workload manifests that name the services: a file, folder, glob, or - for standard input; repeatable")
	cmd.Flags().StringVarP(&m.output, "output", "o", "", "folder to write the project to")
	cmd.MarkFlagDirname("output")
	cmd.Flags().BoolVar(&m.narrow, "narrow", false, "replace rules that cannot be expressed exactly by narrower ones, and report them")
	cmd.Flags().BoolVar(&m.widen, "widen", false, "replace rules that cannot be expressed exactly by wider ones, and report them")
	cmd.MarkFlagsMutuallyExclusive("narrow", "widen")
	m.registerRoot(cmd)
	m.registerCluster(cmd, "import from a cluster instead of --manifests and --workloads")
	registerFormat(cmd, &m.format, answerFormats...)
	return cmd
}

type importing struct {
	inputs
	manifests []string
	output    string
	format    string

	narrow, widen bool
}

func (m *importing) run(cmd *cobra.Command, _ []string) error {
	if len(m.manifests) == 0 && m.cluster == "" {
		return usageError("which policies? name them with --manifests, or a cluster with --cluster")
	}
	today, err := day("")
	if err != nil {
		return err
	}
	given, err := m.readAlone(cmd, m.manifests)
	if err != nil {
		return err
	}
	around := given.project
	direction := importer.Exact
	switch {
	case m.narrow:
		direction = importer.Narrow
	case m.widen:
		direction = importer.Widen
	}
	manifests, workloads := m.named(m.manifests), m.named(m.workloads)
	if given.moved { // meshc.yaml names files as they are
		manifests, workloads = nil, nil
	}
	r, err := importer.Import(cmd.Context(), importer.Given{
		Manifests: given.manifests,
		Workloads: given.workloads,
		Settings:  around.Config,
		Guess:     !configured(around),
		Today:     today,
		Direction: direction,

		ManifestPaths: manifests,
		WorkloadPaths: workloads,
	})
	if err != nil {
		return &failure{exitFindings, err}
	}
	r.Findings = append(given.findings, r.Findings...).Sort()
	if err := m.write(cmd.ErrOrStderr(), r.Findings, around.Shown); err != nil {
		return err
	}
	if len(r.Objects) == 0 {
		why := "the manifests have no policies"
		if r.Findings.HasErrors() {
			why = counts(r.Findings)
		}
		fmt.Fprintf(cmd.ErrOrStderr(), "%s; nothing was written\n", why)
		if m.format == "json" {
			out, err := importJSON(r, around)
			if err == nil {
				err = writeOut(cmd, out)
			}
			if err != nil {
				return err
			}
		}
		return errFindings
	}
	if m.output != "" {
		files := make([]adopt.File, len(r.Files))
		for i, f := range r.Files {
			files[i] = adopt.File{Name: f.Name, Text: []byte(f.Text)}
		}
		if there := otherIntents(m.output, files); there != "" {
			return fmt.Errorf("%s would join what was imported, which is proved without it, so nothing was written; name another folder with -o", shownIn(m.output, there))
		}
		if _, err := writeFiles(m.output, files, " with -o"); err != nil {
			return err
		}
	}
	out := m.text(r, around)
	if m.format == "json" {
		if out, err = importJSON(r, around); err != nil {
			return err
		}
	}
	if err := writeOut(cmd, out); err != nil || !r.Findings.HasErrors() {
		return err
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "%s; what the errors are about is not in the intents\n", counts(r.Findings))
	return errFindings
}

// named is how the meshc.yaml of the project names files, if all of them are in its folder.
func (m *importing) named(patterns []string) (all []string) {
	for _, pattern := range patterns {
		from, _ := filepath.Abs(m.output)
		to, _ := filepath.Abs(pattern)
		path, err := filepath.Rel(from, to)
		if err != nil || pattern == "-" || !filepath.IsLocal(path) {
			return nil
		}
		all = append(all, filepath.ToSlash(path))
	}
	return all
}

// otherIntents returns a file of intents in a folder, relative to it, that is not one of some files; empty if there is
// none.
func otherIntents(dir string, files []adopt.File) (other string) {
	_ = filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		name, _ := filepath.Rel(dir, path)
		name = filepath.ToSlash(name)
		if err == nil && strings.HasSuffix(name, ".mesh") && !slices.ContainsFunc(files, func(f adopt.File) bool { return f.Name == name }) {
			other = name
			return filepath.SkipAll
		}
		return nil // what cannot be read is found out when files are written
	})
	return other
}

// text is the report for people, after the project where that was not written.
func (m *importing) text(r *importer.Result, around *project.Project) []byte {
	var b bytes.Buffer
	for _, f := range r.Files {
		if m.output != "" {
			fmt.Fprintf(&b, "wrote %s\n", filepath.ToSlash(filepath.Join(m.output, filepath.FromSlash(f.Name))))
		} else {
			fmt.Fprintf(&b, "# %s\n%s\n", f.Name, f.Text)
		}
	}
	if m.output != "" {
		b.WriteByte('\n')
	}
	fmt.Fprintf(&b, "%s: %d became intents, %d kept as they are, %d left out because Istio refuses them\n", plural(len(r.Objects), "object"), r.Count(importer.Said), r.Count(importer.Accepted), r.Count(importer.Refused))
	m.approximations(&b, r, around)
	if slices.ContainsFunc(r.Files, func(f importer.File) bool { return f.Name == importer.Copies }) {
		fmt.Fprintf(&b, "\nIn ambient mode the manifests show how calls reach pods. %s has copies of them; name the originals in meshc.yaml if you can.\n", importer.Copies)
	}
	for _, left := range []struct {
		outcome importer.Outcome
		title   string
	}{
		{importer.Accepted, "Kept as they are: meshc.yaml lists them under `accepted`, with the reason"},
		{importer.Refused, "Left out: Istio refuses them, so that they have no effect"},
	} {
		if r.Count(left.outcome) > 0 {
			fmt.Fprintf(&b, "\n%s:\n", left.title)
		}
		for i := range r.Objects {
			if o := &r.Objects[i]; o.Outcome == left.outcome {
				fmt.Fprintf(&b, "  %s (%s): %s\n", o.ID(), placeOf(o, around), o.Reason)
			}
		}
	}
	if len(r.Replaced) > 0 {
		b.WriteString("\nOnce the manifests of the project are in force, delete what they replace, in this order:\n")
		for i := 0; i < len(r.Replaced); {
			o := &r.Replaced[i]
			fmt.Fprintf(&b, "  kubectl delete %s -n %s", strings.ToLower(o.Kind), o.Namespace)
			for ; i < len(r.Replaced) && r.Replaced[i].Kind == o.Kind && r.Replaced[i].Namespace == o.Namespace; i++ {
				b.WriteString(" " + r.Replaced[i].Name)
			}
			b.WriteByte('\n')
		}
	}
	return b.Bytes()
}

// approximations reports what was not said exactly.
func (m *importing) approximations(b *bytes.Buffer, r *importer.Result, around *project.Project) {
	title := "narrower intents, so that nothing passes that did not pass before"
	if m.widen {
		title = "wider intents, so that everything passes that passed before"
	}
	first := true
	for i := range r.Objects {
		for _, reason := range r.Objects[i].Approximated {
			if first {
				fmt.Fprintf(b, "\nThese became %s:\n", title)
				first = false
			}
			fmt.Fprintf(b, "  %s (%s): %s\n", r.Objects[i].ID(), placeOf(&r.Objects[i], around), reason)
		}
	}
	if len(r.Changes) > 0 {
		b.WriteString("\nWhat that changes:\n")
	}
	for _, c := range r.Changes {
		fmt.Fprintf(b, "  %s\n", c)
	}
}

func placeOf(o *importer.Object, around *project.Project) string {
	return fmt.Sprintf("%s:%d", around.Shown(o.At.File.Name), o.At.StartPosition().Line)
}

// importJSON is the report for programs.
func importJSON(r *importer.Result, around *project.Project) ([]byte, error) {
	type unsaid struct {
		Object  string `json:"object"`
		Place   string `json:"place"`
		Outcome string `json:"outcome"`
		Reason  string `json:"reason"`
	}
	type approximation struct {
		Object  string   `json:"object"`
		Place   string   `json:"place"`
		Reasons []string `json:"reasons"`
	}
	type file struct {
		Path string `json:"path"`
		Text string `json:"text"`
	}
	report := struct {
		Schema   string   `json:"schema"`
		Objects  int      `json:"objects"`
		Said     int      `json:"said"`
		Accepted int      `json:"accepted"`
		Refused  int      `json:"refused"`
		Unsaid   []unsaid `json:"unsaid"`

		Approximated []approximation `json:"approximated"`
		Changes      []string        `json:"changes"`

		Delete []string `json:"delete"`
		Files  []file   `json:"files"`
	}{
		Schema:  "meshc.dev/import/v1",
		Objects: len(r.Objects), Said: r.Count(importer.Said), Accepted: r.Count(importer.Accepted), Refused: r.Count(importer.Refused),
		Unsaid: []unsaid{}, Approximated: []approximation{}, Changes: append([]string{}, r.Changes...), Delete: []string{}, Files: []file{},
	}
	for i := range r.Objects {
		o := &r.Objects[i]
		place := diag.PrintableLine(placeOf(o, around))
		if o.Outcome != importer.Said {
			report.Unsaid = append(report.Unsaid, unsaid{o.ID(), place, o.Outcome.String(), o.Reason})
		}
		if len(o.Approximated) > 0 {
			report.Approximated = append(report.Approximated, approximation{o.ID(), place, o.Approximated})
		}
	}
	for i := range r.Replaced {
		report.Delete = append(report.Delete, r.Replaced[i].ID())
	}
	for _, f := range r.Files {
		report.Files = append(report.Files, file{f.Name, f.Text})
	}
	return answerJSON(report)
}
