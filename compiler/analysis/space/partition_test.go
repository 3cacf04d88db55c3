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
	c := &partition{dimension: Path, places: new(slab[int32])}
	for _, p := range patterns {
		c.id(PathPattern(p))
	}
	return c
}

// Every combination of patterns that a path can have, and no other, has its shortest path.
func TestPathCells(t *testing.T) {
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
		require.NoError(t, c.divide("cluster.local"))
		var got []string
		for cell, s := range c.strings {
			var has []string
			for i, p := range strings.Fields(row.patterns) {
				if slices.Contains(c.members[i], int32(cell)) {
					has = append(has, p)
				}
			}
			got = append(got, s+":"+strings.Join(has, ","))
		}
		assert.ElementsMatch(t, strings.Fields(row.want), got, row.patterns)
	}
}

// signatures is which combinations of patterns have a cell.
func (c *partition) signatures() []string {
	all := make([][]int, c.count)
	for i, m := range c.members {
		for _, cell := range m {
			all[cell] = append(all[cell], i)
		}
	}
	var list []string
	for _, s := range all {
		list = append(list, fmt.Sprint(s))
	}
	slices.Sort(list)
	return list
}

// The short ways to cells find the same cells as the automaton.
func TestShortcuts(t *testing.T) {
	taken := 0
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 3))
		quick := &partition{dimension: Path, places: new(slab[int32])}
		for range r.IntN(6) {
			quick.id(TextPattern(pick(r, []string{"/", "/*", "/a", "/a*", "/a/*", "/a/b", "/a/b*", "*", "x", "x*", "/é*", "/a b"})))
		}
		automatic := &partition{dimension: Path, places: new(slab[int32]), patterns: quick.patterns}
		quick.members = make([][]int32, len(quick.patterns))
		if quick.divideByPrefix() {
			var a automaton
			for i, g := range domains[Path] {
				a.add(g, int32(-1-i))
			}
			require.NoError(t, automatic.automatic(&a))
			assert.Equal(t, automatic.signatures(), quick.signatures(), "%+v", quick.patterns)
			taken++
		}

		quick = &partition{dimension: Identity, places: new(slab[int32])}
		for range r.IntN(6) {
			quick.id(pick(r, []Pattern{
				{kind: exact, text: "cluster.local/ns/a/sa/x"}, {kind: exact, text: "cluster.local/ns/a/sa/y"}, {kind: exact, text: "o/ns/b/sa/x"},
				{kind: exact, text: "nonsense"}, {kind: inNamespace, text: "a"}, {kind: inNamespace, text: "b"}, {kind: inNamespace, text: "A"},
				{kind: inNamespace, text: "other"}, {kind: exact, text: "cluster.local/ns/other/sa/other"}, {kind: present},
			}))
		}
		automatic = &partition{dimension: Identity, places: new(slab[int32]), patterns: quick.patterns}
		quick.members = make([][]int32, len(quick.patterns))
		if quick.plainIdentities("cluster.local") {
			var a automaton
			a.add(identity(glob(nil).literal(scheme+"cluster.local")), -1)
			a.add(identity(glob(nil).literal(scheme).many(domainByte)), -2)
			require.NoError(t, automatic.automatic(&a))
			assert.Equal(t, automatic.signatures(), quick.signatures(), "%+v", quick.patterns)
			taken++
		}
	}
	assert.Greater(t, taken, 500)
}

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

// What the mesh's own trust domain can say is said with it.
func TestIdentityCells(t *testing.T) {
	c := &partition{dimension: Identity, places: new(slab[int32])}
	c.id(Pattern{kind: inNamespace, text: "shop-*"})
	c.id(Pattern{kind: suffix, text: "/admin"})
	c.id(Pattern{kind: ofDomain, text: "partner.example"})
	require.NoError(t, c.divide("td.example"))
	assert.ElementsMatch(t, []string{
		"",
		"spiffe://td.example/ns/a/sa/a", "spiffe://td.example/ns/a/sa/admin",
		"spiffe://td.example/ns/shop-/sa/a", "spiffe://td.example/ns/shop-/sa/admin",
		"spiffe://partner.example/ns/a/sa/a", "spiffe://partner.example/ns/a/sa/admin",
		"spiffe://partner.example/ns/shop-/sa/a", "spiffe://partner.example/ns/shop-/sa/admin",
	}, c.strings)
}

func TestAddressCells(t *testing.T) {
	for _, row := range []struct{ blocks, want string }{
		{"10.0.0.0/8", "10.0.0.0 192.0.2.1"},
		{"10.0.0.0/8 10.0.0.0/16", "10.1.0.0 10.0.0.0 192.0.2.1"},
		{"10.0.0.0/8 10.0.0.0/9 10.128.0.0/9", "10.0.0.0 10.128.0.0 192.0.2.1"},
		{"0.0.0.0/0", "0.0.0.0 2001:db8::1"},
		{"0.0.0.0/0 ::/0", "0.0.0.0 ::"},
		{"192.0.2.0/24", "192.0.2.0 192.0.3.0"},
		{"192.0.2.0/23 255.0.0.0/8", "192.0.2.0 255.0.0.0 192.0.4.0"},
	} {
		c := &partition{dimension: SourceAddress, places: new(slab[int32])}
		for _, b := range strings.Fields(row.blocks) {
			c.id(Pattern{kind: inBlock, block: netip.MustParsePrefix(b)})
		}
		require.NoError(t, c.divide(""))
		var got []string
		for _, a := range c.addresses {
			got = append(got, a.String())
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
			TextPattern("cluster.local/ns/shop/sa/a"), TextPattern("*"), TextPattern("*/a"), TextPattern("cluster.local/ns/shop/*"), TextPattern("cluster.*"), TextPattern("nonsense"),
			NamespacePattern("shop"), NamespacePattern("sh*"), NamespacePattern("*op"), NamespacePattern("*"), NamespacePattern("ns"), NamespacePattern("sa"), NamespacePattern("p*y"), NamespacePattern("*a"),
			AccountPattern("shop/a"), AccountPattern("pay/b"), AccountPattern("shop/sa"), AccountPattern("ns/sa"),
			DomainPattern("cluster.local"), DomainPattern("*.local"), DomainPattern("other"), DomainPattern("*"), DomainPattern("o*"),
		}, identities},
		{Method, []Pattern{TextPattern("GET"), TextPattern("*"), TextPattern("P*"), TextPattern("*T"), TextPattern("GE*")}, []string{"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}},
		{Path, []Pattern{
			PathPattern("/"), PathPattern("/api"), PathPattern("/api/*"), PathPattern("/api*"), PathPattern("*"), PathPattern("*.png"), PathPattern("/api/{*}"), PathPattern("/api/{*}/x"), PathPattern("/{**}"),
			PathPattern("/api/{**}/x"), PathPattern("/a/{*}/{**}"), PathPattern("*/x"), PathPattern("/a?b"), PathPattern("*.x/abc*"),
		}, []string{"/", "/api", "/api/", "/api/x", "/api/y", "/api/x/x", "/api/a/b/x", "/a.png", "/apis", "/a/b/c", "/api/[", "/api/a=b", "/x.x/abc*", "/api//x", "*"}},
		{Host, []Pattern{HostPattern("Shop.example"), HostPattern("*.example"), HostPattern("shop*"), HostPattern("*")}, []string{"shop.example", "a.example", "shopping", "shop.example:8080", "elsewhere"}},
	} {
		for _, p := range row.patterns {
			for _, value := range row.values {
				if row.dimension == Identity {
					value = scheme + value
				}
				generic := slices.ContainsFunc(p.globs(row.dimension), func(g glob) bool { return g.Matches(value) })
				assert.Equal(t, generic, p.Matches(row.dimension, value), "%q has %s", value, p)
				if generic {
					matched++
				}
			}
		}
	}
	assert.Greater(t, matched, 100)
}
