package main

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"
)

// TestAdvice follows what verbs advise, beyond what package compiler follows in a project. A script in testdata/advice
// says `advised HELP meshc ARGS...`, does what the help says, and says `followed meshc ARGS...`: the help is gone,
// there is no new error, and the projects of the script let through nothing that they did not before, but for what
// `opens TEXT...` names in between. With `runs meshc ARGS...` a command that the help proposes runs without an error.
// `cluster FILE [PLURAL...]` starts a cluster that has the objects of a file, and keeps some of its resources to
// itself.
func TestAdvice(t *testing.T) {
	dir, err := filepath.Abs("testdata/advice")
	require.NoError(t, err)
	params := scripts(t, dir)
	commands := newInProcess(t, dir)
	advised := func(ts *testscript.TestScript) *advice { return ts.Value(adviceKey{}).(*advice) }
	setup := params.Setup
	params.Setup = func(env *testscript.Env) error {
		env.Values[adviceKey{}] = &advice{inProcess: commands, before: t.TempDir()}
		return setup(env)
	}
	params.Cmds["advised"] = func(ts *testscript.TestScript, _ bool, args []string) { advised(ts).advised(ts, args) }
	params.Cmds["cluster"] = func(ts *testscript.TestScript, _ bool, args []string) {
		ts.Setenv("KUBECONFIG", serveCluster(t, ts.ReadFile(args[0]), args[1:]...))
	}
	params.Cmds["numbered"] = func(ts *testscript.TestScript, _ bool, args []string) { // FILE N TEXT: with 0 to N-1 in place of #, behind what is in the file
		n, err := strconv.Atoi(args[1])
		ts.Check(err)
		text := []byte(ts.ReadFile(args[0]))
		for i := range n {
			text = append(text, strings.ReplaceAll(unquoted(ts, args[2]), "#", strconv.Itoa(i))...)
		}
		ts.Check(os.WriteFile(ts.MkAbs(args[0]), text, 0o644))
	}
	params.Cmds["runs"] = func(ts *testscript.TestScript, _ bool, args []string) { advised(ts).runs(ts, args) }
	params.Cmds["opens"] = func(ts *testscript.TestScript, _ bool, args []string) { advised(ts).opens = args }
	params.Cmds["followed"] = func(ts *testscript.TestScript, _ bool, args []string) { advised(ts).followed(ts, args) }
	testscript.Run(t, params)
}

type adviceKey struct{}

// advice is what a command advised, until it is followed.
type advice struct {
	*inProcess
	help   string
	errors []string
	before string // a copy of the folder of the script at that time
	opens  []string
}

func (a *advice) advised(ts *testscript.TestScript, args []string) {
	if len(args) < 3 || args[1] != "meshc" {
		ts.Fatalf("usage: advised HELP meshc ARG...")
	}
	if a.help != "" {
		ts.Fatalf("nothing followed: %s", a.help)
	}
	_, stdout, stderr := a.run(ts, args[2:])
	said := stdout + stderr
	if !strings.Contains(said, args[0]) {
		ts.Fatalf("this help is not printed: %s", args[0])
	}
	a.help, a.errors, a.opens = args[0], errorsIn(said), nil
	ts.Check(os.RemoveAll(a.before))
	ts.Check(os.CopyFS(a.before, plain(ts.Getenv("WORK"))))
}

func (a *advice) runs(ts *testscript.TestScript, args []string) {
	if command := strings.Join(args, " "); !strings.Contains(a.help, "`"+command+"`") {
		ts.Fatalf("the help does not propose %s", command)
	}
	if code, stdout, stderr := a.run(ts, args[1:]); code > 1 || len(errorsIn(stdout+stderr)) > 0 {
		ts.Fatalf("it ended with %d", code)
	}
}

func (a *advice) followed(ts *testscript.TestScript, args []string) {
	if len(args) < 2 || args[0] != "meshc" {
		ts.Fatalf("usage: followed meshc ARG...")
	}
	code, stdout, stderr := a.run(ts, args[1:])
	said := stdout + stderr
	if code != 0 {
		ts.Fatalf("it ended with %d", code)
	}
	if strings.Contains(said, a.help) {
		ts.Fatalf("the help is still printed: %s", a.help)
	}
	for _, e := range errorsIn(said) {
		if !slices.Contains(a.errors, e) {
			ts.Fatalf("a new error: %s", e)
		}
	}
	a.help = ""
	a.opensNothing(ts, args)
}

func errorsIn(said string) []string {
	return regexp.MustCompile(`(?m)^(?:error\[.*|meshc: .*)`).FindAllString(said, -1)
}

// opensNothing compares what each project of a script lets through with what it let through before.
func (a *advice) opensNothing(ts *testscript.TestScript, args []string) {
	work := ts.Getenv("WORK")
	for _, project := range projectsIn(ts, work) {
		if _, err := os.Stat(filepath.Join(a.before, project)); err != nil { // it is made by what was advised
			continue
		}
		compared := []string{"diff", filepath.Join(a.before, project), filepath.Join(work, project), "--format", "json"}
		if i := slices.Index(args, "--env"); i >= 0 && hasEnvironment(filepath.Join(work, project), args[i+1]) && hasEnvironment(filepath.Join(a.before, project), args[i+1]) {
			compared = append(compared, "--env", args[i+1])
		}
		_, told, said := a.quietly(ts, compared)
		var differences struct {
			Opened, FailOpen []struct{ Text string }
		}
		if json.Unmarshal([]byte(told), &differences) != nil {
			if code, _, _ := a.quietly(ts, []string{"check", filepath.Join(a.before, project)}); code == 0 { // else nothing could be built
				ts.Fatalf("what was opened cannot be told: %s", said)
			}
			continue
		}
		for _, c := range slices.Concat(differences.Opened, differences.FailOpen) {
			if !slices.Contains(a.opens, c.Text) {
				ts.Fatalf("it opens %s", c.Text)
			}
		}
	}
}

// projectsIn returns the names of the folders with intents in a folder.
func projectsIn(ts *testscript.TestScript, dir string) (all []string) {
	files, err := fs.Glob(plain(dir), "*/*.mesh")
	ts.Check(err)
	for _, name := range files {
		all = append(all, filepath.Dir(name))
	}
	return slices.Compact(all)
}

func hasEnvironment(project, name string) bool {
	text, err := os.ReadFile(filepath.Join(project, "meshc.yaml"))
	return err == nil && bytes.Contains(text, []byte("\n  "+name+":"))
}

// plain is a folder without what git keeps there, and without links.
func plain(dir string) fs.FS { return plainFiles{os.DirFS(dir)} }

type plainFiles struct{ fs.FS }

func (p plainFiles) ReadDir(name string) ([]fs.DirEntry, error) {
	all, err := fs.ReadDir(p.FS, name)
	return slices.DeleteFunc(all, func(e fs.DirEntry) bool {
		return strings.HasSuffix(e.Name(), ".git") || e.Name() == ".tmp" || !e.IsDir() && !e.Type().IsRegular()
	}), err
}
