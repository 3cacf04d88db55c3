package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"
)

// inProcess runs meshc for scripts in the process of the test, one command at a time: to start a process takes far
// longer than most commands do.
type inProcess struct {
	variables []string // those that a script may have set
}

// oneAtATime guards the folder and the environment of the process.
var oneAtATime sync.Mutex

// newInProcess returns an inProcess for the scripts of a folder.
func newInProcess(t *testing.T, dir string) *inProcess {
	t.Helper()
	variables := []string{"HOME", "KUBECONFIG", "NO_COLOR", "PATH", "SOURCE_DATE_EPOCH", "TERM", "TMP", "TMPDIR", "USERPROFILE"}
	files, err := filepath.Glob(filepath.Join(dir, "*.txtar"))
	require.NoError(t, err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, set := range regexp.MustCompile(`(?m)^(?:\[[^\]]*\] *)*env (\w+)=`).FindAllSubmatch(text, -1) {
			variables = append(variables, string(set[1]))
		}
	}
	slices.Sort(variables)
	return &inProcess{variables: slices.Compact(variables)}
}

// ends CODE COMMAND... runs a command, wants its exit code, and that it says nothing of a panic.
func (p *inProcess) ends(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: ends CODE COMMAND [ARG...]")
	}
	var code int
	var stderr string
	// What `stdin` named is known to testscript alone.
	if args[1] == "meshc" && !slices.Contains(args, "-") {
		code, _, stderr = p.run(ts, args[2:])
	} else {
		code, stderr = process(ts, args[1:])
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("%v ended with %d, not %s", args[1:], code, args[0])
	}
	if strings.Contains(stderr, "goroutine ") {
		ts.Fatalf("%v panicked", args[1:])
	}
}

// process runs a command as a process, and returns its exit code and what it wrote to standard error.
func process(ts *testscript.TestScript, command []string) (code int, stderr string) {
	err := ts.Exec(command[0], command[1:]...)
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		code = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	return code, ts.ReadFile("stderr")
}

// run runs meshc for a script, which sees what it prints.
func (p *inProcess) run(ts *testscript.TestScript, args []string) (code int, stdout, stderr string) {
	code, stdout, stderr = p.quietly(ts, args)
	_, err := io.WriteString(ts.Stdout(), stdout)
	ts.Check(err)
	_, err = io.WriteString(ts.Stderr(), stderr)
	ts.Check(err)
	return code, stdout, stderr
}

// quietly runs meshc in the folder and with the variables of a script, and returns its exit code and what it printed.
func (p *inProcess) quietly(ts *testscript.TestScript, args []string) (code int, stdout, stderr string) {
	oneAtATime.Lock()
	defer oneAtATime.Unlock()
	was, err := os.Getwd()
	ts.Check(err)
	before := os.Environ()
	defer func() {
		ts.Check(os.Chdir(was))
		setenv(ts, before)
	}()
	ts.Check(os.Chdir(ts.MkAbs(".")))
	environment := []string{"PWD=" + ts.MkAbs(".")}
	for _, name := range p.variables {
		if value := ts.Getenv(name); value != "" {
			environment = append(environment, name+"="+value)
		}
	}
	setenv(ts, environment)

	var out, diagnostics bytes.Buffer
	code = run(args, strings.NewReader(""), &out, &diagnostics)
	return code, out.String(), diagnostics.String()
}

// setenv makes NAME=VALUE... all the variables of this process.
func setenv(ts *testscript.TestScript, environment []string) {
	os.Clearenv()
	for _, pair := range environment {
		name, value, _ := strings.Cut(pair, "=")
		ts.Check(os.Setenv(name, value))
	}
}
