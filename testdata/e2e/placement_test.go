package e2e

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/compiler/placement"
	"github.com/meshc/meshc/compiler/project"
	"github.com/meshc/meshc/lang/source"
)

// TestPlacement compares the namespaces that kustomize gives the objects of random layouts with those in which meshc
// reads them.
func TestPlacement(t *testing.T) {
	kustomize := installKustomize(t)
	compared, several := 0, 0
	for seed := range uint64(80) {
		dir := t.TempDir()
		l := newLayout(t, dir, rand.New(rand.NewPCG(seed, 0)))
		for _, top := range l.tops {
			var out, said bytes.Buffer
			cmd := exec.Command(kustomize, "build", filepath.Join(dir, top))
			cmd.Stdout, cmd.Stderr = &out, &said
			if err := cmd.Run(); err != nil { // such as one object from two ways, in one namespace
				continue
			}
			var want, got []string
			for _, o := range objects(t, out.Bytes()) {
				want = append(want, placedAs(o))
			}
			t.Chdir(dir)
			p, _, err := project.Open(nil)
			require.NoError(t, err)
			var files []placement.Manifests
			for _, name := range append(l.reached(top), top+"/kustomization.yaml") {
				text, err := os.ReadFile(name)
				require.NoError(t, err)
				files = append(files, placement.Manifests{Path: filepath.ToSlash(filepath.Join(dir, name)), File: source.NewFile(name, string(text))})
			}
			applied, found := p.Placement(".").Apply(files)
			if found.HasErrors() { // it reaches the same file in two ways
				several++
				continue
			}
			for _, f := range applied[:len(applied)-1] {
				for _, o := range objects(t, []byte(f.Text)) {
					if o.Kind == "List" {
						continue
					}
					got = append(got, placedAs(o))
				}
			}
			slices.Sort(want)
			slices.Sort(got)
			if !assert.Equal(t, want, got, "seed %d, %s\n%s", seed, top, l) {
				return
			}
			compared++
		}
	}
	assert.Greater(t, compared, 40)
	t.Logf("%d kustomizations compared, %d with objects in several namespaces", compared, several)
}

func placedAs(o object) string { return o.Kind + " " + o.Metadata.Namespace + "/" + o.Metadata.Name }

// layout is kustomizations that use others.
type layout struct {
	files map[string]string
	uses  map[string][]string
	tops  []string
}

func newLayout(t *testing.T, dir string, r *rand.Rand) *layout {
	l := &layout{files: map[string]string{}, uses: map[string][]string{}}
	used := map[string]bool{}
	namespace := func() string { return []string{"shop", "bank", "stock"}[r.IntN(3)] }
	var folders, components []string
	for i := range 2 + r.IntN(5) {
		folder, component := fmt.Sprintf("k%d", i), i > 0 && r.IntN(5) == 0
		k := "kind: Kustomization\n"
		if component {
			k = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n"
		}
		if r.IntN(2) == 0 {
			k += "namespace: " + namespace() + "\n"
		}
		var resources, also []string
		for j := range r.IntN(3) {
			name := fmt.Sprintf("f%d.%s", j, []string{"yaml", "json"}[r.IntN(2)])
			l.files[folder+"/"+name] = manifest(r, fmt.Sprintf("o%d-%d", i, j), namespace, strings.HasSuffix(name, "json"))
			resources = append(resources, name)
			l.uses[folder] = append(l.uses[folder], folder+"/"+name)
		}
		for _, other := range folders {
			if r.IntN(2) == 0 {
				resources = append(resources, "../"+other)
				l.uses[folder], used[other] = append(l.uses[folder], other), true
			}
		}
		for _, other := range components {
			if !component && r.IntN(2) == 0 {
				also = append(also, "../"+other)
				l.uses[folder], used[other] = append(l.uses[folder], other), true
			}
		}
		if len(resources) > 0 {
			k += "resources: [" + strings.Join(resources, ", ") + "]\n"
		}
		if len(also) > 0 {
			k += "components: [" + strings.Join(also, ", ") + "]\n"
		}
		l.files[folder+"/kustomization.yaml"] = k
		if component {
			components = append(components, folder)
		} else {
			folders = append(folders, folder)
		}
	}
	for _, f := range folders {
		if !used[f] {
			l.tops = append(l.tops, f)
		}
	}
	require.NoError(t, os.Mkdir(filepath.Join(dir, ".git"), 0o755))
	for name, text := range l.files {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	return l
}

// manifest is an object, in one of the ways to write it.
func manifest(r *rand.Rand, name string, namespace func() string, json bool) string {
	kind, version := "AuthorizationPolicy", "security.istio.io/v1"
	switch r.IntN(5) {
	case 0:
		kind, version = "ServiceAccount", "v1"
	case 1:
		kind, version = "ClusterRole", "rbac.authorization.k8s.io/v1"
	}
	in := namespace()
	stated := r.IntN(2) == 0 && kind != "ClusterRole"
	switch {
	case json && stated:
		return fmt.Sprintf(`{"apiVersion": %q, "kind": %q, "metadata": {"name": %q, "namespace": %q}}`, version, kind, name, in)
	case json:
		return fmt.Sprintf(`{"apiVersion": %q, "kind": %q, "metadata": {"name": %q}}`, version, kind, name)
	case r.IntN(2) == 0 && stated:
		return fmt.Sprintf("# é\napiVersion: %s\nkind: %s\nmetadata: {name: %s, namespace: %s}\n", version, kind, name, in)
	case r.IntN(2) == 0 && !stated:
		return fmt.Sprintf("apiVersion: %s\nkind: %s\nmetadata: {\"name\": %s}\n---\napiVersion: v1\nkind: ServiceAccount\nmetadata: {labels: {a: b}, name: %[3]s-also}\n", version, kind, name)
	case stated:
		return fmt.Sprintf("apiVersion: %s\nkind: %s\nmetadata:\n  namespace: '%s' # here\n  name: %s\n", version, kind, in, name)
	}
	return fmt.Sprintf("apiVersion: %s\nkind: %s\nmetadata:\n    # its name\n    name: %s\n    labels:\n      a: é\n", version, kind, name)
}

// reached is the files that a kustomization uses.
func (l *layout) reached(folder string) (files []string) {
	for _, u := range l.uses[folder] {
		if _, ok := l.files[u]; ok {
			files = append(files, u)
			continue
		}
		files = append(files, l.reached(u)...)
	}
	slices.Sort(files)
	return slices.Compact(files)
}

func (l *layout) String() string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(l.files)) {
		fmt.Fprintf(&b, "-- %s --\n%s\n", name, l.files[name])
	}
	return b.String()
}
