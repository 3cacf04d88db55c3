package model

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/compiler/policy"
)

// Caller is whoever calls, in the words of the language, or, where it has none, in those of the policies.
type Caller struct {
	policy.Source
	Other string // what the language has no name for: some identities, Source is then any; none, it is then world
	At    string // in words, the addresses that they call from; empty: wherever

	Wide bool // so many that nothing names each of them
}

func (c Caller) String() string {
	if c.Other != "" {
		return c.Other + c.At
	}
	return c.Source.String() + c.At
}

// covers tells whether whoever is one caller is the other, too.
func (c Caller) covers(other Caller) bool {
	if c == other || c.At != "" && c.At != other.At {
		return false
	}
	alike := c.Source == other.Source && c.Other == other.Other
	switch {
	case alike || c.Kind == policy.FromWorld && c.Other == "":
		return true
	case c.Other != "":
		return slices.Contains(strings.Split(other.Other, And), c.Other)
	case other.Kind == policy.FromWorld:
		return false
	case c.Kind == policy.FromAny:
		return true
	}
	return c.Kind == policy.FromMesh && other.Kind == policy.FromService && other.Service.Namespace == c.Mesh
}

// widest leaves out who is one of the others.
func widest(callers []Caller) []Caller {
	return slices.DeleteFunc(slices.Clone(callers), func(c Caller) bool {
		return slices.ContainsFunc(callers, func(other Caller) bool { return other.covers(c) })
	})
}

const And = " and " // between what a class is at once

// Nobody is the name of an account, and of a namespace, that nothing has and no policy means in particular.
const Nobody = "."

func (m *Model) IdentityOf(namespace, account string) string {
	return policy.Identity{TrustDomain: m.Policy.TrustDomain, Namespace: namespace, Account: account}.String()
}

// who is the callers of a class, wherever they are. What the class has no name for but is of one service's account,
// of all others of a mesh, or of all that nothing names, is called so.
func (m *Model) Who(split *enforce.Classes, class int) Caller {
	src := split.Sources[class]
	if src.Identity() == "" {
		return Caller{Source: policy.Source{Kind: policy.FromWorld}, Wide: true}
	}
	words, one := split.Identities(class)
	if s := m.services[src.Identity()]; s != nil && (one || len(words) == 1 && words[0] == "account "+s.Namespace+"/"+s.Account) {
		return Caller{Source: policy.Source{Service: s}}
	}
	unnamed := Caller{Source: policy.Source{Kind: policy.FromAny}, Wide: !one}
	if one {
		unnamed.Other = m.Caller(src)
		return unnamed
	}
	if split.Takes(class, m.IdentityOf(Nobody, Nobody)) {
		return unnamed
	}
	for _, word := range words {
		namespace, ok := strings.CutPrefix(word, "namespace ")
		if !ok {
			namespace, ok = policy.NamespaceOf(word, m.Policy.TrustDomain)
		}
		if ok && !strings.ContainsAny(namespace, "*/") && split.Takes(class, m.IdentityOf(namespace, Nobody)) {
			return Caller{Source: policy.Source{Kind: policy.FromMesh, Mesh: namespace}}
		}
	}
	unnamed.Wide = !slices.ContainsFunc(words, func(w string) bool { return strings.HasPrefix(w, "account ") })
	if unnamed.Other = strings.Join(words, And); len(words) == 0 {
		unnamed.Other = "identities of other trust domains"
	}
	return unnamed
}

// place is where the callers of a class are, in words behind their name.
func Place(split *enforce.Classes, class int) string {
	text := ""
	peer, client := split.Block(class, space.SourceAddress), split.Block(class, space.RemoteAddress)
	if peer.IsValid() {
		text += " at " + peer.String()
	}
	if client.IsValid() {
		text += " for clients at " + client.String()
	}
	return text
}

// anywhere is a name without its place.
func Anywhere(name string) string {
	name, _, _ = strings.Cut(name, " for clients at ")
	name, _, _ = strings.Cut(name, " at ")
	return name
}

// class is who in the words of an answer: what nothing names is called so.
func (m *Model) ClassName(split *enforce.Classes, class int) string {
	switch w := m.Who(split, class); {
	case w.Kind == policy.FromWorld:
		return Unidentified
	case w.Other != "":
		return w.Other
	case w.Kind == policy.FromMesh:
		return "any other account of " + w.Mesh
	case w.Kind == policy.FromAny:
		return "any other identity"
	default:
		return w.String()
	}
}

// admitted is who is let in of the classes that open has, the widest only. A place is told where the same callers are
// not let in from everywhere.
func (m *Model) Admitted(split *enforce.Classes, open []bool) []Caller {
	everywhere := map[int]bool{} // by identity
	for n, src := range split.Sources {
		if src.Elsewhere {
			known, seen := everywhere[split.Identity(n)]
			everywhere[split.Identity(n)] = open[n] && (known || !seen)
		}
	}
	var all []Caller
	for n := range split.Sources {
		if !open[n] {
			continue
		}
		c := m.Who(split, n)
		if proved := split.With(m.IdentityOf(Nobody, Nobody), n); c.Kind == policy.FromWorld && (proved < 0 || !open[proved]) {
			c.Other = Unidentified
		}
		if !everywhere[split.Identity(n)] {
			c.At = Place(split, n)
		}
		if !slices.Contains(all, c) {
			all = append(all, c)
		}
	}
	return widest(all)
}

const Unidentified = "callers without identity"

// Caller is one caller of a class in the words of the language.
func (m *Model) Caller(c space.Source) string {
	if c.Identity() == "" {
		if c.Address(space.SourceAddress).IsValid() {
			return "a caller without identity at " + c.Address(space.SourceAddress).String()
		}
		return "a caller without identity"
	}
	if s := m.services[c.Identity()]; s != nil {
		return s.ID()
	}
	id, ok := policy.ParseIdentity(c.Identity())
	if !ok || id.TrustDomain != m.Policy.TrustDomain {
		return c.Identity()
	}
	return fmt.Sprintf("account %s of namespace %s", id.Account, id.Namespace)
}

// witness is the same with its place, where not everybody is met there.
func (m *Model) CallerAt(c space.Source) string {
	name := m.Caller(c)
	if c.Elsewhere {
		return name
	}
	if c.Identity() != "" {
		name += at(c.Address(space.SourceAddress))
	}
	if c.Address(space.RemoteAddress).IsValid() {
		name += " for a client" + at(c.Address(space.RemoteAddress))
	}
	return name
}

func at(ip netip.Addr) string {
	if !ip.IsValid() {
		return ""
	}
	return " at " + ip.String()
}

// ByName puts names before what is said of those without one.
func ByName(a, b string) int {
	vague := func(s string) int { return strings.Count(s, " ") }
	return cmp.Or(cmp.Compare(min(vague(a), 1), min(vague(b), 1)), cmp.Compare(a, b))
}
