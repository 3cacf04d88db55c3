package lsp

import (
	"context"
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/meshc/meshc/compiler"
	"github.com/meshc/meshc/compiler/project"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// workspace is a project that some document is in.
type workspace struct {
	waits
	server *server
	root   string
	wake   chan struct{} // has a value when there is something new to report

	mutex    sync.Mutex
	snapshot *compiler.Snapshot
	stale    bool              // files may have come, gone or changed on disk
	edits    map[string]string // texts that the snapshot does not have yet, by path
	view     *view             // of the snapshot; nil until it is asked for
	checked  *view             // the newest that was checked; nil while none was
	built    *view             // the newest that was built; nil while none was

	settling chan *view    // what is to be checked as a whole and built next
	stop     func()        // ends the build under way, or the pause before it
	effort   time.Duration // what the last check of the whole and the build took

	publishing sync.Mutex
	reported   int // the number of the newest view whose findings were published
	published  map[uri.URI][]protocol.Diagnostic

	recolour, rehint atomic.Bool // colours or hints were given by what was known before the last keystrokes

	later diag.List // findings of the last build that a check does not have
}

func newWorkspace(s *server, root string) *workspace {
	return &workspace{waits: usual, server: s, root: root, wake: make(chan struct{}, 1), settling: make(chan *view, 1), stop: func() {}, edits: map[string]string{}, published: map[uri.URI][]protocol.Diagnostic{}}
}

func (w *workspace) open(ctx context.Context) (*compiler.Snapshot, error) {
	defer w.signal()
	return compiler.OpenSnapshot(ctx, w.server.options.Compile, w.root)
}

// edit takes a new text of a document. Nothing is computed before it is asked for.
func (w *workspace) edit(path, text string) {
	w.mutex.Lock()
	w.edits[path] = text
	w.stop()
	w.mutex.Unlock()
	w.signal()
}

// reopen has the files of the project read again.
func (w *workspace) reopen() {
	w.mutex.Lock()
	w.stale = true
	w.mutex.Unlock()
	w.signal()
}

func (w *workspace) signal() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// current returns the project with every edit so far. A file that cannot be read, or a project without intents, leaves
// it as it was.
func (w *workspace) current(ctx context.Context) *view {
	unsaved := w.server.unsaved(w)
	w.mutex.Lock()
	defer w.mutex.Unlock()
	next := w.snapshot
	for path, text := range w.edits {
		edited, known, err := next.Edit(ctx, next.Name(path), text)
		switch {
		case err != nil:
			return w.view
		case known:
			next = edited
		case next.Name(path) == project.ConfigName:
			w.stale = true
		}
	}
	if w.stale {
		maps.Copy(unsaved, w.edits) // those since it was taken
		if opened, err := next.Reopen(ctx, unsaved); err == nil && !same(next, opened) {
			next = opened
		}
	}
	clear(w.edits)
	w.stale = false
	if next != w.snapshot || w.view == nil {
		number := 0
		if w.view != nil {
			number = w.view.number + 1
		}
		w.snapshot, w.view = next, newView(w, next, number)
	}
	return w.view
}

// same reports whether a project that was read again is what it was, as after most files that are opened and saved.
func same(before, after *compiler.Snapshot) bool {
	return before.Parsed != nil && after.Parsed != nil && before.Parsed.Today.Equal(after.Parsed.Today) &&
		len(before.Project.Findings) == len(after.Project.Findings) && len(after.Changed(before)) == 0
}

// remember keeps a view in one of the fields of w, unless there is a newer one.
func (w *workspace) remember(in **view, v *view) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if *in == nil || (*in).number < v.number {
		*in = v
	}
}

// waits is how long a workspace waits for what.
type waits struct {
	// patience is how long a question waits for the newest text to be read and judged. After that, and at once where
	// judging takes longer, it is answered by what was known before the last keystrokes, which is nearly always the
	// same.
	patience time.Duration

	// pause is for how long nobody must type before a large project is checked as a whole and built: one whose last
	// check and build took more than moment. A smaller one is built after every key.
	pause, moment time.Duration
}

var usual = waits{2 * time.Millisecond, 250 * time.Millisecond, 50 * time.Millisecond}

// courtesy is how long the findings of such a project wait for questions that are being answered.
const courtesy = 20 * time.Millisecond

// took remembers how long the project takes to be checked and built.
func (w *workspace) took(effort time.Duration) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.effort = effort
}

// large reports whether checking and building the project at every key would be in the way of questions.
func (w *workspace) large() bool {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return w.effort > w.moment
}

// known returns the project as it was checked last: v, or an earlier one if v takes too long.
func (w *workspace) known(v *view) *view { return w.soon(v, v.checked, &w.checked) }

// proved returns the project as it was built last: v, or an earlier one if v takes too long.
func (w *workspace) proved(v *view) *view { return w.soon(v, v.built, &w.built) }

// askAgain has the client ask again for what it was told by what was known before.
func (w *workspace) askAgain() {
	if w.recolour.Swap(false) {
		go w.server.client.SemanticTokensRefresh(w.server.context)
	}
	if w.rehint.Swap(false) {
		go w.server.client.InlayHintRefresh(w.server.context)
	}
}

func (w *workspace) soon(v *view, done <-chan struct{}, last **view) *view {
	w.mutex.Lock()
	wait := w.patience
	if w.effort > wait {
		wait = 0
	}
	w.mutex.Unlock()
	select {
	case <-done:
		return v
	case <-time.After(wait):
	}
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if *last == nil || (*last).number > v.number {
		return v
	}
	return *last
}

// report publishes the findings of a check after every change, until ctx ends, and hands on what takes longer.
func (w *workspace) report(ctx context.Context) {
	go w.settle(ctx)
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.wake:
		}
		v := w.current(ctx)
		if v == nil {
			continue
		}
		w.giveWay()
		found := v.Found()
		w.publish(ctx, v, func() diag.List { return append(slices.Clone(found), w.kept(v, found)...).Sort() })
		w.mutex.Lock() // so that settle cannot have the new one end
		select {
		case <-w.settling:
		default:
		}
		w.settling <- v
		w.stop()
		w.mutex.Unlock()
	}
}

// giveWay lets the questions be answered first that an editor asks with a keystroke.
func (w *workspace) giveWay() {
	for steps := 10; steps > 0 && w.large(); steps-- {
		time.Sleep(courtesy / 10)
		if w.server.asked.Load() == 0 {
			return
		}
	}
}

// settle makes what questions need, and builds and publishes what only a build finds. A change ends it.
func (w *workspace) settle(ctx context.Context) {
	for {
		var v *view
		select {
		case <-ctx.Done():
			return
		case v = <-w.settling:
		}
		building, stop := context.WithCancel(ctx)
		w.mutex.Lock()
		w.stop = stop
		w.mutex.Unlock()
		rest := time.Duration(0)
		if w.large() {
			rest = w.pause
		}
		select {
		case <-building.Done():
			continue // there is a newer text already
		case <-time.After(rest):
		}
		b, err := v.Build(building)
		stop()
		if err != nil {
			if bug := (*compiler.InternalError)(nil); errors.As(err, &bug) {
				w.server.client.LogMessage(ctx, &protocol.LogMessageParams{Type: protocol.MessageTypeError, Message: err.Error()})
			}
			continue
		}
		w.publish(ctx, v, func() diag.List {
			w.later = without(b.Findings, v.Found())
			return b.Findings
		})
		if w.server.refresh {
			go w.server.client.CodeLensRefresh(ctx)
		}
	}
}

// kept is the findings of the last build in files that have not changed since: they are shown until the next build, so
// that they do not come and go with every key.
func (w *workspace) kept(v *view, checked diag.List) diag.List {
	return without(slices.DeleteFunc(slices.Clone(w.later), func(d diag.Diagnostic) bool {
		return d.Primary.IsZero() || v.file(d.Primary.File.Name) != d.Primary.File
	}), checked)
}

// without is the findings of a list that another does not have.
func without(l, other diag.List) diag.List {
	type key struct {
		code    diag.Code
		at      source.Span
		message string
	}
	has := map[key]bool{}
	for _, d := range other {
		has[key{d.Code, d.Primary, d.Message}] = true
	}
	return slices.DeleteFunc(slices.Clone(l), func(d diag.Diagnostic) bool { return has[key{d.Code, d.Primary, d.Message}] })
}

// publish sends the findings of every file that has other ones than before, unless those of a newer view were sent.
func (w *workspace) publish(ctx context.Context, v *view, findings func() diag.List) {
	w.publishing.Lock()
	defer w.publishing.Unlock()
	if v.number < w.reported {
		return
	}
	w.reported = v.number
	l := findings()
	all := map[uri.URI][]protocol.Diagnostic{}
	for i := range l {
		at := l[i].Primary
		if at.IsZero() {
			at = v.settings()
		}
		path := v.Path(at.File.Name)
		if path == "" {
			continue
		}
		u := w.server.uriOf(path)
		all[u] = append(all[u], v.diagnostic(&l[i], at))
	}
	for u := range w.published {
		if all[u] == nil {
			all[u] = []protocol.Diagnostic{}
		}
	}
	for u, now := range all {
		if before, known := w.published[u]; known && reflect.DeepEqual(before, now) {
			continue
		}
		p := &protocol.PublishDiagnosticsParams{URI: u, Diagnostics: now}
		if d := w.server.document(u); d != nil {
			p.Version = protocol.NewOptional(d.version)
		}
		if w.server.client.PublishDiagnostics(ctx, p) != nil {
			return
		}
		w.published[u] = now
		if len(now) == 0 {
			delete(w.published, u)
		}
	}
}

// explanations is where the codes are explained.
const explanations = "https://github.com/meshc/meshc/blob/main/grammar/findings.md#"

func (v *view) diagnostic(d *diag.Diagnostic, at source.Span) protocol.Diagnostic {
	text := d.Message
	for _, n := range d.Notes {
		text += "\nnote: " + n
	}
	if d.Help != "" {
		text += "\nhelp: " + d.Help
	}
	out := protocol.Diagnostic{
		Range:           rangeOf(at, v.server.encoding),
		Severity:        severities[d.Severity],
		Code:            protocol.String(d.Code),
		CodeDescription: protocol.CodeDescription{Href: uri.URI(explanations + strings.ToLower(string(d.Code)))},
		Source:          protocol.NewOptional("meshc"),
		Message:         protocol.String(text),
	}
	for _, r := range d.Related {
		if path := v.Path(r.Span.File.Name); path != "" {
			out.RelatedInformation = append(out.RelatedInformation, protocol.DiagnosticRelatedInformation{Location: v.location(r.Span), Message: r.Message})
		}
	}
	return out
}

var severities = [...]protocol.DiagnosticSeverity{
	diag.Note: protocol.DiagnosticSeverityInformation, diag.Warning: protocol.DiagnosticSeverityWarning, diag.Error: protocol.DiagnosticSeverityError,
}

// settings is the start of meshc.yaml, the place of findings that have none.
func (v *view) settings() source.Span {
	if v.File != nil {
		return v.File.Span(0, 0)
	}
	return source.NewFile(project.ConfigName, "").Span(0, 0)
}
