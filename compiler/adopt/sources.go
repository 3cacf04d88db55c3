package adopt

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/inventory"
	"github.com/meshc/meshc/compiler/placement"
	"github.com/meshc/meshc/lang/diag"
)

// Sources is which files of a folder are the workload manifests of a project.
type Sources struct {
	Paths     []Path // of folders and files, sorted: what `workloads` of meshc.yaml has to name
	Set       *inventory.Set
	Left      diag.List // an error in each file of manifests that is left out
	Templates []string  // files that have to be rendered before they can be read

	Kustomized []string // folders of kustomizations that change manifests before they are applied
	Several    []string // files without a namespace that kustomizations put into several
	Moved      []string // files that name another namespace than the one in which they are applied
}

// Path is a folder or a file, and the namespace of what has none of its own in it; empty if that is not known.
type Path struct{ Name, Namespace string }

// Choose chooses the workload manifests among the YAML and JSON files of a folder, of which the path is given. Names
// are relative to it, and unread are those of files without a text. It names a folder where everything in and below it
// can be read, and else the files. It leaves out a file that cannot be read or has another manifest for an object of a
// file before it, and patches.
func Choose(folder string, files []inventory.Input, unread []string, where *placement.Placement) Sources {
	files = slices.SortedFunc(slices.Values(files), func(a, b inventory.Input) int { return cmp.Compare(a.File.Name, b.File.Name) })
	s := Sources{}
	at := func(name string) string { return path.Join(folder, name) }
	namespace := func(name string) string {
		if all, _ := where.Namespaces(at(name)); len(all) == 1 {
			return all[0]
		}
		return "" // not known
	}
	c := chooser{names: unread, read: map[string]bool{}, relevant: map[string]bool{}, namespace: namespace}
	var kept []inventory.Input
	for _, f := range files {
		namespaces, moves := where.Namespaces(at(f.File.Name))
		f.Namespace = namespace(f.File.Name)
		s.Kustomized = append(s.Kustomized, where.Changed(placement.Manifests{Path: at(f.File.Name), File: f.File})...)
		set, found := inventory.Read([]inventory.Input{f})
		c.names = append(c.names, f.File.Name)
		switch {
		case where.IsPatch(at(f.File.Name)):
		case has(found, diag.SkippedTemplate):
			s.Templates = append(s.Templates, f.File.Name)
		case moves && slices.ContainsFunc(set.Workloads, func(w *inventory.Workload) bool { return w.Namespace != f.Namespace && !w.Unplaced }):
			s.Kustomized = append(s.Kustomized, where.Kustomized(at(f.File.Name))...)
			s.Moved = append(s.Moved, f.File.Name+" ("+strings.Join(namespaces, ", ")+")")
		case !found.HasErrors():
			kept = append(kept, f)
			c.read[f.File.Name], c.relevant[f.File.Name] = true, !has(found, diag.NothingRead)
			if len(namespaces) > 1 && has(found, diag.NoNamespace) {
				s.Several = append(s.Several, f.File.Name+" ("+strings.Join(namespaces, ", ")+")")
			}
		case strings.Contains(f.File.Text, "apiVersion"):
			s.Left = append(s.Left, firstOfEach(found)...)
		}
	}
	slices.Sort(s.Kustomized)
	s.Kustomized = slices.Compact(s.Kustomized)
	for {
		set, found := inventory.Read(kept)
		if s.Set = set; !found.HasErrors() {
			break
		}
		found = firstOfEach(found)
		s.Left = append(s.Left, found...)
		for _, d := range found {
			c.read[d.Primary.File.Name] = false
		}
		kept = slices.DeleteFunc(kept, func(f inventory.Input) bool { return !c.read[f.File.Name] })
	}
	s.Paths = c.paths("", slices.Sorted(slices.Values(c.names)))
	return s
}

func has(found diag.List, code diag.Code) bool {
	return slices.ContainsFunc(found, func(d diag.Diagnostic) bool { return d.Code == code })
}

// firstOfEach returns the first error of each file.
func firstOfEach(found diag.List) (first diag.List) {
	seen := map[string]bool{}
	for _, d := range found {
		if name := d.Primary.File.Name; d.Severity == diag.Error && !seen[name] {
			seen[name] = true
			first = append(first, d)
		}
	}
	return first
}

// chooser knows what is in files, by name.
type chooser struct {
	names     []string
	read      map[string]bool
	relevant  map[string]bool
	namespace func(file string) string
}

// paths returns the fewest folders and files below a folder that have all of its manifests and nothing that cannot be
// read. All of a folder is in one namespace. The empty folder, which holds the project itself, is never one of them.
func (c *chooser) paths(folder string, below []string) (paths []Path) {
	first := slices.IndexFunc(below, func(name string) bool { return c.read[name] && c.relevant[name] })
	if first < 0 {
		return nil
	}
	namespace := c.namespace(below[first])
	if folder != "" && !slices.ContainsFunc(below, func(name string) bool {
		return !c.read[name] || c.relevant[name] && c.namespace(name) != namespace
	}) {
		return []Path{{folder, namespace}}
	}
	for i := 0; i < len(below); {
		rest := strings.TrimPrefix(below[i][len(folder):], "/")
		first, _, deeper := strings.Cut(rest, "/")
		child, end := path.Join(folder, first), i+1
		if !deeper {
			if c.read[child] && c.relevant[child] {
				paths = append(paths, Path{child, c.namespace(child)})
			}
			i = end
			continue
		}
		for end < len(below) && strings.HasPrefix(below[end], child+"/") {
			end++
		}
		paths = append(paths, c.paths(child, below[i:end])...)
		i = end
	}
	return paths
}
