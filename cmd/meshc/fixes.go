package main

import (
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/targets/textdiff"
)

// maxRounds bounds how often fixes are applied. Fixes that overlap wait for the next round.
const maxRounds = 10

// fixes is the fixes of findings that were applied to the texts of files, of which none has been written.
type fixes struct {
	count int
	files map[string]fixedFile // by path
}

type fixedFile struct{ shown, before, after string }

// fixAll applies the fixes of a project's findings until there are none. It returns the project that results.
func (c *check) fixAll(cmd *cobra.Command, paths []string, stdin func() io.Reader, result *compiled) (*compiled, fixes, error) {
	all := fixes{files: map[string]fixedFile{}}
	c.unsaved = map[string]string{}
	for range maxRounds {
		applied := 0
		found := result.Findings
		if c.unsafe {
			found = trusted(found)
		}
		for _, f := range diag.ApplyFixes(found) {
			path := result.project.Path(f.File.Name)
			if path == "" {
				continue // manifests from standard input
			}
			file, changed := all.files[path]
			if !changed {
				file = fixedFile{shown: result.project.Shown(f.File.Name), before: f.File.Text}
			}
			file.after = f.Text
			all.files[path], c.unsaved[path] = file, f.Text
			applied += f.Fixes
		}
		if applied == 0 {
			break
		}
		all.count += applied
		var err error
		if result, err = c.compile(cmd, paths, stdin()); err != nil {
			return nil, all, err
		}
	}
	return result, all, nil
}

// trusted is findings whose first fix counts as safe where no other does.
func trusted(l diag.List) diag.List {
	l = slices.Clone(l)
	for i, d := range l {
		if len(d.Fixes) > 0 && !slices.ContainsFunc(d.Fixes, func(f diag.Fix) bool { return f.Safe }) {
			first := d.Fixes[0]
			first.Safe = true
			l[i].Fixes = []diag.Fix{first}
		}
	}
	return l
}

// write writes the files.
func (f *fixes) write() error {
	for _, path := range slices.Sorted(maps.Keys(f.files)) {
		if err := replaceFile(path, []byte(f.files[path].after)); err != nil {
			return fmt.Errorf("%s: %w", f.files[path].shown, cause(err))
		}
	}
	return nil
}

// preview prints how the files would change.
func (c *check) preview(cmd *cobra.Command, f fixes) error {
	for _, path := range slices.Sorted(maps.Keys(f.files)) {
		file := f.files[path]
		if err := writeAnswer(cmd, "text", textdiff.Unified(file.shown, file.shown, []byte(file.before), []byte(file.after))); err != nil {
			return err
		}
	}
	say(cmd, "%s would be fixed in %s\n", plural(f.count, "finding"), plural(len(f.files), "file"))
	if f.count > 0 {
		return errFindings
	}
	return nil
}
