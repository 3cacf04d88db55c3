package space

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func paths(patterns ...string) *partition {
	c := &partition{}
	for _, p := range patterns {
		c.id(Standard.Pattern(Path, p))
	}
	return c
}

func divide(t *testing.T, p *partition, kind Kind, trustDomain string) (same bool) {
	t.Helper()
	same, err := p.divide(kind, trustDomain)
	require.NoError(t, err)
	return same
}

// A partition that is used again has the atoms of a new one, whether the patterns are those of the one before, begin
// like them, or come in another order.
func TestPartitionIsUsedAgain(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	var all []Pattern
	for i := range 40 {
		all = append(all, PrincipalPattern(fmt.Sprintf("cluster.local/ns/shop/sa/a%d", i)))
	}
	all = append(all, NamespacePattern("shop"), NamespacePattern("data"), PrincipalPattern("*"))
	again, before := &partition{}, all[:0]
	kept := 0
	for range 3000 {
		patterns := slices.Clone(before)
		switch r.IntN(5) {
		case 0:
			patterns = patterns[:r.IntN(len(patterns)+1)]
		case 1:
			patterns = append(patterns, all[r.IntN(len(all))])
		case 2:
			r.Shuffle(len(patterns), func(i, j int) { patterns[i], patterns[j] = patterns[j], patterns[i] })
		case 3:
			patterns = patterns[:0]
			for range r.IntN(30) {
				patterns = append(patterns, all[r.IntN(len(all))])
			}
		}
		domain := []string{"cluster.local", "cluster.local", "cluster.local", "td.example"}[r.IntN(4)]
		fresh := &partition{}
		again.reset()
		for range 1 + r.IntN(2) { // a list may come twice
			for _, p := range patterns {
				require.Equal(t, fresh.id(p), again.id(p))
			}
		}
		if r.IntN(8) == 0 {
			again.negated, fresh.negated = append(again.negated, 0), append(fresh.negated, 0)
		}
		if r.IntN(8) > 0 { // it is not always divided
			if divide(t, again, Identities{}, domain) {
				kept++
			}
			divide(t, fresh, Identities{}, domain)
			require.True(t, slices.EqualFunc(fresh.atoms, again.atoms, func(a, b Value) bool { return a.text == b.text }))
			require.Len(t, again.members, len(fresh.members))
			for i := range fresh.members {
				require.Equal(t, fresh.members[i], again.members[i])
			}
			require.Equal(t, fresh.other, again.other)
			require.ElementsMatch(t, fresh.negated, again.negated)
			require.Equal(t, fresh.of(0), again.of(0))
			require.Equal(t, fresh.atomOf(IdentityValue("cluster.local/ns/shop/sa/a7")), again.atomOf(IdentityValue("cluster.local/ns/shop/sa/a7")))
		}
		before = patterns
	}
	require.Greater(t, kept, 100)
}

// Every combination of patterns that a path can have, and no other, has its shortest path.
func TestPaths(t *testing.T) {
	for _, row := range []struct{ patterns, want string }{
		{"", "/:"},
		{"/api/*", "/api/:/api/* /:"},
		{"/api/* /api/x", "/api/:/api/* /api/x:/api/*,/api/x /:"},
		{"/api/* /api/", "/api/a:/api/* /api/:/api/*,/api/ /:"},
		{"/*", "/:/* *:"},
		{"*", "/:*"},
		{"/a?b", "/:"},
		{"nonsense", "/:"},
		{"*.png /img/*", "/: /.png:*.png /img/:/img/* /img/.png:*.png,/img/*"},
		{"*/ab *b", "/: /b:*b /ab:*/ab,*b"},
		{"/a/{*} /a/*", "/: /a/:/a/* /a/a:/a/{*},/a/*"},
		{"/a/{*} /a/{**}", "/: /a/:/a/{**} /a/a:/a/{*},/a/{**}"},
		{"/a/{*} /a/b", "/: /a/a:/a/{*} /a/b:/a/{*},/a/b"},
	} {
		c := paths(strings.Fields(row.patterns)...)
		divide(t, c, Standard[Path].Kind, "cluster.local")
		var got []string
		for atom, v := range c.atoms {
			var has []string
			for i, p := range strings.Fields(row.patterns) {
				if slices.Contains(c.members[i], int32(atom)) {
					has = append(has, p)
				}
			}
			got = append(got, v.text+":"+strings.Join(has, ","))
		}
		assert.ElementsMatch(t, strings.Fields(row.want), got, row.patterns)
	}
}

// signatures is which combinations of patterns have an atom.
func (c *partition) signatures() []string {
	all := make([][]int, len(c.atoms))
	for i, m := range c.members {
		for _, atom := range m {
			all[atom] = append(all[atom], i)
		}
	}
	var list []string
	for _, s := range all {
		list = append(list, fmt.Sprint(s))
	}
	slices.Sort(list)
	return list
}

// The shortcuts make the same atoms as the automaton.
func TestShortcuts(t *testing.T) {
	taken := 0
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 3))
		quick := &partition{}
		for range r.IntN(6) {
			quick.id(textPattern(pick(r, []string{"/", "/*", "/a", "/a*", "/a/*", "/a/b", "/a/b*", "*", "x", "x*", "/é*", "/a b"})))
		}
		automatic := &partition{patterns: quick.patterns}
		quick.members = make([][]int32, len(quick.patterns))
		if Standard[Path].Kind.(Text).divideByPrefix(quick) {
			automatic.members = make([][]int32, len(quick.patterns))
			require.NoError(t, automatic.divideByAutomaton(Standard[Path].Kind.(Text).domain()...))
			assert.Equal(t, automatic.signatures(), quick.signatures(), "%+v", quick.patterns)
			taken++
		}

		quick = &partition{}
		for range r.IntN(6) {
			quick.id(pick(r, []Pattern{
				{kind: exact, principal: true, text: "cluster.local/ns/a/sa/x"}, {kind: exact, principal: true, text: "cluster.local/ns/a/sa/y"}, {kind: exact, principal: true, text: "o/ns/b/sa/x"},
				{kind: exact, principal: true, text: "nonsense"}, {kind: inNamespace, text: "a"}, {kind: inNamespace, text: "b"}, {kind: inNamespace, text: "A"},
				{kind: inNamespace, text: "other"}, {kind: exact, principal: true, text: "cluster.local/ns/other/sa/other"}, {kind: present},
			}))
		}
		automatic = &partition{patterns: quick.patterns}
		quick.members = make([][]int32, len(quick.patterns))
		if quick.divideByName("cluster.local") {
			automatic.members = make([][]int32, len(quick.patterns))
			require.NoError(t, automatic.divideByAutomaton(issued(glob(nil).literal(scheme+"cluster.local")), issued(glob(nil).literal(scheme).many(domainByte))))
			assert.Equal(t, automatic.signatures(), quick.signatures(), "%+v", quick.patterns)
			taken++
		}
	}
	assert.Greater(t, taken, 500)
}

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

// What the mesh's own trust domain can say is said with it.
func TestIdentities(t *testing.T) {
	c := &partition{}
	c.id(Pattern{kind: inNamespace, text: "shop-*"})
	c.id(PrincipalPattern("*/admin"))
	c.id(Pattern{kind: ofDomain, text: "partner.example"})
	divide(t, c, Identities{}, "td.example")
	assert.ElementsMatch(t, []string{
		"",
		"spiffe://td.example/ns/a/sa/a", "spiffe://td.example/ns/a/sa/admin",
		"spiffe://td.example/ns/shop-/sa/a", "spiffe://td.example/ns/shop-/sa/admin",
		"spiffe://partner.example/ns/a/sa/a", "spiffe://partner.example/ns/a/sa/admin",
		"spiffe://partner.example/ns/shop-/sa/a", "spiffe://partner.example/ns/shop-/sa/admin",
	}, texts(c.atoms))
}

func texts(atoms []Value) (all []string) {
	for _, v := range atoms {
		all = append(all, v.text)
	}
	return all
}

// A list of addresses has one representative, however long it is: products of several are walked.
func TestRepresentatives(t *testing.T) {
	blocks := func(all ...string) (patterns []Pattern) {
		for _, b := range all {
			patterns = append(patterns, BlockPattern(netip.MustParsePrefix(b)))
		}
		return patterns
	}
	represented := func(boxes ...Box) (all []string) {
		for _, v := range (Addresses{}).Representatives(SourceAddress, boxes) {
			all = append(all, v.String())
		}
		return all
	}
	list := Is(SourceAddress, blocks("10.0.0.0/24", "10.0.1.0/24", "10.0.2.0/24", "10.0.2.1/32")...)
	assert.Equal(t, []string{"10.0.0.0", "192.0.2.1"}, represented(Box{list}))
	assert.Equal(t, []string{"10.0.0.0", "10.0.1.0", "192.0.2.1"}, represented(Box{list}, Box{Is(SourceAddress, blocks("10.0.1.0/24")...)}), "part of a list")
	assert.Equal(t, []string{"10.0.0.0", "10.0.1.0", "192.0.2.1"},
		represented(Box{list}, Box{{Dimension: SourceAddress, Not: blocks("10.0.1.0/24")}}), "all but a part")
	assert.Len(t, (Addresses{}).Representatives(RemoteAddress, []Box{{list}}), 1, "nothing is said of it")
}

func TestAddresses(t *testing.T) {
	for _, row := range []struct{ blocks, want string }{
		{"10.0.0.0/8", "10.0.0.0 192.0.2.1"},
		{"10.0.0.0/8 10.0.0.0/16", "10.1.0.0 10.0.0.0 192.0.2.1"},
		{"10.0.0.0/8 10.0.0.0/9 10.128.0.0/9", "10.0.0.0 10.128.0.0 192.0.2.1"},
		{"0.0.0.0/0", "0.0.0.0 2001:db8::1"},
		{"0.0.0.0/0 ::/0", "0.0.0.0 ::"},
		{"192.0.2.0/24", "192.0.2.0 192.0.3.0"},
		{"192.0.2.0/23 255.0.0.0/8", "192.0.2.0 255.0.0.0 192.0.4.0"},
	} {
		c := &partition{}
		for _, b := range strings.Fields(row.blocks) {
			c.id(BlockPattern(netip.MustParsePrefix(b)))
		}
		divide(t, c, Addresses{}, "")
		var got []string
		for _, a := range c.atoms {
			got = append(got, a.address.String())
		}
		assert.Equal(t, row.want, strings.Join(got, " "), row.blocks)
	}
}

// Patterns are matched the short way as their globs match.
func TestGlobs(t *testing.T) {
	identities := []string{"cluster.local/ns/shop/sa/a", "cluster.local/ns/shop/sa/b", "cluster.local/ns/pay/sa/b", "other/ns/shop/sa/a", "x.local/ns/ns/sa/sa", "cluster.local/ns/ns/sa/sa", "o/ns/pay/sa/a"}
	matched := 0
	for _, row := range []struct {
		dimension Dimension
		patterns  []Pattern
		values    []string
	}{
		{Identity, []Pattern{
			PrincipalPattern("cluster.local/ns/shop/sa/a"), PrincipalPattern("*"), PrincipalPattern("*/a"), PrincipalPattern("cluster.local/ns/shop/*"), PrincipalPattern("cluster.*"), PrincipalPattern("nonsense"),
			NamespacePattern("shop"), NamespacePattern("sh*"), NamespacePattern("*op"), NamespacePattern("*"), NamespacePattern("ns"), NamespacePattern("sa"), NamespacePattern("p*y"), NamespacePattern("*a"),
			AccountPattern("shop/a"), AccountPattern("pay/b"), AccountPattern("shop/sa"), AccountPattern("ns/sa"),
			DomainPattern("cluster.local"), DomainPattern("*.local"), DomainPattern("other"), DomainPattern("*"), DomainPattern("o*"),
		}, identities},
		{Method, []Pattern{textPattern("GET"), textPattern("*"), textPattern("P*"), textPattern("*T"), textPattern("GE*")}, []string{"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}},
		{Path, []Pattern{
			Standard.Pattern(Path, "/"), Standard.Pattern(Path, "/api"), Standard.Pattern(Path, "/api/*"), Standard.Pattern(Path, "/api*"), Standard.Pattern(Path, "*"), Standard.Pattern(Path, "*.png"), Standard.Pattern(Path, "/api/{*}"), Standard.Pattern(Path, "/api/{*}/x"), Standard.Pattern(Path, "/{**}"),
			Standard.Pattern(Path, "/api/{**}/x"), Standard.Pattern(Path, "/a/{*}/{**}"), Standard.Pattern(Path, "*/x"), Standard.Pattern(Path, "/a?b"), Standard.Pattern(Path, "*.x/abc*"),
		}, []string{"/", "/api", "/api/", "/api/x", "/api/y", "/api/x/x", "/api/a/b/x", "/a.png", "/apis", "/a/b/c", "/api/[", "/api/a=b", "/x.x/abc*", "/api//x", "*"}},
		{Host, []Pattern{Standard.Pattern(Host, "Shop.example"), Standard.Pattern(Host, "*.example"), Standard.Pattern(Host, "shop*"), Standard.Pattern(Host, "*")}, []string{"shop.example", "a.example", "shopping", "shop.example:8080", "elsewhere"}},
	} {
		for _, p := range row.patterns {
			for _, value := range row.values {
				if row.dimension == Identity {
					value = scheme + value
				}
				generic := slices.ContainsFunc(p.globs(), func(g glob) bool { return g.matches(value) })
				assert.Equal(t, generic, p.matches(&Value{text: value}), "%q has %s", value, p)
				if generic {
					matched++
				}
			}
		}
	}
	assert.Greater(t, matched, 100)
}
