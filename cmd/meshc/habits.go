package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/meshc/meshc/compiler/project"
	"github.com/meshc/meshc/lang/diag"
)

// Who comes from terraform, helm, kubectl or istioctl has words for much that meshc has other words for. These tables
// say which.

// verbHabits are verbs of other tools, and what does the same here.
var verbHabits = []struct{ words, hint string }{
	{"apply install upgrade deploy push sync commit release", "`meshc build -o DIR` writes what `kubectl apply -k DIR` applies, and `meshc publish` commits it for Argo CD or Flux"},
	{"plan preview", "`meshc diff --from HEAD` says what changed since a revision, and `meshc diff --cluster` what applying it would change"},
	{"validate lint analyze vet scan doctor precheck", "`meshc check` reports what is wrong with a project"},
	{"template render generate gen compile synth manifest kustomize", "`meshc build` prints the manifests, and `meshc build -o DIR` writes them"},
	{"delete destroy uninstall remove rm rollback undo revert", "meshc takes nothing from a cluster: take the statements back, and `meshc publish`"},
	{"get list ls show policies services", "`meshc graph` shows who may call whom"},
	{"describe can can-i auth authz access proxy-config trace", "`meshc why SRC DST` says whether one may call the other, and why"},
	{"status ps proxy-status drift refresh state", "`meshc verify --cluster` says how a cluster differs from the project"},
	{"new create scaffold bootstrap", "`meshc init DIR` begins a project"},
	{"format", "`meshc fmt` formats intents"},
	{"fix autofix", "`meshc check --fix` applies the fixes of findings"},
	{"log logs tail", "`meshc why --log FILE` says why calls of a log were refused, and `meshc learn FILE` who calls whom"},
	{"dot draw dashboard", "`meshc graph -o graph.html` draws who may call whom"},
	{"config settings env environments workspace context", "settings and environments are in meshc.yaml, and `--env NAME` chooses one"},
	{"man manual doc usage", "`meshc help` lists the verbs, and `meshc help VERB` explains one"},
}

// flagHabits are flags of other tools. The first row counts whose verb has the flag needed.
var flagHabits = []struct{ words, needs, hint string }{
	{"from to src dst source destination", "log", "source and destination are named without a flag: meshc why frontend backend"},
	{"file filename f", "manifests", "manifests are named with --manifests FILE"},
	{"file filename f log", "", "files and folders are named without a flag"},
	{"namespace n all-namespaces A", "", "every namespace of the project counts; to name a service of one of them, write NAMESPACE/NAME"},
	{"output o", "format", "--format chooses the form, such as --format json"},
	{"json", "format", "did you mean --format json?"},
	{"out outdir output-dir", "output", "did you mean --output?"},
	{"debug", "verbose", "did you mean --verbose?"},
	{"strict werror fail-on-warnings", "warn", "-W error makes errors of warnings"},
	{"environment e workspace", "env", "did you mean --env?"},
	{"context kube-context", "cluster", "--cluster=CONTEXT names a context"},
	{"kubeconfig", "cluster", "--cluster reads the kubeconfig that $KUBECONFIG names"},
	{"context kube-context kubeconfig cluster", "", "this reads files, and no cluster"},
	{"dry-run", "overwrite", "nothing is written without --output"},
	{"dry-run", "fix", "nothing is changed without --fix"},
	{"dry-run", "", "nothing is changed"},
	{"base ref rev revision", "from", "did you mean --from?"},
	{"from", "manifests", "manifests are named with --manifests FILE"},
	{"force", "overwrite", "did you mean --overwrite?"},
	{"yes y auto-approve force", "", "nothing asks before it is done"},
	{"recursive R r", "", "a folder is read with all folders below it"},
	{"set values", "workloads", "render the chart: `helm template CHART | meshc check --workloads -`"},
	{"target", "env", "`targets` in meshc.yaml says what is emitted"},
	{"watch w", "", "`meshc watch` checks after every save"},
	{"port listen", "", "an editor speaks with it on its standard input and output"},
	{"V", "version", "did you mean --version?"},
}

// unknownVerb says what a verb that there is not may be meant for.
func unknownVerb(root *cobra.Command, word string) error {
	for _, h := range verbHabits {
		if slices.Contains(strings.Fields(h.words), strings.ToLower(word)) {
			return usageError("unknown command %q; %s", word, h.hint)
		}
	}
	var verbs []string
	for _, c := range root.Commands() {
		if !c.Hidden {
			verbs = append(verbs, c.Name())
		}
	}
	if near, ok := diag.Nearest(word, verbs); ok {
		return usageError("unknown command %q; did you mean %s?", word, near)
	}
	return usageError("unknown command %q; `meshc help` lists the commands", word)
}

// cobraUnknown is the word that cobra found no verb for. https://github.com/spf13/cobra/blob/main/args.go (legacyArgs)
func cobraUnknown(err error) (word string, ok bool) {
	_, scan := fmt.Sscanf(err.Error(), "unknown command %q for \"meshc\"", &word)
	return word, scan == nil
}

// flagHint is what a flag that a verb does not have may be meant for; empty where nothing is known.
func flagHint(cmd *cobra.Command, missing *pflag.NotExistError) string {
	name, joined := missing.GetSpecifiedName(), missing.GetSpecifiedShortnames()
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	if strings.HasPrefix(joined, ">") {
		return "leave the arrow out, or quote it together with both ends: meshc why \"frontend -> backend\""
	}
	if joined, _, _ = strings.Cut(joined, "="); len(joined) > 1 { // one dash, as terraform has it: -check; of -diff, -d may be known
		if i := slices.IndexFunc(names, func(n string) bool { return strings.HasSuffix(n, joined) && len(n) <= len(joined)+1 }); i >= 0 {
			return "did you mean --" + names[i] + "?"
		}
		if hint := habitual(cmd, joined); hint != "" || name != "o" {
			return hint
		}
	}
	if hint := habitual(cmd, name); hint != "" {
		return hint
	}
	if near, ok := diag.Nearest(name, names); ok {
		return "did you mean --" + near + "?"
	}
	return ""
}

func habitual(cmd *cobra.Command, flag string) string {
	for _, h := range flagHabits {
		if slices.Contains(strings.Fields(h.words), flag) && (h.needs == "" || cmd.Flags().Lookup(h.needs) != nil) {
			return h.hint
		}
	}
	return ""
}

// noForm refuses the name of a form where what is to be written is named, as kubectl has it: `-o yaml`.
func noForm(cmd *cobra.Command) error {
	f := cmd.Flags().Lookup("output")
	if f == nil || !slices.Contains([]string{"json", "yaml", "html", "svg", "dot", "mermaid", "text"}, f.Value.String()) {
		return nil
	}
	if _, err := os.Lstat(f.Value.String()); err == nil {
		return nil
	}
	return usageError("-o takes a path, not a form; for a path named %s, write -o ./%[1]s", f.Value)
}

// misplaced says what a path that there is not, or that has no intents, may be meant for.
func misplaced(cmd *cobra.Command, args []string, err error) error {
	for _, arg := range args {
		hint := ""
		switch {
		case errors.Is(err, fs.ErrNotExist) && strings.HasPrefix(err.Error(), arg+":"):
			hint = meant(cmd, arg)
		case errors.Is(err, project.ErrNoIntents) && holdsYAML(arg):
			hint = fmt.Sprintf("`--workloads %s` names manifests of workloads", arg)
			if cmd.Flags().Lookup("manifests") != nil {
				hint += fmt.Sprintf(", and `--manifests %s` those of policies", arg)
			}
		}
		if hint != "" {
			return fmt.Errorf("%w; %s", err, hint)
		}
	}
	return err
}

// meant is what a word that names no file may be meant for.
func meant(cmd *cobra.Command, word string) string {
	if cmd.Flags().Lookup("env") == nil {
		return ""
	}
	if p, _, err := project.Open(nil); err == nil && slices.Contains(p.Environments(), word) {
		return "did you mean --env " + word + "?"
	}
	return ""
}

// few are the arguments of a verb that takes so many, in words.
func few(least, most int, want string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) < least || len(args) > most {
			return usageError("%s: want %s", plural(len(args), "argument"), want)
		}
		return nil
	}
}

func holdsYAML(dir string) bool {
	found, _ := filepath.Glob(filepath.Join(dir, "*.y*ml"))
	return slices.ContainsFunc(found, func(name string) bool { return filepath.Base(name) != project.ConfigName })
}

// withoutArrow is the words of a question that is written like an edge: `why "web -> api:8080 GET /x"`.
func withoutArrow(words []string) ([]string, error) {
	for i, word := range words[:min(len(words), 2)] {
		if strings.Contains(word, "->") {
			spread := strings.Fields(strings.Replace(strings.Join(words[i:], " "), "->", " ", 1))
			return append(slices.Clone(words[:i]), spread...), nil
		}
		if strings.HasSuffix(word, "-") {
			return nil, usageError("%s: a shell takes the > of an arrow for a file to write; leave the arrow out: meshc why frontend backend", word)
		}
	}
	return words, nil
}
