package inventory

import (
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
	corev1 "k8s.io/api/core/v1"

	"github.com/meshc/meshc/compiler/bearing"
	"github.com/meshc/meshc/compiler/yamldoc"
	"github.com/meshc/meshc/lang/diag"
)

// A misspelt kind or field is refused by a cluster or dropped silently, and an account, a port or a whole workload is
// then missing here; of a misspelt label nobody takes notice, and pods lack their proxy or waypoint. Only words that
// resemble one that is read are reported; manifests may have many others.

var kindNames = slices.Sorted(maps.Keys(kinds))

// misspeltKind reports a kind that its API group does not have and that resembles one that is read.
func (f *file) misspeltKind(at *yaml.Node, t *objectType) {
	var names []string
	for _, name := range kindNames {
		if slices.Contains(kinds[name].groups, t.group) {
			names = append(names, name)
		}
	}
	if near, ok := diag.Nearest(t.kind, names); ok && at != nil {
		f.findings.Add(diag.UnknownField, f.doc.Span(at), "Kubernetes has no kind %s, so the object is not read", t.kind).
			WithHelp("did you mean %s?", near)
	}
}

// podFields are all fields of a pod's spec, fieldsRead those that decide its identity and what may call it.
var (
	podFields  = fieldNames(reflect.TypeFor[corev1.PodSpec]())
	fieldsRead = []string{"containers", "hostNetwork", "serviceAccountName"}
)

func fieldNames(t reflect.Type) []string {
	var names []string
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// misspeltFields reports fields that a pod's spec does not have and that resemble one that is read.
func (f *file) misspeltFields(spec *yaml.Node) {
	if spec == nil || spec.Kind != yaml.MappingNode {
		return
	}
	pairs, _ := yamldoc.Pairs(spec)
	for _, p := range pairs {
		if _, known := slices.BinarySearch(podFields, p.Key.Value); known {
			continue
		}
		if near, ok := diag.Nearest(p.Key.Value, podFields); ok && slices.Contains(fieldsRead, near) {
			f.findings.Add(diag.UnknownField, f.doc.Span(p.Key), "a pod has no field %s, so it is not read", p.Key.Value).
				WithHelp("did you mean %s?", near)
		}
	}
}

// values are those of the labels of Istio that have no others.
var values = map[string][]string{
	bearing.DataplaneMode:   {"ambient", "none"},
	bearing.InjectNamespace: {"enabled", "disabled"},
	bearing.Inject:          {"true", "false"},
	bearing.IngressWaypoint: {"true", "false"},
	bearing.WaypointFor:     {"service", "workload", "all", "none"},
}

// misspeltLabels reports labels, or annotations, that resemble one of Istio which is read, and values of those that are
// read.
func (f *file) misspeltLabels(on bearing.On, metadata *yaml.Node, field string) {
	labels := yamldoc.Get(metadata, field)
	if labels == nil || labels.Kind != yaml.MappingNode {
		return
	}
	pairs, _ := yamldoc.Pairs(labels)
	for _, p := range pairs {
		near, misspelt := bearing.Misspelt(on, p.Key.Value)
		switch {
		case misspelt:
			f.findings.Add(diag.UnknownField, f.doc.Span(p.Key), "Istio has no %s %s, so it is not read", strings.TrimSuffix(field, "s"), p.Key.Value).
				WithHelp("did you mean %s?", near)
		case bearing.Judges(on, p.Key.Value):
			f.misspeltValue(p.Key.Value, p.Value)
		}
	}
}

// misspeltValue reports a value that a label of Istio does not have.
func (f *file) misspeltValue(key string, at *yaml.Node) {
	value, known := yamldoc.Scalar(at), values[key]
	_, notBool := strconv.ParseBool(value)
	if len(known) == 0 || value == "" || slices.Contains(known, value) || key == bearing.IngressWaypoint && notBool == nil || f.unfilled(value) {
		return
	}
	if near, ok := diag.Nearest(value, known); ok {
		known = []string{near}
	}
	way := strings.Join(known, " or ")
	if slices.Contains(values[bearing.Inject], known[0]) { // which YAML would take for no text
		way = `"` + strings.Join(known, `" or "`) + `"`
	}
	f.findings.Add(diag.UnknownField, f.doc.Span(at), "`%s: %s` means nothing to Istio", key, value).
		WithHelp("write %s", way)
}
