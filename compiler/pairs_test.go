package compiler

import (
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/tools/txtar"

	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// TestHelpPairs holds a project against one in which a help of its findings was followed: the finding is gone, there is
// no new error, and nothing is opened but what the changed lines are about and what the pair says.
func TestHelpPairs(t *testing.T) {
	for _, pair := range helpPairs(t) {
		t.Run(pair.name, func(t *testing.T) {
			before, after := pair.before(t), pair.judged(t, pair.good)
			i := slices.IndexFunc(before.findings, func(d diag.Diagnostic) bool { return strings.Contains(d.Help, pair.help) })
			if !assert.GreaterOrEqual(t, i, 0, "no finding has this help: %s\n%v", pair.help, before.findings) {
				return
			}
			d := before.findings[i]
			faults := wrong(t, before, after, d, false, append(pair.changed, lines(d.Primary)...))
			for _, said := range pair.opens {
				assert.Contains(t, faults, said)
			}
			for _, fault := range faults {
				if !slices.Contains(pair.opens, fault) {
					t.Errorf("%s: %s: %s", d.Error(), pair.help, fault)
				}
			}
		})
	}
}

// helpPair is a project and what it is once a help of its findings was followed. Without intents it is policies, beside
// the workloads in the folder k8s.
type helpPair struct {
	name, help string // the help, or a part of it
	bad, good  *advised
	changed    []place
	opens      []string // what following it opens or loosens beside that
	forced     bool     // the check refuses the same first, and the help is that of Istio's target
}

func (p *helpPair) before(t *testing.T) result { return p.judged(t, p.bad) }

func (p *helpPair) judged(t *testing.T, half *advised) result {
	t.Helper()
	r := half.check(t)
	if p.forced {
		r.findings = r.forced()
	}
	return r
}

var pairs struct {
	sync.Once
	all []*helpPair
}

// helpPairs reads testdata/advice. The comment of an archive begins with the help, or a part of it. Lines that begin
// with `opens` or `loosens` say what else following it does, a line `environment: NAME` sets that, and `forced` asks
// Istio's target whatever the check says; a file that the second project lacks is that of the first. Where a help names
// several ways, each has a paragraph in the comment, and a project: good, good-2 and so on.
func helpPairs(t *testing.T) []*helpPair {
	t.Helper()
	pairs.Do(func() {
		day, err := time.Parse(time.DateOnly, "2026-11-01")
		require.NoError(t, err)
		for _, file := range glob(t, "testdata/advice/*.txtar") {
			name := strings.TrimSuffix(filepath.Base(file), ".txtar")
			pairs.all = append(pairs.all, newHelpPairs(name, parseArchive(t, file), Options{Today: day})...)
		}
		for _, p := range pairs.all {
			p.bad.lay(t, filepath.Join(scratch, "pairs", p.name, "bad"))
			p.good.lay(t, filepath.Join(scratch, "pairs", p.name, "good"))
		}
	})
	return pairs.all
}

func newHelpPairs(name string, archive *txtar.Archive, o Options) (all []*helpPair) {
	for i, way := range strings.Split(strings.TrimSpace(string(archive.Comment)), "\n\n") {
		good := "good"
		if i > 0 {
			good = fmt.Sprintf("good-%d", i+1)
			name = strings.TrimSuffix(name, fmt.Sprintf("-way-%d", i)) + fmt.Sprintf("-way-%d", i+1)
		}
		all = append(all, newHelpPair(name, way, good, archive, o))
	}
	return all
}

func newHelpPair(name, way, good string, archive *txtar.Archive, o Options) *helpPair {
	comment := strings.Split(strings.TrimSpace(way), "\n")
	var opens []string
	forced := false
	for _, line := range comment[1:] {
		if env, ok := strings.CutPrefix(line, "environment: "); ok {
			o.Environment = env
		} else if line == "forced" {
			forced = true
		} else {
			opens = append(opens, line)
		}
	}
	p := &helpPair{name: name, help: comment[0], opens: opens, forced: forced, bad: &advised{name: name, Options: o}, good: &advised{name: name, Options: o}}
	for _, f := range archive.Files {
		half, name, _ := strings.Cut(f.Name, "/")
		if half == "bad" {
			p.bad.files = append(p.bad.files, txtar.File{Name: name, Data: f.Data})
		}
	}
	for _, f := range p.bad.files {
		after := f
		if i := slices.IndexFunc(archive.Files, func(g txtar.File) bool { return g.Name == good+"/"+f.Name }); i >= 0 {
			after.Data = archive.Files[i].Data
		}
		p.changed = append(p.changed, changedLines(f, after)...)
		p.good.files = append(p.good.files, after)
	}
	for _, f := range archive.Files {
		half, name, _ := strings.Cut(f.Name, "/")
		if half == good && !slices.ContainsFunc(p.bad.files, func(g txtar.File) bool { return g.Name == name }) {
			p.good.files = append(p.good.files, txtar.File{Name: name, Data: f.Data})
			p.changed = append(p.changed, wholeFile(name, f.Data)...)
		}
	}
	p.bad.nameWorkloads()
	p.good.nameWorkloads()
	return p
}

// changedLines returns the lines of a file that it did not have before; of manifests, the lines of their documents.
func changedLines(before, after txtar.File) (all []place) {
	old, file := strings.Split(string(before.Data), "\n"), source.NewFile(after.Name, string(after.Data))
	for i, line := range strings.Split(string(after.Data), "\n") {
		if slices.Contains(old, line) {
			continue
		}
		at := file.Span(file.Offset(i+1), file.Offset(i+1)+len(line))
		if path.Ext(after.Name) == ".yaml" {
			at = document(at)
		}
		all = append(all, lines(at)...)
	}
	return all
}

// wholeFile returns the lines of a file.
func wholeFile(name string, text []byte) (all []place) {
	for i := range strings.Count(string(text), "\n") {
		all = append(all, place{name, i + 1})
	}
	return all
}

// paired reports whether a pair follows a help.
func paired(t *testing.T, help string) bool {
	t.Helper()
	return slices.ContainsFunc(helpPairs(t), func(p *helpPair) bool { return strings.Contains(help, p.help) })
}

// policiesOnly reports whether there are no intents.
func (p *advised) policiesOnly() bool {
	return !slices.ContainsFunc(p.files, func(f txtar.File) bool { return path.Ext(f.Name) == ".mesh" })
}
