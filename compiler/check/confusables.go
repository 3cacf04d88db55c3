package check

import (
	"net/netip"
	"slices"

	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// identity is what a callee knows a service by: its account, or, of one without a proxy, its own addresses.
type identity struct {
	namespace, account string
	outside            *policy.Service
}

func identityOf(s *policy.Service) identity {
	if !s.Proxied() {
		return identity{outside: s}
	}
	return identity{namespace: s.Namespace, account: s.Account}
}

// toldApart reports services of one identity that edges or denies tell apart: the one would be let in, or shut out,
// with the other.
func (c *checker) sharedIdentities() {
	c.findTwins()
	if len(c.sharers) == 0 {
		return
	}
	for _, m := range c.meshes {
		for _, s := range m.services {
			denied := voicesOf(s.deny)
			c.equal(s.allow, voicesOf(s.allow), denied)
			c.equal(s.deny, denied)
		}
	}
}

// findTwins gathers who bears each identity. A service at a part of the addresses of another is taken for that one, and
// not the reverse: a network may be let in, and one host of it to more.
func (c *checker) findTwins() {
	c.sharers = map[identity][]*service{}
	var addressed []*service
	for _, m := range c.meshes {
		for _, s := range m.services {
			switch {
			case !s.Proxied() && len(s.Addresses) > 0:
				addressed = append(addressed, s)
			case s.Proxied() && s.Account != "":
				c.sharers[identityOf(s.Service)] = append(c.sharers[identityOf(s.Service)], s)
			}
		}
	}
	for k, all := range c.sharers {
		if len(all) < 2 {
			delete(c.sharers, k)
		}
	}
	for _, s := range addressed {
		for _, other := range addressed {
			if other != s && shared(s.Service, other.Service).IsValid() {
				c.sharers[identityOf(s.Service)] = append(c.sharers[identityOf(s.Service)], other)
			}
		}
	}
}

// shared is the first network of a twin that lies in one of a service; it is not valid where there is none.
func shared(s, twin *policy.Service) netip.Prefix {
	for _, outer := range s.Addresses {
		for _, inner := range twin.Addresses {
			if outer.Bits() <= inner.Bits() && outer.Contains(inner.Addr()) {
				return inner
			}
		}
	}
	return netip.Prefix{}
}

// equal reports a twin for which not every request holds that a rule is about: by none of the voices.
func (c *checker) equal(rules []*rule, voices ...*voices) {
	type about struct {
		identity
		key string
	}
	looked := map[about]bool{}
	for _, r := range rules {
		var parts []*rule
		for i, f := range r.From {
			if f.Kind != policy.FromService {
				continue
			}
			k := identityOf(f.Service)
			twins := c.sharers[k]
			if len(twins) == 0 || c.reported[k] || looked[about{k, r.key}] {
				continue
			}
			looked[about{k, r.key}] = true
			if parts == nil {
				parts = r.parts()
			}
			for _, twin := range twins {
				if twin.Service == f.Service || !heard(twin, f.Service, voices) || covered(twin.Service, parts, voices) {
					continue
				}
				c.sharedIdentity(k, f.Service, twin, r.FromAt[i]).
					WithHelp("give %s %s of its own, or write the same for both", twin.Name, k.what())
				break
			}
		}
	}
}

// heard tells whether a twin has to be told from a service: in its own mesh always, elsewhere (which an address may
// be) where the callee speaks of it.
func heard(twin *service, s *policy.Service, all []*voices) bool {
	return twin.Namespace == s.Namespace ||
		slices.ContainsFunc(all, func(v *voices) bool { return len(v.named[twin.Service]) > 0 })
}

func covered(s *policy.Service, parts []*rule, all []*voices) bool {
	return !slices.ContainsFunc(parts, func(p *rule) bool {
		return !slices.ContainsFunc(all, func(v *voices) bool { return v.cover(s, p) })
	})
}

// voices is the rules of one callee and action, by whom they name.
type voices struct {
	named map[*policy.Service][]*rule
	wide  []*rule // a mesh, or everybody
}

func voicesOf(rules []*rule) *voices {
	v := &voices{named: map[*policy.Service][]*rule{}}
	for _, r := range rules {
		wide := false
		for _, f := range r.From {
			if f.Kind == policy.FromService {
				v.named[f.Service] = append(v.named[f.Service], r)
			} else {
				wide = true
			}
		}
		if wide {
			v.wide = append(v.wide, r)
		}
	}
	return v
}

// cover tells whether one of the rules says of a service all that a part of a rule is about.
func (v *voices) cover(s *policy.Service, part *rule) bool {
	says := func(r *rule) bool {
		return policy.CoversPorts(r.Ports, part.Ports) && policy.Covers(r.Ops, part.Ops)
	}
	return slices.ContainsFunc(v.named[s], says) || slices.ContainsFunc(v.wide, func(r *rule) bool {
		return says(r) && lists(r.From, s)
	})
}

// parts is a rule for each single port and operation.
func (r *rule) parts() []*rule {
	ports := [][]uint16{nil}
	if len(r.Ports) > 0 {
		ports = slices.Collect(slices.Chunk(r.Ports, 1))
	}
	ops := [][]policy.Operation{nil}
	if len(r.Ops) > 0 {
		ops = nil
		for _, o := range r.Ops {
			if len(o.Methods) == 0 {
				ops = append(ops, []policy.Operation{o})
			}
			for m := range slices.Chunk(o.Methods, 1) {
				ops = append(ops, []policy.Operation{{Methods: m, Path: o.Path}})
			}
		}
	}
	var parts []*rule
	for _, p := range ports {
		for _, o := range ops {
			parts = append(parts, &rule{Rule: policy.Rule{Ports: p, Ops: o}})
		}
	}
	return parts
}

// lists tells whether some of the sources mean a service.
func lists(sources []policy.Source, s *policy.Service) bool {
	return slices.ContainsFunc(sources, func(f policy.Source) bool { return includes(f, policy.Source{Service: s}) })
}

// named is sources as a guard writes them, with the place of each.
type named struct {
	sources []policy.Source
	at      []source.Span
}

// exact reports a source of a guard that has a twin which is not among them: whatever holds for the one holds for the
// other. Of twins only those count that the guard is about.
func (c *checker) exact(n named, about func(*policy.Service) bool) {
	for i, f := range n.sources {
		if f.Kind != policy.FromService {
			continue
		}
		k := identityOf(f.Service)
		for _, twin := range c.sharers[k] {
			if twin.Service != f.Service && !c.reported[k] && about(twin.Service) && !lists(n.sources, twin.Service) {
				c.sharedIdentity(k, f.Service, twin, n.at[i]).
					WithHelp("give %s %s of its own, or name both", twin.Name, k.what())
			}
		}
	}
}

// sharedIdentity reports, once, that a service is taken for its twin.
func (c *checker) sharedIdentity(k identity, s *policy.Service, twin *service, at source.Span) *diag.Diagnostic {
	c.reported[k] = true
	if k.outside != nil {
		network := shared(s, twin.Service)
		if shared(twin.Service, s).IsValid() {
			c.reported[identityOf(twin.Service)] = true // the same the other way round
		}
		return c.list.Add(diag.SharedAddress, at, "%s is at an address of %s, so this holds for both", twin.Name, s.Name).
			WithRelated(s.At, "%s is at %s", s.Name, s.Addresses[0]).
			WithRelated(twin.At, "%s is at %s too", twin.Name, network).
			WithNote("without a proxy the address is the identity: the callee cannot see which of the two is calling")
	}
	return c.list.Add(diag.SharedAccount, at, "%s and %s share the account %s, so this holds for both", s.Name, twin.Name, quoted(k.account)).
		WithRelated(c.symbolAt(s), "%s runs as %s", s.Name, k.account).
		WithRelated(either(twin.accountAt, twin.At), "%s runs as %s too", twin.Name, k.account).
		WithNote("identity is the account: the callee cannot see which of the two is calling")
}

func (k identity) what() string {
	if k.outside != nil {
		return "addresses"
	}
	return "an account"
}

func (c *checker) symbolAt(s *policy.Service) source.Span {
	svc := c.byName[s.Namespace].names[s.Name].service
	return either(svc.accountAt, svc.At)
}
