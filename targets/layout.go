package targets

import (
	"bytes"
	"cmp"
	"io"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// File is one file of a delivery.
type File struct {
	Path string // slash-separated, relative to the destination
	Data []byte
}

// Sorted returns all manifests of some lists in the order in which they are applied: by wave, namespace, kind and name.
// Within a namespace this is also the order of the file names.
func Sorted(lists ...[]Manifest) []Manifest {
	order := ordered(lists...)
	all := make([]Manifest, len(order))
	for i, m := range order {
		all[i] = *m
	}
	return all
}

func ordered(lists ...[]Manifest) []*Manifest {
	n := 0
	waves := map[int][]*Manifest{} // in each, most lists are sorted already
	for _, ms := range lists {
		n += len(ms)
		for i := range ms {
			waves[ms[i].Wave] = append(waves[ms[i].Wave], &ms[i])
		}
	}
	order := make([]*Manifest, 0, n)
	for _, wave := range slices.Sorted(maps.Keys(waves)) {
		slices.SortFunc(waves[wave], compareInWave)
		order = append(order, waves[wave]...)
	}
	return order
}

func compareInWave(a, b *Manifest) int {
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
	return strings.Compare(a.Name[n:]+extension, b.Name[n:]+extension) // db-ingress-2.yaml precedes db-ingress.yaml
}

// Stream returns the manifests as one YAML stream, sorted and separated by `---`.
func Stream(ms []Manifest) []byte {
	var out bytes.Buffer
	_ = WriteStream(&out, ms) // a buffer takes everything
	return out.Bytes()
}

const separator = "---\n"

// WriteStream writes the same.
func WriteStream(w io.Writer, ms []Manifest) error {
	for i, m := range ordered(ms) {
		if i > 0 {
			if _, err := io.WriteString(w, separator); err != nil {
				return err
			}
		}
		if _, err := io.WriteString(w, m.YAML); err != nil {
			return err
		}
	}
	return nil
}

const extension = ".yaml"

// Windows has no folders of these names, whatever the namespaces of a cluster are called. No namespace ends in the
// mark.
// https://learn.microsoft.com/windows/win32/fileio/naming-a-file
var reserved = regexp.MustCompile(`^(con|prn|aux|nul|com[0-9]|lpt[0-9])$`)

const reservedMark = "_"

// Layout returns the files of a delivery, sorted by path: a folder for each namespace with one object per file, a
// kustomization.yaml in each folder and one in the root, and the lock with the digests of all of them. Where several
// targets made the manifests, each has a folder with its namespaces.
//
// A file is named NAMESPACE/NN-kind-name.yaml, where NN is the wave: files sort in the order in which they are applied.
// A Namespace object is in the folder of the namespace that it creates, and others without a namespace are in
// `cluster_`. The folder of a namespace whose name Windows reserves ends in an underscore.
func Layout(ms []Manifest, environment string) []File {
	objects := make([]File, 0, len(ms)+len(ms)/2)
	for i := range ms {
		objects = append(objects, File{ms[i].Path(), []byte(ms[i].YAML)})
	}
	return arrange(objects, environment)
}

// Path is where the object is in a delivery.
func (m *Manifest) Path() string {
	folder := m.Namespace
	switch {
	case m.Kind == "Namespace":
		folder = m.Name
	case folder == "":
		folder = "cluster" + reservedMark
	}
	if len(folder) <= len("com1") && reserved.MatchString(folder) {
		folder += reservedMark
	}
	if m.Folder != "" {
		folder = path.Join(m.Folder, folder)
	}
	wave := strconv.Itoa(m.Wave)
	if len(wave) < 2 {
		wave = "0" + wave
	}
	return folder + "/" + wave + "-" + strings.ToLower(m.Kind) + "-" + m.Name + extension
}

// arrange adds to the files of objects those that list them.
func arrange(files []File, environment string) []File {
	byPath := func(a, b File) int { return cmp.Compare(a.Path, b.Path) }
	slices.SortFunc(files, byPath)
	within := map[string]*listed{".": {}}
	for _, f := range files {
		folder := path.Dir(f.Path)
		if within[folder] == nil {
			enter(within, folder)
		}
		within[folder].files = append(within[folder].files, path.Base(f.Path))
	}
	for _, folder := range slices.Sorted(maps.Keys(within)) {
		in, note := within[folder], folderNote
		if len(in.folders) > 0 || folder == "." {
			note = rootNote
		}
		slices.SortFunc(in.folders, func(a, b string) int {
			return cmp.Or(cmp.Compare(within[path.Join(folder, a)].wave(), within[path.Join(folder, b)].wave()), cmp.Compare(a, b))
		})
		files = append(files, File{path.Join(folder, KustomizationName), kustomization(note, slices.Concat(in.files, in.folders))})
	}
	slices.SortFunc(files, byPath)
	lock := File{LockName, NewLock(environment, files).Text()}
	at, _ := slices.BinarySearchFunc(files, lock, byPath)
	return slices.Insert(files, at, lock)
}

// listed is what a kustomization.yaml lists.
type listed struct{ files, folders []string }

// wave returns the first wave of a folder's objects as its files have it. It is the same for all folders without any.
func (l *listed) wave() string {
	if len(l.files) == 0 {
		return ""
	}
	return l.files[0][:2]
}

// enter adds a folder, and those above it that are new.
func enter(within map[string]*listed, folder string) {
	within[folder] = &listed{}
	above := path.Dir(folder)
	if within[above] == nil {
		enter(within, above)
	}
	within[above].folders = append(within[above].folders, path.Base(folder))
}

const (
	folderNote = `# Written by meshc. The order is that of an apply.
`
	// kustomize compares every object with every other.
	rootNote = `# Written by meshc. For small meshes: kustomize takes seconds for 1,000 objects and minutes for 10,000.
# In a large mesh point one Argo CD Application or Flux Kustomization at each folder instead. The order then holds within
# a folder only. Apply that of the root namespace last: its mode is to find the modes that differ from it in place.
`
)

// kustomization returns a kustomization.yaml that lists resources in the given order. kustomize reads sortOptions only
// in the root of a build, which may be any folder, so every file has them.
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
