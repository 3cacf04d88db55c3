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

// imports lists the packages of this module that each package imports, no more and no fewer. A new package needs a
// line, and with it a decision about its place. Imports run one way, from higher packages to lower ones.
var imports = map[string][]string{
	"lang/source": {},
	"lang/diag":   {"lang/source"},
	"lang":        {"lang/diag", "lang/source"},

	"lang/diag/sarif": {"lang/diag", "lang/source"},

	"lang/format": {"lang"},
	"lang/print":  {"lang", "lang/diag", "lang/format"},

	"compiler/policy":    {"lang/diag", "lang/source"},
	"compiler/learn":     {"compiler/analysis/explain", "compiler/directory", "compiler/policy", "compiler/traffic", "lang", "lang/print"},
	"compiler/directory": {"compiler/policy"},
	"compiler/traffic":   {"compiler/policy"},
	"compiler/yamldoc":   {"compiler/yamldoc/plainyaml", "lang/source"},

	"compiler/yamldoc/plainyaml": {},

	"compiler/config":    {"compiler/policy", "compiler/yamldoc", "lang/diag", "lang/source"},
	"compiler/bearing":   {"lang/diag", "lang/source"},
	"compiler/inventory": {"compiler/bearing", "compiler/policy", "compiler/yamldoc", "lang/diag", "lang/source"},
	"compiler/check":     {"compiler/bearing", "compiler/config", "compiler/inventory", "compiler/policy", "lang", "lang/diag", "lang/format", "lang/source"},
	"compiler/cluster":   {"compiler/bearing", "compiler/directory", "compiler/project", "lang/diag", "lang/source", "targets"},
	"compiler/placement": {"compiler/bearing", "compiler/policy", "compiler/yamldoc", "lang/diag", "lang/source"},
	"compiler/adopt":     {"compiler/config", "compiler/inventory", "compiler/placement", "compiler/policy", "lang", "lang/diag", "lang/print"},
	"compiler/project":   {"compiler/bearing", "compiler/config", "compiler/inventory", "compiler/placement", "lang/diag", "lang/source", "targets"},
	"compiler":           {"compiler/analysis/audit", "compiler/analysis/diff", "compiler/analysis/enforce", "compiler/analysis/explain", "compiler/analysis/model", "compiler/analysis/network", "compiler/analysis/rollout", "compiler/check", "compiler/config", "compiler/directory", "compiler/inventory", "compiler/policy", "compiler/project", "lang", "lang/diag", "lang/format", "lang/source", "targets", "targets/cilium", "targets/cilium/read", "targets/istio", "targets/istio/read", "targets/networkpolicy", "targets/networkpolicy/read"},
	"compiler/denied":    {"compiler", "compiler/analysis/enforce", "compiler/analysis/explain", "compiler/policy", "compiler/traffic", "lang/source"},
	"compiler/accounts":  {"compiler", "compiler/config", "compiler/inventory", "compiler/policy", "compiler/project", "compiler/yamldoc", "lang", "lang/diag", "lang/format", "lang/source"},
	"compiler/importer":  {"compiler", "compiler/analysis/diff", "compiler/analysis/enforce", "compiler/analysis/model", "compiler/analysis/space", "compiler/config", "compiler/inventory", "compiler/policy", "compiler/project", "compiler/replace", "compiler/yamldoc", "lang", "lang/diag", "lang/print", "lang/source", "targets", "targets/istio/read"},
	"compiler/replace":   {"compiler/bearing", "compiler/config", "compiler/yamldoc", "lang/source", "targets"},
	"compiler/migrate":   {"compiler", "compiler/config", "compiler/inventory", "compiler/policy", "lang/diag", "lang/source"},

	"targets":          {"compiler/analysis/enforce", "compiler/analysis/network", "compiler/config", "compiler/policy", "lang/diag", "lang/source"},
	"targets/folder":   {"targets", "lang/diag", "lang/source"},
	"targets/textdiff": {"lang/diag"},
	"targets/istio":    {"targets", "targets/istio/read", "compiler/analysis/enforce", "compiler/bearing", "compiler/config", "compiler/policy", "lang/diag", "lang/source"},
	"targets/cilium":   {"targets", "targets/cilium/read", "compiler/analysis/enforce", "compiler/analysis/network", "compiler/config", "compiler/policy", "lang/diag", "lang/source"},
	// The reader judges the emitter, so they share no code: neither the target nor, below, the types that it writes.
	"targets/istio/read":         {"compiler/analysis/enforce", "compiler/analysis/space", "compiler/bearing", "compiler/policy", "compiler/yamldoc", "compiler/yamldoc/plainyaml", "lang/diag", "lang/source"},
	"targets/cilium/read":        {"compiler/analysis/enforce", "compiler/analysis/network", "compiler/analysis/space", "compiler/policy", "compiler/yamldoc", "lang/diag", "lang/source"},
	"targets/networkpolicy":      {"targets", "targets/networkpolicy/read", "compiler/analysis/network", "compiler/config", "compiler/policy", "lang/diag", "lang/source"},
	"targets/networkpolicy/read": {"compiler/analysis/network", "compiler/yamldoc", "lang/diag", "lang/source"},
	// The analysis knows the clauses that a target's reader makes of manifests, not their YAML.
	"compiler/analysis/space":   {"compiler/policy"},
	"compiler/analysis/phrase":  {"compiler/analysis/space"},
	"compiler/analysis/network": {"compiler/analysis/enforce", "compiler/analysis/space", "compiler/policy", "lang/source"},
	"compiler/analysis/enforce": {"compiler/analysis/phrase", "compiler/analysis/space", "compiler/policy", "lang/source"},
	// The answers about a policy.
	"compiler/analysis/model":   {"compiler/analysis/enforce", "compiler/analysis/network", "compiler/analysis/space", "compiler/policy", "lang/diag", "lang/source"},
	"compiler/analysis/explain": {"compiler/analysis/enforce", "compiler/analysis/model", "compiler/analysis/network", "compiler/analysis/phrase", "compiler/analysis/space", "compiler/directory", "compiler/policy", "lang/diag", "lang/source"},
	"compiler/analysis/rollout": {"compiler/analysis/enforce", "compiler/analysis/model", "compiler/analysis/space", "compiler/policy"},
	"compiler/analysis/diff":    {"compiler/analysis/enforce", "compiler/analysis/model", "compiler/analysis/phrase", "compiler/analysis/space", "compiler/bearing", "compiler/policy", "lang/source"},
	"compiler/analysis/audit":   {"compiler/analysis/enforce", "compiler/analysis/model", "compiler/analysis/network", "compiler/analysis/space", "compiler/policy", "lang/diag", "lang/source"},
	// Delivery knows files, not where they come from.
	"targets/gitops": {"targets", "targets/textdiff", "lang/diag", "lang/source"},

	"cmd/meshc": {everything},
	"grammar":   {},
}

// below lists packages with inner packages of their own, which may import each other and what the outer one may.
var below = []string{"cmd/meshc", "targets/gitops"}

// outside lists who may import which dependency, and which packages of the standard library only some may import. A
// name includes all packages below it and every major version.
var outside = map[string][]string{
	"github.com/alecthomas/participle": {"lang"},

	// What findings are written with.
	"github.com/hashicorp/go-multierror": {"lang/diag"},
	"github.com/owenrumney/go-sarif":     {"lang/diag", "lang/diag/sarif"},
	"golang.org/x/text":                  {"lang/diag"},
	"golang.org/x/tools":                 {"lang/diag"},

	"github.com/bmatcuk/doublestar": {"compiler/check", "compiler/config", "compiler/project", "cmd/meshc"},
	"go.yaml.in/yaml":               {"compiler/accounts", "compiler/config", "compiler/importer", "compiler/inventory", "compiler/placement", "compiler/replace", "compiler/yamldoc", "targets/cilium/read", "targets/istio/read", "targets/networkpolicy/read"},
	"k8s.io":                        {"compiler/cluster", "compiler/inventory"},
	"sigs.k8s.io/json":              {"compiler/inventory"},
	"sigs.k8s.io/yaml":              {"compiler/cluster"},

	// What manifests are written with, and never judged with.
	"google.golang.org/protobuf": {"targets", "targets/istio", "targets/istio/read"},
	"istio.io/api":               {"targets/istio"},

	"golang.org/x/sys": {"targets/folder"},

	// git, and its keys.
	"github.com/go-git/go-git":            {"targets/gitops"},
	"github.com/go-git/go-billy":          {"targets/gitops"},
	"github.com/kevinburke/ssh_config":    {"targets/gitops"},
	"github.com/xanzy/ssh-agent":          {"targets/gitops"},
	"golang.org/x/crypto":                 {"targets/gitops"},
	"code.gitea.io/sdk/gitea":             {"targets/gitops/forge"},
	"github.com/google/go-github":         {"targets/gitops/forge"},
	"gitlab.com/gitlab-org/api/client-go": {"targets/gitops/forge"},

	"github.com/spf13/cobra":       {"cmd/meshc"},
	"github.com/spf13/pflag":       {"cmd/meshc"},
	"go.lsp.dev/jsonrpc2":          {"cmd/meshc/internal/lsp"},
	"go.lsp.dev/protocol":          {"cmd/meshc/internal/lsp"},
	"go.lsp.dev/uri":               {"cmd/meshc/internal/lsp"},
	"github.com/sergi/go-diff":     {"targets/textdiff"},
	"github.com/fsnotify/fsnotify": {"cmd/meshc/internal/notify"},

	// Disk, environment and network are for the packages whose purpose it is.
	"os":       {"cmd/meshc", "compiler/project", "targets/folder", "targets/gitops"},
	"os/exec":  {"targets/gitops"},
	"net/http": {"cmd/meshc", "targets/gitops"},

	"testing": {}, // for tests alone
}

func TestImportsRunOneWay(t *testing.T) {
	packages := goPackages(t, "..")
	unused := map[string]bool{} // what the lines of imports name and no package has been found to import
	for rule, all := range imports {
		assert.Contains(t, packages, rule, "imports names a package that does not exist")
		for _, ours := range all {
			unused[rule+" imports "+ours] = ours != everything
		}
	}
	for name, imported := range packages {
		rule, known := ruleOf(name)
		if !assert.True(t, known, "%s has no line in imports", name) {
			continue
		}
		for _, other := range imported {
			if ours, ok := strings.CutPrefix(other, module+"/"); ok {
				delete(unused, rule+" imports "+ours)
				allowed := slices.Contains(imports[rule], everything) || slices.Contains(imports[rule], ours) || within(ours, rule) && slices.Contains(below, rule)
				assert.True(t, allowed, "%s must not import %s", name, ours)
				continue
			}
			lines := restrictions(other)
			if first, _, _ := strings.Cut(other, "/"); strings.Contains(first, ".") {
				assert.NotEmpty(t, lines, "%s has no line in outside", other)
			}
			for _, line := range lines {
				allowed := slices.ContainsFunc(outside[line], func(p string) bool { return name == p || within(name, p) && slices.Contains(below, p) })
				assert.True(t, allowed, "%s must not import %s", name, other)
			}
		}
	}
	for line, stale := range unused {
		assert.False(t, stale, "superfluous: %s", line)
	}
}

// ruleOf returns the line of a package.
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

// restrictions returns the entries of outside that apply to an import.
func restrictions(imported string) []string {
	var all []string
	for name := range outside {
		if imported == name || strings.Contains(name, ".") && within(imported, name) {
			all = append(all, name)
		}
	}
	return all
}

// goPackages returns what each package of the module at root imports, on any system, without its tests.
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
