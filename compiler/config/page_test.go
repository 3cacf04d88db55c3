package config_test

import (
	"cmp"
	"maps"
	"os"
	"path/filepath"
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

// Pages name settings that there are: `targets.istio.sidecars`, and `targets: {istio: {}}` with what goes with it.
func TestPagesNameSettings(t *testing.T) {
	pages, err := filepath.Glob("../../grammar/*.md")
	require.NoError(t, err)
	beside, err := filepath.Glob("../../grammar/coming-from/*.md")
	require.NoError(t, err)
	top := knownHere(parse("Q: 1"), "unknown key ")
	setting := regexp.MustCompile("`([A-Za-z]+)((?:\\.[A-Za-z]+)*)(?:: (\\{[^`…]*\\}))?`")
	named := 0
	for _, page := range append(pages, beside...) {
		text, err := os.ReadFile(page)
		require.NoError(t, err)
		for _, m := range setting.FindAllStringSubmatch(string(text), -1) {
			if !slices.Contains(top, m[1]) || m[2] == "" && m[3] == "" {
				continue
			}
			named++
			keys := strings.Split(m[1]+m[2], ".")
			findings := parse("apiVersion: meshc.dev/v1alpha1\nkind: Project\n" + strings.Join(keys, ": {") + ": " + cmp.Or(m[3], "{}") + strings.Repeat("}", len(keys)-1))
			if m[3] == "" {
				findings = onlyAbout(findings, "unknown key")
			}
			assert.Empty(t, findings, "%s: %s", page, m[0])
		}
	}
	assert.Greater(t, named, 5)
}
