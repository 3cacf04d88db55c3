package graph

import (
	"bytes"
	"encoding/json"

	"github.com/meshc/meshc/compiler/policy"
)

// SchemaID is the `schema` of a graph as JSON, which schema.json describes. Fields may be added under it; none changes
// its meaning or goes.
const SchemaID = "meshc.dev/graph/v1"

// JSON is the graph for programs.
func JSON(g *Graph) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(wire(g))
	return b.Bytes(), err
}

type wireGraph struct {
	Schema      string          `json:"schema"`
	Environment string          `json:"environment,omitempty"`
	Compared    bool            `json:"compared"`
	Namespaces  []wireNamespace `json:"namespaces"`
	Nodes       []wireNode      `json:"nodes"`
	Edges       []wireEdge      `json:"edges"`
}

type wireNamespace struct {
	Name     string `json:"name"`
	Mode     string `json:"mode,omitempty"`
	Services int    `json:"services"`
}

type wireNode struct {
	ID        string     `json:"id"`
	Kind      string     `json:"kind"`
	Namespace string     `json:"namespace,omitempty"`
	Name      string     `json:"name"`
	Account   string     `json:"account,omitempty"`
	Hosts     []string   `json:"hosts,omitempty"`
	Addresses []string   `json:"addresses,omitempty"`
	Ports     []wirePort `json:"ports,omitempty"`
	At        string     `json:"at,omitempty"`
	Change    string     `json:"change,omitempty"`
}

type wirePort struct {
	Number   uint16 `json:"number"`
	Protocol string `json:"protocol,omitempty"`
	MTLS     string `json:"mtls"`
}

type wireEdge struct {
	From    string     `json:"from"`
	To      string     `json:"to"`
	Allowed bool       `json:"allowed"`
	Denied  string     `json:"denied,omitempty"`
	MTLS    string     `json:"mtls"`
	Change  string     `json:"change,omitempty"`
	Allow   []wireRule `json:"allow,omitempty"`
	Deny    []wireRule `json:"deny,omitempty"`
}

type wireRule struct {
	Ports      []wirePort `json:"ports,omitempty"`
	Operations []string   `json:"operations,omitempty"`
	MTLS       string     `json:"mtls,omitempty"`
	Because    string     `json:"because,omitempty"`
	Until      string     `json:"until,omitempty"`
	At         string     `json:"at,omitempty"`
	Change     string     `json:"change,omitempty"`
}

var (
	edgeChanges = [...]string{Same: "", Added: "opened", Removed: "closed", Changed: "changed"}
	itemChanges = [...]string{Same: "", Added: "added", Removed: "removed", Changed: "changed"}
)

func wire(g *Graph) wireGraph {
	out := wireGraph{
		Schema:      SchemaID,
		Environment: g.Environment,
		Compared:    g.Compared,
		Namespaces:  make([]wireNamespace, 0, len(g.Namespaces)),
		Nodes:       make([]wireNode, 0, len(g.Nodes)),
		Edges:       make([]wireEdge, 0, len(g.Edges)),
	}
	for _, ns := range g.Namespaces {
		w := wireNamespace{Name: ns.Name, Services: ns.Services}
		if ns.Mode != policy.ModeUnset {
			w.Mode = ns.Mode.String()
		}
		out.Namespaces = append(out.Namespaces, w)
	}
	for _, n := range g.Nodes {
		out.Nodes = append(out.Nodes, wireNode{
			ID: n.ID, Kind: n.Kind.String(), Namespace: n.Namespace, Name: n.Name, Account: n.Account,
			Hosts: n.Hosts, Addresses: n.Addresses, Ports: wirePorts(n.Ports), At: n.At, Change: itemChanges[n.Change],
		})
	}
	for _, e := range g.Edges {
		out.Edges = append(out.Edges, wireEdge{
			From: e.From.ID, To: e.To.ID, Allowed: e.Passes(), Denied: e.Denied.String(), MTLS: e.Lock.String(),
			Change: edgeChanges[e.Change], Allow: wireRules(e.Allow, true), Deny: wireRules(e.Deny, false),
		})
	}
	return out
}

func wirePorts(ports []Port) (out []wirePort) {
	for _, p := range ports {
		out = append(out, wirePort{p.Number, p.Protocol, p.Lock.String()})
	}
	return out
}

func wireRules(rules []Rule, allow bool) (out []wireRule) {
	for _, r := range rules {
		w := wireRule{
			Ports: wirePorts(r.Ports), Operations: r.Operations, Because: r.Because, Until: r.Until, At: r.At,
			Change: itemChanges[r.Change],
		}
		if allow {
			w.MTLS = r.Lock.String()
		}
		out = append(out, w)
	}
	return out
}
