package compiler

import (
	"github.com/meshc/meshc/compiler/config"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/targets"
	"github.com/meshc/meshc/targets/istio"
)

// registry has every target, by its name in meshc.yaml. The first is the default.
var registry = []struct {
	name string
	make func(settings config.Section, withNamespaces bool) (targets.Target, diag.List)
}{
	{istio.Name, istio.FromSettings},
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
				continue next
			}
		}
		found = append(found, s.Unknown(names))
	}
	return all, found
}
