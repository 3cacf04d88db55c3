package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"regexp"
	"runtime"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/meshc/meshc/lang/diag"
)

var colours = []string{"auto", "always", "never"}

// registerManner gives every verb the flags that say where it works and how it talks.
func registerManner(root *cobra.Command) {
	f := root.PersistentFlags()
	f.StringP("directory", "C", "", "change to this folder first")
	(&choice{"colour", new(string), colours}).register(f, root, "color", "colour text output; auto means on a terminal, unless NO_COLOR is set")
	f.BoolP("quiet", "q", false, "print no summaries or progress, only findings and errors")
	f.BoolP("verbose", "v", false, "print to standard error how long each step took")
	root.MarkPersistentFlagDirname("directory")
	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error { return enterDirectory(cmd) }
}

// enterDirectory goes to the folder of -C. A shell that completes calls it too.
func enterDirectory(cmd *cobra.Command) error {
	f := cmd.Flags().Lookup("directory")
	if f == nil || !f.Changed {
		return nil
	}
	if f.Value.String() == "" {
		return usageError("--directory is empty: give it a value or leave it out")
	}
	if err := os.Chdir(f.Value.String()); err != nil {
		return &failure{exitIO, fmt.Errorf("%s: %w", f.Value, cause(err))}
	}
	return nil
}

// say writes a summary to standard error, unless the user wants none.
func say(cmd *cobra.Command, format string, args ...any) {
	if quiet, _ := cmd.Flags().GetBool("quiet"); !quiet {
		fmt.Fprintf(cmd.ErrOrStderr(), format, args...)
	}
}

// terminal is a stream for people: it escapes control characters. Findings bypass it, since their renderers do so
// themselves.
type terminal struct {
	stream io.Writer
	root   *cobra.Command
}

func (t terminal) Write(text []byte) (int, error) {
	if _, err := t.stream.Write(diag.PrintableLines(text)); err != nil {
		return 0, err
	}
	return len(text), nil
}

func (t terminal) coloured() bool { return wantsColour(t.root, t.stream) }

// wantsColour reports whether what goes to w is to be in colour: if --color says so, and else if w is a terminal whose
// user did not ask for plain text. https://no-color.org
func wantsColour(root *cobra.Command, w io.Writer) bool {
	switch root.PersistentFlags().Lookup("color").Value.String() {
	case "always":
		return true
	case "never":
		return false
	}
	if os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return false
	}
	// The console of older versions of Windows prints escapes as they are; newer terminals identify themselves.
	if runtime.GOOS == "windows" && os.Getenv("WT_SESSION") == "" && os.Getenv("TERM") == "" {
		return false
	}
	return isTerminal(w)
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// writeAnswer writes what answers a question in a format. Text is in colour where that is wanted.
func writeAnswer(cmd *cobra.Command, format string, text []byte) error {
	text = diag.PrintableLines(text)
	if format == "text" && wantsColour(cmd.Root(), cmd.OutOrStdout()) {
		text = painted(text)
	}
	return writeExact(cmd, text)
}

// Colours, as parameters of the ANSI sequence SGR.
const (
	red    = "1;31"
	green  = "32"
	yellow = "1;33"
	cyan   = "36"
	bold   = "1"
)

// verdicts is the words at the beginning of a line that say how something is.
var verdicts = map[string]string{
	"danger": red, "dangers": red, "denied": red, "refused": red, "error": red, "FAIL": red, "blocked by:": red,
	"warning": yellow, "perhaps": yellow, "undecided": yellow, "skip": yellow, "denied with mutual TLS, allowed in plaintext": yellow,
	"allowed": green, "ok": green, "note": cyan, "note:": cyan,
	"opened": bold, "closed": bold, "steps:": bold,
}

var firstWords = regexp.MustCompile(`^( *)(blocked by:|\w+:?)(.*)$`)

// painted is an answer in colour: the diffs in it, and the verdicts at the beginning of its lines.
func painted(text []byte) []byte {
	var b bytes.Buffer
	inDiff, danger := false, false
	for line := range bytes.Lines(text) {
		content, end := bytes.TrimSuffix(line, []byte("\n")), line[len(bytes.TrimSuffix(line, []byte("\n"))):]
		style, of := "", content
		switch {
		case bytes.HasPrefix(content, []byte("--- ")):
			inDiff, style = true, bold
		case inDiff && bytes.HasPrefix(content, []byte("+++ ")):
			style = bold
		case inDiff && bytes.HasPrefix(content, []byte("@@")):
			style = cyan
		case inDiff && bytes.HasPrefix(content, []byte("+")):
			style = green
		case inDiff && bytes.HasPrefix(content, []byte("-")):
			style = red
		case inDiff && (len(content) == 0 || content[0] == ' ' || content[0] == '\\'):
		default:
			inDiff = false
			if len(content) == 0 || content[0] != ' ' {
				danger = bytes.Equal(content, []byte("danger"))
			}
			if danger {
				style = red
				break
			}
			if m := firstWords.FindSubmatchIndex(content); m != nil {
				word := string(content[m[4]:m[5]])
				if style = verdicts[word]; style == "" {
					style = verdicts[trimColon(word)]
				}
				of = content[m[4]:m[5]]
			}
		}
		if style == "" || len(of) == 0 {
			b.Write(line)
			continue
		}
		before, after, _ := bytes.Cut(content, of)
		fmt.Fprintf(&b, "%s\x1b[%sm%s\x1b[0m%s%s", before, style, of, after, end)
	}
	return b.Bytes()
}

func trimColon(word string) string {
	if n := len(word); n > 0 && word[n-1] == ':' {
		return word[:n-1]
	}
	return word
}

// step begins something that can take long, and returns what ends it. After a second, a line on a terminal says what is
// going on; with --verbose, a line is left that says how long it took.
func step(cmd *cobra.Command, what string) (done func()) {
	began := time.Now()
	quiet, _ := cmd.Flags().GetBool("quiet")
	verbose, _ := cmd.Flags().GetBool("verbose")
	t, ok := cmd.ErrOrStderr().(terminal)
	ended, gone := make(chan struct{}), sync.WaitGroup{}
	if ok && !quiet && isTerminal(t.stream) {
		gone.Go(func() { progress(t.stream, what, began, ended) })
	}
	return func() {
		close(ended)
		gone.Wait()
		if verbose {
			fmt.Fprintf(cmd.ErrOrStderr(), "%s: %.2f s\n", what, time.Since(began).Seconds())
		}
	}
}

// clearLine is the ANSI sequence that empties the line of the cursor.
const clearLine = "\r\x1b[K"

func progress(w io.Writer, what string, began time.Time, ended <-chan struct{}) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	shown := false
	for {
		select {
		case <-tick.C:
			shown = true
			fmt.Fprintf(w, "%s%s, %d s", clearLine, what, int(time.Since(began).Seconds()))
		case <-ended:
			if shown {
				fmt.Fprint(w, clearLine)
			}
			return
		}
	}
}
