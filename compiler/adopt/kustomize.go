package adopt

import (
	"path"
	"slices"

	"github.com/meshc/meshc/compiler/inventory"
	"github.com/meshc/meshc/compiler/yamldoc"
)

// https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/
var (
	kustomizations = []string{"kustomization.yaml", "kustomization.yml"}
	gathering      = []string{"apiVersion", "kind", "metadata", "resources", "bases"} // fields that change nothing in what they name
)

// kustomized returns the folders whose kustomizations no other one uses, sorted, if some kustomization changes the manifests
// that it names, such as their namespace.
func kustomized(files []inventory.Input) (tops []string) {
	used, changes := map[string]bool{}, false
	for _, f := range files {
		dir, name := path.Split(f.File.Name)
		if !slices.Contains(kustomizations, name) {
			continue
		}
		dir = path.Clean(dir)
		tops = append(tops, dir)
		for d := range yamldoc.Split(f.File) {
			if d.Parse() != nil || d.Root == nil {
				continue
			}
			pairs, _ := yamldoc.Pairs(d.Root)
			for _, p := range pairs {
				changes = changes || !slices.Contains(gathering, p.Key.Value)
				if p.Key.Value == "resources" || p.Key.Value == "bases" || p.Key.Value == "components" {
					for _, r := range p.Value.Content {
						used[path.Join(dir, r.Value)] = true
					}
				}
			}
		}
	}
	if !changes {
		return nil
	}
	tops = slices.DeleteFunc(tops, func(dir string) bool { return used[dir] })
	slices.Sort(tops)
	return tops
}
