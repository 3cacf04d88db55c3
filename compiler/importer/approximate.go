package importer

import (
	"slices"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/space"
)

// approximate says a box. If some of it has no words, and one may come near, that is left out where it errs in the
// right direction. Without a condition or an exception a box has more requests, as a deny or an ask that is to be
// narrow and an allow that is to be wide may have, and so it has with the accounts of a namespace in every trust
// domain. Without one of the values of a condition it has fewer.
func approximate[T any](i *importer, o *object, box space.Box, say func(*object, space.Box) ([]T, error)) ([]T, error) {
	all, err := say(o, box)
	if err == nil || i.Direction == Exact {
		return all, err
	}
	if why := err.Error(); !slices.Contains(o.Approximated, why) {
		o.Approximated = append(o.Approximated, why)
	}
	more := (i.Direction == Narrow) == (o.read.Effect != enforce.Allow)
	unsayable := func(c space.Condition) bool {
		_, err := say(o, space.Box{c})
		return err != nil
	}
	var near space.Box
	for _, c := range box {
		if !unsayable(c) {
			near = append(near, c)
			continue
		}
		is := slices.Clone(c.Is)
		for k, p := range is {
			if namespace := i.spaceOf(p); more && namespace != "" {
				is[k] = space.NamespacePattern(namespace) // whatever the trust domain
			}
		}
		kept := len(is)
		is = slices.DeleteFunc(is, func(p space.Pattern) bool { return unsayable(space.Is(c.Dimension, p)) })
		not := slices.DeleteFunc(slices.Clone(c.Not), func(p space.Pattern) bool {
			return unsayable(space.Condition{Dimension: c.Dimension, Not: []space.Pattern{p}})
		})
		if !more && (len(is) == 0 && len(c.Is) > 0 || len(not) < len(c.Not)) {
			return nil, nil
		}
		if more && len(is) < kept {
			is = nil
		}
		if len(is)+len(not) > 0 {
			near = append(near, space.Condition{Dimension: c.Dimension, Is: is, Not: not})
		}
	}
	if all, err = say(o, near); err != nil && !more {
		return nil, nil
	}
	return all, err
}

// wanted reports whether a difference is one that an approximation was to make.
func (i *importer) wanted(d *difference) bool {
	if d.mode || i.Direction == Exact || d.opened != (i.Direction == Widen) {
		return false
	}
	return slices.ContainsFunc(i.objects, func(o *object) bool {
		return o.Outcome == Said && len(o.Approximated) > 0 && d.concerns(o)
	})
}
