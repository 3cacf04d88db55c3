package main

import (
	"bytes"
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
	"github.com/meshc/meshc/compiler/analysis/model"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/compiler/project"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/targets"
	"github.com/meshc/meshc/targets/istio"
)

// inputs is the flags that say what is compiled.
type inputs struct {
	warnings
	environment    string
	workloads      []string
	date           string
	withNamespaces bool
}

func (in *inputs) registerProject(cmd *cobra.Command) {
	in.registerSources(cmd)
	cmd.Flags().StringVar(&in.environment, "env", "", "environment of meshc.yaml: its mode ceilings, enforcement and sources")
	cmd.RegisterFlagCompletionFunc("env", completeEnvironments)
}

// registerSources is registerProject for a verb that takes several environments.
func (in *inputs) registerSources(cmd *cobra.Command) {
	in.registerLevels(cmd)
	cmd.Flags().StringArrayVar(&in.workloads, "workloads", nil, "workload manifests in place of those of meshc.yaml: a file, folder, glob, or - for standard input; may repeat")
	cmd.Flags().StringVar(&in.date, "date", "", "day that `until` is held against, as in 2027-03-31 (default SOURCE_DATE_EPOCH, else today in UTC)")
}

// write writes findings of a verb whose --format is not about them.
func (in *inputs) write(w io.Writer, l diag.List, shown func(name string) string) error {
	return new(reporter).write(w, l, shown)
}

func completeEnvironments(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	p, _, err := project.Open(args)
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	return environments(p), cobra.ShellCompDirectiveNoFileComp
}

func environments(p *project.Project) []string {
	var names []string
	for name := range p.Config.Environments {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// compiled is what became of a project.
type compiled struct {
	project   *project.Project
	parsed    *compiler.Parsed // nil where meshc.yaml has errors
	policy    *policy.Policy   // nil where a finding is an error
	manifests []targets.Manifest
	model     *model.Model // what the manifests let through; nil where there are none
	judged    []model.Judgement
	findings  diag.List
}

// compile reads a project and takes it through every stage. Findings are no error; an error is about usage,
// files or streams.
func (in *inputs) compile(cmd *cobra.Command, paths []string, stdin io.Reader) (*compiled, error) {
	c, err := in.parse(cmd, paths, stdin)
	if err != nil || c.parsed == nil {
		return c, err
	}
	return c, in.finish(c)
}

// parse reads all that a project is compiled from.
func (in *inputs) parse(cmd *cobra.Command, paths []string, stdin io.Reader) (*compiled, error) {
	if n := count(paths, project.Stdin) + count(in.workloads, project.Stdin); n > 1 {
		return nil, usageError("standard input can be read only once, and - stands %d times", n)
	}
	for _, w := range in.workloads {
		if !doublestar.ValidatePattern(filepath.ToSlash(w)) {
			return nil, usageError("--workloads %s: a bracket or brace in it is not closed", w)
		}
	}
	today, err := day(in.date)
	if err != nil {
		return nil, err
	}
	p, findings, err := project.Open(paths)
	if err != nil {
		return nil, err
	}
	c := &compiled{project: p, findings: findings}
	levels, err := in.levels(p.Config.Warnings)
	if err != nil {
		return nil, err
	}
	if findings.HasErrors() {
		return c, nil
	}
	p.Config.Warnings = levels
	if in.environment != "" && p.Config.Environments[in.environment] == nil {
		return nil, unknownEnvironment(in.environment, environments(p))
	}
	files, err := p.Intents(in.environment, stdin)
	if err != nil {
		return nil, err
	}
	workloads, missing, err := p.Workloads(in.workloads, stdin)
	if err != nil {
		return nil, err
	}
	c.findings = append(c.findings, missing...)
	c.parsed, err = compiler.Parse(cmd.Context(), compiler.Project{
		Files:       files,
		Workloads:   workloads,
		Config:      p.Config,
		Environment: in.environment,
		Today:       today,
	})
	return c, err
}

// finish takes what was parsed through the other stages, under the settings of the project.
func (in *inputs) finish(c *compiled) error {
	settings := c.project.Config
	var found diag.List
	c.policy, found = c.parsed.Compile(settings)
	c.findings = append(c.findings, found...)
	if c.policy != nil {
		target := istio.New(istio.Options{
			APIVersion:     settings.Istio.APIVersion,
			WithNamespaces: in.withNamespaces,
			Injection:      settings.Istio.Injection,
			Sidecars:       settings.Istio.Sidecars,
		})
		manifests, found := target.Emit(c.policy)
		c.manifests = manifests
		if !found.HasErrors() {
			guards, err := c.prove()
			if err != nil {
				return err
			}
			found = append(found, guards...)
		}
		c.findings = append(c.findings, found.Apply(settings.Warnings)...)
	}
	c.findings = c.findings.Sort()
	return nil
}

// unknownEnvironment is the usage error about an environment that is not among those of meshc.yaml.
func unknownEnvironment(name string, known []string) error {
	if len(known) == 0 {
		return usageError("--env %s: no such environment, meshc.yaml has none", name)
	}
	help := ""
	if near, ok := diag.Nearest(name, known); ok {
		help = "; did you mean " + near + "?"
	}
	return usageError("--env %s: no such environment, there are %s%s", name, strings.Join(known, ", "), help)
}

func count(all []string, word string) int {
	n := 0
	for _, w := range all {
		if w == word {
			n++
		}
	}
	return n
}

const dateLayout = "2006-01-02"

// lastSecond is the end of the year 9999, behind which no date can be written.
const lastSecond = 253402300799

// day is the day of a build: what the flag says, else SOURCE_DATE_EPOCH, else the clock.
// https://reproducible-builds.org/specs/source-date-epoch/
func day(flag string) (time.Time, error) {
	if flag != "" {
		t, err := time.Parse(dateLayout, flag)
		if err != nil {
			return t, usageError("--date %s: no day, want one as in 2027-03-31", flag)
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

// again gives standard input from its start at each call, for a verb that compiles more than once.
func again(stdin io.Reader) (func() io.Reader, error) {
	text, err := project.ReadStdin(stdin)
	return func() io.Reader { return bytes.NewReader(text) }, err
}
