package graph

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/tools/txtar"
)

// The JSON of every case conforms to the schema.
func TestSchema(t *testing.T) {
	var s schema
	text, err := os.ReadFile("schema.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &s))
	assert.Equal(t, SchemaID, s.Properties["schema"].Const)
	paths, err := filepath.Glob("testdata/*.txtar")
	require.NoError(t, err)
	seen := map[string]bool{}
	for _, path := range paths {
		archive, err := txtar.ParseFile(path)
		require.NoError(t, err)
		g, _ := graphOf(t, archive)
		out, err := JSON(g)
		require.NoError(t, err)
		var value any
		require.NoError(t, json.Unmarshal(out, &value))
		for _, problem := range s.validate(&s, value, "", seen) {
			t.Errorf("%s: %s", path, problem)
		}
	}
	// A property that no case has would be untested.
	for _, p := range s.paths(&s, "") {
		assert.True(t, seen[p] || p == "/environment", "no case has %s", p)
	}
}

// schema is the part of JSON Schema that schema.json uses.
type schema struct {
	Ref        string             `json:"$ref"`
	Defs       map[string]*schema `json:"$defs"`
	Type       string
	Const      string
	Enum       []string
	Required   []string
	Additional *bool `json:"additionalProperties"`
	Properties map[string]*schema
	Items      *schema
}

func (s *schema) resolve(root *schema) *schema {
	if s.Ref == "" {
		return s
	}
	return root.Defs[strings.TrimPrefix(s.Ref, "#/$defs/")]
}

func (s *schema) validate(root *schema, value any, path string, seen map[string]bool) (problems []string) {
	seen[path] = true
	s = s.resolve(root)
	report := func(format string, args ...any) { problems = append(problems, path+": "+fmt.Sprintf(format, args...)) }
	switch v := value.(type) {
	case map[string]any:
		if s.Type != "object" || s.Additional == nil || *s.Additional {
			report("an object, want %s that allows nothing else", s.Type)
		}
		for _, r := range s.Required {
			if _, ok := v[r]; !ok {
				report("no %s", r)
			}
		}
		for key, inner := range v {
			if p := s.Properties[key]; p == nil {
				report("%s is not in the schema", key)
			} else {
				problems = append(problems, p.validate(root, inner, path+"/"+key, seen)...)
			}
		}
	case []any:
		if s.Type != "array" {
			report("an array, want %s", s.Type)
			break
		}
		for _, inner := range v {
			problems = append(problems, s.Items.validate(root, inner, path+"/*", seen)...)
		}
	case string:
		if s.Type != "string" && s.Const != v && !slices.Contains(s.Enum, v) {
			report("%q is not one of %q", v, s.Enum)
		}
	case bool:
		if s.Type != "boolean" {
			report("a boolean, want %s", s.Type)
		}
	case float64:
		if s.Type != "integer" || v != float64(int(v)) {
			report("a number, want %s", s.Type)
		}
	}
	return problems
}

func (s *schema) paths(root *schema, path string) (all []string) {
	s = s.resolve(root)
	for key, p := range s.Properties {
		all = append(append(all, path+"/"+key), p.paths(root, path+"/"+key)...)
	}
	if s.Items != nil {
		all = append(all, s.Items.paths(root, path+"/*")...)
	}
	return all
}
