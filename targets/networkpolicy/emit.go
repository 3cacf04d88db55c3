package networkpolicy

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"

	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
	"github.com/meshc/meshc/targets"
)

const (
	waveAllow       = 20
	waveEveryPod    = 21
	waveDefaultDeny = 30
)

// emission collects the objects of one policy.
type emission struct {
	Options
	*policy.Policy
	root        string
	ambient     map[string]bool // namespaces with pods in ambient mode
	someAmbient bool
	writer      *targets.Writer
	buffer      []byte
	fields      fields
	all         []opening // of one object after another
	legs        []leg

	holders   map[holder][]*policy.Service // by the labels of their pods
	passing   map[wildcard][2]bool
	waypoints map[string]*policy.Service // their pods, by NAMESPACE/NAME
	wildcards map[string][]opening       // what everyone in a namespace may call; "" for any
	needs     map[string][]opening       // and what every pod there needs beside that

	unknown  map[*policy.Service]bool // whose labels are needed and not known
	told     map[told]bool
	hiddenAt source.Span // an edge whose ports the network does not see

	entries   map[*policy.Service][]opening // to waypoints
	exits     map[*policy.Service][]opening // of waypoints
	manifests []targets.Manifest
	findings  diag.List
}

type holder struct{ namespace, key, value string }

func newEmission(o Options, p *policy.Policy) *emission {
	e := &emission{Options: o, Policy: p, root: cmp.Or(p.RootNamespace, "istio-system"), writer: targets.NewWriter(), ambient: map[string]bool{},
		holders: map[holder][]*policy.Service{}, passing: map[wildcard][2]bool{}, waypoints: map[string]*policy.Service{},
		needs: map[string][]opening{}, unknown: map[*policy.Service]bool{}, told: map[told]bool{}, entries: map[*policy.Service][]opening{}, exits: map[*policy.Service][]opening{}}
	most := 0
	for _, m := range p.Meshes {
		most += 1 + len(m.Services)
		e.ambient[m.Name] = m.Ambient
		for _, s := range m.Services {
			e.ambient[m.Name] = e.ambient[m.Name] || s.Dataplane == policy.Ambient
			if !s.HostNetwork && !s.Unnamed {
				e.hold(s)
			}
			for _, f := range s.Through() { // also where nobody may enter: it has ports of the platform
				if w := e.waypoint(f.Waypoint); e.entries[w] == nil {
					e.entries[w] = []opening{}
				}
			}
		}
		e.someAmbient = e.someAmbient || e.ambient[m.Name]
	}
	e.manifests = make([]targets.Manifest, 0, most)
	return e
}

// hold enters a service by the labels of its pods.
func (e *emission) hold(s *policy.Service) {
	pods := s.Pods
	if len(pods) == 0 && !s.Guessed {
		pods = []map[string]string{s.Selector()}
	}
	for i, labels := range pods {
		for k, v := range labels {
			if i == 0 || pods[0][k] != v {
				h := holder{s.Namespace, k, v}
				e.holders[h] = append(e.holders[h], s)
			}
		}
	}
}

// closes reports whether a namespace is closed as a whole.
func (e *emission) closes(m *policy.Mesh) bool {
	return m.Name != e.root && (m.Closed || !m.Declares && !m.Open)
}

// mesh emits the objects of a namespace.
func (e *emission) mesh(m *policy.Mesh) {
	closed := e.closes(m)
	if closed {
		d := object{wave: waveDefaultDeny, namespace: m.Name, name: "default-deny", why: targets.OfFiles(m.Files), ingress: e.platform(nil, m.Name, m.Services...), egresses: e.Egress}
		if e.Egress {
			d.egress = e.needed(m)
		}
		e.add(d)
	}
	for _, s := range m.Services {
		switch {
		case s.HostNetwork && (closed || len(s.Allow) > 0):
			e.findings.Add(diag.WiderNetwork, s.At, "no NetworkPolicy binds %s: its pods have the addresses of their nodes", s.ID()).
				WithHelp("run it without hostNetwork")
			fallthrough
		case m.Name == e.root && s.Unnamed:
			e.through(nil, s)
			continue
		case !s.Unnamed && (len(s.Labels) == 0 || !policy.IsName(s.Name)), !s.Proxied() && len(s.Pods) == 0:
			continue
		}
		if closed && e.Egress && !s.Unnamed {
			e.callees(m, s)
		}
		if len(s.Allow) == 0 {
			e.denied(m, s, closed)
			continue
		}
		e.callee(m, s)
	}
}

// callee emits what opens a service.
func (e *emission) callee(m *policy.Mesh, s *policy.Service) {
	all := e.through(e.all[:0], s)
	e.exceptions(s, s.Allow)
	e.deniedSources(s, s.Allow)
	e.alike(s)
	o := object{wave: waveAllow, namespace: m.Name, name: s.Name + "-ingress", why: targets.OfRules(s.Allow), of: s}
	if s.Unnamed {
		o.wave, o.name, o.of = waveEveryPod, "pods-ingress", nil
		all = e.platform(all, m.Name, m.Services...)
	} else {
		all = e.platform(all, "", s)
	}
	e.all, o.ingress = all, openings(all)
	e.add(o)
}

// through adds what opens the pods of a service, and enters what opens its waypoints.
func (e *emission) through(all []opening, s *policy.Service) []opening {
	var ports portRanges
	for i := range s.Allow {
		r := &s.Allow[i]
		for n, from := range r.From {
			if n == 0 || len(s.Deny) > 0 {
				ports = portsOf(s, r, from)
			}
			e.legs = e.appendLegs(e.legs[:0], s, r, ports, from)
			for _, l := range e.legs {
				switch {
				case l.to != s:
					e.entries[l.to] = append(e.entries[l.to], opening{l.ports, l.udp, e.callers(s, r, l.from)})
					e.hide(s, r, from)
				case l.from != from:
					w := l.from.Service
					all = append(all, opening{l.ports, l.udp, e.peers(l.from)})
					e.exits[w] = append(e.exits[w], opening{l.ports, l.udp, e.peers(policy.Source{Service: s})})
				default:
					all = append(all, opening{l.ports, l.udp, e.callers(s, r, from)})
					if l.ports.has(tunnel) {
						e.hide(s, r, from)
					}
				}
			}
		}
	}
	return all
}

// gates emits what opens the waypoints in closed namespaces.
func (e *emission) gates() {
	byID := func(a, b *policy.Service) int { return cmp.Compare(a.ID(), b.ID()) }
	for _, w := range slices.SortedFunc(maps.Keys(e.entries), byID) {
		i := slices.IndexFunc(e.Meshes, func(m *policy.Mesh) bool { return m.Name == w.Namespace })
		if i < 0 || !e.closes(e.Meshes[i]) {
			continue
		}
		o := object{wave: waveAllow, namespace: w.Namespace, why: targets.OfFiles(e.Meshes[i].Files), of: w}
		o.name, o.ingress = "waypoint."+w.Name+"-ingress", openings(e.platform(e.entries[w], "", w))
		e.add(o)
		if e.Egress {
			o.name, o.ingress, o.egresses = "waypoint."+w.Name+"-egress", nil, true
			o.egress = openings(append(append(e.exits[w], e.control()), e.needed(e.Meshes[i])...))
			e.add(o)
		}
	}
}

// platform adds what is open to the pods of some services, whatever the intents say: the ports of a proxy's agent,
// which no proxy protects, and the addresses of the kubelet's probes. With a namespace it is about all pods there.
func (e *emission) platform(all []opening, namespace string, of ...*policy.Service) []opening {
	known, agent, probed := namespace == "", false, e.ambient[namespace]
	for _, s := range of {
		if s.Proxied() && !s.Unnamed {
			known = true
			agent = agent || !only(s)
		}
		probed = probed || s.Dataplane == policy.Ambient
	}
	if agent || !known {
		all = append(all, agents)
	}
	if probed {
		all = append(all, probes)
	}
	return all
}

var (
	agents = opening{ports: portRanges{{15020, 15021}, {15090, 15090}}, peers: everyone}
	probes = opening{ports: every, peers: []peer{
		{block: netip.MustParsePrefix("169.254.7.127/32")}, {block: netip.MustParsePrefix("fd16:9254:7127:1337:ffff:ffff:ffff:ffff/128")},
	}}
)
