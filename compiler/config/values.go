package config

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// Each of these functions checks one value and returns what is wrong with it; empty if it is valid.

// label checks a DNS-1123 label, which is what Kubernetes accepts as the name of a namespace.
func label(s string) string {
	switch {
	case s == "":
		return "it is empty"
	case len(s) > 63:
		return "a name has at most 63 characters"
	case strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") != "":
		return "a name consists of lowercase letters, digits and dashes"
	case s[0] == '-' || s[len(s)-1] == '-':
		return "a name starts and ends with a letter or digit"
	}
	return ""
}

// trustDomain checks the trust domain of a SPIFFE ID (SPIFFE-ID.md, section 2.1).
func trustDomain(s string) string {
	switch {
	case s == "":
		return "it is empty"
	case strings.Contains(s, "://") || strings.Contains(s, "/"):
		return "a trust domain has no scheme and no path"
	case len(s) > 255:
		return "a trust domain has at most 255 characters"
	case strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789.-_") != "":
		return "a trust domain consists of lowercase letters, digits, dots, dashes and underscores"
	case strings.Trim(s, ".-") != s || strings.Contains(s, ".."):
		return "a trust domain consists of names separated by single dots"
	}
	return ""
}

// checkGlob checks a glob of files below the folder of meshc.yaml.
func checkGlob(s string) string {
	if why := inside(s); why != "" {
		return why
	}
	if !doublestar.ValidatePattern(s) {
		return "a bracket or brace in it is not closed"
	}
	return ""
}

// inside checks a path or glob that must stay below a folder.
func inside(s string) string {
	switch {
	case s == "":
		return "it is empty"
	case strings.Contains(s, "\\"):
		return "folders are separated by / on every system"
	case s[0] == '/' || len(s) > 1 && s[1] == ':':
		return "it is absolute; make it relative to the project"
	}
	for _, part := range strings.Split(s, "/") {
		if part == ".." {
			return "it leaves the project"
		}
	}
	return ""
}

// folder checks a folder of a repository.
func folder(s string) string {
	for _, part := range strings.Split(s, "/") {
		if strings.EqualFold(part, ".git") || strings.EqualFold(part, "git~1") {
			return "git keeps its own files there"
		}
	}
	return inside(s)
}

// schemes are the URL schemes that git can publish to.
var schemes = []string{"file", "http", "https", "ssh"}

func repository(s string) string {
	if strings.TrimSpace(s) == "" {
		return "it is empty"
	}
	if s[0] == '-' {
		return "git would interpret it as an option"
	}
	return ""
}

// brokenURL reports whether an address has a scheme and its host cannot be distinguished from what precedes it, or
// whether it has more than git sends to a server.
func brokenURL(s string) bool {
	if !strings.Contains(s, "://") {
		user, _, isRemote := strings.Cut(s, "@")
		return isRemote && strings.Contains(user, ":") && !strings.Contains(user, "/")
	}
	u, err := url.Parse(s)
	if err != nil || u.Host == "" {
		return err != nil || u.Scheme != "file"
	}
	if u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		return true
	}
	return strings.HasPrefix(u.Scheme, "http") && u.User == nil && strings.Contains(u.Path, "@")
}

// branch checks a branch by the rules of git-check-ref-format that people break.
func branch(s string) string {
	switch {
	case s == "":
		return "it is empty"
	case s[0] == '-' || strings.ContainsAny(s, " ~^:?*[\\") || strings.Contains(s, "..") || strings.Contains(s, "//") || strings.Contains(s, "@{"):
		return "git does not accept it as a branch name"
	case s[0] == '/' || s[0] == '.' || strings.HasSuffix(s, "/") || strings.HasSuffix(s, ".lock") || strings.HasSuffix(s, "."):
		return "git does not accept it as a branch name"
	}
	for i := range len(s) {
		if s[i] < ' ' || s[i] == 0x7f {
			return "git does not accept it as a branch name"
		}
	}
	return ""
}

// modeKey checks a key of `modes`.
func modeKey(s string) string {
	if s == "*" {
		return ""
	}
	namespace, service, qualified := strings.Cut(s, "/")
	if why := label(namespace); why != "" {
		return why
	}
	if !qualified {
		return ""
	}
	service, port, numbered := strings.Cut(service, ":")
	if why := label(service); why != "" {
		return why
	}
	if n, err := strconv.ParseUint(port, 10, 16); numbered && (err != nil || n == 0) {
		return "a port is a number from 1 to 65535"
	}
	return ""
}
