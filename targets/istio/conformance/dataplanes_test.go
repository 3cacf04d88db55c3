package conformance

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"github.com/meshc/meshc/compiler/config"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/targets/istio/conformance/envoy"
	"github.com/meshc/meshc/targets/istio/conformance/ztunnel"
)

// TestDataplanes compiles each generated project three times: for sidecars, for ambient mode, and for namespaces of
// either kind. Where all three compile, the same requests must pass: by Istio's filters of sidecars and waypoints, and
// by what its index sends to ztunnel. A call to the address of a pod behind a waypoint, which intents do not have, must
// at least not pass where sidecars refuse it.
func TestDataplanes(t *testing.T) {
	t.Parallel()
	projects, dropped, requests, decisions, allowed, through, behind, around, refused := 0, 0, 0, 0, 0, 0, 0, 0, 0
	for seed := range size(t, 800) {
		p := newProject(seed + 1<<22)
		r := rand.New(rand.NewPCG(seed, 14))
		planes, gone, err := p.planes(r)
		if err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, p.text())
		}
		projects++
		dropped += gone
		sidecars := planes[0]
		a := newAsker(r, sidecars.policy)
		for mesh, m := range sidecars.policy.Meshes {
			for index, s := range m.Services {
				if !s.Proxied() || m.Name == sidecars.policy.RootNamespace && s.Dataplane != policy.Gateway {
					continue
				}
				at := make([]*callee, len(planes))
				for i, plane := range planes {
					if at[i], err = plane.callee(plane.policy.Meshes[mesh].Services[index]); err != nil {
						t.Fatal(err)
					}
				}
				for range 20 + 2*len(s.Allow) {
					q := a.request(s)
					if !spoken(s, &q) || planes[1].relays(&q) || planes[2].relays(&q) {
						continue
					}
					requests++
					want := at[0].direct(&q)
					if want {
						allowed++
					}
					for i, plane := range planes {
						differs := func(how string, got bool) {
							t.Helper()
							t.Fatalf("seed %d: sidecars let it through: %t, %s %s: %t\n%s\nto %s\n%s\n%s\n%s", seed, want, plane.name, how, got, show(&q), s.ID(), p.text(), sidecars.yaml, plane.yaml)
						}
						ways := at[i].ways(&q)
						if q.Claims != nil && !at[i].service.ReadsRequests(q.Port) {
							continue // only a proxy that reads requests refuses tokens
						}
						if len(ways) == 0 {
							decisions++
							if got := at[i].direct(&q); got != want {
								differs("without a waypoint", got)
							}
							continue
						}
						for service, got := range ways {
							decisions++
							through++
							if got != want {
								differs("by the Service "+service, got)
							}
						}
						around++
						switch got := at[i].direct(&q); {
						case got && !want:
							differs("past its waypoint", got)
						case !got && want:
							refused++
						}
					}
				}
				for _, c := range at {
					if len(c.waypoints) > 0 {
						behind++
					}
				}
			}
		}
	}
	t.Logf("%d projects, each for three data planes (without %d statements that one of them has no words for), %d requests (%d pass), %d decisions compared, %d of them through a waypoint, to %d callees behind one; %d calls past a waypoint, %d of them of callers that may call",
		projects, dropped, requests, allowed, decisions, through, behind, around, refused)
	if through == 0 {
		t.Fatal("nothing passes a waypoint")
	}
}

// plane is a project as one kind of data plane has it, and what Istio makes of that.
type plane struct {
	name, yaml string
	policy     *policy.Policy
	istiod     *Istiod
	ambient    *Ambient
	aside      map[string]bool // by principal: whether the caller connects to pods itself
}

// planes compiles a project for sidecars, for ambient mode and for both. It drops the statements that one of them has
// no words for.
func (p *project) planes(r *rand.Rand) (all []*plane, dropped int, err error) {
	p.options.Sidecars, p.environment = false, ""
	for name, lines := range p.files { // ambient mode has no DISABLE
		for i, line := range lines {
			p.files[name][i] = strings.ReplaceAll(line, " disable", " permissive")
		}
	}
	ambient, mixed := map[string]config.Dataplane{}, map[string]config.Dataplane{}
	for i, name := range append([]string{"*"}, meshNames...) {
		d := config.Dataplane{Ambient: true}
		if r.IntN(5) > 0 {
			d.Waypoint = "waypoint"
			if name != "*" {
				d.WaypointNamespace = pick(r, []string{name, name, "infra"})
			}
		}
		ambient[name] = d
		if i > 0 && r.IntN(2) == 0 {
			mixed[name] = d
		}
	}
	for before := -1; dropped != before; {
		before, all = dropped, nil
		for _, made := range []struct {
			name       string
			dataplanes map[string]config.Dataplane
		}{{"sidecars", nil}, {"ambient mode", ambient}, {"a mixed mesh", mixed}} {
			of := *p
			of.config.Dataplanes = maps.Clone(made.dataplanes)
			built, err := of.build()
			if err != nil {
				return nil, 0, err
			}
			dropped += built.dropped
			all = append(all, &plane{name: made.name, policy: built.policy, yaml: built.stream()})
		}
	}
	for _, one := range all {
		if err := one.start(); err != nil {
			return nil, 0, fmt.Errorf("%s: %w\n%s", one.name, err, one.yaml)
		}
	}
	return all, dropped, nil
}

// stream is what istiod reads of a project.
func (b *built) stream() string {
	var yaml strings.Builder
	for _, m := range b.manifests {
		if m.Kind != "Gateway" { // of the Gateway API
			fmt.Fprintf(&yaml, "---\n%s", m.YAML)
		}
	}
	return yaml.String()
}

func (l *plane) start() (err error) {
	var pods []Workload
	l.aside = map[string]bool{}
	for _, s := range l.policy.Services() {
		if !s.Proxied() {
			continue
		}
		if s.Dataplane == policy.Ambient {
			pods = append(pods, pod(s))
		}
		for _, identity := range peers(l.policy, s) {
			l.aside[identity] = l.aside[identity] || s.Dataplane != policy.Ambient
		}
	}
	if l.istiod, err = Start([]byte(l.yaml), served(l.policy)); err != nil {
		return err
	}
	l.ambient, err = StartAmbient([]byte(l.yaml), served(l.policy), pods)
	return err
}

// relays reports whether a request comes from a waypoint, as none does of its own.
func (l *plane) relays(q *envoy.Request) bool {
	for _, s := range l.policy.Services() {
		for _, f := range s.Through() {
			for _, domain := range append([]string{l.policy.TrustDomain}, l.policy.Previous...) {
				if principal(domain, f.Waypoint.Namespace, f.Waypoint.Account) == q.Peer {
					return true
				}
			}
		}
	}
	return false
}

// passes reports whether a caller passes the waypoints of Services.
func (l *plane) passes(peer string) bool {
	if peer == "" {
		return false
	}
	if aside, known := l.aside[peer]; known {
		return !aside
	}
	for _, m := range l.policy.Meshes {
		if strings.Contains(peer, "/ns/"+m.Name+"/") {
			return m.Ambient
		}
	}
	return true
}

// callee is a service in one kind of data plane.
type callee struct {
	*plane
	service   *policy.Service
	pod       Workload
	chains    Chains
	waypoints map[string]Chains // by Service
}

func (l *plane) callee(s *policy.Service) (*callee, error) {
	c := &callee{plane: l, service: s, pod: pod(s), waypoints: map[string]Chains{}}
	var err error
	if c.chains, err = l.istiod.Chains(c.pod); err != nil {
		return nil, err
	}
	for _, f := range s.Through() {
		if c.waypoints[f.Host], err = l.istiod.Waypoint(f.Waypoint.Namespace, f.Waypoint.Name, s.Namespace, f.Host); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// direct reports whether the pods of a callee take a request.
func (c *callee) direct(q *envoy.Request) bool {
	if c.service.Dataplane != policy.Ambient {
		return c.istiod.Decide(c.pod, c.chains, *q)
	}
	return c.ambient.Decide(c.pod, ztunnel.Connection{Peer: q.Peer, Source: q.Source, Destination: q.Destination, Port: q.Port})
}

// ways reports for each Service by which a request passes a waypoint whether it gets to the callee.
func (c *callee) ways(q *envoy.Request) map[string]bool {
	all := map[string]bool{}
	if !c.passes(q.Peer) {
		return all
	}
	for _, f := range c.service.Through() {
		number, leads := f.Leads(q.Port)
		if !leads {
			continue
		}
		at, relayed := *q, *q
		at.Port = number
		relayed.Peer = principal(c.policy.TrustDomain, f.Waypoint.Namespace, f.Waypoint.Account)
		relayed.Source = netip.MustParseAddr("10.9.9.9")
		all[fmt.Sprintf("%s:%d", f.Host, number)] = c.waypoints[f.Host].Decide(&at).Allowed && c.direct(&relayed)
	}
	return all
}
