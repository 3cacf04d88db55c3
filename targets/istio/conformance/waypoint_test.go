package conformance

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/model"
	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/compiler/config"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/source"
	"github.com/meshc/meshc/targets/istio/conformance/envoy"
	"github.com/meshc/meshc/targets/istio/read"
)

// TestWaypoints compiles projects whose namespaces are in ambient mode, with and without waypoints, move there, or have
// sidecars. Istio must accept every object. For callees behind a waypoint the intents, meshc's evaluation and Istio's
// filters at the waypoint, and behind it those for connections, must decide every request alike on its whole way.
func TestWaypoints(t *testing.T) {
	t.Parallel()
	schemas, err := LoadSchemas()
	if err != nil {
		t.Fatal(err)
	}
	projects, dropped, beyond, undivided, callees, decisions, allowed, direct, sidecars, canaries := 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
	for seed := range size(t, 2000) {
		p := newAmbientProject(seed)
		built, err := p.build()
		if err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, p.text())
		}
		projects++
		dropped += built.dropped
		var stream strings.Builder
		for _, m := range built.manifests {
			if m.Kind == "Gateway" { // of the Gateway API
				continue
			}
			if _, err := schemas.Admit([]byte(m.YAML)); err != nil {
				t.Fatalf("seed %d: %v\n%s", seed, err, m.YAML)
			}
			fmt.Fprintf(&stream, "---\n%s", m.YAML)
		}
		istiod, err := Start([]byte(stream.String()), served(built.policy))
		if err == nil {
			err = warned(istiod, built.policy)
		}
		if err != nil {
			t.Fatalf("seed %d: %v\n%s\n%s", seed, err, p.text(), stream.String())
		}
		var unproved *model.Unproved
		if err := proven(built.policy, stream.String()); errors.Is(err, space.ErrTooMany) {
			beyond++
		} else if errors.As(err, &unproved) && unproved.Moving != nil { // a build says so, and writes nothing
			undivided++
			continue
		} else if err != nil {
			t.Fatalf("seed %d: the proof of the build: %v\n%s\n%s", seed, err, p.text(), stream.String())
		}
		manifests, findings := read.Files([]*source.File{source.NewFile("manifests.yaml", stream.String())}, model.MeshSettings(built.policy))
		if findings.HasErrors() {
			t.Fatalf("seed %d: %v\n%s", seed, findings.Err(), stream.String())
		}
		m := model.New(built.policy, manifests)
		r := rand.New(rand.NewPCG(seed, 12))
		a := newAsker(r, built.policy)
		for _, mesh := range built.policy.Meshes {
			for _, s := range mesh.Services {
				if len(s.Through()) == 0 {
					continue
				}
				callees++
				w, err := newWay(istiod, built.policy, s)
				if err != nil {
					t.Fatal(err)
				}
				callee := m.Callee(s)
				intents := intended{built.policy, mesh, s, false}
				for range 40 + 2*len(s.Allow) {
					q := a.request(s)
					if !spoken(s, &q) || w.relays(&q) {
						continue
					}
					decisions++
					if s.Moving && (q.Claims == nil || s.ReadsRequests(q.Port)) { // a sidecar verifies tokens on all ports
						sidecars++
						if want, got := intents.permits(q), w.sidecar(&q); slices.Contains(got, !want) {
							t.Fatalf("seed %d: the intents permit: %t, a sidecar permits, without the waypoint and by each Service: %t\n%s\nto %s\n%s\n%s", seed, want, got, show(&q), s.ID(), p.text(), stream.String())
						}
					}
					got, passes, differs, shared := w.decide(&q)
					if canaries += shared; differs {
						t.Fatalf("seed %d: it matters by which waypoint a request comes\n%s\nto %s\n%s\n%s", seed, show(&q), s.ID(), p.text(), stream.String())
					}
					if want := intents.permits(q); got != want {
						t.Fatalf("seed %d: the intents permit: %t, Istio permits: %t\n%s\nto %s\n%s\n%s", seed, want, got, show(&q), s.ID(), p.text(), stream.String())
					}
					if got {
						allowed++
					}
					if !passes {
						direct++
					}
					if ours := callee.Decide(asked(&q)); (ours.Verdict == enforce.Allowed) != got || ours.Verdict == enforce.Undecided {
						t.Fatalf("seed %d: Istio permits: %t, meshc says: %s\n%s\nto %s\n%s\n%s", seed, got, ours, show(&q), s.ID(), p.text(), stream.String())
					}
				}
			}
		}
	}
	t.Logf("%d projects (without %d statements that had errors; %d beyond the bound of the proof, %d that cannot move), %d callees behind waypoints, %d decisions compared (%d allowed, %d without a waypoint, %d also of pods with sidecars, %d by a canary too)",
		projects, dropped, beyond, undivided, callees, decisions, allowed, direct, sidecars, canaries)
	if callees == 0 {
		t.Fatal("nothing is behind a waypoint")
	}
	if 20*undivided > projects+100 {
		t.Error("too many projects cannot move")
	}
}

// newAmbientProject is a project some of whose namespaces are in ambient mode.
func newAmbientProject(seed uint64) project {
	p := newProject(seed + 1<<21)
	p.options.Sidecars, p.environment = false, ""
	for name, lines := range p.files { // ambient mode has no DISABLE
		for i, line := range lines {
			p.files[name][i] = strings.ReplaceAll(line, " disable", " permissive")
		}
	}
	r := rand.New(rand.NewPCG(seed, 13))
	p.config.Dataplanes, p.canaries = map[string]config.Dataplane{}, r.IntN(4) == 0
	for _, name := range append(meshNames, "*") {
		switch n := r.IntN(10); {
		case n < 2: // sidecars
		case n < 3:
			p.config.Dataplanes[name] = config.Dataplane{Ambient: true}
		default:
			d := config.Dataplane{Ambient: true, WaypointNamespace: name, Waypoint: pick(r, []string{"waypoint", "way-2"})}
			switch {
			case name == "*":
				d.WaypointNamespace = ""
			case r.IntN(5) == 0:
				d.WaypointNamespace = "infra"
			}
			switch r.IntN(6) {
			case 0, 1:
				d.Moving = true
			case 2:
				d.Joining = true
			}
			p.config.Dataplanes[name] = d
		}
	}
	return p
}

// way is what Istio enforces on the way to a callee behind a waypoint.
type way struct {
	*Istiod
	p         *policy.Policy
	service   *policy.Service
	pod       Workload
	pods      Chains
	waypoints map[string]Chains // by Service and waypoint
	aside     map[string]bool   // by principal: whether the caller has a sidecar, or is a gateway
}

func newWay(istiod *Istiod, p *policy.Policy, s *policy.Service) (*way, error) {
	w := &way{Istiod: istiod, p: p, service: s, pod: pod(s), waypoints: map[string]Chains{}, aside: map[string]bool{}}
	w.pod.Gateway = false
	var err error
	if w.pods, err = istiod.Chains(w.pod); err != nil {
		return nil, err
	}
	for _, f := range s.Through() {
		if w.waypoints[at(f)], err = istiod.Waypoint(f.Waypoint.Namespace, f.Waypoint.Name, s.Namespace, f.Host); err != nil {
			return nil, err
		}
	}
	for _, other := range p.Services() {
		if !other.Proxied() || other.Unnamed {
			continue
		}
		for _, account := range append([]string{other.Account}, other.Was...) {
			for _, domain := range append([]string{p.TrustDomain}, p.Previous...) {
				w.aside[principal(domain, other.Namespace, account)] = other.Dataplane != policy.Ambient
			}
		}
	}
	return w, nil
}

// at is a Service and the waypoint on the way to it.
func at(f policy.Front) string { return f.Host + " " + f.Waypoint.ID() }

// caller is the identity of a waypoint.
func (w *way) caller(f policy.Front) string {
	return principal(w.p.TrustDomain, f.Waypoint.Namespace, f.Waypoint.Account)
}

// relays reports whether a request comes from a waypoint, as none does of its own.
func (w *way) relays(q *envoy.Request) bool {
	return slices.ContainsFunc(w.service.Through(), func(f policy.Front) bool {
		return slices.ContainsFunc(append([]string{w.p.TrustDomain}, w.p.Previous...), func(domain string) bool {
			return principal(domain, f.Waypoint.Namespace, f.Waypoint.Account) == q.Peer
		})
	})
}

// decide reports whether a request gets to the callee, whether it passes the waypoint, and whether it matters by which
// of two that share the calls; it counts those.
func (w *way) decide(q *envoy.Request) (ok, passes, differs bool, canaries int) {
	last := false
	connection := *q
	connection.Method, connection.Path, connection.Host, connection.Headers, connection.Claims = "", "", "", nil, nil
	if q.Peer != "" && w.passing(q.Peer) {
		for _, f := range w.service.Through() {
			number, leads := f.Leads(q.Port)
			if !leads {
				continue
			}
			passes = true
			addressed := *q
			addressed.Port = number
			behind := connection
			behind.Peer, behind.Source = w.caller(f), netip.MustParseAddr("10.9.9.9")
			by := w.waypoints[at(f)].Decide(&addressed).Allowed && w.Decide(w.pod, w.pods, behind)
			if f.Canary {
				canaries++
				differs = differs || by != last
			}
			ok, last = ok || by, by
		}
	}
	if !passes {
		ok = w.Decide(w.pod, w.pods, connection)
	}
	return ok, passes, differs, canaries
}

// sidecar reports whether a request gets to those pods of a moving callee that have sidecars: without its waypoint, and
// by each Service that leads to the port.
func (w *way) sidecar(q *envoy.Request) (all []bool) {
	all = append(all, w.Decide(w.pod, w.pods, *q))
	if q.Peer == "" || !w.passing(q.Peer) {
		return all
	}
	ok, passes := false, false
	for _, f := range w.service.Through() {
		if number, leads := f.Leads(q.Port); leads {
			addressed, behind := *q, *q
			addressed.Port = number
			behind.Peer, behind.Source = w.caller(f), netip.MustParseAddr("10.9.9.9")
			passes, ok = true, ok || w.waypoints[at(f)].Decide(&addressed).Allowed && w.Decide(w.pod, w.pods, behind)
		}
	}
	if passes {
		all = append(all, ok)
	}
	return all
}

// passing reports whether a caller is in ambient mode.
func (w *way) passing(peer string) bool {
	if aside, known := w.aside[peer]; known {
		return !aside
	}
	for _, m := range w.p.Meshes {
		if strings.Contains(peer, "/ns/"+m.Name+"/") {
			return m.Ambient
		}
	}
	return true
}
