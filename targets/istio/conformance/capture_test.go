package conformance

import (
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/meshc/meshc/compiler/inventory"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/source"
)

// TestCapture compares which connections to and from a pod go through its sidecar, as its annotations say.
func TestCapture(t *testing.T) {
	t.Parallel()
	portLists := []string{"", "*", "8080", "80,443", " 8080", "8080, 9090", ",80,", "http", "80-90", "99999", "0", "-1", "8080,15020", "80 443"}
	rangeLists := []string{"", "*", "0.0.0.0/0", "169.254.0.0/16", "10.0.0.0", "10.0.0.0/8,", "nowhere", "0.0.0.0/0,::/0"}
	choices := []struct {
		key    string
		values []string
	}{
		{"sidecar.istio.io/interceptionMode", []string{"REDIRECT", "TPROXY", "TPROXY", "NONE", "none", ""}},
		{"traffic.sidecar.istio.io/includeInboundPorts", portLists},
		{"traffic.sidecar.istio.io/excludeInboundPorts", portLists},
		{"status.sidecar.istio.io/port", []string{"15020", "9090", "443", "0", "x", "", "80,443"}},
		{"traffic.sidecar.istio.io/includeOutboundIPRanges", rangeLists},
		{"traffic.sidecar.istio.io/excludeOutboundIPRanges", rangeLists},
		{"traffic.sidecar.istio.io/includeOutboundPorts", portLists},
		{"traffic.sidecar.istio.io/excludeOutboundPorts", portLists},
		{"traffic.sidecar.istio.io/excludeInterfaces", []string{"", "eth0", "net1", "eth0,net1", " eth0"}},
	}
	rejected, compared, unclear := 0, 0, 0
	for seed := range size(t, 3000) {
		r := rand.New(rand.NewPCG(seed, 6))
		annotations, written := map[string]string{}, fields{}
		for _, c := range choices {
			if r.IntN(4) == 0 {
				annotations[c.key] = pick(r, c.values)
				written.add(c.key, annotations[c.key])
			}
		}
		pod := &pen{Rand: r}
		pod.document(fields{
			{"apiVersion", "v1"}, {"kind", "Pod"},
			{"metadata", fields{{"name", "web"}, {"namespace", "shop"}, {"labels", fields{{"app", "web"}, {"sidecar.istio.io/inject", "true"}}}, {"annotations", written}}},
			{"spec", fields{{"containers", []any{fields{{"name", "c"}}}}}},
		})
		set, findings := inventory.Read([]inventory.Input{{File: source.NewFile("pod.yaml", pod.String())}})
		if findings.HasErrors() || len(set.Workloads) != 1 {
			t.Fatalf("seed %d: %v\n%s", seed, findings, pod)
		}
		w := set.Workloads[0]
		rules, err := Redirect(annotations)
		if err != nil {
			rejected++
			if len(findings) == 0 || w.Inbound.Of(7070).Capture == policy.Captured || w.Outbound.Of(7070).Capture == policy.Captured {
				t.Errorf("seed %d: Istio rejects the pod (%v); meshc says %v\n%s", seed, err, findings, pod)
			}
			continue
		}
		here, there := netip.MustParseAddr("10.2.0.1"), netip.MustParseAddr("10.1.0.5")
		for _, port := range []uint16{80, 443, 8080, 9090, 7070, 1} {
			for _, one := range []struct {
				Packet
				says policy.Capture
			}{
				{Packet{In: "eth0", From: there, To: here, Port: port}, w.Inbound.Of(port).Capture},
				{Packet{Out: "eth0", From: here, To: there, Port: port}, w.Outbound.Of(port).Capture},
			} {
				want, err := rules.Captured(one.Packet)
				if err != nil {
					t.Fatalf("seed %d: %v\n%s", seed, err, pod)
				}
				if one.says == policy.Unclear {
					unclear++
					continue
				}
				compared++
				if got := one.says == policy.Captured; got != want {
					t.Errorf("seed %d: %+v is captured: %t; meshc says %s\n%s%v", seed, one.Packet, want, one.says, pod, rules)
				}
			}
		}
	}
	t.Logf("%d pods rejected by both, %d ports compared, %d unclear", rejected, compared, unclear)
}
