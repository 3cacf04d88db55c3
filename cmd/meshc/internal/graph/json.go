package graph

import (
	"bytes"
	"encoding/json"
)

// SchemaID is the schema field of a graph as JSON, which schema.json describes. Fields may be added under it; none
// changes its meaning or goes away.
const SchemaID = "meshc.dev/graph/v1"

// JSON returns the graph for programs.
func JSON(g *Graph) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(g.document())
	return b.Bytes(), err
}

type document struct {
	Schema      string         `json:"schema"`
	Environment string         `json:"environment,omitempty"`
	Compared    bool           `json:"compared"`
	Namespaces  []Namespace    `json:"namespaces"`
	Nodes       []*Node        `json:"nodes"`
	Edges       []documentEdge `json:"edges"`
}

// documentEdge is an Edge that names its ends, with the conclusions that a reader would have to draw.
type documentEdge struct {
	From    string `json:"from"`
	To      string `json:"to"`
	Allowed bool   `json:"allowed"`
	Denied  Extent `json:"denied,omitempty"`
	MTLS    MTLS   `json:"mtls"`
	Token   bool   `json:"token,omitempty"`
	Change  string `json:"change,omitempty"`
	Danger  bool   `json:"danger,omitempty"`
	Allow   []Rule `json:"allow,omitempty"`
	Deny    []Rule `json:"deny,omitempty"`
	Ask     []Rule `json:"ask,omitempty"`
}

func (g *Graph) document() document {
	edges := make([]documentEdge, 0, len(g.Edges))
	for _, e := range g.Edges {
		edges = append(edges, documentEdge{e.From.ID, e.To.ID, e.Passes(), e.Denied, e.MTLS, e.Token, edgeChanges[e.Change], e.Danger(), e.Allow, e.Deny, e.Ask})
	}
	// Lists are written as [] and not as null where they are empty.
	return document{SchemaID, g.Environment, g.Compared, append([]Namespace{}, g.Namespaces...), append([]*Node{}, g.Nodes...), edges}
}
