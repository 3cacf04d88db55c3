// Package config reads meshc.yaml, the optional settings of a project.
//
// It knows YAML and findings, but not the language, and opens no files. Each section under `targets` is left to its
// target, which alone knows its settings.
package config

import (
	"maps"
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// Project is the settings of a project. Its zero value is not usable; Default and Parse make one.
type Project struct {
	Sources       []string                 // globs of intents, relative to meshc.yaml; default **/*.mesh
	Workloads     []Workloads              // where workload manifests are
	Owners        map[string][]string      // mesh name to the globs of the files that may open it; "*" is the mesh-wide mode
	OwnersAt      map[string]source.Span   // the mesh names of Owners
	TrustDomain   string                   // default cluster.local
	Previous      []string                 // trustDomains.previous: those of identities that workloads still have; sorted
	Elsewhere     map[string]string        // trustDomains.meshes: mesh name to the trust domain of the mesh of Istio that it is in
	ElsewhereAt   map[string]source.Span   // the mesh names of Elsewhere
	Gateways      map[string]Gateway       // by NAMESPACE/NAME
	Issuers       map[string]Issuer        // by name
	RootNamespace string                   // default istio-system
	Dataplanes    map[string]Dataplane     // of namespaces whose manifests do not say; "*" is that of all others
	Warnings      map[diag.Code]diag.Level // the levels of codes, under `warnings`
	Targets       []Section                // of `targets`, in order; empty: the default target
	Accepted      []Accepted
	Replaces      []Replaced
	Environments  map[string]*Environment
}

// Workloads is one entry of `workloads:`, a glob or {path, namespace}.
type Workloads struct {
	Path      string
	Namespace string // of objects that name none; empty: `default`, with a warning
	At        source.Span
}

// Accepted is one entry of `accepted:`, an object that the project did not make and that is in force beside its
// manifests.
type Accepted struct {
	Kind, Namespace, Name string
	Path                  string // of the manifest, relative to meshc.yaml
	Reason                string
	Until                 string // YYYY-MM-DD, the last day; empty: for good
	At                    source.Span
	PathAt, UntilAt       source.Span
}

// ID is KIND NAMESPACE/NAME.
func (a *Accepted) ID() string { return a.Kind + " " + a.Namespace + "/" + a.Name }

// Dataplane is one entry of `dataplanes:`, what stands between the pods of a namespace and their callers.
type Dataplane struct {
	Ambient                     bool   // the namespace is labelled for ambient mode, else for sidecars
	Moving                      bool   // some of its pods may have sidecars, and others may be in ambient mode
	Joining                     bool   // in ambient mode, its Services may name their waypoint or none
	Assumed                     bool   // it counts whatever the manifests say of the namespace: of a plan, and not of a file
	WaypointNamespace, Waypoint string // of Services, in ambient mode; empty: none
	Ingress                     bool   // gateways pass the waypoint too
	At                          source.Span
}

// DataplanesIn returns the entries of `dataplanes:` that count in an environment: its own, and those of the project.
func (p *Project) DataplanesIn(environment string) map[string]Dataplane {
	e := p.Environments[environment]
	if e == nil || len(e.Dataplanes) == 0 {
		return p.Dataplanes
	}
	all := maps.Clone(e.Dataplanes)
	for namespace, d := range p.Dataplanes {
		if _, own := all[namespace]; !own {
			all[namespace] = d
		}
	}
	return all
}

// SetDataplanes has the entries of `dataplanes:` that count in an environment be these.
func (p *Project) SetDataplanes(environment string, dataplanes map[string]Dataplane) {
	p.Dataplanes = dataplanes
	if e := p.Environments[environment]; e != nil {
		plain := *e
		plain.Dataplanes = nil
		p.Environments = maps.Clone(p.Environments)
		p.Environments[environment] = &plain
	}
}

// Stated returns the namespaces that have an entry in `dataplanes:` in an environment, `*` for all.
func (p *Project) Stated(environment string) []string {
	return slices.Sorted(maps.Keys(p.DataplanesIn(environment)))
}

// WrittenDataplanes is the entries of `dataplanes:` that count in an environment, as meshc.yaml has them.
func (p *Project) WrittenDataplanes(environment string) map[string]string {
	all := map[string]string{}
	for namespace, d := range p.DataplanesIn(environment) {
		all[namespace] = d.Written(namespace)
	}
	return all
}

// Written is the entry as meshc.yaml has it, for the namespace that it is of.
func (d *Dataplane) Written(namespace string) string {
	word, other := "sidecar", "to: ambient"
	if d.Ambient {
		word, other = "ambient", "from: sidecar"
	}
	var settings []string
	if d.Joining {
		other = "from: ambient"
	}
	if d.Moving || d.Joining {
		settings = append(settings, other)
	}
	if d.Waypoint != "" {
		name := d.Waypoint
		if d.WaypointNamespace != namespace && d.WaypointNamespace != "" {
			name = d.WaypointNamespace + "/" + name
		}
		settings = append(settings, "waypoint: "+name)
	}
	if d.Ingress {
		settings = append(settings, "ingress: true")
	}
	if len(settings) == 0 {
		return word
	}
	return "{" + word + ": {" + strings.Join(settings, ", ") + "}}"
}

// Environment is one entry of `environments:`.
type Environment struct {
	Modes      map[string]policy.Mode // ceilings: "*", NAMESPACE, NAMESPACE/SERVICE or NAMESPACE/SERVICE:PORT
	DryRun     bool                   // enforcement: dry-run
	Repository string
	Forge      string // github, gitlab or gitea; empty: known from the host
	Branch     string
	Path       string
	Replaces   []string // folders of the repository from which a publish removes what the project replaces; empty: Path
	Sources    []string
	Dataplanes map[string]Dataplane   // in place of those of the project
	At         source.Span            // its name
	ModesAt    map[string]source.Span // the keys of Modes
}

// Default is the settings of a project without meshc.yaml.
func Default() Project {
	return Project{
		Sources:       []string{"**/*.mesh"},
		TrustDomain:   standardDomain,
		RootNamespace: "istio-system",
	}
}
