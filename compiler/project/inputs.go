package project

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/config"
	"github.com/meshc/meshc/compiler/inventory"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// ErrNoIntents is the error about a path without intents.
var ErrNoIntents = errors.New("no intents here")

// ErrNotIntents is the error about a file that was named as intents and is something else.
var ErrNotIntents = errors.New("not a file of intents")

// Input is a file of intents.
type Input struct {
	Name string // as findings print it
	Text []byte
}

// Intents reads the intents for an environment, sorted by name: the files that the `sources` globs match, without those
// of other environments. If there are paths, it reads the files among them, whatever their names, and of the folders
// the files that the globs match.
func (p *Project) Intents(environment string, stdin io.Reader) ([]Input, error) {
	common, err := p.match(p.Config.Sources)
	if err != nil {
		return nil, err
	}
	for name, e := range p.Config.Environments {
		only, err := p.match(e.Sources)
		if err != nil {
			return nil, err
		}
		for path := range only {
			if name != environment {
				delete(common, path)
			}
		}
	}
	if e := p.Config.Environments[environment]; e != nil {
		own, err := p.match(e.Sources)
		if err != nil {
			return nil, err
		}
		for path := range own {
			common[path] = true
		}
	}
	return p.intents(common, stdin)
}

// AllIntents reads the intents of all environments.
func (p *Project) AllIntents(stdin io.Reader) ([]Input, error) {
	globs := slices.Clone(p.Config.Sources)
	for _, e := range p.Config.Environments {
		globs = append(globs, e.Sources...)
	}
	all, err := p.match(globs)
	if err != nil {
		return nil, err
	}
	return p.intents(all, stdin)
}

// intents reads the part of the matched files that the paths of the project name.
func (p *Project) intents(matched map[string]bool, stdin io.Reader) ([]Input, error) {
	chosen := map[string]bool{}
	var files []Input
	paths := p.paths
	if len(paths) == 0 {
		paths = []string{p.Root}
	}
	for _, path := range paths {
		if path == Stdin {
			text, err := ReadStdin(stdin)
			if err != nil {
				return nil, err
			}
			files = append(files, Input{Name: StdinName, Text: text})
			continue
		}
		info, err := os.Stat(path)
		if err != nil {
			return nil, named(path, err)
		}
		absolute := p.Absolute(path)
		if !info.IsDir() {
			if ending := strings.ToLower(filepath.Ext(path)); ending == ".yaml" || ending == ".yml" || ending == ".json" {
				return nil, fmt.Errorf("%s: %w; workload manifests are named with --workloads", p.Shown(p.Name(absolute)), ErrNotIntents)
			}
			chosen[absolute] = true
			continue
		}
		below := matched
		if !inside(p.Root, absolute) {
			found, err := p.glob(absolute, "**/*.mesh")
			if err != nil {
				return nil, err
			}
			below = set(found)
		}
		found := false
		for file := range below {
			if inside(absolute, file) {
				chosen[file], found = true, true
			}
		}
		if !found {
			return nil, fmt.Errorf("%s: %w, %s", p.Shown(p.Name(absolute)), ErrNoIntents, nothing(p.Config.Sources))
		}
	}
	for _, path := range keys(chosen) {
		text, err := p.read(path)
		if err != nil {
			return nil, err
		}
		files = append(files, Input{Name: p.Name(path), Text: text})
	}
	slices.SortFunc(files, func(a, b Input) int { return strings.Compare(a.Name, b.Name) })
	return files, nil
}

// nothing is the message that globs match no file.
func nothing(globs []string) string {
	const most = 5
	switch n := len(globs); {
	case n == 0:
		return "`sources` in meshc.yaml is empty"
	case n > most:
		return fmt.Sprintf("nothing matches %s, or %d more globs", strings.Join(globs[:most], ", "), n-most)
	}
	return "nothing matches " + strings.Join(globs, ", ")
}

// match returns the files of the project that any of the globs matches.
func (p *Project) match(globs []string) (map[string]bool, error) {
	all := map[string]bool{}
	for _, g := range globs {
		found, err := p.glob(p.Root, g)
		if err != nil {
			return nil, err
		}
		for _, path := range found {
			if inside(p.Root, path) {
				all[path] = true
			}
		}
	}
	return all, nil
}

// manifests matches the names of workload manifests.
const manifests = "**/*.{yaml,yml,json}"

// Workloads reads the workload manifests that patterns name: files, folders, globs, or `-` for standard input, relative
// to the current folder. Without patterns it reads those of meshc.yaml, relative to it. In both cases a file, or the
// stream `-`, has the namespace that meshc.yaml gives it. A pattern that matches nothing is an error, or a finding if
// it is from meshc.yaml: without manifests, most checks would pass.
func (p *Project) Workloads(patterns []string, stdin io.Reader) ([]inventory.Input, diag.List, error) {
	r := workloadReader{Project: p, seen: map[string]bool{}, namespaces: map[string]string{}}
	var findings diag.List
	matched := make([][]string, len(p.Config.Workloads))
	for i, w := range p.Config.Workloads {
		if w.Path == Stdin {
			r.place(Stdin, w.Namespace)
			continue
		}
		paths, err := r.find(p.Root, w.Path)
		if err != nil {
			return nil, nil, err
		}
		matched[i] = paths
		for _, path := range paths {
			r.place(path, w.Namespace)
		}
		if len(paths) == 0 && len(patterns) == 0 {
			findings = append(findings, noManifest(w))
		}
	}
	if len(patterns) == 0 {
		for i, w := range p.Config.Workloads {
			if err := r.read(matched[i], w.Path); err != nil {
				return nil, nil, err
			}
		}
	}
	for _, pattern := range patterns {
		if pattern == Stdin {
			text, err := ReadStdin(stdin)
			if err != nil {
				return nil, nil, err
			}
			r.inputs = append(r.inputs, inventory.Input{File: source.NewFile(StdinName, string(text)), Namespace: r.namespaces[Stdin]})
			continue
		}
		paths, err := r.find(p.wd, pattern)
		if err != nil {
			return nil, nil, err
		}
		if len(paths) == 0 {
			return nil, nil, named(pattern, errors.New("no manifest matches"))
		}
		if err := r.read(paths, ""); err != nil {
			return nil, nil, err
		}
	}
	return r.inputs, findings, nil
}

// noManifest is the finding about an entry of meshc.yaml that matches nothing.
func noManifest(w config.Workloads) diag.Diagnostic {
	var l diag.List
	l.Add(diag.InvalidSetting, w.At, "no workload manifest matches %s", w.Path).
		WithHelp("correct the path, or delete the entry: without manifests, most checks pass")
	return l[0]
}

type workloadReader struct {
	*Project
	inputs     []inventory.Input
	seen       map[string]bool
	namespaces map[string]string // by path, from the first entry of meshc.yaml that matches and states one
}

func (r *workloadReader) place(path, namespace string) {
	if r.namespaces[path] == "" {
		r.namespaces[path] = namespace
	}
}

// find returns the files that a pattern names.
func (r *workloadReader) find(folder, pattern string) ([]string, error) {
	top := filepath.FromSlash(pattern)
	if !filepath.IsAbs(top) {
		top = filepath.Join(folder, top)
	}
	switch info, err := os.Stat(top); {
	case err == nil && info.IsDir():
		return r.glob(top, manifests)
	case err == nil:
		return []string{top}, nil
	}
	return r.glob(folder, pattern)
}

// read reads files that have not been read yet and that a path of meshc.yaml names, if it does.
func (r *workloadReader) read(paths []string, entry string) error {
	for _, path := range paths {
		if r.seen[path] || filepath.Base(path) == ConfigName {
			continue
		}
		r.seen[path] = true
		text, err := r.Project.read(path)
		if err != nil {
			return err
		}
		r.inputs = append(r.inputs, inventory.Input{File: source.NewFile(r.Name(path), string(text)), Namespace: r.namespaces[path], Entry: entry})
	}
	return nil
}

func set(paths []string) map[string]bool {
	s := make(map[string]bool, len(paths))
	for _, p := range paths {
		s[p] = true
	}
	return s
}

func keys(s map[string]bool) []string {
	all := make([]string, 0, len(s))
	for p := range s {
		all = append(all, p)
	}
	slices.Sort(all)
	return all
}
