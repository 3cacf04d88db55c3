package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/spf13/cobra"

	"github.com/meshc/meshc/compiler"
	"github.com/meshc/meshc/compiler/inventory"
	"github.com/meshc/meshc/compiler/project"
	"github.com/meshc/meshc/lang/diag"
)

// inputs is the flags that say what to compile.
type inputs struct {
	warnings
	environment    string
	workloads      []string
	rootNamespace  string // of the mesh that manifests are from, where no project says it
	date           string
	withNamespaces bool
	cluster        string            // a context of the kubeconfig; empty: no cluster is read
	istiod         string            // the namespace in which it runs there; empty: the root namespace
	running        []inventory.Input // its workloads, in place of those of manifests; nil: manifests are read
	timeout        time.Duration     // of reading a cluster, and for some verbs of a repository
	earlier        *compiler.Parsed  // what was opened last, of which the next may have most files; nil: nothing was
	unsaved        map[string]string // texts in place of those of files, by path
	projectPath    string            // of --project
}

func (in *inputs) registerProject(cmd *cobra.Command) {
	in.registerSources(cmd)
	cmd.Flags().StringVar(&in.environment, "env", "", "environment of meshc.yaml, with its mode ceilings, enforcement and sources")
	cmd.RegisterFlagCompletionFunc("env", completeEnvironments)
}

// registerPath is for a verb that reads a project, whether or not it also takes its PATH as an argument.
func registerPath(cmd *cobra.Command, path *string) {
	cmd.Flags().StringVar(path, "project", "", "file or folder of the project (default the one around the current folder)")
}

// onProject is a verb whose arguments are the paths of a project, which may be named by --project too.
func onProject(run func(*cobra.Command, []string) error) func(*cobra.Command, []string) error {
	return verb(func(cmd *cobra.Command, paths []string) error {
		if named, _ := cmd.Flags().GetString("project"); named != "" {
			if len(paths) > 0 {
				return usageError("the project is named twice: by --project %s and by %s", named, strings.Join(paths, " "))
			}
			paths = []string{named}
		}
		return run(cmd, paths)
	})
}

// paths is the project that --project names, for a verb whose arguments are something else.
func (in *inputs) paths() []string {
	if in.projectPath == "" {
		return nil
	}
	return []string{in.projectPath}
}

// registerSources is registerProject without --env, for a verb that takes several environments.
func (in *inputs) registerSources(cmd *cobra.Command) {
	in.registerLevels(cmd)
	registerPath(cmd, &in.projectPath)
	cmd.Flags().StringArrayVar(&in.workloads, "workloads", nil, "workload manifests, instead of those in meshc.yaml: a file, folder, glob, or - for standard input; repeatable")
	cmd.Flags().StringVar(&in.date, "date", "", "the `day` to compare until clauses with, such as 2027-03-31 (default SOURCE_DATE_EPOCH, or today in UTC)")
}

// write writes findings as text, for a verb whose --format is about something else.
func (in *inputs) write(w io.Writer, l diag.List, shown func(name string) string) error {
	return new(reporter).write(w, l, shown)
}

// aside writes the findings for a verb whose output is something else: if there are no errors, the number of warnings
// will do.
func (in *inputs) aside(cmd *cobra.Command, l diag.List, paths []string, shown func(name string) string) error {
	if l.HasErrors() {
		return in.write(cmd.ErrOrStderr(), l, shown)
	}
	var own diag.List
	warnings := 0
	for _, d := range l {
		switch {
		case ofDelivery(d):
			own = append(own, d)
		case d.Severity == diag.Warning:
			warnings++
		}
	}
	if err := in.write(cmd.ErrOrStderr(), own, shown); err != nil || warnings == 0 {
		return err
	}
	say(cmd, "%s: `%s` lists them\n", plural(warnings, "warning"), in.checkCommand(paths))
	return nil
}

// checkCommand is the command that writes all findings of a project.
func (in *inputs) checkCommand(paths []string) string {
	command := "meshc check"
	for _, p := range paths {
		command += " " + argument(p)
	}
	for _, w := range in.workloads {
		command += " --workloads " + argument(w)
	}
	if in.environment != "" {
		command += " --env " + argument(in.environment)
	}
	return command
}

// compiled is a project that was built.
type compiled struct {
	*compiler.Build
	project *project.Project
}

// compile opens a project and builds it. Findings are not an error; an error is about usage, files or streams.
func (in *inputs) compile(cmd *cobra.Command, paths []string, stdin io.Reader) (*compiled, error) {
	p, err := in.open(cmd, paths, stdin)
	if err != nil {
		return nil, err
	}
	return buildProject(cmd, p)
}

// draft opens a project and makes its manifests, which remain to be proved.
func (in *inputs) draft(cmd *cobra.Command, paths []string, stdin io.Reader, like *compiler.Build) (*compiled, error) {
	p, err := in.open(cmd, paths, stdin)
	if err != nil {
		return nil, err
	}
	done := step(cmd, "checking and building "+p.Shown("."))
	b, err := p.Draft(cmd.Context(), like)
	done()
	return &compiled{b, p.Project}, err
}

func buildProject(cmd *cobra.Command, p *compiler.Project) (*compiled, error) {
	b, err := built(cmd, p.Project, p.Build)
	return &compiled{b, p.Project}, err
}

// built builds a project.
func built(cmd *cobra.Command, p *project.Project, build func(context.Context) (*compiler.Build, error)) (*compiler.Build, error) {
	done := step(cmd, "checking, building and proving "+p.Shown("."))
	b, err := build(cmd.Context())
	done()
	return b, unproved(err)
}

// unproved says of an error that is a bug that it is one.
func unproved(err error) error {
	var internal *compiler.InternalError
	if errors.As(err, &internal) {
		return &failure{exitIO, fmt.Errorf("%w\nThis is a bug in meshc, not in your project, and nothing was written. Please report it with this text and the smallest project that reproduces it", err)}
	}
	return err
}

// missingNamespaces is what a delivery has to say about the namespaces that it is for.
func (c *compiled) missingNamespaces() diag.List {
	if c.Policy == nil {
		return nil
	}
	return c.MissingNamespaces().Apply(c.project.Config.Warnings)
}

// options is how a project is read.
func (in *inputs) options(paths []string) (o compiler.Options, err error) {
	if err := stdinOnce(paths, in.workloads); err != nil {
		return o, err
	}
	for _, w := range in.workloads {
		if !doublestar.ValidatePattern(filepath.ToSlash(w)) {
			return o, usageError("--workloads %s: a bracket or brace in it is not closed", w)
		}
	}
	levels, strict, err := in.levels()
	if err != nil {
		return o, err
	}
	today, err := day(in.date)
	return compiler.Options{
		Environment:    in.environment,
		Workloads:      in.workloads,
		Running:        in.running,
		Today:          today,
		Levels:         levels,
		Strict:         strict,
		WithNamespaces: in.withNamespaces,
		Earlier:        in.earlier,
		Unsaved:        in.unsaved,
	}, err
}

// open reads everything that a project is built from.
func (in *inputs) open(cmd *cobra.Command, paths []string, stdin io.Reader) (*compiler.Project, error) {
	o, err := in.options(paths)
	if err != nil {
		return nil, err
	}
	o.Stdin = stdin
	done := step(cmd, "reading the project")
	p, err := compiler.Open(cmd.Context(), o, paths...)
	done()
	if err = in.unopened(cmd, paths, err); err == nil && p.Parsed != nil {
		in.earlier = p.Parsed
	}
	return p, err
}

// unopened says what to do where a project cannot be opened.
func (in *inputs) unopened(cmd *cobra.Command, paths []string, err error) error {
	var unknown *compiler.UnknownEnvironment
	if errors.As(err, &unknown) {
		return usageError("--env: %v", unknown)
	}
	if errors.Is(err, project.ErrNoIntents) && len(paths) == 0 {
		other := ""
		if cmd.Flags().Lookup("manifests") != nil {
			other = ", or manifests with --manifests"
		}
		err = fmt.Errorf("%w; name a project with --project%s, or begin one with `meshc init`", err, other)
	}
	return err
}

// stdinOnce refuses arguments that name standard input more than once.
func stdinOnce(lists ...[]string) error {
	n := 0
	for _, path := range slices.Concat(lists...) {
		if path == project.Stdin {
			n++
		}
	}
	if n > 1 {
		return usageError("standard input can be read only once, but - is given %d times", n)
	}
	return nil
}

const dateLayout = "2006-01-02"

// lastSecond is the end of the year 9999, the last that a date can have.
const lastSecond = 253402300799

// day is the day of a build: the flag, or else SOURCE_DATE_EPOCH, or else the clock.
// https://reproducible-builds.org/specs/source-date-epoch/
func day(flag string) (time.Time, error) {
	if flag != "" {
		t, err := time.Parse(dateLayout, flag)
		if err != nil {
			return t, usageError("--date %s: not a day; want one such as 2027-03-31", flag)
		}
		return t, nil
	}
	now := time.Now().UTC()
	if epoch := os.Getenv("SOURCE_DATE_EPOCH"); epoch != "" {
		seconds, err := strconv.ParseInt(epoch, 10, 64)
		if err != nil || seconds < 0 || seconds > lastSecond {
			return now, usageError("SOURCE_DATE_EPOCH=%s: want a count of seconds since 1970, up to the year 9999", epoch)
		}
		now = time.Unix(seconds, 0).UTC()
	}
	return now.Truncate(24 * time.Hour), nil
}

// again reads standard input once and returns it from its start at each call, for a verb that compiles more than once.
func again(stdin io.Reader) (func() io.Reader, error) {
	text, err := project.ReadStdin(stdin)
	return func() io.Reader { return bytes.NewReader(text) }, err
}
