package compiler

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const module = "github.com/meshc/meshc"

const everything = "..."

// imports is which packages of this module a package may import. Every package has its line: a new one is
// a decision about where it stands. Imports run one way, so what stands lower never sees what stands higher.
var imports = map[string][]string{
	"lang/source": {},
	"lang/diag":   {"lang/source"},
	"lang":        {"lang/diag", "lang/source"},
	"lang/format": {"lang", "lang/diag", "lang/source"},

	"compiler/policy":    {"lang/source"},
	"compiler/yamldoc":   {"lang/diag", "lang/source"},
	"compiler/config":    {"compiler/policy", "compiler/yamldoc", "lang/diag", "lang/source"},
	"compiler/inventory": {"compiler/policy", "compiler/yamldoc", "lang/diag", "lang/source"},
	"compiler/check":     {"compiler/config", "compiler/inventory", "compiler/policy", "lang", "lang/diag", "lang/source"},
	"compiler/lower":     {"compiler/check", "compiler/config", "compiler/inventory", "compiler/policy", "lang", "lang/diag", "lang/source"},
	"compiler":           {"compiler/check", "compiler/config", "compiler/inventory", "compiler/lower", "compiler/policy", "lang", "lang/diag"},
	"compiler/migrate":   {"compiler", "compiler/config", "compiler/inventory", "compiler/policy", "lang/diag", "lang/source"},

	"targets":        {"compiler/policy", "lang/diag", "lang/source"},
	"targets/folder": {"targets", "compiler/policy", "lang/diag", "lang/source"},
	"targets/istio":  {"targets", "compiler/policy", "lang/diag", "lang/source"},
	// The judge shares no code with what it judges.
	"targets/istio/eval": {"compiler/policy", "compiler/yamldoc", "lang/diag", "lang/source"},
	// What the judge's answers mean for a policy.
	"targets/istio/reach": {"compiler/policy", "compiler/yamldoc", "lang/diag", "lang/source", "targets/istio/eval"},
	// Delivery knows files, not where they come from.
	"targets/gitops": {"targets", "lang/diag", "lang/source"},

	"cmd/meshc": {everything},
}

// below is the packages whose inner ones are theirs: these may import what the outer one may, and each other.
var below = []string{"cmd/meshc", "targets/gitops"}

// outside is what only some packages may import from elsewhere. A name stands for all below it too.
var outside = map[string][]string{
	"github.com/alecthomas/participle": {"lang"},
	"github.com/go-git/go-git":         {"targets/gitops"},
	"github.com/spf13/cobra":           {"cmd/meshc"},

	// No disk, environment or network but where it is a package's business.
	"os":       {"cmd/meshc", "targets/folder", "targets/gitops"},
	"os/exec":  {"cmd/meshc", "targets/gitops"},
	"net/http": {"cmd/meshc", "targets/gitops"},

	"github.com/stretchr/testify": {}, // for tests alone
	"testing":                     {},
}

func TestImportsRunOneWay(t *testing.T) {
	packages := goPackages(t, "..")
	for rule := range imports {
		if _, there := packages[rule]; !there {
			_, err := os.Stat(filepath.Join("..", filepath.FromSlash(rule)))
			assert.NoError(t, err, "imports names a package that is not there")
		}
	}
	for name, imported := range packages {
		rule, known := ruleOf(name)
		if !assert.True(t, known, "%s has no line in imports: say what it may know", name) {
			continue
		}
		for _, other := range imported {
			if ours, ok := strings.CutPrefix(other, module+"/"); ok {
				allowed := slices.Contains(imports[rule], everything) || slices.Contains(imports[rule], ours) || within(ours, rule) && slices.Contains(below, rule)
				assert.True(t, allowed, "%s must not import %s", name, ours)
				continue
			}
			for _, restricted := range restrictions(other) {
				allowed := slices.ContainsFunc(outside[restricted], func(p string) bool { return within(name, p) })
				assert.True(t, allowed, "%s must not import %s", name, other)
			}
		}
	}
}

// ruleOf finds the line of a package.
func ruleOf(name string) (string, bool) {
	if _, ok := imports[name]; ok {
		return name, true
	}
	for _, parent := range below {
		if within(name, parent) {
			return parent, true
		}
	}
	return "", false
}

func within(name, parent string) bool { return name == parent || strings.HasPrefix(name, parent+"/") }

// restrictions are the entries of outside that an import falls under, whatever its major version.
func restrictions(imported string) []string {
	var all []string
	for name := range outside {
		if imported == name || strings.Contains(name, ".") && within(imported, name) {
			all = append(all, name)
		}
	}
	return all
}

// goPackages is what each package of the module at root imports, on any system, its tests aside.
func goPackages(t *testing.T, root string) map[string][]string {
	packages := map[string][]string{}
	err := filepath.WalkDir(root, func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() {
			_, nested := os.Stat(filepath.Join(name, "go.mod"))
			hidden := name != root && strings.HasPrefix(e.Name(), ".")
			if hidden || e.Name() == "testdata" || name != root && nested == nil {
				return filepath.SkipDir
			}
			return nil
		}
		if path.Ext(e.Name()) != ".go" || strings.HasSuffix(e.Name(), "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(root, filepath.Dir(name))
		if err != nil {
			return err
		}
		relative = filepath.ToSlash(relative)
		for _, i := range file.Imports {
			imported, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				return err
			}
			packages[relative] = append(packages[relative], imported)
		}
		if packages[relative] == nil {
			packages[relative] = []string{}
		}
		return nil
	})
	require.NoError(t, err)
	require.NotEmpty(t, packages)
	return packages
}
