package config

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/source"
)

const head = "apiVersion: meshc.dev/v1alpha1\nkind: Project\nenvironments:\n"

func TestSet(t *testing.T) {
	for name, c := range map[string]struct{ before, after string }{
		"a value":               {"  prod:\n    modes: # of March\n      shop: disable # the last\n      \"*\": \"disable\"\n", "  prod:\n    modes: # of March\n      shop: disable # the last\n      \"*\": strict\n"},
		"a value in braces":     {"  prod: {modes: {'*': 'disable'}}\n", "  prod: {modes: {'*': strict}}\n"},
		"one more key":          {"  prod:\n    modes:\n      # the last one\n      shop: disable\n", "  prod:\n    modes:\n      \"*\": strict\n      # the last one\n      shop: disable\n"},
		"one more in braces":    {"  prod:\n    modes: { shop: disable } # yes\n", "  prod:\n    modes: { \"*\": strict, shop: disable } # yes\n"},
		"no keys":               {"  prod: {modes: {}}\n", "  prod: {modes: {\"*\": strict}}\n"},
		"no modes":              {"  prod: # the cluster\n    branch: main\n", "  prod: # the cluster\n    modes: {\"*\": strict}\n    branch: main\n"},
		"no settings":           {"  prod:\n  staging:\n", "  prod: {modes: {\"*\": strict}}\n  staging:\n"},
		"no settings, in words": {"  prod: ~ # none\n", "  prod: {modes: {\"*\": strict}} # none\n"},
		"no settings at all":    {"  prod: {}", "  prod: {modes: {\"*\": strict}}"},
		"an empty value":        {"  prod:\n    modes:\n", "  prod:\n    modes: {\"*\": strict}\n"},
		"lines of Windows":      {"  prod:\r\n    branch: main\r\n", "  prod:\r\n    modes: {\"*\": strict}\r\n    branch: main\r\n"},
		"a merged mapping":      {"  staging: &s\n    modes: {shop: disable}\n  prod:\n    <<: *s\n", "  staging: &s\n    modes: {shop: disable}\n  prod:\n    modes: {\"*\": strict}\n    <<: *s\n"},
		"an alias":              {"  staging: &s {modes: {shop: disable}}\n  prod: *s\n", ""},
		"an anchor":             {"  prod: {modes: {\"*\": &m disable}}\n  staging: {modes: {\"*\": *m}}\n", ""},
		"an anchored mapping":   {"  prod: &p {branch: main}\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			got, ok := Set(source.NewFile("meshc.yaml", head+c.before), "strict", "environments", "prod", "modes", "*")
			if c.after == "" {
				assert.False(t, ok, got)
				return
			}
			require.True(t, ok)
			assert.Equal(t, head+c.after, got)
			p, findings := Parse(source.NewFile("meshc.yaml", got))
			assert.Empty(t, findings)
			assert.Equal(t, policy.Strict, p.Environments["prod"].Modes["*"])
		})
	}
	for _, text := range []string{"", "a: b\n---\nc: d\n", "a: [", "environments: []\n"} {
		_, ok := Set(source.NewFile("meshc.yaml", text), "strict", "environments", "prod")
		assert.False(t, ok, text)
	}
}
