package conformance

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	meshconfig "istio.io/api/mesh/v1alpha1"
	security "istio.io/api/security/v1beta1"
	"istio.io/istio/pilot/pkg/config/kube/crd"
	"istio.io/istio/pilot/pkg/model"
	"istio.io/istio/pilot/pkg/networking"
	"istio.io/istio/pilot/pkg/networking/plugin/authz"
	"istio.io/istio/pilot/pkg/security/authn"
	"istio.io/istio/pkg/config"
	"istio.io/istio/pkg/config/constants"
	"istio.io/istio/pkg/config/mesh"
	"istio.io/istio/pkg/config/mesh/meshwatcher"
	"istio.io/istio/pkg/config/schema/collections"
	"istio.io/istio/pkg/config/schema/kind"
	"istio.io/istio/pkg/util/sets"

	"github.com/meshc/meshc/targets/istio/conformance/envoy"
)

// Istiod holds what istiod makes of a set of manifests.
type Istiod struct {
	Warnings  []error // of its validation
	push      *model.PushContext
	endpoints *model.EndpointIndex
}

// Options are settings of the mesh that istiod serves.
type Options struct {
	TrustDomain   string   // default cluster.local
	Aliases       []string // trustDomainAliases
	RootNamespace string   // default istio-system
	Revision      string   // of istiod, which reads objects of its own and those without one; empty: all objects
	Services      []Service
}

// Start reads a stream of manifests as istiod does, and returns an error for what Istio's validation rejects.
func Start(stream []byte, o Options) (*Istiod, error) {
	started := &Istiod{}
	var configs []config.Config
	var err error
	if configs, started.Warnings, err = parse(stream, o); err != nil {
		return nil, err
	}
	settings := mesh.DefaultMeshConfig()
	if o.TrustDomain != "" {
		settings.TrustDomain = o.TrustDomain
	}
	settings.TrustDomainAliases = o.Aliases
	if o.RootNamespace != "" {
		settings.RootNamespace = o.RootNamespace
	}
	env := model.NewEnvironment()
	env.ConfigStore, env.Watcher = store{configs: configs}, watcher{config: settings}
	env.Init()
	changed := sets.New(
		model.ConfigKey{Kind: kind.PeerAuthentication}, model.ConfigKey{Kind: kind.AuthorizationPolicy}, model.ConfigKey{Kind: kind.RequestAuthentication},
	)
	if len(o.Services) > 0 {
		if err := register(env, o.Services); err != nil {
			return nil, err
		}
		for _, k := range []kind.Kind{kind.ServiceEntry, kind.DestinationRule, kind.Sidecar, kind.Telemetry} {
			changed.Insert(model.ConfigKey{Kind: k})
		}
	}
	before := model.NewPushContext()
	before.Mesh = settings
	before.InitDone.Store(true)
	started.endpoints = env.EndpointIndex
	started.push = model.NewPushContext()
	started.push.InitContext(env, before, &model.PushRequest{ConfigsUpdated: changed})
	return started, nil
}

// parse reads a stream of manifests, and returns an error for what Istio's validation rejects.
func parse(stream []byte, o Options) (configs []config.Config, warnings []error, err error) {
	configs, others, err := crd.ParseInputs(string(stream))
	if err != nil {
		return nil, nil, err
	}
	for _, other := range others {
		if other.Kind != "Namespace" {
			return nil, nil, fmt.Errorf("istiod does not know the kind %s", other.Kind)
		}
	}
	configs = slices.DeleteFunc(configs, func(c config.Config) bool { return !config.ObjectInRevision(&c, o.Revision) })
	for i := range configs {
		c := &configs[i]
		c.Domain = constants.DefaultClusterLocalDomain
		schema, _ := collections.PilotGatewayAPI().FindByGroupVersionAliasesKind(c.GroupVersionKind)
		warning, err := schema.ValidateConfig(*c)
		if err != nil {
			return nil, nil, fmt.Errorf("%s %s/%s: %w", c.GroupVersionKind.Kind, c.Namespace, c.Name, err)
		}
		if tokens, ok := c.Spec.(*security.RequestAuthentication); ok {
			for _, rule := range tokens.JwtRules {
				rule.Jwks, rule.JwksUri = `{"keys":[]}`, "" // or istiod would fetch them
			}
		}
		if warning != nil {
			warnings = append(warnings, fmt.Errorf("%s %s/%s: %w", c.GroupVersionKind.Kind, c.Namespace, c.Name, warning))
		}
	}
	return configs, warnings, nil
}

// Workload is what istiod knows about a pod with a proxy.
type Workload struct {
	Namespace string
	Labels    map[string]string
	Gateway   bool // the proxy is a gateway, else a sidecar
}

// Chains holds the RBAC filters of a sidecar, for HTTP ports and for TCP ports, and what authenticates tokens on the
// former.
type Chains struct {
	HTTP, TCP envoy.Chain
	Tokens    *envoy.Tokens
}

// Chains builds the filters of a workload. A CUSTOM policy that selects it is an error: an external server decides.
func (i *Istiod) Chains(w Workload) (Chains, error) {
	asks, err := i.Asks(w)
	if err == nil && len(asks.HTTP)+len(asks.TCP) > 0 {
		err = errors.New("a CUSTOM policy selects the workload")
	}
	if err != nil {
		return Chains{}, err
	}
	return i.local(w)
}

// Asks builds the filters of a workload for CUSTOM policies alone. No provider is configured, so that Istio makes
// filters that deny what the provider would be asked about: getBadCustomDenyRules in pilot/pkg/security/authz/builder.
func (i *Istiod) Asks(w Workload) (Chains, error) {
	custom := authz.NewBuilder(authz.Custom, i.push, w.proxy(), false)
	http, err := envoy.HTTP(custom.BuildHTTP(w.listeners()))
	if err != nil {
		return Chains{}, fmt.Errorf("HTTP: %w", err)
	}
	tcp, err := envoy.TCP(custom.BuildTCP())
	if err != nil {
		return Chains{}, fmt.Errorf("TCP: %w", err)
	}
	return Chains{HTTP: http, TCP: tcp}, nil
}

func (w Workload) proxy() *model.Proxy {
	proxy := &model.Proxy{Type: model.SidecarProxy, ConfigNamespace: w.Namespace, Labels: w.Labels}
	if w.Gateway {
		proxy.Type = model.Router
	}
	return proxy
}

func (w Workload) listeners() networking.ListenerClass {
	if w.Gateway {
		return networking.ListenerClassGateway
	}
	return networking.ListenerClassSidecarInbound
}

// local builds the filters of a workload without CUSTOM policies.
func (i *Istiod) local(w Workload) (Chains, error) {
	proxy := w.proxy()
	local := authz.NewBuilder(authz.Local, i.push, proxy, false)
	http, err := envoy.HTTP(local.BuildHTTP(w.listeners()))
	if err != nil {
		return Chains{}, fmt.Errorf("HTTP: %w", err)
	}
	tcp, err := envoy.TCP(local.BuildTCP())
	if err != nil {
		return Chains{}, fmt.Errorf("TCP: %w", err)
	}
	tokens, err := envoy.ReadTokens(authn.NewPolicyApplier(i.push, proxy, nil).JwtFilter(false))
	if err != nil {
		return Chains{}, fmt.Errorf("tokens: %w", err)
	}
	return Chains{http, tcp, tokens}, nil
}

// Decide reports whether a proxy allows a request. The mode of a sidecar's port decides first: STRICT rejects a caller
// without a certificate, and DISABLE ignores the certificate. The listeners of a gateway have a TLS of their own:
// whether they ask for a certificate is up to the request.
func (i *Istiod) Decide(w Workload, chains Chains, q envoy.Request) bool {
	if w.Gateway {
		return chains.Decide(&q).Allowed
	}
	switch i.Mode(w, q.Port) {
	case "STRICT":
		if q.Peer == "" {
			return false
		}
	case "DISABLE":
		q.Peer = ""
	}
	return chains.Decide(&q).Allowed
}

// Decide passes a request through the filters for its protocol.
func (c Chains) Decide(q *envoy.Request) envoy.Verdict {
	if q.Method == "" {
		return c.TCP.Decide(q)
	}
	seen, ok := *q, false
	if seen.Claims, ok = c.Tokens.See(q); !ok {
		return envoy.Verdict{Policy: "tokens"}
	}
	return c.HTTP.Decide(&seen)
}

// Mode returns the mTLS mode of a port of the workload: DISABLE, PERMISSIVE or STRICT.
func (i *Istiod) Mode(w Workload, port uint16) string {
	policy := authn.NewMtlsPolicy(i.push, i.push.AuthnPolicies, w.Namespace, w.Labels, false)
	return policy.GetMutualTLSModeForPort(uint32(port)).String()
}

// store holds the configurations that istiod lists. Any other method of a store would panic, and none is called.
type store struct {
	model.ConfigStore
	configs []config.Config
}

func (s store) List(kind config.GroupVersionKind, namespace string) []config.Config {
	var list []config.Config
	for _, c := range s.configs {
		if c.GroupVersionKind == kind && (namespace == model.NamespaceAll || c.Namespace == namespace) {
			list = append(list, c)
		}
	}
	return list
}

// watcher is a mesh configuration that never changes.
type watcher struct {
	meshwatcher.WatcherCollection
	config *meshconfig.MeshConfig
}

func (w watcher) Mesh() *meshconfig.MeshConfig { return w.config }
func (w watcher) AddMeshHandler(func()) *mesh.WatcherHandlerRegistration {
	return nil
}

// principal returns the URI in the certificate of a service account.
func principal(trustDomain, namespace, account string) string {
	return strings.Join([]string{"spiffe:/", trustDomain, "ns", namespace, "sa", account}, "/")
}
