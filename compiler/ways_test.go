package compiler

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/meshc/meshc/lang/diag"
)

// TestEveryWayOut holds the helps about data planes against the pairs: where one names several ways out, a pair follows
// each.
func TestEveryWayOut(t *testing.T) {
	about := regexp.MustCompile(`waypoint|ambient|ztunnel`)
	several := 0
	judged := map[string]bool{}
	look := func(p *advised) {
		for _, d := range p.check(t).findings {
			ways := regexp.MustCompile(`[,;] or `).Split(d.Help, -1)
			if len(ways) < 2 || !about.MatchString(d.Message+d.Help) || judged[d.Help] || len(d.Fixes) > 0 || len(proposals(d.Help, p)) > 0 {
				continue
			}
			judged[d.Help], several = true, several+1
			for _, way := range ways {
				assert.True(t, wayFollowed(t, &d, way), "no pair follows this way out: %s\n%s\n%s", way, d.Help, d.Error())
			}
		}
	}
	for _, p := range corpus(t) {
		look(p)
	}
	for _, pair := range helpPairs(t) {
		look(pair.bad)
	}
	assert.Greater(t, several, 15)
}

var words = regexp.MustCompile("`[^`]+`|\\b[a-z0-9-]+/[a-z0-9-]+\\b|\\b(Namespace|Service|headless) [a-z0-9-]+")

// wayFollowed reports whether a pair follows a way out that a help names, whatever the names in it.
func wayFollowed(t *testing.T, d *diag.Diagnostic, way string) bool {
	t.Helper()
	plain := func(text string) string {
		return words.ReplaceAllString(strings.TrimPrefix(text, "or "), "X")
	}
	return slices.ContainsFunc(helpPairs(t), func(p *helpPair) bool {
		help, of := plain(p.help), plain(way)
		return strings.HasPrefix(of, help) || strings.HasPrefix(help, of)
	})
}
