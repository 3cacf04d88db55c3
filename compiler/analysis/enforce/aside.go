package enforce

import (
	"maps"
	"slices"
	"sync"

	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/compiler/policy"
)

// Pass reports whether calls of an identity pass the waypoint of every way.
func (c *Point) Pass(identity string) bool {
	return !slices.ContainsFunc(c.Ways, func(w Way) bool { return !c.layer.Mesh.Aside.passes(identity, &w) })
}

// Aside is the callers that pass no waypoint because they are not in ambient mode: those of the principals that it knows, and of
// others those of some namespaces.
type Aside struct {
	Sidecars map[string]bool // by principal: whether its caller has sidecars
	Gateways map[string]bool // the principals of gateways
	Meshes   map[string]bool // by namespace, for the other identities there: whether they have sidecars

	listed sync.Once
	all    kinds
	within map[string]*kinds // by namespace
	meshes []string          // with sidecars
}

// kinds is the principals of callers by whether they pass waypoints.
type kinds [3][]string

const (
	sidecars = iota
	ambient
	gateways
)

// passes reports whether a caller with an identity passes the waypoint of a way.
func (a *Aside) passes(identity string, w *Way) bool {
	switch {
	case identity == "":
		return false
	case a == nil:
		return true
	case a.Gateways[identity]:
		return w.Ingress
	}
	if aside, known := a.Sidecars[identity]; known {
		return !aside
	}
	id, _ := policy.ParseIdentity(identity)
	return !a.Meshes[id.Namespace]
}

func (a *Aside) list() {
	a.within = map[string]*kinds{}
	add := func(principal string, kind int) {
		id, _ := policy.ParseIdentity(principal)
		if a.within[id.Namespace] == nil {
			a.within[id.Namespace] = &kinds{}
		}
		for _, of := range []*kinds{&a.all, a.within[id.Namespace]} {
			of[kind] = append(of[kind], principal)
		}
	}
	for _, principal := range slices.Sorted(maps.Keys(a.Sidecars)) {
		switch {
		case a.Gateways[principal]:
		case a.Sidecars[principal]:
			add(principal, sidecars)
		default:
			add(principal, ambient)
		}
	}
	for _, principal := range slices.Sorted(maps.Keys(a.Gateways)) {
		add(principal, gateways)
	}
	for _, mesh := range slices.Sorted(maps.Keys(a.Meshes)) {
		if a.Meshes[mesh] {
			a.meshes = append(a.meshes, mesh)
		}
	}
}

// apart is callers to distinguish where identities have some patterns: with them, whoever passes no waypoint, or does where others do not,
// has one like him in classes of his own that the patterns do not tell from him either.
func (a *Aside) apart(patterns []space.Pattern) (callers []space.Pattern) {
	a.listed.Do(a.list)
	named, namespaces := map[string]bool{}, map[string]bool{}
	var wide []space.Pattern
	for _, p := range patterns {
		if principal := p.Principal(); principal != "" {
			named[principal] = true
			continue
		}
		namespaces[p.Namespace()] = true
		wide = append(wide, p)
	}
	one := func(principals []string, meets func(principal string) bool) {
		if i := slices.IndexFunc(principals, func(principal string) bool { return !named[principal] && meets(principal) }); i >= 0 {
			callers = append(callers, space.PrincipalPattern(principals[i]))
		}
	}
	untold := func(principal string) bool {
		return !slices.ContainsFunc(wide, func(p space.Pattern) bool { return p.Identifies(principal) })
	}
	if i := slices.IndexFunc(a.meshes, func(mesh string) bool { return !namespaces[mesh] }); i >= 0 {
		callers = append(callers, space.NamespacePattern(a.meshes[i]))
	} else {
		one(a.all[sidecars], untold)
	}
	one(a.all[gateways], untold)
	for _, p := range wide {
		of, namespace := &a.all, p.Namespace()
		if namespace != "" {
			of = a.within[namespace]
		}
		if of == nil {
			continue
		}
		if namespace == "" || !a.Meshes[namespace] {
			one(of[sidecars], p.Identifies)
		}
		if namespace == "" || a.Meshes[namespace] {
			one(of[ambient], p.Identifies)
		}
		one(of[gateways], p.Identifies)
	}
	return callers
}
