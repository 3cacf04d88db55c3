package enforce

import (
	"fmt"
	"slices"

	"github.com/meshc/meshc/compiler/analysis/space"
)

// Canonical is a text that objects have in common which ask for the same, in whatever order their rules and what is in
// these are written. Names and ages are not in it.
func (p *Object) Canonical() string {
	if p.Broken {
		return fmt.Sprint(p.Role, p.Content)
	}
	text := fmt.Sprint(p.Role, p.Effect, p.Gateways, p.Selector, p.Targets, p.Provider, p.DryRun, p.Unsent, p.Spares, p.Added, p.Mode, p.Ports, p.Rewrites, p.Verifies, clauses(p.Clauses))
	if p.Ztunnel != nil {
		text += fmt.Sprint(clauses(p.Ztunnel.Clauses))
	}
	return text
}

// clauses, boxes, conditions and patterns are lists of texts, sorted.

func clauses(of []Clause) []string {
	return sortedTexts(of, func(c Clause) string { return fmt.Sprint(c.NotHTTP, sortedTexts(c.From, box), sortedTexts(c.To, box)) })
}

func box(b space.Box) string {
	pattern := func(p space.Pattern) string { return fmt.Sprintf("%+v", p) }
	return fmt.Sprint(sortedTexts(b, func(c space.Condition) string {
		return fmt.Sprint(c.Dimension, sortedTexts(c.Is, pattern), sortedTexts(c.Not, pattern))
	}))
}

func sortedTexts[T any](of []T, text func(T) string) []string {
	all := make([]string, len(of))
	for i, x := range of {
		all[i] = text(x)
	}
	slices.Sort(all)
	return slices.Compact(all)
}
