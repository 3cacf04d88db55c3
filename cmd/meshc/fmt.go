package main

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/meshc/meshc/compiler/project"
	"github.com/meshc/meshc/lang"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/format"
	"github.com/meshc/meshc/targets/textdiff"
)

func newFmt() *cobra.Command {
	var f formatter
	cmd := &cobra.Command{
		Use:   "fmt [PATH...]",
		Short: "Format intents",
		Long: `Format intents. There is one style, with nothing to configure. Without a flag the result goes to standard output. A file
with syntax errors is reported and left unchanged.`,
		Example: `  meshc fmt -w
  meshc fmt --check
  meshc fmt - < shop.mesh`,
		RunE: onProject(f.run),
	}
	registerPath(cmd, new(string))
	cmd.Flags().BoolVarP(&f.write, "write", "w", false, "rewrite the files in place")
	cmd.Flags().BoolVar(&f.check, "check", false, "list the files that would change, and exit with 1 if there are any")
	cmd.Flags().BoolVarP(&f.diff, "diff", "d", false, "print the changes instead, and exit with 1 if there are any")
	cmd.MarkFlagsMutuallyExclusive("write", "check")
	cmd.MarkFlagsMutuallyExclusive("write", "diff")
	return cmd
}

type formatter struct {
	write, check, diff bool
}

func (f *formatter) run(cmd *cobra.Command, paths []string) error {
	if err := stdinOnce(paths); err != nil {
		return err
	}
	if f.write && slices.Contains(paths, project.Stdin) {
		return usageError("-w changes files, and standard input is not a file")
	}
	report := reporter{format: "text"}
	p, findings, err := project.Open(paths)
	if err != nil {
		return err
	}
	if findings.HasErrors() {
		if err := report.write(cmd.ErrOrStderr(), findings, p.Shown); err != nil {
			return err
		}
		return errFindings
	}
	files, err := p.AllIntents(cmd.InOrStdin())
	if err != nil {
		return err
	}

	findings = nil
	different := false
	for _, in := range files {
		file, syntax := lang.Parse(in.Name, in.Text)
		if syntax.HasErrors() {
			findings = append(findings, syntax...)
			continue
		}
		text, err := format.Format(file)
		if err != nil {
			return fmt.Errorf("%s: %w", p.Shown(in.Name), err)
		}
		changed := !bytes.Equal(in.Text, text)
		different = different || changed
		if err := f.file(cmd, p, in.Name, in.Text, text, changed); err != nil {
			return err
		}
	}
	if err := report.write(cmd.ErrOrStderr(), findings.Sort(), p.Shown); err != nil {
		return err
	}
	if findings.HasErrors() {
		say(cmd, "%s\n", counts(diag.List(findings)))
	}
	if findings.HasErrors() || different && (f.check || f.diff) {
		return errFindings
	}
	return nil
}

// file writes, lists or prints one file, as the flags say.
func (f *formatter) file(cmd *cobra.Command, p *project.Project, name string, before, after []byte, changed bool) error {
	shown := p.Shown(name)
	if !f.write && !f.check && !f.diff {
		return writeExact(cmd, after)
	}
	if !changed {
		return nil
	}
	if f.check {
		if err := writeOut(cmd, []byte(shown+"\n")); err != nil {
			return err
		}
	}
	if f.diff {
		if err := writeAnswer(cmd, "text", textdiff.Unified(shown, shown, before, after)); err != nil {
			return err
		}
	}
	if f.write {
		if err := replaceFile(p.Path(name), after); err != nil {
			return fmt.Errorf("%s: %w", shown, cause(err))
		}
	}
	return nil
}
