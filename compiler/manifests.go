package compiler

import (
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/config"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
	cilium "github.com/meshc/meshc/targets/cilium/read"
	istio "github.com/meshc/meshc/targets/istio/read"
)

// readManifests reads what enforces policies in a mesh, or without one.
func readManifests(files []*source.File, mesh enforce.Mesh) (*enforce.Layer, diag.List) {
	if mesh.Meshless {
		return cilium.Files(files, mesh)
	}
	return istio.Files(files, mesh)
}

// otherObjects reads the objects that decide no request.
func otherObjects(files []*source.File, mesh enforce.Mesh) []enforce.Other {
	all := istio.Others(files)
	if mesh.Meshless {
		all = slices.DeleteFunc(all, func(o enforce.Other) bool { return cilium.Judges(o.Kind) })
	}
	return all
}

// meshless reports whether manifests are for a cluster without a mesh: by the targets of the settings around them or,
// where these name none, because they have policies of Cilium and none of Istio.
func meshless(settings *config.Project, files []*source.File) (some bool) {
	if settings != nil && len(settings.Targets) > 0 {
		return Meshless(*settings)
	}
	for _, f := range files {
		if strings.Contains(f.Text, "security.istio.io/") {
			return false
		}
		some = some || strings.Contains(f.Text, "cilium.io/v2")
	}
	return some
}
