package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// newDocs is for packages: what comes with a release beside the binary.
func newDocs() *cobra.Command {
	return &cobra.Command{
		Use:    "docs DIR",
		Short:  "Write man pages and completions into a folder, for packages",
		Hidden: true,
		Args:   few(1, 1, "a folder"),
		RunE:   verb(func(cmd *cobra.Command, args []string) error { return writeDocs(cmd.Root(), args[0]) }),
	}
}

// writeDocs writes what cobra makes of the help. The pages have the date of SOURCE_DATE_EPOCH.
func writeDocs(root *cobra.Command, dir string) error {
	man := filepath.Join(dir, "man")
	if err := os.MkdirAll(man, 0o755); err != nil {
		return err
	}
	root.DisableAutoGenTag = true // it would say the date in words of its own
	if err := doc.GenManTree(root, &doc.GenManHeader{Title: "MESHC", Section: "1", Source: "meshc", Manual: "meshc manual"}, man); err != nil {
		return err
	}
	for name, generate := range map[string]func(*bytes.Buffer) error{
		"meshc.bash": func(b *bytes.Buffer) error { return root.GenBashCompletionV2(b, true) },
		"meshc.zsh":  func(b *bytes.Buffer) error { return root.GenZshCompletion(b) },
		"meshc.fish": func(b *bytes.Buffer) error { return root.GenFishCompletion(b, true) },
		"meshc.ps1":  func(b *bytes.Buffer) error { return root.GenPowerShellCompletionWithDesc(b) },
	} {
		var b bytes.Buffer
		if err := generate(&b); err != nil {
			return err
		}
		path := filepath.Join(dir, "completions", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
			return fmt.Errorf("%s: %w", filepath.ToSlash(path), cause(err))
		}
	}
	return nil
}
