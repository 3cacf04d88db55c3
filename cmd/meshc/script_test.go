package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/testdata/golden"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"meshc": main})
}

// The scripts are how the command line behaves, one topic a file.
func TestScripts(t *testing.T) {
	dir, err := filepath.Abs("testdata/script") // commands change the folder of the process
	require.NoError(t, err)
	testscript.Run(t, scripts(t, dir))
}

// scripts is how the scripts of a folder run.
func scripts(t *testing.T, dir string) testscript.Params {
	t.Helper()
	commands := newInProcess(t, dir)
	path := os.Getenv("PATH") // which commands of other scripts change
	return testscript.Params{
		Dir:                 dir,
		UpdateScripts:       golden.Update(),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			// Days in the scripts are held against this one, and no setting of the machine counts.
			env.Setenv("SOURCE_DATE_EPOCH", "1805068800") // 2027-03-15
			env.Setenv("NO_COLOR", "")
			env.Setenv("TERM", "xterm")
			env.Setenv("PATH", path)
			env.Setenv("EXAMPLES", filepath.Join(dir, "../../../../examples"))
			// A meshc.yaml or .git above the temporary folder is none of a script's.
			return os.Mkdir(env.WorkDir+"/.git", 0o755)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"ends": commands.ends,
			"large": func(ts *testscript.TestScript, _ bool, args []string) {
				n, err := strconv.Atoi(args[1])
				ts.Check(err)
				ts.Check(os.WriteFile(ts.MkAbs(args[0]), bytes.Repeat([]byte(unquoted(ts, args[2])), n), 0o644))
			},
			"write": func(ts *testscript.TestScript, _ bool, args []string) {
				ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(unquoted(ts, args[1])), 0o644))
			},
		},
		Condition: func(cond string) (bool, error) {
			switch cond {
			case "devfull":
				_, err := os.Stat("/dev/full")
				return err == nil, nil
			case "links":
				return runtime.GOOS != "windows", nil
			}
			return false, errors.New("unknown condition")
		},
	}
}

// unquoted reads the escapes of Go in a word of a script.
func unquoted(ts *testscript.TestScript, word string) string {
	text, err := strconv.Unquote(`"` + word + `"`)
	ts.Check(err)
	return text
}
