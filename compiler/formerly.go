package compiler

import (
	"maps"
	"slices"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/config"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/targets"
)

// like returns the policy of a build, as it is where data planes are those for which some files were made, of which a
// layer is read.
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

// relabelled is a policy with the data planes for which manifests were made where the labels of Namespaces say another
// one now, which no lock has. Manifests show which waypoints calls passed; without one, sidecars and ztunnel enforce
// the same.
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
		case !behind && then.services && len(then.waypoints) > 0:
			was = m.With(policy.Ambient, waypointOf(m.Name, then.waypoints[0]))
		case !joining && behind && then.services && len(then.waypoints) > 0:
			was = then.passing(p, m, layer)
		}
		if was == nil {
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
	pods, services bool     // pods let somebody in; calls to Services are decided on
	waypoints      []string // that refuse what is left
}

func waypointOf(namespace, name string) *policy.Waypoint {
	return &policy.Waypoint{Namespace: namespace, Name: name, Account: name}
}

func (m *madeFor) add(o *enforce.Object) {
	m.pods = m.pods || len(o.Targets) == 0 && o.Effect == enforce.Allow && len(o.Clauses) > 0
	for _, t := range o.Targets {
		switch t.Key {
		case enforce.TargetService:
			m.services = true
		case enforce.TargetGateway:
			if !slices.Contains(m.waypoints, t.Value) {
				m.waypoints = append(m.waypoints, t.Value)
			}
		}
	}
}

// passing is a namespace with the waypoints that its manifests were made for, a canary included: pods let in no others.
// It is nil where these are the ones that calls pass now.
func (m *madeFor) passing(p *policy.Policy, is *policy.Mesh, layer *enforce.Layer) *policy.Mesh {
	let := make([][]string, len(is.Services))
	var some []string
	for i, s := range is.Services {
		for _, name := range sorted(slices.Concat(m.waypoints, ownWaypoints(s))) {
			principal := p.Principal(waypointOf(is.Name, name))
			if slices.ContainsFunc(layer.Policies, func(o *enforce.Object) bool { return letsIn(o, s, principal) }) {
				let[i] = append(let[i], name)
			}
		}
		some = sorted(append(some, let[i]...))
	}
	var services []*policy.Service
	for i, s := range is.Services {
		names, has := let[i], ownWaypoints(s)
		if len(names) == 0 { // no edge leads to it
			names = some
		}
		if len(names) == 0 || len(has) == 0 || slices.Equal(names, has) {
			continue
		}
		if services == nil {
			services = slices.Clone(is.Services)
		}
		one := *s
		one.Fronts = frontsWith(s, names, has)
		services[i] = &one
	}
	if services == nil {
		return nil
	}
	was := *is
	was.Services = services
	return &was
}

// ownWaypoints is the waypoints of its own namespace that calls to a service pass, by their names.
func ownWaypoints(s *policy.Service) (names []string) {
	for _, f := range s.Through() {
		if f.Waypoint.Namespace == s.Namespace {
			names = append(names, f.Waypoint.Name)
		}
	}
	return sorted(names)
}

func sorted(names []string) []string {
	slices.Sort(names)
	return slices.Compact(names)
}

// letsIn reports whether a policy of the pods of a service lets in an identity by its name.
func letsIn(o *enforce.Object, s *policy.Service, principal string) bool {
	if o.Role != enforce.Authorizes || o.Effect != enforce.Allow || o.Namespace != s.Namespace || len(o.Targets) > 0 {
		return false
	}
	labels := s.Selector()
	for _, l := range o.Selector {
		if labels[l.Key] != l.Value {
			return false
		}
	}
	return slices.ContainsFunc(o.Clauses, func(c enforce.Clause) bool { return c.Names(principal) })
}

// frontsWith is the fronts of a service with some waypoints of its namespace in place of those that it has.
func frontsWith(s *policy.Service, names, has []string) (all []policy.Front) {
	var missing []string
	for _, name := range names {
		if !slices.Contains(has, name) {
			missing = append(missing, name)
		}
	}
	for _, f := range s.Fronts {
		switch {
		case f.Waypoint == nil || f.Waypoint.Namespace != s.Namespace:
		case f.Canary && slices.ContainsFunc(all, func(other policy.Front) bool {
			return other.Waypoint != nil && other.Waypoint.ID() == f.Waypoint.ID() && other.Host == f.Host && other.Port == f.Port && other.Target == f.Target
		}):
			continue // it has taken the place of the other one
		case !slices.Contains(names, f.Waypoint.Name):
			if f.Canary {
				continue
			}
			f.Waypoint = waypointOf(s.Namespace, slices.Concat(missing, names)[0])
		case len(missing) > 0 && !f.Canary:
			second := f
			second.Waypoint, second.Canary = waypointOf(s.Namespace, missing[0]), true
			all = append(all, f, second)
			continue
		}
		all = append(all, f)
	}
	return all
}

// formerly is for which of the stated data planes manifests were made whose lock names none: either there were none
// then, or the meshc that wrote it did not say. Policies of a namespace in ambient mode are for its waypoint, where it
// has one, and where it has none they ask for nothing of requests. All others are for sidecars.
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
