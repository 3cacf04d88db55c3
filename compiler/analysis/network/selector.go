package network

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/analysis/space"
)

// Operator is how a requirement looks at a label.
type Operator uint8

const (
	In Operator = iota
	NotIn
	Exists
	Absent
)

// Requirement is a condition on one label.
type Requirement struct {
	Key      string
	Operator Operator
	Values   []string // sorted
}

// Selector is requirements that must all hold. The empty one selects everything.
type Selector []Requirement

// Labels are those of one kind of pods, or of a namespace.
type Labels struct {
	Known map[string]string
	More  bool // it may have others that are not known
}

// Match reports whether a selector takes something with some labels.
func (s Selector) Match(l Labels) space.Match {
	all := space.Yes
	for i := range s {
		all = min(all, s[i].match(l))
	}
	return all
}

// maxKinds bounds what kinds returns.
const maxKinds = 1 << 12

// kinds is the selector for each kind of pods that its values stand for, unless there are too many: with one value of
// each label.
func (s Selector) kinds() []Selector {
	all := []Selector{s}
	for i := range s {
		values := s[i].Values
		if s[i].Operator != In || len(values) < 2 || len(all)*len(values) > maxKinds {
			continue
		}
		var each []Selector
		for _, one := range all {
			for n := range values {
				one = slices.Clone(one)
				one[i].Values = values[n : n+1]
				each = append(each, one)
			}
		}
		all = each
	}
	return all
}

// key is text that is the same for the same labels.
func key(labels map[string]string) string {
	var text strings.Builder
	for _, k := range slices.Sorted(maps.Keys(labels)) {
		fmt.Fprintf(&text, "%q=%q ", k, labels[k])
	}
	return text.String()
}

// example is labels that a selector takes, if any.
func (s Selector) example() map[string]string {
	labels := map[string]string{}
	for i := range s {
		switch r := &s[i]; {
		case r.Operator == In && len(r.Values) > 0:
			labels[r.Key] = r.Values[0]
		case r.Operator == Exists:
			labels[r.Key] = ""
		}
	}
	return labels
}

// String is the requirements as kubectl takes them.
func (s Selector) String() string {
	all := make([]string, len(s))
	for i := range s {
		switch r := &s[i]; r.Operator {
		case In:
			all[i] = r.Key + " in (" + strings.Join(r.Values, ",") + ")"
			if len(r.Values) == 1 {
				all[i] = r.Key + "=" + r.Values[0]
			}
		case NotIn:
			all[i] = r.Key + " notin (" + strings.Join(r.Values, ",") + ")"
		case Exists:
			all[i] = r.Key
		case Absent:
			all[i] = "!" + r.Key
		}
	}
	return strings.Join(all, ",")
}

func (r *Requirement) match(l Labels) space.Match {
	value, has := l.Known[r.Key]
	if !has && l.More {
		return space.Maybe
	}
	holds := has
	switch r.Operator {
	case In, NotIn:
		_, listed := slices.BinarySearch(r.Values, value)
		holds = has && listed
		if r.Operator == NotIn {
			holds = !holds
		}
	case Absent:
		holds = !has
	}
	if holds {
		return space.Yes
	}
	return space.No
}

// Pods is what a workload runs as.
type Pods struct {
	Namespace string // empty: one that no policy names
	Labels    []Labels
}

// each visits every label that some of the pods have.
func (p *Pods) each(visit func(key, value string)) {
	for i, l := range p.Labels {
		for key, value := range l.Known {
			before := func(l Labels) bool { v, has := l.Known[key]; return has && v == value }
			if !slices.ContainsFunc(p.Labels[:i], before) {
				visit(key, value)
			}
		}
	}
}

// match reports whether a selector takes the pods: all of them, some, or none.
func (p *Pods) match(s Selector) space.Match {
	least, most := space.Yes, space.No
	for _, l := range p.Labels {
		m := s.Match(l)
		least, most = min(least, m), max(most, m)
	}
	return between(least, most)
}

// between is how certain it is of several things together that something matches.
func between(least, most space.Match) space.Match {
	if least == most {
		return least
	}
	return space.Maybe
}
