package model

import (
	"fmt"
	"slices"

	"github.com/meshc/meshc/compiler/policy"
)

// exceptions tells whether some of those that are wide are no callers.
func (c *Callers) HasExceptions() bool {
	for _, may := range c.Outside {
		if c.World && !may {
			return true
		}
	}
	if c.World {
		return false
	}
	for _, may := range c.Services {
		if !may {
			return true
		}
	}
	for _, may := range c.Namespaces {
		if !may {
			return true
		}
	}
	return false
}

// among tells whether a caller is one of those that are let in without being named.
func (c *Callers) Includes(m *Model, f policy.Source) bool {
	may, named := true, false
	if f.Kind == policy.FromService {
		may, named = c.Services[m.Principal(f.Service)]
		if !f.Service.Proxied() {
			may, named = c.Outside[f.Service.ID()]
		}
	}
	switch {
	case c.World && (!named || f.Kind != policy.FromService || f.Service.Proxied()):
		return true
	case named && !may:
		return false
	case f.Kind == policy.FromService:
		return m.Principal(f.Service) != "" && c.namespace(f.Service.Namespace)
	case f.Kind == policy.FromMesh:
		return c.namespace(f.Mesh)
	}
	return f.Kind == policy.FromAny && c.Any
}

// crowd is the same text for callers among whom are the same.
func (c *Callers) Key() string {
	var words []string
	for o, may := range c.Outside {
		if c.World && !may {
			words = append(words, o)
		}
	}
	for p, may := range c.Services {
		if !c.World && !may {
			words = append(words, p)
		}
	}
	for n, may := range c.Namespaces {
		if !c.World {
			words = append(words, fmt.Sprint(n, may))
		}
	}
	slices.Sort(words)
	return fmt.Sprint(c.World, c.Any && !c.World, words)
}

// wide tells whether callers are let in that nothing names.
func (c *Callers) AdmitsWildcard() bool {
	for _, may := range c.Namespaces {
		if may {
			return true
		}
	}
	return c.Any || c.World
}
