package compiler

import (
	"bytes"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/tools/txtar"

	"github.com/meshc/meshc/compiler/analysis/diff"
	"github.com/meshc/meshc/compiler/analysis/model"
	"github.com/meshc/meshc/compiler/config"
	"github.com/meshc/meshc/compiler/inventory"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
	"github.com/meshc/meshc/targets"
)

// advised is a project whose findings are followed.
type advised struct {
	name  string
	files []txtar.File
	Options
	only string // the file of intents that is read; empty: all

	dir     string       // where the project lies on disk
	written []txtar.File // what lies there
	checked *result      // what a check says of that
}

// result is what a check of a project says, and what its manifests let through as far as the intents say it without an
// error.
type result struct {
	findings diag.List
	model    *model.Model
	files    []txtar.File
	limited  bool                // an environment limits the modes
	intents  func() *model.Model // what the intents let through where every pod has a sidecar
	refused  bool                // a target refuses some of them, so that model lacks them
	forced   func() diag.List    // what Istio's target says of the intents whatever the check says
}

// line returns the text of a line.
func (r result) line(at place) string {
	for _, f := range r.files {
		if f.Name == at.file {
			return source.NewFile(f.Name, string(f.Data)).Line(at.line)
		}
	}
	return ""
}

// open reads a project from disk as the commands do.
func (p *advised) open(t *testing.T) *Project {
	t.Helper()
	o := p.Options
	o.Workloads = nil
	for _, name := range p.Workloads {
		o.Workloads = append(o.Workloads, filepath.Join(p.dir, name))
	}
	project, err := Open(t.Context(), o, filepath.Join(p.dir, p.only))
	require.NoError(t, err, p.name)
	return project
}

// lay writes a project to a folder.
func (p *advised) lay(t *testing.T, dir string) {
	t.Helper()
	p.dir, p.written = dir, p.files
	require.NoError(t, os.MkdirAll(dir, 0o755))
	for _, f := range p.files {
		p.write(t, f)
	}
}

// write writes a file of a project to disk.
func (p *advised) write(t *testing.T, f txtar.File) {
	t.Helper()
	name := filepath.Join(p.dir, filepath.FromSlash(f.Name))
	require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o755))
	require.NoError(t, os.WriteFile(name, f.Data, 0o644))
}

// check checks a project, which lies on disk with its edits meanwhile.
func (p *advised) check(t *testing.T) result {
	t.Helper()
	if p.dir == "" {
		p.lay(t, t.TempDir())
	}
	edited := false
	for i, f := range p.files {
		if !bytes.Equal(f.Data, p.written[i].Data) {
			edited = true
			p.write(t, f)
			defer p.write(t, p.written[i])
		}
	}
	if edited {
		return p.judge(t)
	}
	if p.checked == nil {
		r := p.judge(t)
		p.checked = &r
	}
	return *p.checked
}

// judge checks a project as it lies on disk.
func (p *advised) judge(t *testing.T) result {
	t.Helper()
	if p.policiesOnly() {
		return p.judgePolicies()
	}
	project := p.open(t)
	built, err := project.Build(t.Context())
	require.NoError(t, err, p.name)
	r := result{findings: built.Findings, model: built.Model, files: p.files, limited: p.Environment != ""}
	if project.Parsed == nil {
		return r
	}
	var every []diag.Code
	for _, e := range diag.Table {
		every = append(every, e.Code)
	}
	emitted := func(checked *policy.Policy) (*model.Model, diag.List) {
		all, _ := Targets(project.Config, false)
		istio := all[0].(targets.Mesh)
		manifests, refused := istio.Emit(checked)
		layer, _ := istio.Read(Sources(manifests), model.MeshSettings(checked))
		return model.New(checked, layer), refused
	}
	if r.model == nil {
		checked, _ := project.Parsed.Check(project.Config, every...)
		var refused diag.List
		r.model, refused = emitted(checked)
		r.refused = refused.HasErrors()
	}
	r.forced = sync.OnceValue(func() diag.List {
		checked, _ := project.Parsed.Check(project.Config, every...)
		_, refused := emitted(checked)
		return refused
	})
	r.intents = sync.OnceValue(func() *model.Model {
		checked, _ := project.Parsed.Check(project.Config, every...)
		for _, mesh := range checked.Meshes {
			mesh.Ambient, mesh.Moving = false, false
		}
		for _, s := range checked.Services() {
			s.Moving, s.Joining = false, false
			if s.Dataplane == policy.Ambient {
				s.Dataplane = policy.Sidecar
			}
			s.Fronts = nil
		}
		intents, _ := emitted(checked)
		return intents
	})
	return r
}

// judgePolicies judges policies beside workloads.
func (p *advised) judgePolicies() result {
	var files []*source.File
	var workloads []inventory.Input
	for _, f := range p.files {
		file := source.NewFile(f.Name, string(f.Data))
		if strings.HasPrefix(f.Name, "k8s/") {
			workloads = append(workloads, inventory.Input{File: file})
			continue
		}
		files = append(files, file)
	}
	d := ReadDeployed(files, workloads, config.Default(), false)
	return result{findings: d.Findings, model: d.Model, files: p.files}
}

// differs compares what two results let through.
func (r result) differs(t *testing.T, after result) *diff.Diff {
	t.Helper()
	if r.model == nil || after.model == nil {
		return &diff.Diff{}
	}
	was, is := r.model, after.model
	if r.refused || after.refused {
		was, is = r.intents(), after.intents()
	}
	d, err := diff.Compare(t.Context(), was, is, diff.Options{})
	if err != nil && r.findings.HasErrors() { // it could not be judged
		return &diff.Diff{}
	}
	require.NoError(t, err)
	return d
}

// with returns the project with edits.
func (p *advised) with(edits ...diag.Edit) *advised {
	fixed := *p
	fixed.files = slices.Clone(p.files)
	for _, c := range diag.ApplyFixes(diag.List{{Fixes: []diag.Fix{{Edits: edits, Safe: true}}}}) {
		i := slices.IndexFunc(fixed.files, func(f txtar.File) bool { return f.Name == c.File.Name })
		fixed.files[i].Data = []byte(c.Text)
	}
	return &fixed
}

// projects are the projects of the corpus, which all tests share: each is checked once.
var projects struct {
	sync.Once
	all []*advised
}

// corpus writes the corpus to disk, and returns it.
func corpus(t *testing.T) []*advised {
	t.Helper()
	projects.Do(func() {
		projects.all = collect(t)
		for i, p := range projects.all {
			p.lay(t, filepath.Join(scratch, strconv.Itoa(i)))
		}
	})
	return projects.all
}

// scratch is a folder for files that several tests share.
var scratch string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "compiler")
	if err != nil {
		panic(err)
	}
	scratch = dir
	code := m.Run()
	if err := os.RemoveAll(dir); err != nil {
		panic(err)
	}
	os.Exit(code)
}

// collect returns the projects of the examples of codes, the cases of package check, the scripts and the examples with
// mistakes, and a project for each mistake of package lang.
func collect(t *testing.T) (all []*advised) {
	t.Helper()
	day, err := time.Parse(time.DateOnly, "2026-11-01")
	require.NoError(t, err)
	exampleDay, err := time.Parse(time.DateOnly, diag.ExampleDay)
	require.NoError(t, err)
	for _, e := range diag.Table {
		x := e.Explanation()
		for _, half := range [][]diag.Example{x.Bad, x.Good} {
			p := &advised{name: string(e.Code), Options: Options{Today: exampleDay}}
			for _, f := range half {
				p.files = append(p.files, txtar.File{Name: f.Name, Data: []byte(f.Text)})
			}
			all = append(all, p)
		}
	}
	for _, file := range glob(t, "check/testdata/*.txtar") {
		archive := parseArchive(t, file)
		p := &advised{name: file, files: archive.Files, Options: Options{Today: day}}
		if _, env, ok := strings.Cut(string(archive.Comment), "environment: "); ok {
			p.Environment = strings.Fields(env)[0]
		}
		all = append(all, p)
	}
	for _, file := range glob(t, "../cmd/meshc/testdata/script/*.txtar") {
		for _, p := range projectsOf(parseArchive(t, file).Files) {
			p.name, p.Today = file+" "+p.name, exampleDay
			all = append(all, p)
		}
	}
	for _, dir := range glob(t, "../examples/broken/*") {
		p := &advised{name: dir, Options: Options{Today: day}}
		require.NoError(t, fs.WalkDir(os.DirFS(dir), ".", func(name string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			data, err := os.ReadFile(filepath.Join(dir, name))
			p.files = append(p.files, txtar.File{Name: name, Data: data})
			return err
		}))
		all = append(all, p)
	}
	for _, file := range glob(t, "../lang/testdata/mistakes-*.txtar") {
		for _, f := range parseArchive(t, file).Files {
			if path.Ext(f.Name) != ".mesh" {
				continue
			}
			for line := range strings.Lines(string(f.Data)) { // a line is a project, with what it may name
				all = append(all, &advised{name: file + " " + strings.TrimSpace(line), Options: Options{Today: day},
					files: []txtar.File{{Name: "a.mesh", Data: []byte(world + line)}}})
			}
		}
	}
	all = slices.DeleteFunc(all, func(p *advised) bool {
		return !slices.ContainsFunc(p.files, func(f txtar.File) bool { return path.Ext(f.Name) == ".mesh" })
	})
	for _, p := range all {
		p.nameWorkloads()
	}
	return all
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	names, err := filepath.Glob(pattern)
	require.NoError(t, err)
	require.NotEmpty(t, names)
	return names
}

func parseArchive(t *testing.T, file string) *txtar.Archive {
	t.Helper()
	archive, err := txtar.ParseFile(file)
	require.NoError(t, err)
	return archive
}

// projectsOf returns the projects in the files of a script: each folder with a meshc.yaml, in each of its environments,
// and each file of intents alone.
func projectsOf(files []txtar.File) (all []*advised) {
	below := func(dir string) (inside []txtar.File) {
		for _, f := range files {
			if name, ok := strings.CutPrefix(f.Name, dir+"/"); ok || dir == "." {
				if dir == "." {
					name = f.Name
				}
				inside = append(inside, txtar.File{Name: name, Data: f.Data})
			}
		}
		return inside
	}
	configured := func(dir string) bool {
		return slices.ContainsFunc(files, func(f txtar.File) bool { return f.Name == path.Join(dir, "meshc.yaml") })
	}
	for _, f := range files {
		dir := path.Dir(f.Name)
		switch {
		case path.Base(f.Name) == "meshc.yaml":
			all = append(all, &advised{name: dir, files: below(dir)})
			for _, env := range environments(f.Data) {
				all = append(all, &advised{name: dir + " --env " + env, files: below(dir), Options: Options{Environment: env}})
			}
		case path.Ext(f.Name) == ".mesh":
			root := dir
			for root != "." && !configured(root) {
				root = path.Dir(root)
			}
			if !configured(root) {
				root = dir
			}
			inside := below(root)
			only := strings.TrimPrefix(f.Name, root+"/")
			all = append(all, &advised{name: f.Name, files: inside, only: only})
		}
	}
	return all
}

// environments returns the names of the environments in a meshc.yaml.
func environments(text []byte) (names []string) {
	_, section, _ := strings.Cut(string(text), "environments:\n")
	for line := range strings.Lines(section) {
		name, indented := strings.CutPrefix(line, "  ")
		if !indented {
			break
		}
		if name, _, ok := strings.Cut(name, ":"); ok && strings.TrimSpace(name) == name {
			names = append(names, name)
		}
	}
	return names
}

// nameWorkloads lets a project without settings read the manifests that lie beside its intents.
func (p *advised) nameWorkloads() {
	for _, f := range p.files {
		if f.Name == "meshc.yaml" && strings.Contains(string(f.Data), "workloads:") {
			p.Workloads = nil
			return
		}
		alone := p.only == "" || strings.HasPrefix(f.Name, path.Join(path.Dir(p.only), "k8s")+"/")
		if path.Ext(f.Name) == ".yaml" && f.Name != "meshc.yaml" && alone && !strings.HasPrefix(f.Name, "manifests/") && !strings.HasPrefix(f.Name, "out/") {
			p.Workloads = append(p.Workloads, f.Name)
		}
	}
}

// world declares what the mistakes of package lang name.
const world = `mesh payments strict
service api account api port 8080 http
export api to *
any -> api
mesh shop strict
service frontend account frontend port 8080 http
service backend account backend port 8080 http port 9090 http
service admin account admin port 8080 http
service db account db port 5432 tcp port 9187 http
service web account web port 8080 http
service api account api port 8080 http port 9102 http port 9103 http
any -> frontend, admin, db, web
web -> api GET /only
`

// place is a line of a file of a project.
type place struct {
	file string
	line int
}

// lines returns the lines of spans.
func lines(spans ...source.Span) (all []place) {
	for _, at := range spans {
		if at.File == nil {
			continue
		}
		first := at.StartPosition().Line
		for line := first; line <= first+strings.Count(at.Text(), "\n"); line++ {
			all = append(all, place{at.File.Name, line})
		}
	}
	return all
}
