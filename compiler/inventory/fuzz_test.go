package inventory

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
	"golang.org/x/tools/txtar"
	kyaml "sigs.k8s.io/yaml"

	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/compiler/yamldoc"
	"github.com/meshc/meshc/lang/source"
)

// seeds are the manifests of testdata and of the examples.
func seeds(f *testing.F) {
	archives, err := filepath.Glob("testdata/*.txtar")
	require.NoError(f, err)
	require.NotEmpty(f, archives)
	for _, path := range archives {
		archive, err := txtar.ParseFile(path)
		require.NoError(f, err)
		for _, file := range archive.Files {
			if file.Name != "want" && file.Name != "findings" {
				f.Add(string(file.Data))
			}
		}
	}
	manifests, err := filepath.Glob("../../examples/*/k8s/*.yaml")
	require.NoError(f, err)
	for _, path := range manifests {
		text, err := os.ReadFile(path)
		require.NoError(f, err)
		f.Add(string(text))
	}
}

// Any text is read without a panic, every finding has a message and a place in the file, and the set is sorted and has
// only names that Kubernetes accepts.
func FuzzRead(f *testing.F) {
	seeds(f)
	f.Add("apiVersion: example.com/v1\nkind: Robot\nspec: &a {serviceAccountName: a, b: *a}\n")
	f.Add("apiVersion: networking.istio.io/v1\nkind: DestinationRule\nspec: &a {b: &b [*a], c: *b}\n")
	f.Fuzz(func(t *testing.T, text string) {
		file := source.NewFile("fuzz.yaml", text)
		set, findings := Read([]Input{{File: file, Namespace: "shop"}})
		for _, d := range findings {
			if d.Message == "" || d.Primary.File != file {
				t.Fatalf("a finding without a message or a place: %+v", d)
			}
		}
		for i, w := range set.Workloads {
			if w.Service == "" || w.Account == "" || w.At.IsZero() || !policy.IsLabel(w.Namespace) {
				t.Fatalf("an incomplete workload: %+v", w)
			}
			if i > 0 && set.Workloads[i-1].Namespace > w.Namespace {
				t.Fatalf("not sorted: %s after %s", w.Namespace, set.Workloads[i-1].Namespace)
			}
			for j := range w.Ports {
				if w.Ports[j].Number == 0 || j > 0 && orderPorts(w.Ports[j-1], w.Ports[j]) >= 0 {
					t.Fatalf("ports: %+v", w.Ports)
				}
			}
		}
		for _, a := range set.Accounts {
			if !policy.IsName(a.Name) {
				t.Fatalf("account %q", a.Name)
			}
		}
	})
}

// A document without findings becomes the same JSON as in sigs.k8s.io/yaml, so that meshc reads what kubectl would
// send.
func FuzzJSON(f *testing.F) {
	seeds(f)
	for _, text := range []string{
		"a: y", "a: [no, Off, on, YES, 'yes']", "a: 0o17", "a: 017", "a: 1_000", "a: 2001-01-01", "a: 0b11", "a: 1e3", "a: .5", "a: 12:30:45",
		"a: 0x1F", "a: ~", "a: 1.0", "a: 08", "1: 1", "a: +1", "a: !!str 5", "a: !!binary aGk=", "a: 99999999999999999999", "a: -0", "a: !foo x",
		"a: 1.", "a: 0.1e-3", "a: =", "a: &x {b: c}\nd: {<<: *x, e: f}", "a: |\n  x\n   y\n", "a: >-\n  x\n  y\n", "a: \"\\u00e9\\n\\x01\"", "a:\n", "? a\n: b",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if yamldoc.Text(source.NewFile("fuzz.yaml", text)) != nil {
			return
		}
		in := &file{Input: Input{File: source.NewFile("fuzz.yaml", text)}, reader: &reader{}, budget: expansion}
		for d := range yamldoc.Split(in.File) {
			if d.Parse() != nil || d.Root == nil || d.Root.Kind != yaml.MappingNode {
				continue
			}
			in.doc = d
			w := &jsonWriter{file: in}
			w.value(d.Root, nil)
			theirs, err := kyaml.YAMLToJSON([]byte(d.Text))
			if w.stop || len(in.findings) > 0 || err != nil {
				return
			}
			require.True(t, json.Valid(w.out), "%q", w.out)
			if strings.ContainsAny(d.Text, "!?<") {
				continue
			}
			require.JSONEq(t, string(theirs), string(w.out), "%q", d.Text)
		}
	})
}
