package compiler

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/tools/txtar"

	"github.com/meshc/meshc/compiler/config"
	"github.com/meshc/meshc/compiler/inventory"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// TestAdvice applies every fix of every finding in the examples of the codes, the scripts and the cases of package check.
// Each must remove its finding, cause no other error, and open nothing but what its statement is about. A safe fix of a
// project without errors changes nothing.
func TestAdvice(t *testing.T) {
	fixes := 0
	for _, p := range advised(t) {
		before, findings := p.check(t)
		for _, d := range findings {
			for _, fix := range d.Fixes {
				fixes++
				fixed := p.apply(t, fix)
				after, left := fixed.check(t)
				told := fmt.Sprintf("%s: %s: %s", p.name, d.Error(), fix.Title)
				assert.Less(t, alike(left, d), alike(findings, d), "the finding is still there: %s", told)
				about := p.about(d, fix) + fixed.about(d, fix)
				for _, e := range left {
					if e.Severity == diag.Error && alike(left, e) > alike(findings, e) && !revealed(d, e, fix.Safe, about) {
						t.Errorf("a new error: %s: %s", told, e.Error())
					}
				}
				for _, o := range after {
					if !slices.Contains(before, o) && !o.concerns(about) {
						t.Errorf("opens %v: %s", o, told)
					}
				}
				if fix.Safe && !findings.HasErrors() {
					assert.Equal(t, before, after, told)
				}
			}
		}
	}
	assert.Greater(t, fixes, 60)
}

// TestProposedStatements wants every statement in a help to be one, once its placeholders have a value.
func TestProposedStatements(t *testing.T) {
	placeholders := regexp.MustCompile(`\b[A-Z]{4,}\b|…`)
	values := map[string]string{"NETWORK": "10.0.3.0/24", "PORT": "8080", "NUMBER": "8080", "MODE": "strict", "GET": "GET", "POST": "POST", "DELETE": "DELETE", "HEAD": "HEAD", "…": ""}
	for _, p := range advised(t) {
		_, findings := p.check(t)
		for _, d := range findings {
			for _, quoted := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(d.Help, -1) {
				text := placeholders.ReplaceAllStringFunc(quoted[1], func(word string) string {
					if v, ok := values[word]; ok {
						return v
					}
					return "x"
				})
				switch first, rest, _ := strings.Cut(text, " "); {
				case slices.Contains([]string{"account", "label", "address", "port"}, first) && rest != "":
					text = "service x " + text
				case slices.Contains([]string{"service", "external", "deny", "export", "group", "never", "always", "only", "mesh", "mtls"}, first) && rest != "":
				case strings.Contains(text, " -> ") && !strings.HasPrefix(text, "-> "):
				default:
					continue
				}
				_, syntax := lang.Parse("help.mesh", []byte(text+"\n"))
				assert.Empty(t, syntax, "%s: %s: %s", p.name, d.Error(), d.Help)
			}
		}
	}
}

// advisedProject is a project in memory.
type advisedProject struct {
	name  string
	day   string
	env   string
	files []txtar.File
}

// advised returns the projects whose findings are followed: those of archives with intents.
func advised(t *testing.T) []*advisedProject {
	t.Helper()
	var all []*advisedProject
	for _, e := range diag.Table {
		for half, files := range map[string][]diag.Example{"bad": e.Explanation().Bad, "good": e.Explanation().Good} {
			p := &advisedProject{name: string(e.Code) + " " + half, day: diag.ExampleDay}
			for _, f := range files {
				p.files = append(p.files, txtar.File{Name: f.Name, Data: []byte(f.Text)})
			}
			all = append(all, p)
		}
	}
	slices.SortFunc(all, func(a, b *advisedProject) int { return strings.Compare(a.name, b.name) })
	for _, pattern := range []string{"check/testdata/*.txtar", "../cmd/meshc/testdata/script/*.txtar"} {
		paths, err := filepath.Glob(pattern)
		require.NoError(t, err)
		require.NotEmpty(t, paths)
		for _, file := range paths {
			archive, err := txtar.ParseFile(file)
			require.NoError(t, err)
			p := advisedProject{name: file, day: "2026-11-01", files: archive.Files}
			if _, env, ok := strings.Cut(string(archive.Comment), "environment: "); ok {
				p.env = strings.Fields(env)[0]
			}
			if strings.HasPrefix(pattern, "check") {
				all = append(all, &p)
				continue
			}
			for _, f := range archive.Files { // a file of a script is a project, with the manifests of its folder
				if path.Ext(f.Name) == ".mesh" {
					one := advisedProject{name: file + " " + f.Name, day: diag.ExampleDay, files: []txtar.File{f}}
					for _, g := range archive.Files {
						if strings.HasPrefix(g.Name, path.Join(path.Dir(f.Name), "k8s")+"/") {
							one.files = append(one.files, g)
						}
					}
					all = append(all, &one)
				}
			}
		}
	}
	broken, err := filepath.Glob("../examples/broken/*")
	require.NoError(t, err)
	require.NotEmpty(t, broken)
	for _, dir := range broken {
		p := &advisedProject{name: dir, day: "2026-11-01"}
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
	mistakes, err := filepath.Glob("../lang/testdata/mistakes-*.txtar")
	require.NoError(t, err)
	require.NotEmpty(t, mistakes)
	for _, file := range mistakes {
		archive, err := txtar.ParseFile(file)
		require.NoError(t, err)
		for _, f := range archive.Files {
			if path.Ext(f.Name) != ".mesh" {
				continue
			}
			for line := range strings.Lines(string(f.Data)) { // a line is a project, with what it may name
				all = append(all, &advisedProject{name: file + " " + strings.TrimSpace(line), day: "2026-11-01",
					files: []txtar.File{{Name: "a.mesh", Data: []byte(world + line)}}})
			}
		}
	}
	return all
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

// check returns who may call whom as far as the intents say it without an error, and the findings.
func (p *advisedProject) check(t *testing.T) ([]permission, diag.List) {
	t.Helper()
	today, err := time.Parse(time.DateOnly, p.day)
	require.NoError(t, err)
	in := Inputs{Config: config.Default(), Today: today, Environment: p.env}
	var configured diag.List
	for _, f := range p.files {
		switch {
		case f.Name == "meshc.yaml":
			in.Config, configured = config.Parse(source.NewFile(f.Name, string(f.Data)))
		case path.Ext(f.Name) == ".mesh":
			in.Files = append(in.Files, Input{Name: f.Name, Text: f.Data})
		case path.Ext(f.Name) == ".yaml" && !strings.HasPrefix(f.Name, "manifests/") && !strings.HasPrefix(f.Name, "out/"):
			in.Workloads = append(in.Workloads, inventory.Input{File: source.NewFile(f.Name, string(f.Data))})
		}
	}
	parsed, err := Parse(t.Context(), in)
	require.NoError(t, err)
	var every []diag.Code
	for _, e := range diag.Table {
		every = append(every, e.Code)
	}
	checked, findings := parsed.Check(in.Config, every...)
	return permissions(checked), append(configured, findings...)
}

// apply returns the project with a fix applied.
func (p *advisedProject) apply(t *testing.T, fix diag.Fix) *advisedProject {
	t.Helper()
	fix.Safe = true
	fixed := *p
	fixed.files = slices.Clone(p.files)
	changed := diag.ApplyFixes(diag.List{{Fixes: []diag.Fix{fix}}})
	require.NotEmpty(t, changed, fix.Title)
	for _, c := range changed {
		i := slices.IndexFunc(fixed.files, func(f txtar.File) bool { return f.Name == c.File.Name })
		require.GreaterOrEqual(t, i, 0)
		fixed.files[i].Data = []byte(c.Text)
	}
	return &fixed
}

// about returns the lines that a finding and its fix are about.
func (p *advisedProject) about(d diag.Diagnostic, fix diag.Fix) string {
	spans := []source.Span{d.Primary}
	for _, e := range fix.Edits {
		spans = append(spans, e.Span)
	}
	text := ""
	for _, at := range spans {
		for _, f := range p.files {
			if at.File == nil || f.Name != at.File.Name {
				continue
			}
			lines := strings.Split(string(f.Data), "\n")
			first := at.StartPosition().Line - 1
			last := first + strings.Count(at.Text(), "\n")
			text += strings.Join(lines[min(first, len(lines)-1):min(last+1, len(lines))], "\n") + "\n"
		}
	}
	return text
}

// revealed reports whether an error was there before a fix but could not be seen: the statement was not understood, or
// errors of its kind were held back.
func revealed(d, e diag.Diagnostic, safe bool, about string) bool {
	syntax := func(d diag.Diagnostic) bool { return strings.HasPrefix(string(d.Code), "MESH0") }
	if syntax(e) && safe { // a second mistake of the statement
		return d.Code == diag.InvalidCharacter || e.Code == diag.IncompleteStatement || len(e.Fixes) > 0
	}
	unknown := d.Code == diag.UnknownService || d.Code == diag.UnknownMesh
	line := e.Primary.File.Line(e.Primary.StartPosition().Line)
	return syntax(d) && !syntax(e) || (syntax(d) || unknown) && strings.Contains(about, line) ||
		unknown && strings.HasPrefix(strings.TrimSpace(about), "mesh ")
}

// alike counts the findings that say the same as d.
func alike(l diag.List, d diag.Diagnostic) int {
	n := 0
	for _, e := range l {
		if e.Code == d.Code && e.Message == d.Message {
			n++
		}
	}
	return n
}

// permission is one thing that a policy allows: a call, or a mode below strict.
type permission struct{ what, mesh, callee, port, caller, operation string }

func permissions(p *policy.Policy) []permission {
	var all []permission
	mode := func(m policy.Mode, mesh, callee, port string) {
		if m == policy.Permissive || m == policy.Disable {
			all = append(all, permission{what: m.String(), mesh: mesh, callee: callee, port: port})
		}
	}
	mode(p.Mode, "*", "", "")
	for _, m := range p.Meshes {
		mode(m.Mode, m.Name, "", "")
		for _, s := range m.Services {
			mode(s.Mode, m.Name, s.Name, "")
			for _, port := range s.Ports {
				mode(port.Mode, m.Name, s.Name, fmt.Sprint(port.Number))
			}
			for _, r := range s.Allow {
				ports := []string{"*"}
				if len(r.Ports) > 0 {
					ports = strings.Fields(strings.Trim(fmt.Sprint(r.Ports), "[]"))
				}
				ops := []string{"*"}
				if len(r.Ops) > 0 {
					ops = nil
					for _, o := range r.Ops {
						ops = append(ops, strings.Join(o.Methods, "|")+" "+o.Path)
					}
				}
				for _, from := range r.From {
					for _, port := range ports {
						for _, op := range ops {
							all = append(all, permission{"allow", m.Name, s.Name, port, from.String(), op})
						}
					}
				}
			}
		}
	}
	return all
}

// concerns reports whether the text of statements is about a permission: it names the callee, with this port if it names
// any, or is the statement of its mesh.
func (o permission) concerns(statements string) bool {
	if regexp.MustCompile(`(?m)^\s*mesh ` + regexp.QuoteMeta(o.mesh) + `\b`).MatchString(statements) {
		return true
	}
	named := regexp.MustCompile(`(?:^|[^\w-])(?:`+regexp.QuoteMeta(o.callee)+`|\*)(:\d+)?(?:$|[^\w-])`).FindAllStringSubmatch(statements, -1)
	return o.callee != "" && slices.ContainsFunc(named, func(m []string) bool { return m[1] == "" || m[1] == ":"+o.port })
}
