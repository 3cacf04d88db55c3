package conformance

import (
	"testing"

	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/source"
	"github.com/meshc/meshc/targets/istio"
	"github.com/meshc/meshc/targets/istio/conformance/envoy"
)

// TestWaypointAsks has a provider asked about the requests to a service behind a waypoint: Istio makes the filters that
// ask there, for the port of the Service.
func TestWaypointAsks(t *testing.T) {
	file := source.NewFile("shop.mesh", "")
	waypoint := &policy.Waypoint{Namespace: "shop", Name: "waypoint", Account: "waypoint", Known: true}
	web := &policy.Service{Namespace: "shop", Name: "web", Account: "web", Dataplane: policy.Ambient, Labels: []policy.Label{{Key: "app", Value: "web"}}}
	api := &policy.Service{
		Namespace: "shop", Name: "api", Account: "api", Dataplane: policy.Ambient, Labels: []policy.Label{{Key: "app", Value: "api"}},
		Ports:  []policy.Port{{Number: 8080, Protocol: policy.HTTP}},
		Fronts: []policy.Front{{Host: "api", Port: 80, Target: 8080, Waypoint: waypoint}},
		Allow:  []policy.Rule{{From: []policy.Source{{Service: web}}, Requests: policy.Requests{Ports: []uint16{8080}}, At: file.Span(0, 0)}},
		Ask: []policy.Rule{{From: []policy.Source{{Kind: policy.FromWorld}}, Provider: "opa", At: file.Span(0, 0), Requests: policy.Requests{
			Ports: []uint16{8080}, Ops: []policy.Operation{{Methods: []string{"POST"}, Path: "/v1/*"}},
		}}},
	}
	p := &policy.Policy{TrustDomain: "cluster.local", RootNamespace: "istio-system", Meshes: []*policy.Mesh{
		{Name: "shop", Mode: policy.Strict, Ambient: true, Files: []string{"shop.mesh"}, Services: []*policy.Service{api, web}},
	}}
	manifests, findings := istio.New(istio.Options{Providers: []string{"opa"}}).Emit(p)
	if findings.HasErrors() {
		t.Fatal(findings.Err())
	}
	var stream []byte
	for _, m := range manifests {
		stream = append(append(stream, "---\n"...), m.YAML...)
	}
	istiod, err := Start(stream, Options{})
	if err != nil {
		t.Fatal(err)
	}
	asks, err := istiod.WaypointAsks("shop", "waypoint", "shop", "api")
	if err != nil {
		t.Fatal(err)
	}
	local, err := istiod.Waypoint("shop", "waypoint", "shop", "api")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		port         uint16
		method, path string
		asked        bool
	}{
		{80, "POST", "/v1/orders", true},
		{80, "GET", "/v1/orders", false},
		{80, "POST", "/v2", false},
		{8080, "POST", "/v1/orders", false}, // no Service port
	} {
		q := envoy.Request{Port: c.port, Method: c.method, Path: c.path, Host: "api", Peer: principal("cluster.local", "shop", "web")}
		if asked := !asks.Decide(&q).Allowed; asked != c.asked {
			t.Errorf("%+v: asked %t", c, asked)
		}
		if let := local.Decide(&q).Allowed; let != (c.port == 80) {
			t.Errorf("%+v: let through %t", c, let)
		}
	}
}
