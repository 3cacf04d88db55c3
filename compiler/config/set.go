package config

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/meshc/meshc/compiler/yamldoc"
	"github.com/meshc/meshc/lang/source"
)

// Set returns the text of a meshc.yaml with a new value at a path of keys. Everything else stays as it is, including
// comments. It returns false if the value cannot be changed in place, for example because an anchor shares it.
func Set(f *source.File, value string, path ...string) (text string, ok bool) {
	docs := slices.Collect(yamldoc.Split(f))
	if len(docs) != 1 || docs[0].Parse() != nil {
		return "", false
	}
	e := editor{docs[0]}
	var key *yaml.Node
	at := e.Root
	for i, word := range path {
		next, found := own(at, word)
		if found == nil {
			return e.insert(key, at, path[i:], value)
		}
		if found.Anchor != "" {
			return "", false // shared
		}
		key, at = next, found
	}
	return e.replace(key, at, value)
}

// own returns a key of the mapping itself, not one from a merge key, and its value before aliases are resolved.
func own(mapping *yaml.Node, word string) (key, value *yaml.Node) {
	if mapping.Kind != yaml.MappingNode {
		return nil, nil
	}
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if k := mapping.Content[i]; k.Kind == yaml.ScalarNode && k.Value == word {
			return k, mapping.Content[i+1]
		}
	}
	return nil, nil
}

type editor struct{ *yamldoc.Document }

// replace replaces a scalar, an empty value or a mapping in braces.
func (e editor) replace(key, old *yaml.Node, value string) (string, bool) {
	text := e.File.Text
	if old.Kind != yaml.ScalarNode {
		at := e.Span(old)
		if whole := at.Text(); old.Kind != yaml.MappingNode || !strings.HasPrefix(whole, "{") || !strings.HasSuffix(whole, "}") || strings.ContainsRune(whole, '\n') {
			return "", false
		}
		return text[:at.Start] + value + text[at.End:], true
	}
	if old.Value == "" && isNull(old) {
		after := strings.TrimLeft(text[e.Span(key).End:], " ")
		if !strings.HasPrefix(after, ":") {
			return "", false
		}
		at := len(text) - len(after) + 1
		return text[:at] + " " + value + text[at:], true
	}
	at := e.Span(old)
	if strings.Trim(at.Text(), `"'`) != old.Value {
		return "", false // it has a tag, or is written with escapes
	}
	return text[:at.Start] + value + text[at.End:], true
}

// insert adds a pair at the head of a mapping, where it does not separate a comment from its key.
func (e editor) insert(parent, mapping *yaml.Node, path []string, value string) (string, bool) {
	entry := pairText(path, value)
	text := e.File.Text
	switch {
	case parent == nil && (mapping.Kind != yaml.MappingNode || mapping.Style&yaml.FlowStyle != 0 || len(path) < 2):
		return "", false
	case parent == nil:
		return strings.TrimRight(text, "\n") + "\n" + path[0] + ":\n  " + pairText(path[1:], value) + "\n", true
	case isNull(mapping):
		return e.replace(parent, mapping, "{"+entry+"}")
	case mapping.Kind != yaml.MappingNode:
		return "", false
	case mapping.Style&yaml.FlowStyle != 0:
		at := int(e.Span(mapping).Start)
		if text[at] != '{' {
			return "", false
		}
		for at++; text[at] == ' '; at++ {
		}
		if len(mapping.Content) > 0 {
			entry += ", "
		}
		return text[:at] + entry + text[at:], true
	}
	first := int(e.Span(mapping.Content[0]).Start)
	indent := text[strings.LastIndexByte(text[:first], '\n')+1 : first]
	line, _, more := strings.Cut(text[e.Span(parent).End:], "\n")
	if !more || strings.TrimSpace(indent) != "" {
		return "", false
	}
	end := "\n"
	if strings.HasSuffix(line, "\r") {
		end = "\r\n"
	}
	at := int(e.Span(parent).End) + len(line) + 1
	return text[:at] + indent + entry + end + text[at:], true
}

// pairText writes a path of keys and its value, as nested flow mappings after the first key.
func pairText(path []string, value string) string {
	key := path[0]
	if strings.Trim(key, "abcdefghijklmnopqrstuvwxyz0123456789-/") != "" {
		key = `"` + key + `"`
	}
	if len(path) > 1 {
		value = "{" + pairText(path[1:], value) + "}"
	}
	return key + ": " + value
}
