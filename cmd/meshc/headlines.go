package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/analysis/diff"
)

// headlines is the dangers of a change in a few words: what several do alike is said once.
type headlines struct {
	kinds    []diff.Danger
	subjects map[diff.Danger][]string
}

func (h *headlines) add(d diff.Danger, subjects []string) {
	if h.subjects == nil {
		h.subjects = map[diff.Danger][]string{}
	}
	d.Why = ""
	if h.subjects[d] == nil {
		h.kinds = append(h.kinds, d)
	}
	for _, s := range subjects {
		if !slices.Contains(h.subjects[d], s) {
			h.subjects[d] = append(h.subjects[d], s)
		}
	}
}

// texts is them in the order in which they came: `opens shop/web and 3 more to world`.
func (h *headlines) texts() (all []string) {
	for _, d := range h.kinds {
		subject := strings.Join(h.subjects[d], " and ")
		if n := len(h.subjects[d]); n > 2 {
			subject = fmt.Sprintf("%s and %d more", h.subjects[d][0], n-1)
		}
		all = append(all, d.Headline(subject))
	}
	return all
}
