package istio

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/tools/txtar"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/source"
	"github.com/meshc/meshc/targets"
	"github.com/meshc/meshc/targets/istio/read"
	"github.com/meshc/meshc/testdata/golden"
)

// state is what a cluster has at one moment of an apply, by kind, namespace and name.
type state map[[3]string]targets.Manifest

func stateOf(ms []targets.Manifest) state {
	s := state{}
	for _, m := range ms {
		s[[3]string{m.Kind, m.Namespace, m.Name}] = m
	}
	return s
}

// apply goes from one set of manifests to another as an apply does: first the objects that differ, in the order of the
// stream, then the removals, in the reverse order. It calls step after each object.
func apply(before, after []targets.Manifest, step func(what string, now state)) {
	now, wanted := stateOf(before), stateOf(after)
	for _, m := range after {
		key := [3]string{m.Kind, m.Namespace, m.Name}
		if string(now[key].YAML) != m.YAML {
			now[key] = m
			step(fmt.Sprintf("%02d %s %s/%s", m.Wave, m.Kind, m.Namespace, m.Name), now)
		}
	}
	for _, m := range slices.Backward(before) {
		key := [3]string{m.Kind, m.Namespace, m.Name}
		if _, ok := wanted[key]; !ok {
			delete(now, key)
			step(fmt.Sprintf("%02d %s %s/%s is removed", m.Wave, m.Kind, m.Namespace, m.Name), now)
		}
	}
}

// question is a request to a workload.
type question struct {
	space.Request
	to   *policy.Service
	text string
}

func (q question) workload() enforce.Workload {
	return enforce.Workload{Namespace: q.to.Namespace, Labels: labelMap(q.to.Labels)}
}

// judge reports for each question whether the request passes in a cluster with these manifests.
func judge(t *testing.T, now state, questions []question) []bool {
	t.Helper()
	var files []*source.File
	for key, m := range now {
		files = append(files, source.NewFile(strings.Join(key[:], "/"), m.YAML))
	}
	layer, findings := read.Files(files, enforce.Mesh{})
	require.NoError(t, findings.Err())
	callees := map[*policy.Service]*enforce.Point{}
	passes := make([]bool, len(questions))
	for i, q := range questions {
		c := callees[q.to]
		if c == nil {
			c = layer.For(q.workload())
			callees[q.to] = c
		}
		d := c.Decide(q.Request)
		require.NotEqual(t, enforce.Undecided, d.Verdict)
		passes[i] = d.Verdict == enforce.Allowed
	}
	return passes
}

// moments returns the questions whose answer is the same before and after an apply but not during it: those that are
// open for a moment, and those that are shut.
func moments(t *testing.T, before, after []targets.Manifest, questions []question, log func(string)) (open, shut map[int]bool) {
	t.Helper()
	open, shut = map[int]bool{}, map[int]bool{}
	first, last := judge(t, stateOf(before), questions), judge(t, stateOf(after), questions)
	was := first
	apply(before, after, func(what string, now state) {
		log(what)
		is := judge(t, now, questions)
		for i, q := range questions {
			if is[i] != was[i] {
				log("   " + map[bool]string{true: "opens ", false: "shuts "}[is[i]] + q.text)
			}
			if first[i] == last[i] && is[i] != first[i] {
				log(map[bool]string{true: "   ONLY HERE OPEN ", false: "   ONLY HERE SHUT "}[is[i]] + q.text)
				map[bool]map[int]bool{true: open, false: shut}[is[i]][i] = true
			}
		}
		was = is
	})
	require.Equal(t, last, was)
	return open, shut
}

// questionsOf asks for every port of every workload about each caller of the policy, an unknown one, and one without an
// identity.
func questionsOf(p *policy.Policy) (all []question) {
	type caller struct{ name, principal string }
	callers := []caller{{"nobody", ""}, {"other/x", "cluster.local/ns/other/sa/x"}}
	for _, m := range p.Meshes {
		for _, s := range m.Services {
			callers = append(callers, caller{s.ID(), "cluster.local/ns/" + s.Namespace + "/sa/" + s.Account})
		}
	}
	for _, m := range p.Meshes {
		for _, s := range m.Services {
			for _, port := range append(slices.Clone(s.Ports), policy.Port{Number: 9999}) {
				for _, c := range callers {
					facts := space.Facts{space.Identity: c.principal, space.Port: fmt.Sprint(port.Number)}
					text := fmt.Sprintf("%s -> %s:%d", c.name, s.ID(), port.Number)
					if !port.Protocol.IsHTTP() {
						all = append(all, question{space.Standard.Request(false, facts), s, text})
						continue
					}
					for _, path := range []string{"/", "/api"} {
						facts[space.Method], facts[space.Path] = "GET", path
						all = append(all, question{space.Standard.Request(true, facts), s, text + " " + path})
					}
				}
			}
		}
	}
	return all
}

// TestTransitions goes from the first to the second policy of each case and records what each step opens and shuts. No
// request may pass, or be shut out, only for a moment, except in the cases called exception-NAME, which the package
// comment lists.
func TestTransitions(t *testing.T) {
	golden.Archives(t, "testdata/transitions/*.txtar", func(t *testing.T, path string, archive *txtar.Archive) {
		title := strings.TrimSuffix(filepath.Base(path), ".txtar")
		var emitted [2][]targets.Manifest
		var questions []question
		for i := range emitted {
			p, options := readTable(t, "shop.mesh", string(archive.Files[i].Data))
			emitted[i], _ = New(options).Emit(p)
			questions = append(questions, questionsOf(p)...)
		}
		slices.SortStableFunc(questions, func(a, b question) int { return cmp.Compare(a.text, b.text) })
		questions = slices.CompactFunc(questions, func(a, b question) bool { return a.text == b.text })
		var log strings.Builder
		open, shut := moments(t, emitted[0], emitted[1], questions, func(line string) { fmt.Fprintln(&log, line) })
		require.Equal(t, strings.HasPrefix(title, "exception-"), len(open)+len(shut) > 0, log.String())
		archive.Files = append(archive.Files[:2], txtar.File{Name: "steps", Data: []byte(log.String())})
		golden.Equal(t, path, txtar.Format(archive))
	})
}

// TestPartsChangeWithoutGaps adds and removes so many callers of a service that the number of parts of its policy
// changes. For a caller that is there before and after, nothing changes at any moment.
func TestPartsChangeWithoutGaps(t *testing.T) {
	sizes := []int{400, 520, 1100}
	for _, name := range []string{"z-ingress", "z-deny"} {
		emitted, parts := map[int][]targets.Manifest{}, []int{}
		var questions []question
		for _, n := range sizes {
			p, callee := crowd(n)
			for i := range callee.Allow {
				callee.Allow[i].Ports = []uint16{80}
				callee.Allow[i].Ops = []policy.Operation{{Path: fmt.Sprintf("/own/%d", i)}}
			}
			if name == "z-deny" {
				callee.Deny = callee.Allow
				callee.Allow = []policy.Rule{{From: []policy.Source{{Kind: policy.FromAny}}}}
			}
			ms, findings := New(Options{}).Emit(p)
			require.Empty(t, findings)
			emitted[n], parts = ms, append(parts, len(slices.DeleteFunc(slices.Clone(ms), func(m targets.Manifest) bool { return !strings.HasPrefix(m.Name, name) })))
			questions = questions[:0]
			for i := 0; i < n; i += 20 {
				questions = append(questions, question{text: fmt.Sprint(i), to: callee, Request: space.Standard.Request(true, space.Facts{
					space.Identity: fmt.Sprintf("cluster.local/ns/team/sa/caller-%05d", i), space.Port: "80", space.Method: "GET", space.Path: fmt.Sprintf("/own/%d", i),
				})})
			}
		}
		require.Equal(t, []int{1, 2, 4}, parts)
		for _, before := range sizes {
			for _, after := range sizes {
				open, shut := moments(t, emitted[before], emitted[after], questions, func(string) {})
				require.Empty(t, open, "%s, %d to %d", name, before, after)
				require.Empty(t, shut, "%s, %d to %d", name, before, after)
			}
		}
	}
}

// facts decide whether a request passes: whether the mode accepts it, a DENY matches it, and an ALLOW matches it.
type facts struct{ mode, deny, allow bool }

// exempt reports whether a request may pass for a moment by one of the exceptions in the package comment that apply to
// a single workload without DISABLE: what opens the request is applied before what closes it.
func exempt(before, after facts, early, modeGone, edgesGone bool) bool {
	modeOpens, denyOpens := !before.mode && after.mode, before.deny && !after.deny
	modeCloses, denyCloses := before.mode && !after.mode, !before.deny && after.deny
	edgeOpens, edgeCloses := !before.allow && after.allow, before.allow && !after.allow
	return denyOpens && edgeCloses || // narrowed together
		modeOpens && early && (edgeCloses || denyCloses) || // a mode within a stricter one
		modeOpens && edgesGone && edgeCloses || // the last edge is removed
		modeCloses && modeGone && (edgeOpens || denyOpens) // a mode is removed
}

// TestRandomTransitions goes between random policies of a service, under random modes. Requests are open for a moment
// only by one of the exceptions, and never shut.
func TestRandomTransitions(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	modes := []policy.Mode{policy.ModeUnset, policy.Permissive, policy.Strict}
	mode := func() policy.Mode { return modes[r.IntN(len(modes))] }
	asked, exceptions := 0, 0
	for range 240 {
		var emitted [2][]targets.Manifest
		var callees [2]*policy.Service
		for i := range emitted {
			p, callee := sample(r, r.IntN(6))
			shop := p.Meshes[1]
			p.Mode, shop.Mode, callee.Mode = modes[1+r.IntN(2)], mode(), mode()
			callee.Ports[r.IntN(len(callee.Ports))].Mode = mode()
			shop.Services = slices.DeleteFunc(shop.Services, func(s *policy.Service) bool { return s.Proxied() && s != callee })
			ms, findings := New(Options{}).Emit(p)
			require.Empty(t, findings)
			emitted[i], callees[i] = ms, callee
		}
		var questions []question
		for _, q := range requests {
			facts := space.Facts{space.Port: fmt.Sprint(q.port), space.SourceAddress: q.address.String()}
			if q.port != 90 {
				facts[space.Method], facts[space.Path], facts[space.Host] = q.method, q.path, q.host
				if q.header != "" {
					facts[space.Header] = "x-a=" + q.header
				}
			}
			if q.mesh != "" {
				facts[space.Identity] = "cluster.local/ns/" + q.mesh + "/sa/" + q.account
			}
			questions = append(questions, question{space.Standard.Request(q.port != 90, facts), callees[0], fmt.Sprint(q)})
		}
		var log strings.Builder
		open, shut := moments(t, emitted[0], emitted[1], questions, func(line string) {
			if !strings.HasPrefix(line, " ") || strings.Contains(line, "ONLY") {
				fmt.Fprintln(&log, line)
			}
		})
		require.Empty(t, shut, log.String())
		early, modeGone, edgesGone := false, false, true
		for _, m := range emitted[1] {
			edgesGone = edgesGone && m.Name != "z-ingress"
			early = early || m.Kind == "PeerAuthentication" && m.Wave < waveShadow
		}
		wanted := stateOf(emitted[1])
		for key := range stateOf(emitted[0]) {
			_, stays := wanted[key]
			modeGone = modeGone || key[0] == "PeerAuthentication" && !stays
		}
		for i := range open {
			var f [2]facts
			for side, ms := range emitted {
				f[side] = factsOf(t, ms, questions[i], requests[i], callees[side])
			}
			require.True(t, exempt(f[0], f[1], early, modeGone, edgesGone), "%v %+v\n%s", requests[i], f, log.String())
		}
		asked += len(questions)
		exceptions += len(open)
	}
	require.Less(t, exceptions*50, asked, "exceptions are rare")
	require.NotZero(t, exceptions)
}

func factsOf(t *testing.T, ms []targets.Manifest, q question, r request, callee *policy.Service) facts {
	if !q.HTTP {
		r.method, r.path, r.host, r.header = "", "", "", ""
	}
	peers := slices.DeleteFunc(slices.Clone(ms), func(m targets.Manifest) bool { return m.Kind != "PeerAuthentication" })
	return facts{
		mode:  judge(t, stateOf(peers), []question{q})[0],
		deny:  r.intended(callee.Deny),
		allow: r.intended(callee.Allow),
	}
}
