// Package browser opens the pages and pictures that meshc graph writes in a real Chromium. It is a module of its
// own, so that meshc does not depend on a browser driver.
package browser

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

var (
	shots = flag.String("shots", "", "folder to write screenshots to, for people to look at")
	bin   string // folder of the meshc and synth binaries

	browser context.Context
)

const root = "../../../../.."

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "meshc-browser-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		bin = dir
		build := exec.Command("go", "build", "-o", dir+"/", "./cmd/meshc", "./testdata/synth")
		build.Dir = root
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "%s%v\n", out, err)
			return 1
		}
		if browser, err = newBrowser(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer chromedp.Cancel(browser)
		return m.Run()
	}())
}

// synth generates a project and returns its folder.
func synth(t *testing.T, services, callers int) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "project")
	run(t, "", "synth", "-n", fmt.Sprint(services), "-callers", fmt.Sprint(callers), "-o", dir)
	return dir
}

// project writes a small project and returns its folder.
func project(t *testing.T, intents string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a.mesh"), []byte(intents), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// graph draws a project into a file and returns its path.
func graph(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), name)
	run(t, dir, "meshc", append([]string{"graph", "--date", "2027-03-15", "-o", out}, args...)...)
	return out
}

func run(t *testing.T, dir, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(filepath.Join(bin, name), args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
}

// tab is a browser tab, which records everything that must not happen in it.
type tab struct {
	t   *testing.T
	ctx context.Context

	mu       sync.Mutex
	problems []string
}

// newBrowser starts the browser that all tests share, with an empty profile.
func newBrowser() (context.Context, error) {
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		return nil, errors.New("these tests need chromium: apt-get install chromium, or make browser, which does it")
	}
	alloc, _ := chromedp.NewExecAllocator(context.Background(),
		chromedp.ExecPath(chromium), chromedp.UserDataDir(filepath.Join(bin, "profile")), chromedp.WindowSize(1440, 860),
		chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true), chromedp.Flag("hide-scrollbars", true))
	ctx, _ := chromedp.NewContext(alloc)
	return ctx, chromedp.Run(ctx)
}

func open(t *testing.T, path string, actions ...chromedp.Action) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(browser)
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, 90*time.Second)
	t.Cleanup(cancel)
	tb := &tab{t: t, ctx: ctx}
	url := "file://" + path
	chromedp.ListenTarget(ctx, func(event any) {
		switch e := event.(type) {
		case *runtime.EventExceptionThrown:
			tb.report("exception: %s", e.ExceptionDetails.Error())
		case *runtime.EventConsoleAPICalled:
			for _, a := range e.Args {
				tb.report("console: %s %s %s", e.Type, a.Value, a.Description)
			}
		case *page.EventJavascriptDialogOpening:
			tb.report("dialog: %s", e.Message)
		case *network.EventRequestWillBeSent:
			if at, _, _ := strings.Cut(e.Request.URL, "#"); at != url && !strings.HasPrefix(at, "data:") {
				tb.report("request: %s", e.Request.URL)
			}
		}
	})
	tb.do(network.Enable(), page.Enable(), emulation.SetDeviceMetricsOverride(1440, 860, 1, false))
	tb.do(actions...)
	tb.do(chromedp.Navigate(url))
	t.Cleanup(func() {
		tb.mu.Lock()
		defer tb.mu.Unlock()
		for _, problem := range tb.problems {
			t.Error(problem)
		}
	})
	return tb
}

func (tb *tab) report(format string, args ...any) {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	tb.problems = append(tb.problems, fmt.Sprintf(format, args...))
}

func (tb *tab) do(actions ...chromedp.Action) {
	tb.t.Helper()
	if err := chromedp.Run(tb.ctx, actions...); err != nil {
		tb.t.Fatal(err)
	}
}

// eval returns the value of an expression in the page.
func eval[T any](tb *tab, expression string) T {
	tb.t.Helper()
	var value T
	tb.do(chromedp.Evaluate(expression, &value))
	return value
}

// scene waits until the page shows a scene and nothing moves.
func (tb *tab) scene(name string) {
	tb.t.Helper()
	quoted, _ := json.Marshal(name)
	var ok bool
	tb.do(chromedp.Poll(fmt.Sprintf("document.body.dataset.scene === %s && document.body.dataset.moving === 'false'", quoted), &ok,
		chromedp.WithPollingInterval(20*time.Millisecond), chromedp.WithPollingTimeout(10*time.Second)))
}

func (tb *tab) shot(name string) {
	tb.t.Helper()
	if *shots == "" {
		return
	}
	var png []byte
	tb.do(chromedp.Sleep(100*time.Millisecond), chromedp.CaptureScreenshot(&png))
	if err := os.MkdirAll(*shots, 0o755); err != nil {
		tb.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(*shots, name+".png"), png, 0o644); err != nil {
		tb.t.Fatal(err)
	}
}

func dark() chromedp.Action {
	return emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "dark"}})
}

// find types into the search, which a slash moves the focus to.
func (tb *tab) find(text string) {
	tb.t.Helper()
	tb.do(chromedp.KeyEvent("/"))
	if at := eval[string](tb, "document.activeElement.id"); at != "search" {
		tb.t.Fatalf("after a slash the focus is on %q, not on the search", at)
	}
	// The driver sends the slash again as a character, which a keyboard does not.
	tb.do(chromedp.Evaluate("document.getElementById('search').value = ''", nil), chromedp.KeyEvent(text))
}
