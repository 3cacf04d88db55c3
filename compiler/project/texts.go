package project

import (
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/meshc/meshc/compiler/config"
	"github.com/meshc/meshc/compiler/inventory"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// Texts returns the intents and the workload manifests of a project that is not on disk: its files are texts, by their
// names. Which of them are read, and with which namespaces, meshc.yaml says as it does on disk; it has no environment.
func Texts(c config.Project, texts map[string]string) (intents []Input, workloads []inventory.Input, findings diag.List) {
	names := slices.Sorted(maps.Keys(texts))
	for _, name := range names {
		in := func(globs []string) bool {
			return slices.ContainsFunc(globs, func(glob string) bool { return matchesName(glob, name) })
		}
		elsewhere := false
		for _, e := range c.Environments {
			elsewhere = elsewhere || in(e.Sources)
		}
		if in(c.Sources) && !elsewhere {
			intents = append(intents, Input{Name: name, Text: []byte(texts[name])})
		}
	}
	read := map[string]bool{ConfigName: true}
	for _, w := range c.Workloads {
		folder := path.Clean(w.Path) + "/"
		found := false
		for _, name := range names {
			rest, below := strings.CutPrefix("./"+name, "./"+strings.TrimPrefix(folder, "./"))
			if name+"/" != folder && !matchesName(w.Path, name) && !(below && matchesName(manifests, rest)) {
				continue
			}
			found = true
			if !read[name] {
				read[name] = true
				workloads = append(workloads, inventory.Input{File: source.NewFile(name, texts[name]), Namespace: w.Namespace})
			}
		}
		if !found && w.Path != Stdin {
			findings = append(findings, noManifest(w))
		}
	}
	return intents, workloads, findings
}

// matchesName reports whether glob would find a file of the root of a project.
func matchesName(glob, name string) bool {
	if slices.ContainsFunc(strings.Split(path.Dir(name), "/"), func(folder string) bool {
		return folder == ".git" || strings.HasPrefix(folder, "..")
	}) {
		return false
	}
	matches, err := doublestar.Match(path.Clean(glob), name)
	return err == nil && matches
}
