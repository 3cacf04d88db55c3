package diag_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

func TestApplyFixes(t *testing.T) {
	const text = "frontend -> backnd, dbb\n"
	file := source.NewFile("shop.mesh", text)
	other := source.NewFile("payments.mesh", "export api\n")
	edit := func(word, replacement string) diag.Edit {
		return diag.Edit{Span: at(t, file, word, 0), New: replacement}
	}
	insert := func(offset int, s string) diag.Edit { return diag.Edit{Span: file.Span(offset, offset), New: s} }

	for name, c := range map[string]struct {
		fixes [][]diag.Fix // of each finding
		want  string
		count int
	}{
		"two places":                     {[][]diag.Fix{{{Safe: true, Edits: []diag.Edit{edit("dbb", "db")}}}, {{Safe: true, Edits: []diag.Edit{edit("backnd", "backend")}}}}, "frontend -> backend, db\n", 2},
		"unsafe fixes are left":          {[][]diag.Fix{{{Edits: []diag.Edit{edit("backnd", "backend")}}}}, text, 0},
		"the first safe one of several":  {[][]diag.Fix{{{Edits: []diag.Edit{edit("dbb", "no")}}, {Safe: true, Edits: []diag.Edit{edit("dbb", "db")}}, {Safe: true, Edits: []diag.Edit{edit("dbb", "no")}}}}, "frontend -> backnd, db\n", 1},
		"overlap: the earlier wins":      {[][]diag.Fix{{{Safe: true, Edits: []diag.Edit{edit("backnd", "backend")}}}, {{Safe: true, Edits: []diag.Edit{edit("nd, dbb", "")}}}}, "frontend -> backend, dbb\n", 1},
		"the same edit is made once":     {[][]diag.Fix{{{Safe: true, Edits: []diag.Edit{insert(0, "mesh shop\n")}}}, {{Safe: true, Edits: []diag.Edit{insert(0, "mesh shop\n")}}}}, "mesh shop\n" + text, 2},
		"two insertions have no order":   {[][]diag.Fix{{{Safe: true, Edits: []diag.Edit{insert(0, "a\n")}}}, {{Safe: true, Edits: []diag.Edit{insert(0, "b\n")}}}}, "a\n" + text, 1},
		"a fix is whole or not at all":   {[][]diag.Fix{{{Safe: true, Edits: []diag.Edit{edit("dbb", "db")}}}, {{Safe: true, Edits: []diag.Edit{edit("backnd", "backend"), edit("dbb", "no")}}}}, "frontend -> backnd, db\n", 1},
		"a fix that contradicts itself":  {[][]diag.Fix{{{Safe: true, Edits: []diag.Edit{edit("dbb", "db"), edit("bb", "b")}}}}, text, 0},
		"edits that touch, in any order": {[][]diag.Fix{{{Safe: true, Edits: []diag.Edit{edit("dbb", "db")}}}, {{Safe: true, Edits: []diag.Edit{edit(", ", " , ")}}}}, "frontend -> backnd , db\n", 2},
		"no place":                       {[][]diag.Fix{{{Safe: true, Edits: []diag.Edit{{New: "x"}}}}}, text, 0},
		"no edits":                       {[][]diag.Fix{{{Safe: true}}}, text, 0},
	} {
		t.Run(name, func(t *testing.T) {
			var l diag.List
			for _, fixes := range c.fixes {
				l.Add(diag.UnknownService, file.Span(0, 0), "x").Fixes = fixes
			}
			fixed := diag.ApplyFixes(l)
			if c.count == 0 {
				assert.Empty(t, fixed)
				return
			}
			require.Len(t, fixed, 1)
			assert.Equal(t, diag.Fixed{File: file, Text: c.want, Fixes: c.count}, fixed[0])
			assert.Equal(t, text, file.Text)
		})
	}

	t.Run("several files come by name", func(t *testing.T) {
		var l diag.List
		l.Add(diag.UnknownService, file.Span(0, 0), "x").WithFix(true, at(t, file, "dbb", 0), "db", "")
		l.Add(diag.UnknownService, file.Span(0, 0), "x").WithFix(true, at(t, other, "api", 0), "ledger", "")
		fixed := diag.ApplyFixes(l)
		require.Len(t, fixed, 2)
		assert.Equal(t, "export ledger\n", fixed[0].Text)
		assert.Equal(t, "frontend -> backnd, db\n", fixed[1].Text)
	})
}
