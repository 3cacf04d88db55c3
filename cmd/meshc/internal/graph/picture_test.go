package graph

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/tools/txtar"
)

// random generates a graph of any shape: sparse or dense, with cycles, loops, denies and all kinds of nodes.
func random(seed uint64, nodes, edges int) *Graph {
	r := rand.New(rand.NewPCG(seed, 7))
	g := &Graph{}
	spaces := 1 + r.IntN(1+nodes/4)
	for i := range spaces {
		g.Namespaces = append(g.Namespaces, Namespace{Name: spaceName(i)})
	}
	for i := range nodes {
		n := &Node{Namespace: spaceName(r.IntN(spaces)), Name: strings.Repeat("w", 1+r.IntN(20)) + fmt.Sprint(i)}
		if r.IntN(8) == 0 {
			n.Kind = []Kind{Outside, External, AnyInNamespace}[r.IntN(3)]
			n.Hosts = []string{"host-of-some-length.example.com"}
		}
		n.ID = n.Namespace + "/" + n.Name
		g.Nodes = append(g.Nodes, n)
	}
	seen := map[[2]int]bool{}
	for range edges {
		from, to := r.IntN(nodes), r.IntN(nodes)
		if seen[[2]int{from, to}] {
			continue
		}
		seen[[2]int{from, to}] = true
		e := &Edge{From: g.Nodes[from], To: g.Nodes[to], MTLS: NoMTLS + MTLS(r.IntN(3))}
		e.Allow = []Rule{{MTLS: e.MTLS}}
		if r.IntN(6) == 0 {
			e.Denied = Extent(1 + r.IntN(2))
			e.Deny = []Rule{{}}
		}
		g.Edges = append(g.Edges, e)
	}
	g.sort()
	return g
}

func spaceName(i int) string { return fmt.Sprintf("ns%d", i) + strings.Repeat("-and-so-on", i%5) }

func (r rect) overlaps(s rect) bool {
	return r.x < s.right() && s.x < r.right() && r.y < s.bottom() && s.y < r.bottom()
}

// Boxes and frames never overlap, every box stands in the frame of its group, and nothing lies outside the picture. In
// a routed picture no edge runs over a box.
func TestLayout(t *testing.T) {
	for seed := range uint64(120) {
		nodes := 1 + int(seed)%60
		if seed%10 == 9 {
			nodes = 100 + int(seed)
		}
		g := random(seed, nodes, int(seed*7)%(3*nodes))
		l := newLayout(g)
		whole := rect{0, 0, l.width, l.height}
		inside := func(outer, inner rect) bool {
			return outer.x <= inner.x && outer.y <= inner.y && inner.right() <= outer.right() && inner.bottom() <= outer.bottom()
		}
		for i, f := range l.frames {
			require.True(t, inside(whole, f.rect), "seed %d: frame of %s", seed, f.name)
			require.Greater(t, f.w, textWidth(f.label, titleSize), "seed %d: title of %s", seed, f.name)
			for _, other := range l.frames[:i] {
				require.False(t, f.overlaps(other.rect), "seed %d: frames of %s %v and %s %v", seed, f.name, f.rect, other.name, other.rect)
			}
			for _, n := range f.nodes {
				require.True(t, inside(f.rect, l.boxes[n]), "seed %d: %s in its frame", seed, n.ID)
			}
		}
		for i, n := range g.Nodes {
			for _, m := range g.Nodes[:i] {
				if l.boxes[n].overlaps(l.boxes[m]) {
					t.Fatalf("seed %d: %s and %s overlap", seed, n.ID, m.ID)
				}
			}
			title, detail := n.texts()
			require.GreaterOrEqual(t, l.boxes[n].w, max(textWidth(title, fontSize), textWidth(detail, smallSize)), "seed %d: %s", seed, n.ID)
		}
		if l.routed {
			for i, e := range g.Edges {
				for _, p := range along(l.edges[i].curve) {
					for _, n := range g.Nodes {
						b := l.boxes[n]
						b = rect{b.x + 1, b.y + 1, b.w - 2, b.h - 2}
						if b.overlaps(rect{p.x, p.y, 1, 1}) {
							t.Fatalf("seed %d: %s -> %s runs over %s", seed, e.From.ID, e.To.ID, n.ID)
						}
					}
				}
			}
		}
		assert.Equal(t, string(SVG(g)), string(SVG(g)), "seed %d: the same bytes again", seed)
	}
}

// along returns points of a curve.
func along(curve []point) (points []point) {
	for i := 0; i+3 < len(curve); i += 3 {
		a, b, c, d := curve[i], curve[i+1], curve[i+2], curve[i+3]
		for k := range 17 {
			t := float64(k) / 16
			u := 1 - t
			at := func(a, b, c, d int) int {
				return int(u*u*u*float64(a) + 3*u*u*t*float64(b) + 3*u*t*t*float64(c) + t*t*t*float64(d))
			}
			points = append(points, point{at(a.x, b.x, c.x, d.x), at(a.y, b.y, c.y, d.y)})
		}
	}
	return points
}

// hostileGraph returns the graph of the case of that name.
func hostileGraph(t *testing.T) *Graph {
	t.Helper()
	archive, err := txtar.ParseFile("testdata/hostile.txtar")
	require.NoError(t, err)
	g, _ := graphOf(t, archive)
	return g
}

// An SVG is well-formed XML with nothing in it but shapes and text, whatever the reasons in the intents say.
func TestSVGIsWellFormed(t *testing.T) {
	allowed := map[string]bool{"svg": true, "title": true, "desc": true, "style": true, "defs": true, "g": true, "rect": true,
		"path": true, "circle": true, "text": true, "use": true}
	for name, g := range map[string]*Graph{"hostile": hostileGraph(t), "random": random(3, 30, 60), "large": random(4, 200, 500), "empty": {}} {
		t.Run(name, func(t *testing.T) {
			d := xml.NewDecoder(bytes.NewReader(SVG(g)))
			for {
				token, err := d.Token()
				if errors.Is(err, io.EOF) {
					break
				}
				require.NoError(t, err)
				start, ok := token.(xml.StartElement)
				if !ok {
					continue
				}
				assert.True(t, allowed[start.Name.Local], "<%s>", start.Name.Local)
				for _, a := range start.Attr {
					assert.False(t, strings.HasPrefix(a.Name.Local, "on"), "%s", a.Name.Local)
					if a.Name.Local == "href" {
						assert.True(t, strings.HasPrefix(a.Value, "#"), "%s", a.Value)
					}
				}
			}
		})
	}
}

// Every colour of the picture is one of the page, so both look the same.
func TestColoursAreThoseOfThePage(t *testing.T) {
	hex := regexp.MustCompile(`#[0-9a-f]{6}\b`)
	known := hex.FindAllString(pageCSS, -1)
	halo := []string{"#f8fafd", "#131a27", "#45526b", "#aebbd2"} // a mix of two backgrounds, and softer titles
	for _, colour := range hex.FindAllString(pictureStyle, -1) {
		assert.True(t, slices.Contains(known, colour) || slices.Contains(halo, colour), colour)
	}
	for _, colour := range changeColours[1:] {
		assert.Contains(t, known, colour)
	}
}

// The page explains edges in the words of the picture, and leaves as much room for arrows.
func TestPageAgreesWithPicture(t *testing.T) {
	for _, x := range explanations {
		if x.example.change == Same && !x.example.part {
			assert.Contains(t, modelJS, `text: "`+x.text+`"`)
		}
	}
	assert.Contains(t, sceneJS, fmt.Sprintf("const arrowRoom = %d;\nconst signSize = %d;", arrowRoom, signSize))
}

// A page has two scripts of its own and no others, loads nothing, and its policy tells the browser so.
func TestHTMLIsSelfContained(t *testing.T) {
	out, err := HTML(hostileGraph(t))
	require.NoError(t, err)
	text := string(out)
	assert.Equal(t, 2, strings.Count(text, "</script>"))
	assert.Equal(t, 2, strings.Count(text, "<script"))
	assert.NotContains(t, text, "<img")
	assert.Contains(t, text, `\u003cimg src=x onerror=alert(1)\u003e`)
	assert.Contains(t, text, "default-src 'none'")
	for _, address := range regexp.MustCompile(`(?:src|href|action)="([^"]*)"|url\(([^)]*)\)|https?://[^"'\s]*`).FindAllString(text, -1) {
		assert.Contains(t, []string{`href="data:,"`, "http://www.w3.org/2000/svg"}, address)
	}
	assert.NotContains(t, text, "{{", "a placeholder is left, or was filled from user text")
}

func TestPageSources(t *testing.T) {
	for _, name := range []string{"page.html", "page.css", "model.js", "scene.js", "paint.js", "panel.js", "page.js"} {
		text, err := os.ReadFile("page/" + name)
		require.NoError(t, err)
		assert.NotRegexp(t, `(?i)innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|fetch\(|XMLHttpRequest|import\(|WebSocket`, string(text), name)
	}
}

func BenchmarkPage(b *testing.B) {
	g := random(1, 1000, 5000)
	for b.Loop() {
		if _, err := HTML(g); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLayered(b *testing.B) {
	g := random(1, 90, 250)
	for b.Loop() {
		newLayout(g)
	}
}
