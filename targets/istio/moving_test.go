package istio

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/source"
	"github.com/meshc/meshc/targets"
	"github.com/meshc/meshc/targets/istio/read"
)

// stages of a namespace on its way from sidecars to ambient mode.
var stages = [...]struct {
	name      string
	dataplane policy.Dataplane
	moving    bool
	waypoint  bool
}{
	{"sidecars", policy.Sidecar, false, false},
	{"moving", policy.Ambient, true, true},
	{"ambient", policy.Ambient, false, true},
}

// staged emits a sample at each stage; it is not ok where one refuses it.
func staged(p *policy.Policy, callee *policy.Service) (all [len(stages)][]targets.Manifest, ok bool) {
	waypoint := &policy.Waypoint{Namespace: "shop", Name: "waypoint", Account: "waypoint", Stated: true}
	for i, stage := range stages {
		for n, m := range p.Meshes {
			m.Ambient, m.Moving = n == 0 || stage.dataplane == policy.Ambient, n > 0 && stage.moving
			for _, s := range m.Services {
				if s.Proxied() {
					s.Dataplane, s.Moving = policy.Ambient, m.Moving
					if n > 0 {
						s.Dataplane = stage.dataplane
					}
				}
			}
		}
		callee.Fronts = nil
		for _, port := range callee.Ports {
			f := policy.Front{Host: "z", Port: 8000 + port.Number, Target: port.Number}
			if stage.waypoint {
				f.Waypoint = waypoint
			}
			callee.Fronts = append(callee.Fronts, f)
		}
		ms, findings := New(Options{}).Emit(p)
		if findings.HasErrors() {
			return all, false
		}
		all[i] = ms
	}
	return all, true
}

// meanwhile is what pods and labels are like during an apply.
type meanwhile struct {
	callee   enforce.Workload
	sidecars bool // callers of the namespace have them
}

func (w *meanwhile) judge(t *testing.T, now state, questions []question) []enforce.Verdict {
	var files []*source.File
	for key, m := range now {
		files = append(files, source.NewFile(strings.Join(key[:], "/"), m.YAML))
	}
	layer, findings := read.Files(files, enforce.Mesh{Aside: &enforce.Aside{Meshes: map[string]bool{"shop": w.sidecars}}})
	require.NoError(t, findings.Err())
	point := layer.For(w.callee)
	all := make([]enforce.Verdict, len(questions))
	for i, q := range questions {
		all[i] = point.Decide(q.Request).Verdict
	}
	return all
}

// TestMovesWithoutGaps goes from each stage of a move to the next, and back, in random projects. At no moment of an
// apply does anything pass, or is shut out, that does not and is not both before and after it.
func TestMovesWithoutGaps(t *testing.T) {
	r := rand.New(rand.NewPCG(21, 22))
	projects := 0
	for range 150 {
		p, callee := sample(r, 1+r.IntN(4))
		emitted, ok := staged(p, callee)
		if !ok {
			continue
		}
		projects++
		pods := enforce.Workload{Namespace: "shop", Labels: labelMap(callee.Labels)}
		behind, ambient := pods, pods
		behind.Fronts, ambient.Fronts, ambient.Dataplane = callee.Fronts, callee.Fronts, policy.Ambient
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
			questions = append(questions, question{space.Standard.Request(q.port != 90, facts), callee, fmt.Sprint(q)})
		}
		for _, step := range []struct {
			from, to int
			world    meanwhile
		}{
			{0, 1, meanwhile{pods, true}},
			{1, 0, meanwhile{pods, true}},
			{1, 2, meanwhile{ambient, false}},
			{2, 1, meanwhile{ambient, false}},
		} {
			before, after := emitted[step.from], emitted[step.to]
			first, last := step.world.judge(t, stateOf(before), questions), step.world.judge(t, stateOf(after), questions)
			require.Equal(t, first, last, "%s to %s", stages[step.from].name, stages[step.to].name)
			var log strings.Builder
			apply(before, after, func(what string, now state) {
				fmt.Fprintln(&log, what)
				for i, is := range step.world.judge(t, now, questions) {
					require.Equal(t, first[i], is, "%s to %s, %s\n%s", stages[step.from].name, stages[step.to].name, questions[i].text, &log)
				}
			})
		}
		sidecars, labelled := meanwhile{pods, true}, meanwhile{behind, false}
		require.Equal(t, sidecars.judge(t, stateOf(emitted[0]), questions), labelled.judge(t, stateOf(emitted[1]), questions))
	}
	require.Greater(t, projects, 20)
}
