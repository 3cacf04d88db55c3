package migrate

import "slices"

// order groups namespaces such that callers move before what they call with operations: those that call each other move
// together.
func (m *mover) order(moving []string) (groups [][]string) {
	// As if all of them moved at once, each with a waypoint.
	c := m.settings(nil, Sidecars)
	for _, namespace := range moving {
		d := m.at(namespace, Labelled)
		d.Assumed = true
		c.Dataplanes[namespace] = d
	}
	before := map[string][]string{} // the namespaces of callers
	if p, _ := m.of.Check(c, everyCode...); p != nil {
		for _, s := range p.Services() {
			for _, w := range p.Waits(s) {
				if of := w.For.Namespace; of != s.Namespace && !slices.Contains(before[s.Namespace], of) {
					before[s.Namespace] = append(before[s.Namespace], of)
				}
			}
		}
	}
	return components(moving, before)
}

// components is the strongly connected components of a graph, each after those that its nodes are after: the algorithm
// of Tarjan (Depth-First Search and Linear Graph Algorithms, 1972). Nodes come in their order where nothing else orders
// them.
func components(nodes []string, before map[string][]string) (all [][]string) {
	number, low := map[string]int{}, map[string]int{}
	var stack []string
	var visit func(string)
	visit = func(n string) {
		number[n] = len(number) + 1
		low[n] = number[n]
		stack = append(stack, n)
		for _, other := range before[n] {
			if number[other] == 0 {
				visit(other)
				low[n] = min(low[n], low[other])
			} else if slices.Contains(stack, other) {
				low[n] = min(low[n], number[other])
			}
		}
		if low[n] == number[n] {
			i := slices.Index(stack, n)
			component := slices.Clone(stack[i:])
			stack = stack[:i]
			slices.Sort(component)
			all = append(all, component)
		}
	}
	for _, n := range nodes {
		slices.Sort(before[n])
		if number[n] == 0 {
			visit(n)
		}
	}
	return all
}
