package main

import (
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/meshc/meshc/compiler/analysis/diff"
	"github.com/meshc/meshc/compiler/project"
	"github.com/meshc/meshc/targets/gitops"
)

// ownersOf returns the owners to ask about a change: those of the file that declares the callee, or else of the file of
// the statement, according to CODEOWNERS in the repository of the sources.
func ownersOf(p *project.Project) func(*diff.Change) []string {
	none := func(*diff.Change) []string { return nil }
	if p == nil {
		return none
	}
	root, err := gitops.Root(p.Root)
	if err != nil {
		return none
	}
	rules := readOwners(root)
	if len(rules) == 0 {
		return none
	}
	within := p.Root
	if real, err := filepath.EvalSymlinks(within); err == nil {
		within = real
	}
	return func(c *diff.Change) []string {
		at := c.At
		if c.Callee.Service != nil {
			at = c.Callee.Service.At
		}
		if at.IsZero() {
			return nil
		}
		name, err := filepath.Rel(root, filepath.Join(within, filepath.FromSlash(at.File.Name)))
		if err != nil {
			return nil
		}
		return rules.of(filepath.ToSlash(name))
	}
}

// ownerRules are the lines of a CODEOWNERS file; the last that matches counts.
// https://docs.github.com/repositories/managing-your-repositorys-settings-and-features/customizing-your-repository/about-code-owners
type ownerRules []ownerRule

type ownerRule struct {
	pattern string
	owners  []string
}

// maxOwners is the size up to which GitHub reads the file, in bytes.
const maxOwners = 3 << 20

// readOwners reads no file to which a symbolic link leads out of the repository.
func readOwners(repository string) ownerRules {
	root, err := os.OpenRoot(repository)
	if err != nil {
		return nil
	}
	defer root.Close()
	for _, dir := range []string{".github", ".", "docs", ".gitlab", ".gitea"} {
		name := path.Join(dir, "CODEOWNERS")
		if info, err := root.Stat(name); err != nil || !info.Mode().IsRegular() {
			continue
		}
		f, err := root.Open(name)
		if err != nil {
			continue
		}
		defer f.Close()
		if text, err := io.ReadAll(io.LimitReader(f, maxOwners)); err == nil {
			return parseOwners(string(text))
		}
	}
	return nil
}

func parseOwners(text string) ownerRules {
	var rules ownerRules
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		words := strings.Fields(line)
		if len(words) == 0 || strings.HasPrefix(words[0], "[") || strings.HasPrefix(words[0], "^[") {
			continue // GitLab's sections
		}
		rules = append(rules, ownerRule{words[0], words[1:]})
	}
	return rules
}

func (rules ownerRules) of(name string) []string {
	for _, r := range slices.Backward(rules) {
		if r.matches(name) {
			return r.owners
		}
	}
	return nil
}

// matches reads a pattern as .gitignore does: a pattern with a slash before its end starts at the root, others match at
// any depth, and a folder stands for everything in it. Only `docs/*` does not match deeper files.
func (r ownerRule) matches(name string) bool {
	pattern := strings.TrimPrefix(r.pattern, "/")
	if !strings.HasPrefix(r.pattern, "/") && !strings.Contains(strings.TrimSuffix(r.pattern, "/"), "/") {
		pattern = "**/" + pattern
	}
	if !strings.HasSuffix(pattern, "/") {
		if ok, err := doublestar.Match(pattern, name); err != nil || ok {
			return ok
		}
		if path.Base(pattern) == "*" && pattern != "**/*" {
			return false
		}
	}
	ok, _ := doublestar.Match(strings.TrimSuffix(pattern, "/")+"/**", name)
	return ok && name != strings.TrimSuffix(pattern, "/")
}
