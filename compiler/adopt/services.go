package adopt

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/inventory"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang"
)

// service is some workloads of a namespace under one name.
type service struct {
	stmt  *lang.Service // nil where nothing can be declared
	bare  bool          // none of them has a proxy
	notes []string
}

// servicesOf returns the services of a namespace, sorted by name. Workloads of one name are one service, unless they
// run under several accounts, and then one for each account.
func servicesOf(workloads []*inventory.Workload) []*service {
	groups := map[string][]*inventory.Workload{}
	for _, w := range workloads {
		groups[w.Service] = append(groups[w.Service], w)
	}
	taken := map[string]bool{}
	for name := range groups {
		taken[name] = true
	}
	var services []*service
	for _, name := range slices.Sorted(maps.Keys(groups)) {
		group := groups[name]
		parts := byAccount(group)
		if policy.IsLabel(name) && len(parts) == 1 {
			services = append(services, newService(name, nil, group))
			continue
		}
		labels := make([][]policy.Label, len(parts))
		for i, part := range parts {
			labels[i] = inventory.Distinguishing(part, workloads)
		}
		if slices.ContainsFunc(labels, func(l []policy.Label) bool { return l == nil }) {
			services = append(services, undeclared(name, parts))
			continue
		}
		for i, part := range parts {
			services = append(services, newService(unused(part[0], taken), labels[i], part))
		}
	}
	slices.SortStableFunc(services, func(a, b *service) int { return cmp.Compare(a.name(), b.name()) })
	return services
}

func (s *service) name() string {
	if s.stmt == nil {
		return ""
	}
	return s.stmt.Name.Text
}

// byAccount divides workloads by the account that they run as, and sorts the parts by it.
func byAccount(workloads []*inventory.Workload) (parts [][]*inventory.Workload) {
	of := map[string][]*inventory.Workload{}
	for _, w := range workloads {
		of[w.Account] = append(of[w.Account], w)
	}
	for _, account := range slices.Sorted(maps.Keys(of)) {
		parts = append(parts, of[account])
	}
	return parts
}

// newService declares workloads. Without labels the name stands for them.
func newService(name string, labels []policy.Label, workloads []*inventory.Workload) *service {
	s := &service{stmt: &lang.Service{Name: lang.Name{Text: name}}, bare: true}
	for _, l := range labels {
		s.stmt.Labels = append(s.stmt.Labels, lang.Label{Key: lang.Name{Text: l.Key}, Value: lang.Name{Text: l.Value}})
	}
	for _, w := range workloads {
		s.bare = s.bare && w.Bare()
	}
	for _, w := range workloads {
		if !w.Bare() {
			continue
		}
		note := w.NoProxy
		if !s.bare {
			note = fmt.Sprintf("%s %s has no proxy: %s", w.Kind, w.Object, note)
		}
		if !slices.Contains(s.notes, note) {
			s.notes = append(s.notes, note)
		}
	}
	return s
}

// undeclared says why workloads of one name are not declared.
func undeclared(name string, parts [][]*inventory.Workload) *service {
	s := &service{}
	if len(parts) == 1 {
		s.notes = []string{fmt.Sprintf("%+q is left out: it is not a name of this language, and no label is on its pods alone.", name)}
		return s
	}
	var each []string
	for _, part := range parts {
		each = append(each, fmt.Sprintf("%s %s as %+q", part[0].Kind, part[0].Object, part[0].Account))
	}
	s.notes = []string{
		fmt.Sprintf("%+q is left out, since its workloads run under several accounts and no labels tell their pods apart:", name),
		strings.Join(each, ", ") + ".",
	}
	return s
}

// unused returns a name for a workload that nothing in its namespace has yet, and takes it.
func unused(w *inventory.Workload, taken map[string]bool) string {
	base := allowed(w.Object)
	name := base
	if taken[name] {
		name = allowed(base + "-" + w.Account)
	}
	for n := 2; taken[name]; n++ {
		suffix := fmt.Sprintf("-%d", n)
		name = base[:min(len(base), policy.MaxLabel-len(suffix))] + suffix
	}
	taken[name] = true
	return name
}

// allowed turns a text into a name of the language.
func allowed(text string) string { return cmp.Or(policy.LabelLike(text, policy.MaxLabel), "service") }
