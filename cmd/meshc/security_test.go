package main

import (
	"os"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Every trick on the page on security is the title of a part of the script that plays it.
func TestSecurityPage(t *testing.T) {
	page, err := os.ReadFile("../../grammar/security.md")
	require.NoError(t, err)
	script, err := os.ReadFile("testdata/script/security.txtar")
	require.NoError(t, err)
	table := regexp.MustCompile(`(?s)\| trick \|.*?\n\n`).FindString(string(page))
	tricks := regexp.MustCompile(`(?m)^\| (.+?) \|`).FindAllStringSubmatch(table, -1)[1:]
	assert.GreaterOrEqual(t, len(tricks), 13)
	for _, trick := range tricks {
		assert.Contains(t, string(script), "\n# "+trick[1]+"\n")
	}
}
