package check

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// Two services are confusable where a callee knows both by the same identity. A rule for one of them holds for both, so
// they must be treated alike wherever an edge, a deny or a guard names one.

// identity is what a callee knows a service by: its account, or, without a proxy, its own addresses.
type identity struct {
	namespace, account string
	unproxied          *policy.Service
}

func identitiesOf(s *policy.Service) []identity {
	if !s.Proxied() {
		return []identity{{unproxied: s}}
	}
	all := []identity{{namespace: s.Namespace, account: s.Account}}
	for _, account := range s.Was {
		all = append(all, identity{namespace: s.Namespace, account: account})
	}
	return all
}

// passing reports whether two services share an identity only until an earlier account of one of them goes.
func (id identity) passing(s, other *policy.Service) bool {
	return id.unproxied == nil && (s.Account != id.account || other.Account != id.account)
}

// remedy is what distinguishes a service from all that share its identity.
func (id identity) remedy(s *policy.Service, other *service) string {
	switch {
	case id.unproxied != nil:
		return fmt.Sprintf("give %s its own addresses", other.Name)
	case id.passing(s, other.Service):
		return fmt.Sprintf("take this out until `was %s` is deleted", id.account)
	}
	return fmt.Sprintf("give %s its own account (`meshc accounts` plans it)", s.Name)
}

// sharedIdentities reports confusable services that edges or denies treat differently.
func (c *checker) sharedIdentities() {
	c.findConfusables()
	if len(c.confusables) == 0 {
		return
	}
	c.eachJudged(func(m *mesh) {
		for _, s := range m.services {
			denied := bySource(s.deny)
			c.treatedAlike(true, s.allow, bySource(s.allow), denied)
			c.treatedAlike(false, s.deny, denied)
			for _, r := range slices.Concat(s.allow, s.deny) {
				if len(r.Except) > 0 {
					c.exact(located{r.Except, r.exceptAt}, func(s *policy.Service) bool { return lists(r.From, s) })
				}
			}
		}
	})
}

// findConfusables groups the services by identity. Addresses are not symmetric: a service whose addresses lie within
// those of another can be taken for that one, not the reverse, since a network may be let in and one host of it to
// more.
func (c *checker) findConfusables() {
	c.confusables = map[identity][]*service{}
	var addressed []*service
	for _, m := range c.meshes {
		for _, s := range m.services {
			switch {
			case !s.Proxied() && len(s.Addresses) > 0:
				addressed = append(addressed, s)
			case s.Proxied() && s.Account != "":
				for _, id := range identitiesOf(s.Service) {
					c.confusables[id] = append(c.confusables[id], s)
				}
			}
		}
	}
	for id, all := range c.confusables {
		if len(all) < 2 {
			delete(c.confusables, id)
		}
	}
	for _, s := range addressed {
		for _, other := range addressed {
			if other != s && networkWithin(other.Service, s.Service).IsValid() {
				id := identity{unproxied: s.Service}
				c.confusables[id] = append(c.confusables[id], other)
			}
		}
	}
}

// networkWithin returns the first network of inner that lies in one of outer; it is not valid where none does.
func networkWithin(inner, outer *policy.Service) netip.Prefix {
	for _, wide := range outer.Addresses {
		for _, narrow := range inner.Addresses {
			if wide.Bits() <= narrow.Bits() && wide.Contains(narrow.Addr()) {
				return narrow
			}
		}
	}
	return netip.Prefix{}
}

// treatedAlike reports a service confusable with a source of a rule, unless every request that the rule is about is
// also covered for that service by one of some groups of rules. Where the rules open something, an identity that is
// shared only for a time is no mistake: what it opens is gathered.
func (c *checker) treatedAlike(opens bool, rules []*rule, groups ...*rulesBySource) {
	type examined struct {
		identity
		present bool // it is the identity of the present account of the source
		key     string
	}
	done := map[examined]bool{}
	for _, r := range rules {
		var parts []*rule
		for i, f := range r.From {
			if f.Kind != policy.FromService {
				continue
			}
			for _, id := range identitiesOf(f.Service) {
				confusables := c.confusables[id]
				this := examined{id, id.account == f.Service.Account, r.key}
				if len(confusables) == 0 || c.reported[id] || done[this] {
					continue
				}
				done[this] = true
				if parts == nil {
					parts = r.parts()
				}
				for _, other := range confusables {
					if other.Service == f.Service || !concerned(other, f.Service, groups) || covered(other.Service, parts, groups) {
						continue
					}
					if opens && id.passing(f.Service, other.Service) {
						c.opens(id, other, r.callee, r.FromAt[i])
						continue
					}
					c.sharedIdentity(id, f.Service, other, r.FromAt[i]).
						WithHelp("%s, or write the same for all who share it", id.remedy(f.Service, other))
					break
				}
			}
		}
	}
}

// concerned reports whether a service must be distinguished from s: always in the same mesh, and in another one (as
// addresses may be) where the callee has a rule for it.
func concerned(other *service, s *policy.Service, groups []*rulesBySource) bool {
	return other.Namespace == s.Namespace ||
		slices.ContainsFunc(groups, func(g *rulesBySource) bool { return len(g.named[other.Service]) > 0 })
}

func covered(s *policy.Service, parts []*rule, groups []*rulesBySource) bool {
	return !slices.ContainsFunc(parts, func(p *rule) bool {
		return !slices.ContainsFunc(groups, func(g *rulesBySource) bool { return g.cover(s, p) })
	})
}

// rulesBySource is the edges, or the denies, of one callee.
type rulesBySource struct {
	named map[*policy.Service][]*rule
	wide  []*rule // with a wildcard among their sources
}

func bySource(rules []*rule) *rulesBySource {
	g := &rulesBySource{named: map[*policy.Service][]*rule{}}
	for _, r := range rules {
		wide := false
		for _, f := range r.From {
			if f.Kind == policy.FromService {
				g.named[f.Service] = append(g.named[f.Service], r)
			} else {
				wide = true
			}
		}
		if wide {
			g.wide = append(g.wide, r)
		}
	}
	return g
}

// cover reports whether one of the rules covers a part of a rule for a service.
func (g *rulesBySource) cover(s *policy.Service, part *rule) bool {
	covers := func(r *rule) bool { return r.Requests.Covers(&part.Requests) }
	return slices.ContainsFunc(g.named[s], covers) || slices.ContainsFunc(g.wide, func(r *rule) bool {
		return covers(r) && r.Includes(policy.Source{Service: s})
	})
}

// parts splits a rule into one for each single port, method and path.
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
			parts = append(parts, &rule{Rule: policy.Rule{Requests: policy.Requests{Ports: p, Ops: o, Without: r.Without, Where: r.Where}}})
		}
	}
	return parts
}

// lists reports whether one of the sources includes a service.
func lists(sources []policy.Source, s *policy.Service) bool {
	return policy.Includes(sources, policy.Source{Service: s})
}

// located is the sources of a guard with the span of each.
type located struct {
	sources []policy.Source
	at      []source.Span
}

// exact reports a source of a guard that is confusable with a service which is not among the sources: what holds for
// one holds for the other. Only services that the guard is about count.
func (c *checker) exact(l located, about func(*policy.Service) bool) {
	for i, f := range l.sources {
		if f.Kind != policy.FromService {
			continue
		}
		for _, id := range identitiesOf(f.Service) {
			for _, other := range c.confusables[id] {
				if other.Service != f.Service && !c.reported[id] && about(other.Service) && !lists(l.sources, other.Service) {
					c.sharedIdentity(id, f.Service, other, l.at[i]).
						WithHelp("%s, or name all who share it", id.remedy(f.Service, other))
				}
			}
		}
	}
}

// sharedIdentity reports, once for an identity, that a callee cannot distinguish two services.
func (c *checker) sharedIdentity(id identity, s *policy.Service, other *service, at source.Span) *diag.Diagnostic {
	c.reported[id], c.whole = true, true
	if id.unproxied != nil {
		network := networkWithin(other.Service, s)
		if networkWithin(s, other.Service).IsValid() {
			c.reported[identity{unproxied: other.Service}] = true // the same finding the other way round
		}
		return c.list.Add(diag.SharedAddress, at, "%s is at an address of %s, so this holds for both", other.Name, s.Name).
			WithRelated(s.At, "%s is at %s", s.Name, s.Addresses[0]).
			WithRelated(other.At, "%s is at %s too", other.Name, network).
			WithNote("without a proxy the address is the identity: the callee cannot see which of the two is calling")
	}
	known := c.serviceOf(s)
	if id.passing(s, other.Service) {
		return c.list.Add(diag.SharedAccount, at, "until `was %s` is deleted, pods of %s and %s may both run as %s, so this holds for both", id.account, s.Name, other.Name, id.account).
			WithRelated(id.statedAt(known), "%s may run as %s", s.Name, id.account).
			WithRelated(id.statedAt(other), "%s may run as %s too", other.Name, id.account).
			WithNote("the account is the identity: the callee cannot see which of them is calling")
	}
	names, both := []string{s.Name, other.Name}, "both"
	for _, third := range c.confusables[id] {
		if third != known && third != other {
			names, both = append(names, third.Name), "all of them"
		}
	}
	slices.Sort(names[2:])
	return c.list.Add(diag.SharedAccount, at, "%s share the account %s, so this holds for %s", listed(names), quoted(id.account), both).
		WithRelated(either(known.accountAt, known.At), "%s runs as %s", s.Name, id.account).
		WithRelated(either(other.accountAt, other.At), "%s runs as %s too", other.Name, id.account).
		WithNote("the account is the identity: the callee cannot see which of them is calling")
}

// serviceOf returns what the check knows about a service of the policy.
func (c *checker) serviceOf(s *policy.Service) *service {
	return c.byName[s.Namespace].names[s.Name].service
}
