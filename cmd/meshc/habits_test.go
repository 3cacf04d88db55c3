package main

import (
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/assert"
)

// What a table of habits proposes exists, and no row stands behind another one for the same word.
func TestHabits(t *testing.T) {
	root := newRoot()
	finishCompletion(root)
	proposed := regexp.MustCompile("`meshc ([^`]*)`")
	exists := func(hint string) {
		for _, m := range proposed.FindAllStringSubmatch(hint, -1) {
			words := strings.Fields(m[1])
			cmd, _, err := root.Find(words[:1])
			if !assert.NoError(t, err, hint) {
				continue
			}
			assert.NotEqual(t, root, cmd, hint)
			for _, w := range words[1:] {
				if name, long := strings.CutPrefix(w, "--"); long {
					assert.NotNil(t, cmd.Flags().Lookup(name), "%s: %s", hint, w)
				} else if name, short := strings.CutPrefix(w, "-"); short {
					assert.NotNil(t, cmd.Flags().ShorthandLookup(name), "%s: %s", hint, w)
				}
			}
		}
	}
	seen := map[string]bool{}
	for _, h := range verbHabits {
		exists(h.hint)
		for _, word := range strings.Fields(h.words) {
			assert.False(t, seen[word], "%s stands twice", word)
			seen[word] = true
			cmd, _, err := root.Find([]string{word})
			assert.True(t, err != nil || cmd == root, "%s is a verb", word)
		}
	}
	always := map[string]bool{}
	for _, h := range flagHabits {
		exists(h.hint)
		some := h.needs == ""
		for _, cmd := range append([]*cobra.Command{root}, root.Commands()...) {
			cmd.InitDefaultVersionFlag()
			some = some || cmd.Flags().Lookup(h.needs) != nil
		}
		assert.True(t, some, "no verb has --%s", h.needs)
		for _, word := range strings.Fields(h.words) {
			assert.False(t, always[word], "a row before takes every %s", word)
			always[word] = h.needs == ""
		}
	}
}
