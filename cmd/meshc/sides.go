package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/meshc/meshc/cmd/meshc/internal/project"
	"github.com/meshc/meshc/cmd/meshc/internal/unified"
	"github.com/meshc/meshc/compiler/config"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
	"github.com/meshc/meshc/targets"
	"github.com/meshc/meshc/targets/gitops"
	"github.com/meshc/meshc/targets/istio/eval"
	"github.com/meshc/meshc/targets/istio/reach"
)

// side is one of two things that are compared: manifests, with the policy that they come from where it is known.
type side struct {
	name    string // as it was asked for
	files   []targets.File
	policy  *policy.Policy
	model   *reach.Model // as it was proved; policies in a dry run count as enforced
	project *project.Project
	errors  string // what keeps it from being compared, in words; empty where nothing does
}

// difference is how two sides differ.
type difference struct {
	*reach.Diff
	dryRun   bool // Istio only logs what the policies would deny, on both sides
	findings diag.List
	yaml     []byte
	changed  int // files
}

// comparison reads what is compared.
type comparison struct {
	inputs
	cmd *cobra.Command
}

// projectSide compiles a project. Of one that is past only the errors are shown.
func (c *comparison) projectSide(name string, paths []string, stdin io.Reader, current bool) (*side, error) {
	made, err := c.compile(c.cmd, paths, stdin)
	if err != nil {
		return nil, err
	}
	if current || made.findings.HasErrors() {
		if err := c.write(c.cmd.ErrOrStderr(), made.findings, made.project.Shown); err != nil {
			return nil, err
		}
	}
	if made.findings.HasErrors() {
		fmt.Fprintf(c.cmd.ErrOrStderr(), "%s has %s; nothing was compared\n", name, counts(made.findings))
		return nil, errFindings
	}
	return made.side(name, c.environment), nil
}

// side is what was compiled, as it is delivered.
func (c *compiled) side(name, environment string) *side {
	return &side{name: name, files: targets.Layout(c.manifests, environment), policy: c.policy, model: c.model, project: c.project}
}

// anySide is a project or a folder or file of manifests, whatever a path leads to.
func (c *comparison) anySide(path string, stdin io.Reader, current bool) (*side, error) {
	is, err := holdsManifests(path)
	if err != nil {
		return nil, err
	}
	if !is {
		return c.projectSide(filepath.ToSlash(path), []string{path}, stdin, current)
	}
	files, err := readManifests(path)
	if err != nil {
		return nil, err
	}
	return &side{name: filepath.ToSlash(path), files: files}, nil
}

// holdsManifests tells a folder of manifests from a project. What meshc wrote has a lock, a project has intents.
func holdsManifests(path string) (bool, error) {
	if path == project.Stdin {
		return false, nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return false, fmt.Errorf("%s: %w", filepath.ToSlash(path), cause(err))
	}
	if !info.IsDir() {
		return targets.ManifestName(path), nil
	}
	there := func(name string) bool {
		_, err := os.Stat(filepath.Join(path, name))
		return err == nil
	}
	switch {
	case there(targets.LockName):
		return true, nil
	case there(project.ConfigName):
		return false, nil
	}
	intents, manifests := false, false
	err = filepath.WalkDir(path, func(at string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && e.Name() == ".git":
			return fs.SkipDir
		case strings.HasSuffix(at, ".mesh"):
			intents = true
			return fs.SkipAll
		}
		manifests = manifests || targets.ManifestName(at)
		return nil
	})
	if err != nil {
		return false, fmt.Errorf("%s: %w", filepath.ToSlash(path), cause(err))
	}
	return manifests && !intents, nil
}

func readManifests(path string) ([]targets.File, error) {
	var files []targets.File
	err := filepath.WalkDir(path, func(at string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && e.Name() == ".git":
			return fs.SkipDir
		case !e.Type().IsRegular() && at != path, e.IsDir(), !targets.ManifestName(at):
			return nil
		}
		if info, err := os.Stat(at); err == nil && info.Size() > eval.MaxFile {
			return fmt.Errorf("%s: is larger than any file of manifests that meshc reads", filepath.ToSlash(at))
		}
		text, err := os.ReadFile(at)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(path, at)
		if err != nil || rel == "." {
			rel = filepath.Base(at)
		}
		files = append(files, targets.File{Path: filepath.ToSlash(rel), Data: text})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.ToSlash(path), cause(err))
	}
	return files, nil
}

// revisionSide compiles a project as it was at a revision of its repository. What it is made of is brought into a
// folder of its own for that. Where there was no project, or not this environment, nothing is what it was; one with
// errors is told by the side's errors.
func (c *comparison) revisionSide(revision string, paths []string, stdin io.Reader) (*side, error) {
	now, _, err := project.Open(paths)
	if err != nil {
		return nil, err
	}
	real := func(path string) string {
		if resolved, err := filepath.EvalSymlinks(path); err == nil {
			return resolved
		}
		return path
	}
	root := real(now.Root)
	folder := root
	if slices.ContainsFunc(now.Config.Workloads, func(w config.Workloads) bool { return strings.HasPrefix(path.Clean(w.Path), "..") }) {
		if folder, err = gitops.Root(root); err != nil {
			return nil, delivered(err)
		}
	}
	snapshot, err := gitops.At(folder, revision, func(name string) bool { return targets.ManifestName(name) || strings.HasSuffix(name, ".mesh") })
	if err != nil {
		return nil, delivered(err)
	}
	temporary, err := os.MkdirTemp("", "meshc-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(temporary)
	temporary = real(temporary)
	// A border: a meshc.yaml above is none of this project's.
	if err := os.Mkdir(filepath.Join(temporary, ".git"), 0o700); err != nil {
		return nil, err
	}
	for _, f := range snapshot.Files {
		at := filepath.Join(temporary, filepath.FromSlash(f.Path))
		if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
			return nil, err
		}
		if err := os.WriteFile(at, f.Data, 0o600); err != nil {
			return nil, err
		}
	}
	moved := paths
	if len(paths) == 0 {
		moved = []string{root}
	}
	was := []string{}
	for _, p := range moved {
		absolute, err := filepath.Abs(p)
		if err != nil {
			return nil, err
		}
		rel, err := filepath.Rel(snapshot.Root, real(absolute))
		if err != nil {
			return nil, err
		}
		at := filepath.Join(temporary, rel)
		if _, err := os.Stat(at); err == nil {
			was = append(was, at)
		}
	}
	nothing := func(format string, args ...any) (*side, error) {
		fmt.Fprintf(c.cmd.ErrOrStderr(), "%s has %s: all of this is new\n", revision, fmt.Sprintf(format, args...))
		return &side{name: revision}, nil
	}
	if len(was) == 0 {
		return nothing("no such project")
	}
	if p, findings, err := project.Open(was); err == nil && !findings.HasErrors() && c.environment != "" && p.Config.Environments[c.environment] == nil {
		return nothing("no environment %s", c.environment)
	}
	name := func(p *project.Project, file string) string {
		if rel, err := filepath.Rel(temporary, p.Path(file)); err == nil && p.Path(file) != "" {
			return revision + ":" + filepath.ToSlash(rel)
		}
		return file
	}
	made, err := c.compile(c.cmd, was, stdin)
	switch {
	case errors.Is(err, project.ErrNoIntents):
		return nothing("no such project")
	case err != nil && strings.Contains(err.Error(), temporary):
		return nil, errors.New(strings.ReplaceAll(err.Error(), temporary, revision))
	case err != nil:
		return nil, err
	case made.findings.HasErrors():
		if err := c.write(c.cmd.ErrOrStderr(), made.findings, func(file string) string { return name(made.project, file) }); err != nil {
			return nil, err
		}
		return &side{name: revision, errors: revision + " has " + counts(made.findings)}, nil
	}
	return made.side(revision, c.environment), nil
}

// compare finds out how what passes differs between two sides.
func compare(before, after *side) (*difference, error) {
	d := &difference{}
	mesh := eval.Mesh{}
	for _, s := range []*side{before, after} {
		if s.policy != nil {
			mesh = reach.Mesh(s.policy)
		}
	}
	// A policy in a dry run lets everything through. Where there are no others, what it would do is compared.
	mesh.Shadow = false
	var read [2]*eval.Manifests
	d.dryRun = true
	some := false
	judge := func() {
		d.findings = nil
		for i, s := range []*side{before, after} {
			if s.model != nil && (mesh.Shadow || !s.policy.DryRun) {
				read[i] = s.model.Manifests
				continue
			}
			var found diag.List
			read[i], found = eval.Read(s.sources(), mesh)
			if s.policy == nil {
				d.findings = append(d.findings, found...)
			}
		}
	}
	judge()
	for _, m := range read {
		for _, p := range m.Policies {
			if p.Kind == "AuthorizationPolicy" {
				d.dryRun = d.dryRun && p.DryRun
				some = some || p.DryRun
			}
		}
	}
	if d.dryRun = d.dryRun && some; d.dryRun {
		mesh.Shadow = true
		judge()
	}
	var err error
	was, is := models(before, after, read, mesh)
	if d.Diff, err = reach.Compare(was, is); err != nil {
		return nil, err
	}
	d.yaml, d.changed = yamlDiff(before.files, after.files)
	if a, b := unjudged(before.files, after.files); len(a)+len(b) > 0 {
		d.Objects(reach.ReadObjects(a), reach.ReadObjects(b), before.policy, after.policy)
	}
	return d, nil
}

// models knows the services of both sides by the same names: of manifests without a project those that a project on the
// other side names, else those that either side is about.
func models(before, after *side, read [2]*eval.Manifests, mesh eval.Mesh) (was, is *reach.Model) {
	policies := [2]*policy.Policy{before.policy, after.policy}
	if before.policy == nil && after.policy == nil {
		both := eval.Manifests{Policies: slices.Concat(read[0].Policies, read[1].Policies)}
		policies[0], _ = reach.Named(&both, mesh, nil)
		policies[1] = policies[0]
	}
	for i, p := range policies {
		if p == nil {
			var known []*policy.Service
			for _, m := range policies[1-i].Meshes {
				known = append(known, m.Services...)
			}
			policies[i], _ = reach.Named(read[i], mesh, known)
		}
	}
	return reach.New(policies[0], read[0]), reach.New(policies[1], read[1])
}

func (s *side) sources() []*source.File {
	files := make([]*source.File, 0, len(s.files))
	for _, f := range s.files {
		if holdsObjects(f.Path) {
			files = append(files, source.NewFile(f.Path, string(f.Data)))
		}
	}
	return files
}

func holdsObjects(name string) bool {
	return targets.ManifestName(name) && path.Base(name) != targets.KustomizationName
}

// unjudged is the files of both sides that objects of other kinds are compared by: those that differ, and where calls
// out of the mesh may be among that, all that say something of them.
func unjudged(before, after []targets.File) (a, b []*source.File) {
	differ := map[string]bool{}
	outward := false
	says := func(text []byte) bool {
		return bytes.Contains(text, []byte("Sidecar")) || bytes.Contains(text, []byte("ServiceEntry"))
	}
	eachChange(before, after, func(path string, old, now []byte) {
		differ[path] = true
		outward = outward || says(old) || says(now)
	})
	read := func(files []targets.File) (all []*source.File) {
		for _, f := range files {
			if holdsObjects(f.Path) && (differ[f.Path] || outward && says(f.Data)) {
				all = append(all, source.NewFile(f.Path, string(f.Data)))
			}
		}
		return all
	}
	return read(before), read(after)
}

// yamlDiff is the unified diff of all files but the lock, which is digests, and how many of them differ.
func yamlDiff(before, after []targets.File) ([]byte, int) {
	var out []byte
	n := 0
	eachChange(before, after, func(path string, old, now []byte) {
		from, to := "a/"+path, "b/"+path
		if old == nil {
			from = unified.Missing
		}
		if now == nil {
			to = unified.Missing
		}
		out = append(out, unified.Diff(from, to, old, now)...)
		n++
	})
	return out, n
}

// eachChange visits files that differ, sorted by path; nil for a side that has none.
func eachChange(before, after []targets.File, visit func(path string, old, now []byte)) {
	old := make(map[string][]byte, len(before))
	now := make(map[string][]byte, len(after))
	var paths []string
	for _, f := range before {
		old[f.Path] = f.Data
		paths = append(paths, f.Path)
	}
	for _, f := range after {
		now[f.Path] = f.Data
		if _, both := old[f.Path]; !both {
			paths = append(paths, f.Path)
		}
	}
	slices.Sort(paths)
	for _, p := range paths {
		a, was := old[p]
		b, is := now[p]
		if path.Base(p) == targets.LockName || was && is && string(a) == string(b) {
			continue
		}
		if was && a == nil {
			a = []byte{}
		}
		if is && b == nil {
			b = []byte{}
		}
		visit(p, a, b)
	}
}

// delivered gives an error of delivery the exit code of files and streams, and says the way out.
func delivered(err error) error {
	var e *gitops.Error
	if !errors.As(err, &e) {
		return err
	}
	text := e.Error()
	if e.Help != "" {
		text += "\n  help: " + e.Help
	}
	return &failure{exitIO, errors.New(text)}
}
