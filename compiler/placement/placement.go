// Package placement knows in which namespaces a cluster has manifests, where something else than their files says it:
// kustomizations, Applications of Argo CD and Kustomizations of Flux.
//
// It reads these as files, and renders nothing. What they do to manifests beyond a namespace is a finding.
package placement

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/meshc/meshc/compiler/bearing"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/compiler/yamldoc"
	"github.com/meshc/meshc/lang/source"
)

// Source is a file that may say where manifests are applied.
type Source struct {
	Path       string // absolute and slash-separated
	Repository string // the folder around it that paths of Argo CD and Flux are relative to
	File       *source.File
}

// Placement is what some files say.
type Placement struct {
	disk           Disk
	kustomizations map[string]*kustomization // by folder
	applied        map[string][]Place        // by folder: those of Argo CD and Flux
	patches        map[string]bool           // files that change manifests, and are none
	within         map[string][]Place        // by file, for those that kustomizations use
	changes        map[string][]*change      // likewise
}

// Place is a namespace in which something applies manifests.
type Place struct {
	Namespace string      // empty: that is not said
	Moves     bool        // those that name another namespace get there, too
	applier   source.Span // the Application or Kustomization of Flux; zero without one
	folder    string      // of the outermost kustomization; empty without one
}

// Disk is where the files are that sources name.
type Disk interface {
	Open(path string) *source.File // nil where there is none
	IsFolder(path string) bool
	Folders(top, pattern string) []string // below a folder, relative to it
}

// Read takes together what files say.
func Read(sources []Source, disk Disk) *Placement {
	p := &Placement{disk: disk, kustomizations: map[string]*kustomization{}, applied: map[string][]Place{}, patches: map[string]bool{}, within: map[string][]Place{}, changes: map[string][]*change{}}
	sources = slices.SortedFunc(slices.Values(sources), func(a, b Source) int { return cmp.Compare(a.Path, b.Path) })
	for i, s := range sources {
		if i > 0 && s.Path == sources[i-1].Path {
			continue
		}
		for d := range yamldoc.Split(s.File) {
			if d.Parse() != nil || d.Root == nil {
				continue
			}
			if bearing.IsKustomization(path.Base(s.Path)) && !strings.HasPrefix(yamldoc.Scalar(d.Root, "apiVersion"), flux) {
				p.kustomizations[path.Dir(s.Path)] = p.kustomize(s, d)
			} else {
				p.apply(s, d)
			}
		}
	}
	p.follow()
	return p
}

// Of is the places of a file, sorted by namespace; none if nothing applies it.
func (p *Placement) Of(file string) []Place {
	if within := p.within[file]; within != nil {
		return within
	}
	if p.kustomizations[path.Dir(file)] != nil { // it names what it uses
		return nil
	}
	return p.around(path.Dir(file))
}

// Namespaces is those in which a file is applied, sorted, and whether manifests get there whatever they name.
func (p *Placement) Namespaces(file string) (all []string, moves bool) {
	for _, at := range p.Of(file) {
		if at.Namespace != "" {
			all = append(all, at.Namespace)
			moves = moves || at.Moves
		}
	}
	return slices.Compact(all), moves
}

// Applied is a namespace in which something applies manifests.
type Applied struct {
	Namespace string
	By        string // the folder of the kustomization, or else the file of what applies it
}

// Applied is what applies a file in which namespace, sorted by namespace. Of several for one namespace it has the
// first.
func (p *Placement) Applied(file string) (all []Applied) {
	for _, at := range p.Of(file) {
		if at.Namespace == "" || len(all) > 0 && all[len(all)-1].Namespace == at.Namespace {
			continue
		}
		by := ""
		if k := p.kustomizations[at.folder]; k != nil {
			by = k.shown
		} else if !at.applier.IsZero() {
			by = at.applier.File.Name
		}
		all = append(all, Applied{at.Namespace, by})
	}
	return all
}

// IsPatch reports whether a kustomization takes a file for a change of other manifests.
func (p *Placement) IsPatch(file string) bool { return p.patches[file] }

const flux = "kustomize.toolkit.fluxcd.io/"

// apply reads an Application of Argo CD or a Kustomization of Flux: which folder it applies in which namespace.
// https://argo-cd.readthedocs.io/en/stable/user-guide/kustomize/
// https://fluxcd.io/flux/components/kustomize/kustomizations/#target-namespace
func (p *Placement) apply(s Source, d *yamldoc.Document) {
	version, spec := yamldoc.Scalar(d.Root, "apiVersion"), yamldoc.Get(d.Root, "spec")
	into := func(folder string, at Place) {
		if folder != "" && policy.IsLabel(at.Namespace) { // a variable is not known here
			at.applier = d.Start()
			folder = p.resolved(s, folder)
			p.applied[folder] = append(p.applied[folder], at)
		}
	}
	switch kind := yamldoc.Scalar(d.Root, "kind"); {
	case strings.HasPrefix(version, "argoproj.io/") && kind == "ApplicationSet":
		for _, ps := range p.generated(s.Repository, yamldoc.Get(spec, "generators")) {
			application(yamldoc.Get(spec, "template", "spec"), ps.filled, into)
		}
	case strings.HasPrefix(version, "argoproj.io/") && kind == "Application":
		application(spec, func(text string) string { return text }, into)
	case strings.HasPrefix(version, flux) && kind == "Kustomization":
		into(yamldoc.Scalar(spec, "path"), Place{Namespace: yamldoc.Scalar(spec, "targetNamespace"), Moves: true})
	}
}

// application is where an Application gets folders, of which filled fills in the parameters.
func application(spec *yaml.Node, filled func(string) string, into func(folder string, at Place)) {
	all := []*yaml.Node{yamldoc.Get(spec, "source")}
	if sources := yamldoc.Get(spec, "sources"); sources != nil {
		all = append(all, sources.Content...)
	}
	for _, from := range all {
		at := Place{Namespace: filled(yamldoc.Scalar(yamldoc.Get(from, "kustomize"), "namespace")), Moves: true}
		if at.Namespace == "" {
			at = Place{Namespace: filled(yamldoc.Scalar(yamldoc.Get(spec, "destination"), "namespace"))}
		}
		into(filled(yamldoc.Scalar(from, "path")), at)
	}
}

// resolved is a folder that an object names: in its repository, or else in the outermost folder that has it, as in a
// copy of another repository.
func (p *Placement) resolved(s Source, folder string) string {
	inRepository := path.Join(s.Repository, folder)
	if p.disk.IsFolder(inRepository) {
		return inRepository
	}
	found := inRepository
	for at := path.Dir(s.Path); at != s.Repository && at != path.Dir(at); at = path.Dir(at) {
		if p.disk.IsFolder(path.Join(at, folder)) {
			found = path.Join(at, folder)
		}
	}
	return found
}

// around is the places of the nearest folder that something applies, up to one whose kustomization says what is.
func (p *Placement) around(folder string) []Place {
	for {
		if all := p.applied[folder]; all != nil {
			return places(all)
		}
		above := path.Dir(folder)
		if above == folder || p.kustomizations[above] != nil && p.kustomizations[folder] == nil {
			return nil
		}
		folder = above
	}
}

// places sorts places, and drops what another one says, too.
func places(all []Place) []Place {
	all = slices.SortedFunc(slices.Values(all), func(a, b Place) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), a.applier.Compare(b.applier), cmp.Compare(a.folder, b.folder))
	})
	return slices.Compact(all)
}
