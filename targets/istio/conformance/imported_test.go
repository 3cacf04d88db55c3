package conformance

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/compiler"
	"github.com/meshc/meshc/compiler/config"
	"github.com/meshc/meshc/compiler/importer"
	"github.com/meshc/meshc/compiler/inventory"
	"github.com/meshc/meshc/lang/source"
	"github.com/meshc/meshc/targets/istio/conformance/envoy"
	"github.com/meshc/meshc/targets/istio/conformance/ztunnel"
)

// What is imported of hand-written policies builds manifests that let through the same requests, together with what is
// accepted, in the judgement of Istio alone.
func TestImported(t *testing.T) {
	said, accepted := 0, 0
	for seed := range size(t, 150) {
		c := newCluster(seed, seed%2 == 0)
		settings := config.Default()
		settings.TrustDomain, settings.RootNamespace = c.TrustDomain, c.RootNamespace
		result, err := importer.Import(context.Background(), importer.Given{
			Manifests: []*source.File{source.NewFile("policies.yaml", c.yaml)}, Settings: settings, Today: today,
		})
		require.NoError(t, err, "cluster %d\n%s", seed, c.yaml)
		if result.Findings.HasErrors() || result.Count(importer.Refused) > 0 {
			continue
		}
		said += result.Count(importer.Said)
		accepted += result.Count(importer.Accepted)
		project, manifests := rebuilt(t, result.Files)

		before, err := Start([]byte(c.yaml), c.Options)
		require.NoError(t, err, "cluster %d", seed)
		after, err := Start([]byte(manifests), c.Options)
		require.NoError(t, err, "cluster %d\n%s", seed, manifests)
		r := rand.New(rand.NewPCG(seed, 11))
		for _, w := range c.workloads {
			was, err := before.Chains(w)
			require.NoError(t, err)
			is, err := after.Chains(w)
			require.NoError(t, err)
			for range 100 {
				q := c.request(r)
				if before.Decide(w, was, q) != after.Decide(w, is, q) {
					require.Fail(t, "imported policies decide otherwise", "cluster %d: allowed %t, and %t imported\n%s\nto %v\n%s\n%s",
						seed, before.Decide(w, was, q), after.Decide(w, is, q), show(&q), w, c.yaml, project)
				}
			}
		}
	}
	t.Logf("%d objects said, %d accepted", said, accepted)
	assert.Positive(t, said)
	assert.Positive(t, accepted)
}

// dataplanes is how the pods of three namespaces are reached: through a waypoint, in ambient mode without one, and with
// sidecars.
var dataplanes = map[string]string{
	"shop": "istio.io/dataplane-mode: ambient, istio.io/use-waypoint: waypoint", "pay": "istio.io/dataplane-mode: ambient", "shop-2": "istio-injection: enabled",
}

// deployed is the manifests of the workloads of a cluster with these data planes. The ports of Services are those of
// pods, but one.
func (c cluster) deployed() string {
	var b strings.Builder
	for _, namespace := range namespaces {
		fmt.Fprintf(&b, "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: %s, labels: {%s}}\n", namespace, dataplanes[namespace])
	}
	for _, w := range c.workloads {
		if w.Namespace == c.RootNamespace {
			continue
		}
		fmt.Fprintf(&b, `---
apiVersion: apps/v1
kind: Deployment
metadata: {name: %[2]s, namespace: %[1]s}
spec:
  selector: {matchLabels: {app: %[2]s}}
  template:
    metadata: {labels: {app: %[2]s, tier: %[3]s}}
    spec: {serviceAccountName: %[2]s, containers: [{name: c, image: i, ports: [{containerPort: 8080}, {containerPort: 9090}, {containerPort: 5432}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: %[2]s, namespace: %[1]s}
spec: {selector: {app: %[2]s}, ports: [{name: http, port: 80, targetPort: 8080}, {name: http-2, port: 9090}, {name: tcp, port: 5432}]}
`, w.Namespace, w.Labels["app"], w.Labels["tier"])
	}
	return b.String()
}

// fronts is the ports of Services, by the ports of pods that they lead to.
var fronts = map[uint16]uint16{8080: 80, 9090: 9090, 5432: 5432}

// sides is what Istio enforces of one set of manifests for a cluster with these data planes.
type sides struct {
	*Istiod
	ambient *Ambient
	domain  string
}

func (c cluster) start(manifests string) (s sides, err error) {
	s.domain = c.TrustDomain
	if s.Istiod, err = Start([]byte(manifests), c.Options); err != nil {
		return s, err
	}
	s.ambient, err = StartAmbient([]byte(manifests), c.Options, c.workloads)
	return s, err
}

// decides reports whether a request gets to the pods of a workload, and for one that passes a waypoint also whether it
// does so at the addresses of the pods.
func (s sides) decides(w Workload, q *envoy.Request) (ok, direct bool, err error) {
	plane := dataplanes[w.Namespace]
	if !strings.Contains(plane, "ambient") {
		chains, err := s.Chains(w)
		if err != nil {
			return false, false, err
		}
		ok = s.Decide(w, chains, *q)
		return ok, ok, nil
	}
	at := func(peer string, source netip.Addr) bool {
		return s.ambient.Decide(w, ztunnel.Connection{Peer: peer, Source: source, Destination: q.Destination, Port: q.Port})
	}
	direct = at(q.Peer, q.Source)
	front, leads := fronts[q.Port]
	if !leads || q.Peer == "" || strings.Contains(q.Peer, "/ns/shop-2/") || !strings.Contains(plane, "waypoint") {
		return direct, direct, nil
	}
	waypoint, err := s.Waypoint(w.Namespace, "waypoint", w.Namespace, w.Labels["app"])
	if err != nil {
		return false, false, err
	}
	through := *q
	through.Port = front
	return waypoint.Decide(&through).Allowed && at(principal(s.domain, w.Namespace, "waypoint"), netip.MustParseAddr("10.9.9.9")), direct, nil
}

// TestImportedInAmbientMode does the same where namespaces are in ambient mode, with policies of the root namespace, of
// pods and of Services: the same must pass on the whole way, and at the addresses of pods behind a waypoint nothing
// that did not pass at all.
func TestImportedInAmbientMode(t *testing.T) {
	t.Parallel()
	said, accepted, decisions, allowed := 0, 0, 0, 0
	for seed := range size(t, 150) {
		c := newCluster(seed+1<<20, seed%2 == 0, "shop")
		settings := config.Default()
		settings.TrustDomain, settings.RootNamespace = c.TrustDomain, c.RootNamespace
		workloads := c.deployed()
		result, err := importer.Import(context.Background(), importer.Given{
			Manifests: []*source.File{source.NewFile("policies.yaml", c.yaml)}, Workloads: []inventory.Input{{File: source.NewFile("k8s.yaml", workloads)}},
			WorkloadPaths: []string{"k8s.yaml"}, Settings: settings, Today: today,
		})
		require.NoError(t, err, "cluster %d\n%s", seed, c.yaml)
		if result.Findings.HasErrors() || result.Count(importer.Refused) > 0 {
			continue
		}
		said += result.Count(importer.Said)
		accepted += result.Count(importer.Accepted)
		project, manifests := rebuilt(t, append(result.Files, importer.File{Name: "k8s.yaml", Text: workloads}))
		before, err := c.start(c.yaml)
		require.NoError(t, err, "cluster %d", seed)
		after, err := c.start(manifests)
		require.NoError(t, err, "cluster %d\n%s", seed, manifests)
		r := rand.New(rand.NewPCG(seed, 15))
		for _, w := range c.workloads {
			for range 100 {
				q := c.request(r)
				if q.Port == 5432 == (q.Method != "") || q.Peer == principal(c.TrustDomain, "shop", "waypoint") {
					continue
				}
				was, wasDirect, err := before.decides(w, &q)
				require.NoError(t, err)
				is, isDirect, err := after.decides(w, &q)
				require.NoError(t, err)
				if was != is || isDirect && !was && !wasDirect {
					require.Fail(t, "imported policies decide otherwise", "cluster %d: allowed %t (%t at the address), and %t (%t) imported\n%s\nto %v\n%s\n%s\n%s",
						seed, was, wasDirect, is, isDirect, show(&q), w, c.yaml, workloads, project+manifests)
				}
				decisions++
				if is {
					allowed++
				}
			}
		}
	}
	t.Logf("%d objects said, %d accepted, %d decisions compared (%d allowed)", said, accepted, decisions, allowed)
	assert.Positive(t, said)
	assert.Positive(t, accepted)
}

// rebuilt is the text of an imported project, and the manifests that it builds with those that it accepts.
func rebuilt(t *testing.T, all []importer.File) (project, manifests string) {
	t.Helper()
	folder := t.TempDir()
	var files, stream strings.Builder
	intents := false
	for _, f := range all {
		path := filepath.Join(folder, filepath.FromSlash(f.Name))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(f.Text), 0o644))
		intents = intents || strings.HasSuffix(f.Name, ".mesh")
		files.WriteString("-- " + f.Name + " --\n" + f.Text)
		if strings.HasPrefix(f.Name, "accepted/") {
			stream.WriteString("---\n" + f.Text)
		}
	}
	if !intents {
		return files.String(), stream.String()
	}
	p, err := compiler.Open(context.Background(), compiler.Options{Today: today}, folder)
	require.NoError(t, err)
	b, err := p.Build(context.Background())
	require.NoError(t, err)
	require.NoError(t, b.Findings.Err(), files.String())
	for _, m := range b.Manifests {
		if m.Kind != "Gateway" { // of the Gateway API
			stream.WriteString("---\n")
			stream.WriteString(m.YAML)
		}
	}
	return files.String(), stream.String()
}
