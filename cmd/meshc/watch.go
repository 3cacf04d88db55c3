package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/meshc/meshc/cmd/meshc/internal/notify"
	"github.com/meshc/meshc/compiler"
	"github.com/meshc/meshc/compiler/project"
)

func newWatch() *cobra.Command {
	w := watching{findings: reporter{brief: true}}
	cmd := &cobra.Command{
		Use:   "watch [PATH...]",
		Short: "Check and build whenever a file changes, and show the findings and what opens or closes",
		Long: `Check, build and prove a project whenever its intents, its workload manifests or meshc.yaml change on disk, until
interrupted. Each round shows the findings and, as meshc diff does, which requests are newly allowed or denied since the
project was last free of errors. Nothing is written to disk. On a terminal, each round clears the screen.

Files and folders may be replaced, removed and created. Where the file system does not report changes, as on most network
file systems, --poll 2s looks for them.`,
		Example: `  meshc watch
  meshc watch --env prod
  meshc watch --poll 2s /mnt/share/shop`,
		RunE: onProject(w.run),
	}
	w.registerProject(cmd)
	cmd.Flags().BoolVar(&w.findings.all, "all", false, "print every finding: also warnings beside errors, and more than three of one code")
	cmd.Flags().DurationVar(&w.poll, "poll", 0, "look for changes this often, for file systems that do not report them")
	return cmd
}

// watching is a project that is built again and again.
type watching struct {
	inputs
	findings reporter
	poll     time.Duration

	cmd     *cobra.Command
	folders *notify.Watcher
	now     *compiler.Snapshot // as it was last read
	trouble string             // why it cannot be read any more; empty while it can
	good    *goodState         // the last without errors; nil if there was none
	failed  bool               // the last had errors
}

type goodState struct {
	compiler.Side
	since time.Time
}

// least is the shortest time between two looks.
const least = 10 * time.Millisecond

func (w *watching) run(cmd *cobra.Command, paths []string) error {
	switch {
	case slices.Contains(slices.Concat(paths, w.workloads), project.Stdin):
		return usageError("standard input cannot be watched: name files or folders")
	case cmd.Flags().Changed("poll") && w.poll < least:
		return usageError("--poll %s: want at least %s", w.poll, least)
	}
	ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // the second time it ends at once
	cmd.SetContext(ctx)
	w.cmd = cmd
	stay()

	o, err := w.options(paths)
	if err != nil {
		return err
	}
	if w.date == "" && os.Getenv("SOURCE_DATE_EPOCH") == "" {
		o.Today = time.Time{} // the day goes on
	}
	w.now, err = compiler.OpenSnapshot(ctx, o, paths...)
	if err := w.unopened(cmd, paths, err); err != nil {
		return err
	}
	w.folders = notify.New(w.poll)
	defer w.folders.Close()
	if err := w.begin(); err != nil {
		return err
	}
	for w.wait() {
		if err := w.again(); err != nil {
			return err
		}
	}
	if w.failed {
		return errFindings
	}
	return nil
}

// begin tells how the project is, and what is watched from now on.
func (w *watching) begin() error {
	if next, err := w.read(); err == nil {
		w.now = next // as it is since it is watched
	}
	if err := w.tell(); err != nil {
		return err
	}
	how := ""
	if w.folders.Polls() {
		how = ", by looking at them"
	}
	say(w.cmd, "watching %s in %s%s; Ctrl-C ends it\n", plural(len(w.now.Texts()), "file"), plural(len(w.now.Folders()), "folder"), how)
	return nil
}

// again reads the project and, if a file of it changed, tells how it is now.
func (w *watching) again() error {
	next, err := w.read()
	switch {
	case w.cmd.Context().Err() != nil:
		return nil
	case err != nil:
		if err.Error() != w.trouble {
			w.trouble, w.failed = err.Error(), true
			w.clear()
			fmt.Fprintf(w.cmd.ErrOrStderr(), "%s meshc: %v\n", time.Now().Format(time.TimeOnly), err)
		}
		return nil
	}
	changed := next.Changed(w.now)
	if len(changed) == 0 && w.trouble == "" {
		return nil
	}
	w.now, w.trouble = next, ""
	w.clear()
	say(w.cmd, "%s %s\n", time.Now().Format(time.TimeOnly), changedText(w.now, changed))
	return w.tell()
}

// read reads the project, and watches the folders that it is in. What happens while it reads is told later.
func (w *watching) read() (*compiler.Snapshot, error) {
	w.folders.Watch(w.now.Folders())
	for {
		next, err := w.now.Reopen(w.cmd.Context(), nil)
		if err != nil || !w.folders.Watch(next.Folders()) {
			return next, err
		}
	}
}

// tell writes the findings of the project, and what it lets through that it did not.
func (w *watching) tell() error {
	began := time.Now()
	b, err := built(w.cmd, w.now.Project.Project, w.now.Build)
	if w.cmd.Context().Err() != nil {
		return nil
	}
	if err != nil {
		w.failed = true
		fmt.Fprintf(w.cmd.ErrOrStderr(), "meshc: %v\n", err)
		return nil
	}
	if err := w.findings.write(w.cmd.ErrOrStderr(), b.Findings, w.now.Shown); err != nil {
		return err
	}
	if err := w.compare(b); err != nil {
		return err
	}
	summary := counts(b.Findings)
	if w.failed = b.Findings.HasErrors(); !w.failed {
		w.good = &goodState{b.Side(w.environment), began}
	} else if w.good != nil {
		summary += "; there were none at " + w.good.since.Format(time.TimeOnly)
	}
	say(w.cmd, "%s\n", summary)
	return nil
}

// compare writes how a build differs from the last one without errors.
func (w *watching) compare(b *compiler.Build) error {
	if w.good == nil || !b.Judgeable() {
		return nil
	}
	c, err := compare(w.cmd.Context(), w.good.Side, b.Side(w.environment))
	if err != nil {
		if w.cmd.Context().Err() != nil {
			return nil
		}
		return err
	}
	described := c.description(w.environment, ownersOf(nil))
	if err := writeAnswer(w.cmd, "text", described.Terminal()); err != nil {
		return err
	}
	files := ""
	if len(c.Files) > 0 {
		files = "; " + filesDiffer(len(c.Files))
	}
	say(w.cmd, "%s since %s%s\n", described.Summary(), w.good.since.Format(time.TimeOnly), files)
	return nil
}

// How long nothing must happen before the project is read, and how long it can be put off: one save is several changes
// of files, and a checkout many.
const (
	quietTime = 60 * time.Millisecond
	longest   = 500 * time.Millisecond
)

// wait returns once something may have changed, or a second has passed while the project cannot be read. It reports
// false if it is to end.
func (w *watching) wait() bool {
	var retry <-chan time.Time
	if w.trouble != "" {
		retry = time.After(time.Second)
	}
	done := w.cmd.Context().Done()
	select {
	case <-done:
		return false
	case <-retry:
		return true
	case <-w.folders.Changes:
	}
	enough := time.After(longest)
	for {
		select {
		case <-done:
			return false
		case <-enough:
			return true
		case <-time.After(quietTime):
			return true
		case <-w.folders.Changes:
		}
	}
}

// clear empties the terminal, if there is one.
func (w *watching) clear() {
	for _, to := range []io.Writer{w.cmd.OutOrStdout(), w.cmd.ErrOrStderr()} {
		if t, ok := to.(terminal); ok {
			to = t.stream
		}
		if isTerminal(to) && os.Getenv("TERM") != "dumb" {
			fmt.Fprint(to, "\x1b[2J\x1b[H")
			return
		}
	}
}

// changedText is such as `shop.mesh and 2 more changed`.
func changedText(s *compiler.Snapshot, names []string) string {
	if len(names) == 0 {
		return "read again"
	}
	var shown []string
	for _, name := range names[:min(len(names), 3)] {
		shown = append(shown, s.Shown(name))
	}
	text := strings.Join(shown, ", ")
	if more := len(names) - len(shown); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text + " changed"
}
