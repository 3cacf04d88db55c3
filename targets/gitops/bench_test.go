package gitops_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/meshc/meshc/targets"
	"github.com/meshc/meshc/targets/gitops"
)

// large is an environment of 10,400 manifests in 200 namespaces.
func large() tree {
	t := tree{}
	for ns := range 200 {
		for n := range 52 {
			t[fmt.Sprintf("ns%03d/20-authorizationpolicy-svc%03d-ingress.yaml", ns, n)] = manifest(ns, n, "cluster.local/ns/a/sa/caller")
		}
		t[fmt.Sprintf("ns%03d/kustomization.yaml", ns)] = "resources: []\n"
	}
	return t
}

func manifest(ns, n int, principal string) string {
	return fmt.Sprintf(`apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata:
  name: svc%03d-ingress
  namespace: ns%03d
  annotations:
    meshc.dev/source: teams/ns%03d/shop.mesh
  labels:
    app.kubernetes.io/managed-by: meshc
spec:
  selector:
    matchLabels:
      app: svc%03d
  rules:
  - from:
    - source:
        principals:
        - %s
        - cluster.local/ns/ns%03d/sa/svc%03d
    to:
    - operation:
        ports: ["8080"]
`, n, ns, ns, n, principal, ns, n)
}

const edge = "ns100/20-authorizationpolicy-svc020-ingress.yaml"

func BenchmarkPublish(b *testing.B) {
	base := large()
	versions := [][]targets.File{delivery("prod", base), delivery("prod", base.with(edge, manifest(100, 20, "cluster.local/ns/a/sa/other")))}
	for _, c := range []struct {
		name string
		from func(b *testing.B, repository string) gitops.Options
	}{
		{"path", func(b *testing.B, repository string) gitops.Options { return direct(b, repository) }},
		{"HTTP", func(b *testing.B, repository string) gitops.Options {
			o := direct(b, httpServer(b, repository))
			o.Getenv = environ(b, "GITEA_TOKEN", token, "GITEA_HOST", o.Repository)
			return o
		}},
	} {
		b.Run(c.name+"/first", func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				o := c.from(b, bare(b))
				b.StartTimer()
				publish(b, versions[0], o)
			}
		})
		repository := bare(b)
		o := c.from(b, repository)
		publish(b, versions[0], o)
		run(b, repository, "git", "gc", "-q")
		b.Run(c.name+"/one edge", func(b *testing.B) {
			b.ReportAllocs()
			for n := 1; b.Loop(); n++ {
				o.Now = o.Now.Add(time.Minute)
				publish(b, versions[n%2], o)
			}
		})
		publish(b, versions[0], o)
		b.Run(c.name+"/no change", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				publish(b, versions[0], o)
			}
		})
	}
}

// BenchmarkGit is the same one-edge change with the git command line, from a ready clone.
func BenchmarkGit(b *testing.B) {
	base := large()
	repository := bare(b)
	publish(b, delivery("prod", base), direct(b, repository))
	run(b, repository, "git", "gc", "-q")
	work := b.TempDir()
	run(b, work, "git", "clone", "-q", repository, ".")
	n := 0
	for b.Loop() {
		n++
		write(b, work, "prod/"+edge, manifest(100, 20, fmt.Sprint("cluster.local/ns/a/sa/v", n)))
		run(b, work, "git", "add", "prod/"+edge)
		run(b, work, "git", "commit", "-q", "-m", "next")
		run(b, work, "git", "push", "-q", "origin", "main")
	}
}
