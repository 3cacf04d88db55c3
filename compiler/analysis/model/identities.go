package model

import (
	"slices"

	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/compiler/policy"
)

// identities is the sources of splits by their identity. It serves the splits of one Classifier, of which many have the
// same sources.
type identities struct {
	model   *Model
	callers int                // the number of these sources
	width   int                // how many sources each identity has, one after another; those without one are first
	plain   space.Set          // these
	named   map[string]int     // the first source of each identity
	lists   map[list]space.Set // the sources that long lists stand for
}

// list is the callers of a rule. Rules such as `* -> *` give all of their callees the same.
type list struct {
	first *policy.Source
	n     int
}

// many is how long a list is that is worth remembering.
const many = 64

// listOf identifies a long list of services with a proxy, for which a split has the same sources whatever the callee.
func listOf(sources []policy.Source) (l list, ok bool) {
	if len(sources) < many || slices.ContainsFunc(sources, func(s policy.Source) bool { return s.Kind != policy.FromService || !s.Service.Proxied() }) {
		return list{}, false
	}
	return list{&sources[0], len(sources)}, true
}

// read finds the identities of the sources of a split.
func (ids *identities) read(m *Model, split *Split) {
	if ids.model == m && ids.callers == split.Callers {
		return
	}
	n, width := len(split.Sources), split.Anonymous()
	named := ids.named
	if clear(named); named == nil || len(named) > 8*n {
		named = make(map[string]int, n/width)
	}
	*ids = identities{m, split.Callers, width, space.NewSet(n), named, nil}
	ids.plain.AddRange(0, width)
	for i := width; i < n; i += width {
		named[split.Sources[i].Identity()] = i
	}
}
