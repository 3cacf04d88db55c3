package network

import (
	"maps"
	"net/netip"
	"slices"

	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/compiler/policy"
)

// anotherHost is one that nothing names: https://www.rfc-editor.org/rfc/rfc6761#section-6.4
const anotherHost = "another-host.invalid"

// class is callers that are one to every rule about a service.
type class struct {
	Caller
	service *policy.Service // nil for others than a service
	name    string
}

// others returns who is at the other end, one of each kind that the intents or the policies of some points distinguish.
func (in *Intents) others(d Direction, s *policy.Service, grants []Grant, points ...*Point) []class {
	c := others{intents: in, services: map[*policy.Service]bool{}, namespaces: map[string]bool{"": true}, pods: map[string]bool{}, hosts: map[string]bool{}}
	c.granted(grants)
	c.ruled(s)
	for _, p := range points {
		for _, b := range p.Bound {
			for i := range b.Rules[d] {
				for j := range b.Rules[d][i].Peers {
					c.peer(&b.Rules[d][i].Peers[j])
				}
			}
		}
	}
	if d == Egress && in.policy.Meshless {
		c.hosts[anotherHost] = true
	}
	return c.classes()
}

// others collects who may be at the other end.
type others struct {
	intents    *Intents
	all        []class // of pods
	services   map[*policy.Service]bool
	pods       map[string]bool // names of pods that no service stands for
	namespaces map[string]bool // empty: one that no policy names
	hosts      map[string]bool
	blocks     []netip.Prefix
}

func (c *others) add(name string, p Pods, service *policy.Service) {
	c.all = append(c.all, class{Caller{Kind: OfWorkload, Pods: p, Apart: true}, service, name})
}

func (c *others) service(s *policy.Service) {
	c.namespaces[s.Namespace] = true
	if !c.services[s] && selectable(s) {
		c.services[s] = true
		c.add(s.ID(), PodsOf(s), s)
	}
}

func (c *others) host(name string) {
	if name != "" {
		for _, h := range hostsOf(name) {
			c.hosts[h] = true
		}
	}
}

func (c *others) granted(grants []Grant) {
	for _, g := range grants {
		if g.Service != nil {
			c.service(g.Service)
		}
		if g.Namespace != "" {
			c.namespaces[g.Namespace] = true
		}
		c.blocks = append(c.blocks, g.Blocks...)
		c.host(g.Host)
	}
}

func (c *others) ruled(s *policy.Service) {
	for _, rules := range s.Rules() {
		for i := range rules {
			for _, f := range slices.Concat(rules[i].From, rules[i].Except) {
				if f.Kind == policy.FromService {
					c.service(f.Service)
				} else if f.Kind == policy.FromMesh {
					c.namespaces[f.Mesh] = true
				}
			}
		}
	}
}

func (c *others) peer(p *Peer) {
	if p.Block.IsValid() {
		c.blocks = append(append(c.blocks, p.Block), p.Except...)
	}
	if p.Namespace != "" {
		c.namespaces[p.Namespace] = true
	}
	c.labelled(p)
	c.host(p.Host)
}

// labelled adds the services of which a peer takes pods by their labels, and pods with its labels that no service
// stands for.
func (c *others) labelled(p *Peer) {
	if len(p.Pods) == 0 {
		return
	}
	known := map[string]bool{}
	c.intents.taken(p, func(s *policy.Service) {
		c.service(s)
		known[key(s.Selector())] = true
	})
	for _, kind := range p.Pods.kinds() {
		labels := kind.example()
		if name := podsNamed(p.Namespace) + " with " + kind.String(); !known[key(labels)] && !c.pods[name] {
			c.pods[name] = true
			c.add(name, Pods{p.Namespace, []Labels{{Known: labels}}}, nil)
		}
	}
}

// classes adds to the pods that are named others of each namespace, and the hosts and addresses.
func (c *others) classes() []class {
	for _, namespace := range slices.Sorted(maps.Keys(c.namespaces)) {
		c.add(podsNamed(namespace), Pods{namespace, []Labels{{}}}, nil)
	}
	all := c.all
	for _, h := range slices.Sorted(maps.Keys(c.hosts)) {
		name := h
		if h == anotherHost {
			name = "other hosts"
		}
		all = append(all, class{Caller{Kind: OfHost, Host: h}, nil, name})
	}
	addresses := func(name string, b netip.Prefix) {
		all = append(all, class{Caller{Kind: OfAddresses, Blocks: []netip.Prefix{b}}, nil, name})
	}
	slices.SortFunc(c.blocks, netip.Prefix.Compare)
	for _, b := range slices.Compact(c.blocks) {
		addresses(b.String(), b)
	}
	for _, b := range unnamed(c.blocks) {
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
