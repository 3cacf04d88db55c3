package graph

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// texts returns the texts in the box of a node: its name and, below it, what is special about it.
func (n *Node) texts() (title, detail string) {
	switch n.Kind {
	case External:
		return n.ID, abbreviated(n.Hosts)
	case Outside:
		return n.ID, "no proxy"
	case Gateway:
		return n.Name, n.special("gateway")
	case Pods:
		return n.Name, n.special("not declared")
	case AnyInNamespace:
		return n.ID, "any identity of it"
	case Any:
		return n.ID, "any identity"
	case World:
		if n.ID == "world" {
			return n.ID, "anyone at all"
		}
	}
	return n.Name, n.special("")
}

// special is what is special about a node that has pods: what it is, and whose tokens it verifies without having to.
func (n *Node) special(kind string) string {
	switch {
	case len(n.Verifies) == 0:
		return kind
	case kind == "":
		return "verifies " + abbreviated(n.Verifies)
	}
	return kind + ", verifies " + abbreviated(n.Verifies)
}

func abbreviated(hosts []string) string {
	switch len(hosts) {
	case 0:
		return ""
	case 1:
		return hosts[0]
	}
	return hosts[0] + ", …"
}

// label returns the name of a node within its group, in one line.
func (n *Node) label() string {
	switch n.Kind {
	case Outside, External, AnyInNamespace:
		return n.ID
	case Any:
		if n.ID == "any" {
			return "any identity"
		}
	case World:
		if n.ID == "world" {
			return "world: anyone"
		}
	}
	return n.Name
}

// description returns everything about a node but its edges.
func (n *Node) description() string {
	all := []string{n.ID}
	if n.Account != "" {
		all = append(all, "account "+n.Account)
	}
	for _, account := range n.Was {
		all = append(all, "was "+account)
	}
	for _, issuer := range n.Verifies {
		all = append(all, "verifies tokens of "+issuer)
	}
	all = append(append(all, n.Hosts...), n.Addresses...)
	for _, p := range n.Ports {
		all = append(all, fmt.Sprintf(":%d %s", p.Number, p.Protocol))
	}
	if n.At != "" {
		all = append(all, n.At)
	}
	return strings.Join(all, ", ")
}

// edgeWords are the words of a format for what happens to requests on an edge.
type edgeWords struct{ strict, permissive, token, denied string }

// Emoji need a font that has them. Graphviz has none: its PDFs show empty boxes.
var (
	plainWords = edgeWords{"mTLS", "mTLS (permissive)", "token", "denied"}
	emojiWords = edgeWords{"🔒", "🔓", "🔑", "⛔"}
)

// label returns an edge in a few words: its change, its mutual TLS, its ports, and whether a part of it is denied.
func (e *Edge) label(words edgeWords) string {
	var all []string
	add := func(s string) {
		if s != "" {
			all = append(all, s)
		}
	}
	add(e.Change.sign())
	switch {
	case !e.Passes():
		add(words.denied)
	case e.MTLS == Strict:
		add(words.strict)
	case e.MTLS == Permissive:
		add(words.permissive)
	}
	if e.Token && e.Passes() {
		add(words.token)
	}
	add(e.ports())
	if e.Denied == Part {
		add("(partly denied)")
	}
	if len(e.Allow) > 0 && !slices.ContainsFunc(e.Allow, func(r Rule) bool { return !r.Perhaps }) {
		add("(perhaps)")
	}
	if len(e.Ask) > 0 && e.Passes() {
		add("(asks " + e.Ask[0].Provider + ")")
	}
	return strings.Join(all, " ")
}

// ports returns the ports that an edge leads to; empty where one of its rules concerns all of them.
func (e *Edge) ports() string {
	rules := e.Allow
	if len(rules) == 0 {
		rules = e.Deny
	}
	seen := map[uint16]bool{}
	var all []string
	for _, r := range rules {
		if len(r.Ports) == 0 {
			return ""
		}
		for _, p := range r.Ports {
			if !seen[p.Number] {
				seen[p.Number] = true
				all = append(all, ":"+strconv.Itoa(int(p.Number)))
			}
		}
	}
	return strings.Join(all, " ")
}

// description returns everything about an edge, one rule a line.
func (e *Edge) description() string {
	var lines []string
	for _, r := range e.rules() {
		lines = append(lines, e.statement(r))
	}
	return strings.Join(lines, "\n")
}

var mtlsWords = [...]string{NoMTLS: "no mutual TLS", Permissive: "permissive", Strict: "strict"}

// statement returns a rule as the language writes it, with its change, its mutual TLS and its position.
func (e *Edge) statement(r Rule) string {
	var b strings.Builder
	if r.Change != Same {
		b.WriteString(r.Change.sign() + " ")
	}
	switch {
	case r.Provider != "":
		b.WriteString("ask " + r.Provider + " ")
	case r.restricts():
		b.WriteString("deny ")
	}
	b.WriteString(e.From.ID)
	if len(r.Except) > 0 {
		b.WriteString(" except " + strings.Join(r.Except, ", "))
	}
	b.WriteString(" -> " + e.To.ID)
	for i, p := range r.Ports {
		b.WriteString([...]string{":", ","}[min(i, 1)] + strconv.Itoa(int(p.Number)))
	}
	if len(r.Ports) == 0 && (len(r.Operations) > 0 || slices.ContainsFunc(r.Clauses, func(c string) bool { return !strings.HasPrefix(c, "except :") })) {
		b.WriteString(":*")
	}
	clauses := r.Clauses
	if len(clauses) > 0 && strings.HasPrefix(clauses[0], "host ") {
		b.WriteString(" " + clauses[0])
		clauses = clauses[1:]
	}
	if len(r.Operations) > 0 {
		b.WriteString(" " + strings.Join(r.Operations, ", "))
	}
	for _, clause := range clauses {
		b.WriteString(" " + clause)
	}
	if r.Perhaps {
		b.WriteString("  perhaps")
	}
	if !r.restricts() && e.To.Kind != External {
		b.WriteString("  [" + mtlsWords[r.MTLS] + "]")
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
