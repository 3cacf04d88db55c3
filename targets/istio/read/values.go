package read

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/meshc/meshc/compiler/analysis/space"
)

// namespacePattern reads a namespace, in which ztunnel has wildcards of its own.
func (d *decoder) namespacePattern(s string) (space.Pattern, string) {
	p := space.NamespacePattern(s)
	d.otherwise = d.otherwise || p != space.WholeNamespacePattern(s)
	return p, ""
}

// plain returns the reader of a dimension in which every text is a pattern.
func plain(d space.Dimension) func(string) (space.Pattern, string) {
	return func(s string) (space.Pattern, string) { return space.Standard.Pattern(d, s), "" }
}

// unread keeps the values of a key that is not judged, so that two conditions that ask for the same are the same.
func unread(key string) func(string) (space.Pattern, string) {
	return func(s string) (space.Pattern, string) { return space.UnreadPattern(key, s), "" }
}

func portPattern(s string) (space.Pattern, string) {
	port, err := strconv.ParseUint(s, 10, 32)
	if err != nil || port > 65535 {
		return space.Pattern{}, "not a port: " + strconv.Quote(s)
	}
	return space.PortPattern(uint16(port)), ""
}

func blockPattern(s string) (space.Pattern, string) {
	if strings.Contains(s, "/") {
		block, err := netip.ParsePrefix(s)
		if err != nil {
			return space.Pattern{}, "not a block of addresses: " + strconv.Quote(s)
		}
		return space.BlockPattern(block.Masked()), ""
	}
	address, err := netip.ParseAddr(s)
	if err != nil || address.Zone() != "" {
		return space.Pattern{}, "not an address: " + strconv.Quote(s)
	}
	return space.BlockPattern(netip.PrefixFrom(address, address.BitLen())), ""
}

func accountPattern(namespace, s string) (space.Pattern, string) {
	slashes := strings.Count(s, "/")
	switch {
	case strings.Contains(s, "*"):
		return space.Pattern{}, "a service account takes no wildcard"
	case slashes > 1, s[0] == '/', s[len(s)-1] == '/':
		return space.Pattern{}, "not ACCOUNT or NAMESPACE/ACCOUNT: " + strconv.Quote(s)
	case len(s) > maxAccount:
		return space.Pattern{}, "more than 320 characters"
	case slashes == 0:
		s = namespace + "/" + s
	}
	return space.AccountPattern(s), ""
}

func domainPattern(s string) (space.Pattern, string) {
	stars := strings.Count(s, "*")
	switch {
	case stars > 1, stars == 1 && s[0] != '*' && s[len(s)-1] != '*':
		return space.Pattern{}, "a trust domain takes one wildcard, at its start or its end"
	case strings.Contains(s, "/"):
		return space.Pattern{}, "a trust domain has no slash"
	}
	return space.DomainPattern(s), ""
}

// checkedPath refuses the templates that Istio refuses (CheckValidPathTemplate in istio.io/istio/pkg/config/security),
// and those that Istio accepts and Envoy then does not (uri_template_internal.cc).
func checkedPath(s string) (space.Pattern, string) {
	if !strings.ContainsAny(s, "{}") {
		return space.Standard.Pattern(space.Path, s), ""
	}
	any := false
	for _, segment := range strings.Split(strings.Trim(s, "/"), "/") {
		switch {
		case (segment == "{*}" || segment == "{**}") && any:
			return space.Pattern{}, "an operator after {**}"
		case segment == "{*}":
		case segment == "{**}":
			any = true
		case strings.ContainsAny(segment, "{}"):
			return space.Pattern{}, "braces that are not a whole segment {*} or {**}"
		case space.IsTemplate(s) && (segment == "" || strings.ContainsFunc(segment, func(r rune) bool {
			return r > 0x7f || !space.IsSegmentByte(byte(r))
		})):
			return space.Pattern{}, "a template with the segment " + strconv.Quote(segment)
		}
	}
	if s[0] != '/' || strings.Contains(s, "//") {
		return space.Pattern{}, "a template that does not begin with a slash, or has two in a row"
	}
	return space.Standard.Pattern(space.Path, s), ""
}

// principals returns what a principal stands for: where its trust domain is cluster.local, or matches one of the mesh
// or of its aliases, the same in each of these. Bundle.ReplaceTrustDomainAliases in
// istio.io/istio/pilot/pkg/security/trustdomain does so.
func (d *decoder) principals(s string) []string {
	parts := strings.Split(s, "/")
	if len(parts) != 5 || parts[0] == "*" {
		return []string{s}
	}
	wanted, rest := parts[0], s[len(parts[0]):]
	suffix := func(domain string) bool { return wanted[:1] == "*" && strings.HasSuffix(domain, wanted[1:]) }
	matches := func(domain string) bool {
		prefix := strings.HasSuffix(wanted, "*") && strings.HasPrefix(domain, wanted[:len(wanted)-1])
		return wanted == domain || prefix || suffix(domain)
	}
	if wanted == "" || wanted != "cluster.local" && !slices.ContainsFunc(d.trustDomains, matches) {
		return []string{s}
	}
	var all []string
	for _, domain := range d.trustDomains {
		meant := domain + rest
		if suffix(domain) {
			meant = s
		}
		if !slices.Contains(all, meant) {
			all = append(all, meant)
		}
	}
	return all
}

// misleads returns why a pattern does not match what it seems to match, and what to write instead; empty if it does.
// Istio accepts such patterns silently.
func misleads(p space.Pattern, d space.Dimension) (why, instead string) {
	written := p.String()
	text, first := strings.CutPrefix(written, "*")
	last := false
	if !first {
		text, last = strings.CutSuffix(written, "*")
	}
	wild := strings.Contains(text, "*")
	switch {
	case written == "*":
	case d == space.Identity && p.IsPrincipal():
		rest, scheme := strings.CutPrefix(text, "spiffe://")
		switch {
		case scheme:
			return "a principal is written without spiffe://, so `" + written + "` never matches", "write `" + rest + "`"
		case wild:
			return "a principal takes one wildcard, at its start or its end, so `" + written + "` never matches", "write each principal, or the namespaces in `namespaces`"
		case !first && !last && !space.IsIdentity(text):
			return "a principal is DOMAIN/ns/NAMESPACE/sa/ACCOUNT, so `" + written + "` never matches", "write it in full"
		}
	case d == space.Identity && !wild && impossible(p, text, first, last):
		return "no namespace or account can have this name: `" + written + "` never matches", "write a name that Kubernetes accepts: lower-case letters, digits and `-`, in accounts also dots"
	case d == space.Path && !space.IsTemplate(written):
		switch {
		case wild:
			return "a path takes one wildcard, at its start or its end: the `*` inside `" + written + "` matches only itself", "write a template, where `{*}` stands for one segment and `{**}` for any number"
		case !first && text[0] != '/':
			return "a path begins with a slash, so `" + written + "` never matches", "write `/" + written + "`"
		}
	case d == space.Host && wild:
		return "a host takes one wildcard, at its start or its end: the `*` inside `" + written + "` matches only itself", "write each port in full"
	case d == space.Method:
		if upper := strings.ToUpper(written); upper != written {
			return "methods are compared as they are written, so `" + written + "` is not `" + upper + "`", "write `" + upper + "`"
		}
	}
	return "", ""
}

// impossible reports whether Kubernetes refuses the namespace or account that a pattern names: for its characters, or
// for a dash where it begins or ends. More may come before or after what is written of it.
func impossible(p space.Pattern, text string, before, after bool) bool {
	const label = "abcdefghijklmnopqrstuvwxyz0123456789-"
	dashed := func(name string) bool {
		return !before && strings.HasPrefix(name, "-") || !after && strings.HasSuffix(name, "-")
	}
	if _, ok := p.InNamespace(); ok {
		return strings.Trim(text, label) != "" || dashed(text)
	}
	namespace, account, ok := strings.Cut(p.Account(), "/")
	return ok && (strings.Trim(namespace, label) != "" || strings.Trim(account, label+".") != "" || dashed(namespace) || dashed(account))
}
