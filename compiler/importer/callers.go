package importer

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/compiler/config"
	"github.com/meshc/meshc/compiler/policy"
)

// caller is who a source of a policy stands for. Any two are disjoint, or one includes the other.
type caller struct {
	kind    policy.SourceKind
	in      string // the namespace of an account, or of FromMesh
	account string
	at      *service // with addresses, in place of an account
}

// callers are some callers without others.
type callers struct {
	who    []caller
	except []caller
	token  *credential // that their requests must have; nil: none
}

// alike reports whether the callers differ in who they are alone.
func (c *callers) alike(other *callers) bool {
	return slices.Equal(c.except, other.except) && c.token.String() == other.token.String()
}

func compareCallers(a, b caller) int {
	name := func(c caller) string {
		if c.at != nil {
			return c.at.name
		}
		return ""
	}
	return cmp.Or(cmp.Compare(b.kind, a.kind), cmp.Compare(a.in, b.in), cmp.Compare(a.account, b.account), cmp.Compare(name(a), name(b)))
}

func (c caller) includes(d caller) bool {
	switch c.kind {
	case policy.FromWorld:
		return true
	case policy.FromAny:
		return d.kind != policy.FromWorld && d.at == nil
	case policy.FromMesh:
		return d.at == nil && d.in == c.in && (d.kind == policy.FromMesh || d.kind == policy.FromService)
	}
	return c == d
}

// widest drops callers that others include, and sorts.
func widest(all []caller) []caller {
	slices.SortFunc(all, compareCallers)
	all = slices.Compact(all)
	several := severalOf(all)
	return slices.DeleteFunc(slices.Clone(all), func(c caller) bool {
		return slices.ContainsFunc(several, func(d caller) bool { return d != c && d.includes(c) })
	})
}

// severalOf is the callers that may include others. A service is none of them, and lists may name thousands.
func severalOf(all []caller) (several []caller) {
	for _, c := range all {
		if c.kind != policy.FromService {
			several = append(several, c)
		}
	}
	return several
}

// groups is the callers of the boxes of a rule: those of which the same others are left out together.
func (i *importer) groups(o *object, boxes []space.Box) (all []callers, err error) {
	for _, box := range boxes {
		some, err := approximate(i, o, box, i.callers)
		if err != nil {
			return nil, err
		}
		for _, g := range some {
			if k := slices.IndexFunc(all, func(other callers) bool { return other.alike(&g) }); k >= 0 {
				all[k].who = widest(slices.Concat(all[k].who, g.who))
			} else {
				all = append(all, g)
			}
		}
	}
	return all, nil
}

// callers are those of one source.
func (i *importer) callers(o *object, box space.Box) ([]callers, error) {
	who := []caller{{kind: policy.FromWorld}}
	token, never, err := i.token(o, box)
	if err != nil || never {
		return nil, err
	}
	var except []caller
	var addresses []netip.Prefix
	for _, c := range box {
		switch {
		case c.Dimension == space.Identity:
			if len(c.Is) > 0 {
				some, err := i.identities(c.Is)
				if err != nil {
					return nil, err
				}
				who = common(who, some)
			}
			some, err := i.identities(c.Not)
			if err != nil {
				return nil, err
			}
			except = append(except, some...)
		case (c.Dimension == space.SourceAddress || c.Dimension == space.RemoteAddress) && len(c.Not) == 0 && addresses == nil:
			if err := i.clientsAt(o, c); err != nil {
				return nil, err
			}
			for _, p := range c.Is {
				block, err := netip.ParsePrefix(p.String())
				if err != nil {
					return nil, fmt.Errorf("the address %s", p)
				}
				addresses = append(addresses, block)
			}
		case c.Dimension == space.SourceAddress || c.Dimension == space.RemoteAddress:
			return nil, fmt.Errorf("addresses of callers are excepted, or restricted twice")
		case c.Dimension != space.Token:
			return nil, unspeakable(c)
		}
	}
	if addresses != nil {
		unidentified := len(who) == 1 && who[0].kind == policy.FromWorld && len(except) == 1 && except[0].kind == policy.FromAny
		if !unidentified || o.Namespace == i.mesh.RootNamespace {
			return nil, fmt.Errorf("addresses of callers that may have an identity")
		}
		slices.SortFunc(addresses, netip.Prefix.Compare)
		who = nil
		for _, some := range i.together(o.Namespace, slices.Compact(addresses)) {
			who = append(who, caller{at: i.in(o.Namespace).outside(some)})
		}
		return []callers{{who: who, token: token}}, nil
	}
	all := without(who, widest(except))
	for k := range all {
		all[k].token = token
	}
	return all, nil
}

// together divides addresses into those that the same rules of a namespace name, so that no two services are at one
// address.
func (i *importer) together(namespace string, addresses []netip.Prefix) (all [][]netip.Prefix) {
	in := make([][]int, len(addresses)) // the rules that name each of them, as numbers in order
	n := 0
	for _, p := range i.layer.Policies {
		if p.Namespace != namespace {
			continue
		}
		for _, clause := range p.Clauses {
			for _, box := range clause.From {
				for _, c := range box {
					if c.Dimension != space.SourceAddress && c.Dimension != space.RemoteAddress {
						continue
					}
					n++
					for k, a := range addresses {
						if slices.ContainsFunc(c.Is, func(is space.Pattern) bool { return is.String() == a.String() }) {
							in[k] = append(in[k], n)
						}
					}
				}
			}
		}
	}
	for k, a := range addresses {
		if first := slices.IndexFunc(in[:k], func(other []int) bool { return slices.Equal(other, in[k]) }); first < 0 {
			all = append(all, []netip.Prefix{a})
		} else {
			at := slices.IndexFunc(all, func(some []netip.Prefix) bool { return some[0] == addresses[first] })
			all[at] = append(all[at], a)
		}
	}
	return all
}

// clientsAt notes where the gateways that an object is about have the addresses of clients: a project says it once for
// each.
func (i *importer) clientsAt(o *object, c space.Condition) error {
	address, about := policy.AddressInPackets, i.in(o.Namespace).services
	if c.Dimension == space.RemoteAddress {
		address = policy.AddressForwarded
	}
	if o.about != nil {
		about = []*service{o.about}
	}
	if address == policy.AddressForwarded && (o.about == nil || !o.about.gateway) {
		return unspeakable(c)
	}
	for _, s := range about {
		if s.gateway && s.clients != policy.AddressUnknown && s.clients != address {
			return fmt.Errorf("addresses of clients as a proxy reports them, and those of packets, at one gateway")
		}
	}
	for _, s := range about {
		if s.gateway {
			s.clients = address
		}
	}
	return nil
}

// gateways is the settings of the gateways whose rules look at addresses.
func (i *importer) gateways() map[string]config.Gateway {
	all := map[string]config.Gateway{}
	for _, n := range i.services {
		for _, s := range n.services {
			if s.clients != policy.AddressUnknown {
				all[s.namespace+"/"+s.name] = config.Gateway{ClientAddress: s.clients}
			}
		}
	}
	return all
}

// without is some callers without others, which are left out of those that include them.
func without(who, except []caller) (all []callers) {
	for _, c := range who {
		var left []caller
		gone := false
		for _, e := range except {
			if gone = gone || e.includes(c); c.includes(e) {
				left = append(left, e)
			}
		}
		k := slices.IndexFunc(all, func(g callers) bool { return slices.Equal(g.except, left) })
		switch {
		case gone:
		case k >= 0:
			all[k].who = append(all[k].who, c)
		default:
			all = append(all, callers{who: []caller{c}, except: left})
		}
	}
	return all
}

// common is the callers that are in both lists.
func common(a, b []caller) (both []caller) {
	services := map[caller]bool{}
	for _, c := range a {
		services[c] = c.kind == policy.FromService
	}
	for _, d := range b {
		if services[d] {
			both = append(both, d)
		}
	}
	for _, c := range severalOf(a) {
		for _, d := range b {
			switch {
			case c.includes(d):
				both = append(both, d)
			case d.includes(c):
				both = append(both, c)
			}
		}
	}
	for _, d := range severalOf(b) {
		for _, c := range a {
			if c.kind == policy.FromService && d.includes(c) {
				both = append(both, c)
			}
		}
	}
	return widest(both)
}

// identities are the callers that patterns of identities stand for.
func (i *importer) identities(patterns []space.Pattern) (all []caller, err error) {
	for _, p := range patterns {
		id, ok := policy.ParseIdentity(p.Principal())
		switch {
		case ok && slices.Contains(i.mesh.Aliases, id.TrustDomain): // another name of one that is in the list
		case ok && id.TrustDomain != i.mesh.TrustDomain && id.TrustDomain != i.elsewhere(id.Namespace):
			return nil, fmt.Errorf("a caller of the trust domain %s, and what else names the namespace %s means that of %s: the name stands for one of them", id.TrustDomain, id.Namespace, i.otherDomains(id))
		case ok && policy.IsLabel(id.Namespace) && policy.IsName(id.Account):
			all = append(all, caller{in: id.Namespace, account: id.Account})
		case p.Namespace() != "" && policy.IsLabel(p.Namespace()):
			all = append(all, caller{kind: policy.FromMesh, in: p.Namespace()})
		case p.IsPrincipal() && p.String() == "*":
			all = append(all, caller{kind: policy.FromAny})
		case p.Account() != "":
			return nil, fmt.Errorf("a service account of any trust domain: %s", p.Account())
		case i.spaceOf(p) != "":
			return nil, fmt.Errorf("the callers %s: those of one trust domain alone, and %s/* is those of any", p.Words(), i.spaceOf(p))
		default:
			return nil, fmt.Errorf("the callers %s", p.Words())
		}
	}
	return widest(all), nil
}

// spaceOf is the namespace of which a pattern is the accounts of one trust domain; empty if it is about something else.
func (i *importer) spaceOf(p space.Pattern) string {
	if !p.IsPrincipal() {
		return ""
	}
	domain, _, _ := strings.Cut(p.String(), "/")
	namespace, ok := policy.NamespaceOf(p.String(), domain)
	if !ok || !policy.IsLabel(namespace) {
		return ""
	}
	return namespace
}
