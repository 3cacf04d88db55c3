package inventory

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/lang/source"
)

const account = "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: after, namespace: shop}\n"

// Files that are not manifests, or that are meant to do harm. Each gives one finding at most, and the valid document
// after it is read, except where the whole file is refused.
func TestHostile(t *testing.T) {
	bomb := "apiVersion: v1\nkind: Pod\nmetadata: {name: bomb, namespace: shop}\na: &a [x, x, x, x, x, x, x, x, x, x]\n"
	for c := 'b'; c <= 'i'; c++ {
		bomb += fmt.Sprintf("%c: &%c [%s]\n", c, c, strings.Repeat(fmt.Sprintf("*%c, ", c-1), 10))
	}
	lists := "kind: List\napiVersion: v1\nitems:\n- &a {kind: List, apiVersion: v1, items: [" + strings.Repeat("{apiVersion: v1, kind: Pod, metadata: {generateName: x, namespace: b}},", 1000) + "]}\n" + strings.Repeat("- *a\n", 10)
	merges := "apiVersion: v1\nkind: Pod\nmetadata: {name: merges, namespace: shop}\nbase: &b {" + strings.Repeat("k", 20) + ": v"
	for i := range 2000 {
		merges += fmt.Sprintf(", k%d: %s", i, strings.Repeat("v", 100))
	}
	merges += "}\nall:\n" + strings.Repeat("- <<: *b\n", 20)
	pod := "apiVersion: v1\nkind: Pod\nmetadata: {name: deep, namespace: shop}\n"

	tests := []struct {
		name, text, finding string
		lost                bool // the document after it is not read either
		many                bool // and more findings like it
	}{
		{name: "empty"},
		{name: "white space", text: " \n\t\n"},
		{name: "comments", text: "# a\n# b\n"},
		{name: "byte order mark", text: "\ufeff" + account[:0]},
		{name: "carriage returns", text: strings.ReplaceAll("apiVersion: v1\nkind: Pod\nmetadata:\n  name: x\n  namespace: b\n", "\n", "\r\n")},
		{name: "custom resource", text: "apiVersion: monitoring.coreos.com/v1\nkind: ServiceMonitor\nmetadata: [not, looked, at]\n"},
		{name: "list of custom resources", text: "apiVersion: monitoring.coreos.com/v1\nkind: ServiceMonitorList\nitems: [{}]\n"},
		{name: "json", text: "{\"apiVersion\": \"v1\",\n\t\"kind\": \"Pod\", \"metadata\": {\"name\": \"x\", \"namespace\": \"b\"}}\n"},
		{name: "json list", text: "{\"apiVersion\": \"v1\", \"kind\": \"List\", \"items\": [{\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"metadata\": {\"name\": \"x\", \"namespace\": \"b\"}}]}\n"},
		{name: "directive", text: "%YAML 1.1\n---\n" + strings.Replace(account, "after", "before", 1)},
		{name: "scalar", text: "hello\n", finding: "1:1: error: a document that is text, not a Kubernetes object [MESH1101]"},
		{name: "list", text: "[]\n", finding: "1:1: error: a document that is a list, not a Kubernetes object [MESH1101]"},
		{name: "binary", text: "\x7fELF\x02\x01\x01\x00", finding: "1:1: error: not text: control character 0x7f [MESH1101]", lost: true},
		{name: "NUL", text: "a: b\x00\n", finding: "1:5: error: not text: control character 0x00 [MESH1101]", lost: true},
		{name: "latin-1", text: "a: caf\xe9\n", finding: "1:7: error: not UTF-8 text: byte 0xe9 [MESH1101]", lost: true},
		{name: "UTF-16", text: "\xff\xfea\x00", finding: "1:1: error: not UTF-8 text: byte 0xff [MESH1101]", lost: true},
		{name: "tab", text: "apiVersion: v1\nkind: Pod\nmetadata:\n\tname: x\n", finding: "4:2: error: not valid YAML: found character that cannot start any token [MESH1101]"},
		{name: "too large", text: strings.Repeat("# 0123456789\n", 4<<20), finding: "1:1: error: too large has 52 MiB; meshc reads up to 32 MiB of a file [MESH1103]", lost: true},
		{name: "too many values", text: "kind: Pod\nx: [" + strings.Repeat("1,", 2_000_000) + "]\n", finding: "1:1: error: the document has too many values [MESH1103]"},
		{name: "alias bomb", text: bomb, finding: "error: with what aliases stand for, this is more than 100000 values [MESH1101]"},
		{name: "list bomb", text: lists, finding: "error: aliases make list bomb grow to more than twice its size and 3 MiB [MESH1103]", lost: true},
		{name: "merge bomb", text: merges, finding: "error: aliases make merge bomb grow to more than twice its size and 3 MiB [MESH1103]", lost: true},
		{name: "alias of itself", text: pod + "x: &x [*x]\n", finding: "4:8: error: the alias *x is a part of what it stands for [MESH1101]"},
		{name: "field of a kind that is not read", text: "apiVersion: example.com/v1\nkind: Robot\nspec: &x {serviceAccountName: a, again: *x}\n", finding: "3:41: error: the alias *x is a part of what it stands for [MESH1101]"},
		{name: "traffic policy of itself", text: "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nspec: &x {trafficPolicy: *x}\n", finding: "3:26: error: the alias *x is a part of what it stands for [MESH1101]"},
		{name: "merge of itself", text: pod + "x: &x {<<: *x, y: z}\n", finding: "4:12: error: the alias *x is a part of what it stands for [MESH1101]"},
		{name: "kind of itself", text: "kind: &x [*x]\n", finding: "1:11: error: the alias *x is a part of what it stands for [MESH1101]"},
		{name: "brackets", text: pod + "x: " + strings.Repeat("[", 100_000), finding: "4:1: error: not valid YAML: exceeded max depth of 10000 [MESH1101]"},
		{name: "closed brackets", text: pod + "x: " + strings.Repeat("[", 5_000) + strings.Repeat("]", 5_000) + "\n", finding: "4:504: error: nested more than 500 levels deep [MESH1101]"},
		{name: "dashes", text: pod + "x:\n" + strings.Repeat("- ", 100_000) + "\n", finding: "5:1: error: not valid YAML: exceeded max depth of 10000 [MESH1101]"},
		{name: "braces", text: pod + "x: " + strings.Repeat("{a: ", 100_000), finding: "4:1: error: not valid YAML: exceeded max depth of 10000 [MESH1101]"},
		{name: "question marks", text: strings.Repeat("? ", 50_000), finding: "1:1: error: not valid YAML: exceeded max depth of 10000 [MESH1101]"},
		{name: "a name of 10,000 characters", text: "apiVersion: v1\nkind: ServiceAccount\nmetadata: {namespace: shop, name: " + strings.Repeat("x", 10_000) + "}\n", finding: "3:35: error: \"xxx"},
		{name: "a list of what is not an object", text: "kind: List\napiVersion: v1\nitems: [" + strings.Repeat("1,", 500_000) + "]\n", finding: "3:9: error: a document that is a number", many: true, lost: true},
		{name: "nested JSON", text: `{"kind": "Pod", "apiVersion": "v1", "x": ` + strings.Repeat("[", 5_000) + strings.Repeat("]", 5_000) + "}", finding: ": error: nested more than 500 levels deep [MESH1101]"},
		{name: "nested JSON without end", text: `{"kind": "Pod", "apiVersion": "v1", "x": ` + strings.Repeat("[", 100_000), finding: "1:1: error: not valid YAML: exceeded max depth of 10000 [MESH1101]"},
		{name: "mapping as a key", text: pod + "? {a: b}\n: c\n", finding: "4:3: error: a key that is a mapping [MESH1101]"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			set, findings := Read([]Input{{File: source.NewFile(test.name, test.text+"\n---\n"+account)}})
			got := ""
			if len(findings) > 0 {
				got = strings.TrimPrefix(findings[0].Error(), test.name+":")
			}
			if test.finding == "" {
				require.Empty(t, findings)
			} else {
				require.Truef(t, strings.Contains(got, test.finding), "%.300s", got)
				require.True(t, test.many || len(findings) == 1, "%d findings", len(findings))
				require.LessOrEqual(t, len(findings), maxFindings)
			}
			read := len(set.Accounts) > 0 && set.Accounts[len(set.Accounts)-1].Name == "before" || len(set.Accounts) > 0 && set.Accounts[0].Name == "after"
			require.Equal(t, !test.lost, read)
		})
	}
}

// A template is skipped as a whole, with one note.
func TestTemplates(t *testing.T) {
	for name, text := range map[string]string{
		"block":      "{{- if .Values.on }}\n" + account + "{{- end }}\n",
		"value":      "apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: {{ .Release.Name }}\n",
		"quoted":     "apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: \"{{ .Release.Name }}\"\n",
		"namespace":  "apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: x\n  namespace: '{{ .Release.Namespace }}'\n",
		"labels":     "apiVersion: v1\nkind: Pod\nmetadata:\n  name: x\n  namespace: b\n  labels: {{ toYaml .Values.labels | nindent 4 }}\n",
		"kind":       "apiVersion: v1\nkind: {{ .Values.kind }}\n",
		"whole":      "{{ include \"common.deployment\" . }}\n",
		"after good": account + "---\napiVersion: v1\nkind: Pod\nmetadata:\n  name: {{ x }}\n",
	} {
		t.Run(name, func(t *testing.T) {
			set, findings := Read([]Input{{File: source.NewFile("chart.yaml", text)}})
			require.Len(t, findings, 1)
			require.Contains(t, findings[0].Error(), "note: a template, not a manifest: chart.yaml is skipped [MESH1105]")
			require.Contains(t, findings[0].Help, "helm template")
			require.Equal(t, "{{", findings[0].Primary.Text())
			require.Empty(t, set.Accounts)
		})
	}
	set, findings := Read([]Input{{File: source.NewFile("k.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {name: x, namespace: b, annotations: {note: \"{{ not a template }}\"}}\n")}})
	require.Empty(t, findings)
	require.Len(t, set.Workloads, 1)
}
