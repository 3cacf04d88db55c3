package enforce

import (
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/compiler/policy"
)

// Pass reports whether calls of an identity pass the waypoint of every way.
func (c *Point) Pass(identity string) bool {
	return !slices.ContainsFunc(c.Ways, func(w Way) bool { return !c.layer.Mesh.Aside.passes(identity, &w) })
}

// Aside is the callers that pass no waypoint because they are not in ambient mode: those of some namespaces, but for the principals
// that differ from the rest of their namespace.
type Aside struct {
	Meshes   map[string]bool // the namespaces whose callers have sidecars
	Sidecars map[string]bool // by principal that differs from its namespace: whether its caller has sidecars
	Gateways map[string]bool // the principals of gateways

	kinds sync.Map // of callers, by the last Aside with which this one tells them apart
}

// passes reports whether a caller with an identity passes the waypoint of a way.
func (a *Aside) passes(identity string, w *Way) bool {
	switch {
	case identity == "":
		return false
	case a == nil:
		return true
	}
	kind := a.kind(identity)
	return kind == ambient || kind == gateway && w.Ingress
}

// The kinds of callers by which waypoints they pass: none, all, or those that take what comes in.
const (
	sidecar = 's'
	ambient = 'a'
	gateway = 'g'
)

func (a *Aside) kind(identity string) byte {
	if len(a.Meshes)+len(a.Sidecars)+len(a.Gateways) == 0 {
		return ambient
	}
	if a.Gateways[identity] {
		return gateway
	}
	aside, known := a.Sidecars[identity]
	if !known {
		id, _ := policy.ParseIdentity(identity)
		aside = a.Meshes[id.Namespace]
	}
	if aside {
		return sidecar
	}
	return ambient
}

// kinds is the callers of several Asides by what they are to each of these.
type kinds struct {
	usual      string // that of callers that none knows
	namespaces []string
	within     map[string]*members // by namespace
}

// members is the callers of a namespace.
type members struct {
	others     string              // their kind, of those that have no principal here
	kinds      []string            // of the others
	principals map[string][]string // by kind
}

func kindsOf(all []*Aside) *kinds {
	last := all[len(all)-1]
	if known, ok := all[0].kinds.Load(last); ok && len(all) <= 2 {
		return known.(*kinds)
	}
	k := &kinds{usual: strings.Repeat(string(rune(ambient)), len(all)), within: map[string]*members{}}
	in := func(namespace string) *members {
		m := k.within[namespace]
		if m == nil {
			m = &members{principals: map[string][]string{}}
			for _, a := range all {
				kind := byte(ambient)
				if a.Meshes[namespace] {
					kind = sidecar
				}
				m.others += string(rune(kind))
			}
			k.within[namespace] = m
		}
		return m
	}
	principals := map[string]bool{}
	for _, a := range all {
		for namespace := range a.Meshes {
			in(namespace)
		}
		for _, known := range [...]map[string]bool{a.Sidecars, a.Gateways} {
			for principal := range known {
				principals[principal] = true
			}
		}
	}
	for _, principal := range slices.Sorted(maps.Keys(principals)) {
		kind := ""
		for _, a := range all {
			kind += string(rune(a.kind(principal)))
		}
		id, _ := policy.ParseIdentity(principal)
		m := in(id.Namespace)
		m.principals[kind] = append(m.principals[kind], principal)
	}
	for _, m := range k.within {
		m.kinds = slices.Sorted(maps.Keys(m.principals))
	}
	k.namespaces = slices.Sorted(maps.Keys(k.within))
	if len(all) <= 2 {
		all[0].kinds.Store(last, k)
	}
	return k
}

// apart is callers to distinguish where identities have some patterns: with them, each kind of callers that the patterns tell from others
// has classes of its own.
func (k *kinds) apart(patterns []space.Pattern, trustDomain string) (callers []space.Pattern) {
	named, namespaces := map[string]bool{}, map[string]bool{}
	var odd []space.Pattern // that take part of a namespace, or several
	for _, p := range patterns {
		namespace := p.Namespace()
		switch {
		case p.Principal() != "":
			named[p.Principal()] = true
		case namespace != "" && !space.FoundElsewhere(namespace):
			namespaces[namespace] = true
		case p != space.PrincipalPattern("*") && !slices.Contains(odd, p):
			odd = append(odd, p)
		}
	}
	// What the patterns say of an identity, but for a namespace that they name.
	said := func(namespace, principal string) string {
		text := []byte{}
		if namespaces[namespace] {
			text = append(text, namespace...)
		}
		for _, p := range odd {
			text = append(text, '/', bit(p.Identifies(principal)))
		}
		return string(text)
	}
	seen := map[[2]string]bool{}
	if len(odd) == 0 {
		seen[[2]string{"", k.usual}] = true
	}
	for _, namespace := range k.namespaces {
		other := policy.Identity{TrustDomain: trustDomain, Namespace: namespace, Account: "other"}
		key := [2]string{said(namespace, other.String()), k.within[namespace].others}
		if !seen[key] && !namespaces[namespace] {
			callers = append(callers, space.NamespacePattern(namespace))
		}
		seen[key] = true
	}
	for _, namespace := range k.namespaces {
		m := k.within[namespace]
		for _, kind := range m.kinds {
			for _, principal := range m.principals[kind] {
				if named[principal] {
					continue
				}
				key := [2]string{said(namespace, principal), kind}
				if !seen[key] {
					callers = append(callers, space.PrincipalPattern(principal))
				}
				if seen[key] = true; len(odd) == 0 {
					break // the patterns say the same of all
				}
			}
		}
	}
	return callers
}
