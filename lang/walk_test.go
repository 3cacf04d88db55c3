package lang_test

import (
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/tools/txtar"

	"github.com/meshc/meshc/lang"
	"github.com/meshc/meshc/lang/source"
)

// Walk reaches every name of every statement in testdata, as reflection finds them, and every node is inside its
// statement.
func TestWalk(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.txtar")
	require.NoError(t, err)
	kinds := map[string]bool{}
	for _, path := range paths {
		archive, err := txtar.ParseFile(path)
		require.NoError(t, err)
		for _, f := range archive.Files {
			if !strings.HasSuffix(f.Name, ".mesh") {
				continue
			}
			file, _ := lang.Parse(f.Name, f.Data)
			var want, got []*lang.Name
			for _, s := range file.Stmts {
				want = append(want, names(reflect.ValueOf(s).Elem())...)
			}
			outer := file.Span()
			lang.Walk(file, func(n lang.Node) bool {
				kinds[reflect.TypeOf(n).Elem().Name()] = true
				at := n.Span()
				if _, ok := n.(lang.Stmt); ok {
					outer = at
				}
				require.False(t, at.IsZero())
				require.True(t, outer.Start <= at.Start && at.End <= outer.End, "%q is not inside %q", at.Text(), outer.Text())
				if name, ok := n.(*lang.Name); ok {
					got = append(got, name)
				}
				return true
			})
			assert.ElementsMatch(t, want, got, "%s in %s", f.Name, path)
		}
	}
	assert.ElementsMatch(t, []string{"File", "Mesh", "Service", "External", "Group", "Edge", "Deny", "Export", "MTLS", "Guard",
		"Ask", "Issuer", "Verify", "Hop", "Target", "Ref", "Operation", "Exception", "Condition", "Credential", "Label", "Port", "Carrier", "Passed", "Name"}, slices.Collect(maps.Keys(kinds)))
}

// Walk does not look inside a node if visit returns false.
func TestWalkStops(t *testing.T) {
	file, _ := lang.Parse("shop.mesh", []byte("a -> b:80 GET /x\nc -> d until 2027-01-01\n"))
	var seen []string
	lang.Walk(file, func(n lang.Node) bool {
		seen = append(seen, n.Span().Text())
		_, target := n.(*lang.Target)
		return !target
	})
	assert.Equal(t, []string{file.Source.Text, "a -> b:80 GET /x", "a", "a", "b:80 GET /x", "b:80 GET /x",
		"c -> d until 2027-01-01", "c", "c", "d", "d", "2027-01-01"}, seen)
}

// names finds all names that are present in a value.
func names(v reflect.Value) (all []*lang.Name) {
	if n, ok := v.Addr().Interface().(*lang.Name); ok {
		if n.Present() {
			all = append(all, n)
		}
		return all
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).Type != reflect.TypeFor[source.Span]() {
				all = append(all, names(v.Field(i))...)
			}
		}
	case reflect.Pointer:
		if !v.IsNil() {
			all = append(all, names(v.Elem())...)
		}
	case reflect.Slice:
		for i := range v.Len() {
			all = append(all, names(v.Index(i))...)
		}
	}
	return all
}
