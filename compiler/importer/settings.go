package importer

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/meshc/meshc/compiler/config"
	"github.com/meshc/meshc/compiler/project"
)

// settings is the meshc.yaml of the project.
func (i *importer) settings() File {
	type entry struct {
		Object string `yaml:"object"`
		Path   string `yaml:"path"`
		Reason string `yaml:"reason"`
	}
	file := struct {
		APIVersion    string  `yaml:"apiVersion"`
		Kind          string  `yaml:"kind"`
		TrustDomain   string  `yaml:"trustDomain,omitempty"`
		RootNamespace string  `yaml:"rootNamespace,omitempty"`
		Accepted      []entry `yaml:"accepted,omitempty"`
	}{APIVersion: config.APIVersion, Kind: config.Kind}
	usual := config.Default()
	if i.mesh.TrustDomain != usual.TrustDomain {
		file.TrustDomain = i.mesh.TrustDomain
	}
	if i.mesh.RootNamespace != usual.RootNamespace {
		file.RootNamespace = i.mesh.RootNamespace
	}
	for _, o := range i.objects {
		if o.Outcome == Accepted {
			file.Accepted = append(file.Accepted, entry{o.ID(), o.path(), o.Reason})
		}
	}
	return File{project.ConfigName, encoded(file)}
}

func encoded(v any) string {
	var b strings.Builder
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := e.Encode(v); err != nil {
		panic(err) // nothing in it cannot be written
	}
	return b.String()
}

// path is where the manifest of an object that is accepted is in the project.
func (o *object) path() string { return fmt.Sprintf("accepted/%s.yaml", o.Namespace) }

// acceptedFiles are the manifests of what is accepted, those of a namespace in one file.
func (i *importer) acceptedFiles() (files []File) {
	for _, o := range i.objects { // sorted by namespace
		if o.Outcome != Accepted {
			continue
		}
		if n := len(files); n > 0 && files[n-1].Name == o.path() {
			files[n-1].Text += "---\n" + o.text()
			continue
		}
		files = append(files, File{o.path(), o.text()})
	}
	return files
}
