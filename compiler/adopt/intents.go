// Package adopt writes the first project for workloads that exist: their names as services, and not an edge.
//
// Nothing that it writes changes who may call whom. What the manifests say stays there: a service has clauses only where
// its name alone would not stand for its pods.
package adopt

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/inventory"
	"github.com/meshc/meshc/lang"
	"github.com/meshc/meshc/lang/print"
)

// File is a file of a project. Its name is relative to the project.
type File struct {
	Name string
	Text []byte
}

// Intents returns a file for each namespace that has workloads, sorted by name. root is the root namespace.
func Intents(set *inventory.Set, root string) ([]File, error) {
	byNamespace := map[string][]*inventory.Workload{}
	for _, w := range set.Workloads {
		byNamespace[w.Namespace] = append(byNamespace[w.Namespace], w)
	}
	var files []File
	for _, namespace := range slices.Sorted(maps.Keys(byNamespace)) {
		workloads := byNamespace[namespace]
		services := servicesOf(workloads)
		lines := []print.Line{{Above: about(namespace, root, services), Stmt: &lang.Mesh{Name: lang.Name{Text: namespace}}}}
		if slices.ContainsFunc(workloads, func(w *inventory.Workload) bool { return w.Unplaced }) {
			lines[0].Above = append(lines[0].Above, "",
				"Manifests here name no namespace, and default is assumed. If it is another, state it in meshc.yaml, as",
				"workloads: [{path: …, namespace: NAME}], and write `mesh NAME` here.")
		}
		if slices.ContainsFunc(workloads, func(w *inventory.Workload) bool { return w.Assumed }) {
			lines[0].Above = append(lines[0].Above, "",
				"The manifest of Namespace "+namespace+" has no label that asks for proxies. If it has one in the cluster, such as",
				"`istio-injection: enabled`, add it to the manifest.")
		}
		lines = append(lines, declared(services)...)
		text, err := print.Lines(lines)
		if err != nil {
			return nil, fmt.Errorf("the services of namespace %s: %w", namespace, err)
		}
		files = append(files, File{namespace + ".mesh", text})
	}
	return files, nil
}

// about returns the comment at the top of the file of a namespace.
func about(namespace, root string, services []*service) []string {
	lines := []string{"The services of namespace " + namespace + ". Their accounts, labels and ports come from the workload manifests."}
	var callers []string
	for _, s := range services {
		if s.stmt != nil && !s.bare {
			callers = append(callers, s.stmt.Name.Written())
		}
	}
	switch {
	case namespace == root:
		return append(lines, "", "What is in the root namespace of Istio binds all namespaces, so no edge may lead to them; they may call others.")
	case !slices.ContainsFunc(services, func(s *service) bool { return !s.bare }):
		return append(lines, "", "None of them has a proxy, so nothing can be closed here.")
	}
	lines = append(lines, "",
		"Nothing is closed yet: as long as no edge leads to a service of this mesh, meshc writes nothing for it. The first edge",
		"closes all of it to every call that no edge allows, also to calls from other namespaces.")
	if len(callers) > 1 {
		lines = append(lines, "An edge is `"+callers[0]+" -> "+callers[1]+"`, if the one calls the other.")
	}
	return lines
}

// declared returns the statements of services: first those that a policy can bind.
func declared(services []*service) []print.Line {
	var proxied, bare, left []print.Line
	for _, s := range services {
		switch {
		case s.stmt == nil:
			left = append(left, print.Line{Gap: true, Above: s.notes})
		case s.bare:
			bare = append(bare, print.Line{Stmt: s.stmt, Comment: strings.Join(s.notes, "; ")})
		default:
			proxied = append(proxied, print.Line{Stmt: s.stmt, Comment: strings.Join(s.notes, "; ")})
		}
	}
	if len(proxied) > 0 {
		proxied[0].Gap = true
	}
	if len(bare) > 0 {
		bare[0].Gap = true
		bare[0].Above = []string{"Without a proxy: no policy binds these, and their calls have no identity."}
	}
	return slices.Concat(proxied, bare, left)
}
