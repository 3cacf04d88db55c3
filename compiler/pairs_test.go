package compiler

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/tools/txtar"

	"github.com/meshc/meshc/lang/diag"
)

// TestHelpPairs holds a project against one in which a help of its findings was followed: the finding is gone, there is no new
// error, and nothing is opened but what the changed lines are about. The help, or a part of it, is the comment of the archive; a
// file that the second project lacks is that of the first.
func TestHelpPairs(t *testing.T) {
	day, err := time.Parse(time.DateOnly, "2026-11-01")
	require.NoError(t, err)
	for _, file := range glob(t, "testdata/advice/*.txtar") {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive := parseArchive(t, file)
			bad, good := &advised{name: file, Options: Options{Today: day}}, &advised{name: file, Options: Options{Today: day}}
			for _, f := range archive.Files {
				half, name, _ := strings.Cut(f.Name, "/")
				if half == "bad" {
					bad.files = append(bad.files, txtar.File{Name: name, Data: f.Data})
				}
			}
			var changed []place
			for _, f := range bad.files {
				after := f
				if i := slices.IndexFunc(archive.Files, func(g txtar.File) bool { return g.Name == "good/"+f.Name }); i >= 0 {
					after.Data = archive.Files[i].Data
				}
				for i := range strings.Count(string(after.Data), "\n") {
					if !slices.Contains(strings.Split(string(f.Data), "\n"), strings.Split(string(after.Data), "\n")[i]) {
						changed = append(changed, place{f.Name, i + 1})
					}
				}
				good.files = append(good.files, after)
			}
			for _, f := range archive.Files {
				half, name, _ := strings.Cut(f.Name, "/")
				if half == "good" && !slices.ContainsFunc(bad.files, func(g txtar.File) bool { return g.Name == name }) {
					good.files = append(good.files, txtar.File{Name: name, Data: f.Data})
				}
			}
			bad.nameWorkloads()
			good.nameWorkloads()
			help := strings.TrimSpace(string(archive.Comment))
			before, after := bad.check(t), good.check(t)
			i := slices.IndexFunc(before.findings, func(d diag.Diagnostic) bool { return strings.Contains(d.Help, help) })
			if !assert.GreaterOrEqual(t, i, 0, "no finding has this help: %s\n%v", help, before.findings) {
				return
			}
			d := before.findings[i]
			for _, fault := range wrong(t, before, after, d, false, append(changed, lines(d.Primary)...)) {
				t.Errorf("%s: %s: %s", d.Error(), help, fault)
			}
		})
	}
}
