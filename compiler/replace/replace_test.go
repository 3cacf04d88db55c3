package replace_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/compiler/config"
	"github.com/meshc/meshc/compiler/replace"
	"github.com/meshc/meshc/compiler/yamldoc"
	"github.com/meshc/meshc/lang/source"
	"github.com/meshc/meshc/targets"
)

const policy = `apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: api, namespace: shop}
spec: {action: DENY, rules: [{to: [{operation: {ports: ["80"]}}]}]}
`

func digest(t *testing.T, text string) string {
	t.Helper()
	for doc := range yamldoc.Split(source.NewFile("a.yaml", text)) {
		require.NoError(t, doc.Parse())
		return replace.Digest(doc.Root)
	}
	return ""
}

// The digest is that of what an object asks for, however it is written and whatever a cluster adds.
func TestDigest(t *testing.T) {
	is := digest(t, policy)
	for name, same := range map[string]string{
		"keys in another order": `{"spec": {"rules": [{"to": [{"operation": {"ports": ["80"]}}]}], "action": "DENY"}, "kind": "AuthorizationPolicy"}`,
		"an anchor":             "spec: {rules: [{to: [{operation: &o {ports: [\"80\"]}}]}], action: DENY}\n",
		"what a cluster adds":   strings.Replace(policy, "name: api", `name: api, uid: x, annotations: {"kubectl.kubernetes.io/last-applied-configuration": "{}"}`, 1) + "status: {}\n",
		"fields without values": strings.Replace(policy, "{action", "{selector: null, action", 1),
	} {
		assert.Equal(t, is, digest(t, same), name)
	}
	for name, other := range map[string]string{
		"another type":  strings.Replace(policy, `"80"`, "80", 1),
		"another value": strings.Replace(policy, "80", "81", 1),
		"a dry run":     strings.Replace(policy, "name: api", `name: api, annotations: {istio.io/dry-run: "true"}`, 1),
	} {
		assert.NotEqual(t, is, digest(t, other), name)
	}
}

// What is removed leaves the rest of a file as it is, to the byte; what might be something else stays.
func TestFrom(t *testing.T) {
	is := config.Replaced{Kind: "AuthorizationPolicy", Namespace: "shop", Name: "api", Digest: digest(t, policy)}
	const other = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n"
	crlf := func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }
	for name, c := range map[string]struct{ file, rest, stays string }{
		"alone":         {policy, "", ""},
		"with comments": {"# a\n---\n# b\n" + policy + "# c\n---\n# d\n", "", ""},
		"first":         {policy + "---\n" + other, "---\n" + other, ""},
		"last":          {other + "---\n" + policy, other, ""},
		"after a byte order mark and with carriage returns": {"\ufeff" + crlf(policy+"---\n"+other), "\ufeff---\r\n" + crlf(other), ""},
		"JSON":                 {`{"apiVersion": "security.istio.io/v1beta1", "kind": "AuthorizationPolicy", "metadata": {"namespace": "shop", "name": "api"}, "spec": {"action": "DENY", "rules": [{"to": [{"operation": {"ports": ["80"]}}]}]}}`, "", ""},
		"in a list":            {"apiVersion: v1\nkind: List\nitems:\n- " + strings.ReplaceAll(policy, "\n", "\n  ") + "\n", "", "AuthorizationPolicy shop/api in a.yaml stays: it is an item of a list"},
		"changed":              {strings.Replace(policy, "80", "81", 1), "", "AuthorizationPolicy shop/api in a.yaml stays: it is not as it was when it was imported"},
		"twice":                {policy + "---\n" + policy, "", "AuthorizationPolicy shop/api in a.yaml stays: a.yaml has it, too, and which of them is applied is not known"},
		"a template":           {policy + "---\n{{ if .Values.more }}\n" + other + "{{ end }}\n", "", ""},
		"of no namespace":      {strings.Replace(policy, "namespace: shop", "labels: {}", 1), "", "AuthorizationPolicy shop/api in a.yaml stays: the file names no namespace, and what else may be applied with it is not known"},
		"of another namespace": {strings.Replace(policy, "shop", "pay", 1), "", ""},
		"of another group":     {strings.Replace(policy, "security.istio.io/v1", "example.com/v1 # security.istio.io", 1), "", ""},
	} {
		r := replace.From([]targets.File{{Path: "a.yaml", Data: []byte(c.file)}}, []config.Replaced{is})
		if c.stays != "" {
			assert.Equal(t, []string{c.stays}, r.Stays, name)
			assert.Empty(t, r.Files, name)
			continue
		}
		assert.Empty(t, r.Stays, name)
		if name == "a template" || strings.HasPrefix(name, "of another") {
			assert.Empty(t, r.Files, name)
			continue
		}
		require.Len(t, r.Files, 1, name)
		assert.Equal(t, c.rest, string(r.Files[0].Data), name)
		assert.Equal(t, []string{"AuthorizationPolicy shop/api in a.yaml"}, r.Objects, name)
	}
}
