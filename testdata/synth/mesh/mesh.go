// Package mesh generates projects of any size for benchmarks and tests.
//
// It knows how intents and workload manifests are written. It uses no part of the compiler, so a mistake in one cannot
// hide a mistake in the other. A project depends only on its Config, is valid, and has no findings, not even warnings.
package mesh

import (
	"bytes"
	"fmt"
	"math/rand/v2"
)

// Config describes a project.
type Config struct {
	Services  int // at least MinServices
	Callers   int // callers of each service within its namespace; 0: 3
	Namespace int // services of a namespace, at most; 0: 50
	Seed      uint64
	Workloads bool // also generate workload manifests, and a meshc.yaml that names them
}

// MinServices is the smallest mesh in which every service has a caller.
const MinServices = 2

// File is one file of a project. Its path is separated by slashes.
type File struct {
	Path string
	Data []byte
}

// service is one generated workload.
type service struct {
	index, namespace int
	kind             kind
}

type kind uint8

const (
	web   kind = iota // HTTP
	rpc               // HTTP and gRPC
	store             // TCP
)

type port struct {
	number   int
	protocol string
}

var ports = [...][]port{
	web:   {{8080, "http"}},
	rpc:   {{8080, "http"}, {9090, "grpc"}},
	store: {{5432, "tcp"}},
}

func (s service) name() string    { return fmt.Sprintf("svc-%05d", s.index) }
func (s service) account() string { return s.name() + "-sa" }

func namespaceName(n int) string { return fmt.Sprintf("team-%04d", n) }

// Generate returns the files of a project, sorted by path. Every service is called by Callers others of its namespace.
// Every tenth is also exported to, and called by, a service of the next namespace. Every fourth namespace denies one
// caller part of what an edge allows it. A Config with fewer than MinServices generates MinServices.
func Generate(c Config) []File {
	c.Services = max(c.Services, MinServices)
	if c.Callers <= 0 {
		c.Callers = 3
	}
	if c.Namespace < MinServices {
		c.Namespace = 50
	}
	g := generator{Config: c, random: rand.New(rand.NewPCG(c.Seed, 1))}
	g.populate()
	return g.files()
}

type generator struct {
	Config
	random     *rand.Rand
	namespaces [][]service
	outgoing   [][]call // calls into other namespaces, by the namespace of the caller
}

// call is an edge into another namespace.
type call struct{ from, to service }

// populate spreads the services evenly. The only service of a namespace would have no callers.
func (g *generator) populate() {
	count := (g.Services + g.Namespace - 1) / g.Namespace
	if g.Services < count*MinServices {
		count = g.Services / MinServices
	}
	g.namespaces = make([][]service, count)
	g.outgoing = make([][]call, count)
	for i := range g.Services {
		n := i * count / g.Services
		k := web
		switch i % 5 {
		case 2:
			k = rpc
		case 4:
			k = store
		}
		g.namespaces[n] = append(g.namespaces[n], service{index: i, namespace: n, kind: k})
	}
	if count == 1 {
		return
	}
	for n, services := range g.namespaces {
		for _, s := range services {
			if s.index%10 == 0 {
				next := (n + 1) % count
				from := g.namespaces[next][g.random.IntN(len(g.namespaces[next]))]
				g.outgoing[next] = append(g.outgoing[next], call{from, s})
			}
		}
	}
}

func (g *generator) files() []File {
	var files []File
	if g.Workloads {
		for n := range g.namespaces {
			files = append(files, File{"k8s/" + namespaceName(n) + ".yaml", g.manifests(n)})
		}
		files = append(files, File{"meshc.yaml", []byte("apiVersion: meshc.dev/v1alpha1\nkind: Project\nworkloads: [\"k8s/*.yaml\"]\n")})
	}
	exports := make([][]call, len(g.namespaces))
	for _, calls := range g.outgoing {
		for _, c := range calls {
			exports[c.to.namespace] = append(exports[c.to.namespace], c)
		}
	}
	for n := range g.namespaces {
		files = append(files, File{namespaceName(n) + ".mesh", g.intents(n, exports[n])})
	}
	return files
}

func (g *generator) intents(n int, exports []call) []byte {
	services := g.namespaces[n]
	var b bytes.Buffer
	fmt.Fprintf(&b, "# %s: generated for benchmarks\nmesh %s strict\n\n", namespaceName(n), namespaceName(n))
	for _, s := range services {
		fmt.Fprintf(&b, "service %s account %s", s.name(), s.account())
		for _, p := range ports[s.kind] {
			fmt.Fprintf(&b, " port %d %s", p.number, p.protocol)
		}
		b.WriteByte('\n')
	}
	b.WriteByte('\n')

	denied := n%4 != 0
	for i, s := range services {
		for j, from := range g.callers(services, i) {
			if !denied && j == 0 && s.kind != store {
				// The edge opens a whole port and the deny takes away part of it. A deny that covers an edge would be a
				// finding.
				denied = true
				fmt.Fprintf(&b, "%s -> %s:8080\n", from.name(), s.name())
				fmt.Fprintf(&b, "deny %s -> %s:8080 DELETE|PUT because \"not for other services\"\n", from.name(), s.name())
				continue
			}
			fmt.Fprintf(&b, "%s -> %s%s\n", from.name(), s.name(), g.operations(s))
		}
	}
	if len(g.outgoing[n])+len(exports) > 0 {
		b.WriteByte('\n')
	}
	for _, c := range g.outgoing[n] {
		fmt.Fprintf(&b, "%s -> %s/%s%s\n", c.from.name(), namespaceName(c.to.namespace), c.to.name(), g.operations(c.to))
	}
	for _, c := range exports {
		fmt.Fprintf(&b, "export %s to %s/%s\n", c.to.name(), namespaceName(c.from.namespace), c.from.name())
	}
	return b.Bytes()
}

// callers returns who calls services[callee], without repeats and never itself. The first is its neighbour, so each
// service also calls another one.
func (g *generator) callers(services []service, callee int) []service {
	size := len(services)
	count := min(g.Callers, size-1)
	offsets := map[int]bool{1: true}
	picked := []service{services[(callee+1)%size]}
	for len(picked) < count {
		o := 1 + g.random.IntN(size-1)
		if !offsets[o] {
			offsets[o] = true
			picked = append(picked, services[(callee+o)%size])
		}
	}
	return picked
}

// operations returns what follows the callee of an edge: nothing, a port, or a port with HTTP operations.
func (g *generator) operations(s service) string {
	choice := g.random.IntN(4)
	switch {
	case choice == 0:
		return ""
	case s.kind == store:
		return ":5432"
	case s.kind == rpc && choice == 1:
		return fmt.Sprintf(":9090 POST /%s.v1.API/*", s.name())
	case choice <= 2:
		return ":8080"
	}
	return ":8080 GET|HEAD /api/v1/*, POST /api/v1/orders"
}

func (g *generator) manifests(n int) []byte {
	namespace := namespaceName(n)
	var b bytes.Buffer
	fmt.Fprintf(&b, `apiVersion: v1
kind: Namespace
metadata:
  name: %s
  labels:
    istio-injection: enabled
`, namespace)
	for _, s := range g.namespaces[n] {
		fmt.Fprintf(&b, `---
apiVersion: v1
kind: ServiceAccount
metadata:
  name: %s
  namespace: %s
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: %[3]s
  namespace: %[2]s
spec:
  selector:
    matchLabels:
      app: %[3]s
  template:
    metadata:
      labels:
        app: %[3]s
    spec:
      serviceAccountName: %[1]s
      containers:
        - name: main
          image: registry.example.com/%[3]s:1
          ports:
`, s.account(), namespace, s.name())
		for _, p := range ports[s.kind] {
			fmt.Fprintf(&b, "            - containerPort: %d\n", p.number)
		}
		fmt.Fprintf(&b, `---
apiVersion: v1
kind: Service
metadata:
  name: %[1]s
  namespace: %[2]s
spec:
  selector:
    app: %[1]s
  ports:
`, s.name(), namespace)
		for _, p := range ports[s.kind] {
			fmt.Fprintf(&b, "    - name: %s\n      port: %d\n", p.protocol, p.number)
		}
	}
	return b.Bytes()
}
