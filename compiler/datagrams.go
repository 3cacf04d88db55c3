package compiler

import (
	"context"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/model"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
	"github.com/meshc/meshc/targets"
)

// proveDatagrams proves what a target lets through of UDP, if it enforces policies for that.
func (b *Build) proveDatagrams(ctx context.Context, target targets.Target, manifests []targets.Manifest) error {
	reader, ok := target.(interface {
		ReadDatagrams([]*source.File, enforce.Mesh) (*enforce.Layer, diag.List)
	})
	if !ok {
		return nil
	}
	layer, _ := reader.ReadDatagrams(Sources(manifests), model.MeshSettings(b.Policy))
	return model.New(model.Datagrams(b.Policy), layer).Prove(ctx)
}
