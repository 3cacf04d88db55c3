package compiler

import (
	"context"
	"slices"

	"github.com/meshc/meshc/compiler/analysis/diff"
	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/model"
)

// Opened returns what the manifests let through: what they open in a mesh in which a policy that nothing passes binds
// every pod. The error is that of ctx, or names a service that is too complicated to be judged.
func (d *Deployed) Opened(ctx context.Context) ([]diff.Change, error) {
	is := d.Model.Manifests
	policies := slices.DeleteFunc(slices.Clone(is.Policies), func(o *enforce.Object) bool { return o.Role == enforce.Authorizes })
	policies = append(policies, &enforce.Object{Kind: "AuthorizationPolicy", Namespace: is.Mesh.RootNamespace, Name: "nothing", Role: enforce.Authorizes, Effect: enforce.Allow})
	closed := enforce.NewLayer(is.Mesh, is.Table, policies, is.Destinations)
	closed.Gateways, closed.Dataplanes = is.Gateways, is.Dataplanes
	found, err := diff.Compare(ctx, model.New(d.Model.Policy, closed), d.Model, diff.Options{AllPods: d.Workloads != nil, Requests: true})
	if err != nil {
		return nil, err
	}
	return found.Opened, nil
}
