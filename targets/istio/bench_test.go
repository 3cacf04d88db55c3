package istio

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/source"
	"github.com/meshc/meshc/targets"
)

// synthetic returns a policy of many services with four edges each, a fifth of them with operations. A tenth of the
// services have many callers.
func synthetic(services int) *policy.Policy {
	const perMesh = 50
	r := rand.New(rand.NewPCG(5, 6))
	p := &policy.Policy{TrustDomain: "cluster.local", RootNamespace: "istio-system"}
	var all []*policy.Service
	for i := range services {
		if i%perMesh == 0 {
			name := fmt.Sprintf("team-%03d", i/perMesh)
			file := source.NewFile(name+".mesh", "")
			p.Meshes = append(p.Meshes, &policy.Mesh{Name: name, Mode: policy.Strict, Files: []string{file.Name}, At: file.Span(0, 0)})
		}
		m := p.Meshes[len(p.Meshes)-1]
		s := &policy.Service{
			Namespace: m.Name, Name: fmt.Sprintf("service-%05d", i), Account: fmt.Sprintf("service-%05d-sa", i), At: m.At,
			Ports: []policy.Port{{Number: 8080, Protocol: policy.HTTP}},
		}
		s.Labels = []policy.Label{{Key: "app", Value: s.Name}}
		m.Services = append(m.Services, s)
		all = append(all, s)
	}
	for i := range 4 * services {
		callee := all[i%services]
		if i >= services && i%5 == 0 { // each has a caller of its own
			callee = all[r.IntN(services/10)]
		}
		rule := policy.Rule{From: []policy.Source{{Kind: policy.FromService, Service: all[r.IntN(services)]}}, At: callee.At}
		if i%5 == 1 {
			rule.Ports = []uint16{8080}
			rule.Ops = []policy.Operation{{Methods: []string{"GET", "HEAD"}, Path: "/api/*"}, {Methods: []string{"POST"}, Path: "/api/orders"}}
		}
		callee.Allow = append(callee.Allow, rule)
	}
	return p
}

// BenchmarkEmit10000 makes about 10,400 manifests.
func BenchmarkEmit10000(b *testing.B) {
	p := synthetic(10000)
	manifests, findings := New(Options{}).Emit(p)
	require.Empty(b, findings)
	require.Equal(b, 10400, len(manifests))
	b.ReportAllocs()
	for b.Loop() {
		New(Options{}).Emit(p)
	}
}

func BenchmarkEmit10000Sidecars(b *testing.B) {
	p := synthetic(10000)
	b.ReportAllocs()
	for b.Loop() {
		New(Options{Sidecars: true}).Emit(p)
	}
}

func BenchmarkLayout10000(b *testing.B) {
	manifests, _ := New(Options{}).Emit(synthetic(10000))
	b.ReportAllocs()
	for b.Loop() {
		targets.Layout(manifests, "prod")
	}
}

func BenchmarkStream10000(b *testing.B) {
	manifests, _ := New(Options{}).Emit(synthetic(10000))
	b.ReportAllocs()
	for b.Loop() {
		targets.Stream(manifests)
	}
}
