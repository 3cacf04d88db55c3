package graph

import (
	"strconv"
	"strings"

	"github.com/meshc/meshc/compiler/policy"
)

// group is nodes that are drawn together.
type group struct {
	kind  groupKind
	name  string // of a namespace
	mode  policy.Mode
	nodes []*Node
}

type groupKind uint8

const (
	namespace groupKind = iota
	outsiders           // externals and services without a proxy, whatever namespace declares them
	everyone            // any and world
)

func (k groupKind) String() string { return [...]string{"namespace", "outside", "everyone"}[k] }

// groups is the namespaces by name, then who stands apart from them. None is empty.
func (g *Graph) groups() []group {
	byName := map[string]*group{}
	var order []*group
	for _, ns := range g.Namespaces {
		byName[ns.Name] = &group{name: ns.Name, mode: ns.Mode}
		order = append(order, byName[ns.Name])
	}
	outside, all := &group{kind: outsiders}, &group{kind: everyone}
	order = append(order, outside, all)
	for _, n := range g.Nodes {
		to := byName[n.Namespace]
		switch {
		case n.Kind == External || n.Kind == Outside:
			to = outside
		case n.Kind == Any || n.Kind == World || to == nil:
			to = all
		}
		to.nodes = append(to.nodes, n)
	}
	var out []group
	for _, gr := range order {
		if len(gr.nodes) > 0 {
			out = append(out, *gr)
		}
	}
	return out
}

func (gr *group) label() string {
	switch {
	case gr.kind == outsiders:
		return "outside of the mesh"
	case gr.kind == everyone:
		return ""
	case gr.mode == policy.ModeUnset:
		return gr.name
	}
	return gr.name + " · " + gr.mode.String()
}

// label is the name of a node within its group.
func (n *Node) label() string {
	switch n.Kind {
	case Outside, External, Mesh:
		return n.ID
	case Any:
		return "any identity"
	case World:
		return "world: anyone"
	}
	return n.Name
}

// words is what an edge is, in a few words: its change, its lock, its ports, what a deny takes.
type words struct{ strict, permissive, denied string }

// emoji are for where a font with them can be counted on: not in Graphviz, whose PDF has empty boxes for them.
var (
	plain = words{"mTLS", "mTLS (permissive)", "denied"}
	emoji = words{"🔒", "🔓", "⛔"}
)

func (w words) of(e *Edge) string {
	var all []string
	if s := sign(e.Change); s != "" {
		all = append(all, s)
	}
	switch {
	case !e.Passes():
		all = append(all, w.denied)
	case e.Lock == ClosedLock:
		all = append(all, w.strict)
	case e.Lock == OpenLock:
		all = append(all, w.permissive)
	}
	if p := e.ports(); p != "" {
		all = append(all, p)
	}
	if e.Denied == Part {
		all = append(all, "(a part denied)")
	}
	return strings.Join(all, " ")
}

// ports is the ports that an edge leads to; empty where one of its rules is about all of them.
func (e *Edge) ports() string {
	rules := e.Allow
	if len(rules) == 0 {
		rules = e.Deny
	}
	seen := map[uint16]bool{}
	var words []string
	for _, r := range rules {
		if len(r.Ports) == 0 {
			return ""
		}
		for _, p := range r.Ports {
			if !seen[p.Number] {
				seen[p.Number] = true
				words = append(words, ":"+strconv.Itoa(int(p.Number)))
			}
		}
	}
	return strings.Join(words, " ")
}

// sentence is a rule as the language would write it, with its reason and its place.
func (e *Edge) sentence(r *Rule, deny bool) string {
	var b strings.Builder
	if s := sign(r.Change); s != "" {
		b.WriteString(s + " ")
	}
	if deny {
		b.WriteString("deny ")
	}
	b.WriteString(e.From.ID + " -> " + e.To.ID + what(r))
	if !deny && e.To.Kind != External {
		b.WriteString("  [" + lockWords[r.Lock] + "]")
	}
	if r.Until != "" {
		b.WriteString("  until " + r.Until)
	}
	if r.Because != "" {
		b.WriteString("  because " + strconv.Quote(r.Because))
	}
	if r.At != "" {
		b.WriteString("  " + r.At)
	}
	return b.String()
}
