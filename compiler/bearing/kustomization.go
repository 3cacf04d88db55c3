package bearing

// IsKustomization reports whether a file of a name is a kustomization.
func IsKustomization(name string) bool {
	return name == "kustomization.yaml" || name == "kustomization.yml" || name == "Kustomization"
}
