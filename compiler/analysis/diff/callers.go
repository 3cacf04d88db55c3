package diff

import (
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/analysis/model"
	"github.com/meshc/meshc/compiler/analysis/phrase"
	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/compiler/policy"
)

// Bounds of the names of callers: in all, for each of some that changed, and for pairs of address blocks.
const (
	maxNames  = 4096
	maxSingle = 1024
	maxBlocks = 64
)

// nameSources names the callers that changed and those that their names may have to exclude: in the words of the
// language, or else in those of the policies, and as a last resort one class at a time.
func (s *comparison) nameSources(groups []group) {
	changed := space.NewSet(len(s.classes.Sources))
	for _, g := range groups {
		changed.AddAll(g.sources)
	}
	defer func() { phrase.WidestFirst(s.callers) }()
	s.nameIdentities()
	restrictions := s.restrictions()
	if len(restrictions) == 0 {
		return
	}
	anywhere := s.callers
	for _, who := range anywhere {
		if who.Value.single && len(anywhere)*len(restrictions) > maxNames || !who.Set.Meets(changed) {
			continue
		}
		for _, r := range restrictions {
			if set := who.Set.Common(r.set); set.Len() > 0 {
				c := who.Value
				c.At, c.Clients, c.Facts = r.at, r.clients, r.facts
				s.addCallers(c, set, who.Cost+r.cost)
			}
		}
	}
	if changed.Len() > maxSingle {
		return
	}
	for i := range changed.All() {
		set := space.NewSet(len(s.classes.Sources))
		set.Add(i)
		c, _ := s.callerOf(i)
		c.At, c.Clients = s.addressesOf(i)
		c.Facts = s.factsOf(i)
		s.addCallers(namedCaller{Caller: c}, set, phrase.Vague)
	}
}

// namedCaller is callers with a name.
type namedCaller struct {
	Caller
	single bool // they have one identity, and there may be as many such names as identities
}

func (s *comparison) addCallers(c namedCaller, set space.Set, cost int) {
	s.callers = append(s.callers, phrase.Name[namedCaller]{Value: c, Text: c.String(), Group: c.Who(), Set: set, Cost: cost})
}

// nameIdentities names callers by their identity, regardless of their addresses.
func (s *comparison) nameIdentities() {
	n := len(s.classes.Sources)
	at := map[string]int{}
	put := func(c Caller, cost int, members space.Set) {
		text := c.String()
		i, there := at[text]
		if !there {
			i = len(s.callers)
			at[text] = i
			s.addCallers(namedCaller{Caller: c}, space.NewSet(n), cost)
		}
		s.callers[i].Set.AddAll(members)
	}
	type one struct {
		Caller
		set  space.Set
		cost int
	}
	var single []one
	byIdentity := map[string]space.Set{} // of identities that are a class of their own
	for i := 0; i < n; {
		members, first := space.NewSet(n), i
		for identity := s.classes.Identity(i); i < n && s.classes.Identity(i) == identity; i++ {
			members.Add(i)
		}
		put(Caller{Source: world}, phrase.Plain, members)
		if s.classes.Sources[first].Identity() == "" {
			put(Caller{Source: world, Unidentified: true}, phrase.Plain, members)
			s.nameOutside(put)
			continue
		}
		put(Caller{Source: anyone}, phrase.Plain, members)
		for _, pattern := range s.classes.Wildcards(first) {
			c, known := s.matching(pattern)
			put(c, phrase.Plain+btoi(!known), members)
		}
		c, known := s.callerOf(first)
		cost := phrase.Vague
		_, alone := s.classes.Identities(first)
		if alone || known {
			cost = phrase.Plain
		}
		if alone {
			byIdentity[s.classes.Sources[first].Identity()] = members
		}
		single = append(single, one{c, members, cost})
	}
	for _, c := range single {
		s.addCallers(namedCaller{c.Caller, true}, c.set, c.cost)
	}
	s.nameShifted(byIdentity, put)
}

// nameShifted names services by all identities that they may have, where each of these is a class of its own.
func (s *comparison) nameShifted(byIdentity map[string]space.Set, put func(Caller, int, space.Set)) {
	for _, identity := range slices.Sorted(maps.Keys(byIdentity)) {
		for _, one := range s.shifted[identity] {
			if one.identities[0].String() != identity || slices.ContainsFunc(one.identities, func(i policy.Identity) bool { return byIdentity[i.String()] == nil }) {
				continue
			}
			for _, i := range one.identities {
				put(Caller{Source: policy.Source{Service: one.Service}}, phrase.Plain, byIdentity[i.String()])
			}
		}
	}
}

var (
	world  = policy.Source{Kind: policy.FromWorld}
	anyone = policy.Source{Kind: policy.FromAny}
)

// nameOutside names services outside the mesh, which have an address and no identity.
func (s *comparison) nameOutside(put func(Caller, int, space.Set)) {
	for i, c := range s.classes.Sources {
		if c.Identity() != "" || !c.Address(space.SourceAddress).IsValid() && !c.Address(space.RemoteAddress).IsValid() {
			continue
		}
		for _, side := range []struct {
			*model.Model
			callee *policy.Service
		}{{s.after, s.is}, {s.before, s.was}} {
			found := false
			for _, o := range outside(side.Model) {
				if who := (policy.Source{Service: o}); side.MatchesSource(side.callee, c, who) {
					set := space.NewSet(len(s.classes.Sources))
					set.Add(i)
					put(Caller{Source: who}, phrase.Plain, set)
					found = true
				}
			}
			if found {
				break
			}
		}
	}
}

func outside(m *model.Model) []*policy.Service {
	var all []*policy.Service
	for _, s := range m.Policy.Services() {
		if !s.Proxied() {
			all = append(all, s)
		}
	}
	return all
}

// matching is the identities that match a pattern of the policies. It reports whether the language has a word for them.
func (s *comparison) matching(pattern space.Pattern) (c Caller, known bool) {
	mesh, whole := pattern.InNamespace()
	if !whole {
		mesh, whole = policy.NamespaceOf(pattern.String(), s.after.Policy.TrustDomain)
	}
	c = Caller{Source: anyone}
	switch {
	case pattern.Account() != "":
		c.Identities = pattern.Words() + " of any trust domain"
	case !whole:
		c.Identities = pattern.Words()
	case strings.ContainsAny(mesh, "*/"):
		c.Identities = mesh + "/*"
	default:
		return Caller{Source: policy.Source{Kind: policy.FromMesh, Mesh: mesh}}, true
	}
	return c, false
}

// callerOf is the callers of a class, regardless of their addresses, and whether the language has a word for them. A
// caller that nothing names stands for all such callers.
func (s *comparison) callerOf(class int) (caller Caller, known bool) {
	identity := s.classes.Sources[class].Identity()
	if identity == "" {
		return Caller{Source: world, Unidentified: true}, true
	}
	patterns, one := s.classes.Identities(class)
	if known, ok := s.services[identity]; ok && (one || len(patterns) == 1 && patterns[0].Account() == known.Service.Namespace+"/"+known.Service.Account) {
		return known, true
	}
	c := Caller{Source: anyone}
	switch {
	case one:
		c.Identities = identity
		if id, ok := policy.ParseIdentity(identity); ok && id.TrustDomain == s.after.Policy.TrustDomain {
			c.Identities = "account " + id.Account + " of " + id.Namespace
		}
	case len(patterns) > 0:
		words := make([]string, len(patterns))
		for i, p := range patterns {
			matching, _ := s.matching(p)
			words[i] = matching.String()
		}
		slices.Sort(words)
		c.Identities = "others of " + strings.Join(words, " and ")
	case !s.classes.Takes(class, s.after.IdentityOf(model.Unnamed, model.Unnamed)):
		c.Identities = "identities of other trust domains"
	default:
		c.Identities = "all other accounts of the mesh"
	}
	return c, false
}

// blocks is the address blocks that distinguish callers, and those that distinguish the clients they call for.
func (s *comparison) blocks() (peers, clients []netip.Prefix) {
	for i := 0; i < len(s.classes.Sources) && s.classes.Identity(i) == 0; i++ {
		peer, client := s.classes.Block(i, space.SourceAddress), s.classes.Block(i, space.RemoteAddress)
		if peer.IsValid() && !slices.Contains(peers, peer) {
			peers = append(peers, peer)
		}
		if client.IsValid() && !slices.Contains(clients, client) {
			clients = append(clients, client)
		}
	}
	return peers, clients
}

// restriction is callers that have some addresses, or of whom something else is known.
type restriction struct {
	at, clients Addresses
	facts       string
	set         space.Set
	cost        int
}

// restrictions is what the names of callers can be restricted to.
func (s *comparison) restrictions() []restriction {
	peers, clients := s.blocks()
	var all []restriction
	for _, peer := range append(peers, netip.Prefix{}) {
		for _, client := range append(clients, netip.Prefix{}) {
			cost := btoi(peer.IsValid()) + btoi(client.IsValid())
			if cost == 0 || cost == 2 && len(peers)*len(clients) > maxBlocks {
				continue
			}
			r := restriction{Addresses{Block: peer}, Addresses{Block: client}, "", space.NewSet(len(s.classes.Sources)), cost}
			for i, c := range s.classes.Sources {
				if (!peer.IsValid() || peer.Contains(c.Address(space.SourceAddress))) && (!client.IsValid() || client.Contains(c.Address(space.RemoteAddress))) {
					r.set.Add(i)
				}
			}
			all = append(all, r)
		}
	}
	return append(all, s.facts()...)
}

// maxFacts bounds the combinations of facts that names are restricted to.
const maxFacts = 4 * maxBlocks

// facts is what conditions on other dimensions of callers restrict them to: callers with certain facts and no more, and
// callers with at least these. Where conditions are many, the former are too: names for each of all combinations say
// nothing.
func (s *comparison) facts() []restriction {
	by := map[string][]int{} // the callers with certain facts, by their words
	var words []string
	for i := range s.classes.Sources {
		w := s.factsOf(i)
		if w == "" {
			continue
		}
		if by[w] == nil {
			words = append(words, w)
		}
		by[w] = append(by[w], i)
	}
	var exactly, atLeast []restriction
	few := len(words) <= maxFacts
	if few {
		for _, w := range words {
			r := restriction{facts: w, set: space.NewSet(len(s.classes.Sources)), cost: 1}
			for _, i := range by[w] {
				r.set.Add(i)
			}
			exactly = append(exactly, r)
		}
	}
	s.classes.Holders(few, func(w string, least bool, holders space.Set) {
		if callers := by[w]; least && callers != nil && len(callers) != holders.Len() {
			s.alone[w] = true
			if few {
				exactly[slices.Index(words, w)].facts += alone
			}
		}
		same := func(r restriction) bool { return r.set.Equal(holders) }
		switch r := (restriction{facts: w, set: holders, cost: 1}); {
		case slices.ContainsFunc(exactly, same), slices.ContainsFunc(atLeast, same):
		case least:
			atLeast = append(atLeast, r)
		default:
			exactly = append(exactly, r)
		}
	})
	return append(exactly, atLeast...)
}

func (s *comparison) factsOf(class int) string {
	words := strings.TrimSpace(s.classes.Facts(s.classes.Sources[class]))
	if s.alone[words] {
		words += alone
	}
	return words
}

// alone follows the facts of callers of whom nothing more is known, where others have these facts and more.
const alone = " alone"

// addressesOf is the addresses of the callers of a class, and of no other class.
func (s *comparison) addressesOf(class int) (at, clients Addresses) {
	peers, behind := s.blocks()
	addresses := func(block netip.Prefix, all []netip.Prefix) Addresses {
		narrower := func(b netip.Prefix) bool {
			return !block.IsValid() || b.Bits() > block.Bits() && block.Contains(b.Addr())
		}
		return Addresses{block, slices.ContainsFunc(all, narrower)}
	}
	return addresses(s.classes.Block(class, space.SourceAddress), peers), addresses(s.classes.Block(class, space.RemoteAddress), behind)
}
