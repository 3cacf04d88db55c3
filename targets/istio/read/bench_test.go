package read

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/lang/source"
)

// generated is what a compiler writes for a mesh of namespaces with 50 services each, five callers a service.
func generated(namespaces int) (files []*source.File, workloads []enforce.Workload) {
	const services = 50
	add := func(name, text string) { files = append(files, source.NewFile(name, text)) }
	for n := range namespaces {
		ns := fmt.Sprintf("team-%d", n)
		add(ns+"/peer.yaml", fmt.Sprintf(`apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata:
  annotations:
    meshc.dev/source: teams/%[1]s.mesh
  labels:
    app.kubernetes.io/managed-by: meshc
  name: default
  namespace: %[1]s
spec:
  mtls:
    mode: STRICT
`, ns))
		add(ns+"/deny.yaml", fmt.Sprintf(`apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata:
  annotations:
    meshc.dev/source: teams/%[1]s.mesh
  labels:
    app.kubernetes.io/managed-by: meshc
  name: default-deny
  namespace: %[1]s
spec: {}
`, ns))
		for i := range services {
			var b strings.Builder
			fmt.Fprintf(&b, `apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata:
  annotations:
    meshc.dev/because: %[3]s
    meshc.dev/source: teams/%[1]s.mesh
  labels:
    app.kubernetes.io/managed-by: meshc
  name: service-%[2]d-ingress
  namespace: %[1]s
spec:
  rules:
  - from:
    - source:
        principals:
        - cluster.local/ns/%[1]s/sa/service-%[4]d
        - cluster.local/ns/%[1]s/sa/service-%[5]d
        - cluster.local/ns/other/sa/service-%[2]d
  - from:
    - source:
        principals:
        - cluster.local/ns/%[1]s/sa/service-%[6]d
    to:
    - operation:
        methods:
        - GET
        - HEAD
        paths:
        - /api/*
        - /health
        ports:
        - "8080"
    - operation:
        methods:
        - POST
        paths:
        - /api/orders
        ports:
        - "8080"
  selector:
    matchLabels:
      app: service-%[2]d
`, ns, i, "INC-42, a batch window that the owners of the service asked for, and that a\n      reviewer of the platform team has seen", i+1, i+2, i+3)
			add(fmt.Sprintf("%s/service-%d.yaml", ns, i), b.String())
			workloads = append(workloads, enforce.Workload{Namespace: ns, Labels: map[string]string{"app": fmt.Sprintf("service-%d", i)}})
		}
	}
	return files, workloads
}

func BenchmarkRead(b *testing.B) {
	files, _ := generated(200)
	size := 0
	for _, f := range files {
		size += len(f.Text)
	}
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		m, findings := Files(files, enforce.Mesh{})
		require.Empty(b, findings)
		require.Len(b, m.Policies, len(files))
	}
}

func BenchmarkSplit(b *testing.B) {
	files, workloads := generated(200)
	m, _ := Files(files, enforce.Mesh{})
	b.ReportAllocs()
	for b.Loop() {
		for _, w := range workloads {
			split, err := enforce.NewClasses(space.Distinctions{}, m.For(w))
			require.NoError(b, err)
			require.Greater(b, len(split.Operations), 1)
		}
	}
}

func BenchmarkFor(b *testing.B) {
	files, workloads := generated(200)
	m, _ := Files(files, enforce.Mesh{})
	b.ReportAllocs()
	for b.Loop() {
		for _, w := range workloads {
			require.NotEmpty(b, m.For(w).Policies)
		}
	}
}
