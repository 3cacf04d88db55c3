package istio

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/source"
)

// A case has its policy as a table, with one fact on each line:
//
//	options v1beta1 namespaces injection=REV sidecars
//	policy  trust=DOMAIN root=NAMESPACE mode=MODE dry-run
//	mesh    NAME mode=MODE declares file=NAME
//	service NAME account=NAME label=KEY=VALUE port=NUMBER/PROTOCOL/MODE mode=MODE outside=PREFIX host=NAME
//	external NAME host=HOST port=NUMBER/PROTOCOL/tls from=SOURCE
//	allow   CALLEE from=SOURCE port=NUMBER op="METHOD|METHOD PATH" because="REASON" until=DATE file=NAME
//	deny    as allow
//
// `mesh` opens a namespace, to which the following lines belong. A service has the account NAME-sa and the label
// app=NAME unless its line has others. A SOURCE is NAME, MESH/NAME, MESH/*, any or world.
func readTable(t *testing.T, name, text string) (*policy.Policy, Options) {
	t.Helper()
	p := &policy.Policy{TrustDomain: "cluster.local", RootNamespace: "istio-system"}
	r := &tableReader{t: t, policy: p, file: source.NewFile(name, text)}
	offset := 0
	for line := range strings.SplitAfterSeq(text, "\n") {
		at := r.file.Span(offset, offset+len(strings.TrimRight(line, "\n")))
		offset += len(line)
		if words := fields(line); len(words) > 0 && !strings.HasPrefix(words[0], "#") {
			r.line(words[0], words[1:], at)
		}
	}
	for _, finish := range r.later {
		finish()
	}
	slices.SortFunc(p.Meshes, func(a, b *policy.Mesh) int { return strings.Compare(a.Name, b.Name) })
	for _, m := range p.Meshes {
		slices.SortFunc(m.Services, func(a, b *policy.Service) int { return strings.Compare(a.Name, b.Name) })
	}
	return p, r.options
}

// fields splits at blanks outside double quotes, and drops the quotes.
func fields(line string) (words []string) {
	quoted := false
	for _, w := range strings.FieldsFunc(strings.TrimRight(line, "\n"), func(r rune) bool {
		if r == '"' {
			quoted = !quoted
		}
		return r == ' ' && !quoted
	}) {
		words = append(words, strings.ReplaceAll(w, `"`, ""))
	}
	return words
}

type tableReader struct {
	t       *testing.T
	policy  *policy.Policy
	options Options
	file    *source.File
	mesh    *policy.Mesh
	later   []func() // edges, once every service is known
}

func (r *tableReader) line(kind string, words []string, at source.Span) {
	p := r.policy
	switch kind {
	case "options":
		for key, value := range pairs(words) {
			switch key {
			case "v1beta1":
				r.options.APIVersion = "security.istio.io/v1beta1"
			case "namespaces":
				r.options.WithNamespaces = true
			case "sidecars":
				r.options.Sidecars = true
			case "injection":
				r.options.Injection = value
			default:
				require.Fail(r.t, "no option "+key)
			}
		}
	case "policy":
		for key, value := range pairs(words) {
			switch key {
			case "trust":
				p.TrustDomain = value
			case "root":
				p.RootNamespace = value
			case "mode":
				p.Mode, p.ModeAt = r.mode(value), at
			case "dry-run":
				p.DryRun = true
			default:
				require.Fail(r.t, "no fact of a policy: "+key)
			}
		}
	case "mesh":
		r.mesh = &policy.Mesh{Name: words[0], At: at, ModeAt: at}
		p.Meshes = append(p.Meshes, r.mesh)
		for key, value := range pairs(words[1:]) {
			switch key {
			case "mode":
				r.mesh.Mode = r.mode(value)
			case "declares":
				r.mesh.Declares = true
			case "file":
				r.mesh.Files = append(r.mesh.Files, value)
			default:
				require.Fail(r.t, "no fact of a mesh: "+key)
			}
		}
		if r.mesh.Files == nil {
			r.mesh.Files = []string{r.file.Name}
		}
	case "service":
		r.mesh.Services = append(r.mesh.Services, r.service(words[0], words[1:], at))
	case "external":
		x := &policy.External{Namespace: r.mesh.Name, Name: words[0], At: at}
		r.mesh.Externals = append(r.mesh.Externals, x)
		for key, value := range pairs(words[1:]) {
			switch key {
			case "host":
				x.Hosts = append(x.Hosts, value)
			case "port":
				number, protocol, mode := r.port(value)
				x.Ports = append(x.Ports, policy.ExternalPort{Number: number, Protocol: protocol, Originate: mode == "tls"})
			case "from":
				mesh := r.mesh
				r.later = append(r.later, func() { x.Callers = append(x.Callers, r.source(mesh, value)) })
			default:
				require.Fail(r.t, "no fact of an external: "+key)
			}
		}
	case "allow", "deny":
		mesh := r.mesh
		r.later = append(r.later, func() {
			callee := r.source(mesh, words[0]).Service
			rule := r.rule(mesh, words[1:], at)
			if kind == "deny" {
				callee.Deny = append(callee.Deny, rule)
			} else {
				callee.Allow = append(callee.Allow, rule)
			}
		})
	default:
		require.Fail(r.t, "no fact "+kind)
	}
}

func (r *tableReader) service(name string, words []string, at source.Span) *policy.Service {
	s := &policy.Service{Namespace: r.mesh.Name, Name: name, Account: name + "-sa", At: at}
	for key, value := range pairs(words) {
		switch key {
		case "account":
			s.Account = value
		case "label":
			k, v, _ := strings.Cut(value, "=")
			s.Labels = append(s.Labels, policy.Label{Key: k, Value: v})
		case "no-labels":
			s.Labels = []policy.Label{}
		case "port":
			number, protocol, mode := r.port(value)
			s.Ports = append(s.Ports, policy.Port{Number: number, Protocol: protocol, Mode: r.mode(mode)})
		case "mode":
			s.Mode = r.mode(value)
		case "outside":
			s.Dataplane, s.Account = policy.NoProxy, ""
			if value != "" {
				s.Addresses = append(s.Addresses, netip.MustParsePrefix(value))
			}
		case "host":
			s.Hosts = append(s.Hosts, value)
		default:
			require.Fail(r.t, "no fact of a service: "+key)
		}
	}
	if s.Labels == nil && s.Proxied() {
		s.Labels = []policy.Label{{Key: "app", Value: name}}
	}
	return s
}

func (r *tableReader) rule(mesh *policy.Mesh, words []string, at source.Span) policy.Rule {
	rule := policy.Rule{At: at}
	for key, value := range pairs(words) {
		switch key {
		case "from":
			rule.From = append(rule.From, r.source(mesh, value))
		case "port":
			number, _, _ := r.port(value)
			rule.Ports = append(rule.Ports, number)
		case "except":
			rule.Except = append(rule.Except, r.source(mesh, value))
		case "op":
			rule.Ops = append(rule.Ops, operationIn(value))
		case "without":
			rule.Without = append(rule.Without, operationIn(value))
		case "host":
			rule.Where = append(rule.Where, policy.Condition{Dimension: policy.HostDimension, Values: strings.Split(value, "|")})
		case "not-port":
			rule.Where = append(rule.Where, policy.Condition{Dimension: policy.PortDimension, Values: strings.Split(value, "|"), Not: true})
		case "header", "no-header":
			name, values, _ := strings.Cut(value, "=")
			rule.Where = append(rule.Where, policy.Condition{Dimension: policy.HeaderDimension, Key: []string{name}, Values: strings.Split(values, "|"), Not: key != "header"})
		case "because":
			rule.Because = value
		case "until":
			rule.Until = value
		case "file":
			rule.At = source.NewFile(value, "").Span(0, 0)
		default:
			require.Fail(r.t, "no fact of a rule: "+key)
		}
	}
	return rule
}

func operationIn(text string) policy.Operation {
	methods, path, both := strings.Cut(text, " ")
	if !both && strings.Contains(text, "/") {
		methods, path = "", text
	}
	op := policy.Operation{Path: path}
	if methods != "" {
		op.Methods = strings.Split(methods, "|")
	}
	return op
}

func (r *tableReader) source(mesh *policy.Mesh, text string) policy.Source {
	switch ns, name, ok := strings.Cut(text, "/"); {
	case text == "any":
		return policy.Source{Kind: policy.FromAny}
	case text == "world":
		return policy.Source{Kind: policy.FromWorld}
	case ok && name == "*":
		return policy.Source{Kind: policy.FromMesh, Mesh: ns}
	case ok:
		return r.find(ns, name)
	}
	return r.find(mesh.Name, text)
}

func (r *tableReader) find(ns, name string) policy.Source {
	for _, m := range r.policy.Meshes {
		for _, s := range m.Services {
			if m.Name == ns && s.Name == name {
				return policy.Source{Kind: policy.FromService, Service: s}
			}
		}
	}
	require.Fail(r.t, "no service "+ns+"/"+name)
	return policy.Source{}
}

func (r *tableReader) mode(text string) policy.Mode {
	for m := policy.ModeUnset; m <= policy.Strict; m++ {
		if m.String() == text {
			return m
		}
	}
	require.Fail(r.t, "no mode "+text)
	return 0
}

func (r *tableReader) port(text string) (uint16, policy.Protocol, string) {
	parts := append(strings.Split(text, "/"), "", "")
	number, err := strconv.ParseUint(parts[0], 10, 16)
	require.NoError(r.t, err)
	for protocol := policy.ProtocolUnset; protocol <= policy.GRPC; protocol++ {
		if protocol.String() == parts[1] {
			return uint16(number), protocol, parts[2]
		}
	}
	require.Fail(r.t, "no protocol "+parts[1])
	return 0, 0, ""
}

func pairs(words []string) func(yield func(string, string) bool) {
	return func(yield func(string, string) bool) {
		for _, w := range words {
			key, value, _ := strings.Cut(w, "=")
			if !yield(key, value) {
				return
			}
		}
	}
}
