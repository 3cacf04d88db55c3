package istio

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"istio.io/api/security/v1beta1"
	"sigs.k8s.io/yaml"

	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/source"
	"github.com/meshc/meshc/targets"
)

// request is what a proxy sees of a request. Without a mesh it has only an address, and no identity.
type request struct {
	mesh, account string
	address       netip.Addr
	port          uint16
	method, path  string // empty on a port that is not HTTP
	host, header  string // those of HTTP; header is the text of x-a, empty where there is none
}

// intended reports whether the intents match a request, without any translation.
func (q request) intended(rules []policy.Rule) bool {
	return slices.ContainsFunc(rules, func(r policy.Rule) bool {
		does := func(o policy.Operation) bool {
			return q.path != "" && (len(o.Methods) == 0 || slices.Contains(o.Methods, q.method)) && (o.Path == "" || matches(o.Path, q.path))
		}
		if r.Widened && q.path == "" {
			r.Ops, r.Without = nil, nil
			r.Where = slices.DeleteFunc(slices.Clone(r.Where), func(c policy.Condition) bool { return c.Dimension != policy.PortDimension })
		}
		return slices.ContainsFunc(r.From, q.from) && !slices.ContainsFunc(r.Except, q.from) &&
			(len(r.Ports) == 0 || slices.Contains(r.Ports, q.port)) &&
			(len(r.Ops) == 0 || slices.ContainsFunc(r.Ops, does)) && !slices.ContainsFunc(r.Without, does) &&
			!slices.ContainsFunc(r.Where, func(c policy.Condition) bool { return !q.meets(c) })
	})
}

func (q request) meets(c policy.Condition) bool {
	text := map[string]string{policy.PortDimension: fmt.Sprint(q.port), policy.HostDimension: q.host, policy.HeaderDimension: q.header}[c.Dimension]
	return matchesAny(c.Values, text) != c.Not
}

// matchesAny reports whether a text has one of some patterns. No text has none.
func matchesAny(patterns []string, text string) bool {
	return text != "" && slices.ContainsFunc(patterns, func(p string) bool { return matches(p, text) })
}

func (q request) from(s policy.Source) bool {
	switch s.Kind {
	case policy.FromWorld:
		return true
	case policy.FromAny:
		return q.mesh != ""
	case policy.FromMesh:
		return q.mesh == s.Mesh
	}
	if !s.Service.Proxied() {
		return q.mesh == "" && slices.ContainsFunc(s.Service.Addresses, func(p netip.Prefix) bool { return p.Contains(q.address) })
	}
	return q.mesh == s.Service.Namespace && q.account == s.Service.Account
}

// enforced is what the rules of written policies say of it:
// https://istio.io/latest/docs/reference/config/security/authorization-policy/
func (q request) enforced(policies []*v1beta1.AuthorizationPolicy) bool {
	for _, p := range policies {
		for _, r := range p.Rules {
			from := len(r.From) == 0 || slices.ContainsFunc(r.From, func(f *v1beta1.Rule_From) bool {
				s := f.Source
				principal := "cluster.local/ns/" + q.mesh + "/sa/" + q.account
				within := func(b string) bool { return netip.MustParsePrefix(b).Contains(q.address) }
				return (len(s.Principals) == 0 || q.mesh != "" && (s.Principals[0] == "*" || slices.Contains(s.Principals, principal))) &&
					(q.mesh == "" || !slices.Contains(s.NotPrincipals, "*") && !slices.Contains(s.NotPrincipals, principal)) &&
					(len(s.Namespaces) == 0 || slices.Contains(s.Namespaces, q.mesh)) && !slices.Contains(s.NotNamespaces, q.mesh) &&
					(len(s.IpBlocks) == 0 || slices.ContainsFunc(s.IpBlocks, within)) && !slices.ContainsFunc(s.NotIpBlocks, within)
			})
			to := len(r.To) == 0 || slices.ContainsFunc(r.To, func(t *v1beta1.Rule_To) bool {
				o := t.Operation
				if len(o.Ports) > 0 && !slices.Contains(o.Ports, fmt.Sprint(q.port)) || slices.Contains(o.NotPorts, fmt.Sprint(q.port)) {
					return false
				}
				return p.Action == v1beta1.AuthorizationPolicy_DENY && q.path == "" ||
					(len(o.Methods) == 0 || slices.Contains(o.Methods, q.method)) && !slices.Contains(o.NotMethods, q.method) &&
						(len(o.Paths) == 0 || matchesAny(o.Paths, q.path)) && !matchesAny(o.NotPaths, q.path) &&
						(len(o.Hosts) == 0 || matchesAny(o.Hosts, q.host)) && !matchesAny(o.NotHosts, q.host)
			})
			when := p.Action == v1beta1.AuthorizationPolicy_DENY && q.path == "" || !slices.ContainsFunc(r.When, func(c *v1beta1.Condition) bool {
				return c.Key != "request.headers[x-a]" || len(c.Values) > 0 && !matchesAny(c.Values, q.header) || matchesAny(c.NotValues, q.header)
			})
			if from && to && when {
				return true
			}
		}
	}
	return false
}

func matches(pattern, path string) bool {
	if prefix, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(path, prefix)
	}
	return pattern == path
}

// written decodes the YAML of AuthorizationPolicies, by name.
func written(t *testing.T, manifests []targets.Manifest) map[string]*v1beta1.AuthorizationPolicy {
	t.Helper()
	policies := map[string]*v1beta1.AuthorizationPolicy{}
	for _, m := range manifests {
		if m.Kind == "AuthorizationPolicy" {
			var o struct {
				Metadata struct{ Name, Namespace string }
				Spec     v1beta1.AuthorizationPolicy
			}
			require.NoError(t, yaml.Unmarshal([]byte(m.YAML), &o))
			require.Equal(t, m.Name, o.Metadata.Name)
			require.Equal(t, m.Namespace, o.Metadata.Namespace)
			policies[m.Name] = &o.Spec
		}
	}
	return policies
}

// sample returns a policy that has a callee with random rules, and the callee.
func sample(r *rand.Rand, rules int) (*policy.Policy, *policy.Service) {
	file := source.NewFile("shop.mesh", "")
	pay, shop := &policy.Mesh{Name: "pay", Declares: true}, &policy.Mesh{Name: "shop", Mode: policy.Strict, Files: []string{file.Name}}
	for _, m := range []*policy.Mesh{pay, shop} {
		for _, name := range []string{"a", "b", "c"} {
			m.Services = append(m.Services, &policy.Service{Namespace: m.Name, Name: name, Account: name, Labels: []policy.Label{{Key: "app", Value: name}}})
		}
	}
	outside := &policy.Service{Namespace: "shop", Name: "out", Dataplane: policy.NoProxy, Addresses: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/24")}}
	callee := &policy.Service{Namespace: "shop", Name: "z", Account: "z", Labels: []policy.Label{{Key: "app", Value: "z"}},
		Ports: []policy.Port{{Number: 80, Protocol: policy.HTTP}, {Number: 81, Protocol: policy.HTTP}, {Number: 90, Protocol: policy.TCP}}}
	callers := []policy.Source{{Kind: policy.FromMesh, Mesh: "pay"}, {Kind: policy.FromService, Service: outside}}
	for _, s := range append(slices.Clone(pay.Services), shop.Services...) {
		callers = append(callers, policy.Source{Kind: policy.FromService, Service: s})
	}
	shop.Services = append(shop.Services, outside, callee)
	for range rules {
		rule := policy.Rule{At: file.Span(0, 0)}
		for range 1 + r.IntN(2) {
			switch from := r.IntN(40); from {
			case 0:
				rule.From = append(rule.From, policy.Source{Kind: policy.FromWorld})
			case 1:
				rule.From = append(rule.From, policy.Source{Kind: policy.FromAny})
			default:
				rule.From = append(rule.From, callers[from%len(callers)])
			}
		}
		if r.IntN(6) > 0 {
			for _, port := range []uint16{80, 81, 90} {
				if r.IntN(2) == 0 {
					rule.Ports = append(rule.Ports, port)
				}
			}
		}
		deny := r.IntN(4) == 0
		rule.Widened = deny && len(rule.Ports) == 0
		if !slices.Contains(rule.Ports, 90) {
			for range r.IntN(3) {
				var o policy.Operation
				for _, method := range []string{"GET", "POST"} {
					if r.IntN(2) == 0 {
						o.Methods = append(o.Methods, method)
					}
				}
				o.Path = []string{"/a", "/b", "/b/*", ""}[r.IntN(4)]
				if o.Path == "" && o.Methods == nil {
					o.Path = "/b"
				}
				rule.Ops = append(rule.Ops, o)
			}
			if narrow(r, &rule); rule.Widened && len(rule.Ops) > 0 {
				rule.Without = nil // which could leave nothing of it but what is not HTTP
			}
		}
		if r.IntN(4) == 0 && len(rule.Ports) == 0 {
			rule.Where = append(rule.Where, policy.Condition{Dimension: policy.PortDimension, Values: []string{"80"}, Not: true})
		}
		if r.IntN(3) == 0 {
			rule.From = []policy.Source{{Kind: []policy.SourceKind{policy.FromAny, policy.FromWorld, policy.FromMesh}[r.IntN(3)]}}
			if rule.From[0].Kind == policy.FromMesh {
				rule.From[0].Mesh = "pay"
			}
			for range r.IntN(3) {
				rule.Except = append(rule.Except, callers[r.IntN(len(callers))])
			}
		}
		if deny {
			callee.Deny = append(callee.Deny, rule)
		} else {
			callee.Allow = append(callee.Allow, rule)
		}
	}
	return &policy.Policy{TrustDomain: "cluster.local", RootNamespace: "istio-system", Meshes: []*policy.Mesh{pay, shop}}, callee
}

// narrow adds random exceptions and conditions to a rule about HTTP.
func narrow(r *rand.Rand, rule *policy.Rule) {
	for range r.IntN(3) {
		o := policy.Operation{Path: []string{"/a", "/b/*", "/c", ""}[r.IntN(4)]}
		if o.Path == "" || r.IntN(2) == 0 {
			o.Methods = [][]string{{"GET"}, {"POST"}, {"GET", "POST"}}[r.IntN(3)]
		}
		rule.Without = append(rule.Without, o)
	}
	if r.IntN(4) == 0 {
		rule.Where = append(rule.Where, policy.Condition{Dimension: policy.HostDimension, Values: []string{"a.example", "a.example:*"}})
	}
	if r.IntN(4) == 0 {
		rule.Where = append(rule.Where, policy.Condition{Dimension: policy.HeaderDimension, Key: []string{"x-a"}, Values: [][]string{{"1"}, {"1*", "2"}, {"*"}}[r.IntN(3)], Not: r.IntN(2) == 0})
	}
}

var requests = func() (all []request) {
	for _, mesh := range []string{"", "pay", "shop", "other"} {
		for _, account := range []string{"a", "b", "c", "x"} {
			for _, path := range []string{"/a", "/b", "/b/c", "/c"} {
				for _, method := range []string{"GET", "POST", "PUT"} {
					for _, port := range []uint16{80, 81} {
						q := request{mesh: mesh, account: account, address: netip.MustParseAddr("10.9.0.1"), port: port, method: method, path: path}
						q.host = []string{"a.example", "a.example:80", "b.example"}[len(all)%3]
						q.header = []string{"", "1", "12", "2", "3"}[len(all)%5]
						all = append(all, q)
					}
				}
			}
			all = append(all, request{mesh: mesh, account: account, address: netip.MustParseAddr("10.9.0.1"), port: 90})
		}
	}
	for _, port := range []uint16{80, 90} {
		for _, mesh := range []string{"", "pay", "other"} { // callers at the address of the service outside, with and without an identity
			all = append(all, request{mesh: mesh, account: "a", address: netip.MustParseAddr("10.0.0.7"), port: port, method: "GET", path: "/a", host: "a.example"})
		}
	}
	return all
}()

// TestRulesMatchWhatIntentsMatch compares random intents with the rules that are emitted for them, request by request.
func TestRulesMatchWhatIntentsMatch(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for range 150 {
		p, callee := sample(r, 1+r.IntN(8))
		manifests, findings := New(Options{}).Emit(p)
		require.Empty(t, findings)
		policies := written(t, manifests)
		for _, side := range []struct {
			name  string
			rules []policy.Rule
		}{{"z-ingress", callee.Allow}, {"z-deny", callee.Deny}} {
			got := policies[side.name]
			if got == nil { // exceptions may leave nothing of its rules
				require.False(t, slices.ContainsFunc(requests, func(q request) bool { return q.intended(side.rules) }))
				continue
			}
			for _, rule := range got.Rules {
				mixed := map[bool]bool{}
				for _, to := range rule.To {
					if side.name == "z-deny" && !slices.ContainsFunc(side.rules, func(r policy.Rule) bool { return r.Widened }) {
						require.NotEmpty(t, append(to.Operation.Ports, to.Operation.NotPorts...), "every operation of a deny carries its ports, unless it is of every port")
					}
					o := to.Operation
					mixed[len(o.Methods)+len(o.Paths)+len(o.NotMethods)+len(o.NotPaths)+len(o.Hosts)+len(rule.When) > 0] = true
				}
				require.Less(t, len(mixed), 2, "a rule mixes TCP and HTTP")
			}
			for _, q := range requests {
				require.Equal(t, q.intended(side.rules), q.enforced([]*v1beta1.AuthorizationPolicy{got}), "%v\n%v", q, got)
			}
		}
	}
}

// TestOrderDoesNotMatter shuffles every list of a policy, and splits rules into equivalent ones.
func TestOrderDoesNotMatter(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	for range 60 {
		p, callee := sample(r, 10)
		want, findings := New(Options{Sidecars: true, WithNamespaces: true}).Emit(p)
		require.Empty(t, findings)
		for _, rules := range []*[]policy.Rule{&callee.Allow, &callee.Deny} {
			var parts []policy.Rule
			for _, rule := range *rules {
				for _, from := range rule.From {
					one := rule
					one.From = []policy.Source{from}
					one.Ops = slices.Clone(rule.Ops)
					r.Shuffle(len(one.Ops), func(i, j int) { one.Ops[i], one.Ops[j] = one.Ops[j], one.Ops[i] })
					parts = append(parts, one)
					if r.IntN(3) == 0 {
						parts = append(parts, one)
					}
				}
			}
			r.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
			*rules = parts
		}
		r.Shuffle(len(p.Meshes), func(i, j int) { p.Meshes[i], p.Meshes[j] = p.Meshes[j], p.Meshes[i] })
		for _, m := range p.Meshes {
			r.Shuffle(len(m.Services), func(i, j int) { m.Services[i], m.Services[j] = m.Services[j], m.Services[i] })
		}
		got, _ := New(Options{Sidecars: true, WithNamespaces: true}).Emit(p)
		require.Equal(t, string(targets.Stream(want)), string(targets.Stream(got)))
		require.Equal(t, targets.Layout(want, ""), targets.Layout(got, ""))
	}
}

// crowd returns a policy that has a callee with many callers, and the callee.
func crowd(callers int) (*policy.Policy, *policy.Service) {
	p, callee := sample(rand.New(rand.NewPCG(0, 0)), 0)
	team := &policy.Mesh{Name: "team", Declares: true}
	p.Meshes = append(p.Meshes, team)
	for i := range callers {
		s := &policy.Service{Namespace: "team", Name: fmt.Sprintf("caller-%05d", i), Account: fmt.Sprintf("caller-%05d", i), Labels: callee.Labels}
		team.Services = append(team.Services, s)
		rule := policy.Rule{From: []policy.Source{{Kind: policy.FromService, Service: s}}}
		if i%3 == 0 {
			rule.Ports = []uint16{80}
			rule.Ops = []policy.Operation{{Path: "/a"}}
		}
		callee.Allow = append(callee.Allow, rule)
	}
	return p, callee
}

// TestLargePoliciesAreSplit has more callers than an object can hold that client-side apply stores twice. One more
// caller changes only one part, and the parts together match what a single policy would.
func TestLargePoliciesAreSplit(t *testing.T) {
	p, callee := crowd(15000)
	manifests, findings := New(Options{}).Emit(p)
	require.Empty(t, findings)
	policies := written(t, manifests)
	names, waves, parts := []string{}, map[string]int{}, []*v1beta1.AuthorizationPolicy{}
	bytes := map[string]string{}
	for _, m := range manifests {
		require.Less(t, len(m.YAML), 256<<10)
		if strings.HasPrefix(m.Name, "z-ingress") {
			names = append(names, m.Name)
			waves[m.Name] = m.Wave
			parts = append(parts, policies[m.Name])
			bytes[m.Name] = m.YAML
		}
	}
	require.ElementsMatch(t, []string{"z-ingress", "z-ingress-2", "z-ingress-3", "z-ingress-4"}, names)
	require.Equal(t, map[string]int{"z-ingress": 20, "z-ingress-2": 19, "z-ingress-3": 18, "z-ingress-4": 18}, waves,
		"when the number of parts doubles, callers move to parts with higher numbers, which are applied first")
	for i := range 10000 {
		for _, q := range []request{
			{mesh: "team", account: fmt.Sprintf("caller-%05d", i), port: 80, method: "GET", path: "/a"},
			{mesh: "team", account: fmt.Sprintf("caller-%05d", i), port: 90},
		} {
			if i%100 != 0 {
				continue
			}
			require.Equal(t, q.intended(callee.Allow), q.enforced(parts), "%v", q)
		}
	}

	p, _ = crowd(15001)
	manifests, _ = New(Options{}).Emit(p)
	changed := 0
	for _, m := range manifests {
		if before, ok := bytes[m.Name]; ok && before != m.YAML {
			changed++
		}
	}
	require.Equal(t, 1, changed)
}

// TestReasonsAreBounded gives each of many edges into a service its own reason and file. The annotations have the first
// ones, and each part of a policy has only those of its own rules.
func TestReasonsAreBounded(t *testing.T) {
	p, callee := crowd(8000)
	for i := range callee.Allow {
		callee.Allow[i].Because = fmt.Sprintf("ticket %05d, agreed upon by both of the teams and by the auditors", i)
		callee.Allow[i].At = source.NewFile(fmt.Sprintf("teams/%05d/intents.mesh", i), "").Span(0, 0)
	}
	p.Meshes[1].Files = []string{strings.Repeat("x", 5000) + ".mesh"}
	manifests, findings := New(Options{}).Emit(p)
	require.Empty(t, findings)
	parts, reasons := 0, 0
	for _, m := range manifests {
		var o struct {
			Metadata struct{ Annotations map[string]string }
		}
		require.NoError(t, yaml.Unmarshal([]byte(m.YAML), &o))
		for key, value := range o.Metadata.Annotations {
			require.LessOrEqual(t, len(value), 4<<10, key)
			require.NotContains(t, value, "and 0 more")
		}
		if !strings.HasPrefix(m.Name, "z-ingress") {
			continue
		}
		parts++
		named := strings.Split(o.Metadata.Annotations["meshc.dev/because"], "; ")
		more, named := named[len(named)-1], named[:len(named)-1]
		for _, reason := range named {
			require.Regexp(t, `^ticket \d{5}, agreed upon by both of the teams and by the auditors$`, reason)
			require.Contains(t, m.YAML, "team/sa/caller-"+reason[len("ticket "):][:5], "a reason of another part")
		}
		var n int
		_, err := fmt.Sscanf(more, "and %d more", &n)
		require.NoError(t, err, more)
		reasons += len(named) + n
		require.Regexp(t, `^teams/\d{5}/intents.mesh,.*, and \d+ more$`, o.Metadata.Annotations["meshc.dev/source"])
	}
	require.Equal(t, 2, parts)
	require.Equal(t, 8000, reasons)
}

// TestRuleLimit needs more rules than one policy may have.
func TestRuleLimit(t *testing.T) {
	p, callee := sample(rand.New(rand.NewPCG(0, 0)), 0)
	services := append(slices.Clone(p.Meshes[0].Services), p.Meshes[1].Services[:3]...)
	for i := range 4 {
		services = append(services, &policy.Service{Namespace: "pay", Name: fmt.Sprint("x", i), Account: fmt.Sprint("x", i)})
	}
	for set := 1; set < 1<<len(services); set++ {
		rule := policy.Rule{Requests: policy.Requests{Ports: []uint16{80}, Ops: []policy.Operation{{Path: fmt.Sprintf("/set/%d", set)}}}}
		for i, s := range services {
			if set&(1<<i) != 0 {
				rule.From = append(rule.From, policy.Source{Kind: policy.FromService, Service: s})
			}
		}
		callee.Allow = append(callee.Allow, rule)
	}
	manifests, findings := New(Options{}).Emit(p)
	require.Empty(t, findings)
	policies := written(t, manifests)
	var parts []*v1beta1.AuthorizationPolicy
	for name, spec := range policies {
		require.LessOrEqual(t, len(spec.Rules), 512)
		if strings.HasPrefix(name, "z-ingress") {
			parts = append(parts, spec)
		}
	}
	require.Greater(t, len(parts), 1)
	for set := 1; set < 1<<len(services); set++ {
		for _, s := range services {
			q := request{mesh: s.Namespace, account: s.Account, port: 80, method: "GET", path: fmt.Sprintf("/set/%d", set)}
			require.Equal(t, q.intended(callee.Allow[set-1:set]), q.enforced(parts), "%v", q)
		}
	}
}

// TestTooLargeToSplit gives one caller more paths than fit into an object.
func TestTooLargeToSplit(t *testing.T) {
	p, callee := sample(rand.New(rand.NewPCG(0, 0)), 0)
	file := source.NewFile("shop.mesh", "service z\n")
	callee.At = file.Span(8, 9)
	rule := policy.Rule{From: []policy.Source{{Kind: policy.FromService, Service: p.Meshes[0].Services[0]}}, Requests: policy.Requests{Ports: []uint16{80}}}
	for i := range 10000 {
		rule.Ops = append(rule.Ops, policy.Operation{Path: fmt.Sprintf("/orders/of/the/year/%d", i)})
	}
	callee.Allow = []policy.Rule{rule}
	manifests, findings := New(Options{}).Emit(p)
	require.EqualError(t, findings.Err().(interface{ WrappedErrors() []error }).WrappedErrors()[0],
		"shop.mesh:1:9: error: the policy shop/z-ingress is larger than a cluster takes, however it is split [MESH3002]")
	require.NotContains(t, written(t, manifests), "z-ingress")
}
