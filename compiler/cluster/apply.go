package cluster

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/meshc/meshc/targets"
)

// identity is what tells an object from all others of a cluster.
type identity struct{ group, kind, namespace, name string }

func (o *Object) identity() identity {
	return identity{o.resource.group, o.resource.kind, o.namespace, o.name}
}

// Apply returns the manifests of a cluster as they are, and as they would be once those of a project are applied: an
// object has the content that the project gives it, and keeps the labels and annotations of others. An object that
// meshc made in a namespace of the project and that the project no longer gives is gone. Everything else stays.
//
// Files have the paths of a delivery, sorted; names is how the cluster calls those that it has.
func (s *Snapshot) Apply(made []targets.Manifest) (before, after []targets.File, names map[string]string, err error) {
	given := map[identity]*targets.Manifest{}
	managed := map[string]bool{}
	for i := range made {
		m := &made[i]
		group, _, ok := strings.Cut(m.APIVersion, "/")
		if !ok {
			group = ""
		}
		given[identity{group, m.Kind, m.Namespace, m.Name}] = m
		managed[m.Namespace] = true
	}
	names = map[string]string{}
	add := func(m *targets.Manifest, o *Object) string {
		path := m.Path()
		if names[path] != "" { // of a kind that is called alike
			path = fmt.Sprintf("%s.%s.yaml", path, o.resource.group)
		}
		names[path] = o.File.Name
		return path
	}
	for _, o := range s.Objects {
		if !o.resource.policies {
			continue
		}
		var had map[string]any
		if err := yaml.Unmarshal([]byte(o.File.Text), &had); err != nil {
			return nil, nil, nil, fmt.Errorf("%s: %w", o.File.Name, err)
		}
		delete(metadata(had), "creationTimestamp")
		id := o.identity()
		m := given[id]
		if m == nil {
			m = &targets.Manifest{Namespace: id.namespace, Kind: id.kind, Name: id.name}
		}
		path := add(m, o)
		was, err := yaml.Marshal(had)
		if err != nil {
			return nil, nil, nil, err
		}
		before = append(before, targets.File{Path: path, Data: was})
		switch {
		case m.YAML != "":
			is, err := applied(had, []byte(m.YAML))
			if err != nil {
				return nil, nil, nil, err
			}
			after = append(after, targets.File{Path: path, Data: is})
			delete(given, id)
		case !o.ours || !managed[id.namespace]:
			after = append(after, targets.File{Path: path, Data: was})
		}
	}
	for _, m := range given { // which the cluster does not have
		after = append(after, targets.File{Path: m.Path(), Data: []byte(m.YAML)})
	}
	for _, f := range s.missing() {
		file := targets.File{Path: fmt.Sprintf("unread/%d.yaml", len(names)), Data: []byte(f.Text)}
		names[file.Path] = f.Name
		before, after = append(before, file), append(after, file)
	}
	for _, side := range [][]targets.File{before, after} {
		slices.SortFunc(side, func(a, b targets.File) int { return cmp.Compare(a.Path, b.Path) })
	}
	return before, after, names, nil
}

// applied is what an object is after a manifest is applied to it.
func applied(had map[string]any, manifest []byte) ([]byte, error) {
	var is map[string]any
	if err := yaml.Unmarshal(manifest, &is); err != nil {
		return nil, err
	}
	was, meta := metadata(had), metadata(is)
	for _, of := range []string{"labels", "annotations"} {
		all := map[string]any{}
		for _, pairs := range []any{was[of], meta[of]} {
			if pairs, ok := pairs.(map[string]any); ok {
				maps.Copy(all, pairs)
			}
		}
		if len(all) > 0 {
			meta[of] = all
		}
	}
	for key, value := range was {
		if meta[key] == nil {
			meta[key] = value
		}
	}
	for key, value := range had {
		if is[key] == nil {
			is[key] = value
		}
	}
	return yaml.Marshal(is)
}

func metadata(object map[string]any) map[string]any {
	m, _ := object["metadata"].(map[string]any)
	return m
}
