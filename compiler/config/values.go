package config

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// What follows judges single values: each function says what is wrong with one, in words; nothing where it is right.

// label judges a DNS-1123 label, what Kubernetes takes as the name of a namespace.
func label(s string) string {
	switch {
	case s == "":
		return "it is empty"
	case len(s) > 63:
		return "a name has at most 63 characters"
	case strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") != "":
		return "a name is made of small letters, digits and dashes"
	case s[0] == '-' || s[len(s)-1] == '-':
		return "a name neither begins nor ends with a dash"
	}
	return ""
}

// trustDomain judges the trust domain of a SPIFFE ID (SPIFFE-ID.md, section 2.1).
func trustDomain(s string) string {
	switch {
	case s == "":
		return "it is empty"
	case strings.Contains(s, "://") || strings.Contains(s, "/"):
		return "a trust domain has no scheme and no path"
	case len(s) > 255:
		return "a trust domain has at most 255 characters"
	case strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789.-_") != "":
		return "a trust domain is made of small letters, digits, dots, dashes and underscores"
	case strings.Trim(s, ".-") != s || strings.Contains(s, ".."):
		return "a trust domain is words joined by single dots"
	}
	return ""
}

// checkGlob judges a glob of files below the folder of meshc.yaml.
func checkGlob(s string) string {
	if why := inside(s); why != "" {
		return why
	}
	if !doublestar.ValidatePattern(s) {
		return "a bracket or brace in it is not closed"
	}
	return ""
}

// inside judges a path, or a glob, that stays below a folder.
func inside(s string) string {
	switch {
	case s == "":
		return "it is empty"
	case strings.Contains(s, "\\"):
		return "folders are parted by / on every system"
	case s[0] == '/' || len(s) > 1 && s[1] == ':':
		return "it is absolute; write it relative to the project"
	}
	for _, part := range strings.Split(s, "/") {
		if part == ".." {
			return "it leaves the project"
		}
	}
	return ""
}

// folder judges a folder of a repository.
func folder(s string) string {
	for _, part := range strings.Split(s, "/") {
		if strings.EqualFold(part, ".git") || strings.EqualFold(part, "git~1") {
			return "git keeps its own files there"
		}
	}
	return inside(s)
}

// schemes is those of the addresses that can be published to.
var schemes = []string{"file", "http", "https", "ssh"}

func repository(s string) string {
	if strings.TrimSpace(s) == "" {
		return "it is empty"
	}
	if s[0] == '-' {
		return "git would take it for an option"
	}
	return ""
}

// brokenURL tells an address with a scheme whose host cannot be told from what is before it.
func brokenURL(s string) bool {
	if !strings.Contains(s, "://") {
		return false
	}
	u, err := url.Parse(s)
	if err != nil || u.Host == "" {
		return err != nil || u.Scheme != "file"
	}
	return strings.HasPrefix(u.Scheme, "http") && u.User == nil && strings.Contains(u.Path, "@")
}

// branch judges a branch by the rules of git-check-ref-format that people break.
func branch(s string) string {
	switch {
	case s == "":
		return "it is empty"
	case s[0] == '-' || strings.ContainsAny(s, " ~^:?*[\\") || strings.Contains(s, "..") || strings.Contains(s, "//") || strings.Contains(s, "@{"):
		return "git takes no branch of that name"
	case s[0] == '/' || s[0] == '.' || strings.HasSuffix(s, "/") || strings.HasSuffix(s, ".lock") || strings.HasSuffix(s, "."):
		return "git takes no branch of that name"
	}
	for i := range len(s) {
		if s[i] < ' ' || s[i] == 0x7f {
			return "git takes no branch of that name"
		}
	}
	return ""
}

// modeKey judges what a mode ceiling is set for.
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
		return "a port is a number between 1 and 65535"
	}
	return ""
}
