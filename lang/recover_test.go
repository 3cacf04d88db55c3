package lang_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/lang"
)

// TestOtherStatementsRemain damages every token of the examples. The statements on other lines are read as before; only
// those of a section whose name was damaged may be left out.
func TestOtherStatementsRemain(t *testing.T) {
	var paths []string
	require.NoError(t, filepath.WalkDir("../examples", func(path string, d fs.DirEntry, err error) error {
		if filepath.Ext(path) == ".mesh" {
			paths = append(paths, path)
		}
		return err
	}))
	for _, path := range paths {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		before, list := lang.Parse(path, text)
		require.Empty(t, list)
		for _, token := range before.Tokens {
			if token.Blank() || token.Kind == lang.KindEnd {
				continue
			}
			word := string(text[token.Start:token.End])
			for _, damage := range []string{"", word + " " + word, word + ",", word + " ->", "zzz", "->", "-> ->", "$", "{", "}", ",", "|", `"`, ":", "GET", "/x", "service", "because"} {
				damaged := slices.Concat(text[:token.Start], []byte(damage), text[token.End:])
				after, _ := lang.Parse(path, damaged)
				for _, lost := range missing(before, after, token) {
					t.Errorf("%s: %q in place of %q in %q: %q is lost", path, damage, word, before.Source.Line(before.Source.Position(int(token.Start)).Line), lost)
				}
			}
		}
	}
}

// missing returns the statements of a file that another lacks, other than those on the lines of a token.
func missing(before, after *lang.File, token lang.Token) (lost []string) {
	at := before.Source.Position(int(token.Start)).Line
	remaining := map[string]int{}
	for _, s := range after.Stmts {
		remaining[s.Span().Text()]++
	}
	section := false
	for _, s := range before.Stmts {
		_, opens := s.(*lang.Mesh)
		_, similar := s.(*lang.MTLS) // without its keyword, it is like a mesh
		if opens {
			section = false
		}
		first, last := before.Source.Position(int(s.Span().Start)).Line, before.Source.Position(int(s.Span().End)).Line
		switch text := s.Span().Text(); {
		case first <= at && at <= last:
			section = section || opens || similar
		case remaining[text] > 0:
			remaining[text]--
		case !section:
			lost = append(lost, text)
		}
	}
	return lost
}
