package inventory

import (
	"go.yaml.in/yaml/v3"

	"github.com/meshc/meshc/compiler/yamldoc"
	"github.com/meshc/meshc/lang/source"
)

// MeshConfig is the settings of a mesh that bear on identities and paths: of a ConfigMap of istiod or an IstioOperator.
// https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/
type MeshConfig struct {
	TrustDomain   string // empty where it is not stated
	Aliases       []string
	RootNamespace string // empty where it is not stated

	PathNormalization string // such as BASE; empty where it is not stated

	At source.Span // the object's name

	topology topology // of gateways that state none
}

// meshConfig reads the settings of a mesh.
func (f *file) meshConfig(object, settings *yaml.Node) {
	var of struct {
		Merge         *bool    `yaml:"enablePrometheusMerge"`
		TrustDomain   string   `yaml:"trustDomain"`
		Aliases       []string `yaml:"trustDomainAliases"`
		RootNamespace string   `yaml:"rootNamespace"`
		Path          struct {
			Normalization string `yaml:"normalization"`
		} `yaml:"pathNormalization"`
	}
	if settings == nil || settings.Decode(&of) != nil {
		return
	}
	at := f.doc.Span(yamldoc.Get(object, "metadata", "name"))
	m := &MeshConfig{of.TrustDomain, of.Aliases, of.RootNamespace, of.Path.Normalization, at, topologyOf(yamldoc.Get(settings, "defaultConfig"), at)}
	f.keep("", "", "", m.At, func(r *reader) {
		r.meshConfigs = append(r.meshConfigs, m)
		r.unmerged = r.unmerged || of.Merge != nil && !*of.Merge
	})
}

// parsedText is the YAML that a ConfigMap has as text; nil if it is none.
func parsedText(s string) *yaml.Node {
	var n yaml.Node
	if yaml.Unmarshal([]byte(s), &n) != nil || len(n.Content) == 0 {
		return nil
	}
	return n.Content[0]
}
