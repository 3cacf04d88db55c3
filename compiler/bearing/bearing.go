// Package bearing lists everything in Kubernetes' and Istio's objects that affects who reaches whom: kinds, labels,
// annotations and settings, each with its source. An entry is judged, or reported by a finding where it occurs, or has
// a reason why it does not matter. A test feeds the whole list to the commands, so nothing on it can be ignored
// silently.
package bearing

import (
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// Fact is a kind of object, a label or annotation, or a setting of the mesh. Exactly one of Judged, Named and Harmless
// is set.
type Fact struct {
	On       On
	Name     string         // GROUP/KIND, the group empty for Kubernetes' own; the key of a label, annotation or setting; GROUP/KIND PATH of a field
	Judged   string         // what judges it
	Named    string         // what it may change
	Opens    bool           // of one that is named: it may let through what policies deny, or change who a caller is
	Usual    string         // of a setting or field that is named: the value with which it changes nothing
	When     []string       // of a field that is named: the values with which it changes something; all, if there are none
	Like     *regexp.Regexp // of a field that is named: values with which it changes nothing
	Harmless string         // why it has no bearing
	Source   string         // URL
}

// On is what has a fact.
type On uint8

const (
	Workloads On = iota // a kind of object among the manifests of workloads
	Policies            // a kind of object among policies
	Both                // among either
	Pod                 // a label or annotation of pods
	Namespace           // one of namespaces
	Service             // one of Services
	Policy              // one of policies
	Mesh                // a setting of the mesh
	Field               // a field of objects that are read
)

// Kind reports whether the fact is a kind of object.
func (f *Fact) Kind() bool { return f.On <= Both }

type key struct {
	on   On
	name string
}

var facts = sync.OnceValue(func() map[key]*Fact {
	all := map[key]*Fact{}
	for i := range Facts {
		f := &Facts[i]
		if f.On == Both {
			all[key{Workloads, f.Name}], all[key{Policies, f.Name}] = f, f
		} else {
			all[key{f.On, f.Name}] = f
		}
	}
	return all
})

var (
	kindNames   = sync.OnceValue(func() map[string]bool { return kindsAmong(Workloads) })
	policyNames = sync.OnceValue(func() map[string]bool { return kindsAmong(Policies) })
)

func kindsAmong(on On) map[string]bool {
	all := map[string]bool{}
	for i := range Facts {
		if f := &Facts[i]; (f.On == on || f.On == Both) && f.Harmless == "" {
			_, name, _ := strings.Cut(f.Name, "/")
			all[name] = f.Named != "" || all[name]
		}
	}
	return all
}

// IsKind reports whether objects of a kind among the manifests of workloads bear on who reaches whom: they are judged,
// or may have to be named.
func IsKind(kind string) bool {
	_, bears := kindNames()[kind]
	return bears
}

// IsPolicyKind reports whether objects of a kind among policies bear on who reaches whom: a cluster is asked for them.
func IsPolicyKind(kind string) bool {
	_, bears := policyNames()[kind]
	return bears
}

// NamedKind reports whether an object of a kind among the manifests of workloads may have to be named.
func NamedKind(kind string) bool { return kindNames()[kind] }

// MeshConfig is the name under which the settings of a mesh are in Facts: a ConfigMap that is called istio, or
// istio-REVISION.
const MeshConfig = "/ConfigMap istio"

// IsMeshConfig reports whether a ConfigMap of a name has the settings of a mesh.
func IsMeshConfig(name string) bool { return name == "istio" || strings.HasPrefix(name, "istio-") }

// Notices collects what has to be named. The zero value is ready.
type Notices struct {
	order []*Fact
	seen  map[*Fact][]source.Span
}

// See notes an occurrence of a kind, label or annotation, which Facts may not have.
func (n *Notices) See(on On, name string, at source.Span) {
	f := facts()[key{on, name}]
	if f == nil || f.Named == "" {
		return
	}
	if n.seen == nil {
		n.seen = map[*Fact][]source.Span{}
	}
	if n.seen[f] == nil {
		n.order = append(n.order, f)
	}
	n.seen[f] = append(n.seen[f], at)
}

// IsUsual reports whether a setting of the mesh changes nothing with a value.
func IsUsual(setting, value string) bool {
	f := facts()[key{Mesh, setting}]
	return f != nil && f.Usual != "" && value == f.Usual
}

// Fields returns the fields of objects of a kind, GROUP/KIND, that have to be named where they are.
func Fields(kind string) []*Fact { return fields()[kind] }

// Changes reports whether a field that is named changes something with a value.
func (f *Fact) Changes(value string) bool {
	return (f.Usual == "" || value != f.Usual) && (len(f.When) == 0 || slices.Contains(f.When, value)) && (f.Like == nil || !f.Like.MatchString(value))
}

// Path is where objects have a field. `items[]` stands for each item of a list, and `items[x]` for those with the name
// x.
func (f *Fact) Path() []string {
	_, path, _ := strings.Cut(f.Name, " ")
	return strings.Split(path, ".")
}

var fields = sync.OnceValue(func() map[string][]*Fact {
	all := map[string][]*Fact{}
	for i := range Facts {
		if f := &Facts[i]; f.On == Field && f.Named != "" {
			kind, _, _ := strings.Cut(f.Name, " ")
			all[kind] = append(all[kind], f)
		}
	}
	return all
})

// Bears reports whether a label or annotation has to be named where it occurs.
func Bears(on On, name string) bool {
	f := facts()[key{on, name}]
	return f != nil && f.Named != ""
}

// Judges reports whether a label or annotation is judged.
func Judges(on On, name string) bool {
	f := facts()[key{on, name}]
	return f != nil && f.Judged != ""
}

// Misspelt returns the label or annotation of Istio, among those that are judged, for which one that Istio does not
// have most likely stands.
func Misspelt(on On, name string) (near string, ok bool) {
	domain, word := domainOf(name)
	ofIstio := domain == "istio" || strings.HasSuffix(domain, "istio.io") || domain == "" && strings.HasPrefix(word, "istio")
	if !ofIstio || facts()[key{on, name}] != nil {
		return "", false
	}
	var words, whole []string
	for i := range Facts {
		f := &Facts[i]
		if f.On != on || f.Judged == "" || !strings.Contains(f.Name, "istio") {
			continue
		}
		switch of, rest := domainOf(f.Name); {
		case of == domain:
			words, whole = append(words, rest), append(whole, f.Name)
		case rest == word:
			return f.Name, true
		}
	}
	if near, ok = diag.Nearest(word, words); ok {
		near = whole[slices.Index(words, near)]
	}
	return near, ok
}

// domainOf divides the key of a label into its domain, which may be empty, and its name.
func domainOf(name string) (domain, word string) {
	if domain, word, ok := strings.Cut(name, "/"); ok {
		return domain, word
	}
	return "", name
}

// Findings returns one finding for each fact that was seen, at its first occurrence.
func (n *Notices) Findings() (list diag.List) {
	for _, f := range n.order {
		code := diag.SkippedObject
		if f.Opens {
			code = diag.UnknownEffect
		}
		what := f.Name
		if f.On == Field {
			_, what, _ = strings.Cut(f.Name, "/")
		}
		if f.Kind() {
			group, kind, _ := strings.Cut(f.Name, "/")
			what = strings.TrimPrefix(kind+" of "+group, " of ")
			if group == "" {
				what = kind
			}
		}
		at := n.seen[f]
		first := slices.MinFunc(at, source.Span.Compare)
		d := list.Add(code, first, "%s is not judged: %s", what, f.Named)
		if len(at) > 1 {
			d.WithNote("there are %d of them", len(at))
		}
		d.WithNote("see %s", f.Source)
	}
	return list
}
