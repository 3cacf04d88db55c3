package network

import "strings"

// within reports whether a host is one of those that an external names, of which a wildcard stands for every host below
// its domain.
func within(host, named string) bool {
	if domain, wild := strings.CutPrefix(named, "*"); wild {
		return strings.HasSuffix(host, domain) && host != domain
	}
	return host == named
}

// matchHost reports whether a pattern takes a host: `*` stands for text without a dot, also for none, and `**.` in
// front for one label or more (pkg/fqdn/matchpattern of cilium/cilium).
func matchHost(pattern, host string) bool {
	if strings.Trim(pattern, "*") == "" && pattern != "" {
		return true
	}
	if rest, deep := strings.CutPrefix(pattern, "**."); deep {
		for i := 1; i < len(host); i++ {
			if host[i] == '.' && matchHost(rest, host[i+1:]) {
				return true
			}
		}
		return false
	}
	before, after, wild := strings.Cut(pattern, "*")
	if !wild {
		return pattern == host
	}
	host, ok := strings.CutPrefix(host, before)
	for i := 0; ok && i <= len(host); i++ {
		if matchHost(after, host[i:]) {
			return true
		}
		if i < len(host) && host[i] == '.' {
			break
		}
	}
	return false
}

// hostsOf is hosts that a name or a pattern stands for: itself, or some of those below a domain.
func hostsOf(name string) []string {
	if domain := strings.TrimLeft(name, "*"); domain != name {
		return []string{"a" + domain, "a.b" + domain}
	}
	return []string{name}
}
