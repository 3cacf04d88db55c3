package project

import (
	"errors"
	"io/fs"
	"path/filepath"

	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// Accepted reads the manifests of the objects that meshc.yaml accepts. A file that is not there is a finding.
func (p *Project) Accepted() (files []*source.File, found diag.List, err error) {
	read := map[string]bool{}
	for i := range p.Config.Accepted {
		a := &p.Config.Accepted[i]
		path := filepath.Join(p.Root, filepath.FromSlash(a.Path))
		if read[path] {
			continue
		}
		read[path] = true
		text, err := p.read(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			found.Add(diag.InvalidSetting, a.PathAt, "there is no file %s, and it is to have the manifest of the %s", a.Path, a.ID()).
				WithHelp("correct the path, or delete the entry if the object is gone")
			continue
		case err != nil:
			return nil, nil, err
		}
		files = append(files, source.NewFile(p.Name(path), string(text)))
	}
	return files, found, nil
}
