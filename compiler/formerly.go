package compiler

import (
	"maps"
	"slices"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/config"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/targets"
)

// like returns the policy of a build, as it is where data planes are those for which some files were made, of which a layer is read.
func (b *Build) like(files []targets.File, layer *enforce.Layer) *policy.Policy {
	written, locked := targets.DataplanesOf(files)
	if !locked {
		return b.Policy
	}
	stated := b.config.DataplanesIn(b.parsed.Environment)
	dataplanes, _ := config.ReadDataplanes(written)
	if written == nil {
		dataplanes = formerly(stated, layer)
	}
	if maps.Equal(written, b.config.WrittenDataplanes(b.parsed.Environment)) || maps.Equal(dataplanes, stated) {
		return relabelled(b.Policy, layer)
	}
	c := b.config
	c.SetDataplanes(b.parsed.Environment, dataplanes)
	checked, _ := b.parsed.policy(c)
	return relabelled(checked, layer)
}

// relabelled is a policy with the data planes for which manifests were made where the labels of Namespaces say another one now, which
// no lock has. Manifests show whether calls passed a waypoint; without one, sidecars and ztunnel enforce the same.
func relabelled(p *policy.Policy, layer *enforce.Layer) *policy.Policy {
	made := map[string]*madeFor{}
	for _, o := range layer.Policies {
		if o.Role != enforce.Authorizes {
			continue
		}
		if made[o.Namespace] == nil {
			made[o.Namespace] = &madeFor{}
		}
		made[o.Namespace].add(o)
	}
	var meshes []*policy.Mesh
	for i, m := range p.Meshes {
		then := made[m.Name]
		if then == nil || m.Moving || m.Name == p.RootNamespace {
			continue
		}
		behind := slices.ContainsFunc(m.Services, func(s *policy.Service) bool { return len(s.Through()) > 0 })
		joining := slices.ContainsFunc(m.Services, func(s *policy.Service) bool { return s.Joining })
		var was *policy.Mesh
		switch {
		case !joining && behind && then.pods && !then.services:
			was = m.With(policy.Sidecar, nil)
		case !behind && then.services && then.waypoint != "":
			was = m.With(policy.Ambient, &policy.Waypoint{Namespace: m.Name, Name: then.waypoint, Account: then.waypoint})
		default:
			continue
		}
		if meshes == nil {
			meshes = slices.Clone(p.Meshes)
		}
		meshes[i] = was
	}
	if meshes == nil {
		return p
	}
	return &policy.Policy{TrustDomain: p.TrustDomain, Previous: p.Previous, Elsewhere: p.Elsewhere, RootNamespace: p.RootNamespace, Environment: p.Environment, DryRun: p.DryRun, Meshless: p.Meshless, Mode: p.Mode, ModeAt: p.ModeAt, ClosedAt: p.ClosedAt, Meshes: meshes, Guards: p.Guards}
}

// madeFor is what the policies of a namespace are about.
type madeFor struct {
	pods, services bool   // pods let somebody in; calls to Services are decided on
	waypoint       string // that refuses what is left
}

func (m *madeFor) add(o *enforce.Object) {
	m.pods = m.pods || len(o.Targets) == 0 && o.Effect == enforce.Allow && len(o.Clauses) > 0
	for _, t := range o.Targets {
		switch t.Key {
		case enforce.TargetService:
			m.services = true
		case enforce.TargetGateway:
			m.waypoint = t.Value
		}
	}
}

// formerly is for which of the stated data planes manifests were made whose lock names none: either there were none then, or the meshc
// that wrote it did not say. Policies of a namespace in ambient mode are for its waypoint, where it has one, and where it has none
// they ask for nothing of requests. All others are for sidecars.
func formerly(stated map[string]config.Dataplane, layer *enforce.Layer) map[string]config.Dataplane {
	then := map[string]config.Dataplane{}
	for namespace, d := range stated {
		some, aimed, requests := false, false, false
		for _, o := range layer.Policies {
			if _, own := stated[o.Namespace]; o.Role != enforce.Authorizes || namespace != o.Namespace && (namespace != "*" || own) {
				continue
			}
			some = true
			aimed = aimed || len(o.Targets) > 0
			requests = requests || len(o.Targets) == 0 && slices.ContainsFunc(o.Clauses, func(c enforce.Clause) bool { return layer.Table.HTTP(c.From) || layer.Table.HTTP(c.To) })
		}
		switch connections := some && !requests; {
		case !d.Ambient && !d.Moving, d.Waypoint != "" && aimed, d.Waypoint == "" && connections:
			then[namespace] = d
		case d.Joining && connections: // before there was a waypoint
			then[namespace] = config.Dataplane{Ambient: true, At: d.At}
		case some:
			then[namespace] = config.Dataplane{At: d.At} // sidecars
		}
	}
	return then
}
