package yamldoc

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/meshc/meshc/lang/source"
)

func TestSplit(t *testing.T) {
	tests := []struct {
		name, text string
		want       []string
	}{
		{"empty", "", nil},
		{"white space and comments", " \n# x\n\t\n", nil},
		{"one", "a: b\n", []string{"a: b\n"}},
		{"no line end", "a: b", []string{"a: b"}},
		{"two", "a: b\n---\nc: d\n", []string{"a: b\n", "---\nc: d\n"}},
		{"empty ones between", "---\n---\n# x\n---\na: b\n---\n", []string{"---\na: b\n"}},
		{"content after a comment that a carriage return ends", "# x\ra: b\r", []string{"# x\ra: b\r"}},
		{"comment before the marker", "# licence\n---\na: b\n", []string{"---\na: b\n"}},
		{"content on the marker's line", "--- {a: b}\n--- c\n", []string{"--- {a: b}\n", "--- c\n"}},
		{"comment on the marker's line", "--- # x\n---\na: b\n", []string{"---\na: b\n"}},
		{"no marker", "a: |\n  ---\n\n--- x\n", []string{"a: |\n  ---\n\n", "--- x\n"}},
		{"dashes", "----\n---a\n", []string{"----\n---a\n"}},
		{"end marker", "a: b\n...\nc: d\n...\n", []string{"a: b\n", "c: d\n"}},
		{"directive", "%YAML 1.1\n---\na: b\n", []string{"%YAML 1.1\n---\na: b\n"}},
		{"directive of the second", "a: b\n...\n%YAML 1.1\n---\nc: d\n", []string{"a: b\n", "%YAML 1.1\n---\nc: d\n"}},
		{"carriage returns", "a: b\r\n---\r\nc: d\r\n", []string{"a: b\r\n", "---\r\nc: d\r\n"}},
		{"JSON objects", "{\"a\": 1}{}\n{\"b\":\n2}\n", []string{"{\"a\": 1}", "{}\n", "{\"b\":\n2}\n"}},
		{"byte order mark", "\ufeff---\na: b\n", []string{"---\na: b\n"}},
		{"files with byte order marks", "\ufeffa: b\n\ufeff---\nc: d\n---\n\ufeff# x\ne: f\n---\n\ufeff---\ng: h\n", []string{"a: b\n", "---\nc: d\n", "# x\ne: f\n", "---\ng: h\n"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			for d := range Split(source.NewFile("x.yaml", test.text)) {
				got = append(got, d.Text)
				require.NoError(t, d.Parse())
			}
			require.Equal(t, test.want, got)
		})
	}
}

// Every node has the place at which it was written.
func TestSpan(t *testing.T) {
	text := "\ufeff# first\r\n---\r\nné: [\"a, ]\", 'it''s', {b: c}, ~]\n" +
		"anchored: &x {d: e}\nalias: *x\ntagged: !!str 12\nblock: |\n  text\nlist:\n  - f\n  - \"\\\"\" # g\n" +
		"---\nlong: [" + strings.Repeat("h, ", 300) + "i]\nopen: [j,\n  k]\n"
	f := source.NewFile("x.yaml", text)
	var got []string
	for d := range Split(f) {
		require.NoError(t, d.Parse())
		var walk func(n *yaml.Node)
		walk = func(n *yaml.Node) {
			if n.Kind != yaml.ScalarNode || n.Value != "h" {
				s := d.Span(n)
				p := s.StartPosition()
				got = append(got, fmt.Sprintf("%d:%d %s", p.Line, p.Rune, s.Text()))
			}
			for _, c := range n.Content {
				walk(c)
			}
		}
		walk(d.Root)
	}
	require.Equal(t, []string{
		`3:1 né: ["a, ]", 'it''s', {b: c}, ~]`,
		`3:1 né`, `3:5 ["a, ]", 'it''s', {b: c}, ~]`, `3:6 "a, ]"`, `3:14 'it''s'`, `3:23 {b: c}`, `3:24 b`, `3:27 c`, `3:31 ~`,
		`4:1 anchored`, `4:14 {d: e}`, `4:15 d`, `4:18 e`,
		`5:1 alias`, `5:8 *x`,
		`6:1 tagged`, `6:15 12`,
		`7:1 block`, `7:8 |`,
		`9:1 list`, `10:3 - f`, `10:5 f`, `11:5 "\""`,
		`13:1 long: [` + strings.Repeat("h, ", 168) + "h", `13:1 long`, `13:7 [`, `13:908 i`,
		`14:1 open`, `14:7 [j,`, `14:8 j`, `15:3 k`,
	}, got)
}

// Lines that end otherwise than with a line feed do not displace what follows, whether YAML or editors count them.
func TestSpanAfterLineBreaks(t *testing.T) {
	for name, text := range map[string]string{
		"carriage returns":    "# x\ra: 1\rb: [x,\r  found]\r",
		"Windows":             "# x\r\na: 1\r\nb: [x,\r\n  found]\r\n",
		"mixed":               "# x\ra: 1\nb: [x,\r\n\n\r  found]\n",
		"in a comment":        "# x\u2028# y\u0085\u2029\na: 1\nb: [x, found]\n",
		"in quotes":           "a: \"x\u2028 y\u2029 z\u0085 w\"\nb: [x, found]\n",
		"in a block scalar":   "a: |\n  x\u2028  y\nb: [x, found]\n",
		"in a later document": "---\na: 1\n---\n# é\rx: \"y\u2028 z\"\nb: [x, found]\n",
		"JSON":                "{\"a\": \"x\u2028y\u0085\",\r\r\n\n \"b\": [1, \"found\"]}\n",
		"JSON after JSON":     "{\"a\": \"é\"}\r{\"b\": [1, \"found\"]}",
	} {
		t.Run(name, func(t *testing.T) {
			for d := range Split(source.NewFile("x.yaml", text)) {
				require.NoError(t, d.Parse())
				if list := Get(d.Root, "b"); list != nil {
					require.Equal(t, "found", strings.Trim(d.Span(list.Content[1]).Text(), `"`))
					return
				}
			}
			t.Fatal("there is no b")
		})
	}
}

// A syntax error stands on the line that breaks the document, wherever yaml.v3 puts it.
func TestSyntaxError(t *testing.T) {
	good := strings.Repeat("ok: [\n  1,\n  2]\n", 5)
	tests := []struct{ name, text, want string }{
		{"colon", "a: b\nc: d: e\nf: g\n", "2:1 c: d: e"},
		{"dedent", "a:\n    b: c\n  d: e\n", "3:3 d: e"},
		{"tab", "a:\n\tb: c\n", "2:2 b: c"},
		{"quote", "a: b\nc: \"d\ne: f\n", "2:1 c: \"d"},
		{"bracket", "a: b\nc: [d\ne: f\n", "2:1 c: [d"},
		{"closing bracket", "a: b\nc: d]\ne: ]\n", "3:1 e: ]"},
		{"anchor", "a: b\nc: *d\ne: f\n", "2:1 c: *d"},
		{"after flow collections of many lines", strings.ReplaceAll(good, "ok", "\"ok\"") + "a: @\n" + good, "16:1 a: @"},
		{"after the root", "  a: b\n  c: d\ne: f\n", "3:1 e: f"},
		{"after a flow collection", "{a: b}\n\n{c: d}\n", "3:1 {c: d}"},
		{"after JSON", "{\"a\": 1}\n[2]\n", "2:1 [2]"},
		{"after an end marker", "... a: b\n", "1:1 ... a: b"},
		{"directives alone", "%YAML 1.1\n", "1:1 %YAML 1.1"},
		{"in a large document", strings.Repeat("- a\n", 20_000) + "- @\n- b\n", "20001:1 - @"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for d := range Split(source.NewFile("x.yaml", test.text)) {
				var broken *SyntaxError
				require.ErrorAs(t, d.Parse(), &broken)
				p := broken.Span.StartPosition()
				require.Equal(t, test.want, fmt.Sprintf("%d:%d %s", p.Line, p.Rune, broken.Span.Text()))
			}
		})
	}
}

// JSON is read as yaml.v3 reads it.
func FuzzJSON(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"a": [1, -0, 1.5e3, true, null, "", "\\n\\u00e9\\\"\\/"], "b": {"c": []}}`, " {\"a\":{\"a\":{}},\n\"a\":\"é\u2028\",\"<<\":1}\n", `{"a":"y","b":"1","yes":"no"}{"c":[[],[[]]]}`,
		`{"a":"\\ud83d\\ude00"}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if Text(source.NewFile("x.json", text)) != nil {
			t.Skip()
		}
		for d := range Split(source.NewFile("x.json", text)) {
			if !d.json {
				continue
			}
			require.NoError(t, d.Parse())
			theirs, err := new(Memory).parse(d.Text)
			if err != nil {
				continue // surrogates
			}
			same := &Document{File: d.File, Text: d.Text, start: d.start, line: d.line, lines: linesOf(d.Text)}
			var compare func(a, b *yaml.Node)
			compare = func(a, b *yaml.Node) {
				require.Equal(t, []any{b.Kind, b.Tag, b.Style, b.Value, len(b.Content)}, []any{a.Kind, a.Tag, a.Style, a.Value, len(a.Content)})
				require.Equal(t, same.Span(b), d.Span(a), "%q", d.Text)
				for i := range a.Content {
					compare(a.Content[i], b.Content[i])
				}
			}
			compare(d.Root, theirs)
		}
	})
}

// As many values as a document may have are read, and one more is too many.
func TestMaxValues(t *testing.T) {
	const others = 4 // the object, the key, the array and the last value
	for extra, want := range map[int]error{0: nil, 1: ErrTooLarge} {
		for d := range Split(source.NewFile("x.json", `{"a":[`+strings.Repeat("1,", maxValues-others+extra)+"1]}")) {
			require.Equal(t, want, d.Parse())
		}
	}
}

// The estimate for YAML is near what there is, so that files which kubectl prints are not refused too soon.
func TestValues(t *testing.T) {
	for name, item := range map[string]string{
		"block":         "- name: shop-1\n  labels:\n    app: a-b-c\n    at: 2026-01-02T03:04:05Z\n  ports:\n  - 80\n  - 90\n",
		"flow":          "- {name: shop-1, labels: {app: a-b-c, at: '2026-01-02T03:04:05Z'}, ports: [80, 90]}\n",
		"JSON":          `- {"name":"shop-1","labels":{"app":"a-b-c","at":"2026-01-02T03:04:05Z"},"ports":[80,90]}` + "\n",
		"indented JSON": "- {\n    \"name\": \"shop-1\",\n    \"labels\": {\n      \"app\": \"a-b-c\",\n      \"at\": \"2026-01-02T03:04:05Z\"\n    },\n    \"ports\": [\n      80,\n      90\n    ]\n  }\n",
		"nested":        "-\n  a:\n    b:\n      c:\n      - d:\n          e:\n",
	} {
		text := strings.Repeat(item, 50)
		root, err := new(Memory).parse(text)
		require.NoError(t, err)
		nodes := 0
		var count func(n *yaml.Node)
		count = func(n *yaml.Node) {
			nodes++
			for _, c := range n.Content {
				count(c)
			}
		}
		count(root)
		require.InEpsilon(t, nodes, values(text), 0.5, name)
		require.GreaterOrEqual(t, 2*values(text), nodes, name)
	}
}

// No byte of a stream is skipped: what is in no document is blank, a comment or a marker, and what follows the root of
// a document is an error.
func FuzzSplit(f *testing.F) {
	for _, seed := range []string{"a: b\n---\nc: d\n", "{\"a\": 1}\n{\"b\": 2}{}", "  a: b\nc: d\n", "... a\n%x\n", "%YAML 1.1\n---\na\n...\n# x\n", "--- {a: b} c\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		file := source.NewFile("x.yaml", text)
		if Text(file) != nil {
			t.Skip()
		}
		at := 0
		passed := func(to int) {
			for line := range strings.FieldsFuncSeq(strings.TrimPrefix(text[at:to], "\ufeff"), func(r rune) bool { return strings.ContainsRune("\n\r\u0085\u2028\u2029", r) }) {
				for _, marker := range []string{"---", "..."} {
					line = strings.TrimPrefix(line, marker)
				}
				if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
					t.Errorf("skipped %q of %q", line, text)
				}
			}
		}
		for d := range Split(file) {
			require.Equal(t, text[d.Offset():d.Offset()+len(d.Text)], d.Text)
			passed(d.Offset())
			at = d.Offset() + len(d.Text)
			if d.Parse() == nil {
				require.ErrorIs(t, second(d.Text), errTrailing, d.Text)
			}
		}
		passed(len(text))
	})
}

// second returns the error about a text with something after its document.
func second(text string) error {
	_, err := new(Memory).parse(text + "\n--- x")
	return err
}

// What follows aliases comes to an end, so an alias of itself is an error of the text, wherever it is; so is a chain of
// aliases that is too long, and so are aliases of aliases that stand for too much.
func TestNested(t *testing.T) {
	chain := "- &a0 [x]\n"
	for i := range 300 {
		chain += fmt.Sprintf("- &a%d [[*a%d]]\n", i+1, i)
	}
	bomb := func(levels int) string {
		text := "a0: &a0 {b: c}\n"
		for i := range levels {
			text += fmt.Sprintf("a%d: &a%d [%s]\n", i+1, i+1, strings.Repeat(fmt.Sprintf("*a%d, ", i), 10))
		}
		return text
	}
	for text, want := range map[string]string{
		bomb(3):                            "",
		bomb(9):                            "6:25: with what aliases stand for, this is more than 100000 values",
		strings.Repeat("- '*'\n", 300_000): "",
		"a: &a {b: {c: *a}}\nd: *a":        "1:15: the alias *a is a part of what it stands for",
		"a: &a\n  ? [*a]\n  : b":           "2:6: the alias *a is a part of what it stands for",
		"y: &y {a: 1, <<: *y}":             "1:18: the alias *y is a part of what it stands for",
		"&a [&b [*a], *b]":                 "1:9: the alias *a is a part of what it stands for",
		"a: &a [b]\nc: [*a, *a]\nd: *a":    "",
		"a: &a [b]\nc: &a [*a]\nd: *a":     "2:8: the alias *a is a part of what it stands for", // the last anchor of a name counts
		chain:                              "251:11: nested more than 500 levels deep",
	} {
		for d := range Split(source.NewFile("x.yaml", text)) {
			var broken *SyntaxError
			got := ""
			if errors.As(d.Parse(), &broken) {
				at := broken.Span.StartPosition()
				got = fmt.Sprintf("%d:%d: %s", at.Line, at.Rune, broken.Message)
			}
			require.Equal(t, want, got, "%.100s", text)
		}
	}
}

func TestPairs(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"own keys win", "x: &x {a: 1, b: 2}\ny: {b: 3, <<: *x}", "b=3 a=1"},
		{"the first merged wins", "x: &x {a: 1}\nz: &z {a: 2, c: 3}\ny: {<<: [*x, *z]}", "a=1 c=3"},
		{"merges in merges", "x: &x {a: 1}\nz: &z {<<: *x, c: 3}\ny: {<<: *z}", "c=3 a=1"},
		{"repeated", "y: {a: 1, b: 2, a: 3}", "a=1 b=2 a!"},
		{"quoted, no merge", "y: {\"<<\": 1}", "<<=1"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for d := range Split(source.NewFile("x.yaml", test.text)) {
				require.NoError(t, d.Parse())
				var got []string
				pairs, repeats := Pairs(Get(d.Root, "y"))
				for _, p := range pairs {
					got = append(got, p.Key.Value+"="+p.Value.Value)
				}
				for _, r := range repeats {
					got = append(got, r.Again.Value+"!")
				}
				require.Equal(t, test.want, strings.Join(got, " "))
			}
		})
	}
}
