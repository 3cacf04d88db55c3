package space

import (
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/policy"
)

// Identities is what callers prove of themselves: a URI, which is `spiffe://` and the principal. A caller without an
// identity has no value.
type Identities struct{}

const scheme = "spiffe://"

func (Identities) pattern(written string) Pattern { return PrincipalPattern(written) }

func (Identities) value(written string) *Value { return IdentityValue(written) }

// divide makes atom 0 that of callers without an identity. Identities are those that Istio issues,
// spiffe://DOMAIN/ns/NAMESPACE/sa/ACCOUNT; of its own trust domain wherever that represents an atom.
func (Identities) divide(p *partition, trustDomain string) error {
	if !p.divideByName(trustDomain) {
		own, any := issued(glob(nil).literal(scheme+trustDomain)), issued(glob(nil).literal(scheme).many(domainByte))
		if err := p.divideByAutomaton(own, any); err != nil {
			return err
		}
	}
	p.atoms, p.absent = slices.Insert(p.atoms, 0, Value{}), true
	for _, m := range p.members {
		for i := range m {
			m[i]++
		}
	}
	return nil
}

func issued(domain glob) glob {
	return domain.literal(policy.NamespacePart).many(labelByte).literal(policy.AccountPart).many(nameByte)
}

// IsIdentity reports whether a principal has the form of those that Istio issues: DOMAIN/ns/NAMESPACE/sa/ACCOUNT.
func IsIdentity(principal string) bool {
	domain, rest, _ := strings.Cut(principal, "/")
	rest, ok := strings.CutPrefix(rest, "ns/")
	namespace, account, within := strings.Cut(rest, policy.AccountPart)
	return ok && within && domain != "" && allOf(domain, domainByte) && isLabel(namespace) && isName(account)
}

func isLabel(s string) bool { return s != "" && allOf(s, labelByte) }

func isName(s string) bool { return s != "" && allOf(s, nameByte) }

// FoundElsewhere reports whether Istio's expression for the identities of a namespace finds it in those of others: in
// `/ns/ns/sa/` it finds the namespaces ns and sa.
func FoundElsewhere(namespace string) bool { return namespace == "ns" || namespace == "sa" }

// divideByName makes the atoms where they can be seen without an automaton: accounts, and namespaces without them. It
// is false where a pattern is not of these kinds.
func (p *partition) divideByName(trustDomain string) bool {
	for i := range p.patterns {
		switch pattern := &p.patterns[i]; pattern.kind {
		case exact, present:
		case inNamespace:
			if strings.Contains(pattern.text, "*") || FoundElsewhere(pattern.text) {
				return false
			}
		default:
			return false
		}
	}
	var atoms []string
	for i := range p.patterns {
		if pattern := &p.patterns[i]; pattern.kind == exact && IsIdentity(pattern.text) {
			p.members[i] = append(p.lists.take(1)[:0], int32(len(atoms)))
			atoms = append(atoms, scheme+pattern.text)
		}
	}
	unused := func(before string) string {
		for n := 0; ; n++ {
			if s := before + "other" + letters(n); !slices.Contains(atoms, s) {
				return s
			}
		}
	}
	for i := range p.patterns {
		pattern := &p.patterns[i]
		if pattern.kind != inNamespace || !isLabel(pattern.text) {
			continue
		}
		within := policy.NamespacePart + pattern.text + policy.AccountPart
		for atom, uri := range atoms {
			if strings.Contains(uri, within) {
				p.members[i] = append(p.members[i], int32(atom))
			}
		}
		p.members[i] = append(p.members[i], int32(len(atoms)))
		atoms = append(atoms, unused(scheme+trustDomain+within))
	}
	namespace := "other"
	for n := 1; slices.ContainsFunc(p.patterns, func(p Pattern) bool { return p.kind == inNamespace && p.text == namespace }); n++ {
		namespace = "other" + letters(n)
	}
	atoms = append(atoms, unused(scheme+trustDomain+policy.NamespacePart+namespace+policy.AccountPart))
	for i := range p.patterns {
		if p.patterns[i].kind == present {
			p.members[i] = upTo(len(atoms))
		}
	}
	p.texts(atoms)
	return true
}
