package browser

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// The page of a small and of a large mesh: it is drawn quickly, search and focus work, the keyboard can do everything,
// and the browser neither fetches nor reports anything.
func TestPage(t *testing.T) {
	for _, c := range []struct {
		name              string
		services, callers int
		service           string
		ready             time.Duration // from navigation to the first picture; ten times what a slow machine takes
	}{
		{"12", 12, 3, "team-0000/svc-00007", 2 * time.Second},
		{"1000", 1000, 5, "team-0013/svc-00664", 5 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := synth(t, c.services, c.callers)
			near := neighbours(t, graph(t, dir, "graph.json"), c.service)
			tb := open(t, graph(t, dir, "graph.html"))
			tb.scene("overview")
			ready := time.Duration(eval[float64](tb, "Number(document.body.dataset.ready)")) * time.Millisecond
			painted := eval[string](tb, "document.body.dataset.painted")
			t.Logf("ready after %v, painted in %s ms", ready, painted)
			if ready > c.ready {
				t.Errorf("drawn after %v, want at most %v", ready, c.ready)
			}
			if boxes := eval[int](tb, "Number(document.body.dataset.boxes)"); boxes != c.services {
				t.Errorf("%d boxes, want %d", boxes, c.services)
			}
			tb.shot(c.name + "-overview")

			// A slash moves to the search, where part of the name and Enter suffice.
			_, name, _ := strings.Cut(c.service, "/")
			tb.find(name)
			if first := eval[string](tb, "document.querySelector('#list button').dataset.id"); first != c.service {
				t.Errorf("the first match of %s is %s", name, first)
			}
			tb.shot(c.name + "-search")
			tb.do(chromedp.KeyEvent(kb.Enter))
			tb.scene(c.service)
			if boxes := eval[int](tb, "Number(document.body.dataset.boxes)"); boxes != 1+near {
				t.Errorf("%d boxes around %s, want %d", boxes, c.service, 1+near)
			}
			if items := eval[int](tb, "document.querySelectorAll('#panel li.edge').length"); items != near {
				t.Errorf("%d edges in the panel, want %d", items, near)
			}
			if at := eval[string](tb, "location.hash"); at != "#"+c.service {
				t.Errorf("the address is %s", at)
			}
			tb.shot(c.name + "-focus")

			// A link in the panel leads to the neighbour, and the browser's history back.
			other := eval[string](tb, "document.querySelector('#panel li.edge > button').textContent")
			tb.do(chromedp.Click("#panel li.edge > button"))
			tb.scene(other)
			tb.do(chromedp.Evaluate("history.back()", nil))
			tb.scene(c.service)

			// Escape clears the search, then the focus.
			tb.do(chromedp.Focus("#search"), chromedp.KeyEvent(kb.Escape), chromedp.KeyEvent(kb.Escape))
			tb.scene("overview")
			if buttons := eval[int](tb, "document.querySelectorAll('#list button').length"); buttons != c.services {
				t.Errorf("%d services are listed, want %d", buttons, c.services)
			}

			// The log shows how long a frame takes while the picture moves.
			var times []float64
			for range 10 {
				tb.do(chromedp.Focus("#canvas"), chromedp.KeyEvent("+"), chromedp.KeyEvent(kb.ArrowRight), chromedp.Sleep(30*time.Millisecond))
				times = append(times, eval[float64](tb, "Number(document.body.dataset.painted)"))
			}
			t.Logf("ms to paint while zooming in: %v", times)
			tb.shot(c.name + "-zoomed")
		})
	}
}

// neighbours returns how many edges a service has, from the JSON of the same graph.
func neighbours(t *testing.T, path, id string) (count int) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var g struct{ Edges []struct{ From, To string } }
	if err := json.Unmarshal(text, &g); err != nil {
		t.Fatal(err)
	}
	for _, e := range g.Edges {
		if e.From == id || e.To == id {
			count++
		}
	}
	if count == 0 {
		t.Fatalf("%s has no edges", id)
	}
	return count
}

// A click on a box focuses it, and a click on a namespace that is shown small zooms in on it.
func TestPointer(t *testing.T) {
	tb := open(t, graph(t, project(t, "mesh shop strict\nservice a account a\nservice b account b\na -> b\n"), "graph.html"))
	tb.scene("overview")
	// The frame of shop is in the middle of the canvas, and the box of a, the caller, in its left half.
	type point struct{ X, Y float64 }
	at := eval[point](tb, "(() => { const r = document.getElementById('canvas').getBoundingClientRect(); return {X: r.left + r.width / 2, Y: r.top + r.height / 2} })()")
	find := func() bool {
		for dx := 0.0; dx < 400; dx += 20 {
			tb.do(chromedp.MouseEvent(input.MouseMoved, at.X-dx, at.Y), chromedp.Sleep(10*time.Millisecond))
			if tip := eval[string](tb, "document.getElementById('tip').hidden ? '' : document.getElementById('tip').textContent"); strings.HasPrefix(tip, "shop/a\n") {
				tb.do(chromedp.MouseClickXY(at.X-dx, at.Y))
				return true
			}
		}
		return false
	}
	if !find() {
		t.Fatal("no box of shop/a left of the middle")
	}
	tb.scene("shop/a")

	large := open(t, graph(t, synth(t, 1000, 3), "graph.html"))
	large.scene("overview")
	large.shot("1000-far")
	// Some frame is near the middle.
	far := eval[float64](large, "Number(document.body.dataset.scale)")
	var near bool
	large.do(chromedp.MouseClickXY(at.X-60, at.Y-20),
		chromedp.Poll(fmt.Sprintf("document.body.dataset.moving === 'false' && Number(document.body.dataset.scale) > %f", 2*far), &near))
	large.shot("1000-near")
}

const hostile = `</script><img src=x onerror=alert(1)>"]; --> %%{init: {}}%% <b>bold</b> {{data}} \ ` + "`x`"

// User text stays text in every format, whatever it would mean there.
func TestHostile(t *testing.T) {
	quoted, _ := json.Marshal(hostile)
	because := strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(string(quoted))
	dir := project(t, "mesh shop strict\nservice a account a\nservice b account b port 80 http\n"+
		"a -> b:80 because "+because+"\ndeny a -> b:80 /x because "+because+"\n")
	tb := open(t, graph(t, dir, "graph.html"))
	tb.scene("overview")
	tb.find("shop/b")
	tb.do(chromedp.KeyEvent(kb.Enter))
	tb.scene("shop/b")
	tb.shot("hostile")
	if n := eval[int](tb, "document.querySelectorAll('img, b').length"); n != 0 {
		t.Errorf("%d elements were made from user text", n)
	}
	if n := eval[int](tb, "document.scripts.length"); n != 2 {
		t.Errorf("%d scripts, want two: the data and the page's own", n)
	}
	if text := eval[string](tb, "document.querySelector('#panel .why').textContent"); text != hostile {
		t.Errorf("the reason reads %q", text)
	}

	svg := open(t, graph(t, dir, "graph.svg"))
	if n := eval[int](svg, "document.querySelectorAll('img, script, b, foreignObject').length"); n != 0 {
		t.Errorf("%d elements were made from user text", n)
	}
	if text := eval[string](svg, "[...document.querySelectorAll('path title')].map(e => e.textContent).join()"); !strings.Contains(text, "onerror=alert(1)") {
		t.Errorf("the reason is not in %q", text)
	}
}

const (
	before = `mesh shop strict
service web account web port 8080 http
service cart account cart port 8080 http
service db account db port 5432 tcp
service search account search port 8080 http
web -> cart:8080 GET /cart/*
web -> search
cart -> db
`
	after = `mesh shop strict
service web account web port 8080 http
service cart account cart port 8080 http
service db account db port 5432 tcp
service search account search port 8080 http
web -> cart:8080
search -> db because "INC-42"
cart -> db
deny web -> search
`
)

// Two projects: words and signs say what opened and closed, not colour alone.
func TestChanges(t *testing.T) {
	old := project(t, before)
	tb := open(t, graph(t, project(t, after), "graph.html", "--against", old))
	tb.scene("overview")
	tb.shot("changes")
	text := eval[string](tb, "document.getElementById('panel').innerText")
	for _, want := range []string{"opened 1", "shop/search → shop/db", "closed 1", "shop/web → shop/search", "changed 1", "shop/web → shop/cart"} {
		if !strings.Contains(text, want) {
			t.Errorf("the panel does not say %q:\n%s", want, text)
		}
	}
	svg := open(t, graph(t, project(t, after), "graph.svg", "--against", old), dark())
	svg.shot("changes-svg-dark")
}

// The online shop of the examples, light and dark, as a page and as a picture.
func TestOnlineShop(t *testing.T) {
	dir := filepath.Join(root, "examples", "online-shop")
	html := graph(t, dir, "graph.html")
	for _, mode := range []string{"light", "dark"} {
		var actions []chromedp.Action
		if mode == "dark" {
			actions = append(actions, dark())
		}
		tb := open(t, html, actions...)
		tb.scene("overview")
		tb.shot("shop-" + mode)
		tb.find("checkout")
		tb.do(chromedp.KeyEvent(kb.Enter))
		tb.scene("payments/checkout")
		tb.shot("shop-focus-" + mode)
	}
	tb := open(t, graph(t, dir, "graph.svg"), dark())
	tb.shot("shop-svg-dark")
}

// Text in a picture fits its box, whatever font the reader's system has.
func TestTextFits(t *testing.T) {
	tb := open(t, graph(t, synth(t, 40, 3), "graph.svg"))
	if wide := eval[[]string](tb, `[...document.querySelectorAll("g > rect.box")].flatMap(r => [...r.parentNode.querySelectorAll("text")]
		.filter(x => x.getBBox().width > r.getBBox().width - 4).map(x => x.textContent))`); len(wide) > 0 {
		t.Errorf("wider than their boxes: %q", wide)
	}
}
