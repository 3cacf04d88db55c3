package targets

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	yamlv2 "go.yaml.in/yaml/v2"

	"github.com/meshc/meshc/lang/diag"
)

// A CI job prints manifests, and its runner obeys commands at the start of a line or anywhere in it. No text of an
// intent may become one, wherever a line is folded, and all of it must still be read back.
func TestWriterGivesNoCommands(t *testing.T) {
	for _, command := range []string{"::set-env name=a::b", "##vso[task.setvariable variable=a]b", "##[add-path]b", "##teamcity[x]"} {
		for _, text := range []string{
			command, " " + command, strings.Repeat("reason ", 13) + command, strings.Repeat("it's: reason ", 8) + command + " " + command,
			"one line\n" + command, command + "\nanother line", "\x01" + strings.Repeat("reason ", 13) + command,
		} {
			got := NewWriter().Append(nil, &Object{APIVersion: "v1", Kind: "K", Name: "n", Annotations: []Pair{{"because", text}}, Labels: []Pair{{command, "x"}}})
			require.Equal(t, string(diag.PrintableLines(got)), string(got))
			var read struct {
				Metadata struct{ Annotations, Labels map[string]string }
			}
			require.NoError(t, yamlv2.Unmarshal(got, &read), string(got))
			require.Equal(t, text, read.Metadata.Annotations["because"])
			require.Equal(t, "x", read.Metadata.Labels[command])
		}
	}
	// Addresses are no commands.
	for _, text := range []string{"::/0", "2001:db8::/64", "a ## b", "x::y"} {
		got := string(NewWriter().Append(nil, &Object{Name: "n", Labels: []Pair{{"a", text}}}))
		require.NotContains(t, got, `\x`)
	}
}
