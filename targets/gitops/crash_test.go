package gitops_test

import (
	"context"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/targets/gitops"
)

var kills = flag.Int("kills", 10, "how many publishes are killed")

// The test binary publishes if this variable is set, so that it can be killed.
func TestMain(m *testing.M) {
	if repository := os.Getenv("PUBLISH_TO"); repository != "" {
		o := gitops.Options{Repository: repository, Path: "prod", Environment: "prod", Direct: true, Now: now, Dir: os.Getenv("PUBLISH_FROM")}
		_, _, err := gitops.Publish(context.Background(), delivery("prod", version(os.Getenv("PUBLISH_VERSION"))), o)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	flag.Parse()
	code := m.Run()
	os.RemoveAll(prototypeDir)
	os.Exit(code)
}

// version returns a delivery that differs from other versions in a hundred files.
func version(n string) tree {
	t := shop()
	for i := range 100 {
		t[fmt.Sprintf("ns%02d/10-a.yaml", i)] = fmt.Sprintf("version: %s\nfile: %d\n", n, i)
	}
	return t
}

// A killed publish leaves the remote unchanged or complete, and does not prevent the next one.
func TestKilled(t *testing.T) {
	t.Parallel()
	repository := bare(t)
	publishVersion := func(n int) *exec.Cmd {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "PUBLISH_TO="+repository, "PUBLISH_FROM="+filepath.Dir(os.Args[0]), fmt.Sprintf("PUBLISH_VERSION=%d", n))
		require.NoError(t, cmd.Start())
		return cmd
	}
	start := time.Now()
	require.NoError(t, publishVersion(0).Wait())
	whole := time.Since(start)
	o := direct(t, repository)
	// holds returns the version in the remote, which must be complete.
	holds := func() int {
		files, err := gitops.Fetch(t.Context(), nil, o)
		require.NoError(t, err)
		n := 0
		for _, f := range files {
			if f.Path == "ns99/10-a.yaml" {
				_, err := fmt.Sscanf(string(f.Data), "version: %d", &n)
				require.NoError(t, err)
			}
		}
		require.Equal(t, under("", delivery("prod", version(fmt.Sprint(n))), nil), under("", files, nil))
		return n
	}

	complete, last := 0, 0
	for n := 1; n <= *kills; n++ {
		cmd := publishVersion(n)
		time.Sleep(rand.N(whole))
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		// git's receive-pack outlives the process, and may complete a push that it has received.
		require.Eventually(t, func() bool { return len(leftovers(t, repository)) == 0 }, 10*time.Second, 5*time.Millisecond,
			"kill %d: %v", n, leftovers(t, repository))
		if now := holds(); now != last {
			require.Greater(t, now, last)
			require.LessOrEqual(t, now, n)
			complete, last = complete+1, now
		}
	}
	run(t, repository, "git", "fsck", "--strict", "--full")
	require.Empty(t, run(t, repository, "git", "rev-list", "--merges", "main"))
	require.NoError(t, publishVersion(*kills+1).Wait())
	require.Equal(t, *kills+1, holds())
	t.Logf("%d of %d publishes were complete when they were killed", complete, *kills)
}

// leftovers returns locks and incomplete packs.
func leftovers(t testing.TB, repository string) []string {
	t.Helper()
	var found []string
	require.NoError(t, filepath.WalkDir(repository, func(path string, e fs.DirEntry, err error) error {
		if err == nil && (strings.HasSuffix(path, ".lock") || strings.Contains(filepath.Base(path), "incoming-") || strings.HasPrefix(e.Name(), "tmp_")) {
			found = append(found, path)
		}
		return nil
	}))
	return found
}
