package space_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/compiler/analysis/space"
)

// tenant is a dimension that only this table has: one line, and everything else follows.
const tenant = space.Dimension(12)

var withTenant = append(space.Standard[:len(space.Standard):len(space.Standard)], space.Info{Kind: space.Text{}, HTTP: true, Name: "tenant"})

func TestAnotherDimensionOfOperations(t *testing.T) {
	blue := space.Box{space.Is(tenant, withTenant.Pattern(tenant, "blue"))}
	notTest := space.Box{{Dimension: tenant, Not: withTenant.Patterns(tenant, "test-*")}}

	request := func(http bool, value string) *space.Request {
		r := withTenant.Request(http, space.Facts{space.Port: "80", tenant: value})
		return &r
	}
	assert.Equal(t, space.Yes, withTenant.Match(blue, request(true, "blue")))
	assert.Equal(t, space.No, withTenant.Match(blue, request(true, "green")))
	assert.Equal(t, space.No, withTenant.Match(blue, request(true, "")))
	assert.Equal(t, space.Yes, withTenant.Match(blue, request(false, "")), "what is HTTP's holds without HTTP")
	assert.Equal(t, space.No, withTenant.Match(notTest, request(true, "test-1")))
	assert.Equal(t, "tenant blue", withTenant.Words(tenant, blue[0].Is))
	assert.True(t, withTenant.HTTP([]space.Box{blue}))

	var b space.Builder
	b.Reset(withTenant)
	b.Distinguish([]space.Box{blue, notTest})
	s, err := b.Divide("cluster.local")
	require.NoError(t, err)
	b.Connections(true)
	for i, box := range []space.Box{blue, notTest} {
		assert.False(t, b.Add(box, int32(i)))
	}
	classes := map[string][]int32{}
	require.NoError(t, b.Walk(func(r *space.Request, in []int32) { classes[s.Words(r, true)] = in }))
	assert.Equal(t, map[string][]int32{
		"GET /":              {1}, // the other tenants, which need no name
		"GET / tenant blue":  {0, 1},
		"GET / tenant test-": {},
	}, classes)
}

func TestAnotherDimensionOfCallers(t *testing.T) {
	table := append(space.Standard[:len(space.Standard):len(space.Standard)], space.Info{Kind: space.Text{}, Caller: true, Name: "as"})
	admin := space.Box{space.Is(tenant, table.Pattern(tenant, "admin"))}
	anyone := space.Box{space.Is(space.Identity, space.PrincipalPattern("*"))}

	var b space.Builder
	b.Reset(table)
	b.Distinguish([]space.Box{admin, anyone})
	s, err := b.Divide("cluster.local")
	require.NoError(t, err)
	b.Connections(false)
	assert.Len(t, s.Sources, 4, "with an identity or not, as admin or not")
	assert.Equal(t, 2, s.Anonymous())
	yes, more := b.Callers([]space.Box{append(admin, anyone...)})
	assert.Nil(t, more)
	for i, source := range s.Sources {
		is := source.Text(tenant) == "admin"
		assert.Equal(t, is && source.Identity() != "", yes.Has(i), "source %d", i)
		assert.Equal(t, !is, source.Elsewhere)
		assert.Equal(t, i, s.Source(*source.Request))
	}
}
