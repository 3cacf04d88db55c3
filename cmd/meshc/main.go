// Command meshc compiles intents, which say who may call whom, into the manifests of a service mesh.
//
// The command has flags, exit codes and renderers; everything else is in package compiler.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"sync/atomic"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/meshc/meshc/compiler/project"
	"github.com/meshc/meshc/lang/diag"
)

// Exit codes; the help of the root command documents them.
const (
	exitFindings = 1
	exitUsage    = 2
	exitIO       = 3
)

func main() {
	if os.Getenv("GOGC") == "" {
		collectLate()
	}
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// growth is by how many percent of what is left the heap may grow between two garbage collections.
var growth atomic.Int32

// collectLate puts the first garbage collection off until the heap has 256 MiB: most builds have ended by then. The
// next ones follow whenever the heap is five times what was left.
func collectLate() {
	growth.Store(400)
	debug.SetGCPercent(6300) // of the 4 MiB that the runtime takes an empty heap for
	runtime.SetFinalizer(new([16]byte), func(*[16]byte) { debug.SetGCPercent(int(growth.Load())) })
}

// stay is for a verb that runs on and on, and shares the machine with what it serves.
func stay() { growth.Store(100) }

// run runs meshc and returns its exit code.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	return execute(newRoot(), args, stdin, stdout, stderr)
}

func execute(root *cobra.Command, args []string, stdin io.Reader, stdout, stderr io.Writer) (code int) {
	defer func() {
		if trouble := recover(); trouble != nil {
			code = crash(stderr, trouble, debug.Stack())
		}
	}()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	stderr = terminal{stderr, root}
	root.SetErr(stderr)
	finishCompletion(root)
	root.SetFlagErrorFunc(flagError)
	cmd, err := root.ExecuteC()
	return conclude(stderr, cmd, err)
}

// conclude prints what went wrong, unless it has been printed already, and returns the exit code. An error without a
// code comes from cobra and is about the arguments.
func conclude(stderr io.Writer, cmd *cobra.Command, err error) int {
	var f *failure
	switch {
	case err == nil:
		return 0
	case !errors.As(err, &f):
		if word, unknown := cobraUnknown(err); unknown {
			err = errors.Unwrap(unknownVerb(cmd.Root(), word))
		}
		f = &failure{exitUsage, err}
	}
	if f.err != nil {
		fmt.Fprintf(stderr, "meshc: %v\n", f.err)
	}
	if f.code == exitUsage {
		fmt.Fprintf(stderr, "run %s --help for usage\n", cmd.CommandPath())
	}
	return f.code
}

// failure is an error with an exit code.
type failure struct {
	code int
	err  error // nil where everything has been printed
}

func (f *failure) Error() string { return fmt.Sprint(f.err) }
func (f *failure) Unwrap() error { return f.err }

// errFindings ends a run whose findings or differences have been printed.
var errFindings = &failure{code: exitFindings}

func usageError(format string, args ...any) error {
	return &failure{exitUsage, errors.New(diag.PrintableLine(fmt.Sprintf(format, args...)))}
}

// crash reports a bug in meshc.
func crash(stderr io.Writer, trouble any, stack []byte) int {
	fmt.Fprintf(stderr, `meshc: internal error: %v

This is a bug in meshc, not in your project, and nothing was written after it. Please report it with this
text, the command line, and the smallest project that reproduces it.

%s
%s`, trouble, versionLine(), stack)
	return exitIO
}

// verb makes a RunE. Errors without an exit code get that of files and streams.
func verb(f func(cmd *cobra.Command, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		if err := noEmptyFlag(cmd); err != nil {
			return err
		}
		if err := noForm(cmd); err != nil {
			return err
		}
		err := misplaced(cmd, args, f(cmd, args))
		var coded *failure
		if err == nil || errors.As(err, &coded) {
			return err
		}
		if errors.Is(err, project.ErrNotIntents) {
			return &failure{exitUsage, err}
		}
		return &failure{exitIO, err}
	}
}

// noEmptyFlag refuses a flag with an empty value, most likely an unset variable: `--env ""` would build without the
// ceilings of an environment.
func noEmptyFlag(cmd *cobra.Command) (err error) {
	cmd.Flags().Visit(func(f *pflag.Flag) {
		values := []string{f.Value.String()}
		if list, ok := f.Value.(pflag.SliceValue); ok {
			values = list.GetSlice()
		}
		if err == nil && slices.Contains(values, "") {
			err = usageError("--%s is empty: give it a value or leave it out", f.Name)
		}
	})
	return err
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "meshc",
		Short: "Compile who may call whom into the manifests of a service mesh",
		Long: `meshc compiles intents, which say who may call whom, into the manifests of a service mesh.

A PATH is a file, a folder, or - for standard input; the default is the project around the current folder. meshc.yaml is
optional; meshc looks for it in the folder of the first PATH and its parents, up to the root of the git repository. Folders
with a meshc.yaml of their own, .git, and folders behind symbolic links are skipped.

Exit codes:
  0  success, possibly with warnings
  1  findings that are errors, or differences that were asked for
  2  wrong usage
  3  a file or stream could not be read or written, or meshc has a bug`,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		SilenceErrors: true,
		SilenceUsage:  true,
		Version:       versionLine(),
	}
	root.SetVersionTemplate("{{.Version}}\n")
	registerManner(root)
	root.CompletionOptions.HiddenDefaultCmd = false
	root.DisableSuggestions = true // unknownVerb has better ones
	root.AddCommand(newLearn(), newReplay(), newDiff(), newPublish(), newMigrate(), newImport(), newAccounts())
	root.AddCommand(newBuild(), newCheck(), newFmt(), newGraph(), newTest(), newWhy(), newVerify(), newExplain(), newInit(), newLSP(), newWatch(), newVersion(), newDocs())
	root.AddCommand(newConventions(root))
	return root
}

// finishCompletion gives cobra's help and completion commands the exit codes of the other verbs. They write to what is
// the standard output of root now.
func finishCompletion(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	help, _, err := root.Find([]string{"help"})
	if err != nil {
		panic(err) // cobra has just added it
	}
	help.Run, help.RunE = nil, verb(func(_ *cobra.Command, args []string) error {
		about, _, err := root.Find(args)
		if err != nil {
			return unknownVerb(root, args[0])
		}
		about.InitDefaultHelpFlag()
		return about.Help()
	})
	root.InitDefaultCompletionCmd()
	completion, _, err := root.Find([]string{"completion"})
	if err != nil {
		panic(err) // cobra has just added it
	}
	completion.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	for _, shell := range completion.Commands() {
		shell.RunE = verb(shell.RunE)
	}
}

// writeOut writes text or JSON to standard output. Control characters are escaped, so that no input can steer a
// terminal.
func writeOut(cmd *cobra.Command, text []byte) error {
	return writeExact(cmd, diag.PrintableLines(text))
}

// writeExact writes bytes to standard output as they are. A full disk or a closed pipe is an error.
func writeExact(cmd *cobra.Command, text []byte) error {
	if len(text) == 0 {
		return nil
	}
	_, err := cmd.OutOrStdout().Write(text)
	return written(err)
}

// written is the error about standard output.
func written(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("standard output: %w", cause(err))
}

// cause is an error without the names of the system call and the file.
func cause(err error) error {
	var of *os.PathError
	if errors.As(err, &of) {
		return of.Err
	}
	return err
}
