package importer

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/meshc/meshc/compiler/config"
	"github.com/meshc/meshc/compiler/project"
	"github.com/meshc/meshc/compiler/replace"
)

// settingsFile is a meshc.yaml as it is written.
type settingsFile struct {
	APIVersion    string                     `yaml:"apiVersion"`
	Kind          string                     `yaml:"kind"`
	Workloads     []string                   `yaml:"workloads,omitempty"`
	TrustDomain   string                     `yaml:"trustDomain,omitempty"`
	TrustDomains  trustDomainSettings        `yaml:"trustDomains,omitempty"`
	RootNamespace string                     `yaml:"rootNamespace,omitempty"`
	Gateways      map[string]gatewaySettings `yaml:"gateways,omitempty"`
	Issuers       map[string]issuerSettings  `yaml:"issuers,omitempty"`
	Dataplanes    map[string]any             `yaml:"dataplanes,omitempty"`
	Targets       targetSettings             `yaml:"targets,omitempty"`
	Accepted      []acceptedSettings         `yaml:"accepted,omitempty"`
	Replaces      []*yaml.Node               `yaml:"replaces,omitempty"`
}

type trustDomainSettings struct {
	Previous []string          `yaml:"previous,flow,omitempty"`
	Meshes   map[string]string `yaml:"meshes,flow,omitempty"`
}

type gatewaySettings struct {
	ClientAddress string `yaml:"clientAddress"`
}

type issuerSettings struct {
	JWKS string `yaml:"jwks"`
}

type targetSettings struct {
	Istio *istioSettings `yaml:"istio,omitempty"`
}

type istioSettings struct {
	ExtensionProviders []string `yaml:"extensionProviders,flow"`
}

type acceptedSettings struct {
	Object string `yaml:"object"`
	Path   string `yaml:"path"`
	Reason string `yaml:"reason"`
}

// settings is the meshc.yaml of the project.
func (i *importer) settings() File {
	file := settingsFile{APIVersion: config.APIVersion, Kind: config.Kind}
	if i.manifests != nil {
		file.Workloads = i.paths
	}
	for _, name := range i.declared {
		if domain := i.elsewhere(name); domain != "" {
			if file.TrustDomains.Meshes == nil {
				file.TrustDomains.Meshes = map[string]string{}
			}
			file.TrustDomains.Meshes[name] = domain
		}
		if i.ambient(name) {
			if file.Dataplanes == nil {
				file.Dataplanes = map[string]any{}
			}
			file.Dataplanes[name] = i.dataplane(name)
		}
	}
	usual := config.Default()
	if i.mesh.TrustDomain != usual.TrustDomain {
		file.TrustDomain = i.mesh.TrustDomain
	}
	file.TrustDomains.Previous = i.mesh.Aliases
	if i.mesh.RootNamespace != usual.RootNamespace {
		file.RootNamespace = i.mesh.RootNamespace
	}
	for _, x := range i.signing {
		if x.jwt.Jwks != "" {
			if file.Issuers == nil {
				file.Issuers = map[string]issuerSettings{}
			}
			file.Issuers[x.name] = issuerSettings{x.jwt.Jwks}
		}
	}
	var providers []string
	for name, g := range i.gateways() {
		if file.Gateways == nil {
			file.Gateways = map[string]gatewaySettings{}
		}
		file.Gateways[name] = gatewaySettings{g.ClientAddress.String()}
	}
	for _, o := range i.byName() {
		if o.Outcome == Said && o.read.Provider != "" {
			providers = append(providers, o.read.Provider)
		}
		if o.Outcome == Said {
			file.Replaces = append(file.Replaces, o.replaced())
		}
		if o.Outcome == Accepted {
			file.Accepted = append(file.Accepted, acceptedSettings{o.ID(), o.path(), o.Reason})
		}
	}
	if slices.Sort(providers); len(providers) > 0 {
		file.Targets.Istio = &istioSettings{slices.Compact(providers)}
	}
	return File{project.ConfigName, encoded(file)}
}

// replaced is the entry by which a publish knows the object.
func (o *object) replaced() *yaml.Node {
	entry := &yaml.Node{Kind: yaml.MappingNode, Style: yaml.FlowStyle}
	for _, text := range []string{"object", o.ID(), "digest", replace.Digest(o.node)} {
		entry.Content = append(entry.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: text})
	}
	return entry
}

func encoded(v any) string {
	var b strings.Builder
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := e.Encode(v); err != nil {
		panic(err) // nothing in it cannot be written
	}
	return b.String()
}

// path is where the manifest of an object that is accepted is in the project.
func (o *object) path() string { return fmt.Sprintf("accepted/%s.yaml", o.Namespace) }

// acceptedFiles are the manifests of what is accepted, those of a namespace in one file.
func (i *importer) acceptedFiles() (files []File) {
	for _, o := range i.byName() { // sorted by namespace
		if o.Outcome != Accepted {
			continue
		}
		if n := len(files); n > 0 && files[n-1].Name == o.path() {
			files[n-1].Text += "---\n" + applied(o.node)
			continue
		}
		files = append(files, File{o.path(), applied(o.node)})
	}
	return files
}
