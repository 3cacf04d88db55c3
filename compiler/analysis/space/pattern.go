package space

import (
	"net/netip"
	"strconv"
	"strings"
)

// A pattern is one value of a field, and what Istio makes of it for Envoy: see generator.go in
// istio.io/istio/pilot/pkg/security/authz/model. A caller's identity is a URI there, `spiffe://` and the principal.
type Pattern struct {
	kind  patternKind
	port  uint16
	text  string
	block netip.Prefix
}

type patternKind uint8

const (
	exact    patternKind = iota
	prefix               // of text
	suffix               // of text
	present              // any value at all; of an identity, that there is one
	template             // a path with {*} and {**}

	inNamespace // a namespace, which may have `*` anywhere
	ofAccount   // NAMESPACE/ACCOUNT
	ofDomain    // a trust domain

	inBlock
	onPort
)

const scheme = "spiffe://"

// TextPattern is how Istio reads wildcards: only one at the very start, or else at the very end, is one.
func TextPattern(s string) Pattern {
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

func PathPattern(s string) Pattern {
	if IsTemplate(s) {
		return Pattern{kind: template, text: s}
	}
	return TextPattern(s)
}

func IsTemplate(path string) bool {
	return strings.Contains(path, "{*}") || strings.Contains(path, "{**}")
}

// HostPattern compares without regard to upper and lower case; a port in the authority counts.
func HostPattern(s string) Pattern { return TextPattern(lower(s)) }

// lower is ASCII's lower case, as Envoy ignores case.
func lower(s string) string {
	for i := range len(s) {
		if c := s[i]; 'A' <= c && c <= 'Z' {
			return strings.Map(func(r rune) rune {
				if 'A' <= r && r <= 'Z' {
					r += 'a' - 'A'
				}
				return r
			}, s)
		}
	}
	return s
}

// matches tells whether a string has the pattern. Of an identity s is the whole URI, otherwise the value.
func (p *Pattern) Matches(d Dimension, s string) bool {
	if d == Identity && p.kind < inNamespace {
		s = s[len(scheme):]
	}
	switch p.kind {
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
	}
	for _, g := range p.globs(d) {
		if g.Matches(s) {
			return true
		}
	}
	return false
}

func containsNamespace(uri, namespace string) bool {
	const before = "/ns/"
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

// class is a set of bytes.
type class uint16

const (
	anyByte     class = 1 << iota
	noSlash           // [^/]
	segmentByte       // of a path segment that {*} takes: kLiteral in Envoy's uri_template_internal.cc
	textByte          // those and `/`: what {**} takes
	pathByte          // of a path behind its first slash, without query and fragment
	nameByte          // of a Kubernetes name
	domainByte        // of a trust domain
	tokenByte         // of a method: RFC 9110, section 5.6.2
	hostByte          // of an authority in lower case
)

var classes = func() (t [256]class) {
	for i := range t {
		c := byte(i)
		set := func(k class, in bool) {
			if in {
				t[i] |= k
			}
		}
		letter := 'a' <= c && c <= 'z' || '0' <= c && c <= '9'
		alnum := letter || 'A' <= c && c <= 'Z'
		segment := alnum || strings.IndexByte("-._~%!$&'()+,;:@=", c) >= 0
		set(anyByte, true)
		set(noSlash, c != '/')
		set(segmentByte, segment)
		set(textByte, segment || c == '/')
		set(pathByte, c > ' ' && c != 0x7f && c != '?' && c != '#')
		set(nameByte, letter || c == '-' || c == '.')
		set(domainByte, letter || c == '-' || c == '.' || c == '_')
		set(tokenByte, alnum || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0)
		set(hostByte, c > ' ' && c != 0x7f && c != '/' && (c < 'A' || c > 'Z'))
	}
	return t
}()

// token is one byte, one byte of a class, or any number of bytes of a class.
type token struct {
	class class // 0: the byte
	byte  byte
	star  bool
}

func (t token) takes(c byte) bool {
	if t.class == 0 {
		return t.byte == c
	}
	return classes[c]&t.class != 0
}

// glob is a sequence of tokens that a whole string must match.
type glob []token

func (g glob) literal(s string) glob {
	for i := range len(s) {
		g = append(g, token{byte: s[i]})
	}
	return g
}

func (g glob) some(c class) glob { return append(g, token{class: c, star: true}) }
func (g glob) many(c class) glob { return append(g, token{class: c}, token{class: c, star: true}) }

// Misleads tells why a pattern does not match what it seems to, and what may be meant; empty where it does. Istio takes
// such a pattern, and says nothing.
func (p *Pattern) Misleads(d Dimension) (why, instead string) {
	if p.kind > suffix {
		return "", ""
	}
	wild := strings.Contains(p.text, "*")
	switch d {
	case Identity:
		rest, scheme := strings.CutPrefix(p.text, scheme)
		switch {
		case scheme:
			return "a principal is written without spiffe://, so `" + p.String() + "` never matches", "write `" + rest + "`"
		case wild:
			return "a principal takes one wildcard, at its start or its end, so `" + p.String() + "` never matches", "write each principal, or the namespaces in `namespaces`"
		case p.kind == exact && !isIdentity(p.text):
			return "a principal is DOMAIN/ns/NAMESPACE/sa/ACCOUNT, so `" + p.String() + "` never matches", "write it in full"
		}
	case Path:
		switch {
		case wild:
			return "a path takes one wildcard, at its start or its end: the `*` inside `" + p.String() + "` stands for itself", "write a template, where `{*}` stands for one segment and `{**}` for any number"
		case p.kind != suffix && p.text[0] != '/':
			return "a path begins with a slash, so `" + p.String() + "` never matches", "write `/" + p.String() + "`"
		}
	case Method:
		if upper := strings.ToUpper(p.String()); upper != p.String() {
			return "methods are compared as they are written, so `" + p.String() + "` is not `" + upper + "`", "write `" + upper + "`"
		}
	}
	return "", ""
}

// globs is the pattern spelled out: it matches what one of them matches.
func (p *Pattern) globs(d Dimension) []glob {
	var g glob
	if d == Identity && p.kind < inNamespace && p.kind != present {
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
	case template:
		for i := 0; i < len(p.text); {
			switch rest := p.text[i:]; {
			case strings.HasPrefix(rest, "{**}"):
				g = g.some(textByte)
				i += len("{**}")
			case strings.HasPrefix(rest, "{*}"):
				g = g.many(segmentByte)
				i += len("{*}")
			default:
				g = append(g, token{byte: rest[0]})
				i++
			}
		}
	case inNamespace: // .*/ns/NAMESPACE/.*, where `*` is .*
		g = g.some(anyByte).literal("/ns/")
		for i, part := range strings.Split(p.text, "*") {
			if i > 0 {
				g = g.some(anyByte)
			}
			g = g.literal(part)
		}
		g = g.literal("/").some(anyByte)
	case ofAccount: // spiffe://.+/ns/NAMESPACE/(.+/|)sa/ACCOUNT(/.+)?
		namespace, account, _ := strings.Cut(p.text, "/")
		var all []glob
		for _, between := range []bool{false, true} {
			for _, behind := range []bool{false, true} {
				g := glob(nil).literal(scheme).many(anyByte).literal("/ns/" + namespace + "/")
				if between {
					g = g.many(anyByte).literal("/")
				}
				g = g.literal("sa/" + account)
				if behind {
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

// matches follows all ways through the glob at once.
func (g glob) Matches(s string) bool {
	now, next := make([]bool, len(g)+1), make([]bool, len(g)+1)
	g.enter(now, 0)
	for i := range len(s) {
		clear(next)
		alive := false
		for at, here := range now[:len(g)] {
			if !here || !g[at].takes(s[i]) {
				continue
			}
			alive = true
			if g[at].star {
				g.enter(next, at)
			} else {
				g.enter(next, at+1)
			}
		}
		if !alive {
			return false
		}
		now, next = next, now
	}
	return now[len(g)]
}

// enter marks a place and those reached from it without a byte.
func (g glob) enter(set []bool, at int) {
	for ; !set[at]; at++ {
		set[at] = true
		if at == len(g) || !g[at].star {
			return
		}
	}
}

// NamespacePattern is the identities of a namespace, which may have `*` anywhere.
func NamespacePattern(namespace string) Pattern { return Pattern{kind: inNamespace, text: namespace} }

// AccountPattern is the identities of NAMESPACE/ACCOUNT in any trust domain.
func AccountPattern(account string) Pattern { return Pattern{kind: ofAccount, text: account} }

// DomainPattern is the identities of a trust domain, which may have one `*` at an end.
func DomainPattern(domain string) Pattern { return Pattern{kind: ofDomain, text: domain} }

// BlockPattern is the addresses of a block.
func BlockPattern(block netip.Prefix) Pattern { return Pattern{kind: inBlock, block: block} }

// PortPattern is one port.
func PortPattern(port uint16) Pattern { return Pattern{kind: onPort, port: port} }

// AnyPattern is any value at all.
func AnyPattern() Pattern { return Pattern{kind: present} }

// IsSegmentByte reports whether {*} of a template takes a byte.
func IsSegmentByte(c byte) bool { return classes[c]&segmentByte != 0 }

// Port is the port of a PortPattern.
func (p Pattern) Port() uint16 { return p.port }

// Block is the block of a BlockPattern.
func (p Pattern) Block() netip.Prefix { return p.block }

// Exact is the one identity that a pattern is about; empty where there are several.
func (p Pattern) Exact() string {
	if p.kind == exact && !strings.Contains(p.text, "*") {
		return p.text
	}
	return ""
}

// Account is the NAMESPACE/ACCOUNT that a pattern is about, empty where it is about something else.
func (p Pattern) Account() string {
	if p.kind == ofAccount {
		return p.text
	}
	return ""
}

// Namespace is the one namespace that a pattern is about, empty where it is about something else.
func (p Pattern) Namespace() string {
	if p.kind == inNamespace && !strings.Contains(p.text, "*") {
		return p.text
	}
	return ""
}

// String is a pattern as it is written in a policy.
func (p Pattern) String() string {
	switch p.kind {
	case prefix:
		return p.text + "*"
	case suffix:
		return "*" + p.text
	case present:
		return "*"
	case inBlock:
		return p.block.String()
	case onPort:
		return strconv.Itoa(int(p.port))
	}
	return p.text
}
