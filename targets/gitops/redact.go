package gitops

import (
	"encoding/base64"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// Secrets is a set of tokens and passwords to redact, in each form in which a library or a server may repeat them. The
// zero value is empty, but still redacts URLs. It may be used by several goroutines.
type Secrets struct {
	mu    sync.Mutex
	known []string // longest first, because one may contain another
}

const redacted = "[redacted]"

// Redacting a shorter secret would damage ordinary text. It is still redacted in URLs.
const minSecretLength = 4

var (
	userinfo = regexp.MustCompile(`([a-zA-Z][a-zA-Z0-9+.-]*://)([^\s/@:"']*):([^\s/"']*)@`)
	query    = regexp.MustCompile(`([a-zA-Z][a-zA-Z0-9+.-]*://[^\s?#"'<>]*\?)[^\s#"'<>]+`)
	bearer   = regexp.MustCompile(`(?i)\b(basic|bearer|token)(\s+)[A-Za-z0-9+/_=.~-]{20,}`)
)

// Add adds a secret, and its encoding together with user for HTTP basic authentication.
func (s *Secrets) Add(user, secret string) {
	if len(secret) < minSecretLength {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	basic := base64.StdEncoding.EncodeToString([]byte(user + ":" + secret))
	for _, form := range []string{
		secret, url.QueryEscape(secret), url.PathEscape(secret), url.UserPassword("", secret).String()[1:], basic, strings.TrimRight(basic, "="),
	} {
		if !slices.Contains(s.known, form) {
			s.known = append(s.known, form)
		}
	}
	slices.SortStableFunc(s.known, func(a, b string) int { return len(b) - len(a) })
}

// Redact returns text without secrets and without control characters.
func (s *Secrets) Redact(text string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, secret := range s.known {
		text = strings.ReplaceAll(text, secret, redacted)
	}
	text = userinfo.ReplaceAllString(text, "$1")
	text = query.ReplaceAllString(text, "$1"+redacted)
	text = bearer.ReplaceAllString(text, "$1$2"+redacted)
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return -1
		}
		return r
	}, text)
}
