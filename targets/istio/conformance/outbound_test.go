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
	var c calls
	for seed := range size(t, 1000) {
		yaml, o := newCalls(seed, false)
		if err := c.compare(yaml, o); err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, yaml)
		}
	}
	t.Logf("%d calls compared %v", c.compared, c.opened)
	if c.undecided > 0 {
		t.Errorf("%d are undecided", c.undecided)
	}
}

// TestRevisions compares them where objects are for an istiod of one revision. What meshc decides must hold for every
// istiod.
func TestRevisions(t *testing.T) {
	t.Parallel()
	var c calls
	for seed := range size(t, 150) {
		yaml, o := newCalls(seed, true)
		for _, o.Revision = range []string{"", "canary", "stable", "other"} {
			if err := c.compare(yaml, o); err != nil {
				t.Fatalf("seed %d: revision %q: %v\n%s", seed, o.Revision, err, yaml)
			}
		}
	}
	t.Logf("%d calls compared %v, %d undecided", c.compared, c.opened, c.undecided)
}

// calls counts the calls that were compared.
type calls struct {
	compared, undecided int
	opened              map[Opened]int
}

// compare compares what the callers of some Services open, and what the pods take.
func (c *calls) compare(yaml string, o Options) error {
	istiod, err := Start([]byte(yaml), o)
	if err != nil {
		return fmt.Errorf("Istio rejects a valid object: %w", err)
	}
	manifests, findings := readYAML(yaml, o)
	if findings.HasErrors() {
		return fmt.Errorf("meshc rejects what Istio accepts: %v", findings[0])
	}
	p, callees := calledPolicy(o)
	m := model.New(p, manifests)
	for _, namespace := range append([]string{o.RootNamespace}, namespaces...) {
		for _, app := range apps[:2] {
			caller := Workload{Namespace: namespace, Labels: map[string]string{"app": app}}
			opens, err := istiod.Opens(istiod.Caller(caller))
			if err != nil {
				return err
			}
			from := policy.Source{Kind: policy.FromService, Service: &policy.Service{
				Namespace: namespace, Name: app, Account: app, Labels: []policy.Label{{Key: "app", Value: app}},
			}}
			for i, s := range o.Services {
				for _, port := range s.Ports {
					target := s.reached(port)
					want, ok := opens[fmt.Sprintf("outbound|%d||%s", port.Number, s.host())]
					if !ok {
						return fmt.Errorf("Istio has no cluster for port %d of %s", port.Number, s.host())
					}
					mode, _ := m.Callee(callees[i]).Mode(target)
					if takes := istiod.Mode(Workload{Namespace: s.Namespace, Labels: s.Pods}, target); mode != enforce.Unknown && mode.String() != takes {
						return fmt.Errorf("port %d of %s is %s; meshc says %s", target, s.host(), takes, mode)
					}
					way := wayOf(m.Ways(from, callees[i], m.Callee(callees[i]), target), port.Number)
					got, known := asOpened(way, mode)
					if !known {
						c.undecided++
						continue
					}
					if got != want {
						return fmt.Errorf("to port %d of %s, %v opens %s; meshc says %s (%s)", port.Number, s.host(), caller, want, got, way.TLS)
					}
					if c.opened == nil {
						c.opened = map[Opened]int{}
					}
					c.compared++
					c.opened[want]++
				}
			}
		}
	}
	return nil
}

// TestPodAddresses compares what callers open to the address of a pod, at a port to which no Service leads.
func TestPodAddresses(t *testing.T) {
	t.Parallel()
	for seed := range size(t, 40) {
		yaml, o := newCalls(seed, false)
		istiod, err := Start([]byte(yaml), o)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		manifests, _ := readYAML(yaml, o)
		p, callees := calledPolicy(o)
		m := model.New(p, manifests)
		caller := Workload{Namespace: namespaces[0], Labels: map[string]string{"app": apps[0]}}
		want, err := istiod.OpensUnknown(caller)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		from := policy.Source{Service: &policy.Service{Namespace: caller.Namespace, Name: apps[0], Account: apps[0]}}
		for _, s := range callees {
			const port = 7070
			mode, _ := m.Callee(s).Mode(port)
			if got, known := asOpened(m.Ways(from, s, m.Callee(s), port)[0], mode); !known || got != want {
				t.Fatalf("seed %d: to port %d of %s, %v opens %s; meshc says %s", seed, port, s.ID(), caller, want, got)
			}
		}
	}
}

// TestGateways compares what gateways open, which have the endpoints of headless Services too.
func TestGateways(t *testing.T) {
	t.Parallel()
	for seed := range size(t, 150) {
		yaml, o := newCalls(seed, false)
		istiod, err := Start([]byte(yaml), o)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		manifests, _ := readYAML(yaml, o)
		p, callees := calledPolicy(o)
		m := model.New(p, manifests)
		caller := Workload{Namespace: namespaces[0], Labels: map[string]string{"app": apps[0]}}
		opens, err := istiod.Opens(istiod.Gateway(caller))
		if err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, yaml)
		}
		from := policy.Source{Service: &policy.Service{
			Namespace: caller.Namespace, Name: apps[0], Account: apps[0], Labels: []policy.Label{{Key: "app", Value: apps[0]}}, Dataplane: policy.Gateway,
		}}
		for i, s := range o.Services {
			callee := callees[i]
			for j, port := range s.Ports {
				callee.Fronts[j].Target = port.Target
			}
			for _, port := range s.Ports {
				want := opens[fmt.Sprintf("outbound|%d||%s", port.Number, s.host())]
				mode, _ := m.Callee(callee).Mode(port.Target)
				way := wayOf(m.Ways(from, callee, m.Callee(callee), port.Target), port.Number)
				if got, known := asOpened(way, mode); known && got != want {
					t.Fatalf("seed %d: to port %d of %s, the gateway opens %s; meshc says %s (%s)\n%s", seed, port.Number, s.host(), want, got, way.TLS, yaml)
				}
			}
		}
	}
}

// TestSidecarsKnowNoPods: with the Sidecars that meshc writes, callers reach no address that is of no Service.
func TestSidecarsKnowNoPods(t *testing.T) {
	t.Parallel()
	istiod, err := Start([]byte(`
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: web, namespace: shop}
spec:
  workloadSelector: {labels: {app: web}}
  egress: [{hosts: [shop/api.shop.svc.cluster.local]}]
  outboundTrafficPolicy: {mode: REGISTRY_ONLY}
`), Options{TrustDomain: "cluster.local", RootNamespace: "istio-system", Services: []Service{{Namespace: "shop", Name: "api", Ports: []ServicePort{{80, 8080}}}}})
	if err != nil {
		t.Fatal(err)
	}
	for app, want := range map[string]Opened{"web": Blocked, "other": Plaintext} {
		if got, err := istiod.OpensUnknown(Workload{Namespace: "shop", Labels: map[string]string{"app": app}}); got != want || err != nil {
			t.Errorf("%s opens %s (%v), not %s", app, got, err, want)
		}
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
	case w.TLS == enforce.UnknownTLS, w.TLS == enforce.AutoTLS && mode == enforce.Unknown:
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
			callee.Fronts = append(callee.Fronts, policy.Front{Host: s.Name, Port: port.Number, Target: s.reached(port), Headless: s.Headless})
		}
		callees = append(callees, callee)
		p.Meshes = append(p.Meshes, &policy.Mesh{Name: s.Namespace, Services: []*policy.Service{callee}})
	}
	return p, callees
}

// newCalls generates Services, the DestinationRules of their callers and PeerAuthentications.
func newCalls(seed uint64, revisions bool) (string, Options) {
	w := &writer{pen: pen{Rand: rand.New(rand.NewPCG(seed, 5))}, revisions: revisions}
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
	w.revision(&meta)
	return fields{{"apiVersion", "networking.istio.io/v1"}, {"kind", "DestinationRule"}, {"metadata", meta}, {"spec", spec}}
}

// clientTLS writes what a traffic policy says, with the given chance that it says something about TLS.
func (w *writer) clientTLS(percent int) fields {
	f := fields{{"outlierDetection", fields{{"consecutive5xxErrors", 5}}}}
	if w.chance(15) {
		f = fields{{"loadBalancer", fields{{"simple", "PASSTHROUGH"}}}}
	}
	if !w.chance(percent) {
		return f
	}
	switch mode := pick(w.Rand, []string{"DISABLE", "SIMPLE", "MUTUAL", "ISTIO_MUTUAL", "", "secret"}); mode {
	case "secret":
		f.add("tls", fields{{"mode", pick(w.Rand, []string{"SIMPLE", "MUTUAL"})}, {"credentialName", "c"}})
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
