package check_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/tools/txtar"

	"github.com/meshc/meshc/compiler/check"
	"github.com/meshc/meshc/compiler/config"
	"github.com/meshc/meshc/compiler/inventory"
	"github.com/meshc/meshc/lang"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
	"github.com/meshc/meshc/testdata/synth/mesh"
	"github.com/meshc/meshc/testdata/told"
)

var count = flag.Int("projects", 250, "how many projects to edit")

// A project that is edited step by step is found to have what a check from nothing finds. The projects are cases and
// examples thrown together, and the edits whatever a person may do, and worse.
func TestRecheckFindsWhatACheckDoes(t *testing.T) {
	archives := archives(t)
	const edits = 20
	var taken, all int
	codes := map[diag.Code]bool{}
	for seed := range uint64(*count) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 12))
			p := assemble(t, r, archives)
			_, before := check.Project(p.trees(), p.inv, p.options)
			for step := range edits {
				p.edit(r)
				files := p.trees()
				_, whole := check.Project(files, p.inv, p.options)
				found, ok := check.Recheck(before, files, p.options)
				all++
				if ok {
					taken++
					want, got := whole.List().Sort(), found.List().Sort()
					require.Equal(t, told.Of(want), told.Of(got), "project %d, after edit %d: %s", seed, step, p.edited)
					require.Equal(t, whole.Meshes, found.Meshes)
					for _, d := range got {
						codes[d.Code] = true
					}
				} else {
					found = whole
				}
				before = found
			}
		})
	}
	t.Logf("%d of %d edits, %d codes", taken, all, len(codes))
	assert.Greater(t, 10*taken, 4*all, "a recheck of too few edits")
	assert.Greater(t, len(codes), 60, "of too few kinds of findings")
}

// What is declared far away, and named by no arrow here, may count all the same.
func TestRecheckOfWhatIsFarAway(t *testing.T) {
	const shop = "mesh shop strict; service api account api port 80 http; service web account web; web -> api"
	for _, c := range []struct{ name, rest, before, after, manifests string }{
		{name: "a name that is unknown", rest: shop + "; web -> orders", before: "mesh far strict", after: "mesh far strict; service orders account orders"},
		{name: "a caller of everything", rest: shop + "; service idle account idle", before: "mesh far strict; service a account a; service b account b; a -> b",
			after: "mesh far strict; service a account a; service b account b; a -> b; any -> b"},
		{name: "an address", rest: "mesh shop permissive; service api account api port 80; service office outside address 10.0.0.0/8; world except office -> api", before: "mesh far",
			after: "mesh far; service branch outside address 10.1.0.0/16"},
		{name: "an issuer", rest: shop + "; web -> api GET /x with corp", before: "mesh far strict", after: "mesh far strict; issuer corp url https://corp.example.com"},
		{name: "the mode of the whole mesh", rest: "mesh shop; service api account api; service web account web; web -> api", before: "mesh far strict", after: "mesh * permissive; mesh far strict"},
		{name: "pods with the labels of a service of the root namespace", rest: "mesh istio-system; service ingress account ingress label app=web; service db account db; db -> ingress",
			before: "mesh far", after: "mesh far; service web account web"},
		{name: "a member of a group", rest: "mesh mid strict; group all = far/a, far/b; mesh near strict; service web account web; mid/all -> web",
			before: "mesh far; service a account a; service b account b", after: "mesh far; service a account a; service b outside"},
		{name: "what was a member of a group", rest: "mesh near strict; service web account web; web -> far/all; mesh mid strict; service a account a; service b account b",
			before: "mesh far; group all = mid/a, mid/b", after: "mesh far; group all = near/web, near/web"},
		{name: "a consumer", rest: shop + "; export api to far", before: "mesh far", after: "mesh fur"},
		{name: "pods of a gateway", rest: "mesh shop strict; service api account api port 80 http", before: "mesh far", after: "mesh far; service ingress gateway label istio=ingress", manifests: `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: public, namespace: far}
spec: {selector: {istio: ingress}, servers: [{port: {number: 80, protocol: HTTP, name: http}, hosts: ["*"]}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: api, namespace: shop}
spec: {hosts: ["*"], gateways: [far/public], http: [{route: [{destination: {host: api}}]}]}
`},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := check.Options{Config: config.Default(), Today: today}
			var inputs []inventory.Input
			if c.manifests != "" {
				inputs = []inventory.Input{{File: source.NewFile("k8s.yaml", c.manifests)}}
			}
			inv, _ := inventory.Read(inputs)
			parse := func(name, text string) *lang.File {
				f, list := lang.Parse(name, []byte(strings.ReplaceAll(text, "; ", "\n")))
				require.Empty(t, list)
				return f
			}
			rest, before, after := parse("rest.mesh", c.rest), parse("far.mesh", c.before), parse("far.mesh", c.after)
			_, was := check.Project([]*lang.File{before, rest}, inv, o)
			_, want := check.Project([]*lang.File{after, rest}, inv, o)
			of := func(f *check.Found) []string {
				return slices.DeleteFunc(told.Of(f.List().Sort()), func(s string) bool { return strings.HasPrefix(s, "far.mesh") })
			}
			require.NotEqual(t, of(was), of(want), "the edit changes nothing elsewhere")
			if got, ok := check.Recheck(was, []*lang.File{after, rest}, o); ok {
				require.Equal(t, of(want), of(got))
			}
		})
	}
}

// edited is a project that is edited.
type edited struct {
	options check.Options
	inv     *inventory.Set
	names   []string
	texts   map[string]string // as they are
	first   map[string]string // as they were
	read    map[string]*lang.File
	lines   []string // of all files
	edited  string
}

// archives is the cases of the check, the examples of all codes, and generated projects.
func archives(t *testing.T) (all []*txtar.Archive) {
	names, err := filepath.Glob("testdata/*.txtar")
	require.NoError(t, err)
	for _, name := range names {
		archive, err := txtar.ParseFile(name)
		require.NoError(t, err)
		all = append(all, archive)
	}
	for i := range diag.Table {
		x := diag.Table[i].Explanation()
		for _, example := range [][]diag.Example{x.Bad, x.Good} {
			archive := &txtar.Archive{}
			for _, f := range example {
				archive.Files = append(archive.Files, txtar.File{Name: f.Name, Data: []byte(f.Text)})
			}
			all = append(all, archive)
		}
	}
	for seed := range uint64(4) {
		archive := &txtar.Archive{}
		for _, f := range mesh.Generate(mesh.Config{Services: 20, Namespace: 4, Seed: seed, Workloads: seed%2 > 0}) {
			archive.Files = append(archive.Files, txtar.File{Name: f.Path, Data: f.Data})
		}
		all = append(all, archive)
	}
	return slices.DeleteFunc(all, func(a *txtar.Archive) bool {
		return !slices.ContainsFunc(a.Files, func(f txtar.File) bool { return strings.HasSuffix(f.Name, ".mesh") })
	})
}

// assemble throws some archives together.
func assemble(t *testing.T, r *rand.Rand, archives []*txtar.Archive) *edited {
	p := &edited{options: check.Options{Config: config.Default(), Today: today}, texts: map[string]string{}, read: map[string]*lang.File{}}
	var inputs []inventory.Input
	for n := range 1 + r.IntN(6) {
		archive := archives[r.IntN(len(archives))]
		rename := strings.NewReplacer()
		if r.IntN(2) == 0 {
			rename = renamed(archive, n)
		}
		for _, f := range archive.Files {
			f.Data = []byte(rename.Replace(string(f.Data)))
			switch name := fmt.Sprintf("%d/%s", n, f.Name); {
			case strings.HasSuffix(f.Name, ".mesh"):
				p.names, p.texts[name] = append(p.names, name), string(f.Data)
				p.lines = append(p.lines, strings.SplitAfter(string(f.Data), "\n")...)
			case f.Name == "meshc.yaml":
				if c, list := config.Parse(source.NewFile(f.Name, string(f.Data))); !list.HasErrors() && r.IntN(2) == 0 {
					p.options.Config = c
				}
			case strings.HasSuffix(f.Name, ".yaml"):
				inputs = append(inputs, inventory.Input{File: source.NewFile(name, string(f.Data))})
			}
		}
	}
	for env := range p.options.Config.Environments {
		if r.IntN(2) == 0 {
			p.options.Environment = env
		}
	}
	slices.Sort(p.names)
	if r.IntN(3) == 0 {
		inputs = nil
	}
	p.inv, _ = inventory.Read(inputs, p.options.Config.Stated("")...)
	p.first = make(map[string]string, len(p.texts))
	for name, text := range p.texts {
		p.first[name] = text
	}
	return p
}

// renamed gives the meshes of an archive names that those of others do not have.
func renamed(archive *txtar.Archive, n int) *strings.Replacer {
	var pairs []string
	for _, f := range archive.Files {
		for _, m := range meshName.FindAllStringSubmatch(string(f.Data), -1) {
			if !slices.Contains(pairs, m[1]) && m[1] != "istio-system" {
				pairs = append(pairs, m[1], fmt.Sprintf("%s%d", m[1], n))
			}
		}
	}
	return strings.NewReplacer(pairs...)
}

var meshName = regexp.MustCompile(`(?m)^mesh ([a-z-]+)`)

// trees is the files that are not empty.
func (p *edited) trees() (all []*lang.File) {
	for _, name := range p.names {
		text := p.texts[name]
		if text == "" {
			continue
		}
		if f := p.read[name]; f == nil || f.Source.Text != text {
			p.read[name], _ = lang.Parse(name, []byte(text))
		}
		all = append(all, p.read[name])
	}
	return all
}

// edit changes one file, or two.
func (p *edited) edit(r *rand.Rand) {
	p.edited = ""
	for range 1 + r.IntN(6)/5 {
		name := p.names[r.IntN(len(p.names))]
		before := p.texts[name]
		switch r.IntN(12) {
		case 0, 1, 2, 3: // takes back what was done
			p.texts[name] = p.first[name]
		case 4:
			if r.IntN(3) == 0 {
				p.texts[name] = ""
			}
		default:
			p.texts[name] = p.mutate(r, before)
		}
		p.edited += fmt.Sprintf("%s\nwas\n%s\nis\n%s\n", name, before, p.texts[name])
	}
}

// word is a name of a kind that the project declares, for the template of a statement.
func (p *edited) word(r *rand.Rand, kind string) string {
	var words []string
	for _, l := range p.lines {
		fields := strings.Fields(l)
		for i, w := range fields {
			if i+1 < len(fields) && w == kind {
				words = append(words, strings.TrimRight(fields[i+1], ";,"))
			}
		}
	}
	if len(words) == 0 {
		return "nothing"
	}
	return words[r.IntN(len(words))]
}

var templates = []string{
	"S -> S\n", "M/S -> S\n", "S -> M/S\n", "S, M/S -> S, M/S\n", "S -> S -> M/S\n", "any -> S\n", "world -> S\n", "* -> S\n", "M/* -> S\n", "S -> *\n",
	"S -> M/*\n", "S -> pods\n", "M/S -> pods\n", "deny S -> S\n", "deny M/S -> S GET /x/*\n", "deny any -> pods\n", "S -> S:8080 GET /a except GET /a/b\n", "* except S -> S\n",
	"world except S -> S\n", "ask oauth world -> S\n", "S -> S with I\n", "verify I at S\n", "issuer I url https://i.example.com\n", "S -> S with any scope=x\n",
	"service S\n", "service S account A port 8080 http\n", "service S account A was A\n", "service S outside\n", "service S outside address 10.0.0.0/8\n", "service S label app=S\n", "service S gateway\n",
	"group G = S, M/S\n", "G -> S\n", "S -> G\n", "external X host x.example.com port 443 tls\n", "S -> X\n", "export S to M\n", "export S to M/S\n", "export S to * GET /x\n",
	"mtls S permissive\n", "mtls S:8080 disable\n", "mtls * strict\n", "never S -> S\n", "never * ->> M/S except S\n", "always S -> M/S\n", "only S -> S\n", "only M/* -> M/S\n",
	"mesh M\n", "mesh M strict\n", "mesh M permissive open\n", "mesh * permissive\n", "mesh * strict closed\n", "mesh nowhere\n", "nowhere/S -> S\n", "S -> nothere\n", "S -> S until 2026-10-01\n",
}

// statement is one of any kind, about names of the project.
func (p *edited) statement(r *rand.Rand) string {
	var b strings.Builder
	for _, c := range templates[r.IntN(len(templates))] {
		kind := map[rune]string{'S': "service", 'M': "mesh", 'A': "account", 'G': "group", 'X': "external", 'I': "issuer"}[c]
		if kind == "" {
			b.WriteRune(c)
		} else {
			b.WriteString(p.word(r, kind))
		}
	}
	return b.String()
}

func (p *edited) mutate(r *rand.Rand, text string) string {
	lines := strings.SplitAfter(text, "\n")
	at := r.IntN(len(lines))
	switch r.IntN(9) {
	case 0:
		lines = slices.Delete(lines, at, at+1)
	case 1:
		lines = slices.Insert(lines, r.IntN(len(lines)), lines[at])
	case 2: // a line of another file
		lines = slices.Insert(lines, at, p.lines[r.IntN(len(p.lines))])
	case 3: // a word for another
		words, fields := strings.Fields(p.lines[r.IntN(len(p.lines))]), strings.Fields(lines[at])
		if len(fields) > 0 && len(words) > 0 {
			lines[at] = strings.Replace(lines[at], fields[r.IntN(len(fields))], words[r.IntN(len(words))], 1)
		}
	case 4: // a name for another, everywhere
		kind := []string{"service", "mesh", "account", "group"}[r.IntN(4)]
		return strings.ReplaceAll(text, p.word(r, kind), p.word(r, kind))
	case 5:
		if n := len(lines[at]); n > 0 {
			i := r.IntN(n)
			lines[at] = lines[at][:i] + lines[at][min(n, i+1+r.IntN(4)):]
		}
	default:
		lines = slices.Insert(lines, at, p.statement(r))
	}
	return strings.Join(lines, "")
}
