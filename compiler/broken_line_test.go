package compiler

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/lang"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// TestBrokenToken deletes, doubles and replaces words of every project without errors. Then each new error is on the
// lines of that statement, or about something that the statement names.
func TestBrokenToken(t *testing.T) {
	const stride = 23 // a prime, so that every kind of damage comes to every kind of word
	tried, turn := 0, 0
	for _, p := range corpus(t) {
		opened := p.open(t)
		_, before := opened.Check()
		if opened.Parsed == nil || before.HasErrors() {
			continue
		}
		for i, f := range opened.Parsed.Inputs.Files {
			parsed, _ := lang.Parse(f.Name, f.Text)
			for _, token := range parsed.Tokens {
				if token.Blank() || token.Kind == lang.KindEnd {
					continue
				}
				word := string(f.Text[token.Start:token.End])
				for _, damage := range []string{"", word + " " + word, word + ",", "zzz", "->", "$", "{", ",", `"`, ";", "GET", "/x", ":", "://"} {
					if turn++; turn%stride != 0 {
						continue
					}
					tried++
					in := opened.Parsed.Inputs
					in.Files = slices.Clone(in.Files)
					in.Files[i].Text = slices.Concat(f.Text[:token.Start], []byte(damage), f.Text[token.End:])
					damaged, err := opened.Parsed.Reparse(t.Context(), in)
					require.NoError(t, err)
					_, after := damaged.Check(in.Config)
					for _, d := range elsewhere(parsed, token, damage, before, after) {
						at := parsed.Source.Span(int(token.Start), int(token.End)).StartPosition()
						t.Errorf("%s: %s:%d: %q in place of %q: %s", p.name, f.Name, at.Line, damage, word, d.Error())
					}
				}
			}
		}
	}
	assert.Greater(t, tried, 4000)
}

// elsewhere returns the errors that are new after damage to a token and have nothing to do with its statement.
func elsewhere(f *lang.File, token lang.Token, damage string, before, after diag.List) (faults diag.List) {
	i := slices.IndexFunc(f.Stmts, func(s lang.Stmt) bool { return token.Start < s.Span().End })
	damaged := f.Stmts[i]
	own := lines(damaged.Span())
	unread := slices.ContainsFunc(after, func(d diag.Diagnostic) bool { return strings.HasPrefix(string(d.Code), "MESH0") })
	if m, ok := damaged.(*lang.Mesh); ok && (!unread || !m.Mode.Present() || damage == "->") {
		return nil // another section, or a line that may be something else than a section
	}
	var names []string
	lang.Walk(damaged, func(n lang.Node) bool {
		if name, ok := n.(*lang.Name); ok && name.Text != "*" {
			names = append(names, name.Text)
		}
		return true
	})
	for _, d := range after {
		at := []source.Span{d.Primary}
		for _, r := range d.Related {
			at = append(at, r.Span)
		}
		near := slices.ContainsFunc(at, func(at source.Span) bool { return meets(own, at) })
		about := slices.ContainsFunc(names, func(name string) bool { return strings.Contains(d.Message, name) })
		if d.Severity == diag.Error && alike(before, d) == 0 && !near && !about {
			faults = append(faults, d)
		}
	}
	return faults
}
