package policy

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestIdentity(t *testing.T) {
	for text, want := range map[string]Identity{
		"cluster.local/ns/shop/sa/web": {"cluster.local", "shop", "web"},
		"td/ns/ns/sa/sa":               {"td", "ns", "sa"},
	} {
		got, ok := ParseIdentity(text)
		assert.True(t, ok, text)
		assert.Equal(t, want, got)
		assert.Equal(t, text, got.String())
	}
	for _, text := range []string{"", "*", "cluster.local", "/ns/shop/sa/web", "td/ns/shop", "td/ns//sa/web", "td/ns/shop/sa/", "td/ns/shop/sa/a/b", "spiffe://td/ns/shop/sa/web"} {
		_, ok := ParseIdentity(text)
		assert.False(t, ok, text)
	}
	assert.Empty(t, Identity{}.String())
}

func TestNamespaceOf(t *testing.T) {
	for pattern, want := range map[string]string{
		"td/ns/shop/*": "shop", "td/ns/shop/sa/*": "shop",
		"td/ns/shop": "", "td/ns/*": "", "td/ns/shop*": "", "other/ns/shop/*": "", "td/ns/shop/sa/web*": "", "*": "",
	} {
		got, ok := NamespaceOf(pattern, "td")
		assert.Equal(t, want != "", ok, pattern)
		if ok {
			assert.Equal(t, want, got, pattern)
		}
	}
}
