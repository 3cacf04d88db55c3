package gitops

import (
	"encoding/base64"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// Secrets is what must never be seen in an output: tokens and passwords, in each form in which a library
// or a server may repeat them. The zero value knows none yet and still cleans URLs.
type Secrets struct {
	mu    sync.Mutex
	known []string // longest first, so that no part of one stays behind
}

const redacted = "[redacted]"

// A shorter one would tear holes into every text; it is still cut out of URLs.
const shortestSecret = 4

var (
	userinfo = regexp.MustCompile(`([a-zA-Z][a-zA-Z0-9+.-]*://)([^\s/@:"']*):([^\s/"']*)@`)
	bearer   = regexp.MustCompile(`(?i)\b(basic|bearer|token)(\s+)[A-Za-z0-9+/_=.~-]{20,}`)
)

// Add makes a secret known; user is who it belongs to, for the form that HTTP sends.
func (s *Secrets) Add(user, secret string) {
	if len(secret) < shortestSecret {
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

// Redact is text without any secret, and without control characters that a terminal would obey.
func (s *Secrets) Redact(text string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, secret := range s.known {
		text = strings.ReplaceAll(text, secret, redacted)
	}
	text = userinfo.ReplaceAllString(text, "$1")
	text = bearer.ReplaceAllString(text, "$1$2"+redacted)
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return -1
		}
		return r
	}, text)
}
