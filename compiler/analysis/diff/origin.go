package diff

import (
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/analysis/enforce"
)

// origin is what all of some objects say of theirs.
func origin(objects ...*enforce.Object) (all enforce.Origin) {
	add := func(into *[]string, words []string) {
		for _, w := range words {
			if w != "" && !slices.Contains(*into, w) {
				*into = append(*into, w)
			}
		}
	}
	for _, o := range objects {
		add(&all.Files, o.Origin.Files)
		add(&all.Because, o.Origin.Because)
	}
	return all
}

// annotate says where a change comes from where no statement is known: the policies that did it, and the reasons that
// only they have.
func (s *comparison) annotate(c *Change, opened bool) {
	by := func(callee *enforce.Point, action enforce.Effect) []*enforce.Object {
		return slices.DeleteFunc(slices.Clone(callee.All()), func(p *enforce.Object) bool { return p.Effect != action })
	}
	gains, loses := s.b, s.a
	if !opened {
		gains, loses = s.a, s.b
	}
	for _, side := range []struct {
		it, other *enforce.Point
		action    enforce.Effect
	}{{gains, loses, enforce.Allow}, {loses, gains, enforce.Deny}} {
		mine, theirs := by(side.it, side.action), by(side.other, side.action)
		if slices.EqualFunc(mine, theirs, enforce.Same) {
			continue
		}
		o, other := origin(mine...), origin(theirs...)
		if len(o.Files) == 0 {
			continue
		}
		reasons := slices.DeleteFunc(o.Because, func(text string) bool { return slices.Contains(other.Because, text) })
		c.File, c.Because, c.Gone = strings.Join(o.Files, ", "), strings.Join(reasons, "; "), side.it == s.a
		return
	}
}
