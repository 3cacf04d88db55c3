package traffic

import (
	"errors"
	"io"
	"strconv"
)

// readGraph reads the graph of Kiali as its API gives it. It says who called whom, and not when or how often.
// https://kiali.io/docs/features/topology/
// https://github.com/kiali/kiali/blob/master/graph/config/common/types.go
func readGraph(r io.Reader, size int, do func(*Call)) error {
	text, err := textOf(r, size)
	if err != nil {
		return err
	}
	s := scanner{text: text}
	nodes := map[string]Peer{}
	var edges []graphEdge
	var at string
	s.members(func(key string) {
		switch {
		case key == "timestamp":
			if seconds, err := strconv.ParseFloat(s.scalar(), 64); err == nil {
				at = day(seconds)
			}
		case key == "elements" && s.next() == '{':
			s.members(func(key string) {
				s.elements(func() {
					s.members(func(inner string) {
						switch {
						case inner != "data" || s.next() != '{':
							s.skip()
						case key == "nodes":
							id, p := node(&s)
							nodes[id] = p
						default:
							edges = append(edges, edge(&s))
						}
					})
				})
			})
		default:
			s.skip()
		}
	})
	if !s.done() || len(nodes) == 0 {
		return errors.New("want a graph as the API of Kiali gives it")
	}
	callsAlong(edges, nodes, func(c *Call) {
		c.At = at
		c.clean()
		do(c)
	})
	return nil
}

// graphEdge is an edge between two nodes, by their IDs.
type graphEdge struct {
	source, target, sourcePrincipal, targetPrincipal, protocol string
}

// edge reads the data of an edge.
func edge(s *scanner) (e graphEdge) {
	s.members(func(field string) {
		switch field {
		case "source":
			e.source = s.scalar()
		case "target":
			e.target = s.scalar()
		case "sourcePrincipal":
			e.sourcePrincipal = s.scalar()
		case "destPrincipal":
			e.targetPrincipal = s.scalar()
		case "traffic":
			s.members(func(field string) {
				if field == "protocol" {
					e.protocol = s.scalar()
				} else {
					s.skip()
				}
			})
		default:
			s.skip()
		}
	})
	return e
}

// callsAlong calls do with each call that edges stand for: from a workload, and through the node of a Kubernetes
// Service to the workloads after it.
func callsAlong(edges []graphEdge, nodes map[string]Peer, do func(*Call)) {
	isService := func(id string) bool { return nodes[id].Workload == "" && nodes[id].Host != "" }
	through := map[string][]graphEdge{} // the edges that leave the node of a Kubernetes Service, which calls nobody itself
	for _, e := range edges {
		if isService(e.source) {
			through[e.source] = append(through[e.source], e)
		}
	}
	for _, e := range edges {
		if isService(e.source) {
			continue
		}
		ends := []graphEdge{e}
		if next := through[e.target]; isService(e.target) && len(next) > 0 {
			ends = next
		}
		for _, end := range ends {
			from, to := nodes[e.source], nodes[end.target]
			from.Identity, to.Identity = principal(e.sourcePrincipal), principal(end.targetPrincipal)
			from.Anonymous = e.sourcePrincipal == "" || e.sourcePrincipal == "unknown"
			do(&Call{From: from, To: to, HTTP: e.protocol == "http" || e.protocol == "grpc"})
		}
	}
}

// known is a name; empty for what Istio writes where there is none.
func known(name string) string {
	if name == "unknown" {
		return ""
	}
	return name
}

func node(s *scanner) (id string, p Peer) {
	service := ""
	s.members(func(field string) {
		switch field {
		case "id":
			id = s.scalar()
		case "namespace":
			p.Namespace = known(s.scalar())
		case "workload":
			p.Workload = known(s.scalar())
		case "app":
			p.App = known(s.scalar())
		case "service":
			service = s.scalar()
		default:
			s.skip()
		}
	})
	if service != "" {
		p.Host = service + "." + p.Namespace + ".svc.cluster.local"
	}
	return id, p
}
