package conformance

import (
	"flag"
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"github.com/mattfenwick/cyclonus/pkg/matcher"
	"github.com/stretchr/testify/require"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	"sigs.k8s.io/yaml"

	"github.com/meshc/meshc/compiler"
	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/network"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/targets"
	"github.com/meshc/meshc/targets/networkpolicy/read"
)

var count = flag.Int("projects", 300, "how many generated projects to judge")

const tunnel = 15008

// end is one end of connections: a pod, or an address outside the cluster.
type end struct {
	name      string
	namespace string // empty for an address
	labels    map[string]string
	ip        string
	service   *policy.Service // nil for pods that the project does not know
}

func (e *end) peer() *matcher.TrafficPeer {
	p := &matcher.TrafficPeer{IP: e.ip}
	if e.namespace != "" {
		p.Internal = &matcher.InternalPeer{Namespace: e.namespace, PodLabels: e.labels, NamespaceLabels: map[string]string{network.NamespaceLabel: e.namespace}}
	}
	return p
}

func (e *end) pods() network.Pods {
	return network.Pods{Namespace: e.namespace, Labels: []network.Labels{{Known: e.labels}}}
}

// ends is a pod of every kind that the project has, some that it does not know, and addresses.
func ends(p *policy.Policy) (all []end) {
	add := func(e end) {
		if e.ip == "" { // in no block but those of every address
			e.ip = fmt.Sprintf("203.0.113.%d", len(all)+1)
		}
		all = append(all, e)
	}
	gates := map[string]bool{}
	for _, m := range p.Meshes {
		for _, s := range m.Services {
			if !s.Unnamed && s.Proxied() {
				for _, l := range network.PodsOf(s).Labels {
					add(end{name: s.ID(), namespace: s.Namespace, labels: l.Known, service: s})
				}
			}
			for _, f := range s.Through() {
				if w := f.Waypoint.Caller(); !gates[w.ID()] {
					gates[w.ID()] = true
					add(end{name: "waypoint " + w.ID(), namespace: w.Namespace, labels: w.Selector()})
				}
			}
		}
		add(end{name: "another pod of " + m.Name, namespace: m.Name, labels: map[string]string{"app": "other"}})
	}
	add(end{name: "a pod of another namespace", namespace: "elsewhere", labels: map[string]string{"app": "s0"}})
	add(end{name: "DNS", namespace: "kube-system", labels: map[string]string{"k8s-app": "kube-dns"}})
	for _, ip := range []string{"10.0.3.9", "192.0.2.7", "192.0.2.8", "2001:db8::7", "198.51.100.1", "169.254.7.127", "169.254.20.10"} {
		add(end{name: ip, ip: ip})
	}
	return all
}

// ports is a number of each kind that the projects tell apart.
var ports = []int{1, 53, 80, 443, 5432, 8080, 9090, 15008, 15012, 15020, 15021, 15022, 15090}

// Every decision about every pair of ends and every port is that of cyclonus, and follows from the intents.
func TestCyclonus(t *testing.T) {
	built, decisions, intended := 0, 0, 0
	for seed := range uint64(*count) {
		p := newProject(seed)
		b, err := p.Build()
		require.NoError(t, err, "seed %d\n%s", seed, p)
		built++
		j := newJudge(t, b)
		all := ends(b.Policy)
		for i := range all {
			for k := range all {
				if from, to := &all[i], &all[k]; i != k && (from.namespace != "" || to.namespace != "") {
					for _, protocol := range []core.Protocol{core.ProtocolTCP, core.ProtocolUDP} {
						for _, port := range ports {
							passes, what := j.decide(from, to, port, protocol)
							require.Empty(t, what, "seed %d: %s to %s, %s port %d\n%s", seed, from.name, to.name, protocol, port, p)
							decisions += 2
							if want, known := intends(b.Policy, from, to, uint16(port), protocol); known {
								intended++
								require.Equal(t, want, passes, "seed %d: %s to %s, %s port %d\n%s", seed, from.name, to.name, protocol, port, p)
							}
						}
					}
				}
			}
		}
	}
	t.Logf("%d projects, %d decisions as cyclonus has them, %d connections as the intents have them", built, decisions, intended)
	require.Greater(t, intended, 50*built)
}

type judge struct {
	cyclonus *matcher.Policy
	layer    *network.Layer
}

func newJudge(t *testing.T, b *compiler.Build) judge {
	var objects []*networking.NetworkPolicy
	var manifests []targets.Manifest
	for _, m := range b.Manifests {
		if m.Kind == "NetworkPolicy" {
			o := new(networking.NetworkPolicy)
			require.NoError(t, yaml.UnmarshalStrict([]byte(m.YAML), o))
			objects, manifests = append(objects, o), append(manifests, m)
		}
	}
	layer, findings := read.Files(compiler.Sources(manifests), "")
	require.Empty(t, findings)
	return judge{matcher.BuildNetworkPolicies(false, objects), layer}
}

// decide reports whether a connection passes at both ends, and where the two judges differ.
func (j *judge) decide(from, to *end, port int, protocol core.Protocol) (passes bool, differs string) {
	theirs := j.asked(from, to, port, protocol)
	for d, by := range map[network.Direction]bool{network.Ingress: theirs.Ingress.IsAllowed(), network.Egress: theirs.Egress.IsAllowed()} {
		at, other := to, from
		if d == network.Egress {
			at, other = from, to
		}
		if at.namespace == "" {
			continue
		}
		if ours := j.ours(d, at, other, network.Port{Protocol: network.Protocol(protocol), Number: uint16(port)}); ours != by {
			return false, fmt.Sprintf("%s passes: %t, and to cyclonus: %t", d, ours, by)
		}
	}
	return theirs.IsAllowed(), ""
}

func (j *judge) asked(from, to *end, port int, protocol core.Protocol) *matcher.AllowedResult {
	return j.cyclonus.IsTrafficAllowed(&matcher.Traffic{Source: from.peer(), Destination: to.peer(), ResolvedPort: port, Protocol: protocol})
}

// ours is what meshc decides at one end. To cyclonus a block of addresses takes pods too.
func (j *judge) ours(d network.Direction, at, other *end, port network.Port) bool {
	point := j.layer.For(at.pods())
	address := netip.MustParseAddr(other.ip)
	verdict := point.Decide(d, network.Caller{Kind: network.OfAddresses, Blocks: []netip.Prefix{netip.PrefixFrom(address, address.BitLen())}}, port).Verdict
	if other.namespace != "" {
		verdict = max(verdict, point.Decide(d, network.Caller{Kind: network.OfWorkload, Pods: other.pods(), Apart: true}, port).Verdict)
	}
	return verdict == enforce.Allowed
}

// intends reports whether the intents have a connection between two services pass; it is known where neither of them is
// behind a waypoint or in two data planes, and their edges name no port of the platform.
func intends(p *policy.Policy, from, to *end, port uint16, protocol core.Protocol) (passes, known bool) {
	if from.service == nil || to.service == nil || from.service == to.service || protocol == core.ProtocolUDP || slices.Contains([]uint16{53, 15012, 15020, 15021, 15090}, port) {
		return false, false
	}
	f, s := policy.Source{Service: from.service}, to.service
	if len(s.Through())+len(from.service.Through()) > 0 || len(s.Allow) == 0 {
		return false, false
	}
	ambient := s.Dataplane == policy.Ambient
	if from.service.Dataplane != s.Dataplane {
		return false, false
	}
	for i := range s.Allow {
		r := &s.Allow[i]
		if !policy.Includes(r.From, f) {
			continue
		}
		for number := range 65536 {
			if n := uint16(number); n > 0 && (!ambient && n == port || ambient && port == tunnel) && r.Leads(n) && !denied(s, f, n) {
				return true, true
			}
		}
	}
	world := slices.ContainsFunc(s.Allow, func(r policy.Rule) bool {
		return slices.ContainsFunc(r.From, func(f policy.Source) bool {
			return f.Kind == policy.FromWorld || f.Kind == policy.FromAny || f.Kind == policy.FromMesh
		})
	})
	return false, !world // wildcards lead past what denies them to one of their callers
}

func denied(s *policy.Service, f policy.Source, port uint16) bool {
	return slices.ContainsFunc(s.Deny, func(r policy.Rule) bool { return !r.OfHTTP() && r.Includes(f) && r.Leads(port) })
}
