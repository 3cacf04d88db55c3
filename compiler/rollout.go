package compiler

import (
	"cmp"
	"context"

	"github.com/meshc/meshc/compiler/analysis/model"
	"github.com/meshc/meshc/compiler/analysis/rollout"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/targets"
)

// Windows returns what is open or shut only while the files of after are applied over those of before. There is nothing
// to say about policies that are only logged. The error is that of ctx, or names a service.
func Windows(ctx context.Context, before []targets.File, after Side) ([]rollout.Window, error) {
	was, is := rolledOut(before, after)
	if is == nil || len(was.Manifests.Policies) == 0 { // a first delivery only closes
		return nil, nil
	}
	return rollout.Windows(ctx, was, is)
}

func rolledOut(before []targets.File, after Side) (was, is *model.Model) {
	var d Difference
	layers, mesh := d.layers([2]Side{{Files: before}, after})
	if d.DryRun {
		return nil, nil
	}
	policies := [2]*policy.Policy{nil, after.policy()}
	return models(policies, policies, layers, mesh, nil)
}

// Halfway returns a delivery between two, such that nothing is open or shut for a moment while it is applied over the
// first or the second over it. It is nil if there is none that changes all objects of some kinds first.
func Halfway(ctx context.Context, before []targets.File, after Side, environment string) ([]targets.File, error) {
	was, is := rolledOut(before, after)
	if is == nil {
		return nil, nil
	}
	root := cmp.Or(is.Manifests.Mesh.RootNamespace, "istio-system")
	for _, first := range []func(o targets.Named) bool{
		func(o targets.Named) bool { return o.Kind == "peerauthentication" },
		func(o targets.Named) bool { return o.Kind != "peerauthentication" },
		func(o targets.Named) bool { return !o.Denies },
		func(o targets.Named) bool { return o.Denies },
		func(o targets.Named) bool { return o.Folder != root },
		func(o targets.Named) bool { return o.Folder == root },
		func(o targets.Named) bool { return o.Folder != root && o.Kind == "peerauthentication" },
	} {
		files := targets.Between(before, after.Files, environment, first)
		layer, _ := readManifests((&Side{Files: files}).sources(), is.Manifests.Mesh)
		middle := model.New(is.Policy, layer.With(after.accepted()))
		if strays, err := rollout.Strays(middle, was, is); err != nil || strays {
			continue
		}
		one, err := rollout.Windows(ctx, was, middle)
		if err != nil {
			return nil, err
		}
		two, err := rollout.Windows(ctx, middle, is)
		if err != nil {
			return nil, err
		}
		if len(one)+len(two) == 0 {
			return files, nil
		}
	}
	return nil, nil
}
