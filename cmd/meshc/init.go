package main

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/meshc/meshc/compiler/adopt"
	"github.com/meshc/meshc/compiler/config"
	"github.com/meshc/meshc/compiler/project"
)

// starter is the project that init writes where there are no manifests.
//
//go:embed all:starter
var starter embed.FS

func newInit() *cobra.Command {
	return &cobra.Command{
		Use:   "init [DIR]",
		Short: "Start a project, from existing workload manifests or with a small example",
		Long: `Start a project. If DIR has workload manifests, meshc init writes a meshc.yaml that names them, and a file of intents per
namespace that lists the services, without edges: nothing is closed yet. Manifests may be files, folders, the output of Helm
or Kustomize, or a dump of a cluster. Those without a namespace get that of the kustomization, the Argo CD Application or
the Flux Kustomization that applies them. In a folder without manifests it writes an example that builds at once: the
intents of a shop, its workload manifests and a meshc.yaml. DIR defaults to the current folder. No file is ever overwritten.`,
		Example: `  meshc init demo
  kubectl get ns,sa,svc,deploy,sts,ds,cronjob,job,pod -A -o yaml > mesh/cluster.yaml && meshc init mesh
  helm template charts/shop -n shop > mesh/shop.yaml && meshc init mesh`,
		Args: few(0, 1, "one folder, or none"),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveFilterDirs
		},
		RunE: verb(func(cmd *cobra.Command, args []string) error {
			dir := "."
			if len(args) > 0 {
				dir = args[0]
			}
			return initialize(cmd, dir)
		}),
	}
}

// initialize begins a project in a folder.
func initialize(cmd *cobra.Command, dir string) error {
	found, err := project.Look(dir)
	if err != nil {
		return err
	}
	if err := unstarted(dir, found); err != nil {
		return err
	}
	sources := adopt.Choose(found.Folder, found.Manifests, slices.Collect(maps.Keys(found.Unread)), found.Placement)
	files, next := []adopt.File(nil), ""
	switch {
	case len(sources.Set.Workloads) > 0:
		files, err = adopt.Intents(sources.Set, config.Default().RootNamespace)
		files = append(files, adopt.File{Name: project.ConfigName, Text: adopt.Settings(sources.Paths)})
		next = adoptedSteps(dir)
	case len(sources.Paths)+len(sources.Left)+len(sources.Templates)+len(sources.Moved) == 0:
		if below := projectBelow(dir); below != "" {
			return fmt.Errorf("%s is a project already, and there are no other manifests, so nothing was written; `meshc check %s` checks it, and `meshc init DIR` begins one in another folder",
				shownIn(dir, below), argument(shownIn(dir, below)))
		}
		files, err = starterFiles()
		next = starterSteps(dir)
	}
	if err != nil {
		return err
	}
	written, err := writeFiles(dir, files, ": meshc init DIR")
	if err != nil {
		return err
	}
	if err := writeOut(cmd, append(written, next...)); err != nil {
		return err
	}
	return unnamed(cmd, dir, sources, found.Unread)
}

// projectBelow is a folder below another one that has a project; empty if none has.
func projectBelow(dir string) (below string) {
	_ = filepath.WalkDir(dir, func(at string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return fs.SkipDir
		case e.IsDir() && at != dir && project.PassedOver(e.Name()):
			return fs.SkipDir
		case e.Name() == project.ConfigName && !e.IsDir():
			if rel, err := filepath.Rel(dir, filepath.Dir(at)); err == nil {
				below = filepath.ToSlash(rel)
			}
			return fs.SkipAll
		}
		return nil
	})
	return below
}

// unstarted refuses a folder that has a project, or a part of one.
func unstarted(dir string, found project.Found) error {
	at := folderArgument(dir)
	switch {
	case found.Settings:
		return fmt.Errorf("%s already exists, so nothing was written; `meshc check%s` checks the project, and `meshc init DIR` begins one in another folder",
			shownIn(dir, project.ConfigName), at)
	case len(found.Intents) > 0:
		text := fmt.Sprintf("%s already exists, so nothing was written", shownIn(dir, found.Intents[0]))
		if paths := adopt.Choose(found.Folder, found.Manifests, slices.Collect(maps.Keys(found.Unread)), found.Placement).Paths; len(paths) > 0 {
			text += "; to check the intents against the manifests: meshc check" + at
			for _, p := range paths {
				text += " --workloads " + argument(shownIn(dir, p.Name))
			}
			return errors.New(text)
		}
		return fmt.Errorf("%s; `meshc check%s` checks it, and `meshc init DIR` begins a project in another folder", text, at)
	}
	return nil
}

// starterFiles returns the files of the example.
func starterFiles() (files []adopt.File, err error) {
	err = fs.WalkDir(starter, "starter", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := starter.ReadFile(path)
		files = append(files, adopt.File{Name: path[len("starter/"):], Text: text})
		return err
	})
	return files, err
}

func starterSteps(dir string) string {
	at, mesh := folderArgument(dir), argument(shownIn(dir, "mesh"))
	return "\nNext:\n" + stepLines([][2]string{
		{"meshc build" + at, "prints the manifests of the mesh"},
		{"meshc build" + at + " -o " + mesh, "writes them into a folder, for kubectl apply -k, Argo CD or Flux"},
		{"meshc check" + at, "checks the intents, also against the manifests in k8s/"},
	}) + "Then write the edges of your own project into shop.mesh, and put its manifests into k8s/.\n"
}

// adoptedSteps says what to do with a project that was made of manifests.
func adoptedSteps(dir string) string {
	at, env, mesh := folderArgument(dir), " --env "+adopt.Environment, shownIn(dir, "mesh")
	if _, err := os.Lstat(mesh); err == nil {
		mesh = shownIn(dir, "build/mesh")
	}
	mesh = argument(mesh)
	return `
Nothing is closed yet. An edge closes the service that it leads to, to every call that no edge allows. Environment ` + adopt.Environment + `
of meshc.yaml is in dry-run: Istio logs such calls there, and denies none.

Next, write who calls whom below the services, such as ` + "`web -> api:8080`" + `. Then:
` + stepLines([][2]string{
		{"meshc check" + at, "checks the edges, also against the manifests"},
		{"meshc build" + at + env + " -o " + mesh, "writes what to apply: kubectl apply -k, Argo CD or Flux"},
		{"meshc migrate" + at + env, "plans the way from dry-run to enforced, and to STRICT"},
	})
}

// stepLines formats commands, each with what it does.
func stepLines(steps [][2]string) string {
	width := 0
	for _, s := range steps {
		width = max(width, len(s[0]))
	}
	var b strings.Builder
	for _, s := range steps {
		fmt.Fprintf(&b, "  %-*s  %s\n", width, s[0], s[1])
	}
	return b.String()
}

// unnamed reports the manifests that a project does not name. It fails if there are any that it should, or no project
// at all.
func unnamed(cmd *cobra.Command, dir string, s adopt.Sources, unread map[string]error) error {
	w := cmd.ErrOrStderr()
	if err := new(reporter).write(w, s.Left, func(name string) string { return shownIn(dir, name) }); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(unread)) {
		fmt.Fprintln(w, unread[name])
	}
	if n := len(s.Templates); n > 0 {
		fmt.Fprintf(w, "%s not rendered yet, such as %s: `helm template CHART > rendered.yaml`\n", plural(n, "template"), shownIn(dir, s.Templates[0]))
	}
	if n := len(s.Kustomized); n > 0 {
		fmt.Fprintf(w, "Kustomize changes manifests here before they are applied, such as their namespaces or labels: let `workloads` in meshc.yaml name\nwhat it renders, `kustomize build %s > rendered.yaml`\n", argument(shownIn(dir, s.Kustomized[n-1])))
	}
	if n := len(s.Several); n > 0 {
		fmt.Fprintf(w, "%s in several namespaces, such as %s: name one in meshc.yaml, workloads: [{path: …, namespace: NAME}]\n", plural(n, "file"), shownIn(dir, s.Several[0]))
	}
	if n := len(s.Moved); n > 0 {
		fmt.Fprintf(w, "%s left out, such as %s: its metadata.namespace is not the one in which it is applied\n", plural(n, "file"), shownIn(dir, s.Moved[0]))
	}
	if policies := handWritten(s); len(policies) > 0 && len(s.Set.Workloads) > 0 {
		where := shownIn(dir, policies[0])
		what := "policies are here already, in " + where
		if len(policies) > 1 {
			what, where = fmt.Sprintf("policies are here already, in %s such as %s", plural(len(policies), "file"), where), filepath.ToSlash(filepath.Clean(dir))
		}
		fmt.Fprintf(w, "%s: these intents do not state them, and `meshc import --manifests %s -o intents` makes\na project that does\n", what, argument(where))
	}
	left := len(s.Left) + len(unread)
	switch {
	case len(s.Set.Workloads) > 0 && left > 0:
		fmt.Fprintf(w, "%s left out of meshc.yaml\n", plural(left, "file"))
	case len(s.Set.Workloads) > 0 && len(s.Moved) > 0:
	case len(s.Set.Workloads) > 0 || len(s.Paths)+len(s.Left)+len(s.Templates)+len(s.Moved) == 0:
		return nil
	case len(s.Paths) > 0:
		fmt.Fprintf(w, "nothing was written: the manifests in %s have no workload; for an example, name another folder: meshc init DIR\n", shownIn(dir, s.Paths[0].Name))
	case len(s.Moved) > 0:
		fmt.Fprintln(w, "nothing was written; for an example, name another folder: meshc init DIR")
	default:
		fmt.Fprintln(w, "nothing was written: no manifest can be read; for an example, name another folder: meshc init DIR")
	}
	return errFindings
}

// handWritten is the files with policies of Istio that an import makes intents of, sorted.
func handWritten(s adopt.Sources) (names []string) {
	for _, b := range s.Set.Beside {
		switch b.Kind {
		case "AuthorizationPolicy", "PeerAuthentication", "RequestAuthentication":
			names = append(names, b.At.File.Name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// folderArgument is the argument that names a folder, after a blank; empty for the current one.
func folderArgument(dir string) string {
	if filepath.Clean(dir) == "." {
		return ""
	}
	return " " + argument(filepath.ToSlash(dir))
}

// shownIn returns a file of a folder as a user in the current folder would write it.
func shownIn(dir, name string) string {
	return filepath.ToSlash(filepath.Join(dir, filepath.FromSlash(name)))
}

// argument writes an argument of a command for a shell.
func argument(text string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("./_-+@%,:", r)
	}
	if strings.TrimFunc(text, plain) == "" {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
