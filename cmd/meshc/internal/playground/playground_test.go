package playground

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func ask(t *testing.T, q Request) (out Response) {
	request, err := json.Marshal(q)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(Answer(t.Context(), request), &out))
	require.Empty(t, out.Failure)
	return out
}

const shop = "mesh shop strict\nservice a account a-sa port 80 http\nservice b account b-sa port 80 http\n"

func TestAnswer(t *testing.T) {
	got := ask(t, Request{Files: map[string]string{"shop.mesh": shop + "a -> b\n"}, Why: []string{"b", "a"}})
	assert.Empty(t, got.Findings)
	assert.Contains(t, got.Manifests, "kind: AuthorizationPolicy")
	assert.Contains(t, got.Graph, "<svg")
	assert.Contains(t, got.Why, "denied")
	assert.Contains(t, got.Why, "to allow it, write in mesh shop: b -> a")

	got = ask(t, Request{Files: map[string]string{"shop.mesh": "# 😀\n" + shop + "aa -> b\n"}})
	assert.Empty(t, got.Manifests)
	require.Len(t, got.Findings, 1)
	f := got.Findings[0]
	assert.Equal(t, "MESH1001", f.Code)
	assert.Equal(t, len("# ..\n"+shop), f.From, "the emoji has two units")
	assert.Equal(t, Edit{"shop.mesh", f.From, f.To, "a"}, f.Fixes[0].Edits[0])

	got = ask(t, Request{Files: map[string]string{"meshc.yaml": "nonsense: 1\n", "shop.mesh": shop}})
	require.NotEmpty(t, got.Findings)
	assert.Equal(t, "meshc.yaml", got.Findings[0].File)
}
