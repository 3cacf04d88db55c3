package learn

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// domains are the trust domains of identities, by namespace.
type domains map[string]map[string]bool

const (
	maxDomains = 10              // of a namespace
	standard   = "cluster.local" // where meshc.yaml names none
)

// note notes that an identity of a namespace was seen.
func (d domains) note(namespace, domain string) {
	of := d[namespace]
	if of == nil {
		of = map[string]bool{}
		d[strings.Clone(namespace)] = of
	}
	if !of[domain] && len(of) < maxDomains {
		of[strings.Clone(domain)] = true
	}
}

// settings is what meshc.yaml has to state for the identities to be those of the project, none where it need not. The
// trust domain of the mesh is that of the most namespaces that are called. Another one is that of another mesh if
// nothing of its namespaces is called or has a second one; else the mesh had it before, as it had the standard one,
// which no policy can name beside its own.
func (d domains) settings(called map[string]bool) (lines []string) {
	inside, all, shared := map[string]int{}, map[string]int{}, map[string]bool{}
	for namespace, of := range d {
		for domain := range of {
			all[domain]++
			if called[namespace] {
				inside[domain]++
			}
			shared[domain] = shared[domain] || called[namespace] || len(of) > 1
		}
	}
	byCount := slices.SortedFunc(maps.Keys(all), func(a, b string) int {
		return cmp.Or(cmp.Compare(inside[b], inside[a]), cmp.Compare(all[b], all[a]), strings.Compare(a, b))
	})
	if len(byCount) == 0 || len(byCount) == 1 && byCount[0] == standard {
		return nil
	}
	lines = append(lines, "identities are of trust domains that meshc.yaml has to state:")
	if own := byCount[0]; own != standard {
		lines = append(lines, "trustDomain: "+own)
	}
	var previous, meshes []string
	for _, domain := range byCount[1:] {
		if shared[domain] || domain == standard {
			previous = append(previous, domain)
			continue
		}
		for _, namespace := range slices.Sorted(maps.Keys(d)) {
			if d[namespace][domain] {
				meshes = append(meshes, fmt.Sprintf("%q: %s", namespace, domain))
			}
		}
	}
	var of []string
	if len(previous) > 0 {
		of = append(of, "previous: ["+strings.Join(previous, ", ")+"]")
	}
	if len(meshes) > 0 {
		of = append(of, "meshes: {"+strings.Join(meshes, ", ")+"}")
	}
	if len(of) > 0 {
		lines = append(lines, "trustDomains: {"+strings.Join(of, ", ")+"}")
	}
	return lines
}
