package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestReadme runs the commands of the README in order: those that start with meshc in an empty folder, with the binary
// that `go install` built, and all others in the repository. It does not run make, since `make test` runs it: the
// target must exist, and .ci/run must run the tests as the README does. Output that the README shows is what the
// command prints. What debuggers need is left out: it takes most of the link.
func TestReadme(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("the README's commands need a POSIX shell")
	}
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	require.NoError(t, err)
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	require.NoError(t, err)
	ci, err := os.ReadFile(filepath.Join(root, ".ci", "run"))
	require.NoError(t, err)
	assert.Contains(t, string(ci), "make test")

	bin, empty := t.TempDir(), t.TempDir()
	ran := 0
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllSubmatch(readme, -1) {
		for _, line := range strings.Split(strings.TrimSpace(string(block[1])), "\n") {
			command, _, _ := strings.Cut(line, " #")
			ran++
			if target, ok := strings.CutPrefix(command, "make "); ok {
				assert.Regexp(t, `(?m)^`+regexp.QuoteMeta(strings.TrimSpace(target))+`:`, string(makefile))
				continue
			}
			cmd := exec.Command("sh", "-c", command)
			cmd.Dir = root
			if strings.HasPrefix(command, "meshc ") || strings.HasPrefix(command, "git ") {
				cmd.Dir = empty
			}
			cmd.Env = append(os.Environ(), "GOBIN="+bin, "GOFLAGS="+os.Getenv("GOFLAGS")+" -ldflags=-w", "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"))
			out, err := cmd.CombinedOutput()
			assert.NoError(t, err, "%s\n%s", command, out)
		}
	}
	assert.GreaterOrEqual(t, ran, 8)
	shown := regexp.MustCompile("(?s)```text\n\\$ (.*?)\n(.*?)```").FindAllSubmatch(readme, -1)
	require.NotEmpty(t, shown)
	for _, block := range shown {
		cmd := exec.Command("sh", "-c", string(block[1]))
		cmd.Dir = root
		cmd.Env = append(os.Environ(), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"))
		out, _ := cmd.CombinedOutput()
		assert.Contains(t, string(out), string(block[2]), "%s", block[1])
	}
}

// TestReadmeProgram runs the Go program of the README in the repository, as the README says.
func TestReadmeProgram(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	block := regexp.MustCompile("(?s)```go\n(.*?)```").FindSubmatch(readme)
	require.NotNil(t, block)
	program := filepath.Join(t.TempDir(), "main.go")
	require.NoError(t, os.WriteFile(program, block[1], 0o600))
	cmd := exec.Command("go", "run", "-ldflags=-w", program)
	cmd.Dir = "../.."
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	assert.Equal(t, `PeerAuthentication shop/default
AuthorizationPolicy shop/backend-ingress
AuthorizationPolicy shop/db-ingress
AuthorizationPolicy shop/frontend-ingress
AuthorizationPolicy shop/default-deny
denied frontend -> db
`, string(out))
}

// TestReadmeTargets requires that every make target that the README mentions exists.
func TestReadmeTargets(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	makefile, err := os.ReadFile("../../Makefile")
	require.NoError(t, err)
	targets := regexp.MustCompile("`make\\s+([a-z0-9]+)`").FindAllSubmatch(readme, -1)
	assert.GreaterOrEqual(t, len(targets), 7)
	for _, m := range targets {
		assert.Regexp(t, `(?m)^`+string(m[1])+`:`, string(makefile))
	}
}

// TestReadmeLinks requires that every relative link of the README has a target.
func TestReadmeLinks(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	for _, m := range regexp.MustCompile(`\]\(([^)#:]+)\)`).FindAllSubmatch(readme, -1) {
		_, err := os.Stat(filepath.Join("../..", string(m[1])))
		assert.NoError(t, err)
	}
}
