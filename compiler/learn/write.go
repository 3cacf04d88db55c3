package learn

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang"
	"github.com/meshc/meshc/lang/print"
)

// Lines returns the intents of the graph, mesh by mesh: what runs there, and who calls it. Edges are in the section of
// their callee, where they need nobody else's consent.
func (g *Graph) Lines() []print.Line {
	g.merge()
	g.leaveOut()
	g.name()
	g.leaveShared()
	sections := map[string][]*node{}
	for _, n := range g.nodes {
		sections[n.namespace] = append(sections[n.namespace], n)
	}
	edges := map[string][]*edge{}
	for _, e := range g.edges {
		edges[e.to.namespace] = append(edges[e.to.namespace], e)
	}
	lines := []print.Line{{Above: g.summary()}}
	for _, namespace := range slices.Sorted(maps.Keys(sections)) {
		lines = append(lines, print.Line{Gap: true, Stmt: &lang.Mesh{Name: lang.Name{Text: namespace}}})
		nodes := sections[namespace]
		slices.SortFunc(nodes, func(a, b *node) int { return cmp.Compare(a.rank, b.rank) })
		for _, n := range nodes {
			lines = append(lines, n.line())
		}
		all := edges[namespace]
		slices.SortFunc(all, func(a, b *edge) int {
			return cmp.Or(cmp.Compare(a.to.rank, b.to.rank), cmp.Compare(a.port, b.port), cmp.Compare(a.from.rank, b.from.rank))
		})
		for i, e := range all {
			l := e.line()
			l.Gap = i == 0
			lines = append(lines, l)
		}
	}
	return lines
}

// name gives each node a name of its own in its namespace, and its rank.
func (g *Graph) name() {
	taken := map[[2]string]bool{}
	all := slices.Collect(maps.Values(g.nodes))
	labelled := func(n *node) int {
		if slices.Equal(n.apps, []string{n.title()}) {
			return 0
		}
		return 1
	}
	slices.SortFunc(all, func(a, b *node) int { // what has a label app goes by it
		return cmp.Or(labelled(a)-labelled(b), cmp.Compare(a.namespace, b.namespace), cmp.Compare(a.account, b.account), cmp.Compare(a.name, b.name))
	})
	for _, n := range all {
		title := n.title()
		n.written = title
		for i := 2; taken[[2]string{n.namespace, n.written}]; i++ {
			suffix := fmt.Sprintf("-%d", i)
			n.written = strings.TrimRight(title[:min(len(title), policy.MaxLabel-len(suffix))], "-") + suffix
		}
		taken[[2]string{n.namespace, n.written}] = true
	}
	slices.SortFunc(all, func(a, b *node) int {
		return cmp.Or(cmp.Compare(a.namespace, b.namespace), cmp.Compare(a.written, b.written))
	})
	for i, n := range all {
		n.rank = i
	}
}

// merge joins nodes whose account is not known with those that are called like them and whose account is. A name that
// several of these have joins nothing.
func (g *Graph) merge() {
	type key struct{ namespace, name string }
	titles, hosts := map[key]*node{}, map[key]*node{}
	enter := func(names map[key]*node, k key, n *node) {
		if other, taken := names[k]; taken && other != n {
			n = nil
		}
		names[k] = n
	}
	for _, n := range g.nodes {
		if n.account != "" {
			enter(titles, key{n.namespace, n.title()}, n)
			for _, host := range n.hosts {
				enter(hosts, key{n.namespace, host}, n)
			}
		}
	}
	into := map[*node]*node{}
	for at, n := range g.nodes {
		called := key{n.namespace, n.title()}
		other, titled := titles[called]
		if !titled {
			other = hosts[called]
		}
		if n.account != "" || n.outside() || other == nil {
			continue
		}
		into[n] = other
		for port, http := range n.ports {
			other.ports[port] = other.ports[port] || http
		}
		delete(g.nodes, at)
	}
	moved := map[edgeKey]*edge{}
	for at, e := range g.edges {
		e.from, e.to = cmp.Or(into[at.from], at.from), cmp.Or(into[at.to], at.to)
		if e.port == 0 {
			e.port = e.to.only(e.http)
		}
		if other := moved[e.edgeKey]; other != nil {
			other.join(e)
			continue
		}
		moved[e.edgeKey] = e
	}
	g.edges = moved
}

// only is the only port of a node that carries HTTP, or else does not; 0 where there are several or none.
func (n *node) only(http bool) (port uint16) {
	for number, carries := range n.ports {
		if carries != http {
			continue
		}
		if port != 0 {
			return 0
		}
		port = number
	}
	return port
}

// join adds the calls of another edge of the same ends.
func (e *edge) join(other *edge) {
	e.count += other.count
	e.http = e.http || other.http
	e.nameless += other.nameless
	e.unread += other.unread
	e.odd += other.odd
	earlier(&e.first, other.first)
	later(&e.last, other.last)
	e.requests.join(&other.requests)
}

// summary is the comment at the beginning.
func (g *Graph) summary() []string {
	seen := calls(g.Calls) + " seen"
	if g.Last != "" {
		seen += period(g.First, g.Last)
	}
	all := []string{seen}
	if g.Refused > 0 {
		all = append(all, calls(g.Refused)+" left out that did not reach "+its(g.Refused)+" callee")
	}
	if g.Nameless > 0 {
		all = append(all, calls(g.Nameless)+" left out because one end is unknown")
	}
	if g.Proxies > 0 {
		all = append(all, calls(g.Proxies)+" left out to ports of proxies, which need no edge")
	}
	if g.Odd > 0 {
		all = append(all, calls(g.Odd)+" with a path that no operation can be about")
	}
	all = append(all, g.left.lines()...)
	called := map[string]bool{}
	for _, e := range g.edges {
		called[e.to.namespace] = true
	}
	return append(all, g.domains.settings(called)...)
}

func its(n int) string {
	if n == 1 {
		return "its"
	}
	return "their"
}

// period is when something was seen, by day.
func period(first, last string) string {
	first, last = first[:min(len(first), 10)], last[:min(len(last), 10)]
	if first == "" || first == last {
		return " on " + last
	}
	return " from " + first + " to " + last
}

// line declares what runs as an account, or a host outside the mesh.
func (n *node) line() print.Line {
	name := n.written
	if n.outside() {
		x := &lang.External{Name: lang.Name{Text: name}, Hosts: []lang.Name{{Text: n.name}}}
		for _, port := range slices.Sorted(maps.Keys(n.ports)) {
			x.Ports = append(x.Ports, n.port(port))
		}
		return print.Line{Stmt: x}
	}
	s := &lang.Service{Name: lang.Name{Text: name}}
	var notes []string
	if n.account != "" {
		s.Accounts = []lang.Name{{Text: n.account}}
	} else {
		notes = append(notes, "the account is not known")
	}
	switch {
	case len(n.apps) == 0:
		notes = append(notes, "that its pods have the label app="+name+" is assumed")
	case n.apps[0] != name && len(n.apps) == 1:
		s.Labels = []lang.Label{{Key: lang.Name{Text: "app"}, Value: lang.Name{Text: n.apps[0]}}}
	case len(n.apps) > 1:
		notes = append(notes, "its pods have several labels app: "+strings.Join(n.apps, ", "))
	}
	for _, port := range slices.Sorted(maps.Keys(n.ports)) {
		s.Ports = append(s.Ports, n.port(port))
	}
	return print.Line{Stmt: s, Comment: strings.Join(notes, "; ")}
}

func (n *node) port(number uint16) lang.Port {
	return lang.Port{Number: lang.Name{Text: strconv.Itoa(int(number))}, Protocol: lang.Name{Text: n.protocol(number).String()}}
}

// line is an edge, with what was seen of it.
func (e *edge) line() print.Line {
	from, to := lang.Target{Ref: ref(e.from, e.to.namespace)}, lang.Target{Ref: ref(e.to, e.to.namespace)}
	notes := []string{calls(e.count)}
	if e.last != "" {
		notes[0] += period(e.first, e.last)
	}
	switch operations := e.requests.operations(); {
	case e.port == 0:
		notes = append(notes, "on which port is not known")
	case len(operations) > 0 && e.unread > 0:
		notes = append(notes, count(e.unread)+" of them without methods and paths, so none are written")
	case len(operations) == 0 && e.odd > 0:
		notes = append(notes, "no operation can be about "+its(e.odd)+" paths, so none are written")
	case len(operations) > 0:
		to.Ops = operations
		if c := e.requests.comment(); c != "" {
			notes = append(notes, c)
		}
	}
	if e.port != 0 {
		to.Port = lang.Name{Text: strconv.Itoa(int(e.port))}
	}
	if e.nameless > 0 {
		notes = append(notes, count(e.nameless)+" of them perhaps in plaintext")
	}
	return print.Line{Stmt: &lang.Edge{Hops: []lang.Hop{{Targets: []lang.Target{from}}, {Targets: []lang.Target{to}}}}, Comment: strings.Join(notes, "; ")}
}

func ref(n *node, in string) lang.Ref {
	r := lang.Ref{Name: lang.Name{Text: n.written, Quoted: n.written == "any" || n.written == "world"}}
	if n.namespace != in {
		r.Namespace = lang.Name{Text: n.namespace}
	}
	return r
}
