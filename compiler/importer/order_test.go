package importer_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/config"
	"github.com/meshc/meshc/compiler/importer"
	"github.com/meshc/meshc/compiler/inventory"
	"github.com/meshc/meshc/lang/source"
	"github.com/meshc/meshc/targets/istio/read"
)

var (
	nameOf  = regexp.MustCompile(`(kind: \w+\nmetadata: \{name: )([\w-]+)(, namespace: \w+)`)
	renamed = regexp.MustCompile(`n\d+z`)
)

// written is one manifest of some objects in another way: as other names, and as other text that says the same.
func written(r *rand.Rand, document string, name int, spelt bool) string {
	document = nameOf.ReplaceAllString(document, fmt.Sprintf("${1}n%dz${3}", name))
	if !spelt {
		return document
	}
	if r.IntN(3) == 0 {
		document = strings.Replace(document, "security.istio.io/v1\n", "security.istio.io/v1beta1\n", 1)
	}
	if r.IntN(3) == 0 && strings.Contains(document, "kind: AuthorizationPolicy") && !strings.Contains(document, "action:") {
		document = strings.Replace(document, "spec: {", "spec: {action: ALLOW, ", 1)
	}
	if r.IntN(3) == 0 {
		document = strings.Replace(document, "spec: {", "status: {}\nspec: {", 1)
	}
	if r.IntN(3) == 0 {
		document = "  " + strings.ReplaceAll(strings.TrimSuffix(document, "\n"), "\n", "\n  ") + "\n"
	}
	return document
}

// layout writes documents into files. In a layout of its own their order, the files and the names are random.
func layout(r *rand.Rand, documents []string, random bool) (all []*source.File, names []int) {
	names, order, in := make([]int, len(documents)), make([]int, len(documents)), make([]int, len(documents))
	ids := map[string]int{} // manifests of the same object have the same name
	free := r.Perm(100)
	for k, d := range documents {
		order[k] = k
		id := nameOf.FindString(d)
		if _, known := ids[id]; !known {
			ids[id] = 10 + len(ids)
			if random {
				ids[id] = 200 + free[len(ids)]
			}
		}
		names[k] = ids[id]
		if random {
			in[k] = r.IntN(3)
		}
	}
	if random {
		r.Shuffle(len(order), func(a, b int) { order[a], order[b] = order[b], order[a] })
	}
	texts := make([]string, 3)
	for _, k := range order {
		d := written(r, documents[k], names[k], random)
		if texts[in[k]] += "---\n" + d; random && r.IntN(4) == 0 {
			texts[in[k]] += "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: more, namespace: shop}\n"
		}
	}
	for k, text := range texts {
		if random && k == 2 { // a list, as kubectl prints it
			var items strings.Builder
			for d := range strings.SplitSeq(text, "---\n") {
				if d = strings.TrimRight(d, "\n"); strings.HasPrefix(d, "  ") {
					d = strings.ReplaceAll(d[2:], "\n  ", "\n")
				}
				if d != "" {
					items.WriteString("- " + strings.ReplaceAll(d, "\n", "\n  ") + "\n")
				}
			}
			if text = ""; items.Len() > 0 {
				text = "apiVersion: v1\nkind: List\nitems:\n" + items.String()
			}
		}
		all = append(all, source.NewFile(fmt.Sprintf("%c.yaml", 'a'+k), text))
	}
	if random {
		r.Shuffle(len(all), func(a, b int) {
			all[a], all[b] = all[b], all[a]
		})
	}
	return all, names
}

// told is what an import tells of objects, in words that do not depend on their names.
func told(result *importer.Result, names []int) []string {
	words := func(text string) string {
		var of []string
		text = renamed.ReplaceAllStringFunc(text, func(name string) string {
			of = append(of, name)
			return "NAME"
		})
		for k, name := range of {
			number := 0
			fmt.Sscanf(name, "n%dz", &number)
			of[k] = fmt.Sprint(slices.Index(names, number))
		}
		slices.Sort(of)
		if strings.Contains(text, "have the same scope") { // of several, any two
			of = nil
		}
		return text + " " + strings.Join(of, ",")
	}
	var all []string
	for i := range result.Objects {
		o := &result.Objects[i]
		all = append(all, words(fmt.Sprintf("%s %s: %s", o.Outcome, o.ID(), o.Reason)))
	}
	for _, d := range result.Findings {
		all = append(all, words(fmt.Sprintf("%s %s %s", d.Code, d.Message, d.Help)))
	}
	slices.Sort(all)
	return all
}

// documentsOf is random policies, of which some have other manifests that say the same, or something else.
func documentsOf(r *rand.Rand, text string) (all []string) {
	for d := range strings.SplitSeq(text, "---\n") {
		if d == "" {
			continue
		}
		all = append(all, d)
		if r.IntN(8) == 0 {
			all = append(all, d)
		}
		if r.IntN(25) == 0 {
			head, _, _ := strings.Cut(d, "spec: {")
			all = append(all, head+"spec: {selector: {matchLabels: {app: other}}}\n")
		}
	}
	return all
}

// What becomes of policies does not depend on the order of files and of what is in them, on names, or on how they are
// written.
func TestOrder(t *testing.T) {
	for seed := range *seeds {
		r := rand.New(rand.NewPCG(seed, 11))
		documents := documentsOf(r, randomPolicies(r, false))
		run := func(random bool) (*importer.Result, []string, *enforce.Layer, string) {
			files, names := layout(r, documents, random)
			result, err := importer.Import(context.Background(), importer.Given{Manifests: files, Settings: config.Default()})
			require.NoError(t, err)
			manifests, accepted := built(t, result)
			layer, _ := read.Files(append(filesOf("accepted", accepted...), filesOf("built", manifests)...), enforce.Mesh{})
			var text strings.Builder
			for _, f := range files {
				text.WriteString("-- " + f.Name + " --\n" + f.Text)
			}
			return result, told(result, names), layer, text.String()
		}
		_, want, old, first := run(false)
		for range 2 {
			_, got, now, text := run(true)
			require.Equal(t, want, got, "seed %d\n%s\n%s", seed, first, text)
			alike(t, r, old, now, text)
		}
	}
}

func filesOf(prefix string, texts ...string) (all []*source.File) {
	for _, f := range files(texts...) {
		all = append(all, source.NewFile(prefix+f.Name, f.Text))
	}
	return all
}

// So it is in ambient mode, with the workloads.
func TestOrderInAmbientMode(t *testing.T) {
	for seed := range *seeds {
		r := rand.New(rand.NewPCG(seed, 12))
		documents := documentsOf(r, ambientPolicies(r, false))
		workloads := strings.Split(randomWorkloads(r), "---\n")
		run := func(random bool) ([]string, string) {
			files, names := layout(r, documents, random)
			if random {
				r.Shuffle(len(workloads), func(a, b int) { workloads[a], workloads[b] = workloads[b], workloads[a] })
			}
			k8s := source.NewFile("k8s.yaml", strings.Join(workloads, "---\n"))
			result, err := importer.Import(context.Background(), importer.Given{Manifests: files, Workloads: []inventory.Input{{File: k8s}}, WorkloadPaths: []string{"k8s.yaml"}, Settings: config.Default()})
			require.NoError(t, err)
			var text strings.Builder
			for _, f := range files {
				text.WriteString("-- " + f.Name + " --\n" + f.Text)
			}
			return told(result, names), text.String() + k8s.Text
		}
		want, first := run(false)
		for range 2 {
			got, text := run(true)
			assert.Equal(t, want, got, "seed %d\n%s\n%s", seed, first, text)
		}
	}
}
