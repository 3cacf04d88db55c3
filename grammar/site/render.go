package main

import (
	"bytes"
	"fmt"
	"html/template"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/renderer/html"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// render makes HTML of all pages.
func (s *site) render() error {
	grammar, err := os.ReadFile(filepath.Join(s.root, "grammar/editors/vscode/syntaxes/mesh.tmLanguage.json"))
	if err != nil {
		return err
	}
	mesh, err := meshLexer(grammar)
	if err != nil {
		return err
	}
	md := goldmark.New(
		goldmark.WithExtensions(extension.GFM),
		goldmark.WithParserOptions(parser.WithAutoHeadingID()),
		goldmark.WithRendererOptions(html.WithUnsafe(), renderer.WithNodeRenderers(util.Prioritized(codeBlocks{mesh}, 100))), // comments in the Markdown of this repository
	)
	for _, p := range s.pages {
		tree := md.Parser().Parse(text.NewReader(p.markdown), parser.WithContext(parser.NewContext(parser.WithIDs(headingIDs{}))))
		if err := s.prepare(p, tree); err != nil {
			return err
		}
		var b bytes.Buffer
		if err := md.Renderer().Render(&b, p.markdown, tree); err != nil {
			return err
		}
		p.body = template.HTML(b.String())
	}
	return nil
}

// prepare finds the title and the sections of a page, and leads its links to pages of the site or to the forge.
func (s *site) prepare(p *page, tree ast.Node) error {
	heading, id := p.title, ""
	var text strings.Builder
	flush := func() {
		if words := strings.Join(strings.Fields(text.String()), " "); heading != "" && (words != "" || id != "") {
			at := p.to
			if id != "" {
				at += "#" + id
			}
			p.sections = append(p.sections, section{Title: heading, Page: p.title, URL: at, Text: words})
		}
		text.Reset()
	}
	err := ast.Walk(tree, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			if n.Type() == ast.TypeBlock || n.Kind() == ast.KindCodeSpan {
				text.WriteByte(' ')
			}
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Heading:
			words := plain(n, p.markdown)
			if n.Level == 1 {
				if p.title == "" {
					p.title = words
				}
				heading = words
				return ast.WalkSkipChildren, nil
			}
			flush()
			heading = words
			if value, ok := n.AttributeString("id"); ok {
				id = string(value.([]byte))
			}
			return ast.WalkSkipChildren, nil
		case *ast.Text:
			text.Write(n.Segment.Value(p.markdown))
			if n.SoftLineBreak() {
				text.WriteByte(' ')
			}
		case *ast.FencedCodeBlock:
			for i := range n.Lines().Len() {
				line := n.Lines().At(i)
				text.Write(line.Value(p.markdown))
			}
		case *ast.Link:
			target, err := s.resolve(p, string(n.Destination))
			n.Destination = []byte(target)
			return ast.WalkContinue, err
		case *ast.Image:
			if path.Base(string(n.Destination)) != "graph.svg" {
				return ast.WalkStop, fmt.Errorf("%s: the site has no image %s", p.from, n.Destination)
			}
			n.Destination = []byte("graph.svg")
		}
		return ast.WalkContinue, nil
	})
	flush()
	return err
}

// plain is the words of a node.
func plain(n ast.Node, source []byte) string {
	var b strings.Builder
	ast.Walk(n, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if t, ok := n.(*ast.Text); ok && entering {
			b.Write(t.Segment.Value(source))
		}
		return ast.WalkContinue, nil
	})
	return b.String()
}

var codeFragment = regexp.MustCompile(`^mesh[0-9]{4}$`)

// resolve leads a link of the repository to the page that is made of its target, or else to the forge.
func (s *site) resolve(p *page, link string) (string, error) {
	u, err := url.Parse(link)
	if err != nil || u.IsAbs() {
		return link, err
	}
	up := strings.Repeat("../", strings.Count(p.to, "/"))
	name := p.from
	if u.Path != "" {
		name = path.Join(path.Dir(p.from), u.Path)
	}
	if name == "grammar/findings.md" && codeFragment.MatchString(u.Fragment) {
		return up + codePage(strings.ToUpper(u.Fragment)), nil
	}
	fragment := ""
	if u.Fragment != "" {
		fragment = "#" + u.Fragment
	}
	if u.Path == "" {
		return fragment, nil
	}
	for _, other := range s.pages {
		if other.from == name {
			return up + other.to + fragment, nil
		}
	}
	if _, err := os.Stat(filepath.Join(s.root, filepath.FromSlash(name))); err != nil {
		return "", fmt.Errorf("%s: a dead link: %s", p.from, link)
	}
	return s.forge(name) + fragment, nil
}

// headingIDs gives headings the same fragments as the forge does.
type headingIDs struct{}

var noFragment = regexp.MustCompile(`[^\p{L}\p{N} _-]`)

func (headingIDs) Generate(value []byte, _ ast.NodeKind) []byte {
	return []byte(strings.ReplaceAll(noFragment.ReplaceAllString(strings.ToLower(string(value)), ""), " ", "-"))
}

func (headingIDs) Put([]byte) {}
