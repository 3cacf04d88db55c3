package targets

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// File is one file of a delivery.
type File struct {
	Path string // slash-separated, relative to where the delivery goes
	Data []byte
}

// Sort brings manifests into the order of an apply: wave, namespace, kind, name; within a namespace that of the files.
func Sort(ms []Manifest) { slices.SortFunc(ms, compare) }

func compare(a, b Manifest) int {
	if a.Wave != b.Wave {
		return cmp.Compare(a.Wave, b.Wave)
	}
	if c := strings.Compare(a.Namespace, b.Namespace); c != 0 {
		return c
	}
	if c := strings.Compare(a.Kind, b.Kind); c != 0 {
		return c
	}
	n := min(len(a.Name), len(b.Name))
	if c := strings.Compare(a.Name[:n], b.Name[:n]); c != 0 {
		return c
	}
	return strings.Compare(a.Name[n:]+extension, b.Name[n:]+extension) // db-ingress-2.yaml stands before db-ingress.yaml
}

func sorted(ms []Manifest) []Manifest {
	if slices.IsSortedFunc(ms, compare) {
		return ms
	}
	ms = slices.Clone(ms)
	Sort(ms)
	return ms
}

// Stream is all manifests as one YAML stream in the order of an apply, `---` between them.
func Stream(ms []Manifest) []byte {
	size := 0
	for i := range ms {
		size += len(ms[i].YAML) + len("---\n")
	}
	out := make([]byte, 0, size)
	for i, m := range sorted(ms) {
		if i > 0 {
			out = append(out, "---\n"...)
		}
		out = append(out, m.YAML...)
	}
	return out
}

const extension = ".yaml"

// Layout is all manifests as files, sorted by path: one object a file in a folder for each namespace, a
// kustomization.yaml in each folder and one above them, and the lock that names and digests them all.
//
// A file is called NAMESPACE/NN-kind-name.yaml. NN is the wave, so that files sort as they are applied.
// A Namespace object lies in the folder of the namespace that it makes.
func Layout(ms []Manifest, environment string) []File {
	var files []File
	byFolder := map[string][]string{}
	var folders []string // by the first wave in them, then by name
	for _, m := range sorted(ms) {
		folder := m.Namespace
		if m.Kind == "Namespace" {
			folder = m.Name
		}
		name := fmt.Sprintf("%02d-%s-%s"+extension, m.Wave, strings.ToLower(m.Kind), m.Name)
		if byFolder[folder] == nil {
			folders = append(folders, folder)
		}
		byFolder[folder] = append(byFolder[folder], name)
		files = append(files, File{folder + "/" + name, m.YAML})
	}
	for _, folder := range folders {
		files = append(files, File{folder + "/" + KustomizationName, kustomization(folderNote, byFolder[folder])})
	}
	files = append(files, File{KustomizationName, kustomization(rootNote, folders)})
	slices.SortFunc(files, func(a, b File) int { return cmp.Compare(a.Path, b.Path) })
	lock := File{LockName, NewLock(environment, files).Text()}
	at, _ := slices.BinarySearchFunc(files, lock, func(a, b File) int { return cmp.Compare(a.Path, b.Path) })
	return slices.Insert(files, at, lock)
}

const (
	folderNote = `# Written by meshc. The order is that of an apply.
`
	// kustomize compares every object with every other: 1,000 take it seconds, 10,000 minutes.
	rootNote = `# Written by meshc. For small meshes: kustomize takes seconds for 1,000 objects and minutes for 10,000.
# In a large mesh point one Argo CD Application or Flux Kustomization at each folder instead. The order then holds within
# a folder only. Apply that of the root namespace last: its mode is to find the modes that differ from it in place.
`
)

// kustomization lists resources in the order given. Only the topmost sortOptions of a build counts, so every
// kustomization has it.
func kustomization(note string, resources []string) []byte {
	out := []byte(note + "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n")
	if len(resources) == 0 {
		out = append(out, "resources: []\n"...)
	} else {
		out = append(out, "resources:\n"...)
		for _, r := range resources {
			out = append(appendString(append(out, "- "...), r, 2), '\n')
		}
	}
	return append(out, "sortOptions:\n  order: fifo\n"...)
}
