package model

import (
	"cmp"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/source"
)

// Caller is a kind of callers in the terms of the language or, where it has none, of the policies.
type Caller struct {
	policy.Source
	Identities   []string     // patterns of identities, all of which match; Source is then any
	Unidentified bool         // those of world that have no identity
	Peer, Client netip.Prefix // where they call from, and where the clients are that they call for; not valid: anywhere

	Wide bool // so many that nothing names each of them
}

const and = " and "

func (c Caller) String() string {
	name := c.Source.String()
	switch {
	case c.Unidentified:
		name = Unidentified
	case len(c.Identities) > 0:
		name = strings.Join(c.Identities, and)
	}
	return name + addresses(c.Peer, c.Client)
}

func addresses(peer, client netip.Prefix) (text string) {
	if peer.IsValid() {
		text += " at " + peer.String()
	}
	if client.IsValid() {
		text += " for clients at " + client.String()
	}
	return text
}

// Plain reports whether the source says all about the callers.
func (c *Caller) Plain() bool {
	return !c.Unidentified && len(c.Identities) == 0 && !c.Peer.IsValid() && !c.Client.IsValid()
}

// same reports whether two kinds of callers are the same, wherever they are.
func (c *Caller) same(other *Caller) bool {
	return c.Source == other.Source && c.Unidentified == other.Unidentified && slices.Equal(c.Identities, other.Identities)
}

// covers reports whether every caller of another kind is of this one too.
func (c *Caller) covers(other *Caller) bool {
	anywhere, there := !c.Peer.IsValid() && !c.Client.IsValid(), c.Peer == other.Peer && c.Client == other.Client
	switch same := c.same(other); {
	case !anywhere && !there || same && there:
		return false
	case same || c.Kind == policy.FromWorld && !c.Unidentified:
		return true
	case len(c.Identities) > 0:
		return len(c.Identities) == 1 && slices.Contains(other.Identities, c.Identities[0])
	case c.Unidentified || other.Kind == policy.FromWorld:
		return false
	}
	return c.Includes(other.Source)
}

// Unnamed is the name of an account, and of a namespace, that nothing has and no policy names: no text of Kubernetes
// has a zero byte.
const Unnamed = "\x00"

// IdentityOf is the identity of an account in the trust domain of the policy.
func (m *Model) IdentityOf(namespace, account string) string {
	return policy.Identity{TrustDomain: m.Policy.TrustDomain, Namespace: namespace, Account: account}.String()
}

// caller is the callers of a class, wherever they are.
func (m *Model) caller(split *enforce.Classes, class int) Caller {
	src := split.Sources[class]
	if src.Identity() == "" {
		return Caller{Source: policy.Source{Kind: policy.FromWorld}, Wide: true}
	}
	if s := m.serviceOf(split, class); s != nil {
		return Caller{Source: policy.Source{Service: s}}
	}
	patterns, one := split.Identities(class)
	unnamed := Caller{Source: policy.Source{Kind: policy.FromAny}, Wide: !one}
	switch {
	case one:
		unnamed.Identities = []string{m.Caller(src)}
		return unnamed
	case split.Takes(class, m.IdentityOf(Unnamed, Unnamed)):
		return unnamed
	case len(patterns) == 0:
		unnamed.Identities = []string{"identities of other trust domains"}
	}
	for _, p := range patterns {
		namespace, ok := p.InNamespace()
		if !ok {
			namespace, ok = policy.NamespaceOf(p.String(), m.Policy.TrustDomain)
		}
		if ok && !strings.ContainsAny(namespace, "*/") && split.Takes(class, m.IdentityOf(namespace, Unnamed)) {
			return Caller{Source: policy.Source{Kind: policy.FromMesh, Mesh: namespace}}
		}
		unnamed.Wide = unnamed.Wide && p.Account() == ""
		unnamed.Identities = append(unnamed.Identities, p.Words())
	}
	return unnamed
}

// serviceOf is the service that a class of callers is: by its identity, or by its account in any trust domain; nil
// where it is none, or others too.
func (m *Model) serviceOf(split *enforce.Classes, class int) *policy.Service {
	s := m.services[split.Sources[class].Identity()]
	if s == nil {
		return nil
	}
	if patterns, one := split.Identities(class); one || len(patterns) == 1 && patterns[0].Account() == s.Namespace+"/"+s.Account {
		return s
	}
	return nil
}

// Addresses is where the callers of a class are, in words that follow their name.
func Addresses(split *enforce.Classes, class int) string {
	return addresses(split.Block(class, space.SourceAddress), split.Block(class, space.RemoteAddress))
}

// ClassName is the name of the callers of a class in an answer, wherever they are, and the patterns of identities of
// which it consists, if it does.
func (m *Model) ClassName(split *enforce.Classes, class int) (name string, patterns []string) {
	switch c := m.caller(split, class); {
	case c.Kind == policy.FromWorld:
		return Unidentified, nil
	case len(c.Identities) > 0:
		return c.String(), c.Identities
	case c.Kind == policy.FromMesh:
		return "all other accounts of " + c.Mesh, nil
	case c.Kind == policy.FromAny:
		return "all other accounts of the mesh", nil
	default:
		return c.String(), nil
	}
}

// Admitted is the callers of some classes, without those that others of them cover. They have addresses where the same
// callers are not let in from everywhere.
func (m *Model) Admitted(split *enforce.Classes, open []bool) []Caller {
	return m.admitted(split, open, func(int) bool { return true })
}

// AdmittedWide is those of Admitted that nothing names each of.
func (m *Model) AdmittedWide(split *enforce.Classes, open []bool) []Caller {
	// No service covers others.
	all := m.admitted(split, open, func(class int) bool { return m.serviceOf(split, class) == nil })
	return slices.DeleteFunc(all, func(c Caller) bool { return !c.Wide })
}

func (m *Model) admitted(split *enforce.Classes, open []bool, counts func(class int) bool) []Caller {
	var classes []int
	for n := range split.Sources {
		if open[n] && counts(n) {
			classes = append(classes, n)
		}
	}
	if len(classes) == 0 {
		return nil
	}
	everywhere := map[int]bool{} // by identity
	for n, src := range split.Sources {
		if src.Elsewhere {
			known, seen := everywhere[split.Identity(n)]
			everywhere[split.Identity(n)] = open[n] && (known || !seen)
		}
	}
	type kind struct {
		policy.Source
		identities   string
		unidentified bool
	}
	kindOf := func(c *Caller) kind { return kind{c.Source, strings.Join(c.Identities, and), c.Unidentified} }
	var all, wide []Caller
	places := map[kind][]Caller{} // one kind in several places
	for _, n := range classes {
		c := m.caller(split, n)
		if c.Kind == policy.FromWorld {
			proved := split.With(m.IdentityOf(Unnamed, Unnamed), n)
			c.Unidentified = proved < 0 || !open[proved]
		}
		if !everywhere[split.Identity(n)] {
			c.Peer, c.Client = split.Block(n, space.SourceAddress), split.Block(n, space.RemoteAddress)
		}
		k := kindOf(&c)
		if slices.ContainsFunc(places[k], func(o Caller) bool { return o.Peer == c.Peer && o.Client == c.Client }) {
			continue
		}
		places[k] = append(places[k], c)
		if all = append(all, c); c.Kind != policy.FromService || len(c.Identities) > 0 || c.Unidentified {
			wide = append(wide, c)
		}
	}
	// A single service covers no other one.
	return slices.DeleteFunc(all, func(c Caller) bool {
		covers := func(other Caller) bool { return other.covers(&c) }
		return slices.ContainsFunc(wide, covers) || slices.ContainsFunc(places[kindOf(&c)], covers)
	})
}

// Unidentified is the name of callers that have no identity.
const Unidentified = "callers without identity"

// Caller is the name of the caller that represents a class.
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
	if inventedName.MatchString(id.Account) && !m.othersNamed()[id.Account] {
		if inventedName.MatchString(id.Namespace) && m.meshes[id.Namespace] == nil {
			return "an account that no policy names"
		}
		return "an account of namespace " + id.Namespace + " that no policy names"
	}
	return fmt.Sprintf("account %s of namespace %s", id.Account, id.Namespace)
}

// inventedName is a name that stands for all that nothing names, unless manifests or the project have it.
var inventedName = regexp.MustCompile(`^other[a-z]*$`)

var namedOther = regexp.MustCompile(`/sa/(other[a-z]*)`)

// allOthersNamed is the accounts with such a name that manifests have.
func (m *Model) allOthersNamed() map[string]bool {
	named, seen := map[string]bool{}, map[*source.File]bool{}
	for _, o := range m.Manifests.Policies {
		if f := o.At.File; f != nil && !seen[f] {
			seen[f] = true
			for _, match := range namedOther.FindAllStringSubmatch(f.Text, -1) {
				named[match[1]] = true
			}
		}
	}
	return named
}

// CallerAt is the name of the caller that represents a class, with its addresses unless the caller may be anywhere.
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

// ByName orders the names of callers: those of services first, then descriptions of several words.
func ByName(a, b string) int {
	words := func(s string) int { return min(strings.Count(s, " "), 1) }
	return cmp.Or(cmp.Compare(words(a), words(b)), cmp.Compare(a, b))
}
