package graph

import (
	"cmp"
	"slices"
	"strings"
)

// style is what distinguishes edges into one callee at first sight.
type style struct {
	mtls   MTLS
	passes bool
	part   bool // a deny takes a part of it away
	token  bool // some of it needs a token
	danger bool
	change Change
}

func (e *Edge) style() style {
	if !e.Passes() {
		return style{mtls: NoMTLS, change: e.Change}
	}
	return style{e.MTLS, true, e.Denied == Part, e.Token, e.Danger(), e.Change}
}

// stylesInto returns the styles of the edges into each node, sorted.
func stylesInto(g *Graph) map[*Node][]style {
	into := map[*Node][]style{}
	for _, e := range g.Edges {
		if s := e.style(); !slices.Contains(into[e.To], s) {
			into[e.To] = append(into[e.To], s)
		}
	}
	for _, styles := range into {
		slices.SortFunc(styles, style.compare)
	}
	return into
}

// compare sorts edges that pass first, then strict ones, then changed ones, then those that a deny takes a part from.
func (s style) compare(t style) int {
	return cmp.Or(rank(t.passes)-rank(s.passes), cmp.Compare(t.mtls, s.mtls), cmp.Compare(t.change, s.change), rank(t.part)-rank(s.part), rank(t.token)-rank(s.token), rank(t.danger)-rank(s.danger))
}

func rank(b bool) int {
	if b {
		return 1
	}
	return 0
}

// signs are the pictograms in front of the arrow, from left to right.
func (s style) signs() (signs []string) {
	if s.change != Same {
		signs = append(signs, edgeChanges[s.change])
	}
	switch s.mtls {
	case Strict:
		signs = append(signs, "strict")
	case Permissive:
		signs = append(signs, "permissive")
	}
	if s.token {
		signs = append(signs, "key")
	}
	if !s.passes || s.part {
		signs = append(signs, "deny")
	}
	return signs
}

// shaft is the length of the straight end of an edge, where its signs stand in front of the arrow.
func (s style) shaft() int { return arrowRoom + signSize*len(s.signs()) }

// letter is the style without its change as one character of a matrix.
func (s style) letter() string {
	if !s.passes {
		return "x"
	}
	letter := [...]string{NoMTLS: "N", Permissive: "P", Strict: "S"}[s.mtls]
	if s.part {
		return strings.ToLower(letter)
	}
	return letter
}

// explanation is a line of the legend: a style, or the part of one, and what it means.
type explanation struct {
	letter, text string // no letter: a matrix does not show it
	example      style
	applies      func(style) bool
}

var explanations = []explanation{
	{"S", "strict: mutual TLS only", style{mtls: Strict, passes: true}, func(s style) bool { return s.mtls == Strict }},
	{"P", "permissive: plaintext too", style{mtls: Permissive, passes: true}, func(s style) bool { return s.mtls == Permissive }},
	{"N", "no mutual TLS", style{mtls: NoMTLS, passes: true}, func(s style) bool { return s.passes && s.mtls == NoMTLS }},
	{"", "with a token, at least in part", style{mtls: Strict, passes: true, token: true}, func(s style) bool { return s.token }},
	{"s", "partly denied", style{mtls: Strict, passes: true, part: true}, func(s style) bool { return s.part }},
	{"x", "denied", style{mtls: NoMTLS}, func(s style) bool { return !s.passes }},
	{"+", "opened to everybody", style{mtls: Strict, passes: true, danger: true, change: Added}, func(s style) bool { return s.danger }},
	{"+", "opened", style{mtls: Strict, passes: true, change: Added}, func(s style) bool { return s.change == Added && !s.danger }},
	{"-", "closed", style{mtls: Strict, passes: true, change: Removed}, func(s style) bool { return s.change == Removed }},
	{"~", "changed", style{mtls: Strict, passes: true, change: Changed}, func(s style) bool { return s.change == Changed }},
}

// legend returns the explanations of what occurs in a graph.
func (g *Graph) legend() (legend []explanation) {
	for _, x := range explanations {
		if slices.ContainsFunc(g.Edges, func(e *Edge) bool { return x.applies(e.style()) }) {
			legend = append(legend, x)
		}
	}
	return legend
}
