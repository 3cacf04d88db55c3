package folder

import (
	"bufio"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/targets"
)

var kills = flag.Int("kills", 40, "how many runs of each way of writing are killed")

// The test binary runs a task instead of the tests if this variable names one.
const childTask = "MESHC_FOLDER_TEST_CHILD"

func TestMain(m *testing.M) {
	if task := os.Getenv(childTask); task != "" {
		tasks[task](os.Args[1])
		return
	}
	os.Exit(m.Run())
}

var tasks = map[string]func(dir string){"alternate": alternate}

// alternate writes the two trees in turn until it is killed.
func alternate(dir string) {
	fmt.Println("ready")
	for {
		for _, tree := range []string{"B", "A"} {
			if _, err := Replace(dir, bigTrees[tree], Options{}); err != nil {
				fmt.Println(err)
				os.Exit(1)
			}
		}
	}
}

func child(task, dir string) *exec.Cmd {
	c := exec.Command(os.Args[0], dir)
	c.Env = append(os.Environ(), childTask+"="+task)
	return c
}

// Two trees that differ in every way: files that stay, change, come and go, folders that come and go.
var bigTrees = map[string][]targets.File{"A": bigTree("A"), "B": bigTree("B")}

func bigTree(name string) []targets.File {
	var files []targets.File
	add := func(folder string, i int, text string) {
		files = append(files, targets.File{Path: fmt.Sprintf("%s/20-file-%02d.yaml", folder, i), Data: []byte(text)})
	}
	for i := range 8 {
		add("same", i, "same")
		add("changed", i, "this is tree "+name)
		add("mixed", i+10*int(name[0]-'A'), "some come, some go")
		add("only-in-"+name, i, "a folder of its own")
	}
	return withLock(files)
}

// state returns the name of the tree in dir, or else the contents of dir.
func state(t *testing.T, dir string) string {
	t.Helper()
	for name, tree := range bigTrees {
		// Compare would finish an interrupted run.
		p, err := locate(dir)
		require.NoError(t, err)
		w, err := p.plan(tree)
		require.NoError(t, err)
		if w.exists && w.None() {
			return name
		}
	}
	return contents(t, dir)
}

// A killed process leaves one tree or the other: immediately if folders can be swapped, and after the next call if a
// journal is needed. The next run removes the working files.
func TestKilledAtAnyInstant(t *testing.T) {
	for _, way := range []string{"create", "swap", "journal"} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "out")
			random := rand.New(rand.NewPCG(1, uint64(len(way))))
			interrupt, half := 0, 0
			kills := *kills
			if way == "create" {
				kills /= 3 // there is only one instant that matters
			}
			for range kills {
				require.NoError(t, os.RemoveAll(dir))
				if way != "create" {
					replace(t, dir, bigTrees["A"])
				}
				if way == "journal" {
					put(t, dir, "README", "mine")
				}
				c := child("alternate", dir)
				out, err := c.StdoutPipe()
				require.NoError(t, err)
				require.NoError(t, c.Start())
				line, err := bufio.NewReader(out).ReadString('\n')
				require.NoError(t, err)
				require.Equal(t, "ready\n", line)
				window := 8 * time.Millisecond
				if way == "create" {
					window = 2 * time.Millisecond // the first of its runs
				}
				time.Sleep(time.Duration(random.Int64N(int64(window))))
				require.NoError(t, c.Process.Kill())
				require.EqualError(t, c.Wait(), "signal: killed")

				p, err := locate(dir)
				require.NoError(t, err)
				if p.interrupted() {
					interrupt++
				}
				_, missing := os.Stat(dir)
				switch {
				case missing != nil:
					require.Equal(t, "create", way)
				case way == "journal":
					if now := state(t, dir); now != "A" && now != "B" {
						half++
					}
					_, err := Compare(dir, bigTrees["A"])
					require.NoError(t, err)
					fallthrough
				default:
					require.Contains(t, []string{"A", "B"}, state(t, dir))
				}
				replace(t, dir, bigTrees["B"])
				require.Equal(t, "B", state(t, dir))
				noLeftovers(t, dir)
				if way == "journal" {
					require.FileExists(t, filepath.Join(dir, "README"))
				}
			}
			t.Logf("of %d kills %d cut a run off, %d of these half-way through a journal", kills, interrupt, half)
			assert.Positive(t, interrupt, "no kill hit a run: the test shows nothing")
		})
	}
}

// Concurrent runs for one folder wait for each other, within a process and across processes.
func TestConcurrentRuns(t *testing.T) {
	for _, way := range []string{"swap", "journal"} {
		t.Run(way, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "out")
			replace(t, dir, bigTrees["A"])
			if way == "journal" {
				put(t, dir, "README", "mine")
			}
			other := child("alternate", dir)
			require.NoError(t, other.Start())
			var wait sync.WaitGroup
			for i := range 8 {
				wait.Go(func() {
					for range 5 {
						_, err := Replace(dir, bigTrees[string(rune('A'+i%2))], Options{})
						assert.NoError(t, err)
					}
				})
			}
			wait.Wait()
			require.NoError(t, other.Process.Kill())
			other.Wait()
			replace(t, dir, bigTrees["A"])
			assert.Equal(t, "A", state(t, dir))
			noLeftovers(t, dir)
		})
	}
}
