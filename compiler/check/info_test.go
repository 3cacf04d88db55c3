package check_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/compiler/check"
	"github.com/meshc/meshc/compiler/inventory"
	"github.com/meshc/meshc/compiler/project"
	"github.com/meshc/meshc/lang"
)

// TestNamesOfExamples holds every name of every example against what the check recorded for it: it is a definition or a
// use, and the declaration has that name as its text.
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
			p, _, err := project.Open([]string{filepath.Join("../../examples", example)})
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
				for _, n := range names(files) {
					o, def := info.Defs[n.Range]
					used, use := info.Uses[n.Range]
					if !assert.True(t, def != use, "%s: %s is %v a definition and %v a use", n.Range.File.Name, n.Text, def, use) {
						continue
					}
					if def {
						assert.Equal(t, n.Range, o.At)
					} else {
						o = used
						assert.NotEqual(t, n.Range, o.At)
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

// names is every name of intents that is neither a wildcard, a number, a label nor a value.
func names(files []*lang.File) []lang.Name {
	var all []lang.Name
	add := func(n lang.Name) {
		wildcard := n.Text == "*" || n.Text == "any" || n.Text == "world"
		if n.Present() && (n.Quoted || !wildcard) {
			all = append(all, n)
		}
	}
	refs := func(list ...lang.Ref) {
		for _, r := range list {
			add(r.Namespace)
			add(r.Name)
		}
	}
	targets := func(list ...[]lang.Target) {
		for _, side := range list {
			for _, t := range side {
				refs(t.Ref)
			}
		}
	}
	for _, f := range files {
		for _, stmt := range f.Stmts {
			switch s := stmt.(type) {
			case *lang.Mesh:
				add(s.Name)
			case *lang.Service:
				add(s.Name)
				for _, a := range s.Accounts {
					add(a)
				}
			case *lang.External:
				add(s.Name)
			case *lang.Group:
				add(s.Name)
				refs(s.Members...)
			case *lang.Edge:
				targets(s.Hops...)
			case *lang.Deny:
				targets(s.Hops...)
			case *lang.Export:
				targets(s.What)
				refs(s.To...)
			case *lang.MTLS:
				targets(s.Targets)
			case *lang.Guard:
				targets(s.Hops...)
				refs(s.Except...)
			}
		}
	}
	return all
}
