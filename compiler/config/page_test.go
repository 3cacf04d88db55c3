package config_test

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/compiler/config"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
	"github.com/meshc/meshc/targets"
	"github.com/meshc/meshc/targets/cilium"
	"github.com/meshc/meshc/targets/istio"
	"github.com/meshc/meshc/targets/networkpolicy"
)

// parse returns the findings about settings, those of targets included.
func parse(text string) diag.List {
	p, findings := config.Parse(source.NewFile("meshc.yaml", text))
	of := map[string]func(config.Section, bool) (targets.Target, diag.List){istio.Name: istio.FromSettings, cilium.Name: cilium.FromSettings, networkpolicy.Name: networkpolicy.FromSettings}
	names := slices.Sorted(maps.Keys(of))
	for _, s := range p.Targets {
		if of[s.Name] == nil {
			findings = append(findings, s.Unknown(names))
			continue
		}
		_, more := of[s.Name](s, false)
		findings = append(findings, more...)
	}
	return findings
}

// The example on the page of settings has no findings, and it has every key that there is.
func TestSettingsPage(t *testing.T) {
	page, err := os.ReadFile("../../grammar/settings.md")
	require.NoError(t, err)
	block := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindSubmatch(page)
	require.NotNil(t, block)
	text := string(block[1])
	assert.Empty(t, parse(text))

	keys := 0
	for _, unknown := range []string{"Q: 1", "targets: {Q: 1}", "targets: {istio: {Q: 1}}", "targets: {cilium: {Q: 1}}", "workloads: [{Q: 1}]", "environments: {e: {Q: 1}}", "gateways: {a/b: {Q: 1}}", "accepted: [{Q: 1}]", "replaces: [{Q: 1}]"} {
		for _, d := range parse(unknown) {
			if known, ok := strings.CutPrefix(d.Help, "known here: "); ok {
				for key := range strings.SplitSeq(known, ", ") {
					assert.Regexp(t, `(?m)(^ *|^# *|\{|, )`+key+`:`, text)
					keys++
				}
			}
		}
	}
	assert.Greater(t, keys, 20)
}
