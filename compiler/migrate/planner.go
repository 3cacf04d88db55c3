package migrate

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/meshc/meshc/compiler/config"
	"github.com/meshc/meshc/compiler/inventory"
	"github.com/meshc/meshc/compiler/policy"
)

// planner has the policy of an environment, and the policy without its ceilings. Both have the same meshes and
// services, in the same order, and differ only in modes.
type planner struct {
	now, goal   *policy.Policy
	environment *config.Environment
	lowered     map[string]bool                  // keys of modes that steps of the plan make permissive first
	workloads   map[string][]*inventory.Workload // by NAMESPACE/SERVICE
}

// bound reports whether anything is emitted for a mesh as a whole.
func (p *planner) bound(m *policy.Mesh) bool { return !m.Declares && m.Name != p.goal.RootNamespace }

// governed reports whether an mTLS mode decides who reaches a service: the listeners of a gateway have TLS settings of
// their own.
func governed(s *policy.Service) bool { return s.Proxied() && s.Dataplane != policy.Gateway }

// has reports whether a key of modes has a value by the time of its step.
func (p *planner) has(key string) bool {
	_, ok := p.environment.Modes[key]
	return ok || p.lowered[key]
}

func portKey(s *policy.Service, port uint16) string { return fmt.Sprintf("%s:%d", s.ID(), port) }

// key is the key of modes that applies to a port.
func (p *planner) key(s *policy.Service, port uint16) string {
	if key := portKey(s, port); p.has(key) {
		return key
	}
	return s.ID()
}

// current is the mode of a port after the steps of lower.
func (p *planner) current(m *policy.Mesh, s *policy.Service, port uint16) policy.Mode {
	mode := p.now.ModeOf(m, s, port)
	if p.lowered[p.key(s, port)] {
		mode = min(mode, policy.Permissive)
	}
	return mode
}

// portsOf is the ports that a rule may be about; 0 stands for undeclared ones.
func portsOf(s *policy.Service, r *policy.Rule) []uint16 {
	all := []uint16{0}
	for _, p := range s.Ports {
		all = append(all, p.Number)
	}
	if len(r.Ports) == 0 {
		return all
	}
	ports := slices.Clone(r.Ports)
	for i, p := range ports {
		if !slices.Contains(all, p) {
			ports[i] = 0
		}
	}
	return ports
}

// lower is the steps back: services that are strict already although a caller without a proxy has an edge to them.
func (p *planner) lower() []Step {
	var steps []Step
	for _, m := range p.now.Meshes {
		for _, s := range m.Services {
			for i := range s.Allow {
				r := &s.Allow[i]
				caller := slices.IndexFunc(r.From, func(f policy.Source) bool { return f.Kind == policy.FromService && !f.Service.Proxied() })
				if caller < 0 || !governed(s) {
					continue
				}
				for _, port := range portsOf(s, r) {
					key := p.key(s, port)
					if p.lowered[key] || p.now.ModeOf(m, s, port) != policy.Strict {
						continue
					}
					p.lowered[key] = true
					steps = append(steps, Step{
						Setting: []string{modes, key}, From: policy.Strict.String(), To: policy.Permissive.String(),
						Why: fmt.Sprintf("for as long as %s has no proxy", r.From[caller]),
					})
				}
			}
		}
	}
	return steps
}

// raise is the steps to one mode: single services where others in their namespace are blocked, then namespaces, then
// the mesh.
func (p *planner) raise(to policy.Mode) []Step {
	var steps []Step
	var namespaces []Blocker // blocked
	from := to - 1
	step := func(key string, blocked []Blocker) Step {
		return Step{Setting: []string{modes, key}, From: from.String(), To: to.String(), Blocked: blocked}
	}
	behind := func(current, goal policy.Mode) bool { return current < to && goal >= to }
	meshes := 0
	for _, m := range p.goal.Meshes {
		if p.bound(m) {
			meshes++
		}
	}
	for i, goal := range p.goal.Meshes {
		now := p.now.Meshes[i]
		if !p.bound(goal) {
			continue
		}
		var ready, held []Step
		for j, s := range goal.Services {
			if !s.Proxied() {
				continue
			}
			current := now.Services[j]
			add := func(key string, port uint16) {
				if !behind(p.current(now, current, port), p.goal.ModeOf(goal, s, port)) || !governed(s) && !p.has(key) {
					return
				}
				// This becomes as strict as the intents say, and has no ceiling of its own.
				of := func(port uint16) bool { return p.key(s, port) == key && p.goal.ModeOf(goal, s, port) >= to }
				if blocked := p.blockers(s, to, of); len(blocked) > 0 {
					held = append(held, step(key, blocked))
				} else {
					ready = append(ready, step(key, nil))
				}
			}
			add(s.ID(), 0)
			for _, port := range s.Ports {
				if key := portKey(s, port.Number); p.has(key) {
					add(key, port.Number)
				}
			}
		}
		pod := &policy.Service{}
		whole := behind(p.now.ModeOf(now, pod, 0), p.goal.ModeOf(goal, pod, 0))
		// Where nothing is blocked, the namespace is one step, except for what has its own ceiling.
		if len(held) == 0 && whole {
			ready = slices.DeleteFunc(ready, func(s Step) bool { return !p.has(s.Name()) })
		}
		steps = append(append(steps, ready...), held...)
		if !whole {
			continue
		}
		var blocked []Blocker
		for _, h := range held {
			blocked = append(blocked, Blocker{Text: h.Name() + " is blocked"})
		}
		switch {
		case p.has(goal.Name) || meshes > 1 || !p.has("*"):
			steps = append(steps, step(goal.Name, blocked))
			if len(blocked) > 0 {
				namespaces = append(namespaces, Blocker{Text: goal.Name + " is blocked"})
			}
		default:
			namespaces = append(namespaces, blocked...)
		}
	}
	// Last, since it also applies to future meshes.
	if p.has("*") && p.environment.Modes["*"] < to {
		steps = append(steps, step("*", namespaces))
	}
	return steps
}

// blockers is why some ports of a service cannot be raised. Permissive accepts everything that disable does.
func (p *planner) blockers(s *policy.Service, to policy.Mode, of func(port uint16) bool) []Blocker {
	if to != policy.Strict || !governed(s) {
		return nil
	}
	var all []Blocker
	for i := range s.Allow {
		r := &s.Allow[i]
		if !slices.ContainsFunc(portsOf(s, r), of) {
			continue
		}
		for _, f := range r.From {
			switch {
			case f.Kind == policy.FromWorld:
				all = append(all, Blocker{"world may call it, and its plaintext callers would be refused", r.At})
			case f.Kind == policy.FromService && !f.Service.Proxied():
				all = append(all, Blocker{f.String() + " has no proxy, and calls it", r.At})
			case f.Kind == policy.FromService && f.Service.Account == "":
				all = append(all, Blocker{f.String() + " has no account, so it proves nothing", r.At})
			}
		}
	}
	for _, w := range p.workloads[s.ID()] {
		if w.Scraped() && of(declared(s, w.Scrape.Port)) && !covered(s, w.Scrape.Port, anyone) {
			all = append(all, Blocker{"it asks to be scraped, and no edge says that the scraper has an identity", w.Scrape.At})
		}
		for _, probe := range w.Probes {
			if of(declared(s, probe.Port)) && w.Inbound.Of(probe.Port).Capture != policy.Bypassed {
				all = append(all, Blocker{"a probe of container " + probe.Container + plaintext, probe.At})
			}
		}
	}
	return slices.Compact(all)
}

// enforced is the callers that enforced policies refuse in every mode: those without an edge, which may be intended,
// and those with one, which is not.
func (p *planner) enforced() (cut, blocked []Blocker) {
	calls := map[*policy.Service]bool{}
	closed := false
	for _, m := range p.now.Meshes {
		closed = closed || p.bound(m)
		for _, s := range m.Services {
			for _, r := range s.Allow {
				for _, f := range r.From {
					if f.Kind == policy.FromService {
						calls[f.Service] = true
					}
				}
			}
		}
	}
	for _, m := range p.now.Meshes {
		for _, s := range m.Services {
			switch {
			case !s.Proxied():
				if closed && !calls[s] {
					cut = append(cut, Blocker{s.ID() + " has no proxy and no edge: whatever it calls turns it away", s.At})
				}
				continue
			case !p.bound(m):
				continue
			}
			for _, w := range p.workloads[s.ID()] {
				if w.Scraped() && !covered(s, w.Scrape.Port, anyone) {
					blocked = append(blocked, Blocker{"the scraper of " + s.ID() + ", which no edge lets in", w.Scrape.At})
				}
				for _, probe := range w.Probes {
					if w.Inbound.Of(probe.Port).Capture != policy.Bypassed && !covered(s, probe.Port, world) {
						blocked = append(blocked, Blocker{"a probe of container " + probe.Container + " of " + s.ID() + plaintext, probe.At})
					}
				}
			}
		}
	}
	for _, list := range [][]Blocker{cut, blocked} {
		slices.SortStableFunc(list, func(a, b Blocker) int { return cmp.Compare(a.Text, b.Text) })
	}
	return cut, slices.Compact(blocked)
}

const plaintext = " comes in plaintext: sidecar.istio.io/rewriteAppHTTPProbers is false"

// declared is a port as portsOf says it.
func declared(s *policy.Service, port uint16) uint16 {
	if slices.ContainsFunc(s.Ports, func(p policy.Port) bool { return p.Number == port }) {
		return port
	}
	return 0
}

// covered reports whether an edge lets a kind of caller in at a port.
func covered(s *policy.Service, port uint16, kind func(policy.Source) bool) bool {
	return slices.ContainsFunc(s.Allow, func(r policy.Rule) bool {
		return r.Leads(port) && slices.ContainsFunc(r.From, kind)
	})
}

func anyone(policy.Source) bool  { return true }
func world(f policy.Source) bool { return f.Kind == policy.FromWorld }
