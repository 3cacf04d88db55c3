package placement

import (
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/meshc/meshc/compiler/yamldoc"
)

// parameters are what a template of an ApplicationSet can name.
type parameters map[string]string

// maxApplications bounds the Applications that a set makes.
const maxApplications = 10_000

// https://argo-cd.readthedocs.io/en/stable/operator-manual/applicationset/Generators/
var placeholder = regexp.MustCompile(`\{\{-?\s*(?:index\s+)?\.?([\w.\[\]]+)(?:\s+(\d+))?\s*-?\}\}`)

// filled is a text with the parameters in place of what names them.
func (ps parameters) filled(text string) string {
	return placeholder.ReplaceAllStringFunc(text, func(found string) string {
		m := placeholder.FindStringSubmatch(found)
		key := m[1]
		if m[2] != "" {
			key += "[" + m[2] + "]"
		}
		if value, ok := ps[key]; ok {
			return value
		}
		return found
	})
}

// generated is the parameters that generators make, those of one after those of the other. Of a kind that depends on a
// cluster or a server nothing is known but that it makes some.
func (p *Placement) generated(repository string, generators *yaml.Node) (all []parameters) {
	if generators == nil {
		return nil
	}
	for _, g := range generators.Content {
		switch {
		case yamldoc.Get(g, "git", "directories") != nil:
			all = append(all, p.directories(repository, yamldoc.Get(g, "git", "directories"))...)
		case yamldoc.Get(g, "list", "elements") != nil:
			for _, e := range yamldoc.Get(g, "list", "elements").Content {
				all = append(all, elements(e))
			}
		case yamldoc.Get(g, "matrix", "generators") != nil:
			product := []parameters{{}}
			for _, one := range yamldoc.Get(g, "matrix", "generators").Content {
				product = joined(product, p.generated(repository, &yaml.Node{Kind: yaml.SequenceNode, Content: []*yaml.Node{one}}))
			}
			all = append(all, product...)
		default:
			all = append(all, parameters{})
		}
	}
	return all[:min(len(all), maxApplications)]
}

// joined is each of some parameters with each of others.
func joined(all, others []parameters) (both []parameters) {
	for _, a := range all {
		for _, b := range others {
			one := maps.Clone(a)
			maps.Copy(one, b)
			if both = append(both, one); len(both) == maxApplications {
				return both
			}
		}
	}
	return both
}

// elements is the parameters of an element of a list.
func elements(e *yaml.Node) parameters {
	ps := parameters{}
	if e = yamldoc.Resolve(e); e.Kind != yaml.MappingNode {
		return ps
	}
	pairs, _ := yamldoc.Pairs(e)
	for _, pair := range pairs {
		if pair.Value.Kind == yaml.ScalarNode {
			ps[pair.Key.Value] = pair.Value.Value
		}
	}
	return ps
}

// directories is the parameters of the folders of a repository that a generator names.
func (p *Placement) directories(repository string, entries *yaml.Node) (all []parameters) {
	var folders []string
	for _, exclude := range []bool{false, true} {
		for _, e := range entries.Content {
			if (yamldoc.Scalar(e, "exclude") == "true") != exclude {
				continue
			}
			found := p.disk.Folders(repository, yamldoc.Scalar(e, "path"))
			if exclude {
				folders = slices.DeleteFunc(folders, func(f string) bool { return slices.Contains(found, f) })
			} else {
				folders = append(folders, found...)
			}
		}
	}
	slices.Sort(folders)
	for _, f := range slices.Compact(folders) {
		ps := parameters{"path": f, "path.path": f, "path.basename": path.Base(f)}
		for i, segment := range strings.Split(f, "/") {
			ps[fmt.Sprintf("path[%d]", i)], ps[fmt.Sprintf("path.segments[%d]", i)] = segment, segment
		}
		all = append(all, ps)
	}
	return all
}
