package network

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"runtime"
	"slices"
	"sync"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/compiler/policy"
)

const maxWitnesses = 10

// anotherHost is one that nothing names: https://www.rfc-editor.org/rfc/rfc6761#section-6.4
const anotherHost = "another-host.invalid"

// Prove compares, for the pods of every service and waypoint and for those that no service names, what a layer lets through with what the
// network can see of the intents, in the directions in which it is to isolate pods. That is three proofs in one: what an edge needs
// passes, pods without an edge are closed to each other, and an edge of operations has no way around its waypoint. It returns
// differences, at most ten: a bug in meshc. The error is that of ctx.
func (in *Intents) Prove(ctx context.Context, l *Layer, isolates [2]bool) ([]string, error) {
	ends := in.ends()
	workers := min(runtime.GOMAXPROCS(0), len(ends))
	found := make([][]string, workers)
	var wait sync.WaitGroup
	for w := range workers {
		share := ends[len(ends)*w/workers : len(ends)*(w+1)/workers]
		wait.Go(func() {
			with := prover{Intents: in, layer: l, isolates: isolates}
			for _, s := range share {
				if ctx.Err() != nil || len(found[w]) > maxWitnesses {
					return
				}
				found[w] = append(found[w], with.prove(s)...)
			}
		})
	}
	wait.Wait()
	all := slices.Concat(found...)
	return all[:min(len(all), maxWitnesses)], ctx.Err()
}

// prover proves services one after another, in the same memory.
type prover struct {
	*Intents
	layer    *Layer
	isolates [2]bool // by direction

	grants  []Grant
	literal literal
	pods    [1]Labels // of a service whose pods are not known
}

// prove compares what policies let through to and from the pods of one service.
func (p *prover) prove(s *policy.Service) (witnesses []string) {
	pods := p.selected(s)
	point := p.layer.For(pods)
	for d, isolates := range p.isolates {
		if !isolates && !p.layer.Isolates[d] { // everything passes, as it is to
			continue
		}
		if d, isolated := Direction(d), isolates && p.isolated(Direction(d), s); !p.sayTheSame(point, d, isolated, s, &pods) {
			witnesses = append(witnesses, p.proveClasses(point, d, isolated, s, p.grants)...)
		}
	}
	return witnesses
}

// selected is PodsOf, until the next call.
func (p *prover) selected(s *policy.Service) Pods {
	if len(s.Pods) > 0 {
		return PodsOf(s)
	}
	if p.pods[0].Known == nil {
		p.pods[0].Known = map[string]string{}
	}
	clear(p.pods[0].Known)
	s.Select(p.pods[0].Known)
	return Pods{s.Namespace, p.pods[:]}
}

// sayTheSame finds what is granted, and reports whether policies say that word for word.
func (p *prover) sayTheSame(point *Point, d Direction, isolated bool, s *policy.Service, pods *Pods) bool {
	if p.grants = p.grants[:0]; isolated {
		p.grants = p.granted(p.grants, d, s, pods)
	}
	return p.literal.equal(point, d, isolated, p.grants)
}

// ends is the pods that the network may isolate.
func (in *Intents) ends() (all []*policy.Service) {
	for _, m := range in.policy.Meshes {
		var unnamed *policy.Service
		for _, s := range m.Services {
			switch {
			case s.Unnamed:
				unnamed = s
			case !s.HostNetwork && (s.Proxied() || len(s.Pods) > 0):
				all = append(all, s)
			}
		}
		if unnamed == nil {
			unnamed = &policy.Service{Namespace: m.Name, Name: "a pod that no service names", Unnamed: true}
		}
		all = append(append(all, unnamed), in.gates(m.Name)...)
	}
	return all
}

// proveClasses compares what policies let through to or from the pods of a service, for each kind of callers and ports.
func (in *Intents) proveClasses(point *Point, d Direction, isolated bool, s *policy.Service, grants []Grant) (witnesses []string) {
	others := in.others(d, s, grants, point)
	for _, port := range portsNear(s, point, d, grants) {
		for i := range others {
			c := &others[i]
			want := space.No
			if !isolated {
				want = space.Yes
			}
			for j := range grants {
				if g := &grants[j]; want < space.Yes && g.has(port) {
					want = max(want, g.admits(&c.Caller, c.service))
				}
			}
			got := point.Decide(d, c.Caller, port)
			if got.Verdict != [...]enforce.Verdict{space.No: enforce.Denied, space.Maybe: enforce.Undecided, space.Yes: enforce.Allowed}[want] {
				from, to := c.name, s.ID()
				if d == Egress {
					from, to = to, from
				}
				witnesses = append(witnesses, fmt.Sprintf("%s of %s to %s, %s port %d, is %s, not %s", d, from, to, port.Protocol, port.Number, got,
					[...]string{"denied", "undecided", "allowed"}[want]))
				if len(witnesses) > maxWitnesses {
					return witnesses
				}
			}
		}
	}
	return witnesses
}

// class is callers that are one to every rule about a service.
type class struct {
	Caller
	service *policy.Service // nil for others than a service
	name    string
}

// others returns who is at the other end, one of each kind that the intents or the policies of some points tell apart.
func (in *Intents) others(d Direction, s *policy.Service, grants []Grant, points ...*Point) (all []class) {
	services, namespaces := map[*policy.Service]bool{}, map[string]bool{"": true}
	var blocks []netip.Prefix
	pods := func(name string, p Pods, service *policy.Service) {
		all = append(all, class{Caller{Kind: OfWorkload, Pods: p, Apart: true}, service, name})
	}
	service := func(f *policy.Service) {
		namespaces[f.Namespace] = true
		if !services[f] && selectable(f) {
			services[f] = true
			pods(f.ID(), PodsOf(f), f)
		}
	}
	// Pods that a peer takes by their labels, and that are not those which the labels of a service stand for.
	named := map[string]bool{}
	like := func(p *Peer) {
		if len(p.Pods) == 0 {
			return
		}
		known := map[string]bool{}
		in.taken(p, func(s *policy.Service) {
			service(s)
			known[key(s.Selector())] = true
		})
		for _, kind := range p.Pods.kinds() {
			labels := kind.example()
			if name := podsNamed(p.Namespace) + " with " + kind.String(); !known[key(labels)] && !named[name] {
				named[name] = true
				pods(name, Pods{p.Namespace, []Labels{{Known: labels}}}, nil)
			}
		}
	}
	hosts := map[string]bool{}
	host := func(name string) {
		if name != "" {
			for _, h := range hostsOf(name) {
				hosts[h] = true
			}
		}
	}
	for _, g := range grants {
		if g.Service != nil {
			service(g.Service)
		}
		if g.Namespace != "" {
			namespaces[g.Namespace] = true
		}
		blocks = append(blocks, g.Blocks...)
		host(g.Host)
	}
	for _, rules := range s.Rules() {
		for i := range rules {
			for _, f := range slices.Concat(rules[i].From, rules[i].Except) {
				if f.Kind == policy.FromService {
					service(f.Service)
				} else if f.Kind == policy.FromMesh {
					namespaces[f.Mesh] = true
				}
			}
		}
	}
	var bound []Bound
	for _, p := range points {
		bound = append(bound, p.Bound...)
	}
	for _, b := range bound {
		for i := range b.Rules[d] {
			for j := range b.Rules[d][i].Peers {
				peer := &b.Rules[d][i].Peers[j]
				if peer.Block.IsValid() {
					blocks = append(append(blocks, peer.Block), peer.Except...)
				}
				if peer.Namespace != "" {
					namespaces[peer.Namespace] = true
				}
				like(peer)
				host(peer.Host)
			}
		}
	}
	for _, namespace := range slices.Sorted(maps.Keys(namespaces)) {
		pods(podsNamed(namespace), Pods{namespace, []Labels{{}}}, nil)
	}
	if d == Egress && in.policy.Meshless {
		hosts[anotherHost] = true
	}
	for _, h := range slices.Sorted(maps.Keys(hosts)) {
		name := h
		if h == anotherHost {
			name = "other hosts"
		}
		all = append(all, class{Caller{Kind: OfHost, Host: h}, nil, name})
	}
	addresses := func(name string, b netip.Prefix) {
		all = append(all, class{Caller{Kind: OfAddresses, Blocks: []netip.Prefix{b}}, nil, name})
	}
	slices.SortFunc(blocks, netip.Prefix.Compare)
	for _, b := range slices.Compact(blocks) {
		addresses(b.String(), b)
	}
	for _, b := range unnamed(blocks) {
		addresses(map[bool]string{true: "other addresses of IPv4", false: "other addresses of IPv6"}[b.Addr().Is4()], b)
	}
	return all
}

// podsNamed is the name of pods of a namespace that no service names, or of one that no policy names.
func podsNamed(namespace string) string {
	if namespace == "" {
		return "pods of other namespaces"
	}
	return "another pod of " + namespace
}

// taken calls f with the services of which a peer takes pods by a label.
func (in *Intents) taken(p *Peer, f func(*policy.Service)) {
	for _, r := range p.Pods {
		if r.Operator != In {
			continue
		}
		for _, value := range r.Values {
			for _, s := range in.running[scope{p.Namespace, r.Key, value}] {
				if pods := PodsOf(s); pods.match(p.Pods) != space.No {
					f(s)
				}
			}
		}
		return
	}
}

// unnamed returns an address in none of some blocks, of each version, as far as there is one.
func unnamed(blocks []netip.Prefix) (all []netip.Prefix) {
	for _, text := range [...]string{"198.51.100.0", "2001:db8::"} {
		a := netip.MustParseAddr(text)
		for range len(blocks) + 1 {
			i := slices.IndexFunc(blocks, func(b netip.Prefix) bool { return b.Contains(a) })
			if i < 0 {
				all = append(all, netip.PrefixFrom(a, a.BitLen()))
				break
			}
			a = after(blocks[i])
		}
	}
	return all
}

// after is the first address behind a block.
func after(b netip.Prefix) netip.Addr {
	bytes := b.Masked().Addr().AsSlice()
	for bit := b.Bits(); bit < len(bytes)*8; bit++ {
		bytes[bit/8] |= 0x80 >> (bit % 8)
	}
	last, _ := netip.AddrFromSlice(bytes)
	if next := last.Next(); next.IsValid() {
		return next
	}
	return netip.MustParseAddr(map[bool]string{true: "0.0.0.0", false: "::"}[last.Is4()])
}

// portsNear returns a port of each kind that the intents or the policies of a point tell apart.
func portsNear(s *policy.Service, point *Point, d Direction, grants []Grant) (all []Port) {
	numbers, udp := make([]uint16, 0, 64), append(make([]uint16, 0, 16), 1)
	near := func(into *[]uint16, first, last uint16) {
		for _, n := range [...]uint16{first - 1, first, last, last + 1} {
			if n != 0 {
				*into = append(*into, n)
			}
		}
	}
	near(&numbers, 1, 1)
	for _, p := range s.Ports {
		near(&numbers, p.Number, p.Number)
	}
	udp = append(udp, s.UDP...)
	for _, g := range grants {
		for _, r := range g.Ports {
			near(&numbers, r[0], r[1])
		}
		for _, r := range g.UDP {
			udp = append(udp, r[0])
		}
	}
	for _, b := range point.Bound {
		for i := range b.Rules[d] {
			for _, r := range b.Rules[d][i].Ports {
				near(&numbers, r.First, r.Last)
				if r.Protocol == UDP {
					near(&udp, r.First, r.Last)
				}
			}
		}
	}
	slices.Sort(numbers)
	for _, n := range slices.Compact(numbers) {
		all = append(all, Port{TCP, n})
	}
	slices.Sort(udp)
	for _, n := range slices.Compact(udp) {
		all = append(all, Port{UDP, n})
	}
	return all
}
