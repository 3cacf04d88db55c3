package check_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/tools/txtar"

	"github.com/meshc/meshc/compiler/check"
	"github.com/meshc/meshc/compiler/config"
	"github.com/meshc/meshc/compiler/inventory"
	"github.com/meshc/meshc/lang"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
	"github.com/meshc/meshc/targets/istio"
	"github.com/meshc/meshc/testdata/golden"
)

// today is the day of every case; a case may choose an environment in its comment: `environment: prod`.
var today = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

// expectation is `# ERROR MESH1003 "regexp"` (or WARNING, NOTE) at the end of the line that the finding
// points to. One line may hold several.
var expectation = regexp.MustCompile(`(ERROR|WARNING|NOTE) (MESH\d{4}) "([^"]*)"`)

// TestFindings holds each archive in testdata against the expectations that stand in its own lines: every
// finding is expected, and every expectation is found.
func TestFindings(t *testing.T) {
	golden.Archives(t, "testdata/*.txtar", func(t *testing.T, _ string, archive *txtar.Archive) {
		got := findings(t, archive)
		want := map[string][]string{}
		for _, f := range archive.Files {
			for i, line := range strings.Split(string(f.Data), "\n") {
				for _, m := range expectation.FindAllStringSubmatch(line, -1) {
					at := fmt.Sprintf("%s:%d", f.Name, i+1)
					want[at] = append(want[at], m[0])
					take(t, got, at, m[1], m[2], regexp.MustCompile(m[3]))
				}
			}
		}
		for at, rest := range got {
			for _, d := range rest {
				t.Errorf("%s: unexpected %s", at, d.Error())
			}
		}
	})
}

func take(t *testing.T, got map[string]diag.List, at, severity, code string, message *regexp.Regexp) {
	t.Helper()
	for i, d := range got[at] {
		text := strings.Join(append([]string{d.Message, d.Help}, d.Notes...), "; ")
		if string(d.Code) == code && strings.EqualFold(d.Severity.String(), severity) && message.MatchString(text) {
			got[at] = append(got[at][:i:i], got[at][i+1:]...)
			return
		}
	}
	t.Errorf("%s: no %s %s %q; there are %v", at, severity, code, message, got[at])
}

// findings builds an archive and gives its findings by FILE:LINE.
func findings(t *testing.T, archive *txtar.Archive) map[string]diag.List {
	t.Helper()
	o := check.Options{Config: config.Default(), Today: today}
	var files []*lang.File
	var inputs []inventory.Input
	var all diag.List
	for _, f := range archive.Files {
		switch {
		case strings.HasSuffix(f.Name, ".mesh"):
			file, list := lang.Parse(f.Name, f.Data)
			files, all = append(files, file), append(all, list...)
		case f.Name == "meshc.yaml":
			c, list := config.Parse(source.NewFile(f.Name, string(f.Data)))
			o.Config, all = c, append(all, list...)
		default:
			inputs = append(inputs, inventory.Input{File: source.NewFile(f.Name, string(f.Data))})
		}
	}
	for line := range strings.Lines(string(archive.Comment)) {
		if env, ok := strings.CutPrefix(strings.TrimSpace(line), "environment: "); ok {
			o.Environment = env
		}
	}
	inv, list := inventory.Read(inputs, o.Config.Stated(o.Environment)...)
	all = append(all, list...)
	checked, found := check.Project(files, inv, o)
	list = found.List()
	_, refused := istio.New(istio.Options{}).Emit(checked)
	if all = append(all, list...); all.HasErrors() {
		refused = refused.Settled(true)
	}
	all = append(all, refused...).Sort()
	byLine := map[string]diag.List{}
	for _, d := range all {
		require.False(t, d.Primary.IsZero(), "a finding without a place: %s", d.Error())
		assert.NotEmpty(t, d.Message)
		at := fmt.Sprintf("%s:%d", d.Primary.File.Name, d.Primary.StartPosition().Line)
		byLine[at] = append(byLine[at], d)
	}
	return byLine
}
