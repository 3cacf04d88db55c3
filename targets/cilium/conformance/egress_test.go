package conformance

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/cilium/cilium/pkg/identity"
	v2 "github.com/cilium/cilium/pkg/k8s/apis/cilium.io/v2"
	"github.com/cilium/cilium/pkg/labels"
	"github.com/cilium/cilium/pkg/policy"
	"github.com/cilium/cilium/pkg/policy/api"
	"github.com/cilium/cilium/pkg/u8proto"

	"github.com/meshc/meshc/compiler"
	"github.com/meshc/meshc/compiler/analysis/network"
	meshc "github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/targets"
	"github.com/meshc/meshc/targets/cilium/read"
	"github.com/meshc/meshc/testdata/draft"
)

// What pods may call is to Cilium what meshc reads, it shuts no edge, and it opens nothing that no edge and no need of
// every pod is about.
func TestEgress(t *testing.T) {
	decisions, allowed, named := 0, 0, 0
	for seed := range uint64(*count) {
		p := newProject(seed + 1<<21)
		leaving(p, rand.New(rand.NewPCG(seed, 15)))
		b, err := p.Build()
		require.NoError(t, err, "seed %d\n%s", seed, p)
		all := append(ends(b.Policy), hostEnds(b.Manifests)...)
		c, err := newCluster(b.Manifests, all)
		require.NoError(t, err, "seed %d\n%s", seed, p)
		layer, findings := read.Egress(compiler.Sources(b.Manifests))
		require.Empty(t, findings)
		for _, from := range all {
			if from.namespace == "" {
				continue
			}
			point := layer.For(network.Pods{Namespace: from.namespace, Labels: []network.Labels{{Known: from.labels}}})
			for _, to := range all {
				for _, port := range append(slices.Clone(ports), 443, 80) {
					for _, protocol := range []u8proto.U8proto{u8proto.TCP, u8proto.UDP} {
						passes, err := c.leaves(from, to, port, protocol)
						require.NoError(t, err)
						at := fmt.Sprintf("seed %d: %s calls %s, port %d of %s\n%s\n%s", seed, from, to, port, protocol, p, targets.Stream(b.Manifests))
						ours := point.Decide(network.Egress, to.caller(), network.Port{Protocol: network.Protocol(protocol.String()), Number: port})
						require.Equal(t, verdict(passes), ours.Verdict, "to Cilium, and to meshc: %s; %s", ours, at)
						needs, may := calls(b.Policy, from, to, port, protocol == u8proto.UDP)
						require.False(t, needs && !passes, "an edge is shut: %s", at)
						require.False(t, passes && !may, "no edge opens it: %s", at)
						decisions++
						if passes {
							allowed++
						}
						if to.host != "" {
							named++
						}
					}
				}
			}
		}
	}
	t.Logf("%d projects, %d decisions compared (%d of them about names of hosts; %d let through)", *count, decisions, named, allowed)
	require.Greater(t, allowed, 20**count)
	require.Greater(t, decisions-allowed, 20**count)
}

// leaving has a project close what pods call, and call externals.
func leaving(p *draft.Project, r *rand.Rand) {
	p.Settings = strings.Replace(strings.Replace(p.Settings, "{}", "{egress: true}", 1), "{keepOpen", "{egress: true, keepOpen", 1)
	for _, ns := range namespaces {
		p.Lines[ns] = append(p.Lines[ns], "external one host api.example.com port 443 tls", `external some host "*.example.org" host example.net port 443 tls port 80 http`)
		for range 1 + r.IntN(3) {
			from := []string{"s0", "s1", "s2", "*", "any", "s0, s1", ns + "/*"}[r.IntN(7)]
			p.Lines[ns] = append(p.Lines[ns], from+" -> "+[]string{"one", "some"}[r.IntN(2)])
		}
	}
}

// hostEnds is what names outside the cluster lead to, with the identities that Cilium gives the addresses in answers
// about them: with a label for each selector that matches the name (pkg/fqdn/namemanager).
func hostEnds(manifests []targets.Manifest) (all []*end) {
	var selectors []api.FQDNSelector
	for _, m := range manifests {
		var o v2.CiliumNetworkPolicy
		if m.Namespace != "" && yaml.Unmarshal([]byte(m.YAML), &o) == nil {
			for _, rule := range o.Spec.Egress {
				selectors = append(selectors, rule.ToFQDNs...)
			}
		}
	}
	for n, host := range []string{"api.example.com", "x.api.example.com", "a.example.org", "a.b.example.org", "example.org", "example.net", "a.example.net", "elsewhere.test"} {
		e := &end{name: host, host: host, address: netip.AddrFrom4([4]byte{203, 0, 113, byte(n + 1)})}
		of := labels.GetCIDRLabels(netip.PrefixFrom(e.address, 32))
		for _, s := range selectors {
			if matches, err := s.ToRegex(); err == nil && matches.MatchString(host+".") {
				label := s.IdentityLabel()
				of[label.String()] = label
			}
		}
		e.identity = identity.NewIdentity(firstAddress+identity.NumericIdentity(500+n), of)
		all = append(all, e)
	}
	return all
}

// leaves reports whether the datapath lets a connection out of a pod. What is redirected there is DNS, in which every
// name may be asked for.
func (c *cluster) leaves(from, to *end, port uint16, protocol u8proto.U8proto) (bool, error) {
	p, err := c.policyOf(from)
	if err != nil {
		return false, err
	}
	entry, _, _ := p.Lookup(policy.EgressKey().WithIdentity(to.identity.ID).WithPortProto(protocol, port))
	if entry.IsRedirectEntry() && port != 53 {
		return false, fmt.Errorf("port %d is %w", port, errRedirected)
	}
	return !entry.IsDeny(), nil
}

// caller is an end as meshc's analysis of networks has it.
func (e *end) caller() network.Caller {
	switch {
	case e.namespace != "":
		return network.Caller{Kind: network.OfWorkload, Pods: network.Pods{Namespace: e.namespace, Labels: []network.Labels{{Known: e.labels}}}, Apart: true}
	case e.host != "":
		return network.Caller{Kind: network.OfHost, Host: e.host}
	case e.address.IsValid():
		return network.Caller{Kind: network.OfAddresses, Blocks: []netip.Prefix{netip.PrefixFrom(e.address, e.address.BitLen())}}
	}
	return network.Caller{Kind: network.OfAddresses, Blocks: []netip.Prefix{netip.MustParsePrefix("172.31.0.1/32")}} // a node
}

// calls reports whether an edge needs a connection, and whether one or what every pod needs may be about it.
func calls(p *meshc.Policy, from, to *end, port uint16, udp bool) (needs, may bool) {
	mesh, service := place(p, from)
	if mesh == nil || !mesh.Closed && (mesh.Declares || mesh.Open) || to.namespace == "kube-system" && port == 53 {
		return true, true
	}
	dials := func(s meshc.Source) bool {
		return s.Kind != meshc.FromService && isOf(s, from) || s.Kind == meshc.FromService && s.Service == service
	}
	for _, m := range p.Meshes {
		for _, x := range m.Externals {
			if to.host == "" || udp || !slices.ContainsFunc(x.Callers, dials) || !slices.ContainsFunc(x.Ports, func(p meshc.ExternalPort) bool { return p.Number == port }) {
				continue
			}
			for _, host := range x.Hosts {
				domain, wild := strings.CutPrefix(host, "*")
				if wild && strings.HasSuffix(to.host, domain) || host == to.host {
					return true, true
				}
			}
		}
	}
	_, callee := place(p, to)
	if callee == nil {
		return false, false
	}
	for i := range callee.Allow {
		r := &callee.Allow[i]
		plain := *r
		plain.Ops, plain.Without, plain.Except = nil, nil, nil
		plain.Where = slices.DeleteFunc(slices.Clone(r.Where), func(c meshc.Condition) bool { return c.Dimension != meshc.PortDimension })
		if slices.ContainsFunc(r.From, dials) && meets(callee, &plain, from, &request{port: port, udp: udp}) {
			may = true
			needs = needs || len(r.Except) == 0 && !slices.ContainsFunc(callee.Deny, func(d meshc.Rule) bool { return !d.OfHTTP() })
		}
	}
	return needs, may
}
