package read

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/compiler/yamldoc"
	"github.com/meshc/meshc/compiler/yamldoc/plainyaml"
	"github.com/meshc/meshc/lang/source"
)

// show writes a tree with the spans of its scalars and keys.
func (t *tree) show(i int32) string {
	n := t.Nodes[i]
	var b strings.Builder
	if n.KeyEnd > 0 {
		fmt.Fprintf(&b, "%q@%d-%d ", n.Key, n.KeyStart, n.KeyEnd)
	}
	switch n.Kind {
	case plainyaml.Mapping, plainyaml.Sequence:
		fmt.Fprintf(&b, "%d@%d(", n.Kind, n.Start)
		for c := n.First; c != 0; c = t.Nodes[c].Next {
			b.WriteString(t.show(c) + " ")
		}
		b.WriteString(")")
	case plainyaml.Null:
		b.WriteString("null")
	default:
		fmt.Fprintf(&b, "%d%q@%d", n.Kind, n.Text, n.Start)
	}
	return b.String()
}

// plainValue returns a tree in the types of encoding/json, with numbers and booleans reduced to their kind.
func (t *tree) plainValue(i int32) any {
	n := t.Nodes[i]
	switch n.Kind {
	case plainyaml.Mapping:
		m := map[string]any{}
		for c := n.First; c != 0; c = t.Nodes[c].Next {
			m[t.Nodes[c].Key] = t.plainValue(c)
		}
		return m
	case plainyaml.Sequence:
		l := []any{}
		for c := n.First; c != 0; c = t.Nodes[c].Next {
			l = append(l, t.plainValue(c))
		}
		return l
	case plainyaml.Text:
		return n.Text
	case plainyaml.Number:
		return 0.0
	case plainyaml.Boolean:
		return true
	}
	return nil
}

func withoutValues(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k := range v {
			v[k] = withoutValues(v[k])
		}
	case []any:
		for i := range v {
			v[i] = withoutValues(v[i])
		}
	case float64:
		return 0.0
	case bool:
		return true
	}
	return v
}

var documents = []string{
	"a: b\n", "---\na: b\n", "a:\n  b: c\n  d:\n  - e\n  - f: g\n    h: i\n", "a:\n- b\n- c\nd: {}\ne: []\n", "- a\n- b: c\n",
	"a: 'it''s'\nb: \"q\"\nc: \"\"\n", "a: 1\nb: yes\nc: ~\nd: 1e3\ne: 0x1F\nf: 2026-01-02\ng: 1_000\nh: -1\ni: .5\nj: 08\n",
	"a:\nb:\n", "# c\na: b\n\n# d\n  # e\nb: c\n", "a: long text\n  that goes on\n  and on\nb: c\n", "a: b # c\n", "a: |\n  b\n", "a: [b, c]\n", "a: &x b\nc: *x\n",
	"a: b: c\n", "a: b\n  c: d\n", "a: b\na: c\n", "a:\n   b: c\n  d: e\n", "- - a\n", "-\n  a: b\n", "a:   b\n", "a: b \n", "a:\tb\n", "\ta: b\n", "a: \"x\\ty\"\n", "? a\n: b\n",
	"8080: x\n010: y\n", "yes: x\n", "a: -\n", "a: - b\n", "a: 'b' c\n", "a: {b}\n", "a: b#c\n", "a: b:c\n", "a:b\n", "a: é\n", "a: <<\n", "<<: {a: b}\n", "a: =\n", "a: b\r\nc: d\r\n",
	"- a\n  b\n- c\n", "a:\n- b\n  c\n", "a:\n  - b\n c: d\n", "a\n", "a: !!str 1\n", "a: ''\n", "a: \"b\n  c\"\n", "a: $x(y)~\n", "a: +\n", "-1: x\n", "- -1\n- -a\n",
	"--- a\n", "a: b\n...\n", "a: ---\n", "a:\n  ---\n", "a: .inf\nb: 0b1\nc: -0b1\nd: 1__0\n", "",
}

// FuzzReaders compares the two readers, and both with the library that kubectl uses.
func FuzzReaders(f *testing.F) {
	for _, d := range documents {
		f.Add(d)
	}
	f.Fuzz(func(t *testing.T, text string) {
		file := source.NewFile("policies.yaml", text)
		var whole tree
		one := whole.whole(file)
		if yamldoc.Text(file) != nil {
			require.False(t, one, "%q", text)
			return
		}
		if all := slices.Collect(yamldoc.Split(file)); one && len(whole.Nodes) > 1 {
			require.Len(t, all, 1, "%q", text)
			require.Equal(t, text, all[0].Text)
		} else if one {
			require.Empty(t, all, "%q", text)
		}
		for d := range yamldoc.Split(file) {
			var quick, full tree
			quick.reset(file)
			answered := quick.Read(d.Text, d.Offset())
			fault := full.readSlow(d)
			if answered {
				require.Nil(t, fault, "%q", d.Text)
				require.Equal(t, len(full.Nodes), len(quick.Nodes), "%q", d.Text)
				if len(full.Nodes) > 1 {
					require.Equal(t, full.show(1), quick.show(1), "%q", d.Text)
				}
			}
			if fault != nil || len(full.Nodes) < 2 {
				continue
			}
			bytes, err := yaml.YAMLToJSONStrict([]byte(d.Text))
			if err != nil {
				// kubectl refuses infinity, which JSON lacks; the fast reader must leave everything else that kubectl
				// refuses.
				require.False(t, answered && !strings.Contains(err.Error(), "unsupported value"), "%q: %v", d.Text, err)
				continue
			}
			var want any
			require.NoError(t, json.Unmarshal(bytes, &want))
			if answered {
				require.Equal(t, withoutValues(want), quick.plainValue(1), "%q", d.Text)
			}
		}
	})
}

// The fast reader reads what a compiler writes, without the library.
func TestFastReaderReadsWhatIsGenerated(t *testing.T) {
	files, _ := generated(1)
	for _, f := range files {
		var quick tree
		quick.reset(f)
		assert.True(t, quick.Read(f.Text, 0), f.Text)
	}
}

func FuzzRead(f *testing.F) {
	for seed := range uint64(20) {
		f.Add(randomText(seed))
	}
	f.Fuzz(func(t *testing.T, text string) {
		file := source.NewFile("policies.yaml", text)
		m, findings := Files([]*source.File{file}, enforce.Mesh{})
		for _, d := range findings {
			require.NotEmpty(t, d.Message)
			require.False(t, d.Primary.IsZero(), d.Message)
		}
		for _, p := range m.Policies {
			c := m.For(enforce.Workload{Namespace: p.Namespace, Labels: labelsOf(p)})
			require.True(t, slices.Contains(c.Policies, p) || slices.Contains(c.Peers, p) || slices.Contains(c.Shadowed, p) ||
				p.Gateways || p.Role == enforce.SetsModes && p.Namespace == "istio-system", "%s is not found", p.ID())
			_ = c.Decide(space.Standard.Request(true, space.Facts{space.Port: "80", space.Method: "GET", space.Path: "/"})).String()
		}
	})
}

func labelsOf(p *enforce.Object) map[string]string {
	m := map[string]string{}
	for _, l := range p.Selector {
		m[l.Key] = l.Value
	}
	return m
}

// The order of files and of documents has no effect.
func TestOrderDoesNotMatter(t *testing.T) {
	for seed := range uint64(50) {
		text := randomText(seed)
		var parts []*source.File
		for i, part := range strings.Split(text, "---\n") {
			parts = append(parts, source.NewFile(fmt.Sprintf("%d.yaml", i), part))
		}
		first, findings := Files(parts, enforce.Mesh{})
		slices.Reverse(parts)
		second, again := Files(parts, enforce.Mesh{})
		require.Equal(t, findings, again)
		require.Equal(t, first.Policies, second.Policies)
	}
}
