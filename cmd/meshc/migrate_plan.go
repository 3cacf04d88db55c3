package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	checker "github.com/meshc/meshc/compiler/check"
	"github.com/meshc/meshc/compiler/config"
	"github.com/meshc/meshc/compiler/inventory"
	"github.com/meshc/meshc/compiler/lower"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang"
	"github.com/meshc/meshc/targets/istio/eval"
	"github.com/meshc/meshc/targets/istio/reach"
)

// plan is the way to the modes that the intents state.
type plan struct {
	steps  []step
	cut    []blocker // who is turned away by the policies as they are
	looser []blocker // what the intents themselves do not state as strict
}

// planner knows the modes as they are in an environment and as they would be without its ceilings.
type planner struct {
	now, goal   *reach.Model
	environment *config.Environment
	workloads   map[string][]*inventory.Workload // by NAMESPACE/SERVICE
	probes      map[string][]blocker
}

func (m *migration) plan(made *compiled, paths []string) (*plan, error) {
	stated, inv, err := m.stated(made)
	if err != nil {
		return nil, err
	}
	p := planner{
		now: reach.New(made.policy, &eval.Manifests{}), goal: reach.New(stated, &eval.Manifests{}),
		environment: made.project.Config.Environments[m.environment],
		workloads:   map[string][]*inventory.Workload{},
		probes:      map[string][]blocker{},
	}
	inputs, _, err := made.project.Workloads(m.workloads, nil)
	if err != nil {
		return nil, err
	}
	for _, w := range inv.Workloads {
		id := w.Namespace + "/" + w.Service
		p.workloads[id] = append(p.workloads[id], w)
		if bad := p.unrewritten(inputs, w); bad != "" {
			p.probes[id] = append(p.probes[id], blocker{bad, w.At})
		}
	}
	out := &plan{}
	for _, to := range []policy.Mode{policy.Permissive, policy.Strict} {
		out.steps = append(out.steps, p.raise(made.policy, stated, to)...)
	}
	p.cutOff(made.policy, inv, out)
	for _, mesh := range stated.Meshes {
		if mode := p.meshMode(p.goal, stated, mesh); mode < policy.Strict && !mesh.Declares {
			out.looser = append(out.looser, blocker{fmt.Sprintf("mesh %s is %s", mesh.Name, mode), mesh.ModeAt})
		}
	}
	return out, nil
}

// stated is the policy without the ceilings of the environment. That callers without a proxy meet a strict port then
// is what a plan is about, so such errors do not end it.
func (m *migration) stated(made *compiled) (*policy.Policy, *inventory.Set, error) {
	c := made.project.Config
	environments := map[string]*config.Environment{}
	for name, e := range c.Environments {
		free := *e
		if name == m.environment {
			free.Modes, free.ModesAt = nil, nil
		}
		environments[name] = &free
	}
	c.Environments = environments
	intents, err := made.project.Intents(m.environment, nil)
	if err != nil {
		return nil, nil, err
	}
	inputs, _, err := made.project.Workloads(m.workloads, nil)
	if err != nil {
		return nil, nil, err
	}
	var files []*lang.File
	for _, in := range intents {
		f, _ := lang.Parse(in.Name, in.Text)
		files = append(files, f)
	}
	today, err := day(m.date)
	if err != nil {
		return nil, nil, err
	}
	inv, _ := inventory.Read(inputs)
	info, _ := checker.Project(files, inv, checker.Options{Config: c, Environment: m.environment, Today: today})
	return lower.Policy(info), inv, nil
}

func (p *planner) meshMode(m *reach.Model, of *policy.Policy, mesh *policy.Mesh) policy.Mode {
	return m.Mode(&policy.Service{Namespace: mesh.Name}, 0)
}

// raise is the steps to one mode: services where some in their namespace are held up, then namespaces, then the mesh.
func (p *planner) raise(now, stated *policy.Policy, to policy.Mode) []step {
	var steps []step
	var namespaces []blocker // held up
	from := to - 1
	behind := func(current, goal policy.Mode) bool { return current < to && goal >= to }
	for i, mesh := range stated.Meshes {
		if mesh.Declares || i >= len(now.Meshes) {
			continue
		}
		var ready, held []step
		for j, s := range mesh.Services {
			if s.Outside {
				continue
			}
			current := now.Meshes[i].Services[j]
			blocked := p.blockers(current, to)
			add := func(key string, port uint16) {
				if !behind(p.now.Mode(current, port), p.goal.Mode(s, port)) {
					return
				}
				if st := (step{key, from, to, blocked}); len(blocked) > 0 {
					held = append(held, st)
				} else {
					ready = append(ready, st)
				}
			}
			add(s.ID(), 0)
			for _, port := range s.Ports {
				if key := fmt.Sprintf("%s:%d", s.ID(), port.Number); p.has(key) {
					add(key, port.Number)
				}
			}
		}
		whole := behind(p.meshMode(p.now, now, now.Meshes[i]), p.meshMode(p.goal, stated, mesh))
		// Where nothing is held up, the namespace is one step, but for what has a ceiling of its own.
		if len(held) == 0 && whole {
			ready = slices.DeleteFunc(ready, func(s step) bool { return !p.has(s.key) })
		}
		steps = append(append(steps, ready...), held...)
		if !whole {
			continue
		}
		st := step{key: mesh.Name, from: from, to: to}
		for _, h := range held {
			st.blocked = append(st.blocked, blocker{text: h.key + " is held up"})
		}
		if len(st.blocked) > 0 {
			namespaces = append(namespaces, blocker{text: mesh.Name + " is held up"})
		}
		if p.has(mesh.Name) || len(stated.Meshes) > 1 || !p.has("*") {
			steps = append(steps, st)
		} else if len(held) > 0 {
			namespaces = st.blocked
		}
	}
	// Last, since it is also for meshes that are yet to come.
	if p.has("*") && p.environment.Modes["*"] < to {
		steps = append(steps, step{"*", from, to, namespaces})
	}
	return steps
}

func (p *planner) has(key string) bool {
	_, ok := p.environment.Modes[key]
	return ok
}

// blockers is what a service cannot be raised to a mode for. Permissive takes everything that disable does.
func (p *planner) blockers(s *policy.Service, to policy.Mode) []blocker {
	if to != policy.Strict {
		return nil
	}
	var all []blocker
	for i := range s.Allow {
		r := &s.Allow[i]
		for _, f := range r.From {
			switch {
			case f.Kind == policy.FromWorld:
				all = append(all, blocker{"world may call it, and its plaintext callers would be refused", r.At})
			case f.Kind == policy.FromService && f.Service.Outside:
				all = append(all, blocker{f.String() + " has no proxy, and calls it", r.At})
			case f.Kind == policy.FromService && f.Service.Account == "":
				all = append(all, blocker{f.String() + " has no account, so it proves nothing", r.At})
			}
		}
	}
	for _, w := range p.workloads[s.ID()] {
		if w.Scrape == nil || w.Scrape.Port == 15020 { // the agent's own port, where it merges the metrics
			continue
		}
		covered := slices.ContainsFunc(s.Allow, func(r policy.Rule) bool {
			return len(r.Ports) == 0 || slices.Contains(r.Ports, w.Scrape.Port)
		})
		if !covered {
			all = append(all, blocker{"it asks to be scraped, and no edge says that the scraper has an identity", w.Scrape.At})
		}
	}
	return append(all, p.probes[s.ID()]...)
}

// cutOff is who is turned away by the policies that the intents give, before any mode is.
func (p *planner) cutOff(now *policy.Policy, inv *inventory.Set, out *plan) {
	calls := map[*policy.Service]bool{}
	closed := false
	for _, mesh := range now.Meshes {
		closed = closed || !mesh.Declares
		for _, s := range mesh.Services {
			for _, r := range s.Allow {
				for _, f := range r.From {
					if f.Kind == policy.FromService {
						calls[f.Service] = true
					}
				}
			}
		}
	}
	for _, mesh := range now.Meshes {
		for _, s := range mesh.Services {
			if closed && s.Outside && !calls[s] {
				out.cut = append(out.cut, blocker{s.ID() + " has no proxy and no edge: whatever it calls turns it away", s.At})
			}
			for _, w := range p.workloads[s.ID()] {
				if w.Scrape != nil && w.Scrape.Port != 15020 && !s.Outside && !slices.ContainsFunc(s.Allow, func(r policy.Rule) bool {
					return len(r.Ports) == 0 || slices.Contains(r.Ports, w.Scrape.Port)
				}) {
					out.cut = append(out.cut, blocker{"the scraper of " + s.ID() + ", which no edge lets in", w.Scrape.At})
				}
			}
		}
	}
	slices.SortStableFunc(out.cut, func(a, b blocker) int { return cmp.Compare(a.text, b.text) })
}

// unrewritten tells of probes that come from the kubelet in plaintext: the injector leads them through its agent,
// but where an annotation of the pod forbids that.
// https://istio.io/latest/docs/ops/configuration/mesh/app-health-check/
func (p *planner) unrewritten(inputs []inventory.Input, w *inventory.Workload) string {
	if w.NoProxy != "" {
		return ""
	}
	for _, in := range inputs {
		if in.File.Name != w.At.File.Name || !strings.Contains(in.File.Text, rewriteProbes) {
			continue
		}
		for _, doc := range strings.Split("\n"+in.File.Text, "\n---") {
			var o workload
			if yaml.Unmarshal([]byte(doc), &o) != nil || o.Kind != w.Kind || o.Metadata.Name != w.Object {
				continue
			}
			if o.Kind == "Pod" {
				o.Spec.Template.Metadata, o.Spec.Template.Spec.Containers = o.Metadata, o.Spec.Containers
			}
			if o.Spec.Template.Metadata.Annotations[rewriteProbes] != "false" {
				continue
			}
			for _, c := range o.Spec.Template.Spec.Containers {
				for _, probe := range []*probe{c.LivenessProbe, c.ReadinessProbe, c.StartupProbe} {
					if probe != nil && (probe.HTTPGet != nil || probe.GRPC != nil) {
						return "a probe of container " + c.Name + " comes in plaintext: " + rewriteProbes + " is false"
					}
				}
			}
		}
	}
	return ""
}

const rewriteProbes = "sidecar.istio.io/rewriteAppHTTPProbers"

type workload struct {
	Kind     string
	Metadata metadata
	Spec     struct {
		Containers []container
		Template   struct {
			Metadata metadata
			Spec     struct{ Containers []container }
		}
	}
}

type metadata struct {
	Name        string
	Annotations map[string]string
}

type container struct {
	Name                                        string
	LivenessProbe, ReadinessProbe, StartupProbe *probe
}

type probe struct {
	HTTPGet *struct{} `json:"httpGet"`
	GRPC    *struct{} `json:"grpc"`
}
