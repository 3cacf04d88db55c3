// Package adopt writes a first project for existing workloads: their names as services, without any edges.
//
// Nothing that it writes changes who may call whom. What the manifests already state is not repeated: a service has
// clauses only where its name alone would not identify its pods.
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
		section := &lang.Mesh{Name: lang.Name{Text: namespace}}
		lines := []print.Line{{Above: []string{"The services of namespace " + namespace + ". Their accounts, labels and ports come from the workload manifests.", ""}, Stmt: section}}
		switch {
		case namespace == root:
			lines[0].Above = append(lines[0].Above, "A policy in the root namespace of Istio binds the pods of all namespaces that have the labels.")
		case !slices.ContainsFunc(services, func(s *service) bool { return !s.bare }):
			lines[0].Above = append(lines[0].Above, "None of them has a proxy, so nothing can be closed here.")
		default:
			section.Default.Text = "open"
			lines[0].Above = append(lines[0].Above, opened(services)...)
		}
		if slices.ContainsFunc(workloads, func(w *inventory.Workload) bool { return w.Unplaced }) {
			lines[0].Above = append(lines[0].Above, "",
				"Manifests here name no namespace, and default is assumed. If it is another, state it in meshc.yaml, as",
				"workloads: [{path: …, namespace: NAME}], and write `mesh NAME` here.")
		}
		if slices.ContainsFunc(workloads, func(w *inventory.Workload) bool { return w.Assumed }) {
			lines[0].Above = append(lines[0].Above, "",
				"The manifest of Namespace "+namespace+" has no label that asks for proxies. If it has one in the cluster, such as",
				"`istio-injection: enabled` or `istio.io/rev`, add it to the manifest, or state it in meshc.yaml:",
				"`dataplanes: {"+namespace+": sidecar}`.")
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

// opened returns the comment of a namespace in which services can be closed.
func opened(services []*service) []string {
	lines := []string{
		"Nothing is closed yet. An edge closes the service that it leads to, and no other, to every call that no edge allows.",
		"Once every call has an edge, delete `open`: whatever no edge leads to is closed then as well.",
	}
	var names []string
	for _, s := range services {
		if s.stmt != nil && !s.bare {
			names = append(names, s.stmt.Name.Written())
		}
	}
	if len(names) > 1 {
		lines = append(lines, "If "+names[0]+" calls "+names[1]+", write `"+names[0]+" -> "+names[1]+"`.")
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
