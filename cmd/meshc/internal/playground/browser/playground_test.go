package browser

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// site is what `make playground` made.
const site = "../../../../../build/playground"

// firstAnswer is the time from navigation to the first answer: ten times what a machine that does nothing else takes.
const firstAnswer = 30 * time.Second

// TestPlayground does what a person does: types a mistake, sees the finding, applies the fix, sees the YAML and the
// graph change, asks why, and shares the project. The page works from a server and from a file, and loads nothing from
// elsewhere.
func TestPlayground(t *testing.T) {
	top, err := filepath.Abs(site)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(top, "page.js")); err != nil {
		t.Fatalf("%v: run make playground first", err)
	}
	server := httptest.NewServer(http.FileServer(http.Dir(top)))
	defer server.Close()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.WindowSize(1440, 900))
	if path := os.Getenv("CHROMIUM"); path != "" {
		options = append(options, chromedp.ExecPath(path))
	}
	allocator, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	defer cancel()
	for name, address := range map[string]string{"server": server.URL + "/", "file": "file://" + top + "/index.html"} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := chromedp.NewContext(allocator)
			defer cancel()
			ctx, cancel = context.WithTimeout(ctx, 4*time.Minute)
			defer cancel()
			chromedp.ListenTarget(ctx, func(event any) {
				if e, ok := event.(*runtime.EventExceptionThrown); ok {
					t.Errorf("exception: %s", e.ExceptionDetails.Error())
				}
			})
			do := func(actions ...chromedp.Action) {
				t.Helper()
				if err := chromedp.Run(ctx, actions...); err != nil {
					t.Fatal(err)
				}
			}
			wait := func(what, condition string) {
				t.Helper()
				for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
					var holds bool
					do(chromedp.Evaluate("!!("+condition+")", &holds))
					if holds {
						return
					}
					if time.Now().After(deadline) {
						var body string
						do(chromedp.Evaluate("document.body.innerText", &body))
						t.Fatalf("waited in vain for %s:\n%s", what, body)
					}
				}
			}
			shot := func(scene string) {
				folder := os.Getenv("SHOTS")
				if folder == "" {
					return
				}
				var png []byte
				do(chromedp.CaptureScreenshot(&png))
				if err := os.WriteFile(filepath.Join(folder, "playground-"+name+"-"+scene+".png"), png, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			// Mouse events do not always arrive in a headless page under load.
			click := func(selector string) {
				t.Helper()
				do(chromedp.Evaluate(`document.querySelector("`+selector+`").click()`, nil))
			}
			focus := func(selector string) {
				t.Helper()
				do(chromedp.Evaluate(`document.querySelector("`+selector+`").focus()`, nil))
			}
			manifests := "document.getElementById('manifests').textContent"

			do() // the browser starts before the clock does
			began := time.Now()
			do(chromedp.Navigate(address))
			wait("the first answer", "document.body.dataset.answered >= '1'")
			took := time.Since(began)
			t.Logf("first answer after %v", took)
			if took > firstAnswer {
				t.Errorf("first answer after %v, want at most %v", took, firstAnswer)
			}
			wait("manifests of the shop", manifests+".includes('kind: AuthorizationPolicy') && "+manifests+".includes('backend-ingress')")
			wait("the picture", "document.querySelector('#graph svg') !== null")
			shot("light")

			choose := func(example string) {
				t.Helper()
				do(chromedp.Evaluate("(() => { const e = document.getElementById('example'); e.value = '"+example+"'; e.dispatchEvent(new Event('change')); })()", nil))
			}
			// Of a project with errors there is no picture, least of all that of the one before.
			choose("broken/account-mismatch")
			wait("its finding", "document.querySelector('#findings li.error b')?.textContent === 'error MESH1013' && document.querySelector('.cm-lintRange')")
			wait("no picture", "document.querySelector('#graph svg') === null && "+manifests+" === ''")

			// A service that is misspelt, and its fix.
			choose("shop-written-out")
			wait("the other example", "document.querySelector('.cm-content').textContent.includes('service')")
			wait("no finding", "document.querySelector('#findings.none') && document.querySelectorAll('#findings li').length === 0 && "+manifests+" !== ''")
			do(chromedp.Evaluate("[...document.querySelectorAll('#files button')].find((b) => b.textContent === 'shop.mesh').click()", nil))
			focus(".cm-content")
			do(chromedp.KeyEvent(kb.End, chromedp.KeyModifiers(input.ModifierCtrl)), chromedp.KeyEvent("\nfrontend -> bakend\n"))
			wait("the finding", "document.querySelector('#findings li.error b')?.textContent === 'error MESH1001' && document.querySelector('#findings .fix:enabled')")
			shot("finding")
			click("#findings .fix:enabled")
			wait("the fix", "document.querySelectorAll('#findings li.error').length === 0 && !document.querySelector('.cm-content').textContent.includes('bakend')")
			var millis float64
			do(chromedp.Evaluate("Number(document.body.dataset.took)", &millis))
			t.Logf("a change takes %.0f ms", millis)

			focus("#why input")
			do(chromedp.KeyEvent("frontend db\r"))
			wait("the reason", "document.getElementById('answer').textContent.includes('denied')")

			click("#share")
			wait("the fragment", "location.hash.length > 50")
			var shared string
			do(chromedp.Evaluate("location.href", &shared))
			if !strings.HasPrefix(shared, address+"#") {
				t.Errorf("shared as %s", shared)
			}
			// An address is pasted while the page shows something else; one that is cut off is told.
			choose("shop")
			wait("the shop", "!document.querySelector('.cm-content').textContent.includes('service frontend')")
			do(chromedp.Evaluate("location.hash = ''", nil), chromedp.Evaluate("location.href = '"+shared+"'", nil))
			wait("the project of the address", "document.querySelector('.cm-content').textContent.includes('service frontend')")
			do(chromedp.Navigate("about:blank"), chromedp.Navigate(shared[:len(shared)/2]))
			wait("what is wrong with the address", "document.getElementById('status').textContent.includes('no whole project')")
			do(emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "dark"}}))
			do(chromedp.Navigate("about:blank"), chromedp.Navigate(shared))
			wait("the shared project", "document.querySelector('.cm-content')?.textContent.includes('frontend -> backend') && "+manifests+" !== ''")
			shot("dark")
		})
	}
}
