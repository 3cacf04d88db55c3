package forge_test

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/targets/gitops/forge"
	"github.com/meshc/meshc/testdata/golden"
)

func example() forge.Description {
	return forge.Description{
		Environment: "prod",
		Dangers: []forge.Line{
			{Intent: "mesh shop permissive (was strict)", Why: "plaintext is accepted"},
			{Intent: "any -> shop/db", Why: "every workload of the mesh", File: "teams/shop/shop.mesh"},
		},
		Headlines: []string{"loosens mesh shop", "opens shop/db to any"},
		Exposed:   1,
		Opened: []forge.Line{
			{Intent: "shop/frontend -> shop/backend:8080 GET /api/*", File: "teams/shop/shop.mesh", Because: "INC-42, @everyone: see https://evil.example and #1", Owners: []string{"@acme/shop"}},
		},
		Closed:     []forge.Line{{Intent: "shop/admin -> shop/db", File: "teams/shop/shop.mesh", Owners: []string{"@acme/shop", "@ann"}}},
		FailClosed: []forge.Line{{Intent: "shop/backend"}},
		Reachable:  []forge.Line{{Intent: "istio-system/ingress ->> shop/db (2 hops)"}},
		Modes:      []forge.Line{{Intent: "mesh bank strict (was permissive)"}},
		Others:     []forge.Line{{Intent: "ServiceEntry shop/smtp is new"}},
		Graph: forge.Graph{Edges: []forge.Edge{
			{From: "any", To: "shop/db", MTLS: true, Change: forge.Exposed},
			{From: "shop/frontend", To: "shop/backend", Label: "8080 GET /api/*", MTLS: true, Change: forge.Added},
			{From: "shop/backend", To: "shop/db", MTLS: true},
			{From: "shop/admin", To: "shop/db", Change: forge.Removed},
		}},
		Diff:    "--- a/shop/20-authorizationpolicy-backend-ingress.yaml\n+++ b/shop/20-authorizationpolicy-backend-ingress.yaml\n@@ -1 +1 @@\n-a: ```1\n+a: 2\n",
		Pointer: "the changed files",
	}
}

func TestMarkdown(t *testing.T) {
	d := example()
	golden.Equal(t, "testdata/body.md", []byte(d.Markdown(forge.Limit)))
	golden.Equal(t, "testdata/message.txt", []byte(d.Title()+"\n\n"+d.Text()))
}

func TestTitle(t *testing.T) {
	one, two := make([]forge.Line, 1), make([]forge.Line, 2)
	for _, c := range []struct {
		want string
		d    forge.Description
	}{
		{"meshc: prod: 2 connections opened, 1 closed, 1 workload closed to everyone else", forge.Description{Environment: "prod", Opened: two, Closed: one, FailClosed: one}},
		{"meshc: prod: opens a to everybody, 1 connection closed", forge.Description{Environment: "prod", Closed: one, Headlines: []string{"opens a to everybody"}}},
		{"meshc: prod: a, b, c, 2 more dangers, 3 connections opened", forge.Description{Environment: "prod", Opened: one, Exposed: 2, Headlines: []string{"a", "b", "c", "d", "e"}}},
		{"meshc: 2 mTLS modes changed", forge.Description{Modes: two}},
		{"meshc: prod: 2 workloads closed to everyone else", forge.Description{Environment: "prod", FailClosed: two}},
		{"meshc: prod: 2 workloads closed to everyone else (dry-run)", forge.Description{Environment: "prod", FailClosed: two, DryRun: true}},
		{"meshc: prod: no connection changes", forge.Description{Environment: "prod"}},
		{"meshc: prod: no connection changes, 1 other object changed", forge.Description{Environment: "prod", Others: one}},
		{"meshc: prod: 1 connection opened, 2 other objects changed", forge.Description{Environment: "prod", Opened: one, Others: two}},
	} {
		require.Equal(t, c.want, c.d.Title())
	}
}

// The body always respects the limit, says how much it omits and where to find it, and closes what it opens.
func TestMarkdownLimit(t *testing.T) {
	many := func(n int, text string) (lines []forge.Line) {
		for i := range n {
			lines = append(lines, forge.Line{Intent: fmt.Sprintf("a%d -> b", i), File: "x.mesh", Because: text})
		}
		return lines
	}
	d := example()
	d.Opened, d.Closed = many(3000, "INC-42"), many(3000, "why `not`")
	d.Diff = strings.Repeat("+ one more line of YAML\n", 20000)
	body := d.Markdown(forge.Limit)
	require.LessOrEqual(t, len(body), forge.Limit)
	require.Greater(t, len(body), forge.Limit-forge.Limit/10)
	require.True(t, utf8.ValidString(body))
	require.Regexp(t, "(?m)^- … and [0-9]+ more: see `the changed files`$", body)
	require.Equal(t, 2, strings.Count(body, "- … and ")) // opened and closed alike
	require.True(t, strings.HasPrefix(body, "### ⚠️ Danger (2)\n\n- `mesh shop permissive (was strict)`: plaintext is accepted\n"))
	require.Contains(t, body, "- `mesh bank strict (was permissive)`\n")
	text := d.Text()
	require.Contains(t, text, "danger: mesh shop permissive (was strict): plaintext is accepted\n")
	require.Contains(t, text, "mTLS: mesh bank strict (was permissive)\n")
	require.Regexp(t, "(?m)^closed: … and [0-9]+ more$", text)
	require.Regexp(t, "(?m)^\\*[0-9]+ more lines of YAML are not shown\\*: see `the changed files`$", body)
	require.Equal(t, strings.Count(body, "<details>"), strings.Count(body, "</details>"))
	require.Zero(t, strings.Count(body, "```")%2)

	d = example()
	d.Graph.Edges = nil
	for i := range 2000 {
		d.Graph.Edges = append(d.Graph.Edges, forge.Edge{From: fmt.Sprint("a/", i), To: "b/c"})
	}
	body = d.Markdown(forge.Limit)
	require.Contains(t, body, "*1940 more connections are not in the picture*")
}

// Text of a user is shown literally: no markup, mention, reference or link.
func TestEscape(t *testing.T) {
	for text, want := range map[string]string{
		"INC-42, batch window":                   "`INC-42, batch window`",
		"@acme/all and #12 and !7 and GH-1":      "`@acme/all and #12 and !7 and GH-1`",
		"[x](https://evil.example) www.evil.com": "`[x](https://evil.example) www.evil.com`",
		"<img src=x onerror=alert(1)>":           "`<img src=x onerror=alert(1)>`",
		"`rm -rf` and ``more``":                  "``` `rm -rf` and ``more`` ```",
		"one\ntwo\r\n\n# three":                  "`one two # three`",
		"<!-- /meshc -->":                        "`<!-- /meshc -->`",
		"right\u202eleft\u200b\x1b[31m\x00":      "`rightleft[31m`",
		" \t ":                                   "",
		strings.Repeat("é", 400):                 "`" + strings.Repeat("é", 300) + "…`",
	} {
		require.Equal(t, want, forge.Escape(text))
	}
}

func FuzzEscape(f *testing.F) {
	for _, s := range []string{"", "`", "a`b``c", "``` ", "\n\n- x", "é\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		out := forge.Escape(text)
		if out == "" {
			return
		}
		fence := out[:len(out)-len(strings.TrimLeft(out, "`"))]
		inner, ok := strings.CutSuffix(strings.TrimPrefix(out, fence), fence)
		if !ok || inner == "" || strings.Contains(inner, fence) || strings.HasPrefix(inner, "`") || strings.HasSuffix(inner, "`") || strings.ContainsAny(out, "\r\n") {
			t.Fatalf("%q is not one code span: %q", text, out)
		}
	})
}

// Labels say what tokens edges ask for.
func TestMermaidTokens(t *testing.T) {
	text, _ := forge.Graph{Edges: []forge.Edge{{From: "world with another issuer's token", To: "shop/web", Label: "8080 with corp groups=admin"}}}.Mermaid()
	require.Contains(t, text, `["world with another issuer’s token"]`)
	require.Contains(t, text, `|"8080 with corp groups=admin"|`)
}

func TestMermaidHostileNames(t *testing.T) {
	text, _ := forge.Graph{Edges: []forge.Edge{{From: "a\"]\nclick n0 href \"javascript:alert(1)\"", To: "b|c<script>", Label: "GET \"x\" | /y"}}}.Mermaid()
	require.Equal(t, "flowchart LR\n  n0[\"a???click n0 href ?javascript:alert?1??\"]\n  n1[\"b∣c?script?\"]\n  n0 -->|\"GET ?x? ∣ /y\"| n1\n", text)
}
