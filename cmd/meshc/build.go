package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/meshc/meshc/compiler/project"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/targets"
	"github.com/meshc/meshc/targets/folder"
	"github.com/meshc/meshc/targets/textdiff"
)

const toStdout = "-"

func newBuild() *cobra.Command {
	var b build
	cmd := &cobra.Command{
		Use:   "build [PATH...]",
		Short: "Compile intents into manifests",
		Long: `Compile intents into manifests: one stream on standard output, in the order of apply, or a folder.

A folder gets one file per object, a kustomization.yaml per namespace, and .meshc.lock, which lists the files that meshc
wrote. Only those are ever replaced or removed, all of them or none. Findings go to standard error, warnings as one line per
code; meshc check and --all print them in full.`,
		Example: `  meshc build                          # the project around the current folder, to standard output
  meshc build -o mesh --env prod       # into the folder mesh
  meshc build -o mesh --check          # in CI: is the folder up to date?
  helm template shop charts/shop | meshc build shop.mesh --workloads -`,
		RunE: onProject(b.run),
	}
	b.registerProject(cmd)
	b.findings.register(cmd)
	cmd.Flags().StringVarP(&b.output, "output", "o", toStdout, "folder to write the manifests to, or - for standard output")
	cmd.Flags().BoolVar(&b.compare, "check", false, "write nothing; print how the folder differs, and exit with 1 if it does")
	cmd.Flags().BoolVar(&b.overwrite, "overwrite", false, "replace generated files even if they were changed by hand")
	cmd.Flags().BoolVar(&b.withNamespaces, "with-namespaces", false, "also write Namespace objects with the labels of their data plane, and waypoints")
	cmd.MarkFlagDirname("output")
	return cmd
}

type build struct {
	inputs
	findings           reporter
	output             string
	compare, overwrite bool
}

func (b *build) run(cmd *cobra.Command, paths []string) error {
	switch {
	case b.compare && b.output == toStdout:
		return usageError("--check needs a folder to compare with: name it with -o DIR")
	case b.compare && b.overwrite:
		return usageError("--check writes nothing, so it cannot be combined with --overwrite")
	case b.overwrite && b.output == toStdout:
		return usageError("--overwrite needs a folder: name it with -o DIR")
	}
	if b.output != toStdout {
		if err := project.StaysInRepository(b.output); err != nil {
			return fmt.Errorf("%s: %w", filepath.ToSlash(b.output), err)
		}
	}
	b.findings.lister = b.checkCommand(paths)
	c, err := b.compile(cmd, paths, cmd.InOrStdin())
	if err != nil {
		return err
	}
	if c.Findings.HasErrors() {
		return b.conclude(cmd, c, "")
	}
	c.Findings = append(c.Findings, c.IgnoredDryRun().Apply(c.project.Config.Warnings)...)
	if c.Findings.HasErrors() {
		return b.conclude(cmd, c, "")
	}
	if b.output == toStdout {
		out := bufio.NewWriterSize(cmd.OutOrStdout(), 64<<10)
		err := targets.WriteStream(out, c.Manifests)
		if err == nil {
			err = out.Flush()
		}
		if err != nil {
			return written(err)
		}
		return b.conclude(cmd, c, "")
	}

	files := c.Build.Files(b.environment)
	c.Findings = append(c.Findings, append(c.missingNamespaces(), unlisted(b.output, files).Apply(c.project.Config.Warnings)...)...)
	if c.Findings.HasErrors() {
		return b.conclude(cmd, c, "")
	}
	if b.compare {
		changes, err := folder.Compare(b.output, files)
		if err != nil {
			return b.refused(cmd, c, err)
		}
		if err := writeAnswer(cmd, "text", b.diff(changes.Differences)); err != nil {
			return err
		}
		if changes.None() {
			return b.conclude(cmd, c, b.output+" is up to date")
		}
		if err := b.conclude(cmd, c, fmt.Sprintf("%s differs in %s", b.output, plural(len(changes.Written)+len(changes.Removed), "file"))); err != nil {
			return err
		}
		return errFindings
	}
	changes, err := folder.Replace(b.output, files, folder.Options{Overwrite: b.overwrite})
	if err != nil {
		return b.refused(cmd, c, err)
	}
	c.Findings = append(c.Findings, targets.Departed(removed(changes), files).Apply(c.project.Config.Warnings)...)
	result := b.output + " is up to date"
	if !changes.None() {
		result = fmt.Sprintf("%s: %s written, %d removed", b.output, plural(len(changes.Written), "file"), len(changes.Removed))
	}
	return b.conclude(cmd, c, result)
}

// removed returns the files that were removed from a folder.
func removed(changes folder.Changes) (files []targets.File) {
	for _, d := range changes.Differences {
		if d.After == nil {
			files = append(files, targets.File{Path: d.Path, Data: d.Before})
		}
	}
	return files
}

// unlisted finds manifests of others in a folder that is about to get its first kustomization.yaml.
func unlisted(dir string, files []targets.File) diag.List {
	wanted, fresh := map[string]bool{}, map[string]bool{} // fresh: the folders with a new kustomization.yaml
	for _, f := range files {
		at := filepath.Join(dir, filepath.FromSlash(f.Path))
		wanted[at] = true
		if _, err := os.Stat(at); err != nil && filepath.Base(at) == targets.KustomizationName {
			fresh[filepath.Dir(at)] = true
		}
	}
	var names []string
	for folder := range fresh {
		filepath.WalkDir(folder, func(path string, e fs.DirEntry, err error) error {
			switch {
			case err != nil: // reported where it matters
			case e.IsDir() && (path != folder && fresh[path] || e.Name() == ".git"):
				return fs.SkipDir // its own turn comes
			case e.Type().IsRegular() && !wanted[path] && targets.ManifestName(path):
				if text, err := head(path); err == nil && targets.IsManifest(path, text) {
					names = append(names, filepath.ToSlash(path))
				}
			}
			return nil
		})
	}
	slices.Sort(names)
	return targets.Unlisted(diag.OmittedManifest, names)
}

// head reads the start of a file, which may be a dump of any size.
func head(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, targets.HeadSize))
}

// conclude writes the findings and a summary to standard error. The error is errFindings where there are errors.
func (b *build) conclude(cmd *cobra.Command, c *compiled, result string) error {
	if err := b.findings.write(cmd.ErrOrStderr(), c.Findings, c.project.Shown); err != nil {
		return err
	}
	if !b.findings.machine() {
		text := plural(len(c.Manifests), "manifest") + ", " + counts(c.Findings)
		switch {
		case c.Findings.HasErrors():
			text = counts(c.Findings) + "; nothing was written"
		case result != "":
			text += "; " + result
		}
		say(cmd, "%s\n", text)
	}
	if c.Findings.HasErrors() {
		return errFindings
	}
	return nil
}

// refused writes the refusal to overwrite somebody's files as findings, with what would have been lost.
func (b *build) refused(cmd *cobra.Command, c *compiled, err error) error {
	var refusal *folder.Refusal
	if !errors.As(err, &refusal) {
		return err
	}
	// These findings name files from the current folder, the others from the project.
	if err := b.findings.write(cmd.ErrOrStderr(), append(renamed(c.Findings, c.project.Shown), refusal.Findings...), func(name string) string { return name }); err != nil {
		return err
	}
	if !b.findings.machine() {
		cmd.ErrOrStderr().Write(b.diff(refusal.Differences))
		fmt.Fprintf(cmd.ErrOrStderr(), "%s; nothing was written to %s\n", counts(append(c.Findings, refusal.Findings...)), b.output)
	}
	return errFindings
}

// diff is the unified diff of several files. The lock holds only digests, and is left out unless it alone differs.
func (b *build) diff(differences []folder.Difference) []byte {
	var out bytes.Buffer
	for _, d := range differences {
		if d.Path == targets.LockName && len(differences) > 1 {
			continue
		}
		name := filepath.ToSlash(filepath.Join(b.output, filepath.FromSlash(d.Path)))
		out.Write(textdiff.Unified(name, name, d.Before, d.After))
	}
	return out.Bytes()
}
