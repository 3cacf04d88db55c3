package compiler

import (
	"slices"

	"github.com/meshc/meshc/compiler/config"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/targets"
	"github.com/meshc/meshc/targets/cilium"
	"github.com/meshc/meshc/targets/istio"
	"github.com/meshc/meshc/targets/networkpolicy"
)

// registry has every target, by its name in meshc.yaml. The first is the default.
var registry = []struct {
	name string
	make func(settings config.Section, withNamespaces bool) (targets.Target, diag.List)
}{
	{istio.Name, istio.FromSettings},
	{networkpolicy.Name, networkpolicy.FromSettings},
	{cilium.Name, cilium.FromSettings},
}

// Targets returns the targets that the settings of a project name, and the findings about their settings.
func Targets(c config.Project, withNamespaces bool) (all []targets.Target, found diag.List) {
	sections := c.Targets
	if len(sections) == 0 {
		sections = []config.Section{{Name: registry[0].name}}
	}
	names := make([]string, len(registry))
	for i := range registry {
		names[i] = registry[i].name
	}
next:
	for _, s := range sections {
		for _, r := range registry {
			if r.name == s.Name {
				target, wrong := r.make(s, withNamespaces)
				all, found = append(all, target), append(found, wrong...)
				if enforcesAlone(target) && len(sections) > 1 {
					found.Add(diag.InvalidSetting, s.At, "%s enforces the intents alone, and another target is named beside it", s.Name).
						WithNote("in a mesh the network carries encrypted connections, in which Cilium sees no requests").
						WithHelp("in a mesh, name `targets: {istio: {}, networkPolicy: {}}`: Cilium enforces NetworkPolicies too. Namespaces without a mesh are a project of their own, with `targets: {%s: {}}`", s.Name)
				}
				continue next
			}
		}
		found = append(found, s.Unknown(names))
	}
	mesh := slices.ContainsFunc(all, func(t targets.Target) bool { _, ok := t.(targets.Mesh); return ok })
	if !mesh && len(all) == len(sections) {
		found.Add(diag.InvalidSetting, sections[0].At, "the target %s closes the network beside a mesh, and there is no target for the mesh", sections[0].Name).
			WithNote("the network sees no identities and no requests").
			WithHelp("name both: `targets: {%s: {}, %s: {}}`", registry[0].name, sections[0].Name)
	}
	return all, found
}

// Meshless reports whether the settings of a project are for a cluster without a mesh.
func Meshless(c config.Project) bool {
	all, _ := Targets(c, false)
	return slices.ContainsFunc(all, enforcesAlone)
}

// closesNetwork reports whether the settings of a project have the network enforce the intents beside a mesh.
func closesNetwork(c config.Project) bool {
	all, _ := Targets(c, false)
	return slices.ContainsFunc(all, func(t targets.Target) bool { _, ok := t.(targets.Network); return ok })
}

// enforcesAlone reports whether a target is for a cluster without a mesh.
func enforcesAlone(t targets.Target) bool {
	alone, ok := t.(interface{ Alone() bool })
	return ok && alone.Alone()
}
