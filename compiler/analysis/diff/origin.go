package diff

import (
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/yamldoc"
	"github.com/meshc/meshc/lang/source"
)

// origin is what annotations say of the intents behind policies: all that is known where there are manifests only.
type origin struct{ files, because []string }

// The annotations by which meshc names the intents that an object comes from.
const (
	filesKey   = "meshc.dev/source"
	becauseKey = "meshc.dev/because"
)

// origin reads the annotations of policies.
func (d *differ) origin(policies ...*enforce.Object) (o origin) {
	add := func(into *[]string, text, separator string) {
		for _, word := range strings.Split(text, separator) {
			if word != "" && !slices.Contains(*into, word) {
				*into = append(*into, word)
			}
		}
	}
	for _, p := range policies {
		for doc := range yamldoc.Split(source.NewFile(p.Name, d.text(p))) {
			if doc.Parse() == nil {
				add(&o.files, word(doc.Root, "metadata", "annotations", filesKey), ",")
				add(&o.because, word(doc.Root, "metadata", "annotations", becauseKey), "; ")
			}
		}
	}
	return o
}

// annotate says where a change comes from where no statement is known: the policies that did it, and the reasons that
// only they have.
func (s *subject) annotate(c *Change, opened bool) {
	by := func(callee *enforce.Point, action enforce.Effect) []*enforce.Object {
		return slices.DeleteFunc(slices.Clone(callee.Policies), func(p *enforce.Object) bool { return p.Effect != action })
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
		if s.sameText(mine, theirs) {
			continue
		}
		o, other := s.origin(mine...), s.origin(theirs...)
		if len(o.files) == 0 {
			continue
		}
		reasons := slices.DeleteFunc(o.because, func(text string) bool { return slices.Contains(other.because, text) })
		c.File, c.Because, c.Gone = strings.Join(o.files, ", "), strings.Join(reasons, "; "), side.it == s.a
		return
	}
}
