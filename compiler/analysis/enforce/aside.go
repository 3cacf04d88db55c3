package enforce

import (
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/compiler/policy"
)

// Pass reports whether all calls of an identity pass the waypoint of every way.
func (c *Point) Pass(identity string) bool {
	return !slices.ContainsFunc(c.Ways, func(w Way) bool { return c.layer.Mesh.Aside.passes(identity, &w) != all })
}

// Aside is the callers that pass no waypoint because they are not in ambient mode: those of some namespaces, but for
// the principals that differ from the rest of their namespace.
type Aside struct {
	Meshes  map[string]bool // the namespaces whose callers have sidecars
	Callers map[string]Kind // by principal that differs from its namespace: everything that pods with it are

	kinds sync.Map // of callers, by the last Aside with which this one tells them apart
}

// Kind is what callers with one identity are, by which waypoints they pass: none, all, or those that take what comes
// in. Pods of one account may be several of these.
type Kind uint8

const (
	InSidecars Kind = 1 << iota
	InAmbient
	AtGateways
)

func (a *Aside) kind(identity string) Kind {
	if len(a.Meshes)+len(a.Callers) == 0 {
		return InAmbient
	}
	kind, known := a.Callers[identity]
	if known {
		return kind
	}
	if id, _ := policy.ParseIdentity(identity); a.Meshes[id.Namespace] {
		return InSidecars
	}
	return InAmbient
}

// names is by what it is known which waypoints an identity passes: by itself, or by its namespace.
func (a *Aside) names(identity string) (by space.Pattern, ok bool) {
	if _, ok := a.Callers[identity]; ok {
		return space.PrincipalPattern(identity), true
	}
	id, _ := policy.ParseIdentity(identity)
	return space.NamespacePattern(id.Namespace), a.Meshes[id.Namespace]
}

// share is how many of the calls of an identity do something.
type share uint8

const (
	none share = iota
	some
	all
)

// passes is how many of the calls of an identity pass the waypoint of a way.
func (a *Aside) passes(identity string, w *Way) share {
	switch {
	case identity == "":
		return none
	case a == nil:
		return all
	}
	past, kind := InSidecars, a.kind(identity)
	if !w.Ingress {
		past |= AtGateways
	}
	switch kind & past {
	case 0:
		return all
	case kind:
		return none
	}
	return some
}

// kinds is the callers of several Asides by what they are to each of these.
type kinds struct {
	usual      string // that of callers that none knows
	namespaces []string
	within     map[string]*members // by namespace
	others     map[string][]string // by the kind of those without a principal, the namespaces
	having     map[string][]string // by kind, the namespaces that have principals of it
	each       []string            // the kinds of both
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
	k := &kinds{usual: strings.Repeat(string(rune(InAmbient)), len(all)), within: map[string]*members{}}
	in := func(namespace string) *members {
		m := k.within[namespace]
		if m == nil {
			m = &members{principals: map[string][]string{}}
			for _, a := range all {
				kind := InAmbient
				if a.Meshes[namespace] {
					kind = InSidecars
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
		for principal := range a.Callers {
			principals[principal] = true
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
	k.others, k.having = map[string][]string{}, map[string][]string{}
	for _, namespace := range k.namespaces {
		m := k.within[namespace]
		k.others[m.others] = append(k.others[m.others], namespace)
		for _, kind := range m.kinds {
			k.having[kind] = append(k.having[kind], namespace)
		}
	}
	k.each = slices.Sorted(maps.Keys(k.others))
	for _, kind := range slices.Sorted(maps.Keys(k.having)) {
		if k.others[kind] == nil {
			k.each = append(k.each, kind)
		}
	}
	if len(all) <= 2 {
		all[0].kinds.Store(last, k)
	}
	return k
}

// apart is callers to distinguish where identities have some patterns: with them, each kind of callers that the
// patterns tell from others has classes of its own.
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
	if len(odd) == 0 {
		return k.plain(named, namespaces)
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
	accounts := []string{"other"} // and those of patterns that begin anywhere: they may be about some namespaces alone
	for _, p := range odd {
		if _, account, ok := strings.Cut(p.String(), policy.AccountPart); ok && strings.Trim(account, "*") != "" {
			accounts = append(accounts, strings.Trim(account, "*"))
		}
	}
	seen := map[[2]string]bool{}
	for _, namespace := range k.namespaces {
		m := k.within[namespace]
		other := policy.Identity{TrustDomain: trustDomain, Namespace: namespace, Account: "other"}
		key := [2]string{said(namespace, other.String()), m.others}
		taken := key
		for _, account := range accounts {
			taken[0] += "|" + said(namespace, policy.Identity{TrustDomain: trustDomain, Namespace: namespace, Account: account}.String())
		}
		// And of whom among the others' patterns there may be nobody but callers of another kind
		taken[0] += "|"
		for _, kind := range m.kinds {
			for _, principal := range m.principals[kind] {
				if text := said(namespace, principal); kind != m.others && text != key[0] {
					taken[0] += text
				}
			}
		}
		if !seen[taken] && !namespaces[namespace] {
			callers = append(callers, space.NamespacePattern(namespace))
		}
		seen[key], seen[taken] = true, true
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
				seen[key] = true
			}
		}
	}
	return callers
}

// plain is apart for patterns that each take one principal, one namespace or everybody. They say the same of all whom
// they do not name, so of each kind one will do there, and of each namespace that they name one of each kind beside its
// others.
func (k *kinds) plain(named, namespaces map[string]bool) (callers []space.Pattern) {
	unnamed := func(namespace, kind string) (string, bool) {
		for _, principal := range k.within[namespace].principals[kind] {
			if !named[principal] {
				return principal, true
			}
		}
		return "", false
	}
	for _, kind := range k.each {
		if kind == k.usual {
			continue
		}
		if i := slices.IndexFunc(k.others[kind], func(namespace string) bool { return !namespaces[namespace] }); i >= 0 {
			callers = append(callers, space.NamespacePattern(k.others[kind][i]))
			continue
		}
		for _, namespace := range k.having[kind] {
			if principal, ok := unnamed(namespace, kind); ok && !namespaces[namespace] {
				callers = append(callers, space.PrincipalPattern(principal))
				break
			}
		}
	}
	for _, namespace := range slices.Sorted(maps.Keys(namespaces)) {
		m := k.within[namespace]
		if m == nil {
			continue
		}
		for _, kind := range m.kinds {
			if principal, ok := unnamed(namespace, kind); ok && kind != m.others {
				callers = append(callers, space.PrincipalPattern(principal))
			}
		}
	}
	return callers
}
