package space

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/meshc/meshc/compiler/policy"
)

// Pattern is one value of a field of a policy, and what Istio makes of it for Envoy: see generator.go in
// istio.io/istio/pilot/pkg/security/authz/model. Patterns of one dimension are the same where they are equal.
type Pattern struct {
	kind      patternKind
	principal bool // it is compared with an identity after its scheme
	port      uint16
	text      string // of inBlock the block in binary form, so that a Pattern is small
}

type patternKind uint8

const (
	exact     patternKind = iota
	prefix                // of text
	suffix                // of text
	present               // any value at all
	template              // a path with {*} and {**}, as Envoy matches them
	every                 // the same for all text
	everyHost             // hosts that end with text, with a port or without

	inNamespace // a namespace, which may have `*` anywhere
	ofNamespace // a namespace that is text, or a text pattern of it
	ofAccount   // NAMESPACE/ACCOUNT
	ofDomain    // a trust domain

	inBlock
	onPort

	inHeader // NAME and a pattern of its text
	inClaim  // the path of a claim and patterns of its texts
	byIssuer // the issuer of a token
	ofToken  // ISSUER/SUBJECT

	unread // KEY=VALUE, of a dimension that requests do not reveal
)

// textPattern is how Istio reads wildcards: only one at the very start, or else at the very end, is one.
func textPattern(s string) Pattern {
	switch {
	case s == "*":
		return Pattern{kind: present}
	case strings.HasPrefix(s, "*"):
		return Pattern{kind: suffix, text: s[1:]}
	case strings.HasSuffix(s, "*"):
		return Pattern{kind: prefix, text: s[:len(s)-1]}
	}
	return Pattern{kind: exact, text: s}
}

// PrincipalPattern is identities without their scheme, exact or with a wildcard at one end.
func PrincipalPattern(s string) Pattern {
	p := textPattern(s)
	p.principal = true
	return p
}

// IsTemplate reports whether a path is one of Envoy's URI templates.
func IsTemplate(path string) bool {
	return strings.Contains(path, "{*}") || strings.Contains(path, "{**}")
}

// matches reports whether a value has the pattern; nil has none.
func (p *Pattern) matches(v *Value) bool {
	if v == nil {
		return false
	}
	s := v.text
	if p.principal {
		s = strings.TrimPrefix(s, scheme)
	}
	switch p.kind {
	case inBlock:
		return p.block().Contains(v.address)
	case onPort:
		return p.port == v.port
	case inHeader:
		name, alternatives := p.alternatives()
		return alternatives[0].kind == present && v.keys[name] != nil || v.keys.matches(name, alternatives...)
	case inClaim:
		claim, alternatives := p.alternatives()
		return v.keys.matches(claim, alternatives...)
	case byIssuer:
		return v.keys.matches(issuer, Pattern{text: p.text})
	case ofToken:
		iss, sub := p.issuerAndSubject()
		return v.keys.matches(issuer, iss) && v.keys.matches(subject, sub)
	case exact:
		return s == p.text
	case prefix:
		return strings.HasPrefix(s, p.text)
	case suffix:
		return strings.HasSuffix(s, p.text)
	case present:
		return s != ""
	case inNamespace:
		if !strings.Contains(p.text, "*") {
			return containsNamespace(s, p.text)
		}
	case ofNamespace:
		if _, after, ok := strings.Cut(s, policy.NamespacePart); ok {
			namespace, _, _ := strings.Cut(after, "/")
			whole := textPattern(p.text)
			return whole.matches(&Value{text: namespace})
		}
		return false
	case ofAccount:
		if namespace, account, _ := strings.Cut(p.text, "/"); !strings.Contains(s, namespace) || !strings.Contains(s, account) {
			return false
		}
	case ofDomain:
		if !strings.HasPrefix(s, scheme) || p.text == "*" {
			return strings.HasPrefix(s, scheme)
		}
	}
	for _, g := range p.globs() {
		if g.matches(s) {
			return true
		}
	}
	return false
}

func containsNamespace(uri, namespace string) bool {
	const before = policy.NamespacePart
	for {
		i := strings.Index(uri, before)
		if i < 0 {
			return false
		}
		uri = uri[i+len(before)-1:]
		if rest := uri[1:]; strings.HasPrefix(rest, namespace) && strings.HasPrefix(rest[len(namespace):], "/") {
			return true
		}
	}
}

// globs is the pattern spelled out: it matches what one of them matches.
func (p *Pattern) globs() []glob {
	var g glob
	if p.principal && p.kind != present {
		g = g.literal(scheme)
	}
	switch p.kind {
	case exact:
		g = g.literal(p.text)
	case prefix:
		g = g.literal(p.text).some(anyByte)
	case suffix:
		g = g.some(anyByte).literal(p.text)
	case present:
		g = g.many(anyByte)
	case template, every:
		segment, text := segmentByte, textByte
		if p.kind == every {
			segment, text = noSlash, anyByte
		}
		for i := 0; i < len(p.text); {
			switch rest := p.text[i:]; {
			case strings.HasPrefix(rest, "{**}"):
				g = g.some(text)
				i += len("{**}")
			case strings.HasPrefix(rest, "{*}"):
				g = g.many(segment)
				i += len("{*}")
			default:
				g = append(g, token{byte: rest[0]})
				i++
			}
		}
	case everyHost:
		return []glob{glob(nil).some(anyByte).literal(p.text), glob(nil).some(anyByte).literal(p.text + ":").some(anyByte)}
	case inNamespace: // .*/ns/NAMESPACE/.*, where `*` is .*
		g = g.some(anyByte).literal(policy.NamespacePart)
		for i, part := range strings.Split(p.text, "*") {
			if i > 0 {
				g = g.some(anyByte)
			}
			g = g.literal(part)
		}
		g = g.literal("/").some(anyByte)
	case ofNamespace:
		g = g.literal(scheme).many(domainByte).literal(policy.NamespacePart)
		switch whole := textPattern(p.text); whole.kind {
		case exact:
			g = g.literal(p.text)
		case prefix:
			g = g.literal(whole.text).some(noSlash)
		case suffix:
			g = g.some(noSlash).literal(whole.text)
		case present:
			g = g.many(noSlash)
		}
		g = g.literal(policy.AccountPart).many(nameByte)
	case ofAccount: // spiffe://.+/ns/NAMESPACE/(.+/|)sa/ACCOUNT(/.+)?
		namespace, account, _ := strings.Cut(p.text, "/")
		var all []glob
		for _, between := range []bool{false, true} {
			for _, after := range []bool{false, true} {
				g := glob(nil).literal(scheme).many(anyByte).literal(policy.NamespacePart + namespace + "/")
				if between {
					g = g.many(anyByte).literal("/")
				}
				g = g.literal("sa/" + account)
				if after {
					g = g.literal("/").many(anyByte)
				}
				all = append(all, g)
			}
		}
		return all
	case ofDomain:
		g = g.literal(scheme)
		if p.text != "*" {
			before, after, wild := strings.Cut(p.text, "*")
			g = g.literal(before)
			if wild {
				g = g.some(noSlash).literal(after)
			}
			g = g.literal("/")
		}
		g = g.some(anyByte)
	}
	return []glob{g}
}

// NamespacePattern is the identities of a namespace, which may have `*` anywhere.
func NamespacePattern(namespace string) Pattern { return Pattern{kind: inNamespace, text: namespace} }

// WholeNamespacePattern is the identities whose namespace is a text, which may have one `*` at an end. It differs from
// NamespacePattern in that this looks for the namespace in all of the identity.
func WholeNamespacePattern(namespace string) Pattern {
	if !strings.Contains(namespace, "*") && namespace != strings.Trim(policy.AccountPart, "/") {
		return NamespacePattern(namespace)
	}
	return Pattern{kind: ofNamespace, text: namespace}
}

// EveryPattern is a path in which {*} stands for every segment and {**} for every text, whatever the templates of a
// proxy take.
func EveryPattern(path string) Pattern { return Pattern{kind: every, text: path} }

// AccountPattern is the identities of NAMESPACE/ACCOUNT in any trust domain.
func AccountPattern(account string) Pattern { return Pattern{kind: ofAccount, text: account} }

// DomainPattern is the identities of a trust domain, which may have one `*` at an end.
func DomainPattern(domain string) Pattern { return Pattern{kind: ofDomain, text: domain} }

// BlockPattern is the addresses of a block.
func BlockPattern(block netip.Prefix) Pattern {
	text, _ := block.Masked().MarshalBinary() // which has no error
	return Pattern{kind: inBlock, text: string(text)}
}

// block is the block of a BlockPattern.
func (p *Pattern) block() (block netip.Prefix) {
	if err := block.UnmarshalBinary([]byte(p.text)); err != nil {
		panic(err) // BlockPattern made it
	}
	return block
}

// PortPattern is one port.
func PortPattern(port uint16) Pattern { return Pattern{kind: onPort, port: port} }

// UnreadPattern is a value of a key in a dimension that requests do not reveal. It matches nothing that is known.
func UnreadPattern(key, value string) Pattern { return Pattern{kind: unread, text: key + "=" + value} }

// PortPatterns is some ports, a pattern for each.
func PortPatterns(ports []uint16) []Pattern {
	all := make([]Pattern, len(ports))
	for i, port := range ports {
		all[i] = PortPattern(port)
	}
	return all
}

// Port is the port of a PortPattern.
func (p Pattern) Port() uint16 { return p.port }

// Principal is the one identity that a pattern is about; empty where there are several.
func (p Pattern) Principal() string {
	if p.principal && p.kind == exact && !strings.Contains(p.text, "*") {
		return p.text
	}
	return ""
}

// Identifies reports whether a pattern of identities is about a principal.
func (p Pattern) Identifies(principal string) bool { return p.matches(IdentityValue(principal)) }

// Account is the NAMESPACE/ACCOUNT that a pattern is about, empty where it is about something else.
func (p Pattern) Account() string {
	if p.kind == ofAccount {
		return p.text
	}
	return ""
}

// InDomain reports whether a pattern is a DomainPattern.
func (p Pattern) InDomain() bool { return p.kind == ofDomain }

// InNamespace is the namespace, which may have wildcards, of a NamespacePattern.
func (p Pattern) InNamespace() (namespace string, ok bool) {
	return p.text, p.kind == inNamespace || p.kind == ofNamespace
}

// Namespace is the one namespace that a pattern is about, empty where it is about something else.
func (p Pattern) Namespace() string {
	if namespace, ok := p.InNamespace(); ok && !strings.Contains(namespace, "*") {
		return namespace
	}
	return ""
}

// Words is the identities that a pattern matches, in words.
func (p Pattern) Words() string {
	switch p.kind {
	case inNamespace, ofNamespace:
		return "namespace " + p.text
	case ofAccount:
		return "account " + p.text
	case ofDomain:
		return "anyone of trust domain " + p.text
	}
	return p.String()
}

// Keyed is the name of the header, or the path of the claim, that a pattern is about, and the texts of which one must
// match.
func (p Pattern) Keyed() (key, texts []string, ok bool) {
	if p.kind != inHeader && p.kind != inClaim {
		return nil, nil, false
	}
	name, rest, _ := strings.Cut(p.text, "\x00")
	if key = []string{name}; p.kind == inClaim {
		key = strings.Split(name, within)
	}
	return key, strings.Split(rest, "\x00"), true
}

// RequestPrincipal is the ISSUER/SUBJECT of a RequestPrincipalPattern; empty for others.
func (p Pattern) RequestPrincipal() string {
	if p.kind != ofToken {
		return ""
	}
	return p.text
}

// IsPrincipal reports whether the pattern is a PrincipalPattern.
func (p Pattern) IsPrincipal() bool { return p.principal }

// String is the pattern as it is written in a policy.
func (p Pattern) String() string {
	switch p.kind {
	case prefix:
		return p.text + "*"
	case suffix, everyHost:
		return "*" + p.text
	case present:
		return "*"
	case inBlock:
		return p.block().String()
	case onPort:
		return strconv.Itoa(int(p.port))
	case inHeader, inClaim:
		key, values, _ := strings.Cut(p.text, "\x00")
		if values == "*" {
			return dotted(key)
		}
		return dotted(key) + "=" + strings.ReplaceAll(values, "\x00", "|")
	}
	return p.text
}
