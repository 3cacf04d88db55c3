package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"path"
	"regexp"
	"strings"

	"github.com/alecthomas/chroma/v2"
	chromahtml "github.com/alecthomas/chroma/v2/formatters/html"
	"github.com/alecthomas/chroma/v2/lexers"
	"github.com/alecthomas/chroma/v2/styles"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/util"
)

// codeBlocks renders fenced code: in colour, with the name of its file if it has one, and pictures as rows of arrows.
type codeBlocks struct{ mesh chroma.Lexer }

func (c codeBlocks) RegisterFuncs(r renderer.NodeRendererFuncRegisterer) {
	r.Register(ast.KindFencedCodeBlock, func(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		block := n.(*ast.FencedCodeBlock)
		var code bytes.Buffer
		for i := range block.Lines().Len() {
			line := block.Lines().At(i)
			code.Write(line.Value(source))
		}
		info := ""
		if block.Info != nil {
			info = string(block.Info.Segment.Value(source))
		}
		if info == "mermaid" {
			flow(w, code.String())
			return ast.WalkSkipChildren, nil
		}
		return ast.WalkSkipChildren, c.highlight(w, info, code.String())
	})
}

var formatter = chromahtml.New(chromahtml.WithClasses(true))

func (c codeBlocks) highlight(w util.BufWriter, info, code string) error {
	language, name := info, ""
	if before, file, ok := strings.Cut(info, " "); ok {
		language, name = before, file
	} else if strings.Contains(info, ".") {
		language, name = strings.TrimPrefix(path.Ext(info), "."), info
	}
	if name != "" {
		fmt.Fprintf(w, "<figure><figcaption>%s</figcaption>\n", html.EscapeString(name))
		defer w.WriteString("</figure>\n")
	}
	lexer := c.mesh
	if language != "mesh" {
		if lexer = lexers.Get(language); lexer == nil {
			lexer = lexers.Fallback
		}
	}
	found, err := chroma.Coalesce(lexer).Tokenise(nil, code)
	if err != nil {
		return err
	}
	return formatter.Format(w, styles.Fallback, found)
}

// tokens is what the names of TextMate are for chroma, the longest prefix first.
var tokens = []struct {
	scope string
	token chroma.TokenType
}{
	{"comment", chroma.CommentSingle},
	{"string", chroma.LiteralString},
	{"keyword.operator", chroma.Operator},
	{"keyword", chroma.Keyword},
	{"constant.numeric", chroma.LiteralNumber},
	{"constant", chroma.NameConstant},
}

// meshLexer is the language of intents, as the grammar for editors has it.
func meshLexer(grammar []byte) (chroma.Lexer, error) {
	var g struct {
		Patterns []struct{ Name, Match string }
	}
	if err := json.Unmarshal(grammar, &g); err != nil {
		return nil, err
	}
	var rules []chroma.Rule
	for _, p := range g.Patterns {
		for _, t := range tokens {
			if p.Match != "" && strings.HasPrefix(p.Name, t.scope) {
				// regexp2 has no recursion: braces in braces are coloured once.
				rules = append(rules, chroma.Rule{Pattern: strings.ReplaceAll(p.Match, `\g<braces>`, `\{[^{}]*\}`), Type: t.token})
				break
			}
		}
	}
	rules = append(rules, chroma.Rule{Pattern: `[\p{L}\p{N}_./-]+?(?=->|[^\p{L}\p{N}_./-])|\s+|.`, Type: chroma.Text})
	return chroma.NewLexer(&chroma.Config{Name: "mesh"}, func() chroma.Rules { return chroma.Rules{"root": rules} })
}

// highlighting is the style sheet of code, in light and in dark.
func highlighting() []byte {
	var b bytes.Buffer
	scoped := func(style, under string) {
		var css bytes.Buffer
		formatter.WriteCSS(&css, styles.Get(style))
		for line := range strings.Lines(css.String()) {
			if _, rule, ok := strings.Cut(line, "*/ "); ok && !strings.HasPrefix(rule, ".bg") && !strings.HasPrefix(rule, ".chroma {") {
				b.WriteString(under + " " + rule)
			}
		}
	}
	scoped("github", ":root[data-theme=light]")
	scoped("github-dark", ":root[data-theme=dark]")
	return b.Bytes()
}

var (
	flowNode = regexp.MustCompile(`(\w+)(?:\["(.*?)"\]|\(\("(.*?)"\)\))`)
	flowEdge = regexp.MustCompile(`^(\w+)[^-]*(?:--> | -- "(.*?)" --> )(\w+)`)
)

// flow writes a flow chart of Mermaid as rows of arrows, since no picture can be drawn without a browser.
func flow(w util.BufWriter, chart string) {
	names := map[string]string{}
	for _, m := range flowNode.FindAllStringSubmatch(chart, -1) {
		label := m[2] + m[3]
		first, rest, _ := strings.Cut(label, "<br/>")
		names[m[1]] = "<b>" + html.EscapeString(html.UnescapeString(first)) + "</b>"
		if rest != "" {
			names[m[1]] += " <small>" + html.EscapeString(rest) + "</small>"
		}
	}
	w.WriteString("<ul class=flow>\n")
	for line := range strings.Lines(chart) {
		line = strings.TrimSpace(flowNode.ReplaceAllString(line, "$1"))
		m := flowEdge.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		fmt.Fprintf(w, "<li><span>%s</span><i>%s</i><span>%s</span>\n", names[m[1]], html.EscapeString(strings.TrimSpace(m[2]+" →")), names[m[3]])
	}
	w.WriteString("</ul>\n")
}
