package inventory

import (
	"encoding/json"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/meshc/meshc/compiler/bearing"
	"github.com/meshc/meshc/compiler/yamldoc"
	"github.com/meshc/meshc/lang/diag"
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

// Settings reads the settings of meshes among manifests. The findings are about what of these settings is not judged.
func Settings(manifests []*source.File) (all []*MeshConfig, found diag.List) {
	var inputs []Input
	for _, f := range manifests {
		if strings.Contains(f.Text, "ConfigMap") && strings.Contains(f.Text, "istio") {
			inputs = append(inputs, Input{File: f})
		}
	}
	if len(inputs) == 0 {
		return nil, nil
	}
	set, found := Read(inputs)
	return set.MeshConfigs, slices.DeleteFunc(found, func(d diag.Diagnostic) bool {
		return !slices.ContainsFunc(set.MeshConfigs, func(m *MeshConfig) bool { return m.At == d.Primary })
	})
}

// meshConfig reads the settings of a mesh, and reports whether it could.
func (f *file) meshConfig(object, settings *yaml.Node) bool {
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
		return false
	}
	at := f.doc.Span(yamldoc.Get(object, "metadata", "name"))
	m := &MeshConfig{of.TrustDomain, of.Aliases, of.RootNamespace, of.Path.Normalization, accessLogs(settings), at, topologyOf(yamldoc.Get(settings, "defaultConfig"), at)}
	f.keep("", "", "", m.At, func(r *reader) {
		r.meshConfigs = append(r.meshConfigs, m)
		r.unmerged = r.unmerged || of.Merge != nil && !*of.Merge
		notice(&r.notices, "", settings, at)
	})
	return true
}

// notice notes the settings that bear on who reaches whom and are not judged. They have no place of their own: of a
// ConfigMap they are a text.
func notice(notices *bearing.Notices, of string, settings *yaml.Node, at source.Span) {
	for i := 0; i+1 < len(settings.Content) && settings.Kind == yaml.MappingNode; i += 2 {
		key, value := of+settings.Content[i].Value, settings.Content[i+1]
		stated := value.Value
		if value.Kind == yaml.SequenceNode && len(value.Content) == 1 {
			stated = value.Content[0].Value
		}
		empty := value.Kind != yaml.ScalarNode && len(value.Content) == 0 || value.ShortTag() == "!!null"
		if !empty && !bearing.IsUsual(key, stated) {
			notices.See(bearing.Mesh, key, at)
		}
		if key == "defaultConfig" {
			notice(notices, "defaultConfig.", value, at)
		}
	}
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
