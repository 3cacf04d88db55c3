package yamldoc_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/compiler/yamldoc"
	"github.com/meshc/meshc/lang/source"
)

// What an item of a list does not state is that of a typed list, and nothing in a plain one.
func TestObjects(t *testing.T) {
	for text, want := range map[string][]string{
		"{apiVersion: v1, kind: Service, metadata: {name: a}}":                                             {"v1 Service a"},
		"{apiVersion: v1, kind: ServiceList, items: [{metadata: {name: a}}, {metadata: {name: b}}]}":       {"v1 Service a", "v1 Service b"},
		"{apiVersion: v1, kind: ServiceList, items: [{apiVersion: v2, kind: Other, metadata: {name: a}}]}": {"v2 Other a"},
		"{apiVersion: v1, kind: List, items: [{kind: Service, metadata: {name: a}}, &b {}, *b]}":           {" Service a", "  ", "  "},
		"{apiVersion: v1, kind: List, items: [{kind: PodList, items: [{metadata: {name: a}}]}]}":           {" Pod a"},
		"{apiVersion: v1, kind: List, items: {a: b}}":                                                      nil,
		"{kind: AllowList, spec: {}}":      {" AllowList "},
		"{kind: ~, metadata: {name: [a]}}": {"  "},
	} {
		var got []string
		for doc := range yamldoc.Split(source.NewFile("a.yaml", text)) {
			require.NoError(t, doc.Parse())
			for o := range yamldoc.Objects(doc.Root) {
				got = append(got, o.APIVersion+" "+o.Kind+" "+yamldoc.Scalar(o.Node, "metadata", "name"))
			}
		}
		assert.Equal(t, want, got, text)
	}
}
