package compiler

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/lang/diag"
)

// TestEveryHelp holds the helps in the code, and what is said of wrong command lines, against those that TestAdvice,
// TestProposedStatements, TestImperatives and TestHelpPairs follow, and TestAdvice of cmd/meshc. One that none of them
// follows stands in testdata/advice/unfollowed.txt, below the reason why.
func TestEveryHelp(t *testing.T) {
	all := helpsInCode(t)
	followed := map[string]bool{}
	var printed []string // helps that no text in the code has as a whole
	verbs := advisedByVerbs(t)
	see := func(p *advised, findings diag.List) {
		for _, d := range findings {
			if d.Help == "" {
				continue
			}
			known, way := false, p.follows(t, &d)
			for _, h := range all {
				if h.prints(d.Help) {
					known, followed[h.text] = true, followed[h.text] || way
				}
			}
			if !known && !way && !slices.Contains(verbs, d.Help) {
				printed = append(printed, d.Help)
			}
		}
	}
	for _, p := range corpus(t) {
		see(p, p.check(t).findings)
	}
	for _, pair := range helpPairs(t) {
		see(pair.bad, pair.before(t).findings)
	}
	for _, text := range verbs {
		for _, h := range all {
			followed[h.text] = followed[h.text] || h.prints(text)
		}
	}
	reasons := unfollowed(t)
	listed := func(text string) bool {
		return slices.ContainsFunc(reasons, func(h help) bool { return h.text == text })
	}
	for _, h := range all {
		switch {
		case followed[h.text] && listed(h.text):
			t.Errorf("this help is followed, and unfollowed.txt lists it: %s", h.text)
		case !followed[h.text] && !listed(h.text):
			t.Errorf("%s: nothing follows this help; add a pair to testdata/advice, or list it in unfollowed.txt below a reason:\n%s", h.at, h.text)
		}
	}
	for _, text := range printed {
		if !slices.ContainsFunc(reasons, func(h help) bool { return h.prints(text) }) {
			t.Errorf("nothing follows this help; add a pair to testdata/advice, or list it in unfollowed.txt below a reason:\n%s", text)
		}
	}
	for _, h := range reasons {
		inCode := slices.ContainsFunc(all, func(c help) bool { return c.text == h.text })
		assert.True(t, inCode || slices.ContainsFunc(printed, h.prints), "unfollowed.txt lists a help that nothing prints: %s", h.text)
	}
}

// help is the text of a help as the code has it, with the verbs of its arguments.
type help struct {
	at, text string
	*regexp.Regexp
}

var verbs = regexp.MustCompile(`%(?:\\\[\d\\\])?\\?\+?[sqdv]`)

func newHelp(at, text string) help {
	pattern := strings.ReplaceAll(verbs.ReplaceAllString(regexp.QuoteMeta(text), `.*`), "%%", "%")
	return help{at, text, regexp.MustCompile(`(?s)^` + pattern + `$`)}
}

// prints reports whether the text with some arguments is a help that was printed.
func (h help) prints(printed string) bool { return h.MatchString(printed) }

// helpsInCode returns the helps that are written out where findings are made, or are constants there. The others are
// known by what is printed.
func helpsInCode(t *testing.T) (all []help) {
	t.Helper()
	constants, named := map[string]string{}, map[string]string{} // by package and name; where a help names one
	add := func(at, text string) {
		if verbs.ReplaceAllString(regexp.QuoteMeta(text), "") != "" && !slices.ContainsFunc(all, func(h help) bool { return h.text == text }) {
			all = append(all, newHelp(at, text))
		}
	}
	require.NoError(t, filepath.WalkDir("..", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") {
			return err
		}
		files := token.NewFileSet()
		parsed, err := parser.ParseFile(files, name, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.ValueSpec:
				if len(n.Names) == 1 && len(n.Values) == 1 {
					if text, ok := literal(n.Values[0]); ok {
						constants[filepath.Dir(name)+" "+n.Names[0].Name] = text
					}
				}
			case *ast.CallExpr:
				at := files.Position(n.Pos()).String()
				if called, ok := n.Fun.(*ast.Ident); ok && called.Name == "fail" && len(n.Args) > 2 { // an error of package gitops
					if text, ok := literal(n.Args[1]); ok {
						add(at, text)
					}
				}
				if called, ok := n.Fun.(*ast.Ident); ok && called.Name == "usageError" && len(n.Args) > 0 { // of a command line
					if text, ok := literal(n.Args[0]); ok && regexp.MustCompile(`\w{3}`).MatchString(verbs.ReplaceAllString(regexp.QuoteMeta(text), "")) {
						add(at, text)
					}
				}
				called, ok := n.Fun.(*ast.SelectorExpr)
				if !ok || called.Sel.Name != "WithHelp" {
					break
				}
				for _, arg := range n.Args[:min(len(n.Args), 2)] {
					if text, ok := literal(arg); ok {
						add(at, text)
						if text != "%s" {
							break
						}
					}
					if id, ok := arg.(*ast.Ident); ok {
						named[filepath.Dir(name)+" "+id.Name] = at
					}
				}
			}
			return true
		})
		return nil
	}))
	for name, at := range named {
		if text, ok := constants[name]; ok {
			add(at, text)
		}
	}
	require.Greater(t, len(all), 400)
	return all
}

// advisedByVerbs returns the helps that scripts of cmd/meshc follow.
func advisedByVerbs(t *testing.T) (all []string) {
	t.Helper()
	for _, file := range glob(t, "../cmd/meshc/testdata/advice/*.txtar") {
		for _, m := range regexp.MustCompile(`(?m)^(?:\[\w+\] )?advised '((?:[^']|'')*)'`).FindAllStringSubmatch(string(parseArchive(t, file).Comment), -1) {
			all = append(all, strings.ReplaceAll(m[1], "''", "'"))
		}
	}
	return all
}

// literal returns the text of a string in code.
func literal(e ast.Expr) (string, bool) {
	l, ok := e.(*ast.BasicLit)
	if !ok || l.Kind != token.STRING {
		return "", false
	}
	text, err := strconv.Unquote(l.Value)
	return text, err == nil
}

// unfollowed returns the helps that are listed as not followed.
func unfollowed(t *testing.T) (all []help) {
	t.Helper()
	text, err := os.ReadFile("testdata/advice/unfollowed.txt")
	require.NoError(t, err)
	reason := ""
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(line, "# ") || line == "" {
			reason = line
			continue
		}
		require.NotEmpty(t, reason, "a help without a reason: %s", line)
		require.False(t, slices.ContainsFunc(all, func(h help) bool { return h.text == line }), "it is listed twice: %s", line)
		all = append(all, newHelp("", line))
	}
	return all
}

// follows reports whether a test follows the help of a finding.
func (p *advised) follows(t *testing.T, d *diag.Diagnostic) bool {
	return len(d.Fixes) > 0 || len(proposals(d.Help, p)) > 0 || paired(t, d.Help) ||
		d.Severity != diag.Note && len(p.readings(d)) > 0
}
