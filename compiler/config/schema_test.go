package config_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/xeipuuv/gojsonschema"
	"go.yaml.in/yaml/v3"

	"github.com/meshc/meshc/grammar"
	"github.com/meshc/meshc/lang/diag"
)

type schema struct {
	Properties           map[string]*schema
	AdditionalProperties any
	Items                *schema
	AnyOf                []*schema
	Enum                 []string
	Type                 any
	Description          string
}

// The schema has the keys and words of the parser, no more and no fewer: at every place, a made-up key is refused with
// the keys of the schema, and a made-up word with its words.
func TestSchemaAgreesWithTheParser(t *testing.T) {
	var root schema
	require.NoError(t, json.Unmarshal(grammar.Schema, &root))
	mappings, words := 0, 0
	var visit func(at string, s *schema, in func(value string) string)
	visit = func(at string, s *schema, in func(value string) string) {
		findings := func(value string) diag.List { return parse(in(value)) }
		if s.Properties != nil && s.AdditionalProperties == false {
			mappings++
			assert.ElementsMatch(t, slices.Collect(maps.Keys(s.Properties)), knownHere(findings("{Qqqqq: 1}"), "unknown key "), at)
		}
		if s.Enum != nil {
			words++
			for _, word := range s.Enum {
				for _, d := range findings(word) {
					assert.NotContains(t, d.Message, fmt.Sprintf("cannot be %q", word), at)
				}
			}
			assert.NotEmpty(t, findings("Qqqqq"), at)
		}
		if s.Type == "boolean" {
			assert.NotEmpty(t, findings("Qqqqq"), at)
			assert.Empty(t, onlyAbout(findings("true"), "must be"), at)
		}
		for key, of := range s.Properties {
			assert.NotEmpty(t, of.Description, "%s.%s has no description", at, key)
			visit(at+"."+key, of, func(value string) string { return in(fmt.Sprintf("{%s: %s}", key, value)) })
		}
		if s.Items != nil {
			visit(at+"[]", s.Items, func(value string) string { return in("[" + value + "]") })
		}
		for _, one := range s.AnyOf {
			visit(at, one, in)
		}
		if each, ok := s.AdditionalProperties.(map[string]any); ok {
			text, err := json.Marshal(each)
			require.NoError(t, err)
			var of schema
			require.NoError(t, json.Unmarshal(text, &of))
			key := map[string]string{".warnings": "MESH2108", ".gateways": "a/b"}[at]
			if key == "" {
				key = "e"
			}
			visit(at+".*", &of, func(value string) string { return in(fmt.Sprintf("{%s: %s}", key, value)) })
		}
	}
	visit("", &root, func(value string) string { return value })
	assert.Greater(t, mappings, 12)
	assert.Greater(t, words, 10)
}

// knownHere returns the keys that the help of the finding about an unknown key names.
func knownHere(l diag.List, about string) []string {
	for _, d := range l {
		if strings.HasPrefix(d.Message, about) {
			if known, ok := strings.CutPrefix(d.Help, "known here: "); ok {
				return strings.Split(known, ", ")
			}
			return []string{strings.TrimSuffix(strings.TrimPrefix(d.Help, "did you mean "), "?")}
		}
	}
	return nil
}

func onlyAbout(l diag.List, text string) diag.List {
	return slices.DeleteFunc(l, func(d diag.Diagnostic) bool { return !strings.Contains(d.Message, text) })
}

// The example on the page of settings, and the settings of every example, are valid; a key and a type that are wrong
// are not.
func TestSchemaAcceptsWhatTheParserDoes(t *testing.T) {
	page, err := os.ReadFile("../../grammar/settings.md")
	require.NoError(t, err)
	texts := map[string]string{"settings.md": string(regexp.MustCompile("(?s)```yaml\n(.*?)```").FindSubmatch(page)[1])}
	files, err := filepath.Glob("../../examples/*/meshc.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		texts[file] = string(text)
	}
	loaded, err := gojsonschema.NewSchema(gojsonschema.NewBytesLoader(grammar.Schema))
	require.NoError(t, err)
	validate := func(text string) []gojsonschema.ResultError {
		var value any
		require.NoError(t, yaml.Unmarshal([]byte(text), &value))
		in, err := json.Marshal(value)
		require.NoError(t, err)
		in = regexp.MustCompile(`"(\d{4}-\d\d-\d\d)T00:00:00Z"`).ReplaceAll(in, []byte(`"$1"`)) // as the schemas of editors take a day
		result, err := loaded.Validate(gojsonschema.NewBytesLoader(in))
		require.NoError(t, err)
		return result.Errors()
	}
	for name, text := range texts {
		assert.Empty(t, validate(text), name)
	}
	head := "apiVersion: meshc.dev/v1alpha1\nkind: Project\n"
	for _, wrong := range []string{"source: []", "sources: a", "environments: {prod: {mode: {}}}", "dataplanes: {a: waypoint}", "warnings: {x: warn}"} {
		assert.NotEmpty(t, validate(head+wrong), wrong)
	}
}
