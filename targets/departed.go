package targets

import (
	"bytes"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// Departed returns a warning for each mesh of which a delivery keeps no file.
func Departed(old, kept []File) diag.List {
	var findings diag.List
	departed(old, kept, func(mesh string, files []File) {
		var objects []string
		for _, f := range files {
			_, object, _ := strings.Cut(strings.TrimSuffix(path.Base(f.Path), extension), "-") // after the wave
			objects = append(objects, object)
		}
		verb := "is"
		if len(objects) > 1 {
			verb = "are"
		}
		findings.Add(diag.DepartedMesh, source.Span{}, "the mesh %s leaves: %s %s removed, and nothing closes its namespace any more", mesh, strings.Join(objects, ", "), verb).
			WithHelp("to keep the namespace closed, keep `mesh %s` with its mode", mesh)
	})
	return findings
}

// KeepNamespace is the sync option of Argo CD by which a Namespace outlives the Application that applied it.
const KeepNamespace = "Delete=false"

// LostNamespaces returns the meshes of which a delivery keeps no file, and whose Namespace was published without
// KeepNamespace. Where each folder has an Application of its own, that Application would take the namespace along, and
// what runs in it.
func LostNamespaces(old, kept []File) (meshes []string) {
	departed(old, kept, func(mesh string, files []File) {
		if slices.ContainsFunc(files, func(f File) bool {
			return bytes.Contains(f.Data, []byte("\nkind: Namespace\n")) && !bytes.Contains(f.Data, []byte(KeepNamespace))
		}) {
			meshes = append(meshes, mesh)
		}
	})
	return meshes
}

// departed calls visit for each mesh of which old has objects and kept has none, with the objects in old.
func departed(old, kept []File, visit func(mesh string, files []File)) {
	stays := map[string]bool{}
	for _, f := range kept {
		if o, ok := named(f); ok {
			stays[o.Folder] = true
		}
	}
	gone := map[string][]File{}
	for _, f := range old {
		if o, ok := named(f); ok && !stays[o.Folder] {
			gone[o.Folder] = append(gone[o.Folder], f)
		}
	}
	for _, folder := range slices.Sorted(maps.Keys(gone)) {
		visit(strings.TrimSuffix(folder, reservedMark), gone[folder])
	}
}
