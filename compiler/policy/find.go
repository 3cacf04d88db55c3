package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/meshc/meshc/lang/diag"
)

// Found is what a name stands for: one service, the services of a group, or an external.
type Found struct {
	Services []*Service
	External *External
}

// Find looks up a name as a user writes it: NAMESPACE/NAME, or NAME if it is in one mesh only. If nothing has this
// name, Find looks for services whose account has it. The error says that the name is unknown, and suggests a near one,
// or that it is ambiguous.
func (p *Policy) Find(name string) (Found, error) {
	namespace, short, qualified := strings.Cut(name, "/")
	if !qualified {
		namespace, short = "", name
	}
	var found, byAccount []Found
	var ids, accountIDs, all []string
	for _, m := range p.Meshes {
		here := namespace == "" || namespace == m.Name
		enter := func(name string, f Found) {
			id := m.Name + "/" + name
			if qualified {
				all = append(all, id)
			} else {
				all = append(all, name)
			}
			if here && name == short {
				found, ids = append(found, f), append(ids, id)
			}
		}
		for _, s := range m.Services {
			enter(s.Name, Found{Services: []*Service{s}})
			if here && (s.RunsAs(short) || s.RunsAs(short+"-sa")) {
				byAccount, accountIDs = append(byAccount, Found{Services: []*Service{s}}), append(accountIDs, s.ID())
			}
		}
		for _, e := range m.Externals {
			enter(e.Name, Found{External: e})
		}
		for _, g := range m.Groups {
			enter(g.Name, Found{Services: g.Members})
		}
	}
	if len(found) == 0 {
		found, ids = byAccount, accountIDs
	}
	switch len(found) {
	case 0:
		return Found{}, unknownName("service", name, all)
	case 1:
		return found[0], nil
	}
	slices.Sort(ids)
	return Found{}, fmt.Errorf("%s may be %s: say which", name, strings.Join(ids, " or "))
}

// HasMesh returns an error unless the policy has a mesh of that name. It suggests a near name.
func (p *Policy) HasMesh(name string) error {
	var all []string
	for _, m := range p.Meshes {
		if m.Name == name {
			return nil
		}
		all = append(all, m.Name)
	}
	return unknownName("mesh", name, all)
}

// mostKnown is the most names that are listed in place of an unknown one.
const mostKnown = 12

func unknownName(what, name string, among []string) error {
	if near, ok := diag.Nearest(name, among); ok {
		return fmt.Errorf("there is no %s %s; did you mean %s?", what, name, near)
	}
	among = slices.Compact(slices.Sorted(slices.Values(among)))
	if n := len(among); n == 0 || n > mostKnown {
		return fmt.Errorf("there is no %s %s", what, name)
	}
	return fmt.Errorf("there is no %s %s; there is %s", what, name, strings.Join(among, ", "))
}
