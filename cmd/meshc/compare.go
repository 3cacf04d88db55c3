package main

import (
	"context"

	"github.com/meshc/meshc/compiler"
	"github.com/meshc/meshc/targets/textdiff"
)

// difference is how two sides differ, with the text diff of their files.
type difference struct {
	*compiler.Difference
	yaml []byte
}

func compare(ctx context.Context, before, after compiler.Side) (*difference, error) {
	found, err := compiler.Diff(ctx, before, after)
	if err != nil {
		return nil, err
	}
	d := &difference{Difference: found}
	for _, f := range d.Files {
		d.yaml = append(d.yaml, textdiff.Unified("a/"+f.Path, "b/"+f.Path, f.Before, f.After)...)
	}
	return d, nil
}
