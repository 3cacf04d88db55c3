package read

import (
	"math"
	"net/netip"
	"regexp"
	"slices"
	"strconv"

	"go.yaml.in/yaml/v3"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/space"
)

// rule reads an item of ingress or ingressDeny. It comes to a clause for what it says of connections, and one for what
// it says of HTTP: connections that are not HTTP meet no condition of the latter. Cilium redirects what the latter is
// about to its proxy, which takes nothing but HTTP there whatever other rules let through: these connections are
// refused.
func (d *decoder) rule(n *yaml.Node) (clauses, refused []enforce.Clause) {
	from, ports, ok := d.ingress(n)
	if !ok {
		return nil, nil
	}
	at := d.doc.Span(n)
	if len(ports) == 0 {
		return []enforce.Clause{{From: from, To: everyone, At: at}}, nil
	}
	var open []ranges
	var connections, requests, redirected, proxied []space.Box
	for _, item := range ports {
		of, http, limited := d.toPorts(item)
		switch {
		case limited: // by what is not judged
			for _, b := range of.boxes() {
				proxied = append(proxied, append(b, perhaps))
			}
		case http == nil:
			open = append(open, of)
		case d.protocol != "TCP":
		default:
			for _, b := range of.boxes() {
				redirected = append(redirected, b)
				for _, h := range http {
					requests = append(requests, append(slices.Clip(b), h...))
				}
			}
		}
	}
	if all := join(open); !all.empty() {
		connections = all.boxes()
	}
	clause := func(into *[]enforce.Clause, to []space.Box, notHTTP bool) {
		if len(to) > 0 {
			*into = append(*into, enforce.Clause{From: from, To: to, NotHTTP: notHTTP, At: at})
		}
	}
	clause(&clauses, append(connections, proxied...), false)
	clause(&clauses, requests, false)
	clause(&refused, redirected, true)
	clause(&refused, proxied, false)
	return clauses, refused
}

// ingress is the callers that a rule is about, and the items of its toPorts. ok is false where it is about nobody, or
// not about TCP or UDP.
func (d *decoder) ingress(n *yaml.Node) (from []space.Box, ports []*yaml.Node, ok bool) {
	kinds, none := 0, false
	var toPorts, icmps *yaml.Node
	authenticated := false
	callers := func(n *yaml.Node, each func(*yaml.Node) []space.Box) {
		items := d.list(n)
		if none = none || len(items) == 0; len(items) > 0 {
			kinds++
		}
		for _, item := range items {
			from = append(from, each(item)...)
		}
	}
	d.fields(n, "a rule", func(key string, v *yaml.Node) bool {
		switch key {
		case "fromEndpoints":
			callers(v, d.pods)
		case "fromEntities":
			callers(v, d.entity)
		case "fromCIDR":
			callers(v, func(n *yaml.Node) []space.Box { return []space.Box{d.block(d.word(n), n, nil)} })
		case "fromCIDRSet":
			callers(v, d.blockSet)
		case "fromGroups", "fromNodes":
			callers(v, func(*yaml.Node) []space.Box { return []space.Box{{nobody, perhaps}} })
		case "toPorts":
			toPorts = v
		case "icmps":
			icmps = v
		case "authentication":
			authenticated = true
		default:
			return false // fromRequires too, which is no longer documented
		}
		return true
	})
	switch {
	case kinds > 1:
		d.refuse(n, "Cilium refuses a rule with callers of several kinds")
	case icmps != nil && toPorts != nil:
		d.refuse(n, "Cilium refuses a rule with icmps and toPorts")
	}
	ports = d.list(toPorts)
	switch {
	case none, icmps != nil, kinds == 0 && len(ports) == 0: // nobody: mergeIngress in pkg/policy/rule.go
		return nil, nil, false
	case kinds == 0:
		from = slices.Clone(everyone)
	}
	if authenticated {
		for i := range from {
			from[i] = append(slices.Clip(from[i]), perhaps)
		}
	}
	return from, ports, true
}

func (d *decoder) entity(n *yaml.Node) []space.Box {
	boxes, known := entities[d.word(n)]
	if !known {
		d.refuse(n, "Cilium has no entity %s", n.Value)
	}
	return boxes
}

// block is callers outside the cluster: Cilium knows its pods and nodes by other things than their addresses.
func (d *decoder) block(written string, n *yaml.Node, except []space.Pattern) space.Box {
	block, err := netip.ParsePrefix(written)
	if a, bad := netip.ParseAddr(written); bad == nil {
		block, err = netip.PrefixFrom(a, a.BitLen()), nil
	}
	if err != nil {
		d.refuse(n, "%s is no block of addresses", written)
		return space.Box{perhaps}
	}
	return space.Box{nobody, {Dimension: space.SourceAddress, Is: []space.Pattern{space.BlockPattern(block)}, Not: except}}
}

func (d *decoder) blockSet(n *yaml.Node) []space.Box {
	var cidr *yaml.Node
	var except []space.Pattern
	group := false
	d.fields(n, "an item of fromCIDRSet", func(key string, v *yaml.Node) bool {
		switch key {
		case "cidr":
			cidr = v
		case "except":
			for _, item := range d.list(v) {
				block, err := netip.ParsePrefix(d.word(item))
				if err != nil {
					d.refuse(item, "%s is no block of addresses", item.Value)
					continue
				}
				except = append(except, space.BlockPattern(block))
			}
		case "cidrGroupRef", "cidrGroupSelector":
			group = true
		default:
			return false
		}
		return true
	})
	switch {
	case group && cidr == nil:
		return []space.Box{{nobody, perhaps}}
	case group || cidr == nil:
		d.refuse(n, "an item of fromCIDRSet names either a cidr or a group")
		return unreadable
	}
	return []space.Box{d.block(d.word(cidr), cidr, except)}
}

// ranges is ports, and whether a port is among them that is known by its name alone.
type ranges struct {
	all   [][2]uint16
	named bool
}

func (r *ranges) empty() bool { return len(r.all) == 0 && !r.named }

func join(all []ranges) (joined ranges) {
	for _, r := range all {
		joined.all, joined.named = append(joined.all, r.all...), joined.named || r.named
	}
	slices.SortFunc(joined.all, func(a, b [2]uint16) int { return slices.Compare(a[:], b[:]) })
	var merged [][2]uint16
	for _, r := range joined.all {
		if last := len(merged) - 1; last >= 0 && int(r[0]) <= int(merged[last][1])+1 {
			merged[last][1] = max(merged[last][1], r[1])
		} else {
			merged = append(merged, r)
		}
	}
	joined.all = merged
	return joined
}

// manyPorts is how many ports are told apart one by one.
const manyPorts = 256

// boxes returns conditions on a port.
func (r ranges) boxes() (boxes []space.Box) {
	if r.named {
		boxes = append(boxes, space.Box{perhaps})
	}
	r = join([]ranges{r})
	count := 0
	var in, out []space.Pattern
	next := 1
	for _, p := range r.all {
		for ; next < int(p[0]) && len(out) <= manyPorts; next++ {
			out = append(out, space.PortPattern(uint16(next)))
		}
		next = int(p[1]) + 1
		if count += int(p[1]) - int(p[0]) + 1; count <= manyPorts {
			for n := int(p[0]); n <= int(p[1]); n++ {
				in = append(in, space.PortPattern(uint16(n)))
			}
		}
	}
	for ; next <= math.MaxUint16 && len(out) <= manyPorts; next++ {
		out = append(out, space.PortPattern(uint16(next)))
	}
	switch {
	case count == 0:
	case count == math.MaxUint16:
		boxes = append(boxes, space.Box{})
	case count <= manyPorts:
		boxes = append(boxes, space.Box{space.Is(space.Port, in...)})
	case len(out) <= manyPorts:
		boxes = append(boxes, space.Box{{Dimension: space.Port, Not: out}})
	default:
		boxes = append(boxes, space.Box{perhaps})
	}
	return boxes
}

// maxPorts is that of Cilium.
const maxPorts = 40

var (
	serviceName = regexp.MustCompile(`^[A-Za-z0-9-]{1,15}$`)
	letter      = regexp.MustCompile(`[A-Za-z]`)
)

// portItems returns the ports of an item of toPorts.
func (d *decoder) portItems(n *yaml.Node) []*yaml.Node {
	items := d.list(n)
	if len(items) > maxPorts {
		d.refuse(n, "Cilium takes %d ports in one item of toPorts", maxPorts)
	}
	return items
}

// toPorts reads an item of toPorts: its ports and, if it has any, what it asks of HTTP there. Limited is set if it asks
// for what is not judged.
func (d *decoder) toPorts(n *yaml.Node) (of ranges, http []space.Box, limited bool) {
	stated, others := false, false
	var rules []*yaml.Node
	d.fields(n, "an item of toPorts", func(key string, v *yaml.Node) bool {
		switch key {
		case "ports":
			items := d.portItems(v)
			stated = len(items) > 0
			for _, item := range items {
				others = !d.port(item, d.protocol, &of) || others
			}
		case "rules":
			d.fields(v, key, func(key string, v *yaml.Node) bool {
				switch key {
				case "http":
					rules = d.list(v)
				case "kafka", "dns", "l7", "l7proto":
					limited = true
				default:
					return false
				}
				return true
			})
		case "listener", "terminatingTLS", "originatingTLS", "serverNames":
			limited = true
		default:
			return false
		}
		return true
	})
	if !stated { // every port, and of every protocol
		of.all = [][2]uint16{{1, math.MaxUint16}}
	}
	if len(rules) > 0 && (others || !stated) {
		d.refuse(n, "Cilium takes rules for HTTP for TCP ports alone")
	}
	for _, item := range rules {
		http = append(http, d.http(item)...)
	}
	return of, http, limited
}

// port reads a port and adds it to those of a protocol. It returns false where it is not of TCP alone.
func (d *decoder) port(n *yaml.Node, of string, into *ranges) bool {
	protocol, port, end := "ANY", "", 0
	d.fields(n, "a port", func(key string, v *yaml.Node) bool {
		switch key {
		case "port":
			port = d.word(v)
		case "endPort":
			end, _ = strconv.Atoi(v.Value)
		case "protocol":
			protocol = d.word(v)
		default:
			return false
		}
		return true
	})
	number, err := strconv.ParseUint(port, 0, 16)
	name := serviceName.MatchString(port) && letter.MatchString(port)
	switch {
	case !slices.Contains([]string{"TCP", "UDP", "SCTP", "ICMP", "ICMPV6", "ANY"}, protocol):
		d.refuse(n, "Cilium has no protocol %s", protocol)
	case port == "" || err != nil && !name:
		d.refuse(n, "%q is no port", port)
	case protocol != of && protocol != "ANY":
	case name:
		into.named = true
	case number == 0:
		into.all = append(into.all, [2]uint16{1, math.MaxUint16})
		return false
	case end > int(number):
		into.all = append(into.all, [2]uint16{uint16(number), uint16(min(end, math.MaxUint16))})
	default:
		into.all = append(into.all, [2]uint16{uint16(number), uint16(number)})
	}
	return protocol == "TCP"
}
