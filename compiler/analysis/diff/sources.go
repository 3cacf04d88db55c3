package diff

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/analysis/model"
	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/compiler/policy"
)

// nameSources names the callers that changed and those that their names may have to exclude: in the words of the language,
// or else in those of the policies, and as a last resort one class at a time.
func (s *subject) nameSources(kinds []kind) {
	changed := space.NewSet(len(s.split.Sources))
	for _, k := range kinds {
		changed.AddAll(k.sources)
	}
	defer func() { widestFirst(s.callers) }()
	s.nameIdentities()
	places := s.places()
	if len(places) == 0 {
		return
	}
	everywhere := s.callers
	for _, who := range everywhere {
		if who.single && len(everywhere)*len(places) > 4*maxRough || !who.set.Meets(changed) {
			continue
		}
		for _, at := range places {
			if set := who.set.Common(at.set); set.Len() > 0 {
				s.callers = append(s.callers, piece{text: who.text + at.text, caller: who.text, set: set, price: who.price + at.price, who: who.who})
			}
		}
	}
	if changed.Len() > maxRough {
		return
	}
	for i := range changed.All() {
		set := space.NewSet(len(s.split.Sources))
		set.Add(i)
		s.callers = append(s.callers, piece{text: s.identityText(i) + s.placeText(i) + s.split.Facts(s.split.Sources[i]), set: set, price: rough, who: s.identitySource(i)})
	}
}

// nameIdentities names callers by their identity, regardless of their addresses.
func (s *subject) nameIdentities() {
	n := len(s.split.Sources)
	at := map[string]int{}
	put := func(text string, price int, who *policy.Source, members space.Set) {
		i, there := at[text]
		if !there {
			i = len(s.callers)
			at[text] = i
			s.callers = append(s.callers, piece{text: text, set: space.NewSet(n), price: price, who: who})
		}
		s.callers[i].set.AddAll(members)
	}
	var single []piece
	for i := 0; i < n; {
		members, first := space.NewSet(n), i
		for identity := s.split.Identity(i); i < n && s.split.Identity(i) == identity; i++ {
			members.Add(i)
		}
		put("world", plain, &policy.Source{Kind: policy.FromWorld}, members)
		if s.split.Sources[first].Identity() == "" {
			put(model.Unidentified, plain, &policy.Source{Kind: policy.FromWorld}, members)
			s.nameOutside(put)
			continue
		}
		put("any", plain, &policy.Source{Kind: policy.FromAny}, members)
		for _, pattern := range s.split.Wildcards(first) {
			text, who := s.patternText(pattern)
			put(text, btoi(who == nil)+plain, who, members)
		}
		who, price := s.identitySource(first), rough
		if _, one := s.split.Identities(first); one || who != nil {
			price = plain
		}
		single = append(single, piece{text: s.identityText(first), set: members, price: price, who: who, single: true})
	}
	s.callers = append(s.callers, single...)
}

// nameOutside names services outside the mesh, which have an address and no identity.
func (s *subject) nameOutside(put func(string, int, *policy.Source, space.Set)) {
	for i, c := range s.split.Sources {
		if c.Identity() != "" || !c.Address(space.SourceAddress).IsValid() {
			continue
		}
		for _, m := range []*model.Model{s.after, s.before} {
			found := false
			for _, o := range outside(m) {
				if who := (policy.Source{Service: o}); m.MatchesSource(c, who) {
					set := space.NewSet(len(s.split.Sources))
					set.Add(i)
					put(o.ID(), plain, &who, set)
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

// patternText is the name of the identities that match a pattern of the policies: that of the language where it has one.
func (s *subject) patternText(pattern space.Pattern) (string, *policy.Source) {
	mesh, whole := pattern.InNamespace()
	if !whole {
		mesh, whole = policy.NamespaceOf(pattern.String(), s.after.Policy.TrustDomain)
	}
	switch {
	case pattern.Account() != "":
		return pattern.Words() + " of any trust domain", nil
	case !whole:
		return pattern.Words(), nil
	case strings.ContainsAny(mesh, "*/"):
		return mesh + "/*", nil
	}
	return mesh + "/*", &policy.Source{Kind: policy.FromMesh, Mesh: mesh}
}

// identityText names the callers of a class, regardless of their addresses. A caller that nothing names stands for all such
// callers.
func (s *subject) identityText(class int) string {
	c := s.split.Sources[class]
	if c.Identity() == "" {
		return model.Unidentified
	}
	patterns, one := s.split.Identities(class)
	if who := s.identitySource(class); who != nil {
		return s.services[c.Identity()].text
	}
	if one {
		id, ok := policy.ParseIdentity(c.Identity())
		if !ok || id.TrustDomain != s.after.Policy.TrustDomain {
			return c.Identity()
		}
		return "account " + id.Account + " of " + id.Namespace
	}
	if len(patterns) == 0 {
		if !s.split.Takes(class, s.after.IdentityOf(model.Unnamed, model.Unnamed)) {
			return "identities of other trust domains"
		}
		return "any other identity"
	}
	words := make([]string, len(patterns))
	for i, p := range patterns {
		words[i], _ = s.patternText(p)
	}
	return "others of " + strings.Join(words, " and ")
}

// identitySource is the callers of a class as a source of the language; nil where the language has no word for them.
func (s *subject) identitySource(class int) *policy.Source {
	c := s.split.Sources[class]
	if c.Identity() == "" {
		return &policy.Source{Kind: policy.FromWorld}
	}
	known, ok := s.services[c.Identity()]
	if !ok {
		return nil
	}
	patterns, one := s.split.Identities(class)
	if !one && !(len(patterns) == 1 && patterns[0].Account() == known.service.Namespace+"/"+known.service.Account) {
		return nil
	}
	return &policy.Source{Service: known.service}
}

// blocks is the address blocks that distinguish callers, and those that distinguish the clients they call for.
func (s *subject) blocks() (peers, clients []netip.Prefix) {
	for i := 0; i < len(s.split.Sources) && s.split.Identity(i) == 0; i++ {
		peer, client := s.split.Block(i, space.SourceAddress), s.split.Block(i, space.RemoteAddress)
		if peer.IsValid() && !slices.Contains(peers, peer) {
			peers = append(peers, peer)
		}
		if client.IsValid() && !slices.Contains(clients, client) {
			clients = append(clients, client)
		}
	}
	return peers, clients
}

// places is the addresses that callers may have, in words that follow their names.
func (s *subject) places() []piece {
	peers, clients := s.blocks()
	var all []piece
	for _, peer := range append(peers, netip.Prefix{}) {
		for _, client := range append(clients, netip.Prefix{}) {
			set := space.NewSet(len(s.split.Sources))
			text, price := "", 0
			if peer.IsValid() {
				text, price = " at "+peer.String(), 1
			}
			if client.IsValid() {
				text, price = text+" for clients at "+client.String(), price+1
			}
			if price == 0 || price == 2 && len(peers)*len(clients) > maxSingles {
				continue
			}
			for i, c := range s.split.Sources {
				if (!peer.IsValid() || peer.Contains(c.Address(space.SourceAddress))) && (!client.IsValid() || client.Contains(c.Address(space.RemoteAddress))) {
					set.Add(i)
				}
			}
			all = append(all, piece{text: text, set: set, price: price})
		}
	}
	return append(all, s.facts()...)
}

// facts is what callers may be in other dimensions, in words that follow their names.
func (s *subject) facts() (all []piece) {
	for i, c := range s.split.Sources {
		words := s.split.Facts(c)
		n := slices.IndexFunc(all, func(p piece) bool { return p.text == words })
		if n < 0 {
			n = len(all)
			all = append(all, piece{text: words, set: space.NewSet(len(s.split.Sources)), price: 1})
		}
		all[n].set.Add(i)
	}
	return slices.DeleteFunc(all, func(p piece) bool { return p.text == "" })
}

// placeText is the addresses of the callers of a class and of no other class.
func (s *subject) placeText(class int) string {
	peers, clients := s.blocks()
	words := func(before string, block netip.Prefix, all []netip.Prefix) string {
		switch {
		case len(all) == 0:
			return ""
		case !block.IsValid():
			return before + "other addresses"
		case slices.ContainsFunc(all, func(b netip.Prefix) bool { return b.Bits() > block.Bits() && block.Contains(b.Addr()) }):
			return before + "other addresses of " + block.String()
		}
		return before + block.String()
	}
	peer, client := s.split.Block(class, space.SourceAddress), s.split.Block(class, space.RemoteAddress)
	return words(" at ", peer, peers) + words(" for clients at ", client, clients)
}

// callerText is a name of callers and its exceptions, which do not repeat the name.
func (n named) callerText() string {
	if len(n.except) == 0 {
		return n.text
	}
	words := make([]string, len(n.except))
	for i, e := range n.except {
		words[i] = e.text
		if who := cmp.Or(n.caller, n.text); who != e.text && who == cmp.Or(e.caller, e.text) {
			words[i] = strings.TrimPrefix(e.text, who+" ")
		}
	}
	return n.text + " except " + strings.Join(words, ", ")
}
