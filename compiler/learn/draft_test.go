package learn_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/compiler"
	"github.com/meshc/meshc/compiler/analysis/explain"
	"github.com/meshc/meshc/compiler/denied"
	"github.com/meshc/meshc/compiler/directory"
	"github.com/meshc/meshc/compiler/learn"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/compiler/traffic"
	"github.com/meshc/meshc/lang/print"
)

// Whatever was seen, the draft of it passes the check and builds, and lets in every call that it does not say to leave
// out.
func TestDraftsHold(t *testing.T) {
	seeds := 150
	if testing.Short() {
		seeds = 30
	}
	asked, leaving := 0, 0
	for seed := range seeds {
		s := newSightings(uint64(seed))
		pods := directory.New(s.objects())
		operations := seed%2 == 0
		g := learn.New(pods, operations)
		log := s.log()
		var calls []traffic.Call
		for _, text := range log {
			var seen traffic.Seen
			require.NoError(t, seen.Read(strings.NewReader(text), func(c *traffic.Call) {
				g.Add(c)
				calls = append(calls, *c)
			}))
			require.Zero(t, seen.Unknown, "%s", seen.First)
		}
		text, err := print.Lines(g.Lines())
		require.NoError(t, err)
		b := built(t, string(text))
		shown := fmt.Sprintf("seed %d\n%s\n%s", seed, text, strings.Join(log, "\n"))
		if !assert.False(t, b.Findings.HasErrors(), "%v\n%s", b.Findings.Err(), shown) {
			continue
		}
		for i := range calls {
			q := question(t, b, pods, &calls[i], operations)
			if q == nil || len(q.To.Allow) == 0 && strings.Contains(string(text), "# left out because others have the label app") {
				continue
			}
			why, err := b.Asking(nil).Judge(*q)
			require.NoError(t, err)
			assert.True(t, why.Allows() || q.Port == 0 && why.Verdict == explain.Partly, "%s %v %+v\n%s", q, why.Verdict, calls[i], shown)
			asked++
		}
		leaving += leave(t, b, pods, calls, shown)
	}
	assert.Greater(t, asked, 4*seeds)
	assert.Greater(t, leaving, seeds)
}

// leave replays calls, and expects each that is to a port of an external of the draft to be one that an edge leads to.
// It returns how many are.
func leave(t *testing.T, b *compiler.Build, pods *directory.Directory, calls []traffic.Call, shown string) (n int) {
	kinds := denied.Replay(b.Asking(pods))
	for i := range calls {
		kinds.Add(&calls[i])
	}
	for _, k := range kinds.All() {
		a, err := kinds.Answer(k)
		require.NoError(t, err)
		if k.Query == nil || k.Query.External == nil || k.AnyCaller {
			continue
		}
		if assert.NotNil(t, a.Why, "%v\n%s", a.Unjudged, shown) && a.Why.Egress.Declared {
			assert.Equal(t, explain.ByEdge, a.Why.Egress.By, "%s\n%s", k.Query, shown)
			n++
		}
	}
	return n
}

// built builds a draft, with the settings that it asks for.
func built(t *testing.T, draft string) *compiler.Build {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "draft.mesh"), []byte(draft), 0o600))
	if _, settings, found := strings.Cut(draft, " has to state:\n"); found {
		settings, _, _ = strings.Cut(settings, "\n\n")
		require.NoError(t, os.WriteFile(filepath.Join(dir, "meshc.yaml"), []byte("apiVersion: meshc.dev/v1alpha1\nkind: Project\n"+strings.ReplaceAll(settings, "# ", "")), 0o600))
	}
	p, err := compiler.Open(t.Context(), compiler.Options{}, dir)
	require.NoError(t, err)
	b, err := p.Build(t.Context())
	require.NoError(t, err)
	return b
}

// question asks a policy about a call; nil where an end of it has no account, or the call has a path that is none.
func question(t *testing.T, b *compiler.Build, pods *directory.Directory, c *traffic.Call, operations bool) *explain.Query {
	end := func(peer *traffic.Peer) *policy.Service {
		id, ok := policy.ParseIdentity(peer.Identity)
		if pod := pods.PodAt(peer.Address); !ok && pod != nil {
			id = policy.Identity{Namespace: pod.Namespace, Account: pod.Account}
		}
		for _, s := range b.Policy.Services() {
			if s.Namespace == id.Namespace && s.Account == id.Account && id.Account != "" {
				return s
			}
		}
		return nil
	}
	from, to := end(&c.From), end(&c.To)
	if c.Outcome != traffic.Answered || c.From.Anonymous || from == nil || to == nil || policy.IsProxyPort(c.Port) ||
		operations && c.Method != "" && (!explain.Literal(c.Path) || c.Method == "get" || len(c.Path) > 500) {
		return nil
	}
	q := &explain.Query{From: policy.Source{Kind: policy.FromService, Service: from}, To: to, Port: c.Port}
	if c.From.Identity != "" {
		asked, err := b.Asking(nil).Queries("spiffe://"+c.From.Identity, to.ID())
		require.NoError(t, err)
		q.From = asked[0].From
	}
	if c.Method != "" && explain.Literal(c.Path) {
		q.Ops = []policy.Operation{{Methods: []string{c.Method}, Path: explain.Normalized(c.Path)}}
	}
	return q
}

// sightings makes logs, metrics and listings of pods of a random cluster with odd names.
type sightings struct {
	*rand.Rand
	pods         []pod
	domain       string
	hosts, ports []string // a few of those that there are, so that some meet
}

type pod struct{ namespace, account, name, app, address string }

func newSightings(seed uint64) *sightings {
	s := &sightings{Rand: rand.New(rand.NewPCG(seed, 7))}
	s.domain = s.of("cluster.local", "cluster.local", "corp.example")
	for range 4 {
		s.hosts = append(s.hosts, s.of("api.example.com", "API.Example.com", "api.example.com.", "db.example.com", "db2.example.com", "db3.example.com", "b.example.com", "c.example.com", "*.example.com", "54.1.2.3", "localhost", "shop.svc", "a.shop.svc", "x.local", "api-example.com", "1.2.3.example", strings.Repeat("z", 63)+".example.com", strings.Repeat("long.", 30)+"example.com", "-.example.com", "[::1]", ""))
		s.ports = append(s.ports, s.of("80", "443", "5432", "8080", "15006", "15008", "15021", "15090", "1", "65535"))
	}
	for i := range 2 + s.IntN(8) {
		name := s.of("web", "api", "any", "world", "pods", "mesh", "deny", "7", "x-2", "x", strings.Repeat("n", 63), "service", "port")
		s.pods = append(s.pods, pod{
			namespace: s.of("shop", "shop", "payments", "istio-system", "kube-system", "default", "mesh", "1"),
			account:   s.of("default", name, name+"-sa", "a.b", "world", "sa"),
			name:      s.of(name+"-7b5db664c-hmlqb", name+"-0", name+"-6f595bd9d7-5jkns", name),
			app:       s.of(name, name, "", "other", "Upper_Case.v1"),
			address:   fmt.Sprintf("10.244.0.%d", i+1),
		})
	}
	return s
}

func (s *sightings) of(of ...string) string { return of[s.IntN(len(of))] }

func (s *sightings) objects() (all []directory.Object) {
	for i, p := range s.pods {
		if i%4 == 3 {
			continue // seen by its address alone
		}
		o := directory.Object{Kind: "Pod"}
		o.Metadata.Namespace, o.Metadata.Name, o.Spec.ServiceAccountName, o.Status.PodIP = p.namespace, p.name, p.account, p.address
		if p.app != "" {
			o.Metadata.Labels = map[string]string{"app": p.app}
		}
		all = append(all, o)
	}
	return all
}

// log is what proxies, ztunnel and Prometheus tell of.
func (s *sightings) log() []string {
	var lines, series []string
	for range 1 + s.IntN(30) {
		from, to := s.pods[s.IntN(len(s.pods))], s.pods[s.IntN(len(s.pods))]
		switch s.IntN(7) {
		case 5:
			lines = append(lines, s.flow(from, to))
		case 0:
			lines = append(lines, s.inbound(from, to))
		case 1, 6:
			lines = append(lines, s.outside(from), s.outside(from))
		case 2:
			lines = append(lines, s.tunnel(from, to))
		default:
			series = append(series, s.series(from, to))
		}
	}
	all := []string{strings.Join(lines, "\n")}
	if len(series) > 0 {
		all = append(all, `{"data":{"resultType":"vector","result":[`+strings.Join(series, ",\n")+"]}}")
	}
	return all
}

func (s *sightings) port() string {
	return s.of(s.ports...)
}

func (s *sightings) identity(p pod) string {
	own := "spiffe://" + s.domain + "/ns/" + p.namespace + "/sa/" + p.account
	return s.of("", own, own, own, own, "spiffe://old.example/ns/"+p.namespace+"/sa/"+p.account)
}

func (s *sightings) request() (method, path string) {
	return s.of("GET", "POST", "get", "M-SEARCH", "", "", "CONNECT"), s.of("/", "/api/orders/7", "/*", "/a b", "/{x}", "/a%2fb/../c", "*", "/"+strings.Repeat("y", 600), "//x", "/a;b,c", "/a}", `/"q"`, "/[a]")
}

func object(fields ...string) string {
	m := map[string]string{}
	for i := 0; i < len(fields); i += 2 {
		m[fields[i]] = fields[i+1]
	}
	text, _ := json.Marshal(m) // of texts
	return string(text)
}

// inbound is of the sidecar of a callee.
func (s *sightings) inbound(from, to pod) string {
	port := s.port()
	method, path := s.request()
	if method == "" {
		path = ""
	}
	return object("start_time", "2026-10-09T08:06:02.118Z", "response_code", "200", "method", method, "path", path, "upstream_cluster", "inbound|"+port+"||",
		"downstream_local_address", to.address+":"+port, "downstream_remote_address", from.address+":40000", "downstream_peer_uri_san", s.identity(from),
		"requested_server_name", s.of("", "outbound_.80_._."+to.app+"."+to.namespace+".svc.cluster.local"))
}

// outside is of the sidecar of a caller, of a call to something that may be outside the mesh.
func (s *sightings) outside(from pod) string {
	host := s.of(s.hosts...)
	port := s.port()
	method, path := s.request()
	server, authority := s.of("", "", host), ""
	if method == "" || s.IntN(2) == 0 { // a connection
		method, path = "", ""
	} else {
		server, authority = "", s.of(host, host+":"+port)
	}
	return object("start_time", "2026-10-09T08:06:02.118Z", "response_code", "200", "method", method, "path", path, "authority", authority,
		"upstream_cluster", s.of("outbound|"+port+"||"+host, "PassthroughCluster"), "upstream_host", "54.1.2.3:"+port,
		"downstream_local_address", "54.1.2.3:"+port, "downstream_remote_address", from.address+":40000", "requested_server_name", server)
}

func (s *sightings) tunnel(from, to pod) string {
	port := s.port()
	return object("time", "2026-10-09T08:06:02.118Z", "scope", "access", "message", "connection complete", "direction", s.of("inbound", "outbound"),
		"src.addr", from.address+":40000", "src.identity", s.identity(from), "src.namespace", from.namespace, "src.workload", from.name,
		"dst.addr", s.of(to.address+":15008", to.address+":"+port), "dst.hbone_addr", s.of("", to.address+":"+port, "api.shop.svc.cluster.local:80", "api.example.com:"+port),
		"dst.service", s.of("", to.app+"."+to.namespace+".svc.cluster.local"), "dst.namespace", to.namespace, "dst.workload", to.name, "dst.identity", s.identity(to))
}

func (s *sightings) flow(from, to pod) string {
	method, path := s.request()
	request := ""
	if method != "" {
		request = `,"l7":{"http":` + object("method", method, "url", "http://"+to.app+path) + "}"
	}
	end := func(p pod) string {
		labels, _ := json.Marshal([]string{s.of("k8s:app="+p.app, "k8s:io.cilium.k8s.policy.serviceaccount="+p.account)}) // of texts
		return `{"namespace":"` + p.namespace + `","pod_name":"` + s.of("", p.name) + `","labels":` + string(labels) + `,"workloads":[` + object("name", s.of("", p.app)) + "]}"
	}
	return `{"flow":{"time":"2026-10-09T08:06:02.118Z","verdict":"` + s.of("FORWARDED", "DROPPED", "REDIRECTED") + `","IP":` + object("source", from.address, "destination", to.address) +
		`,"l4":{"TCP":{"source_port":` + strconv.Itoa(40000+s.IntN(4)) + `,"destination_port":` + s.port() + `,"flags":{"SYN":true}}},"source":` + end(from) + `,"destination":` + end(to) + request + "}}"
}

func (s *sightings) series(from, to pod) string {
	return `{"metric":` + object("__name__", s.of("istio_requests_total", "istio_tcp_connections_opened_total"), "reporter", s.of("source", "destination", "waypoint"),
		"source_principal", s.identity(from), "source_workload", from.name, "source_workload_namespace", from.namespace, "source_app", from.app,
		"destination_principal", s.identity(to), "destination_workload", s.of(to.name, ""), "destination_workload_namespace", to.namespace, "destination_app", to.app,
		"destination_service", s.of("", to.app+"."+to.namespace+".svc.cluster.local", "api.example.com"), "response_code", s.of("200", "404", "")) + `,"value":[1790000000.123,"7"]}`
}
