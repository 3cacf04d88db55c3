package space

import "slices"

// Consistent is a box without the values that its own conditions on the same dimension exclude, and without exceptions
// of what it does not ask for. Void is these values, by their conditions. The box is nil where nothing is left, because
// of its conditions on one dimension.
func (t Table) Consistent(box Box) (left Box, void []Condition, at Dimension) {
	left = slices.Clone(box)
	if left == nil {
		left = Box{}
	}
	var several [maxDimensions]bool
	for i, c := range box {
		several[c.Dimension] = several[c.Dimension] || len(c.Is) > 0 && len(c.Not) > 0 || slices.ContainsFunc(box[:i], func(other Condition) bool { return other.Dimension == c.Dimension })
	}
	if !slices.Contains(several[:], true) {
		return left, nil, 0
	}
	var b Builder
	b.Reset(t)
	b.Distinguish([]Box{box})
	if _, err := b.Divide(""); err != nil {
		return left, nil, 0
	}
	for d := range t {
		if !several[d] || t[d].Kind == nil {
			continue
		}
		var all, asked []int32 // of all conditions, and without exceptions
		for _, c := range box {
			if int(c.Dimension) != d {
				continue
			}
			if all = b.restrict(all, &c); len(all) == 0 {
				return nil, nil, Dimension(d)
			}
			if len(c.Is) > 0 {
				asked = b.restrict(asked, &Condition{Dimension: c.Dimension, Is: c.Is})
			}
		}
		meets := func(p Pattern, atoms []int32) bool {
			members := b.partitions[d].members[b.partitions[d].id(p)]
			return atoms == nil || slices.ContainsFunc(members, func(atom int32) bool { _, in := slices.BinarySearch(atoms, atom); return in })
		}
		for i := range left {
			c := &left[i]
			if int(c.Dimension) != d {
				continue
			}
			excluded := func(p Pattern) bool { return !meets(p, all) }
			if gone := slices.DeleteFunc(slices.Clone(c.Is), func(p Pattern) bool { return !excluded(p) }); len(gone) > 0 {
				void = append(void, Condition{Dimension: c.Dimension, Is: gone})
				c.Is = slices.DeleteFunc(slices.Clone(c.Is), excluded)
			}
			c.Not = slices.DeleteFunc(slices.Clone(c.Not), func(p Pattern) bool { return !meets(p, asked) })
		}
	}
	return slices.DeleteFunc(left, func(c Condition) bool { return len(c.Is)+len(c.Not) == 0 }), void, 0
}
