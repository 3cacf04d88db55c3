// Package graph turns a checked policy into nodes and edges and draws them: as a matrix for a terminal, DOT, Mermaid,
// JSON, SVG, and a page for a browser.
//
// It knows the policy and how to draw. It knows nothing of the language, of files or of manifests, and it decides no
// request: how much of an edge a deny takes away is an estimate for the picture, never a verdict. Everything in it is
// sorted and measured in whole pixels, so one policy gives the same bytes on every machine.
//
// # Drawing
//
// A small graph is laid out in layers, after Sugiyama, Tagawa and Toda, "Methods for Visual Understanding of
// Hierarchical System Structures", IEEE Transactions on Systems, Man, and Cybernetics 11(2), 1981. Callers stand to
// the left of what they call. The four steps of the method are a file each:
//
//   - Layers (layers.go). A depth-first search leaves out the edges that close a cycle. The layer of a node is then the
//     length of the longest path to it, and nodes without callers move right, next to what they call. Where long
//     paths would make the picture a ribbon, the layer is the breadth-first distance instead.
//   - Ordering (ordering.go). Within a layer, nodes are sorted by the mean position of their neighbours, the
//     barycenter heuristic of the same paper, in sweeps from left to right and back.
//   - Coordinates (coordinates.go). The same sweeps place the nodes: each as close to its barycenter as the boxes above
//     and below allow. That is isotonic regression, solved by pooling adjacent violators (Ayer, Brunk, Ewing, Reid and
//     Silverman, Annals of Mathematical Statistics 26(4), 1955).
//   - Routing (routing.go). An edge that passes a layer takes a lane through a gap between the boxes there, so no edge
//     runs over a box. Lanes replace the dummy nodes of the paper, and need no room of their own in a layer.
//
// Namespaces are an addition to the method: each is a frame around its nodes, across several layers, and no two frames
// may overlap. So a layer is sorted within each frame only, and frames are stacked where they share a layer. Their
// order is found by exchanging pairs as long as that lowers a cost of edge lengths, crossings and height.
//
// In a large graph no one can follow a line with the eye. Above maxLayered nodes or maxRouted edges it becomes a grid
// (grid.go): namespaces in rows by name, and edges as plain curves behind them. The browser page adds search and focus.
//
// Edges into a node that have one style, by mutual TLS, denies and change, end in one common arrow. Styles differ in
// shape and text, not in colour alone.
package graph
