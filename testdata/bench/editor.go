package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"go.lsp.dev/jsonrpc2"
	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"
)

// answer is how long an editor waits for something.
type answer struct {
	services            int
	step                string
	least, median, most time.Duration
	goal                time.Duration // 0: none
	memory, room        int64         // peak and its goal, in bytes; 0: not measured
}

// goals is for 1,000 and for 10,000 services.
func goals(services int, thousand, more time.Duration) time.Duration {
	if services > 1000 {
		return more
	}
	return thousand
}

// measureEditor measures what an editor waits for that has a generated project open.
func (b *bencher) measureEditor(services int, project string) (all []answer, err error) {
	var opening, ready []time.Duration
	var memory int64
	for range b.runs {
		e, err := b.startEditor(project)
		if err != nil {
			return nil, err
		}
		opening = append(opening, e.opened)
		began := time.Now()
		if err := e.lenses(); err != nil {
			return nil, err
		}
		ready = append(ready, e.opened+time.Since(began))
		peak, err := e.close()
		if err != nil {
			return nil, err
		}
		memory = max(memory, peak)
	}
	all = append(all,
		answerOf(services, "open, until names are known", opening, goals(services, 0, 1500*time.Millisecond)),
		answerOf(services, "open, until it is proved", ready, 0))
	all[1].memory, all[1].room = memory, 600e6

	e, err := b.startEditor(project)
	if err != nil {
		return nil, err
	}
	defer func() {
		peak, closing := e.close()
		all[len(all)-1].memory = peak
		err = errors.Join(err, closing)
	}()
	for _, step := range []struct {
		name string
		goal time.Duration
		run  func() (time.Duration, error)
	}{
		{"keystroke to findings", goals(services, 50*time.Millisecond, 100*time.Millisecond), e.findings},
		{"completion after a keystroke", 10 * time.Millisecond, e.typed(e.completion)},
		{"hover of a name after a keystroke", 30 * time.Millisecond, e.typed(e.hover)},
		{"hover of an edge", 0, e.settled(e.hoverEdge)},
		{"code actions", 0, e.settled(e.actions)},
		{"code lenses", 0, e.settled(e.lenses)},
		{"callers and callees", 0, e.settled(e.calls)},
		{"references", 0, e.settled(e.references)},
		{"rename", 0, e.settled(e.rename)},
	} {
		var times []time.Duration
		for range 3 * b.runs {
			t, err := step.run()
			if err != nil {
				return nil, fmt.Errorf("%s: %w", step.name, err)
			}
			times = append(times, t)
		}
		all = append(all, answerOf(services, step.name, times, step.goal))
	}
	return all, nil
}

func answerOf(services int, step string, times []time.Duration, goal time.Duration) answer {
	slices.Sort(times)
	return answer{services: services, step: step, least: times[0], median: times[len(times)/2], most: times[len(times)-1], goal: goal}
}

func printAnswers(all []answer) {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "number\tstep\tleast ms\tmedian ms\tmost ms\tgoal ms\tpeak MB\tgoal MB\t")
	ms := func(d time.Duration) string {
		if d == 0 {
			return "-"
		}
		return fmt.Sprintf("%.1f", float64(d.Microseconds())/1000)
	}
	for _, a := range all {
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n", a.services, a.step, ms(a.least), ms(a.median), ms(a.most), ms(a.goal), megabytes(a.memory), megabytes(a.room))
	}
	w.Flush()
}

// editor is a client of a meshc lsp that has one file of a project open. It types behind the last line.
type editor struct {
	protocol.UnimplementedClient
	server  protocol.Server
	command *exec.Cmd
	opened  time.Duration

	document protocol.TextDocumentIdentifier
	version  int32
	lines    []string
	known    int              // the line of a declaration
	edge     int              // that of an edge
	found    chan publication // of the document
}

// publication is the findings of a version of the document.
type publication struct {
	version int32
	errors  int
}

func (e *editor) PublishDiagnostics(_ context.Context, p *protocol.PublishDiagnosticsParams) error {
	if version, ok := p.Version.Get(); ok && p.URI == e.document.URI {
		e.found <- publication{version, len(p.Diagnostics)}
	}
	return nil
}

func (b *bencher) startEditor(project string) (*editor, error) {
	name := filepath.Join(project, "team-0000.mesh")
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	e := &editor{document: protocol.TextDocumentIdentifier{URI: uri.File(name)}, lines: strings.Split(string(text), "\n"), version: 1, found: make(chan publication, 1000)}
	e.known = slices.IndexFunc(e.lines, func(l string) bool { return strings.HasPrefix(l, "service svc-00001 ") })
	e.edge = slices.IndexFunc(e.lines, func(l string) bool { return strings.HasPrefix(l, "svc-") && strings.Contains(l, " -> svc-00001") })
	if e.known < 0 || e.edge < 0 {
		return nil, fmt.Errorf("%s does not declare and call svc-00001", name)
	}
	e.command = exec.Command(b.meshc, "lsp")
	in, err := e.command.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := e.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	began := time.Now()
	if err := e.command.Start(); err != nil {
		return nil, err
	}
	ctx := context.Background()
	_, _, e.server = protocol.NewClient(ctx, e, jsonrpc2.NewHeaderStream(streams{out, in}))
	folders := protocol.NewNullable([]protocol.WorkspaceFolder{{URI: uri.File(project), Name: "project"}})
	_, err = e.server.Initialize(ctx, &protocol.InitializeParams{WorkspaceFoldersInitializeParams: protocol.WorkspaceFoldersInitializeParams{WorkspaceFolders: folders}})
	if err == nil {
		err = errors.Join(e.server.Initialized(ctx, &protocol.InitializedParams{}), e.server.DidOpen(ctx, &protocol.DidOpenTextDocumentParams{
			TextDocument: protocol.TextDocumentItem{URI: e.document.URI, LanguageID: "mesh", Version: 1, Text: string(text)},
		}))
	}
	if err == nil {
		err = e.hover()
	}
	e.opened = time.Since(began)
	return e, err
}

type streams struct {
	io.Reader
	io.WriteCloser
}

// close ends the server, and returns its peak memory.
func (e *editor) close() (int64, error) {
	ctx := context.Background()
	if err := errors.Join(e.server.Shutdown(ctx), e.server.Exit(ctx)); err != nil {
		return 0, err
	}
	err := e.command.Wait()
	return peakMemory(e.command.ProcessState), err
}

// write types a text in place of the rest of the last line.
func (e *editor) write(text string) error {
	last := len(e.lines) - 1
	e.version++
	change := &protocol.DidChangeTextDocumentParams{ContentChanges: []protocol.TextDocumentContentChangeEvent{&protocol.TextDocumentContentChangePartial{
		Range: protocol.Range{Start: position(last, 0), End: position(last, len(e.lines[last]))}, Text: text,
	}}}
	change.TextDocument.URI, change.TextDocument.Version = e.document.URI, e.version
	e.lines[last] = text
	return e.server.DidChange(context.Background(), change)
}

func position(line, column int) protocol.Position {
	return protocol.Position{Line: uint32(line), Character: uint32(column)}
}

// findings types a mistake, or takes it back, and waits until that is told.
func (e *editor) findings() (time.Duration, error) {
	text, want := "svc-00001 -> svc-nowhere", 1
	if e.lines[len(e.lines)-1] == text {
		text, want = "", 0
	}
	began := time.Now()
	if err := e.write(text); err != nil {
		return 0, err
	}
	if err := e.awaits(want); err != nil {
		return 0, err
	}
	took := time.Since(began)
	return took, e.lenses() // the next one begins when there is nothing left to do
}

func (e *editor) awaits(errors int) error {
	timeout := time.After(time.Minute)
	for {
		select {
		case p := <-e.found:
			if p.version == e.version && p.errors == errors {
				return nil
			}
		case <-timeout:
			return fmt.Errorf("no %d findings of version %d within a minute", errors, e.version)
		}
	}
}

// typed measures a question right after a keystroke.
func (e *editor) typed(ask func() error) func() (time.Duration, error) {
	return func() (time.Duration, error) {
		text := "svc-00001 -> svc-0000"
		if e.lines[len(e.lines)-1] == text {
			text = "svc-00001 -> svc-000"
		}
		if err := e.write(text); err != nil {
			return 0, err
		}
		began := time.Now()
		err := ask()
		took := time.Since(began)
		return took, errors.Join(err, e.lenses())
	}
}

// settled measures a question while nothing is being typed.
func (e *editor) settled(ask func() error) func() (time.Duration, error) {
	return func() (time.Duration, error) {
		if e.lines[len(e.lines)-1] != "" {
			if err := e.write(""); err != nil {
				return 0, err
			}
		}
		if err := e.lenses(); err != nil {
			return 0, err
		}
		began := time.Now()
		err := ask()
		return time.Since(began), err
	}
}

func (e *editor) at(line, column int) protocol.TextDocumentPositionParams {
	return protocol.TextDocumentPositionParams{TextDocument: e.document, Position: position(line, column)}
}

var errNothing = errors.New("there is no answer")

func answered(some bool, err error) error {
	if err == nil && !some {
		return errNothing
	}
	return err
}

func (e *editor) completion() error {
	last := len(e.lines) - 1
	result, err := e.server.Completion(context.Background(), &protocol.CompletionParams{TextDocumentPositionParams: e.at(last, len(e.lines[last]))})
	list, _ := result.(*protocol.CompletionList)
	return answered(list != nil && len(list.Items) > 5, err)
}

func (e *editor) hover() error { return e.hovers(e.known, len("service svc-0")) }

func (e *editor) hoverEdge() error { return e.hovers(e.edge, len("svc-00000 -")) }

func (e *editor) hovers(line, column int) error {
	h, err := e.server.Hover(context.Background(), &protocol.HoverParams{TextDocumentPositionParams: e.at(line, column)})
	return answered(h != nil, err)
}

func (e *editor) lenses() error {
	all, err := e.server.CodeLens(context.Background(), &protocol.CodeLensParams{TextDocument: e.document})
	return answered(len(all) > 0, err)
}

func (e *editor) actions() error {
	_, err := e.server.CodeAction(context.Background(), &protocol.CodeActionParams{TextDocument: e.document, Range: protocol.Range{Start: position(e.edge, 0), End: position(e.edge, 1)}})
	return err
}

func (e *editor) calls() error {
	ctx := context.Background()
	items, err := e.server.PrepareCallHierarchy(ctx, &protocol.CallHierarchyPrepareParams{TextDocumentPositionParams: e.at(e.known, len("service svc-0"))})
	if err := answered(len(items) > 0, err); err != nil {
		return err
	}
	in, err := e.server.IncomingCalls(ctx, &protocol.CallHierarchyIncomingCallsParams{Item: items[0]})
	if err := answered(len(in) > 0, err); err != nil {
		return err
	}
	_, err = e.server.OutgoingCalls(ctx, &protocol.CallHierarchyOutgoingCallsParams{Item: items[0]})
	return err
}

func (e *editor) references() error {
	all, err := e.server.References(context.Background(), &protocol.ReferenceParams{TextDocumentPositionParams: e.at(e.known, len("service svc-0"))})
	return answered(len(all) > 0, err)
}

func (e *editor) rename() error {
	edit, err := e.server.Rename(context.Background(), &protocol.RenameParams{TextDocumentPositionParams: e.at(e.known, len("service svc-0")), NewName: "renamed"})
	return answered(edit != nil, err)
}
