package compiler

import (
	"maps"
	"slices"
)

// Texts returns the files that a Snapshot was read from, by their names in the project.
func (s *Snapshot) Texts() map[string]string {
	all := map[string]string{}
	if s.File != nil {
		all[s.File.Name] = s.File.Text
	}
	if s.Parsed == nil {
		return all
	}
	for _, f := range s.Parsed.Files {
		all[f.Name] = string(f.Text)
	}
	for _, w := range s.Parsed.Workloads {
		all[w.File.Name] = w.File.Text
	}
	for _, f := range s.Parsed.Accepted {
		all[f.Name] = f.Text
	}
	return all
}

// Changed returns the names of the files that two Snapshots of a project do not both have with the same text, sorted.
func (s *Snapshot) Changed(since *Snapshot) []string {
	was, is := since.Texts(), s.Texts()
	for name, text := range was {
		if now, there := is[name]; there && now == text {
			delete(is, name)
		} else {
			is[name] = ""
		}
	}
	return slices.Sorted(maps.Keys(is))
}
