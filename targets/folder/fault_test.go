package folder

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/targets"
)

func TestFolderThatIsAFile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "out")
	require.NoError(t, os.WriteFile(dir, []byte("mine"), 0o666))
	_, err := Replace(dir, delivery(treeA), Options{})
	assert.EqualError(t, err, "write into "+dir+": is a file, not a folder")
	_, err = Compare(dir, delivery(treeA))
	assert.EqualError(t, err, "write into "+dir+": is a file, not a folder")
	text, err := os.ReadFile(dir)
	require.NoError(t, err)
	assert.Equal(t, "mine", string(text))

	_, err = Replace(filepath.Join(dir, "below"), delivery(treeA), Options{})
	assert.ErrorContains(t, err, dir)
}

func TestCompareOfAFolderThatIsNotThere(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "out")
	c, err := Compare(dir, delivery(treeA))
	require.NoError(t, err)
	assert.Len(t, c.Written, 5)
	assert.Equal(t, "shop/20-b.yaml", c.Differences[4].Path)
	assert.Nil(t, c.Differences[4].Before)
	assert.NoDirExists(t, dir)
}

// interrupt leaves the folder as a run does that is killed right after it commits treeB.
func interrupt(t *testing.T, dir string) { interruptAfter(t, dir, 0) }

// interruptAfter is interrupt after some operations of the journal. It returns how many operations there are.
func interruptAfter(t *testing.T, dir string, done int) int {
	t.Helper()
	replace(t, dir, delivery(treeA))
	put(t, dir, "README", "mine")
	p, err := locate(dir)
	require.NoError(t, err)
	w, err := p.plan(delivery(treeB))
	require.NoError(t, err)
	root, err := os.OpenRoot(dir)
	require.NoError(t, err)
	defer root.Close()
	operations, err := w.prepare(root)
	require.NoError(t, err)
	require.NoError(t, p.do(root, operations[:done]))
	return len(operations)
}

// The kill test hits few of the operations of a journal. This test stops after each of them.
func TestJournalIsFinishedFromEveryOperation(t *testing.T) {
	for done, operations := 0, 5; done <= operations; done++ {
		for finish, by := range map[string]func(dir string) error{
			"compare": func(dir string) error { _, err := Compare(dir, delivery(treeA)); return err },
			"replace": func(dir string) error { _, err := Replace(dir, delivery(treeB), Options{}); return err },
		} {
			dir := filepath.Join(t.TempDir(), "out")
			require.Equal(t, operations, interruptAfter(t, dir, done))
			require.NoError(t, by(dir), "%s after %d operations", finish, done)
			assert.Equal(t, "-- README --\nmine\n"+strings.TrimPrefix(treeB, "\n"), contents(t, dir))
			noLeftovers(t, dir)
		}
	}
}

func TestEditsAfterAKillAreNotLost(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "out")
	interrupt(t, dir)
	put(t, dir, "shop/20-b.yaml", "b, mine\n")
	put(t, dir, "stock/10-d.yaml", "d, mine\n")
	put(t, dir, "pay/10-c.yaml", "c, mine\n")

	_, err := Replace(dir, delivery(treeB), Options{})
	assert.Equal(t, []string{
		"MESH4002 pay/10-c.yaml c, mine", "MESH4002 shop/20-b.yaml b, mine", "MESH4002 stock/10-d.yaml d, mine",
	}, findings(t, dir, err))
	_, err = Compare(dir, delivery(treeB))
	assert.Len(t, findings(t, dir, err), 3)
	assert.Contains(t, contents(t, dir), "c, mine")

	_, err = Replace(dir, delivery(treeB), Options{Overwrite: true})
	require.NoError(t, err)
	assert.Equal(t, "-- README --\nmine\n"+strings.TrimPrefix(treeB, "\n"), contents(t, dir))
	noLeftovers(t, dir)
}

func TestJournalsThatAreRefused(t *testing.T) {
	for journal, want := range map[string]string{
		"":                                  "not a complete journal",
		"meshc journal 1\nwrite - ../x\n":   "not a line of a journal",
		"meshc journal 1\nremove - /x\n":    "not a line of a journal",
		"meshc journal 1\nremove - x\nwri":  "not a complete journal",
		"meshc journal 2\n":                 "not a complete journal",
		"meshc journal 1\nrename - shop\n":  "not a line of a journal",
		"meshc journal 1\nremove - README2": "not a complete journal",
	} {
		dir := filepath.Join(t.TempDir(), "out")
		interrupt(t, dir)
		put(t, dir, journalFile, journal)
		_, err := Replace(dir, delivery(treeB), Options{})
		assert.ErrorContains(t, err, want)
		assert.ErrorContains(t, err, "delete "+filepath.ToSlash(dir)+"/.meshc-journal to abandon it")
		require.NoError(t, os.RemoveAll(filepath.Join(dir, journalName)))
		replace(t, dir, delivery(treeB))
	}
}

// A journal is untrusted: it cannot reach anything outside the folder, not even through a link.
func TestJournalStaysInside(t *testing.T) {
	dir, elsewhere := filepath.Join(t.TempDir(), "out"), t.TempDir()
	interrupt(t, dir)
	put(t, elsewhere, "10-c.yaml", "c\n")
	require.NoError(t, os.RemoveAll(filepath.Join(dir, "pay")))
	require.NoError(t, os.Symlink(elsewhere, filepath.Join(dir, "pay")))
	_, err := Replace(dir, delivery(treeB), Options{})
	assert.ErrorContains(t, err, "escapes")
	assert.Equal(t, "-- 10-c.yaml --\nc\n", contents(t, elsewhere))
}

func TestWaitingHasAnEnd(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "out")
	p, err := locate(dir)
	require.NoError(t, err)
	release, err := p.acquire()
	require.NoError(t, err)
	second, err := locate(dir)
	require.NoError(t, err)
	second.timeout = 20 * time.Millisecond
	_, err = second.acquire()
	assert.ErrorContains(t, err, "another meshc is writing into the folder: "+dir)
	release()
	replace(t, dir, delivery(treeA))
	noLeftovers(t, dir)
}

func TestEmptyDelivery(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "out")
	replace(t, dir, delivery(treeA))
	replace(t, dir, withLock(nil))
	assert.Equal(t, "", contents(t, dir))
	c, err := Compare(dir, []targets.File{{Path: targets.LockName, Data: targets.NewLock("", nil).Text()}})
	require.NoError(t, err)
	assert.True(t, c.None())
}
