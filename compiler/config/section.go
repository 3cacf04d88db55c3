package config

import (
	"go.yaml.in/yaml/v3"

	"github.com/meshc/meshc/compiler/yamldoc"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// Section is a mapping of meshc.yaml whose keys another package knows: the settings of a target. The zero Section has
// no keys.
type Section struct {
	Name string
	At   source.Span

	path string
	doc  *yamldoc.Document
	node *yaml.Node
}

// Field is a key of a section, with the function that reads its value.
type Field struct {
	Name  string
	value func(r *reader) func(path string, v *yaml.Node)
}

// Word is a field whose value is one of words.
func Word(name string, into *string, words ...string) Field {
	return Field{name, func(r *reader) func(string, *yaml.Node) { return r.oneOf(into, words...) }}
}

// Label is a field whose value is a DNS-1123 label.
func Label(name string, into *string) Field {
	return Field{name, func(r *reader) func(string, *yaml.Node) { return r.text(into, label) }}
}

// Flag is a field that is true or false.
func Flag(name string, into *bool) Field {
	return Field{name, func(r *reader) func(string, *yaml.Node) { return r.flag(into) }}
}

// Names is a field whose value is a list of names.
func Names(name string, into *[]string) Field {
	return Field{name, func(r *reader) func(string, *yaml.Node) {
		return r.texts(into, "names", func(s string) string {
			if s == "" {
				return "a name is not empty"
			}
			return ""
		})
	}}
}

// Read reads the fields of a section. A wrong value is a finding and leaves its field unchanged. An unknown key is a
// finding too.
func (s Section) Read(known ...Field) diag.List {
	if s.node == nil {
		return nil
	}
	r := &reader{doc: s.doc}
	fields := make([]field, len(known))
	for i, f := range known {
		fields[i] = field{f.Name, f.value(r)}
	}
	r.fields(s.path, s.node, fields)
	return r.findings.Sort()
}

// Unknown returns the finding about a section whose name is not one of names.
func (s Section) Unknown(names []string) diag.Diagnostic {
	r := &reader{}
	d := r.findings.Add(diag.UnknownKey, s.At, "unknown key %s", s.path)
	r.suggest(d, s.At, s.Name, names)
	return *d
}
