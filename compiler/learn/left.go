package learn

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/meshc/meshc/compiler/policy"
)

// reason is why calls are listed, and not written.
type reason uint8

const (
	unproved reason = iota
	sharedPort
	rootExternal
	sharedLabel
	manyPorts
	reasons
)

// root is the root namespace where meshc.yaml names no other.
const root = "istio-system"

var because = [reasons]string{
	unproved:     "the caller proved no identity that an edge could name",
	sharedPort:   "a TCP connection does not name its host, and several hosts have the port",
	rootExternal: root + " is the root namespace, which has no externals",
	sharedLabel:  "others have the label app of the callee, and a policy for it would bind them too",
	manyPorts:    "an external has at most 256 ports",
}

// left is how many calls are left out, for each reason by the words for their ends.
type left [reasons]map[string]int

// Bounds of what is kept, and of what is shown.
const (
	maxLeft  = 1000
	maxShown = 20
)

func (l *left) add(why reason, words string, n int) {
	if l[why] == nil {
		l[why] = map[string]int{}
	}
	if l[why][words] == 0 && len(l[why]) >= maxLeft {
		words = "others"
	}
	l[why][words] += n
}

// lines lists them, the most frequent first.
func (l *left) lines() (all []string) {
	for why, of := range l {
		if len(of) == 0 {
			continue
		}
		all = append(all, "left out because "+because[why]+":")
		byCount := slices.SortedFunc(maps.Keys(of), func(a, b string) int { return cmp.Or(cmp.Compare(of[b], of[a]), cmp.Compare(a, b)) })
		for i, words := range byCount {
			if i == maxShown {
				all = append(all, fmt.Sprintf("- and %d more", len(byCount)-i))
				break
			}
			all = append(all, fmt.Sprintf("- %s: %s", words, calls(of[words])))
		}
	}
	return all
}

// leave takes edges away.
func (g *Graph) leave(which func(*edge) (reason, bool)) {
	for at, e := range g.edges {
		if why, out := which(e); out {
			words := e.from.id() + " -> " + e.to.id()
			if e.port != 0 {
				words += fmt.Sprintf(":%d", e.port)
			}
			g.left.add(why, words, e.count)
			delete(g.edges, at)
		}
	}
}

// leaveOut takes away what no project can say: edges of callers without an account, and externals of which several
// would be one listener of their namespace, or in the root namespace.
func (g *Graph) leaveOut() {
	type listener struct {
		namespace string
		port      uint16
	}
	hosts := map[listener]int{}
	for _, n := range g.nodes {
		for port := range n.ports {
			if n.outside() && n.protocol(port) == policy.TCP {
				hosts[listener{n.namespace, port}]++
			}
		}
	}
	g.leave(func(e *edge) (reason, bool) {
		switch {
		case e.from.account == "":
			return unproved, true
		case !e.to.outside():
			return 0, false
		case e.to.namespace == root:
			return rootExternal, true
		}
		return sharedPort, e.to.protocol(e.port) == policy.TCP && hosts[listener{e.to.namespace, e.port}] > 1
	})
	used := map[*node]map[uint16]bool{}
	for _, e := range g.edges {
		if used[e.to] == nil {
			used[e.to] = map[uint16]bool{}
		}
		used[e.to][e.port] = true
	}
	for at, n := range g.nodes {
		if !n.outside() {
			continue
		}
		maps.DeleteFunc(n.ports, func(port uint16, _ bool) bool { return !used[n][port] })
		if len(n.ports) == 0 {
			delete(g.nodes, at)
		}
	}
}

// leaveShared takes away edges to services that a policy cannot tell from others of their namespace, or of any if
// theirs is the root namespace. Nodes must have their names.
func (g *Graph) leaveShared() {
	anywhere, within := map[string]int{}, map[[2]string]int{}
	for _, n := range g.nodes {
		if !n.outside() {
			anywhere[n.app()]++
			within[[2]string{n.namespace, n.app()}]++
		}
	}
	g.leave(func(e *edge) (reason, bool) {
		if e.to.outside() {
			return 0, false
		}
		return sharedLabel, within[[2]string{e.to.namespace, e.to.app()}] > 1 || e.to.namespace == root && anywhere[e.to.app()] > 1
	})
}
