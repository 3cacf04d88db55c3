package main

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/meshc/meshc/lang/diag"
)

// site is what the pages are made of.
type site struct {
	root, version, playground string
	pages                     []*page
}

// page is a page before it is rendered.
type page struct {
	from     string // a file of the repository, or empty
	to       string // the file of the site
	chapter  string // in the navigation; empty: not there
	title    string // that of the first heading, if empty
	markdown []byte

	body     template.HTML
	sections []section
}

// section is what the search finds: a heading and the text below it.
type section struct {
	Title string `json:"t"`
	Page  string `json:"p"`
	URL   string `json:"u"`
	Text  string `json:"x"`
}

// chapters is the pages of the navigation.
var chapters = []page{
	{from: "README.md", to: "index.html", chapter: "Start", title: "meshc"},
	{from: "grammar/importing.md", to: "importing.html", chapter: "Start"},
	{from: "grammar/coming-from/yaml.md", to: "coming-from/yaml.html", chapter: "Coming from", title: "Hand-written YAML"},
	{from: "grammar/coming-from/otterize.md", to: "coming-from/otterize.html", chapter: "Coming from", title: "Otterize"},
	{from: "grammar/coming-from/uds.md", to: "coming-from/uds.html", chapter: "Coming from", title: "UDS packages"},
	{from: "grammar/coming-from/kiali.md", to: "coming-from/kiali.html", chapter: "Coming from", title: "Kiali's wizard"},
	{from: "grammar/language.md", to: "language.html", chapter: "Reference"},
	{from: "grammar/settings.md", to: "settings.html", chapter: "Reference"},
	{from: "grammar/findings.md", to: "findings.html", chapter: "Reference"},
	{from: "grammar/on-call.md", to: "on-call.html", chapter: "In use"},
	{from: "grammar/editors.md", to: "editors.html", chapter: "In use"},
	{from: "examples/ci/README.md", to: "ci.html", chapter: "In use"},
	{from: "grammar/security.md", to: "security.html", chapter: "In use"},
	{from: "grammar/architecture.md", to: "architecture.html", chapter: "Inside"},
}

//go:embed assets
var assets embed.FS

var layout = template.Must(template.ParseFS(assets, "assets/page.html"))

// write writes the site into a folder, which it empties first.
func (s *site) write(output string) error {
	if err := s.read(); err != nil {
		return err
	}
	if err := s.render(); err != nil {
		return err
	}
	if err := os.RemoveAll(filepath.Clean(output)); err != nil {
		return err
	}
	var index []section
	for _, p := range s.pages {
		var b bytes.Buffer
		if err := layout.Execute(&b, s.view(p)); err != nil {
			return err
		}
		if err := writeFile(filepath.Join(output, p.to), b.Bytes()); err != nil {
			return err
		}
		index = append(index, p.sections...)
	}
	list, err := json.Marshal(index)
	if err != nil {
		return err
	}
	files := map[string][]byte{"assets/index.js": slices.Concat([]byte("const sections = "), list, []byte(";\n")), "assets/code.css": highlighting()}
	for _, name := range []string{"style.css", "page.js"} {
		if files["assets/"+name], err = assets.ReadFile("assets/" + name); err != nil {
			return err
		}
	}
	if files["graph.svg"], err = os.ReadFile(filepath.Join(s.root, "examples/online-shop/graph.svg")); err != nil {
		return err
	}
	for name, content := range files {
		if err := writeFile(filepath.Join(output, name), content); err != nil {
			return err
		}
	}
	if s.playground != "" {
		return os.CopyFS(filepath.Join(output, "playground"), os.DirFS(s.playground))
	}
	return nil
}

func writeFile(path string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, content, 0o644)
}

// read reads the chapters and makes the pages of the codes.
func (s *site) read() error {
	for _, p := range chapters {
		text, err := os.ReadFile(filepath.Join(s.root, filepath.FromSlash(p.from)))
		if err != nil {
			return err
		}
		p.markdown = text
		if p.from == "grammar/findings.md" {
			p.markdown = withoutCodes(text)
		}
		s.pages = append(s.pages, &p)
	}
	for _, e := range diag.Table {
		text := fmt.Sprintf("# %s\n\n*%s: %s*\n\n%s", e.Code, e.Severity, e.Title, e.Explanation().Markdown())
		s.pages = append(s.pages, &page{to: codePage(string(e.Code)), title: string(e.Code), markdown: []byte(text)})
	}
	return nil
}

// withoutCodes is the page of the findings without the section of each code, which has a page of its own.
func withoutCodes(text []byte) []byte {
	if at := bytes.Index(text, []byte("\n## MESH")); at >= 0 {
		return text[:at+1]
	}
	return text
}

func codePage(code string) string { return "codes/" + code + ".html" }

// view is what the layout shows of a page.
func (s *site) view(p *page) any {
	type link struct {
		Title, URL string
		Here       bool
	}
	type group struct {
		Title string
		Links []link
	}
	up := strings.Repeat("../", strings.Count(p.to, "/"))
	var groups []group
	for _, other := range s.pages {
		if other.chapter == "" {
			continue
		}
		if len(groups) == 0 || groups[len(groups)-1].Title != other.chapter {
			groups = append(groups, group{Title: other.chapter})
		}
		g := &groups[len(groups)-1]
		g.Links = append(g.Links, link{other.title, up + other.to, other == p})
	}
	if s.playground != "" {
		groups[0].Links = append(groups[0].Links, link{"Playground", up + "playground/index.html", false})
	}
	title := p.title + " – meshc"
	if p.to == "index.html" {
		title = "meshc: who may call whom, compiled for service meshes"
	}
	return map[string]any{"Title": title, "Up": up, "Groups": groups, "Body": p.body, "Version": s.version, "Source": s.source(p)}
}

// source is where the Markdown of a page can be read and changed.
func (s *site) source(p *page) string {
	if p.from == "" {
		return s.forge("lang/diag/codes/" + strings.TrimSuffix(path.Base(p.to), ".html") + ".txtar")
	}
	return s.forge(p.from)
}

// forge is the address of a file or folder of the repository.
func (s *site) forge(name string) string {
	kind := "blob"
	if info, err := os.Stat(filepath.Join(s.root, filepath.FromSlash(name))); err == nil && info.IsDir() {
		kind = "tree"
	}
	return "https://github.com/meshc/meshc/" + kind + "/" + s.version + "/" + name
}
