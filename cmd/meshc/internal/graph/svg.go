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

// signShapes is each sign around the origin. Its shape alone tells it, colour only helps.
var signShapes = []struct{ name, shape string }{
	{"strict", `<rect x="-4.5" y="-1" width="9" height="7" rx="1.5"/><path fill="none" d="M-3 -1v-2a3 3 0 0 1 6 0v2"/>`},
	{"permissive", `<rect x="-5.5" y="-1" width="9" height="7" rx="1.5"/><path d="M.5 -1v-2.5a3 3 0 0 1 6 0v1"/>`},
	{"deny", `<circle r="5"/><path d="M-3.5 -3.5l7 7"/>`},
	{"opened", `<circle r="5.5"/><path d="M-2.5 0h5M0 -2.5v5"/>`},
	{"closed", `<circle r="5.5"/><path d="M-2.5 0h5"/>`},
	{"changed", `<circle r="5.5"/><path d="M-3 .8q1.5 -2.6 3 -.8t3 -.8"/>`},
}

// SVG is a picture of the graph. It names no font file and no address, and follows the reader's choice of a light
// or a dark page.
func SVG(g *Graph) []byte {
	l := newLayout(g)
	p := painter{graph: g, layout: l}
	p.write()
	return p.b.Bytes()
}

type painter struct {
	graph  *Graph
	layout *layout
	b      bytes.Buffer
}

func (p *painter) f(format string, args ...any) { fmt.Fprintf(&p.b, format, args...) }

func (p *painter) write() {
	key := p.key()
	keyRows, keyHeight := p.layKey(key), 0
	if len(key) > 0 {
		keyHeight = keyRows*keyRow + 8
	}
	width, height := p.layout.width, p.layout.height+keyHeight
	p.f(`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %[1]d %[2]d" role="img" aria-labelledby="t d">`+"\n", width, height)
	p.f("<title id=\"t\">%s</title>\n<desc id=\"d\">%s</desc>\n", escaped(p.graph.title()), escaped(p.graph.describeAll()))
	p.f("<style>\n%s</style>\n<defs>\n", pictureStyle)
	for _, s := range signShapes {
		p.f(`<g id="%s" class="sign s-%[1]s">%s</g>`+"\n", s.name, s.shape)
	}
	p.f("</defs>\n")
	p.f(`<rect class="back" x=".5" y=".5" width="%d" height="%d" rx="10"/>`+"\n", width-1, height-1)
	for _, gr := range p.layout.groups {
		p.frame(gr)
	}
	for i, e := range p.graph.Edges {
		p.edge(e, p.layout.edges[i])
	}
	for _, in := range p.layout.entries {
		p.entry(in)
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

// describeAll is the picture in words, for who does not see it.
func (g *Graph) describeAll() string {
	var words []string
	for _, e := range g.Edges {
		verb := " -> "
		if !e.Passes() {
			verb = " may not call "
		}
		text := e.From.ID + verb + e.To.ID
		if e.Change != Same {
			text += " (" + edgeChanges[e.Change] + ")"
		}
		words = append(words, text)
	}
	const readable = 200
	if len(words) > readable {
		return fmt.Sprintf("%d services and hosts, %d edges between them", len(g.Nodes), len(g.Edges))
	}
	return strings.Join(words, "; ")
}

func (p *painter) frame(gr framed) {
	if gr.kind == everyone {
		return
	}
	class := "frame"
	if gr.kind == outsiders {
		class = "frame apart"
	}
	p.f(`<rect class="%s" x="%d" y="%d" width="%d" height="%d" rx="8"/>`+"\n", class, gr.x, gr.y, gr.w, gr.h)
	p.f(`<text class="title" x="%d" y="%d">%s</text>`+"\n", gr.x+10, gr.y+18, escaped(gr.label()))
}

func (p *painter) edge(e *Edge, way route) {
	p.f(`<path class="edge%s" d="M%d %d`, p.class(e.look()), way.curve[0].x, way.curve[0].y)
	for i := 1; i+2 < len(way.curve); i += 3 {
		a, b, c := way.curve[i], way.curve[i+1], way.curve[i+2]
		p.f("C%d %d %d %d %d %d", a.x, a.y, b.x, b.y, c.x, c.y)
	}
	p.f(`"><title>%s</title></path>`+"\n", escaped(e.story()))
}

// class is the classes of a line or an arrow of some look.
func (p *painter) class(l look) string {
	class := ""
	switch {
	case !l.passes:
		class = " denied"
	case l.lock == NoLock:
		class = " none"
	}
	if l.change != Same {
		return class + " " + edgeChanges[l.change]
	}
	if p.graph.Compared {
		class += " faded"
	}
	return class
}

// entry draws the end that all edges of one look into one callee have in common.
func (p *painter) entry(in entry) {
	class := p.class(in.look)
	x, y := in.tip.x, in.tip.y
	left := x - in.look.stub()
	p.f(`<path class="edge%s" d="M%d %dH%d"/>`, class, left, y, x-2)
	if in.look.passes {
		p.f(`<path class="tip%s" d="M%d %dl-9 -4.5v9z"/>`+"\n", class, x, y)
	} else {
		p.f(`<path class="edge%s" style="stroke-dasharray:none" d="M%d %dv12"/>`+"\n", class, x-3, y-6)
	}
	for i, s := range in.look.signs() {
		at := left + signSize*i + signSize/2
		p.f(`<circle class="halo" cx="%d" cy="%d" r="8"/><use href="#%s" x="%[1]d" y="%[2]d"/>`+"\n", at, y, s)
	}
}

func (p *painter) box(n *Node) {
	b := p.layout.boxes[n]
	class := "box"
	switch n.Kind {
	case Outside, External:
		class += " far"
	case Mesh, Any, World:
		class += " many"
	}
	if n.Change != Same {
		class += " " + itemChanges[n.Change]
	}
	p.f(`<g><title>%s</title><rect class="%s" x="%d" y="%d" width="%d" height="%d" rx="6"/>`, escaped(n.story()), class, b.x, b.y, b.w, b.h)
	title, detail := n.texts()
	middle := b.y + b.h/2
	if detail == "" {
		p.f(`<text x="%d" y="%d" text-anchor="middle">%s</text>`, b.x+b.w/2, middle+5, escaped(title))
	} else {
		p.f(`<text x="%d" y="%d" text-anchor="middle">%s</text>`, b.x+b.w/2, middle-2, escaped(title))
		p.f(`<text class="small" x="%d" y="%d" text-anchor="middle">%s</text>`, b.x+b.w/2, middle+13, escaped(detail))
	}
	switch n.Change {
	case Added:
		p.f(`<use href="#opened" x="%d" y="%d"/>`, b.x+signSize/2+2, middle)
	case Removed:
		p.f(`<use href="#closed" x="%d" y="%d"/>`, b.x+signSize/2+2, middle)
	}
	p.f("</g>\n")
}

// story is all that is said of an edge, a rule a line.
func (e *Edge) story() string {
	var lines []string
	for i := range e.Allow {
		lines = append(lines, e.sentence(&e.Allow[i], false))
	}
	for i := range e.Deny {
		lines = append(lines, e.sentence(&e.Deny[i], true))
	}
	return strings.Join(lines, "\n")
}

func (n *Node) story() string {
	text := n.ID
	if n.Account != "" {
		text += ", account " + n.Account
	}
	for _, h := range n.Hosts {
		text += ", " + h
	}
	for _, a := range n.Addresses {
		text += ", " + a
	}
	for _, p := range n.Ports {
		text += fmt.Sprintf(", :%d %s", p.Number, p.Protocol)
	}
	if n.At != "" {
		text += ", " + n.At
	}
	return text
}

// item is one sign of the key below the picture.
type item struct {
	look    look
	text    string
	x, y, w int
}

const (
	keyRow  = 22
	keyText = 11
)

// key explains the looks that occur.
func (p *painter) key() []item {
	used := map[string]bool{}
	for _, in := range p.layout.entries {
		if in.look.lock == NoLock && in.look.passes {
			used["none"] = true
		}
		if in.look.part {
			used["part"] = true
		} else if !in.look.passes {
			used["denied"] = true
		}
		for _, s := range in.look.signs() {
			used[s] = true
		}
	}
	var items []item
	for _, k := range []struct {
		when, text string
		look       look
	}{
		{"strict", "strict: mutual TLS only", look{lock: ClosedLock, passes: true}},
		{"permissive", "permissive: plaintext too", look{lock: OpenLock, passes: true}},
		{"none", "no mutual TLS", look{passes: true}},
		{"part", "a deny takes a part away", look{lock: ClosedLock, passes: true, part: true}},
		{"denied", "denied", look{}},
		{"opened", "opened", look{lock: ClosedLock, passes: true, change: Added}},
		{"closed", "closed", look{lock: ClosedLock, passes: true, change: Removed}},
		{"changed", "changed", look{lock: ClosedLock, passes: true, change: Changed}},
	} {
		if used[k.when] {
			items = append(items, item{look: k.look, text: k.text, w: k.look.stub() + 14 + textWidth(k.text, keyText) + 22})
		}
	}
	return items
}

// layKey places the key in rows below the picture and tells how many there are.
func (p *painter) layKey(items []item) (rows int) {
	x, rows := margin, 1
	for i := range items {
		if x > margin && x+items[i].w > p.layout.width-margin {
			x, rows = margin, rows+1
		}
		items[i].x, items[i].y = x, p.layout.height-margin/2+rows*keyRow-keyRow/2
		x += items[i].w
		p.layout.width = max(p.layout.width, x+margin)
	}
	return rows
}

func (p *painter) drawKey(items []item) {
	compared := p.graph.Compared
	p.graph.Compared = false // nothing of the key is faded
	defer func() { p.graph.Compared = compared }()
	for _, k := range items {
		tip := point{k.x + k.look.stub() + 6, k.y}
		p.f(`<path class="edge%s" d="M%d %dh6"/>`, p.class(k.look), k.x, k.y)
		p.entry(entry{look: k.look, tip: tip})
		p.f(`<text class="small" style="font-size:%dpx" x="%d" y="%d">%s</text>`+"\n", keyText, tip.x+8, k.y+4, escaped(k.text))
	}
}

// escaped is a text for content and attributes. What XML cannot hold at all becomes a replacement character.
func escaped(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '&':
			b.WriteString("&amp;")
		case r == '<':
			b.WriteString("&lt;")
		case r == '>':
			b.WriteString("&gt;")
		case r == '"':
			b.WriteString("&quot;")
		case r == '\'':
			b.WriteString("&#39;")
		case r == '\n' || r == '\t':
			b.WriteRune(r)
		case unicode.IsControl(r) || r == 0xFFFE || r == 0xFFFF:
			b.WriteRune(unicode.ReplacementChar)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
