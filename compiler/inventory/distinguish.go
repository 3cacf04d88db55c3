package inventory

import (
	"maps"
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/policy"
)

// fleeting are the parts of the keys of labels that change with a release or belong to a single run.
var fleeting = []string{"hash", "uid", "chart", "version", "revision", "heritage", "release", "job-name", "pod-name", "completion-index"}

// maxLabels bounds the labels that are tried with each other.
const maxLabels = 16

// Distinguishing returns labels that all of some workloads have and no other workload of their namespace: the one that
// names them, if there is one, and as few others as possible; nil if there are none.
func Distinguishing(of, all []*Workload) []policy.Label {
	var shared []policy.Label
	for _, key := range slices.Sorted(maps.Keys(of[0].Labels)) {
		l := policy.Label{Key: key, Value: of[0].Labels[key]}
		lasts := !slices.ContainsFunc(fleeting, func(part string) bool { return strings.Contains(key, part) })
		if lasts && policy.IsLabelKey(l.Key) && policy.IsLabelValue(l.Value) && !slices.ContainsFunc(of, lacks(l)) {
			shared = append(shared, l)
		}
	}
	var name []policy.Label // on the pods of a service from now on as well
	for _, key := range policy.NamingLabels {
		if i := slices.IndexFunc(shared, func(l policy.Label) bool { return l.Key == key }); i >= 0 && len(name) == 0 {
			name = []policy.Label{shared[i]}
			shared = slices.Delete(shared, i, i+1)
		}
	}
	var others []*Workload
	for _, w := range all {
		if !slices.Contains(of, w) {
			others = append(others, w)
		}
	}
	others = narrowed(others, name...)
	shared = shared[:min(len(shared), maxLabels)]
	for size := 1 - len(name); size <= min(3, len(shared)); size++ {
		if found := choose(shared, size, others); found != nil {
			return append(name, found...)
		}
	}
	if all := append(name, shared...); len(all) > 0 && len(narrowed(others, shared...)) == 0 {
		return all
	}
	return nil
}

// choose returns the first so many labels that no workload has all of; nil if there are none.
func choose(from []policy.Label, size int, others []*Workload) []policy.Label {
	if size == 0 {
		if len(others) == 0 {
			return []policy.Label{}
		}
		return nil
	}
	for i, l := range from {
		if rest := choose(from[i+1:], size-1, narrowed(others, l)); rest != nil {
			return append([]policy.Label{l}, rest...)
		}
	}
	return nil
}

// narrowed returns the workloads that have all of some labels.
func narrowed(workloads []*Workload, labels ...policy.Label) (with []*Workload) {
	for _, w := range workloads {
		if !slices.ContainsFunc(labels, func(l policy.Label) bool { return lacks(l)(w) }) {
			with = append(with, w)
		}
	}
	return with
}

func lacks(l policy.Label) func(*Workload) bool {
	return func(w *Workload) bool {
		v, ok := w.Labels[l.Key]
		return !ok || v != l.Value
	}
}
