package check_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/compiler/check"
	"github.com/meshc/meshc/compiler/inventory"
	"github.com/meshc/meshc/compiler/project"
	"github.com/meshc/meshc/lang"
	"github.com/meshc/meshc/lang/source"
)

// TestNamesOfExamples checks what was recorded for every name of every example: it is a definition or a use, and the
// text of its declaration is that name.
func TestNamesOfExamples(t *testing.T) {
	intents, err := doublestar.FilepathGlob("../../examples/*/**/*.mesh")
	require.NoError(t, err)
	examples := map[string]bool{}
	for _, name := range intents {
		example, _, _ := strings.Cut(strings.TrimPrefix(filepath.ToSlash(name), "../../examples/"), "/")
		examples[example] = example != "broken" // has names that cannot be resolved
	}
	require.Greater(t, len(examples), 3)
	seen := map[check.ObjectKind]int{}
	manifests := 0
	for example, whole := range examples {
		if !whole {
			continue
		}
		t.Run(example, func(t *testing.T) {
			root := filepath.Join("../../examples", example)
			if example == "brownfield" {
				root = filepath.Join(root, "project") // beside the policies that it was made of
			}
			p, _, err := project.Open([]string{root})
			require.NoError(t, err)
			for _, env := range append(p.Environments(), "") {
				inputs, err := p.Intents(env, nil)
				require.NoError(t, err)
				workloads, _, err := p.Workloads(nil, nil)
				require.NoError(t, err)
				inv, _ := inventory.Read(workloads)
				var files []*lang.File
				for _, in := range inputs {
					file, _ := lang.Parse(in.Name, in.Text)
					files = append(files, file)
				}
				info := &check.Info{}
				check.Project(files, inv, check.Options{Config: p.Config, Environment: env, Today: today, Info: info})
				meant := map[source.Span]check.Object{}
				for _, n := range info.Names {
					if o, again := meant[n.At]; again {
						assert.Equal(t, o, *n.Object, "%s: %s", n.At.File.Name, n.At.Text())
					}
					meant[n.At] = *n.Object
				}
				for _, n := range names(files) {
					o, known := meant[n.Range]
					if !assert.True(t, known, "%s: %s stands for nothing", n.Range.File.Name, n.Text) {
						continue
					}
					seen[o.Kind]++
					if !strings.HasSuffix(o.At.File.Name, ".mesh") {
						manifests++
					}
					assert.Equal(t, n.Text, o.Name)
					assert.Equal(t, n.Text, strings.Trim(o.At.Text(), `"'`), "%s in %s", o.Kind, o.At.File.Name)
				}
			}
		})
	}
	for kind := check.MeshName; kind <= check.AccountName; kind++ {
		assert.NotZero(t, seen[kind], "no example has the name of a %s", kind)
	}
	assert.NotZero(t, manifests, "no name leads into a manifest")
}

// names returns every name in intents that is not a wildcard, a number, a label or a value.
func names(files []*lang.File) []lang.Name {
	var all []lang.Name
	add := func(names ...lang.Name) {
		for _, n := range names {
			wildcard := slices.Contains([]string{"*", "any", "world", "pods"}, n.Text)
			if n.Present() && (n.Quoted || !wildcard) {
				all = append(all, n)
			}
		}
	}
	for _, f := range files {
		lang.Walk(f, func(n lang.Node) bool {
			switch n := n.(type) {
			case *lang.Mesh:
				add(n.Name)
			case *lang.Service:
				add(append([]lang.Name{n.Name}, n.Accounts...)...)
			case *lang.External:
				add(n.Name)
			case *lang.Group:
				add(n.Name)
			case *lang.Target:
				add(n.Namespace, n.Name)
			case *lang.Ref:
				add(n.Namespace, n.Name)
			}
			return true
		})
	}
	return all
}
