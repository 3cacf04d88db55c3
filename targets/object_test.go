package targets

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	yamlv2 "go.yaml.in/yaml/v2"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"
	networking "istio.io/api/networking/v1alpha3"
	security "istio.io/api/security/v1beta1"
	selector "istio.io/api/type/v1beta1"
	"sigs.k8s.io/yaml"
)

type metadata struct {
	Annotations map[string]string `json:"annotations,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"`
	Name        string            `json:"name"`
	Namespace   string            `json:"namespace,omitempty"`
}

// reference writes an object as a Kubernetes client would.
func reference(t *testing.T, o *Object) string {
	t.Helper()
	asMap := func(pairs []Pair) map[string]string {
		m := map[string]string{}
		for _, p := range pairs {
			m[p.Key] = p.Value
		}
		return m
	}
	out, err := yaml.Marshal(struct {
		APIVersion string        `json:"apiVersion"`
		Kind       string        `json:"kind"`
		Metadata   metadata      `json:"metadata"`
		Spec       proto.Message `json:"spec,omitempty"`
	}{o.APIVersion, o.Kind, metadata{asMap(o.Annotations), asMap(o.Labels), o.Name, o.Namespace}, o.Spec})
	require.NoError(t, err)
	return string(out)
}

// throughJSON reports whether a string survives sigs.k8s.io/yaml, which writes JSON and reads that as YAML. YAML
// rejects control characters and reads U+0085 as a line break.
func throughJSON(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool {
		return r >= 0x7F && r <= 0x9F || r == 0xFEFF || r == 0xFFFE || r == 0xFFFF
	})
}

var awkward = []string{
	"", " ", "a", "~", "null", "yes", "on", "y", "Off", "true", "0", "1", "-1", "+1", "0x1F", "0o17", "017", "089", "0b101", "0b-11", "1_000", "1e3",
	"1.", ".5", ".inf", "-.inf", ".nan", "1e999", "12345678901234567890", "99999999999999999999", "190:20:30", "1:2",
	"2026-01-02", "2026-01-02T03:04:05Z", "2026-1-2 3:4:5", "2026-13-01", "2026-", "<<", "=", "-", "- a", "-a", "--- a", "---", "...", "..", "?", "? a", "?a", ":", ":a", "a:", "a: b", "a:b",
	"a #b", "a#b", "#a", "*", "*a", "a*", "&a", "!a", "|", ">", "'", "''", `"`, `a"b'c`, "%", "@", "`", ",", "[", "]", "{", "}", "{*}", "/api/{**}", `\`, `a\b`,
	" a", "a ", "a  b", "\ta", "a\tb", "a\n", "\n", "\n\n", "a\nb", "a\nb\n", "a\n\n", " a\nb", "\na", "a \nb", "a\n b", "a\nb ", "a\n\tb", "a\r\nb", "a\rb",
	"a\u0085b", "a\u2028b", "a\u2028", "\u2028a", "a\n\u2028", "a \u2028b", "a\u2028 b", "a\u2028'b", "a\u00a0b", "\ufeff", "\ufeffab", "a\ufeffb", "é", "日本語", "🙂", "a🙂b", "a\x00b", "\x1b[0m", "\x7f",
	"a\xffb", "\xff\xfe", "INC-42, batch window", "it's \"quoted\": yes", strings.Repeat("a", 200), strings.Repeat("word ", 40) + "end",
	"'" + strings.Repeat("word  ", 40) + "end", strings.Repeat("wörd, ", 40) + "x:", strings.Repeat("\tword ", 30), "\x00" + strings.Repeat(" two  three", 30),
	strings.Repeat("long line ", 20) + "\n" + strings.Repeat("long line ", 20), "a\n" + strings.Repeat("b ", 60) + "c", "\u2028" + strings.Repeat("b ", 60) + "c",
}

// FuzzWriter compares the writer with go.yaml.in/yaml/v2, and with sigs.k8s.io/yaml for strings that survive JSON.
func FuzzWriter(f *testing.F) {
	for _, s := range awkward {
		f.Add(s, "shop")
		f.Add("frontend", s)
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		if steersRunner(a, true) || steersRunner(b, true) {
			t.Skip("written in another style")
		}
		w := NewWriter()
		valid := func(s string) string { return string([]rune(s)) }
		o := &Object{
			APIVersion: "v1", Kind: a, Namespace: "n" + b, Name: b,
			Labels:      []Pair{{"app", a}},
			Annotations: []Pair{{b, a}},
			Spec: &security.AuthorizationPolicy{Rules: []*security.Rule{{From: []*security.Rule_From{{
				Source: &security.Source{Principals: []string{valid(a), valid(b)}},
			}}}}},
		}
		got := string(w.Append(nil, o))
		a, b = valid(a), valid(b)
		want, err := yamlv2.Marshal(map[string]any{
			"apiVersion": "v1", "kind": a,
			"metadata": map[string]any{"annotations": map[string]any{b: a}, "labels": map[string]any{"app": a}, "name": b, "namespace": "n" + b},
			"spec":     map[string]any{"rules": []any{map[string]any{"from": []any{map[string]any{"source": map[string]any{"principals": []any{a, b}}}}}}},
		})
		require.NoError(t, err)
		require.Equal(t, string(want), got)
		if throughJSON(a) && throughJSON(b) && len(b) < 150 { // YAML reads keys of up to 1,024 bytes from JSON
			require.Equal(t, reference(t, o), got)
		}
	})
}

// TestWriterAgrees writes random objects of every kind that meshc emits, with all fields.
func TestWriterAgrees(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	w := NewWriter()
	for i := range 500 {
		specs := []proto.Message{
			&security.AuthorizationPolicy{}, &security.PeerAuthentication{},
			&networking.ServiceEntry{}, &networking.DestinationRule{}, &networking.Sidecar{},
		}
		spec := specs[i%len(specs)]
		fill(r, spec.ProtoReflect(), 5)
		o := &Object{APIVersion: "x/v1", Kind: "K", Name: word(r), Namespace: word(r), Spec: spec,
			Labels: somePairs(r), Annotations: somePairs(r)}
		require.Equal(t, reference(t, o), string(w.Append(nil, o)))
	}
}

// TestKeyOrder compares pairs of keys only, because the order is not transitive: 9 < 10, 10 < 1a and 1a < 9.
func TestKeyOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 4000 {
		o := &Object{APIVersion: "v1", Kind: "K", Name: "n", Labels: []Pair{{keyOf(r), "a"}, {keyOf(r), "b"}}}
		if o.Labels[0].Key != o.Labels[1].Key {
			require.Equal(t, reference(t, o), string(NewWriter().Append(nil, o)))
		}
	}
}

func TestWriterSpellsOut(t *testing.T) {
	w := NewWriter("istio.networking.v1alpha3.OutboundTrafficPolicy.mode")
	got := w.Append(nil, &Object{APIVersion: "networking.istio.io/v1", Kind: "Sidecar", Name: "db", Spec: &networking.Sidecar{
		OutboundTrafficPolicy: &networking.OutboundTrafficPolicy{},
	}})
	require.Equal(t, `apiVersion: networking.istio.io/v1
kind: Sidecar
metadata:
  name: db
spec:
  outboundTrafficPolicy:
    mode: REGISTRY_ONLY
`, string(got))
	var back struct{ Spec networking.Sidecar }
	require.NoError(t, yaml.Unmarshal(got, &back))
	require.Equal(t, networking.OutboundTrafficPolicy_REGISTRY_ONLY, back.Spec.OutboundTrafficPolicy.Mode)
}

// fill sets random fields of a message to random values.
func fill(r *rand.Rand, m protoreflect.Message, depth int) {
	if _, ok := m.Interface().(*durationpb.Duration); ok {
		d := durationpb.Duration{Seconds: r.Int64N(2e9) - 1e9, Nanos: []int32{0, 5e8, 1000, 7}[r.IntN(4)]}
		if d.Seconds < 0 {
			d.Nanos = -d.Nanos
		}
		proto.Merge(m.Interface(), &d)
		return
	}
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		if r.IntN(3) == 0 || f.Message() != nil && depth == 0 {
			continue
		}
		switch {
		case f.IsMap():
			for range r.IntN(4) {
				key := protoreflect.ValueOfString(word(r)).MapKey()
				if f.MapKey().Kind() != protoreflect.StringKind {
					key = protoreflect.ValueOfUint32(uint32(r.IntN(1 << 16))).MapKey()
				}
				value := m.Mutable(f).Map().NewValue()
				if f.MapValue().Message() != nil {
					fill(r, value.Message(), depth-1)
				} else {
					value = scalar(r, f.MapValue())
				}
				m.Mutable(f).Map().Set(key, value)
			}
		case f.IsList():
			for range r.IntN(3) {
				list := m.Mutable(f).List()
				if f.Message() != nil {
					fill(r, list.AppendMutable().Message(), depth-1)
				} else {
					list.Append(scalar(r, f))
				}
			}
		case f.Message() != nil:
			fill(r, m.Mutable(f).Message(), depth-1)
		default:
			m.Set(f, scalar(r, f))
		}
	}
}

func scalar(r *rand.Rand, f protoreflect.FieldDescriptor) protoreflect.Value {
	switch f.Kind() {
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(r.IntN(2) == 0)
	case protoreflect.EnumKind:
		return protoreflect.ValueOfEnum(protoreflect.EnumNumber(r.IntN(f.Enum().Values().Len() + 1)))
	case protoreflect.Int32Kind:
		return protoreflect.ValueOfInt32(r.Int32() - 1<<30)
	case protoreflect.Uint32Kind:
		return protoreflect.ValueOfUint32(r.Uint32())
	case protoreflect.Int64Kind:
		return protoreflect.ValueOfInt64(r.Int64() - 1<<62)
	case protoreflect.Uint64Kind:
		return protoreflect.ValueOfUint64(r.Uint64())
	case protoreflect.DoubleKind:
		return protoreflect.ValueOfFloat64(someFloat(r))
	case protoreflect.FloatKind:
		return protoreflect.ValueOfFloat32(float32(someFloat(r)))
	}
	return protoreflect.ValueOfString(word(r))
}

func someFloat(r *rand.Rand) float64 {
	return []float64{0.1, 1, 99.5, -3, 1e-9, 1e20, 1e21, 1 << 40, math.Copysign(0, -1), r.NormFloat64()}[r.IntN(10)]
}

func word(r *rand.Rand) string {
	for {
		if s := awkward[r.IntN(len(awkward))]; throughJSON(s) && s != "" {
			return s
		}
	}
}

func somePairs(r *rand.Rand) []Pair {
	var pairs []Pair
	for _, k := range []string{"a.b/c", "app", "long/" + strings.Repeat("k", 130), "x-1"} {
		if r.IntN(2) == 0 {
			pairs = append(pairs, Pair{k, word(r)})
		}
	}
	return pairs
}

func keyOf(r *rand.Rand) string {
	key := make([]byte, 1+r.IntN(6))
	for i := range key {
		key[i] = "ab0019-./_Z"[r.IntN(11)]
	}
	return string(key)
}

func BenchmarkWriter(b *testing.B) {
	w := NewWriter()
	o := &Object{
		APIVersion: "security.istio.io/v1", Kind: "AuthorizationPolicy", Namespace: "shop", Name: "backend-ingress",
		Labels:      []Pair{{"app.kubernetes.io/managed-by", "meshc"}},
		Annotations: []Pair{{"argocd.argoproj.io/sync-wave", "2"}, {"meshc.dev/source", "shop.mesh"}},
		Spec: &security.AuthorizationPolicy{
			Selector: &selector.WorkloadSelector{MatchLabels: map[string]string{"app": "backend"}},
			Rules: []*security.Rule{{
				From: []*security.Rule_From{{Source: &security.Source{Principals: []string{
					"cluster.local/ns/shop/sa/admin-sa", "cluster.local/ns/shop/sa/frontend-sa", "cluster.local/ns/shop/sa/reports-sa",
				}}}},
				To: []*security.Rule_To{{Operation: &security.Operation{
					Methods: []string{"GET", "HEAD"}, Paths: []string{"/api/*"}, Ports: []string{"8080"},
				}}},
			}},
		},
	}
	var out []byte
	b.ReportAllocs()
	for b.Loop() {
		out = w.Append(out[:0], o)
	}
}
