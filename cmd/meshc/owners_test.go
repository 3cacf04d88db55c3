package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestOwners(t *testing.T) {
	rules := parseOwners(`# who is asked
*                 @org/platform
*.mesh            @mesh
/teams/shop/      @ann bob@example.org # the shop
docs/*            @writer
[Section]
teams/shop/legacy
`)
	for name, want := range map[string]string{
		"go.mod":                     "@org/platform",
		"deep/er/any.mesh":           "@mesh",
		"teams/shop/shop.mesh":       "@ann bob@example.org",
		"other/teams/shop/shop.mesh": "@mesh",
		"docs/a.md":                  "@writer",
		"docs/deep/a.md":             "@org/platform",
		"teams/shop/legacy/old.mesh": "",
	} {
		assert.Equal(t, want, strings.Join(rules.of(name), " "), name)
	}
}
