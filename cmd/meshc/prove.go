package main

import (
	"errors"

	"github.com/meshc/meshc/compiler/analysis/model"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
	"github.com/meshc/meshc/targets"
	"github.com/meshc/meshc/targets/istio/read"
)

// prove reads the emitted bytes back and wants them to let through what the intents say, and nothing else. The findings
// are those of never, always and only, or that of a service which nobody can prove. A difference is a mistake of
// meshc's own, and an error: nothing may be written then.
func (c *compiled) prove() (diag.List, error) {
	layer, findings := read.Files(emitted(c.manifests), model.SettingsOf(c.policy))
	if findings.HasErrors() {
		return nil, internalError(findings.Err())
	}
	c.model = model.New(c.policy, layer)
	err := c.model.Prove()
	if err == nil {
		c.judged, err = c.model.Judge()
	}
	var unproved *model.TooMany
	switch {
	case errors.As(err, &unproved):
		return diag.List{unproved.Finding()}, nil
	case err != nil:
		return nil, internalError(err)
	}
	return model.Broken(c.judged), nil
}

func emitted(manifests []targets.Manifest) []*source.File {
	files := make([]*source.File, len(manifests))
	for i := range manifests {
		m := &manifests[i]
		files[i] = source.NewFile(m.Namespace+"/"+m.Kind+"/"+m.Name, string(m.YAML))
	}
	return files
}

func internalError(err error) error {
	return &failure{exitIO, errors.New("internal error: " + err.Error() +
		"\nThis is a mistake in meshc, not in your project, and nothing was written. Please report it with this text and the smallest project with which it happens.")}
}
