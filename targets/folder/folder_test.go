package folder

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/tools/txtar"

	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/targets"
)

// delivery returns the files of a txtar archive with their lock.
func delivery(archive string) []targets.File {
	var files []targets.File
	for _, f := range txtar.Parse([]byte(archive)).Files {
		files = append(files, targets.File{Path: f.Name, Data: f.Data})
	}
	return withLock(files)
}

func withLock(files []targets.File) []targets.File {
	return append(files, targets.File{Path: targets.LockName, Data: targets.NewLock("", files).Text()})
}

// contents returns the files below dir except the lock as a txtar archive. An empty folder is `NAME/`.
func contents(t testing.TB, dir string) string {
	t.Helper()
	a := &txtar.Archive{}
	err := filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, _ := filepath.Rel(dir, name)
		relative = filepath.ToSlash(relative)
		switch {
		case relative == "." || relative == targets.LockName:
			return nil
		case e.IsDir():
			if entries, err := os.ReadDir(name); err != nil || len(entries) > 0 {
				return err
			}
			a.Files = append(a.Files, txtar.File{Name: relative + "/"})
			return nil
		}
		data, err := os.ReadFile(name)
		a.Files = append(a.Files, txtar.File{Name: relative, Data: data})
		return err
	})
	require.NoError(t, err)
	return string(txtar.Format(a))
}

func put(t testing.TB, dir, name, text string) {
	t.Helper()
	name = filepath.Join(dir, filepath.FromSlash(name))
	require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o777))
	require.NoError(t, os.WriteFile(name, []byte(text), 0o666))
}

func replace(t testing.TB, dir string, files []targets.File) Changes {
	t.Helper()
	c, err := Replace(dir, files, Options{})
	require.NoError(t, err)
	return c
}

// noLeftovers fails the test if there are working files next to dir or in it.
func noLeftovers(t testing.TB, dir string) {
	t.Helper()
	beside, err := os.ReadDir(filepath.Dir(dir))
	require.NoError(t, err)
	require.Len(t, beside, 1, "beside the folder: %v", beside)
	inside, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range inside {
		require.False(t, strings.HasPrefix(e.Name(), workPrefix), e.Name())
	}
}

const treeA = `
-- kustomization.yaml --
resources: [shop, pay]
-- shop/10-a.yaml --
a
-- shop/20-b.yaml --
b
-- pay/10-c.yaml --
c
`

const treeB = `
-- kustomization.yaml --
resources: [shop, stock]
-- shop/10-a.yaml --
a
-- shop/20-b.yaml --
b, changed
-- stock/10-d.yaml --
d
`

// The ways to write a folder, which must all give the same result.
var ways = map[string]func(t *testing.T, dir string){
	"swap": func(t *testing.T, dir string) {},
	"journal": func(t *testing.T, dir string) {
		put(t, dir, "README", "mine")
	},
	"current directory": func(t *testing.T, dir string) {
		t.Chdir(dir)
	},
}

func TestReplace(t *testing.T) {
	for way, prepare := range ways {
		t.Run(way, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "out")
			first := replace(t, dir, delivery(treeA))
			assert.Equal(t, []string{".meshc.lock", "kustomization.yaml", "pay/10-c.yaml", "shop/10-a.yaml", "shop/20-b.yaml"}, first.Written)
			noLeftovers(t, dir)
			prepare(t, dir)
			foreign, _ := os.ReadFile(filepath.Join(dir, "README"))

			long := time.Date(2020, 2, 2, 2, 2, 2, 0, time.UTC)
			same := filepath.Join(dir, "shop", "10-a.yaml")
			require.NoError(t, os.Chtimes(same, long, long))

			compared, err := Compare(dir, delivery(treeB))
			require.NoError(t, err)
			second := replace(t, dir, delivery(treeB))
			assert.Equal(t, compared, second)
			assert.Equal(t, []string{".meshc.lock", "kustomization.yaml", "shop/20-b.yaml", "stock/10-d.yaml"}, second.Written)
			assert.Equal(t, []string{"pay/10-c.yaml"}, second.Removed)
			assert.Equal(t, []Difference{
				{"kustomization.yaml", []byte("resources: [shop, pay]\n"), []byte("resources: [shop, stock]\n")},
				{"pay/10-c.yaml", []byte("c\n"), nil},
				{"shop/20-b.yaml", []byte("b\n"), []byte("b, changed\n")},
				{"stock/10-d.yaml", nil, []byte("d\n")},
			}, second.Differences[1:])

			want := strings.TrimPrefix(treeB, "\n")
			if foreign != nil {
				want = "-- README --\nmine\n" + want
			}
			assert.Equal(t, want, contents(t, dir))
			noLeftovers(t, dir)
			info, err := os.Stat(same)
			require.NoError(t, err)
			assert.True(t, info.ModTime().Equal(long), "the time of an unchanged file moved to %v", info.ModTime())

			before, err := os.Stat(dir)
			require.NoError(t, err)
			assert.True(t, replace(t, dir, delivery(treeB)).None())
			after, err := os.Stat(dir)
			require.NoError(t, err)
			assert.True(t, os.SameFile(before, after) && before.ModTime().Equal(after.ModTime()), "a build of the same touched the folder")
		})
	}
}

// findings returns the findings of a refusal as `CODE path line`.
func findings(t *testing.T, dir string, err error) []string {
	t.Helper()
	var r *Refusal
	require.ErrorAs(t, err, &r)
	var all []string
	for _, f := range r.Findings {
		assert.Equal(t, diag.Error, f.Severity)
		assert.NotEmpty(t, f.Help)
		at := f.Primary.StartPosition()
		all = append(all, strings.Join([]string{string(f.Code), strings.TrimPrefix(f.Primary.File.Name, filepath.ToSlash(dir)+"/"), f.Primary.Text()}, " "))
		assert.Equal(t, 1, at.Rune)
	}
	return all
}

// The folder of one environment does not silently become that of another.
func TestAnotherEnvironmentIsRefused(t *testing.T) {
	forEnvironment := func(name string) []targets.File {
		files := delivery(treeA)
		files[len(files)-1].Data = targets.NewLock(name, files).Text()
		return files
	}
	for _, step := range []struct{ before, after, want string }{
		{"", "", ""},
		{"", "prod", ""},
		{"prod", "prod", ""},
		{"prod", "staging", "out/.meshc.lock:3:1: error: this folder holds the environment prod, and the build is for the environment staging [MESH4003]"},
		{"prod", "", "out/.meshc.lock:3:1: error: this folder holds the environment prod, and the build is for no environment [MESH4003]"},
	} {
		t.Run(step.before+" to "+step.after, func(t *testing.T) {
			t.Chdir(t.TempDir())
			replace(t, "out", forEnvironment(step.before))
			before, err := os.ReadFile("out/.meshc.lock")
			require.NoError(t, err)
			_, err = Replace("out", forEnvironment(step.after), Options{})
			if step.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, step.want)
			assert.Equal(t, []string{"MESH4003 out/.meshc.lock environment prod"}, findings(t, ".", err))
			kept, err := os.ReadFile("out/.meshc.lock")
			require.NoError(t, err)
			assert.Equal(t, string(before), string(kept))
			c, err := Replace("out", forEnvironment(step.after), Options{Overwrite: true})
			require.NoError(t, err)
			assert.Equal(t, []string{".meshc.lock"}, c.Written)
		})
	}
}

func TestHandEditsAreRefused(t *testing.T) {
	for way, prepare := range ways {
		t.Run(way, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "out")
			replace(t, dir, delivery(treeA))
			prepare(t, dir)
			put(t, dir, "shop/20-b.yaml", "b\n# kept open for the audit\n")
			put(t, dir, "pay/10-c.yaml", "c, mine\n")
			before := contents(t, dir)

			_, err := Replace(dir, delivery(treeB), Options{})
			assert.Equal(t, []string{"MESH4002 pay/10-c.yaml c, mine", "MESH4002 shop/20-b.yaml b"}, findings(t, dir, err))
			assert.ErrorContains(t, err, "pay/10-c.yaml:1:1: error: this file was changed by hand since meshc wrote it, and would be removed [MESH4002]")
			var r *Refusal
			require.ErrorAs(t, err, &r)
			assert.Contains(t, r.Differences, Difference{"shop/20-b.yaml", []byte("b\n# kept open for the audit\n"), []byte("b, changed\n")})
			assert.Equal(t, before, contents(t, dir))

			c, err := Compare(dir, delivery(treeB))
			require.NoError(t, err, "comparing loses nothing")
			assert.Contains(t, c.Removed, "pay/10-c.yaml")

			_, err = Replace(dir, delivery(treeB), Options{Overwrite: true})
			require.NoError(t, err)
			assert.Contains(t, contents(t, dir), "b, changed")
			assert.NotContains(t, contents(t, dir), "pay")
		})
	}
}

func TestHandEditThatIsWantedNowIsNoTrouble(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "out")
	replace(t, dir, delivery(treeA))
	put(t, dir, "shop/20-b.yaml", "b, changed\n")
	assert.NotContains(t, replace(t, dir, delivery(treeB)).Written, "shop/20-b.yaml")
}

func TestDeletedFilesComeBack(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "out")
	replace(t, dir, delivery(treeA))
	require.NoError(t, os.RemoveAll(filepath.Join(dir, "pay")))
	assert.Equal(t, []string{"pay/10-c.yaml"}, replace(t, dir, delivery(treeA)).Written)
}

func TestForeignFiles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "out")
	put(t, dir, "shop/10-a.yaml", "not meshc's\n")
	put(t, dir, "shop/20-b.yaml", "b\n")
	put(t, dir, "shop/notes.txt", "keep\n")
	put(t, dir, ".git/config", "keep\n")
	require.NoError(t, os.Mkdir(filepath.Join(dir, "empty"), 0o777))
	before := contents(t, dir)

	_, err := Replace(dir, delivery(treeA), Options{Overwrite: true})
	assert.Equal(t, []string{"MESH4001 shop/10-a.yaml not meshc's"}, findings(t, dir, err))
	assert.Equal(t, before, contents(t, dir))

	require.NoError(t, os.Remove(filepath.Join(dir, "shop", "10-a.yaml")))
	c := replace(t, dir, delivery(treeA))
	assert.NotContains(t, c.Written, "shop/20-b.yaml", "the same bytes are as good as meshc's own")

	replace(t, dir, delivery("-- kustomization.yaml --\n"))
	assert.Equal(t, `-- .git/config --
keep
-- empty/ --
-- kustomization.yaml --
-- shop/notes.txt --
keep
`, contents(t, dir), "what meshc did not write stays, and so do its folders")
	noLeftovers(t, dir)
}

func TestFilesAndFoldersChangePlaces(t *testing.T) {
	for way, prepare := range ways {
		t.Run(way, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "out")
			file, folder := "-- a --\n1\n-- b/c/d --\n2\n", "-- a/x --\n3\n-- b --\n4\n"
			replace(t, dir, delivery(file))
			prepare(t, dir)
			replace(t, dir, delivery(folder))
			assert.True(t, strings.HasSuffix(contents(t, dir), folder))
			replace(t, dir, delivery(file))
			assert.True(t, strings.HasSuffix(contents(t, dir), file))
			noLeftovers(t, dir)
		})
	}
}

func TestNothingIsWrittenThroughLinks(t *testing.T) {
	for name, link := range map[string]string{
		"MESH4001 shop ":           "shop",
		"MESH4001 shop/10-a.yaml ": "shop/10-a.yaml",
		"MESH4001 .meshc.lock ":    ".meshc.lock",
	} {
		t.Run(link, func(t *testing.T) {
			dir, elsewhere := filepath.Join(t.TempDir(), "out"), t.TempDir()
			put(t, elsewhere, "10-a.yaml", "secret\n")
			put(t, dir, "shop/x", "")
			target := filepath.Join(dir, filepath.FromSlash(link))
			require.NoError(t, os.RemoveAll(target))
			require.NoError(t, os.Symlink(elsewhere, target))

			_, err := Replace(dir, delivery(treeA), Options{Overwrite: true})
			assert.Equal(t, []string{name}, findings(t, dir, err))
			assert.ErrorContains(t, err, "a symbolic link is where meshc would write")
			_, err = Compare(dir, delivery(treeA))
			assert.Equal(t, []string{name}, findings(t, dir, err))
			assert.Equal(t, "-- 10-a.yaml --\nsecret\n", contents(t, elsewhere))
		})
	}
}

// A folder of meshc that was replaced by a link and is no longer needed is left alone.
func TestNothingIsRemovedThroughLinks(t *testing.T) {
	dir, elsewhere := filepath.Join(t.TempDir(), "out"), t.TempDir()
	replace(t, dir, delivery(treeA))
	put(t, elsewhere, "10-c.yaml", "c\n")
	require.NoError(t, os.RemoveAll(filepath.Join(dir, "pay")))
	require.NoError(t, os.Symlink(elsewhere, filepath.Join(dir, "pay")))
	assert.Empty(t, replace(t, dir, delivery(treeB)).Removed)
	assert.Equal(t, "-- 10-c.yaml --\nc\n", contents(t, elsewhere))
}

// The folder itself may be a link.
func TestFolderBehindALink(t *testing.T) {
	top := t.TempDir()
	dir, link := filepath.Join(top, "real", "out"), filepath.Join(top, "link")
	replace(t, dir, delivery(treeA))
	require.NoError(t, os.Symlink(dir, link))
	replace(t, link, delivery(treeB))
	assert.Equal(t, strings.TrimPrefix(treeB, "\n"), contents(t, dir))
	info, err := os.Lstat(link)
	require.NoError(t, err)
	assert.Equal(t, fs.ModeSymlink, info.Mode().Type())
	noLeftovers(t, dir)
}

func TestPermissionsOfFoldersStay(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "out")
	replace(t, dir, delivery(treeA))
	require.NoError(t, os.Chmod(dir, 0o700))
	require.NoError(t, os.Chmod(filepath.Join(dir, "shop"), 0o750))
	replace(t, dir, delivery(treeB))
	for name, want := range map[string]fs.FileMode{"": 0o700, "shop": 0o750} {
		info, err := os.Stat(filepath.Join(dir, name))
		require.NoError(t, err)
		assert.Equal(t, want, info.Mode().Perm())
	}
}

func TestNamesThatAreRefused(t *testing.T) {
	for name, want := range map[string]string{
		"../x":         `"../x" is not a valid name for a file that meshc writes`,
		"/etc/x":       `"/etc/x" is not a valid name for a file that meshc writes`,
		"a//b":         `"a//b" is not a valid name for a file that meshc writes`,
		`a\b`:          `"a\\b" is not a valid name for a file that meshc writes`,
		".meshc-new/x": `".meshc-new/x" is not a valid name for a file that meshc writes`,
		"Shop/b":       "Shop/b and shop/b are the same file on a file system that ignores case",
		"shop/b/c":     "shop/b cannot be both a file and a folder",
	} {
		dir := filepath.Join(t.TempDir(), "out")
		_, err := Replace(dir, withLock([]targets.File{{Path: "shop/b"}, {Path: name}}), Options{})
		assert.EqualError(t, err, want)
		assert.NoDirExists(t, dir)
	}
	_, err := Replace(t.TempDir(), []targets.File{{Path: "shop/b"}}, Options{})
	assert.ErrorContains(t, err, "do not include .meshc.lock")
}

func TestLocksThatAreRefused(t *testing.T) {
	digest := targets.Digest(nil)
	for lock, want := range map[string]string{
		"<<<<<<< ours\n":                     ".meshc.lock:1",
		"format 3\n":                         "newer",
		"format 1\n" + digest + " ../../x\n": "../../x",
		"":                                   ".meshc.lock:1",
	} {
		dir := filepath.Join(t.TempDir(), "out")
		replace(t, dir, delivery(treeA))
		put(t, dir, targets.LockName, lock)
		before := contents(t, dir)
		_, err := Replace(dir, delivery(treeB), Options{})
		assert.ErrorContains(t, err, filepath.ToSlash(dir)+"/.meshc.lock does not say which files are meshc's")
		assert.ErrorContains(t, err, want)
		assert.Equal(t, before, contents(t, dir))
	}
}
