package inventory

import (
	"encoding/json"

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

	AccessLogs []string // the formats of access logs that are not Istio's: texts, or objects of JSON

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
	m := &MeshConfig{of.TrustDomain, of.Aliases, of.RootNamespace, of.Path.Normalization, accessLogs(settings), at, topologyOf(yamldoc.Get(settings, "defaultConfig"), at)}
	f.keep("", "", "", m.At, func(r *reader) {
		r.meshConfigs = append(r.meshConfigs, m)
		r.unmerged = r.unmerged || of.Merge != nil && !*of.Merge
	})
}

// accessLogs returns the formats of access logs that settings state, for all proxies and of each provider.
func accessLogs(settings *yaml.Node) (all []string) {
	if n := yamldoc.Get(settings, "accessLogFormat"); n != nil && n.Value != "" {
		all = append(all, n.Value)
	}
	providers := yamldoc.Get(settings, "extensionProviders")
	if providers == nil {
		return all
	}
	for _, p := range providers.Content {
		format := yamldoc.Get(p, "envoyFileAccessLog", "logFormat")
		if n := yamldoc.Get(format, "text"); n != nil && n.Value != "" {
			all = append(all, n.Value)
		}
		var labels map[string]any
		if n := yamldoc.Get(format, "labels"); n != nil && n.Decode(&labels) == nil {
			if text, err := json.Marshal(labels); err == nil {
				all = append(all, string(text))
			}
		}
	}
	return all
}

// parsedText is the YAML that a ConfigMap has as text; nil if it is none.
func parsedText(s string) *yaml.Node {
	var n yaml.Node
	if yaml.Unmarshal([]byte(s), &n) != nil || len(n.Content) == 0 {
		return nil
	}
	return n.Content[0]
}
