package main

import (
	"bytes"
	"path"
	"slices"

	"github.com/meshc/meshc/compiler/analysis/diff"
	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/model"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
	"github.com/meshc/meshc/targets"
	"github.com/meshc/meshc/targets/istio/read"
	"github.com/meshc/meshc/targets/textdiff"
)

// difference is how two sides differ.
type difference struct {
	*diff.Diff
	dryRun   bool // Istio only logs what the policies would deny, on both sides
	findings diag.List
	yaml     []byte
	changed  int // files
}

// compare finds out how what passes differs between two sides.
func compare(before, after *side) (*difference, error) {
	d := &difference{}
	mesh := enforce.Mesh{}
	for _, s := range []*side{before, after} {
		if s.policy != nil {
			mesh = model.SettingsOf(s.policy)
		}
	}
	// A policy in a dry run lets everything through. Where there are no others, what it would do is compared.
	mesh.Shadow = false
	var layers [2]*enforce.Layer
	d.dryRun = true
	some := false
	judge := func() {
		d.findings = nil
		for i, s := range []*side{before, after} {
			if s.model != nil && (mesh.Shadow || !s.policy.DryRun) {
				layers[i] = s.model.Manifests
				continue
			}
			var found diag.List
			layers[i], found = read.Files(s.sources(), mesh)
			if s.policy == nil {
				d.findings = append(d.findings, found...)
			}
		}
	}
	judge()
	for _, m := range layers {
		for _, p := range m.Policies {
			if p.Kind == "AuthorizationPolicy" {
				d.dryRun = d.dryRun && p.DryRun
				some = some || p.DryRun
			}
		}
	}
	if d.dryRun = d.dryRun && some; d.dryRun {
		mesh.Shadow = true
		judge()
	}
	var err error
	was, is := models(before, after, layers, mesh)
	if d.Diff, err = diff.Compare(was, is); err != nil {
		return nil, err
	}
	d.yaml, d.changed = yamlDiff(before.files, after.files)
	if a, b := unjudged(before.files, after.files); len(a)+len(b) > 0 {
		d.Objects(diff.ReadObjects(a), diff.ReadObjects(b), before.policy, after.policy)
	}
	return d, nil
}

// models knows the services of both sides by the same names: of manifests without a project those that a project on the
// other side names, else those that either side is about.
func models(before, after *side, layers [2]*enforce.Layer, mesh enforce.Mesh) (was, is *model.Model) {
	policies := [2]*policy.Policy{before.policy, after.policy}
	if before.policy == nil && after.policy == nil {
		both := enforce.Layer{Policies: slices.Concat(layers[0].Policies, layers[1].Policies)}
		policies[0], _ = model.Named(&both, mesh, nil)
		policies[1] = policies[0]
	}
	for i, p := range policies {
		if p == nil {
			var known []*policy.Service
			for _, m := range policies[1-i].Meshes {
				known = append(known, m.Services...)
			}
			policies[i], _ = model.Named(layers[i], mesh, known)
		}
	}
	return model.New(policies[0], layers[0]), model.New(policies[1], layers[1])
}

func (s *side) sources() []*source.File {
	files := make([]*source.File, 0, len(s.files))
	for _, f := range s.files {
		if holdsObjects(f.Path) {
			files = append(files, source.NewFile(f.Path, string(f.Data)))
		}
	}
	return files
}

func holdsObjects(name string) bool {
	return targets.ManifestName(name) && path.Base(name) != targets.KustomizationName
}

// unjudged is the files of both sides that objects of other kinds are compared by: those that differ, and where calls
// out of the mesh may be among that, all that say something of them.
func unjudged(before, after []targets.File) (a, b []*source.File) {
	differ := map[string]bool{}
	outward := false
	says := func(text []byte) bool {
		return bytes.Contains(text, []byte("Sidecar")) || bytes.Contains(text, []byte("ServiceEntry"))
	}
	eachChange(before, after, func(path string, old, now []byte) {
		differ[path] = true
		outward = outward || says(old) || says(now)
	})
	read := func(files []targets.File) (all []*source.File) {
		for _, f := range files {
			if holdsObjects(f.Path) && (differ[f.Path] || outward && says(f.Data)) {
				all = append(all, source.NewFile(f.Path, string(f.Data)))
			}
		}
		return all
	}
	return read(before), read(after)
}

// yamlDiff is the unified diff of all files but the lock, which is digests, and how many of them differ.
func yamlDiff(before, after []targets.File) ([]byte, int) {
	var out []byte
	n := 0
	eachChange(before, after, func(path string, old, now []byte) {
		out = append(out, textdiff.Unified("a/"+path, "b/"+path, old, now)...)
		n++
	})
	return out, n
}

// eachChange visits files that differ, sorted by path; nil for a side that has none.
func eachChange(before, after []targets.File, visit func(path string, old, now []byte)) {
	old := make(map[string][]byte, len(before))
	now := make(map[string][]byte, len(after))
	var paths []string
	for _, f := range before {
		old[f.Path] = f.Data
		paths = append(paths, f.Path)
	}
	for _, f := range after {
		now[f.Path] = f.Data
		if _, both := old[f.Path]; !both {
			paths = append(paths, f.Path)
		}
	}
	slices.Sort(paths)
	for _, p := range paths {
		a, was := old[p]
		b, is := now[p]
		if path.Base(p) == targets.LockName || was && is && string(a) == string(b) {
			continue
		}
		if was && a == nil {
			a = []byte{}
		}
		if is && b == nil {
			b = []byte{}
		}
		visit(p, a, b)
	}
}
