package yamldoc

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

// expansion is how many values a document may have beyond its size in bytes, by aliases.
const expansion = 100_000

// Expands reports whether the aliases of a parsed document stand for more than can be looked at one by one.
func (d *Document) Expands() bool {
	budget := len(d.Text) + expansion
	return strings.Contains(d.Text, "*") && d.Root != nil && !within(d.Root, &budget)
}

func within(n *yaml.Node, budget *int) bool {
	if *budget--; *budget < 0 {
		return false
	}
	n = Resolve(n)
	for _, c := range n.Content {
		if !within(c, budget) {
			return false
		}
	}
	return true
}
