package space_test

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/compiler/analysis/space"
)

// decision is what clauses on tokens let through: one of allow, none of deny, and surely where none of ask.
type decision struct{ allow, deny, ask []space.Box }

func (d *decision) of(r *space.Request) space.Match {
	switch {
	case space.Standard.AnyMatch(d.deny, r) == space.Yes || space.Standard.AnyMatch(d.allow, r) != space.Yes:
		return space.No
	case space.Standard.AnyMatch(d.ask, r) == space.Yes:
		return space.Maybe
	}
	return space.Yes
}

// TestTokensThatTellDecisionsApart holds the representatives of tokens against random tokens: where two decisions
// differ for one of these, they differ for a representative. Claims are lists, so representatives are far from all that
// tokens may be.
func TestTokensThatTellDecisionsApart(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	texts := []string{"a", "ab", "abc", "b", "c", "d", "e", "f"}
	values := []string{"a", "ab", "a*", "*c", "b", "c", "d", "e", "*"}
	condition := func() space.Condition {
		pattern := space.ClaimPattern([]string{"groups"}, values[r.IntN(len(values))])
		switch r.IntN(4) {
		case 0:
			pattern = space.RequestPrincipalPattern([]string{"https://a/*", "https://a/x", "*", "https://b/*"}[r.IntN(4)])
		case 1:
			pattern = space.ClaimPattern([]string{"realm", "roles"}, values[r.IntN(len(values))], values[r.IntN(len(values))])
		}
		if r.IntN(5) == 0 {
			return space.Condition{Dimension: space.Token, Not: []space.Pattern{pattern}}
		}
		return space.Is(space.Token, pattern)
	}
	boxes := func(most int) (all []space.Box) {
		for range r.IntN(most + 1) {
			var box space.Box
			for range 1 + r.IntN(2) {
				box = append(box, condition())
			}
			all = append(all, box)
		}
		return all
	}
	token := func() space.Request {
		written := "iss=" + []string{"https://a", "https://b", "https://c"}[r.IntN(3)] + "\nsub=" + []string{"x", "y"}[r.IntN(2)]
		for _, claim := range []string{"groups", "realm][roles"} {
			for range r.IntN(6) {
				written += "\n" + claim + "=" + texts[r.IntN(len(texts))]
			}
		}
		if r.IntN(10) == 0 {
			written = ""
		}
		return space.Standard.Request(true, space.Facts{space.Token: written})
	}
	apart, alike := 0, 0
	for range 400 {
		f, g := decision{boxes(3), boxes(2), boxes(1)}, decision{boxes(3), boxes(2), boxes(1)}
		if r.IntN(2) == 0 { // mostly the same
			g = f
			g.allow = append(boxes(1), f.allow...)
		}
		var b space.Builder
		b.Reset(space.Standard)
		for _, list := range [][]space.Box{f.allow, f.deny, f.ask, g.allow, g.deny, g.ask} {
			b.Distinguish(list)
		}
		s, err := b.Divide("cluster.local")
		if errors.Is(err, space.ErrTooMany) {
			continue
		}
		require.NoError(t, err)
		differs := false
		for _, source := range s.Sources {
			q := *source.Request
			q.HTTP = true
			differs = differs || f.of(&q) != g.of(&q)
		}
		found := false
		for range 300 {
			q := token()
			found = found || f.of(&q) != g.of(&q)
		}
		if found {
			apart++
			assert.True(t, differs, "%v %v", f, g)
		} else if !differs {
			alike++
		}
	}
	assert.Greater(t, apart, 100)
	assert.Greater(t, alike, 20)
}

func TestManyGroups(t *testing.T) {
	var b space.Builder
	b.Reset(space.Standard)
	for i := range 30 {
		b.Distinguish([]space.Box{{space.Is(space.Token, space.IssuerPattern("https://a"))}, {space.Is(space.Token, space.ClaimPattern([]string{"groups"}, "team-"+string(rune('a'+i))))}})
	}
	s, err := b.Divide("cluster.local")
	require.NoError(t, err)
	assert.Less(t, len(s.Sources), 20_000, "a callee with a group for each of thirty teams is judged")
}

// A proxy splits the text of the claim scope at its spaces, and leaves a list of texts as it is.
func TestScopesThatAreLists(t *testing.T) {
	scope := []space.Box{{space.Is(space.Token, space.ClaimPattern([]string{"scope"}, "read write"))}}
	var b space.Builder
	b.Reset(space.Standard)
	b.Distinguish(scope)
	s, err := b.Divide("cluster.local")
	require.NoError(t, err)
	assert.True(t, slices.ContainsFunc(s.Sources, func(source space.Source) bool {
		return space.Standard.AnyMatch(scope, source.Request) == space.Yes
	}), "some token has it")

	for token, want := range map[string]space.Match{
		"scope=read write":          space.No,
		"scope=read write\nscope=x": space.Yes,
	} {
		r := space.Standard.Request(true, space.Facts{space.Token: "iss=a\n" + token})
		assert.Equal(t, want, space.Standard.AnyMatch(scope, &r), token)
	}
}
