package graph

import (
	"bytes"
	_ "embed"
	"fmt"
	"strings"
	"unicode"
)

//go:embed picture.css
var pictureStyle string

// signShapes are the signs around the origin. They differ in shape; their colours only help.
var signShapes = []struct{ name, shape string }{
	{"key", `<circle fill="none" cx="-3.5" cy="0" r="2.8"/><path fill="none" d="M-.7 0h6.7v3M3 0v2.5"/>`},
	{"strict", `<rect x="-4.5" y="-1" width="9" height="7" rx="1.5"/><path fill="none" d="M-3 -1v-2a3 3 0 0 1 6 0v2"/>`},
	{"permissive", `<rect x="-5.5" y="-1" width="9" height="7" rx="1.5"/><path d="M.5 -1v-2.5a3 3 0 0 1 6 0v1"/>`},
	{"deny", `<circle r="5"/><path d="M-3.5 -3.5l7 7"/>`},
	{"opened", `<circle r="5.5"/><path d="M-2.5 0h5M0 -2.5v5"/>`},
	{"closed", `<circle r="5.5"/><path d="M-2.5 0h5"/>`},
	{"changed", `<circle r="5.5"/><path d="M-3 .8q1.5 -2.6 3 -.8t3 -.8"/>`},
}

// SVG returns a picture of the graph. It names no font file and no address, and follows the reader's choice of a light
// or a dark page.
func SVG(g *Graph) []byte {
	p := painter{graph: g, layout: newLayout(g), fade: g.Compared}
	p.write()
	return p.b.Bytes()
}

type painter struct {
	graph  *Graph
	layout *layout
	fade   bool // what did not change is pale
	b      bytes.Buffer
}

func (p *painter) f(format string, args ...any) { fmt.Fprintf(&p.b, format, args...) }

func (p *painter) write() {
	key := p.key()
	width, height := p.layout.width, p.layout.height
	for _, k := range key {
		width, height = max(width, k.right), max(height, k.y+keyRow/2+margin/2+8)
	}
	p.f(`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %[1]d %[2]d" role="img" aria-labelledby="t d">`+"\n", width, height)
	p.f("<title id=\"t\">%s</title>\n<desc id=\"d\">%s</desc>\n", escaped(p.graph.title()), escaped(p.graph.description()))
	p.f("<style>\n%s</style>\n<defs>\n", pictureStyle)
	for _, s := range signShapes {
		p.f(`<g id="%s" class="sign s-%[1]s">%s</g>`+"\n", s.name, s.shape)
	}
	p.f("</defs>\n")
	p.f(`<rect class="back" x=".5" y=".5" width="%d" height="%d" rx="10"/>`+"\n", width-1, height-1)
	for _, f := range p.layout.frames {
		p.frame(f)
	}
	for i, e := range p.graph.Edges {
		p.edge(e, p.layout.edges[i].curve)
	}
	for _, a := range p.layout.arrows {
		p.arrow(a)
	}
	for _, n := range p.graph.Nodes {
		p.box(n)
	}
	p.drawKey(key)
	p.f("</svg>\n")
}

func (g *Graph) title() string {
	title := "Who may call whom"
	if g.Environment != "" {
		title += " · " + g.Environment
	}
	if g.Compared {
		title += " · changes"
	}
	return title
}

// description returns the picture in words, for readers who do not see it.
func (g *Graph) description() string {
	const readable = 200
	if len(g.Edges) > readable {
		return fmt.Sprintf("%d services and hosts, %d edges between them", len(g.Nodes), len(g.Edges))
	}
	var all []string
	for _, e := range g.Edges {
		verb := " -> "
		if !e.Passes() {
			verb = " may not call "
		}
		text := e.From.ID + verb + e.To.ID
		if e.Change != Same {
			text += " (" + edgeChanges[e.Change] + ")"
		}
		all = append(all, text)
	}
	return strings.Join(all, "; ")
}

func (p *painter) frame(f frame) {
	if f.kind == everyone {
		return
	}
	class := "frame"
	if f.kind == unmeshed {
		class = "frame apart"
	}
	p.f(`<rect class="%s" x="%d" y="%d" width="%d" height="%d" rx="8"/>`+"\n", class, f.x, f.y, f.w, f.h)
	p.f(`<text class="title" x="%d" y="%d">%s</text>`+"\n", f.x+10, f.y+18, escaped(f.label))
}

func (p *painter) edge(e *Edge, curve []point) {
	p.f(`<path class="edge%s" d="M%d %d`, p.class(e.style()), curve[0].x, curve[0].y)
	for i := 1; i+2 < len(curve); i += 3 {
		a, b, c := curve[i], curve[i+1], curve[i+2]
		p.f("C%d %d %d %d %d %d", a.x, a.y, b.x, b.y, c.x, c.y)
	}
	p.f(`"><title>%s</title></path>`+"\n", escaped(e.description()))
}

// class returns the style classes of a line or an arrow, each after a blank.
func (p *painter) class(s style) string {
	class := ""
	switch {
	case !s.passes:
		class = " denied"
	case s.mtls == NoMTLS:
		class = " none"
	}
	if s.change != Same {
		class += " " + edgeChanges[s.change]
		if s.danger {
			class += " danger"
		}
	} else if p.fade {
		class += " faded"
	}
	return class
}

// arrow draws the common end of all edges of one style into one node: the shaft with its signs, then a tip, or a bar
// where nothing gets through.
func (p *painter) arrow(a arrow) {
	class := p.class(a.style)
	x, y, left := a.tip.x, a.tip.y, a.start().x
	p.f(`<path class="edge%s" d="M%d %dH%d"/>`, class, left, y, x-2)
	if a.style.passes {
		p.f(`<path class="tip%s" d="M%d %dl-9 -4.5v9z"/>`+"\n", class, x, y)
	} else {
		p.f(`<path class="edge%s" style="stroke-dasharray:none" d="M%d %dv12"/>`+"\n", class, x-3, y-6)
	}
	for i, s := range a.style.signs() {
		at := left + signSize*i + signSize/2
		p.f(`<circle class="halo" cx="%d" cy="%d" r="8"/><use href="#%s" x="%[1]d" y="%[2]d"/>`+"\n", at, y, s)
	}
}

func (p *painter) box(n *Node) {
	b := p.layout.boxes[n]
	class := "box"
	switch {
	case n.Kind.isUnmeshed():
		class += " far"
	case n.Kind.isWildcard():
		class += " many"
	}
	switch n.Change {
	case Added:
		class += " added"
	case Removed:
		class += " removed"
	}
	p.f(`<g><title>%s</title><rect class="%s" x="%d" y="%d" width="%d" height="%d" rx="6"/>`, escaped(n.description()), class, b.x, b.y, b.w, b.h)
	title, detail := n.texts()
	x, y := b.x+b.w/2, b.y+b.h/2
	if detail == "" {
		p.f(`<text x="%d" y="%d" text-anchor="middle">%s</text>`, x, y+5, escaped(title))
	} else {
		p.f(`<text x="%d" y="%d" text-anchor="middle">%s</text>`, x, y-2, escaped(title))
		p.f(`<text class="small" x="%d" y="%d" text-anchor="middle">%s</text>`, x, y+13, escaped(detail))
	}
	if n.Change != Same {
		p.f(`<use href="#%s" x="%d" y="%d"/>`, edgeChanges[n.Change], b.x+signSize/2+2, y)
	}
	p.f("</g>\n")
}

// keyItem is an explanation in the key below the picture.
type keyItem struct {
	explanation
	x, y, right int
}

const (
	keyRow  = 22
	keyText = 11
)

// key returns the legend, placed in rows below the picture. It may be wider than the picture.
func (p *painter) key() (items []keyItem) {
	x, y, limit := margin, p.layout.height-margin/2+keyRow/2, p.layout.width-margin
	for _, e := range p.graph.legend() {
		width := e.example.shaft() + 14 + textWidth(e.text, keyText) + 22
		if x > margin && x+width > limit {
			x, y = margin, y+keyRow
		}
		items = append(items, keyItem{e, x, y, x + width + margin})
		x += width
		limit = max(limit, x)
	}
	return items
}

func (p *painter) drawKey(items []keyItem) {
	p.fade = false
	for _, k := range items {
		tip := point{k.x + k.example.shaft() + 6, k.y}
		p.f(`<path class="edge%s" d="M%d %dh6"/>`, p.class(k.example), k.x, k.y)
		p.arrow(arrow{style: k.example, tip: tip})
		p.f(`<text class="small" style="font-size:%dpx" x="%d" y="%d">%s</text>`+"\n", keyText, tip.x+8, k.y+4, escaped(k.text))
	}
}

var entities = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&#39;")

// escaped returns a text for the content or an attribute of an element. Characters that XML cannot hold are replaced.
// https://www.w3.org/TR/xml/#charsets
func escaped(s string) string {
	return entities.Replace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' || r == 0xFFFE || r == 0xFFFF {
			return unicode.ReplacementChar
		}
		return r
	}, s))
}
