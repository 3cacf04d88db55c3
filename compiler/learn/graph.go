// Package learn drafts intents from observed calls.
//
// An end of a call is an identity, or else whatever the manifests or the names of a cluster resolve it to. A caller
// that proved no identity cannot be named by an edge, so its calls are listed but not written: an edge for it would
// have to admit everyone. The same holds for an end without a name.
package learn

import (
	"cmp"
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/directory"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/compiler/traffic"
)

// Graph is who called whom.
type Graph struct {
	Calls    int // all of them
	Refused  int // that did not reach their callee, and are left out
	Nameless int // of which an end has no name
	Proxies  int // to ports of proxies, which need no edge
	Odd      int // requests with a path that a policy would take for a pattern

	First, Last string // RFC 3339; empty where it is not known

	left       left
	domains    domains
	pods       *directory.Directory
	operations bool
	nodes      map[nodeKey]*node
	edges      map[edgeKey]*edge
}

type nodeKey struct{ namespace, account, name string } // the name where the account is not known

// node is what runs as one account.
type node struct {
	nodeKey
	written                string // its name among the intents
	rank                   int    // among all nodes, by namespace and that name
	apps, workloads, hosts []string
	ports                  map[uint16]bool // whether it carries HTTP
	tls                    map[uint16]bool // of a host outside the mesh, whether applications open TLS to it
}

// outside reports whether a node is a host outside the mesh, which its name is.
func (n *node) outside() bool { return n.tls != nil }

type edgeKey struct {
	from, to *node
	port     uint16
}

type edge struct {
	edgeKey
	count       int
	first, last string
	http        bool
	nameless    int // perhaps in plaintext
	unread      int // whose method and path are not known
	odd         int // with a path that a policy would take for a pattern
	requests    requests
}

// Bounds of what is kept.
const (
	maxEdges = 200_000
	maxPorts = 256 // of an external, as Istio has it
)

// New returns an empty graph. With operations, edges have those that were seen.
func New(pods *directory.Directory, operations bool) *Graph {
	return &Graph{domains: domains{}, pods: pods, operations: operations, nodes: map[nodeKey]*node{}, edges: map[edgeKey]*edge{}}
}

// Add adds a call.
func (g *Graph) Add(c *traffic.Call) {
	n := max(c.Count, 1)
	g.Calls += n
	if c.Outcome != traffic.Answered && c.Outcome != traffic.WouldRefuse {
		g.Refused += n
		return
	}
	from := g.caller(&c.From)
	to, port := g.node(&c.To), c.Port
	if to == nil {
		to, port = g.hostOutside(from, &c.To), c.To.HostPort
	}
	switch {
	case to == nil:
		g.Nameless += n
		return
	case policy.IsProxyPort(port) && !to.outside():
		g.Proxies += n
		return
	}
	if _, known := to.ports[port]; !known && to.outside() && len(to.ports) >= maxPorts {
		g.left.add(manyPorts, from.id()+" -> "+to.id(), n)
		return
	}
	if port != 0 {
		to.ports[port] = to.ports[port] || c.HTTP
	}
	if from == nil {
		g.unproved(c, to, n)
		return
	}
	at := edgeKey{from, to, port}
	e := g.edges[at]
	if e == nil {
		if len(g.edges) >= maxEdges {
			g.Nameless += n
			return
		}
		e = &edge{edgeKey: at}
		g.edges[at] = e
	}
	e.count += n
	e.http = e.http || c.HTTP
	if c.From.Nameless {
		e.nameless += n
	}
	first := cmp.Or(c.First, c.At)
	earlier(&e.first, first)
	later(&e.last, c.At)
	earlier(&g.First, first)
	later(&g.Last, c.At)
	switch {
	case !g.operations || to.outside():
	case c.Method == "":
		e.unread += n
	case !e.requests.add(c.Method, c.Path, n):
		e.odd += n
		g.Odd += n
	}
}

func earlier(at *string, other string) {
	if other != "" && (*at == "" || other < *at) {
		*at = strings.Clone(other)
	}
}

func later(at *string, other string) {
	if other > *at {
		*at = strings.Clone(other)
	}
}

// caller is the node of a caller with an identity; nil where it has proved none, or is not known.
func (g *Graph) caller(p *traffic.Peer) *node {
	if p.Anonymous {
		return nil
	}
	return g.node(p)
}

// node is what an end of a call is; nil where that is not known.
func (g *Graph) node(p *traffic.Peer) *node {
	pod := g.pods.PodAt(p.Address)
	if pod == nil && p.Pod != "" {
		pod = g.pods.PodNamed(p.Namespace, p.Pod)
	}
	id, proved := policy.ParseIdentity(p.Identity)
	at := nodeKey{id.Namespace, id.Account, ""}
	host, namespace := hostOf(p.Host)
	switch {
	case proved:
		g.domains.note(id.Namespace, id.TrustDomain)
	case pod != nil:
		at = nodeKey{pod.Namespace, pod.Account, ""}
	case p.Account != "":
		at = nodeKey{p.Namespace, p.Account, ""}
	case p.Workload != "":
		at = nodeKey{p.Namespace, "", p.Workload}
	case p.Pod != "":
		at = nodeKey{p.Namespace, "", workloadOf(p.Pod)}
	case p.App != "":
		at = nodeKey{p.Namespace, "", p.App}
	default:
		at = nodeKey{namespace, "", host}
	}
	if !policy.IsLabel(at.namespace) || at.account != "" && !policy.IsName(at.account) || at.account == "" && !policy.IsLabel(at.name) {
		return nil
	}
	n := g.nodes[at]
	if n == nil {
		at = nodeKey{strings.Clone(at.namespace), strings.Clone(at.account), strings.Clone(at.name)}
		n = &node{nodeKey: at, ports: map[uint16]bool{}}
		g.nodes[at] = n
	}
	if pod != nil {
		note(&n.apps, pod.Labels["app"])
		note(&n.workloads, workloadOf(pod.Name))
	}
	note(&n.apps, p.App)
	note(&n.workloads, p.Workload)
	if p.Pod != "" {
		note(&n.workloads, workloadOf(p.Pod))
	}
	if namespace == at.namespace {
		note(&n.hosts, host)
	}
	return n
}

// hostOutside is the node of a host outside the mesh, in the namespace of its caller, where an external is declared;
// nil where the end of a call is no such host.
func (g *Graph) hostOutside(from *node, p *traffic.Peer) *node {
	last := p.Host[strings.LastIndexByte(p.Host, '.')+1:]
	if from == nil || p.HostPort == 0 || !policy.IsName(p.Host) || policy.InCluster(p.Host) || last == p.Host || last == "local" || strings.Trim(last, "0123456789") == "" {
		return nil
	}
	at := nodeKey{from.namespace, "", p.Host}
	n := g.nodes[at]
	if n == nil {
		if len(g.nodes) >= maxEdges {
			return nil
		}
		at.name = strings.Clone(p.Host)
		n = &node{nodeKey: at, ports: map[uint16]bool{}, tls: map[uint16]bool{}}
		g.nodes[at] = n
	}
	n.tls[p.HostPort] = n.tls[p.HostPort] || p.TLS
	return n
}

// protocol is what a port is declared to carry.
func (n *node) protocol(port uint16) policy.Protocol {
	switch {
	case n.tls[port]:
		return policy.TLS
	case n.ports[port]:
		return policy.HTTP
	}
	return policy.TCP
}

// workloadOf is the workload that a pod most likely belongs to.
func workloadOf(pod string) string {
	if names := directory.WorkloadsOf(pod); len(names) > 0 {
		return names[0]
	}
	return pod
}

// note adds a name to the few that are known of a node.
func note(to *[]string, name string) {
	if name != "" && len(*to) < 10 && policy.IsLabelValue(name) && !slices.Contains(*to, name) {
		*to = append(*to, strings.Clone(name))
	}
}

// hostOf is the Kubernetes Service of a host name and its namespace: NAME.NAMESPACE.svc….
func hostOf(host string) (name, namespace string) {
	labels := strings.SplitN(host, ".", 4)
	if len(labels) < 3 || labels[2] != "svc" {
		return "", ""
	}
	return labels[0], labels[1]
}

func (g *Graph) unproved(c *traffic.Call, to *node, n int) {
	from := "an unknown caller"
	switch {
	case c.From.Workload != "" && policy.IsLabel(c.From.Namespace) && policy.IsName(c.From.Workload):
		from = c.From.Namespace + "/" + c.From.Workload
	case c.From.Address.IsValid():
		from = c.From.Address.String()
	}
	g.left.add(unproved, from+" -> "+to.id(), n)
}

func (n *node) id() string { return n.namespace + "/" + n.title() }

// title is the best name of a node: what one label or one workload calls all of it, or else its account.
func (n *node) title() string {
	if n.outside() {
		return asLabel(n.name)
	}
	for _, names := range [][]string{n.apps, n.workloads, n.hosts} {
		if len(names) == 1 && policy.IsLabel(names[0]) {
			return names[0]
		}
	}
	return cmp.Or(n.name, asLabel(n.account))
}

// asLabel makes a label of a DNS name of a name.
func asLabel(name string) string {
	return strings.TrimRight(strings.ReplaceAll(name[:min(len(name), policy.MaxLabel)], ".", "-"), "-")
}

// app is the label app of a node, or what is assumed of it. It must have its name.
func (n *node) app() string {
	if len(n.apps) == 1 {
		return n.apps[0]
	}
	return n.written
}
