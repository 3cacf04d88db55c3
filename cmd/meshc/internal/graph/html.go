package graph

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"strings"
)

var (
	//go:embed page/page.html
	pageHTML string
	//go:embed page/page.css
	pageCSS string
	//go:embed page/model.js
	modelJS string
	//go:embed page/scene.js
	sceneJS string
	//go:embed page/paint.js
	paintJS string
	//go:embed page/panel.js
	panelJS string
	//go:embed page/page.js
	pageJS string
)

// HTML returns one page with everything in it. It opens from a disk, and its content security policy forbids every
// request and every script but its own.
func HTML(g *Graph) ([]byte, error) {
	data, err := json.Marshal(g.page()) // writes < as \u003c, so no text can end the element around it
	if err != nil {
		return nil, err
	}
	style := "\n" + pageCSS
	script := "\n\"use strict\";\n(() => {\n" + strings.Join([]string{modelJS, sceneJS, paintJS, panelJS, pageJS}, "\n") + "})();\n"
	return []byte(strings.NewReplacer(
		"{{title}}", escaped(g.title()),
		"{{policy}}", "default-src 'none'; base-uri 'none'; form-action 'none'; img-src data:; style-src "+digest(style)+"; script-src "+digest(script),
		"{{style}}", style,
		"{{script}}", script,
		"{{data}}", string(data),
	).Replace(pageHTML)), nil
}

// digest returns the source expression that allows an inline style or script in a content security policy.
// https://www.w3.org/TR/CSP3/#grammardef-hash-source
func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// pageData is what the script of the page reads.
type pageData struct {
	Title  string     `json:"title"`
	Graph  document   `json:"graph"`
	Layout pageLayout `json:"layout"`
}

type pageLayout struct {
	Width  int         `json:"width"`
	Height int         `json:"height"`
	Routed bool        `json:"routed"` // edges are led around boxes
	Groups []pageGroup `json:"groups"`
	Boxes  [][4]int    `json:"boxes"` // by node: x, y, width, height
	Texts  [][2]string `json:"texts"` // by node: the title and detail in its box
	Tips   [][3]int    `json:"tips"`  // the tips of arrows: node, x, y
	Edges  []pageEdge  `json:"edges"` // by edge
}

type pageGroup struct {
	Name  string `json:"name"` // empty where the group is not a namespace
	Label string `json:"label"`
	Kind  string `json:"kind"`
	Rect  [4]int `json:"rect"`
	Nodes []int  `json:"nodes"`
}

type pageEdge struct {
	From  int   `json:"f"`
	To    int   `json:"t"`
	Tip   int   `json:"tip"`
	Curve []int `json:"c,omitempty"`
}

func (g *Graph) page() pageData {
	l := newLayout(g)
	out := pageLayout{
		Width: l.width, Height: l.height, Routed: l.routed,
		Groups: []pageGroup{}, Boxes: [][4]int{}, Texts: [][2]string{}, Tips: [][3]int{}, Edges: []pageEdge{},
	}
	index := map[*Node]int{}
	for i, n := range g.Nodes {
		index[n] = i
		b := l.boxes[n]
		title, detail := n.texts()
		out.Boxes = append(out.Boxes, [4]int{b.x, b.y, b.w, b.h})
		out.Texts = append(out.Texts, [2]string{title, detail})
	}
	for _, f := range l.frames {
		p := pageGroup{Name: f.name, Label: f.label, Kind: f.kind.String(), Rect: [4]int{f.x, f.y, f.w, f.h}}
		for _, n := range f.nodes {
			p.Nodes = append(p.Nodes, index[n])
		}
		out.Groups = append(out.Groups, p)
	}
	for _, a := range l.arrows {
		out.Tips = append(out.Tips, [3]int{index[a.node], a.tip.x, a.tip.y})
	}
	for i, e := range g.Edges {
		p := pageEdge{From: index[e.From], To: index[e.To], Tip: l.edges[i].arrow}
		for _, at := range l.edges[i].curve {
			p.Curve = append(p.Curve, at.x, at.y)
		}
		out.Edges = append(out.Edges, p)
	}
	return pageData{g.title(), g.document(), out}
}
