package main

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
)

// starter is the project that init writes.
//
//go:embed all:starter
var starter embed.FS

func newInit() *cobra.Command {
	return &cobra.Command{
		Use:   "init [DIR]",
		Short: "Write a small project that builds at once",
		Long: `Write a small project that builds at once: the intents of a shop, the workload manifests that they are checked
against, and meshc.yaml. DIR is the current folder by default. No file is ever overwritten.`,
		Args: cobra.MaximumNArgs(1),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveFilterDirs
		},
		RunE: verb(func(cmd *cobra.Command, args []string) error {
			dir := "."
			if len(args) > 0 {
				dir = args[0]
			}
			files, err := starterFiles()
			if err != nil {
				return err
			}
			for _, name := range files {
				path := filepath.Join(dir, filepath.FromSlash(name))
				switch _, err := os.Lstat(path); {
				case err == nil:
					return fmt.Errorf("%s already exists, so nothing was written; name another folder: meshc init DIR", filepath.ToSlash(path))
				case !errors.Is(err, fs.ErrNotExist):
					return fmt.Errorf("%s: %w", filepath.ToSlash(path), cause(err))
				}
			}
			var out bytes.Buffer
			for _, name := range files {
				path := filepath.Join(dir, filepath.FromSlash(name))
				if err := writeStarter(name, path); err != nil {
					return fmt.Errorf("%s: %w", filepath.ToSlash(path), cause(err))
				}
				fmt.Fprintf(&out, "wrote %s\n", filepath.ToSlash(path))
			}
			fmt.Fprint(&out, nextSteps(dir))
			return writeOut(cmd, out.Bytes())
		}),
	}
}

func nextSteps(dir string) string {
	at, mesh := "", "mesh"
	if filepath.Clean(dir) != "." {
		at = " " + filepath.ToSlash(dir)
		mesh = filepath.ToSlash(filepath.Join(dir, mesh))
	}
	var b strings.Builder
	b.WriteString("\nNext:\n")
	column := len("meshc build" + at + " -o " + mesh)
	for _, step := range [][2]string{
		{"meshc build" + at, "prints the manifests of the mesh"},
		{"meshc build" + at + " -o " + mesh, "writes them into a folder, for kubectl apply -k, Argo CD or Flux"},
		{"meshc check" + at, "checks the intents, also against the manifests in k8s/"},
	} {
		fmt.Fprintf(&b, "  %-*s  %s\n", column, step[0], step[1])
	}
	b.WriteString("Then write the edges of your own project into shop.mesh, and put its manifests into k8s/.\n")
	return b.String()
}

// starterFiles is the slash-separated names of the files of the starter.
func starterFiles() ([]string, error) {
	var names []string
	err := fs.WalkDir(starter, "starter", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			names = append(names, path[len("starter/"):])
		}
		return err
	})
	return names, err
}

func writeStarter(name, path string) error {
	text, err := starter.ReadFile("starter/" + name)
	if err != nil {
		return err
	}
	return writeNew(path, text)
}

// writeNew writes a file that does not exist yet.
func writeNew(path string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	// O_EXCL: the file may have been written since it was looked for.
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	if _, err := f.Write(text); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}
