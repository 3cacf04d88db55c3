package conformance

import (
	"fmt"
	"log/slog"
	"math"
	"regexp"
	"strings"

	proxy "github.com/cilium/proxy/go/cilium/api"
	route "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	matcher "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"sigs.k8s.io/yaml"

	"github.com/cilium/cilium/pkg/endpoint/regeneration"
	envoypolicy "github.com/cilium/cilium/pkg/envoy/policy"
	"github.com/cilium/cilium/pkg/identity"
	"github.com/cilium/cilium/pkg/identity/identitymanager"
	v2 "github.com/cilium/cilium/pkg/k8s/apis/cilium.io/v2"
	"github.com/cilium/cilium/pkg/policy"
	"github.com/cilium/cilium/pkg/policy/api"
	policytypes "github.com/cilium/cilium/pkg/policy/types"
	policyutils "github.com/cilium/cilium/pkg/policy/utils"
	testidentity "github.com/cilium/cilium/pkg/testutils/identity"
	testpolicy "github.com/cilium/cilium/pkg/testutils/policy"
	"github.com/cilium/cilium/pkg/u8proto"

	"github.com/meshc/meshc/targets"
)

// cluster is policies in Cilium's own repository, which knows the ends of connections.
type cluster struct {
	logger     *slog.Logger
	repository *policy.Repository
	resolved   map[*end]*policy.EndpointPolicy
}

// newCluster parses and checks manifests as an agent of Cilium does. The error is Cilium's.
func newCluster(manifests []targets.Manifest, all []*end) (*cluster, error) {
	logger := slog.New(slog.DiscardHandler)
	known := identity.IdentityMap{}
	for _, e := range all {
		known[e.identity.ID] = e.identity.LabelArray
	}
	repository := policy.NewPolicyRepository(logger, known, nil, envoypolicy.NewEnvoyL7RulesTranslator(logger, nil),
		identitymanager.NewIDManager(logger), testpolicy.NewPolicyMetricsNoop())
	repository.GetSelectorCache().SetLocalIdentityNotifier(testidentity.NewDummyIdentityNotifier())
	repository.UpdateIdentities(known, nil)
	for _, m := range manifests {
		rules, err := parse(logger, m)
		if err != nil {
			return nil, fmt.Errorf("%w\n%s", err, m.YAML)
		}
		repository.MustAddPolicyEntries(policyutils.RulesToPolicyEntries(rules))
	}
	return &cluster{logger, repository, map[*end]*policy.EndpointPolicy{}}, nil
}

func init() { api.InitEntities(clusterName) }

func parse(logger *slog.Logger, m targets.Manifest) (api.Rules, error) {
	if m.Namespace == "" {
		var o v2.CiliumClusterwideNetworkPolicy
		if err := yaml.UnmarshalStrict([]byte(m.YAML), &o); err != nil {
			return nil, err
		}
		return o.Parse(logger, clusterName)
	}
	var o v2.CiliumNetworkPolicy
	if err := yaml.UnmarshalStrict([]byte(m.YAML), &o); err != nil {
		return nil, err
	}
	return o.Parse(logger, clusterName)
}

// policyOf is what the datapath enforces at an end, and the rules of HTTP that the proxy enforces there.
func (c *cluster) policyOf(e *end) (*policy.EndpointPolicy, error) {
	if p := c.resolved[e]; p != nil {
		return p, nil
	}
	selected, _, err := c.repository.ComputeSelectorPolicy(e.identity)
	if err != nil {
		return nil, err
	}
	p := selected.DistillPolicy(c.logger, owner{uint64(e.identity.ID)}, map[string]uint16{policy.FallbackRedirectID: math.MaxUint16})
	p.Ready()
	c.resolved[e] = p
	return p, nil
}

// permits reports whether a request passes. The datapath decides by the most specific entry for the caller and the
// port; what it redirects to the proxy passes if one of all rules for them lets it through (forEachRule in
// cilium/network_policy.cc of cilium/proxy), and only as HTTP.
func (c *cluster) permits(from, to *end, q *request) (bool, error) {
	p, err := c.policyOf(to)
	if err != nil {
		return false, err
	}
	protocol := u8proto.TCP
	if q.udp {
		protocol = u8proto.UDP
	}
	entry, _, _ := p.Lookup(policy.IngressKey().WithIdentity(from.identity.ID).WithPortProto(protocol, q.port))
	if entry.IsDeny() || !entry.IsRedirectEntry() {
		return !entry.IsDeny(), nil
	}
	if q.method == "" {
		return false, nil
	}
	for filter := range p.SelectorPolicy.L4Policy.Ingress.PortRules.Filters() {
		if filter.Port != 0 && (q.port < filter.Port || q.port > max(filter.Port, filter.EndPort)) || filter.U8Proto != u8proto.TCP && filter.U8Proto != u8proto.ANY {
			continue
		}
		for callers, rules := range filter.PerSelectorPolicies {
			if !callers.Selects(from.identity.ID) || rules.GetVerdict() == policytypes.Deny {
				continue
			}
			if rules == nil || len(rules.HTTP) == 0 {
				return true, nil
			}
			http, _ := c.repository.GetEnvoyHTTPRules(&rules.L7Rules, to.namespace)
			for _, rule := range http.HttpRules {
				if all(rule, q) {
					return true, nil
				}
			}
		}
	}
	return false, nil
}

// all reports whether a request has all headers of a rule.
func all(rule *proxy.HttpNetworkPolicyRule, q *request) bool {
	for _, h := range rule.Headers {
		if !has(h, q) {
			return false
		}
	}
	return len(rule.HeaderMatches) == 0
}

// has matches one header as Envoy does: an expression with the whole text.
func has(h *route.HeaderMatcher, q *request) bool {
	value, there := q.header(h.Name)
	matches := false
	switch of := h.HeaderMatchSpecifier.(type) {
	case *route.HeaderMatcher_PresentMatch:
		matches = there == of.PresentMatch
	case *route.HeaderMatcher_StringMatch:
		switch m := of.StringMatch.MatchPattern.(type) {
		case *matcher.StringMatcher_SafeRegex:
			matches = there && expression(m.SafeRegex.Regex).MatchString(value)
		case *matcher.StringMatcher_Exact:
			matches = there && value == m.Exact
		default:
			panic(fmt.Sprintf("a matcher of another kind: %v", h))
		}
	default:
		panic(fmt.Sprintf("a matcher of another kind: %v", h))
	}
	return matches != h.InvertMatch
}

var expressions = map[string]*regexp.Regexp{}

func expression(text string) *regexp.Regexp {
	if expressions[text] == nil {
		expressions[text] = regexp.MustCompile(`\A(?:` + text + `)\z`)
	}
	return expressions[text]
}

// request is a connection, or a request if it has a method.
type request struct {
	udp                bool
	port               uint16
	method, path, host string
	headers            map[string]string // names in lower case
}

func (q *request) header(name string) (value string, there bool) {
	switch name {
	case ":method":
		return q.method, true
	case ":path":
		return q.path, true
	case ":authority":
		return q.host, true
	}
	value, there = q.headers[strings.ToLower(name)]
	return value, there
}

// owner is an endpoint without named ports.
type owner struct{ id uint64 }

func (o owner) GetID() uint64                                    { return o.id }
func (owner) GetIngressNamedPort(string, u8proto.U8proto) uint16 { return 0 }
func (owner) PolicyDebug(string, ...any)                         {}
func (owner) IsHost() bool                                       { return false }
func (owner) PreviousMapState() *policy.MapState                 { return nil }
func (owner) RegenerateIfAlive(*regeneration.ExternalRegenerationMetadata) <-chan bool {
	done := make(chan bool)
	close(done)
	return done
}
