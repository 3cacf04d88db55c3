package adopt_test

import (
	"context"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/tools/txtar"

	"github.com/meshc/meshc/compiler"
	"github.com/meshc/meshc/compiler/adopt"
	"github.com/meshc/meshc/compiler/config"
	"github.com/meshc/meshc/compiler/inventory"
	"github.com/meshc/meshc/compiler/placement"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// A project that is made of manifests has no errors, whatever the manifests are, and nothing is emitted for it.
func TestManifestsOfThisRepository(t *testing.T) {
	sets := map[string][]inventory.Input{}
	for _, root := range []string{"../../examples", "../inventory/testdata", "../check/testdata", "../../cmd/meshc"} {
		require.NoError(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			switch filepath.Ext(path) {
			case ".yaml":
				folder := filepath.Dir(path)
				sets[folder] = append(sets[folder], input(filepath.Base(path), string(text)))
			case ".txtar":
				for _, f := range txtar.Parse(text).Files {
					if strings.HasSuffix(f.Name, ".yaml") {
						sets[path] = append(sets[path], input(f.Name, string(f.Data)))
						sets[path+"/"+f.Name] = []inventory.Input{input(f.Name, string(f.Data))}
					}
				}
			}
			return nil
		}))
	}
	require.Greater(t, len(sets), 50)
	for name, files := range sets {
		t.Run(name, func(t *testing.T) { adopts(t, files) })
	}
}

func TestRandomManifests(t *testing.T) {
	for seed := range uint64(100) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 1))
			adopts(t, []inventory.Input{input("k8s/a.yaml", manifests(r)), input("k8s/b.yaml", manifests(r))})
		})
	}
}

func adopts(t *testing.T, files []inventory.Input) {
	t.Helper()
	chosen := adopt.Choose("/", files, nil, placement.Read(nil, nil))
	made, err := adopt.Intents(chosen.Set, "istio-system")
	require.NoError(t, err)
	in := compiler.Inputs{Today: time.Date(2027, 3, 15, 0, 0, 0, 0, time.UTC)}
	for _, f := range made {
		in.Files = append(in.Files, compiler.Input{Name: f.Name, Text: f.Text})
	}
	for _, f := range files {
		for _, path := range chosen.Paths {
			if f.File.Name == path.Name || strings.HasPrefix(f.File.Name, path.Name+"/") {
				f.Namespace = path.Namespace
				in.Workloads = append(in.Workloads, f)
			}
		}
	}
	settings := adopt.Settings(chosen.Paths)
	var wrong diag.List
	in.Config, wrong = config.Parse(source.NewFile("meshc.yaml", string(settings)))
	require.Empty(t, wrong)
	for _, in.Environment = range []string{"", adopt.Environment} {
		parsed, err := compiler.Parse(context.Background(), in)
		require.NoError(t, err)
		b, err := parsed.Build(context.Background(), in.Config)
		require.NoError(t, err)
		for _, d := range b.Findings {
			if d.Severity == diag.Error {
				t.Errorf("%v\n%s", d.Error(), d.Primary.Text())
			}
		}
		if len(b.Manifests) > 0 {
			t.Errorf("%d objects are emitted", len(b.Manifests))
		}
	}
	if t.Failed() {
		for _, f := range in.Files {
			t.Logf("%s\n%s", f.Name, f.Text)
		}
		for _, f := range in.Workloads {
			t.Logf("%s\n%s", f.File.Name, f.File.Text)
		}
	}
}

func input(name, text string) inventory.Input {
	return inventory.Input{File: source.NewFile(name, text)}
}

// manifests returns objects whose names, labels, accounts and kinds clash in all ways.
func manifests(r *rand.Rand) string {
	pick := func(from ...string) string { return from[r.IntN(len(from))] }
	namespace := func() string { return pick("shop", "shop", "pay", "kube-system", "istio-system", "default") }
	var b strings.Builder
	for _, ns := range []string{"shop", "pay"} {
		if r.IntN(2) == 0 {
			fmt.Fprintf(&b, "apiVersion: v1\nkind: Namespace\nmetadata: {name: %s, labels: {%s}}\n---\n", ns,
				pick("", "istio-injection: enabled", "istio-injection: disabled", "istio.io/dataplane-mode: ambient"))
		}
	}
	for range r.IntN(4) {
		fmt.Fprintf(&b, "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: %s, namespace: %s}\n---\n", pick("a", "b", "api.v2"), namespace())
	}
	for range 2 + r.IntN(10) {
		var labels []string
		for _, l := range []string{"app", "app.kubernetes.io/name", "component", "pod-template-hash", "istio"} {
			if r.IntN(2) == 0 {
				labels = append(labels, l+": "+pick("web", "api", "any", "world", "mesh", "My_App", "web.v2", "\"1\"", "ingressgateway", strings.Repeat("x", 63)))
			}
		}
		in := ""
		if r.IntN(8) > 0 {
			in = ", namespace: " + namespace()
		}
		meta := fmt.Sprintf("{name: %s%s}", pick("web", "api", "web.v2", "deny", "service", "any", strings.Repeat("y", 70)), in)
		pod := fmt.Sprintf("metadata: {labels: {%s}, annotations: {%s}}\n%%sspec:\n%%s  serviceAccountName: %s\n%%s  hostNetwork: %s\n%%s  containers: [{name: c, ports: [{containerPort: %s}]}, {name: d, ports: [{name: m, containerPort: 9090}]}]\n",
			strings.Join(labels, ", "), pick("", "", `sidecar.istio.io/inject: "false"`, `inject.istio.io/templates: gateway`, `prometheus.io/scrape: "true"`),
			pick("a", "b", "default", "api.v2"), pick("false", "false", "true"), pick("8080", "5432"))
		at := func(indent string) string { return strings.ReplaceAll(pod, "%s", indent) }
		switch kind := pick("Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob", "Rollout", "Pod"); kind {
		case "Pod":
			fmt.Fprintf(&b, "apiVersion: v1\nkind: Pod\nmetadata: {name: p%d%s, labels: {%s}}\n%s---\n", r.IntN(100), in, strings.Join(labels, ", "), strings.SplitN(at(""), "\n", 2)[1])
		case "CronJob":
			fmt.Fprintf(&b, "apiVersion: batch/v1\nkind: CronJob\nmetadata: %s\nspec:\n  jobTemplate:\n    spec:\n      template:\n        %s---\n", meta, at("        "))
		default:
			version := map[string]string{"Job": "batch/v1", "Rollout": "argoproj.io/v1alpha1"}[kind]
			if version == "" {
				version = "apps/v1"
			}
			fmt.Fprintf(&b, "apiVersion: %s\nkind: %s\nmetadata: %s\nspec:\n  template:\n    %s---\n", version, kind, meta, at("    "))
		}
	}
	return b.String()
}
