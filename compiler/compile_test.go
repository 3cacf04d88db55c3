package compiler

import (
	"context"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/compiler/config"
	"github.com/meshc/meshc/compiler/inventory"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// Whoever ends a compile early learns that there is no result, rather than one without findings.
func TestParseEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := Parse(ctx, Inputs{Files: []Input{{Name: "shop.mesh", Text: []byte("mesh shop strict\n")}}})
	assert.ErrorIs(t, err, context.Canceled)
}

// A line that cannot be read is told alone: every good example with a broken line has that fault and no other.
func TestNothingFollowsFromABrokenLine(t *testing.T) {
	for _, e := range diag.Table {
		files := e.Explanation().Good
		for i, f := range files {
			if path.Ext(f.Name) != ".mesh" {
				continue
			}
			lines := strings.SplitAfter(f.Text, "\n")
			for j, line := range lines {
				if strings.TrimSpace(line) == "" {
					continue
				}
				lines[j] = "-> ->\n"
				files[i].Text = strings.Join(lines, "")
				for _, d := range findingsOf(t, files) {
					assert.True(t, strings.HasPrefix(string(d.Code), "MESH0"), "the good example of %s without the line %q: %s", e.Code, line, d.Error())
				}
				lines[j] = line
			}
			files[i] = f
		}
	}
}

// A group whose line is cut short lacks members: what is left of it decides nothing.
func TestNothingFollowsFromACutGroup(t *testing.T) {
	const text = "mesh shop strict\nservice web account web\nservice db account db\nservice api account api\nany -> *\n"
	for _, group := range []string{"group both = web, db\n", "group both = web; db\n"} {
		list := findingsOf(t, []diag.Example{{Name: "shop.mesh", Text: text + group + "deny both except web -> api\n"}})
		var errors []string
		for _, d := range list {
			if d.Severity == diag.Error {
				errors = append(errors, string(d.Code))
			}
		}
		if strings.Contains(group, ";") {
			assert.Equal(t, []string{string(diag.UnknownStatement)}, errors)
		} else {
			assert.Empty(t, errors)
		}
	}
}

func findingsOf(t *testing.T, files []diag.Example) diag.List {
	t.Helper()
	today, err := time.Parse(time.DateOnly, diag.ExampleDay)
	require.NoError(t, err)
	p := Inputs{Config: config.Default(), Today: today}
	for _, f := range files {
		switch {
		case f.Name == "meshc.yaml":
			var findings diag.List
			p.Config, findings = config.Parse(source.NewFile(f.Name, f.Text))
			require.Empty(t, findings)
		case path.Ext(f.Name) == ".mesh":
			p.Files = append(p.Files, Input{Name: f.Name, Text: []byte(f.Text)})
		case strings.HasPrefix(f.Name, "k8s/"):
			p.Workloads = append(p.Workloads, inventory.Input{File: source.NewFile(f.Name, f.Text)})
		}
	}
	_, findings, _ := Check(t.Context(), p)
	return findings
}
