package replace

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/meshc/meshc/compiler/bearing"
	"github.com/meshc/meshc/compiler/config"
	"github.com/meshc/meshc/compiler/yamldoc"
	"github.com/meshc/meshc/lang/source"
	"github.com/meshc/meshc/targets"
)

// group is the API group of what can be replaced.
const group = "security.istio.io"

// Removal is what becomes of the files of others.
type Removal struct {
	Files   []targets.File // those that change, with their new text; without Data, the file is removed
	Removed []targets.File // the manifests that are removed, by the path of the file that had them
	Objects []string       // what that is: KIND NAMESPACE/NAME in FILE
	Stays   []string       // what stays although it is replaced, and why
}

// place is where a manifest of an object is.
type place struct {
	file   *file
	doc    *yamldoc.Document
	object *yaml.Node
	inList bool
}

// file is a file of others.
type file struct {
	path string
	text *source.File
	cut  []place
	kept bool // it stays as it is
}

// From removes objects from files.
func From(files []targets.File, all []config.Replaced) Removal {
	var r Removal
	var others []*file
	var lists []*kustomization
	places := map[string][]place{}
	for _, f := range files {
		text := source.NewFile(f.Path, string(f.Data))
		if yamldoc.Text(text) != nil {
			continue
		}
		if bearing.IsKustomization(path.Base(f.Path)) {
			if k := readKustomization(text); k != nil {
				lists = append(lists, k)
			}
			continue
		}
		if !strings.Contains(text.Text, group) || strings.Contains(text.Text, "{{") { // of a template nothing is known
			continue
		}
		other := &file{path: f.Path, text: text}
		others = append(others, other)
		for doc := range yamldoc.Split(text) {
			if strings.Contains(doc.Text, group) && doc.Parse() == nil {
				other.objects(doc, doc.Root, false, places)
			}
		}
	}
	for i := range all {
		one := &all[i]
		found := places[one.ID()]
		switch {
		case len(found) == 0:
			r.unplaced(one, places)
		case len(found) > 1:
			r.stays(one, found[0].file.path, fmt.Sprintf("%s has it, too, and which of them is applied is not known", found[1].file.path))
		case Digest(found[0].object) != one.Digest:
			r.stays(one, found[0].file.path, "it is not as it was when it was imported")
		case found[0].inList:
			r.stays(one, found[0].file.path, "it is an item of a list")
		default:
			found[0].file.cut = append(found[0].file.cut, found[0])
		}
	}
	for _, f := range others {
		if len(f.cut) == 0 || f.rest() != "" {
			continue
		}
		for _, k := range lists {
			if why := k.needs(f); why != "" && !f.kept {
				f.kept = true
				for _, p := range f.cut {
					r.Stays = append(r.Stays, fmt.Sprintf("%s in %s stays: %s", p.id(), f.path, why))
				}
			}
		}
		if !f.kept {
			for _, k := range lists {
				k.drop(f)
			}
		}
	}
	for _, f := range others {
		if len(f.cut) > 0 && !f.kept {
			r.Files = append(r.Files, targets.File{Path: f.path, Data: data(f.rest())})
			r.Removed = append(r.Removed, targets.File{Path: f.path, Data: []byte(f.gone())})
			for _, p := range f.ordered() {
				r.Objects = append(r.Objects, p.id()+" in "+f.path)
			}
		}
	}
	for _, k := range lists {
		if text, changed := k.rest(); changed {
			r.Files = append(r.Files, targets.File{Path: k.text.Name, Data: []byte(text)})
		}
	}
	slices.SortFunc(r.Files, func(a, b targets.File) int { return cmp.Compare(a.Path, b.Path) })
	return r
}

func (r *Removal) stays(one *config.Replaced, in, why string) {
	r.Stays = append(r.Stays, fmt.Sprintf("%s in %s stays: %s", one.ID(), in, why))
}

// unplaced reports a manifest of what is replaced that names no namespace: something like an overlay gives it one, and
// others may use it, too.
func (r *Removal) unplaced(one *config.Replaced, places map[string][]place) {
	for _, p := range places[one.Kind+" default/"+one.Name] {
		if yamldoc.Scalar(p.object, "metadata", "namespace") == "" && Digest(p.object) == one.Digest {
			r.stays(one, p.file.path, "the file names no namespace, and what else may be applied with it is not known")
		}
	}
}

// data is a text, or nil for a file that is removed.
func data(text string) []byte {
	if text == "" {
		return nil
	}
	return []byte(text)
}

// objects notes the objects that a node is or has as items.
func (f *file) objects(doc *yamldoc.Document, n *yaml.Node, inList bool, places map[string][]place) {
	if items := yamldoc.Get(n, "items"); items != nil && items.Kind == yaml.SequenceNode {
		for _, item := range items.Content {
			f.objects(doc, yamldoc.Resolve(item), true, places)
		}
		return
	}
	version, _, _ := strings.Cut(yamldoc.Scalar(n, "apiVersion"), "/")
	if p := (place{f, doc, n, inList}); version == group {
		places[p.id()] = append(places[p.id()], p)
	}
}

func (p *place) id() string {
	namespace := cmp.Or(yamldoc.Scalar(p.object, "metadata", "namespace"), "default")
	return yamldoc.Scalar(p.object, "kind") + " " + namespace + "/" + yamldoc.Scalar(p.object, "metadata", "name")
}

// rest is the text of the file without what is cut from it; empty if no manifest is left.
func (f *file) rest() string {
	var b strings.Builder
	at := 0
	for _, p := range f.ordered() {
		b.WriteString(f.text.Text[at:p.doc.Offset()])
		at = p.doc.Offset() + len(p.doc.Text)
	}
	b.WriteString(f.text.Text[at:])
	for range yamldoc.Split(source.NewFile(f.path, b.String())) {
		return b.String()
	}
	return ""
}

// gone is what is cut from the file.
func (f *file) gone() string {
	var b strings.Builder
	for _, p := range f.ordered() {
		text := strings.TrimPrefix(p.doc.Text, "---")
		b.WriteString("---\n" + strings.TrimLeft(text, "\r\n"))
	}
	return b.String()
}

func (f *file) ordered() []place {
	return slices.SortedFunc(slices.Values(f.cut), func(a, b place) int { return cmp.Compare(a.doc.Offset(), b.doc.Offset()) })
}
