package inventory

import (
	"fmt"
	"strings"
	"testing"

	"github.com/meshc/meshc/lang/source"
)

// synthetic returns n services as teams write them, each a file with a Deployment, a ServiceAccount and a Service.
func synthetic(n int) []Input {
	inputs := make([]Input, 0, n)
	for i := range n {
		inputs = append(inputs, Input{File: source.NewFile(fmt.Sprintf("k8s/svc-%05d.yaml", i), fmt.Sprintf(`apiVersion: v1
kind: ServiceAccount
metadata:
  name: svc-%[1]d-sa
  namespace: ns-%[2]d
---
apiVersion: v1
kind: Service
metadata:
  name: svc-%[1]d
  namespace: ns-%[2]d
spec:
  selector:
    app: svc-%[1]d
  ports:
    - name: http
      port: 80
      targetPort: http
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: svc-%[1]d
  namespace: ns-%[2]d
  labels:
    app: svc-%[1]d
spec:
  replicas: 2
  selector:
    matchLabels:
      app: svc-%[1]d
  template:
    metadata:
      labels:
        app: svc-%[1]d
        version: v1
    spec:
      serviceAccountName: svc-%[1]d-sa
      containers:
        - name: main
          image: registry.example.com/shop/svc:1.2.3
          ports:
            - name: http
              containerPort: 8080
          readinessProbe:
            httpGet:
              path: /healthz
              port: 8080
          resources:
            requests:
              cpu: 100m
              memory: 64Mi
            limits:
              memory: 128Mi
`, i, i/50))})
	}
	return inputs
}

func BenchmarkRead(b *testing.B) {
	for _, n := range []int{1_000, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				inputs := synthetic(n) // new files, because a file keeps its index of lines
				b.StartTimer()
				set, findings := Read(inputs)
				if len(set.Workloads) != n || len(findings) > 0 {
					b.Fatal(len(set.Workloads), findings)
				}
			}
		})
	}
}

// Objects that do not affect a mesh, which fill many folders, cost next to nothing.
func BenchmarkReadCustomResources(b *testing.B) {
	text := strings.Repeat("---\napiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: x}\nspec:\n"+strings.Repeat("  - {a: b, c: d}\n", 1000), 100)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		Read([]Input{{File: source.NewFile("crds.yaml", text)}})
	}
}
