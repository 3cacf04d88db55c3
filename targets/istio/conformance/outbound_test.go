package conformance

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/model"
	"github.com/meshc/meshc/compiler/policy"
)

// TestOutbound compares what callers open to Services, as DestinationRules and PeerAuthentications say.
func TestOutbound(t *testing.T) {
	t.Parallel()
	compared, undecided := 0, 0
	opened := map[Opened]int{}
	for seed := range size(t, 1000) {
		yaml, o := newCalls(seed)
		istiod, err := Start([]byte(yaml), o)
		if err != nil {
			t.Fatalf("seed %d: Istio rejects a valid object: %v\n%s", seed, err, yaml)
		}
		manifests, findings := readYAML(yaml, o)
		if findings.HasErrors() {
			t.Fatalf("seed %d: meshc rejects what Istio accepts: %v\n%s", seed, findings[0], yaml)
		}
		p, callees := calledPolicy(o)
		m := model.New(p, manifests)
		for _, namespace := range append([]string{o.RootNamespace}, namespaces...) {
			for _, app := range apps[:2] {
				caller := Workload{namespace, map[string]string{"app": app}}
				opens, err := istiod.Opens(istiod.Caller(caller))
				if err != nil {
					t.Fatalf("seed %d: %v\n%s", seed, err, yaml)
				}
				from := policy.Source{Kind: policy.FromService, Service: &policy.Service{
					Namespace: namespace, Name: app, Account: app, Labels: []policy.Label{{Key: "app", Value: app}},
				}}
				for i, s := range o.Services {
					for _, port := range s.Ports {
						want, ok := opens[fmt.Sprintf("outbound|%d||%s", port.Number, s.host())]
						if !ok {
							t.Fatalf("seed %d: Istio has no cluster for port %d of %s: %v", seed, port.Number, s.host(), opens)
						}
						way := wayOf(m.Ways(from, callees[i], port.Target), port.Number)
						mode, _ := m.Callee(callees[i]).Mode(port.Target)
						got, known := asOpened(way, mode)
						if !known {
							undecided++
							continue
						}
						compared++
						opened[want]++
						if got != want {
							t.Errorf("seed %d: to port %d of %s, %v opens %s; meshc says %s (%s)\n%s", seed, port.Number, s.host(), caller, want, got, way.TLS, yaml)
						}
					}
				}
			}
		}
	}
	t.Logf("%d calls compared %v, %d undecided", compared, opened, undecided)
	if undecided > compared/20 {
		t.Errorf("too many are undecided")
	}
}

// wayOf returns the way through a port of a Service.
func wayOf(ways []model.Way, port uint16) model.Way {
	if i := slices.IndexFunc(ways, func(w model.Way) bool { return w.Port == port }); i >= 0 {
		return ways[i]
	}
	return ways[0]
}

func asOpened(w model.Way, mode enforce.Mode) (Opened, bool) {
	switch {
	case w.TLS == enforce.UnknownTLS:
		return "", false
	case w.TLS == enforce.IstioTLS, w.TLS == enforce.AutoTLS && mode != enforce.Disable:
		return MeshTLS, true
	case w.TLS == enforce.SimpleTLS, w.TLS == enforce.MutualTLS:
		return ForeignTLS, true
	}
	return Plaintext, true
}

// calledPolicy is a policy that declares the Services.
func calledPolicy(o Options) (*policy.Policy, []*policy.Service) {
	p := &policy.Policy{TrustDomain: o.TrustDomain, RootNamespace: o.RootNamespace}
	var callees []*policy.Service
	for _, s := range o.Services {
		callee := &policy.Service{Namespace: s.Namespace, Name: s.Name, Account: s.Name, Hosts: []string{s.Name}, Labels: []policy.Label{{Key: "app", Value: s.Pods["app"]}}}
		for _, port := range s.Ports {
			callee.Fronts = append(callee.Fronts, policy.Front{Host: s.Name, Port: port.Number, Target: port.Target, Headless: s.Headless})
		}
		callees = append(callees, callee)
		p.Meshes = append(p.Meshes, &policy.Mesh{Name: s.Namespace, Services: []*policy.Service{callee}})
	}
	return p, callees
}

// newCalls generates Services, the DestinationRules of their callers and PeerAuthentications.
func newCalls(seed uint64) (string, Options) {
	w := &writer{pen: pen{Rand: rand.New(rand.NewPCG(seed, 5))}}
	w.TrustDomain, w.RootNamespace = "cluster.local", "istio-system"
	for _, namespace := range append([]string{w.RootNamespace}, namespaces[:2]...) {
		app := pick(w.Rand, apps)
		w.Services = append(w.Services, Service{
			Namespace: namespace, Name: app, Pods: map[string]string{"app": app}, Headless: w.chance(20),
			Ports: []ServicePort{{80, 8080}, {8080, 9090}, {443, pick(w.Rand, []uint16{8080, 5432})}},
		})
	}
	w.authentications()
	for i := range w.IntN(7) {
		w.document(w.destination(fmt.Sprintf("rule-%d", i)))
	}
	return w.String(), w.Options
}

func (w *writer) destination(name string) fields {
	of := pick(w.Rand, w.Services)
	namespace := pick(w.Rand, []string{of.Namespace, of.Namespace, namespaces[0], namespaces[1], w.RootNamespace})
	var spec fields
	spec.add("host", pick(w.Rand, []string{of.host(), of.host(), of.Name, "*." + of.Namespace + ".svc.cluster.local", "*.svc.cluster.local", "*.local", "*"}))
	exports := [][]string{{"."}, {"*"}, {namespace}, {namespaces[1]}, {".", namespaces[2]}, {namespaces[0], namespaces[1]}}
	if w.chance(20) {
		spec.add("workloadSelector", fields{{"matchLabels", fields{{"app", pick(w.Rand, apps[:2])}}}})
		exports = exports[:1] // Istio accepts no other
	}
	if w.chance(30) {
		spec.list("exportTo", pick(w.Rand, exports))
	}
	if w.chance(85) {
		policy := w.clientTLS(70)
		var byPort []any
		for _, port := range []int{80, 443, 8080} {
			if w.chance(25) {
				byPort = append(byPort, append(fields{{"port", fields{{"number", port}}}}, w.clientTLS(60)...))
			}
		}
		if len(byPort) > 0 {
			policy.add("portLevelSettings", byPort)
		}
		spec.add("trafficPolicy", policy)
	}
	meta := fields{{"name", name}, {"namespace", namespace}, {"creationTimestamp", fmt.Sprintf("2026-01-0%dT00:00:00Z", 1+w.IntN(9))}}
	return fields{{"apiVersion", "networking.istio.io/v1"}, {"kind", "DestinationRule"}, {"metadata", meta}, {"spec", spec}}
}

// clientTLS writes what a traffic policy says, with the given chance that it says something about TLS.
func (w *writer) clientTLS(percent int) fields {
	f := fields{{"outlierDetection", fields{{"consecutive5xxErrors", 5}}}}
	if !w.chance(percent) {
		return f
	}
	switch mode := pick(w.Rand, []string{"DISABLE", "SIMPLE", "MUTUAL", "ISTIO_MUTUAL", ""}); mode {
	case "":
		f.add("tls", fields{})
	case "MUTUAL":
		f.add("tls", fields{{"mode", mode}, {"clientCertificate", "/c.pem"}, {"privateKey", "/k.pem"}, {"caCertificates", "/ca.pem"}})
	case "SIMPLE":
		f.add("tls", fields{{"mode", mode}, {"insecureSkipVerify", true}})
	default:
		f.add("tls", fields{{"mode", mode}})
	}
	return f
}
