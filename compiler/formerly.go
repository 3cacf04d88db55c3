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
	if !locked || maps.Equal(written, b.config.WrittenDataplanes(b.parsed.Environment)) {
		return b.Policy
	}
	stated := b.config.DataplanesIn(b.parsed.Environment)
	dataplanes, _ := config.ReadDataplanes(written)
	if written == nil {
		dataplanes = formerly(stated, layer)
	}
	if maps.Equal(dataplanes, stated) {
		return b.Policy
	}
	c := b.config
	c.SetDataplanes(b.parsed.Environment, dataplanes)
	checked, _ := b.parsed.policy(c)
	return checked
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
