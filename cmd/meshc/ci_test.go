package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestRun runs .ci/run with stand-ins for make and git: make records its target, and either one can fail.
func TestRun(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip(".ci/run is a bash script")
	}
	script, err := os.ReadFile("../../.ci/run")
	require.NoError(t, err)
	tests := map[string]struct {
		lastStart, fails, slow, status string
		code                           int
		ran                            []string // make targets
		output, absent                 []string
	}{
		"every step": {
			lastStart: "70",
			ran:       []string{"test", "check", "update", "conformance", "race", "cross", "e2e", "kills", "browser", "editors", "site", "playground-test", "fuzz", "conformance-cilium", "cluster", "release-snapshot"},
			output:    []string{"s  make race\n", "in all\n"},
			absent:    []string{"NOT JUDGED", "FAILED"},
		},
		"too late": {
			lastStart: "0",
			ran:       []string{"test"},
			output: []string{
				"!! NOT JUDGED: make race: no step begins after minute 0\n",
				"in all\n\n!! NOT JUDGED, for want of time:\n!!   make check\n!!   make update\n",
				"!!   make fuzz FUZZTIME=3000x\n",
			},
			absent: []string{"FAILED"},
		},
		"a step takes too long": {
			lastStart: "70", slow: "update",
			ran:    []string{"test", "check", "update"},
			output: []string{"!! NOT JUDGED: make update: it was not done by 0m04s\n", "s  make update (ended)\n", "!! NOT JUDGED: make race: "},
			absent: []string{"FAILED"},
		},
		"a step fails": {
			lastStart: "70", fails: "race", code: 2,
			ran:    []string{"test", "check", "update", "conformance", "race"},
			output: []string{"s  make conformance\n", " FAILED  make race\n"},
			absent: []string{"NOT JUDGED"},
		},
		"the tests fail, too late": {
			lastStart: "0", fails: "test", code: 2,
			ran:    []string{"test"},
			output: []string{" FAILED  make test\n"},
		},
		"a step changes a file": {
			lastStart: "0", status: " M examples/shop/shop.mesh", code: 1,
			ran:    []string{"test"},
			output: []string{"the steps changed these files:\n M examples/shop/shop.mesh\n", " FAILED  clean_tree\n"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			dir, bin := t.TempDir(), t.TempDir()
			require.NoError(t, os.Mkdir(filepath.Join(dir, ".ci"), 0o755))
			require.NoError(t, os.WriteFile(filepath.Join(dir, ".ci", "run"), script, 0o755))
			for command, body := range map[string]string{
				"make":    `echo "$1" >>ran; [ "$1" != "$FAILS" ] || exit 2; [ "$1" != "$SLOW" ] || exec sleep 60`,
				"git":     `[ "$1" != status ] || printf "%s" "$STATUS"`,
				"go":      "",
				"apt-get": "",
				"sudo":    "",
			} {
				require.NoError(t, os.WriteFile(filepath.Join(bin, command), []byte("#!/bin/sh\n"+body+"\n"), 0o755))
			}
			cmd := exec.Command("bash", filepath.Join(dir, ".ci", "run"))
			cmd.Env = append(os.Environ(), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"),
				"LAST_START="+test.lastStart, "FAILS="+test.fails, "SLOW="+test.slow, "STATUS="+test.status)
			if test.slow != "" {
				cmd.Env = append(cmd.Env, "LAST_SECOND=4")
			}
			out, _ := cmd.CombinedOutput()
			assert.Equal(t, test.code, cmd.ProcessState.ExitCode(), string(out))
			ran, err := os.ReadFile(filepath.Join(dir, "ran"))
			require.NoError(t, err)
			assert.Equal(t, test.ran, strings.Fields(string(ran)))
			for _, text := range test.output {
				assert.Contains(t, string(out), text)
			}
			for _, text := range test.absent {
				assert.NotContains(t, string(out), text)
			}
		})
	}
}
