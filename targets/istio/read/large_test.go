package read

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/lang/source"
)

func policyOf(rules int, rule func(i int) string) string {
	var b strings.Builder
	b.WriteString("apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: large, namespace: shop}\nspec:\n  rules:\n")
	for i := range rules {
		b.WriteString("  - " + rule(i) + "\n")
	}
	return b.String()
}

func readOne(text string) (*enforce.Layer, string) {
	m, findings := Files([]*source.File{source.NewFile("large.yaml", text)}, enforce.Mesh{})
	return m, list(findings)
}

func TestMoreRulesThanTheAPITakes(t *testing.T) {
	m, findings := readOne(policyOf(10_000, func(i int) string {
		return fmt.Sprintf("from: [{source: {principals: [cluster.local/ns/shop/sa/a%d]}}]", i)
	}))
	assert.Equal(t, "large.yaml:5:3: error: `spec.rules` has 10000 items, and the API accepts 512 [MESH3003]\n", findings)
	assert.Equal(t, enforce.Undecided, m.For(backend).Decide(onPort80).Verdict)
}

// As many rules as the API accepts, each with its own caller, port, path and method: the number of classes stays small.
func TestLargePolicy(t *testing.T) {
	m, findings := readOne(policyOf(512, func(i int) string {
		return fmt.Sprintf("from: [{source: {principals: [cluster.local/ns/shop/sa/a%[1]d]}}]\n    to: [{operation: {ports: [\"%[2]d\"], methods: [M%[1]d], paths: [/api/%[1]d/*]}}]", i, i+1000)
	}))
	require.Empty(t, findings)
	split, err := enforce.NewClasses(space.Distinctions{}, m.For(backend))
	require.NoError(t, err)
	assert.Len(t, split.Sources, 514)
	allowed := 0
	for _, r := range split.Operations {
		allowed += r.Outcomes[0].Allowed.Len()
	}
	assert.Equal(t, 512, allowed)
	assert.Less(t, len(split.Operations), 512*4)
}

// Templates can distinguish more classes than there are atoms in the universe. That is an error, and it comes quickly.
func TestTooManyClasses(t *testing.T) {
	m, findings := readOne(policyOf(1, func(int) string {
		var paths []string
		for i := range 40 {
			segments := make([]string, 40)
			for j := range segments {
				segments[j] = "{*}"
			}
			segments[i] = "x"
			paths = append(paths, `"/`+strings.Join(segments, "/")+`"`)
		}
		return "to: [{operation: {paths: [" + strings.Join(paths, ", ") + "]}}]"
	}))
	require.Empty(t, findings)
	_, err := enforce.NewClasses(space.Distinctions{}, m.For(backend))
	assert.ErrorIs(t, err, space.ErrTooMany)
}

// A List of thousands of policies on a single line is read in time proportional to its size, and each has its place.
func TestOneLine(t *testing.T) {
	const n = 5000
	for name, form := range map[string]struct{ before, each, after string }{
		"JSON":                        {`{"apiVersion":"v1","kind":"List","items":[`, `{"apiVersion":"security.istio.io/v1","kind":"AuthorizationPolicy","metadata":{"name":"p%d","namespace":"shop"}},`, `null]}`},
		"JSON, wide characters":       {`{"apiVersion":"v1","kind":"List","items":[`, `{"apiVersion":"security.istio.io/v1","kind":"AuthorizationPolicy","metadata":{"annotations":{"é":"😀"},"name":"p%d","namespace":"shop"}},`, `null]}`},
		"flow style":                  {`{apiVersion: v1, kind: List, items: [`, `{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {name: p%d, namespace: shop}}, `, `null]}`},
		"flow style, wide characters": {`{apiVersion: v1, kind: List, items: [`, `{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {annotations: {é: 😀}, name: p%d, namespace: shop}}, `, `null]}`},
	} {
		var b strings.Builder
		b.WriteString(form.before)
		for i := range n {
			fmt.Fprintf(&b, form.each, i)
		}
		b.WriteString(form.after)
		layer, findings := Files([]*source.File{source.NewFile("list", b.String())}, enforce.Mesh{})
		require.Empty(t, findings, name)
		require.Len(t, layer.Policies, n, name)
		for _, p := range layer.Policies {
			require.Equal(t, p.Name, strings.Trim(p.At.Text(), `"`), name)
		}
	}
}

// So is a scalar of very many lines, and a list of what is not an object is one finding.
func TestManyLinesAndItems(t *testing.T) {
	_, findings := Files([]*source.File{source.NewFile("lines", "a: x\n"+strings.Repeat("  x\n", 500_000))}, enforce.Mesh{})
	require.Empty(t, findings)
	_, findings = Files([]*source.File{source.NewFile("list", `{"apiVersion":"v1","kind":"List","items":[null,`+strings.Repeat("1,", 500_000)+"1]}")}, enforce.Mesh{})
	require.Len(t, findings, 1)
	require.Equal(t, "list:1:48: error: not a Kubernetes object, but a number [MESH3003]", findings[0].Error())
}
