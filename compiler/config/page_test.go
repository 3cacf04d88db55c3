package config

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/lang/source"
)

// The page of settings is read without a finding, and has every key that is known.
func TestSettingsPage(t *testing.T) {
	page, err := os.ReadFile("../../grammar/settings.md")
	require.NoError(t, err)
	block := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindSubmatch(page)
	require.NotNil(t, block)
	text := string(block[1])
	_, findings := Parse(source.NewFile("meshc.yaml", text))
	assert.Empty(t, findings)

	keys := 0
	for _, nowhere := range []string{"Q: 1", "targets: {Q: 1}", "targets: {istio: {Q: 1}}", "workloads: [{Q: 1}]", "environments: {e: {Q: 1}}"} {
		_, findings := Parse(source.NewFile("meshc.yaml", nowhere))
		for _, d := range findings {
			if known, ok := strings.CutPrefix(d.Help, "known here: "); ok {
				for key := range strings.SplitSeq(known, ", ") {
					assert.Regexp(t, `(?m)(^ *|\{|, )`+key+`:`, text)
					keys++
				}
			}
		}
	}
	assert.Greater(t, keys, 20)
}
