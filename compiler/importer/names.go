package importer

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/inventory"
	"github.com/meshc/meshc/compiler/policy"
)

// namespace is what is known of one namespace.
type namespace struct {
	name     string
	services []*service
	accounts map[string][]*service // that have an account; nil: not looked for yet
}

// service is pods that a policy selects, a caller that a policy names, or both.
type service struct {
	namespace  string
	name       string
	account    string
	labels     []policy.Label // of the selector; nil for a caller that no policy selects
	shown      []policy.Label // by which the workloads of such a caller are told apart; nil if they are not, or not known
	within     string         // a service that selects the workloads of such a caller, too
	manifested bool           // the manifests that the project has say what is known of such a caller
	addresses  []netip.Prefix // of a caller without an identity
	ports      map[uint16]policy.Protocol
	known      []*inventory.Workload
	gateway    bool
	clients    policy.ClientAddress // of a gateway: where its rules look for the addresses of clients
	assumed    bool                 // the account is that of a principal that is called like the service
	renamed    bool                 // it is declared even if no statement names it, because its workload has a name that is taken
}

// name finds the services that the manifests are about: one for each selector, and one for each account that principals
// name and no selected pods are known or likely to have.
func (i *importer) name() {
	i.services = map[string]*namespace{}
	var accounts [][2]string // namespace and account
	for _, o := range i.objects {
		if o.read == nil || o.Outcome == Refused {
			continue
		}
		i.in(o.Namespace) // its pods may be those of a policy of the root namespace
		switch o.through = i.passages(o.read); {
		case len(o.through) > 0:
			o.about = o.through[0].service
		case len(o.read.Targets) > 0 && i.isWaypoint(o.read):
			o.waypoint = true
		case len(o.read.Labels()) > 0 || o.read.Gateways && len(o.read.Targets) == 1:
			o.about = i.labelled(o.Namespace, labelsOf(o.read))
		}
		all := o.read.Mentions()
		for _, principal := range all.Principals {
			if id, ok := policy.ParseIdentity(principal); ok && (id.TrustDomain == i.mesh.TrustDomain || id.TrustDomain == i.elsewhere(id.Namespace)) && policy.IsLabel(id.Namespace) && policy.IsName(id.Account) {
				accounts = append(accounts, [2]string{id.Namespace, id.Account})
			}
		}
	}
	slices.SortFunc(accounts, func(a, b [2]string) int { return slices.Compare(a[:], b[:]) })
	for _, a := range slices.Compact(accounts) {
		i.caller(a[0], a[1])
	}
	for _, n := range i.services {
		i.show(n)
	}
}

func (i *importer) in(name string) *namespace {
	n := i.services[name]
	if n == nil {
		n = &namespace{name: name}
		i.services[name] = n
	}
	return n
}

// labelled is the service of the pods of a namespace with some labels.
func (i *importer) labelled(namespace string, labels []policy.Label) *service {
	n := i.in(namespace)
	for _, s := range n.services {
		if slices.Equal(s.labels, labels) {
			return s
		}
	}
	s := &service{namespace: namespace, labels: labels, ports: map[uint16]policy.Protocol{}}
	for _, w := range i.known.Workloads {
		if w.Namespace == namespace && !slices.ContainsFunc(labels, func(l policy.Label) bool { return w.Labels[l.Key] != l.Value }) {
			s.known = append(s.known, w)
		}
	}
	var names []string
	if len(s.known) == 1 {
		names = append(names, s.known[0].Service)
	}
	byKey := s.selector()
	s.gateway = i.atTheEdge(s)
	named := ""
	for _, key := range policy.NamingLabels {
		if byKey[key] != "" && named == "" {
			named = key
			names = append(names, byKey[key])
		}
	}
	others := ""
	for _, key := range slices.Sorted(maps.Keys(byKey)) {
		if key != named {
			others += "-" + byKey[key]
		}
	}
	if len(s.known) > 0 && !slices.ContainsFunc(s.known, func(w *inventory.Workload) bool { return w.Account != s.known[0].Account }) {
		s.account = s.known[0].Account
	}
	names = append(names, byKey[named]+others)
	if k := slices.Index(names, "default"); k >= 0 {
		names[k] = "default-pods" // a deny of `default` would have the name of the policy that closes the namespace
	}
	s.name = n.free(names...)
	n.services = append(n.services, s)
	return s
}

// labelsOf is the labels by which an object selects pods.
func labelsOf(o *enforce.Object) (labels []policy.Label) {
	for _, l := range slices.Concat(o.Selector, o.Targets) {
		labels = append(labels, policy.Label{Key: l.Key, Value: l.Value})
	}
	return labels
}

// selector is the labels of the service.
func (s *service) selector() map[string]string {
	labels := make(map[string]string, len(s.labels))
	for _, l := range s.labels {
		labels[l.Key] = l.Value
	}
	return labels
}

// atTheEdge reports whether the pods of a service are a gateway: by their workloads, by the Gateways among the
// manifests, or else by the labels that the charts of Istio give them.
func (i *importer) atTheEdge(s *service) bool {
	if len(s.known) > 0 {
		return slices.ContainsFunc(s.known, func(w *inventory.Workload) bool { return w.Dataplane.Dataplane == policy.Gateway })
	}
	return i.layer.For(enforce.Workload{Namespace: s.namespace, Labels: s.selector()}).Gateway() || slices.ContainsFunc(s.labels, func(l policy.Label) bool {
		return l.Key == "gateway.networking.k8s.io/gateway-name" || (l.Key == "istio" || l.Key == "app" && strings.HasPrefix(l.Value, "istio-")) &&
			slices.ContainsFunc([]string{"gateway", "ingress", "egress"}, func(word string) bool { return strings.Contains(l.Value, word) })
	})
}

// caller makes sure that some service has an account.
func (i *importer) caller(in, account string) {
	n := i.in(in)
	if slices.ContainsFunc(n.services, func(s *service) bool { return s.account == account }) {
		return
	}
	s := &service{namespace: in, account: account}
	for _, w := range i.known.Workloads {
		if w.Namespace == in && w.Account == account {
			s.known = append(s.known, w)
		}
	}
	if len(s.known) == 0 {
		for _, likely := range n.services {
			if likely.account == "" && len(likely.known) == 0 && likely.labels != nil && (likely.name == account || likely.name+"-sa" == account) {
				likely.account, likely.assumed = account, true
				return
			}
		}
	}
	var names []string
	if len(s.known) == 1 {
		names = append(names, s.known[0].Service)
	}
	for _, name := range []string{strings.TrimSuffix(account, "-service-account"), account, account + "-account"} {
		if !slices.ContainsFunc(i.known.Workloads, func(w *inventory.Workload) bool {
			return w.Namespace == in && w.Service == plain(name) && w.Account != account
		}) {
			names = append(names, name)
		}
	}
	s.name = n.free(names...)
	n.services = append(n.services, s)
}

// show finds out what the declarations of callers have to say of their workloads: nothing, if the project has their
// manifests and the name stands for them. The selectors of two services do not overlap.
func (i *importer) show(n *namespace) {
	all := slices.DeleteFunc(slices.Clone(i.known.Workloads), func(w *inventory.Workload) bool { return w.Namespace != n.name })
	for _, s := range n.services {
		if s.labels != nil || len(s.known) == 0 {
			continue
		}
		called := slices.DeleteFunc(slices.Clone(all), func(w *inventory.Workload) bool { return w.Service != s.name })
		if s.manifested = i.manifests != nil && slices.Equal(s.known, called); !s.manifested {
			s.within, s.shown = "", inventory.Distinguishing(s.known, all)
		}
	}
	for again := true; again; { // without its labels, a service has one by its name
		again = false
		for _, s := range n.services {
			k := slices.IndexFunc(n.services, func(other *service) bool { return other != s && s.shown != nil && s.overlaps(other) })
			if k >= 0 {
				s.shown, s.within, again = nil, n.services[k].name, true
			}
		}
	}
}

// overlaps reports whether all pods of one of two services are those of the other, by their labels.
func (s *service) overlaps(other *service) bool {
	a, b := s.effective(), other.effective()
	if len(a) > len(b) {
		a, b = b, a
	}
	return len(other.addresses) == 0 && !slices.ContainsFunc(a, func(l policy.Label) bool { return !slices.Contains(b, l) })
}

// distinguish makes a service of its own of the account that another one was assumed to have.
func (i *importer) distinguish(s *service) {
	n := i.in(s.namespace)
	n.accounts = nil
	other := &service{namespace: s.namespace, account: s.account}
	s.account, s.assumed = "", false
	other.name = n.free(other.account)
	n.services = append(n.services, other)
	i.show(n)
}

// outside is the service of callers without an identity at some addresses.
func (n *namespace) outside(addresses []netip.Prefix) *service {
	for _, s := range n.services {
		if len(s.addresses) > 0 && slices.Equal(s.addresses, addresses) {
			return s
		}
	}
	s := &service{namespace: n.name, addresses: addresses}
	s.name = n.free("at-" + addresses[0].String())
	n.services = append(n.services, s)
	return s
}

// reserved is the words of the language that a service cannot be called.
var reserved = []string{"any", "world", "pods"}

// free returns the first of some names that no service has, or one like the last.
func (n *namespace) free(names ...string) string {
	taken := func(name string) bool {
		return slices.Contains(reserved, name) || slices.ContainsFunc(n.services, func(s *service) bool {
			return s.name == name || len(s.labels) == 1 && s.labels[0] == policy.Label{Key: policy.NamingLabels[0], Value: name} && s.name != name
		})
	}
	last := "service"
	for _, name := range names {
		if name = plain(name); name == "" {
			continue
		}
		if last = name; !taken(name) {
			return name
		}
	}
	for k := 2; ; k++ {
		suffix := "-" + strconv.Itoa(k)
		if name := strings.TrimRight(last[:min(len(last), policy.MaxLabel-len(suffix))], "-") + suffix; !taken(name) {
			return name
		}
	}
}

// plain makes a name of any text, with room for a number after it.
func plain(text string) string { return policy.LabelLike(text, policy.MaxLabel-3) }

// effective is the labels of the pods of a service.
func (s *service) effective() []policy.Label {
	switch {
	case s.labels != nil:
		return s.labels
	case s.shown != nil:
		return s.shown
	}
	return []policy.Label{s.defaultLabel()}
}

// declared is those that its declaration has; none where its pods are called so by their label app alone, as the
// language assumes.
func (s *service) declared() []policy.Label {
	labels := s.effective()
	if len(labels) == 1 && labels[0] == s.defaultLabel() {
		return nil
	}
	return labels
}

func (s *service) defaultLabel() policy.Label {
	return policy.Label{Key: policy.NamingLabels[0], Value: s.name}
}

// callersOf are the services with an account.
func (i *importer) callersOf(in, account string) []*service {
	n := i.services[in]
	if n == nil {
		return nil
	}
	if n.accounts == nil {
		n.accounts = map[string][]*service{}
		for _, s := range slices.SortedStableFunc(slices.Values(n.services), func(a, b *service) int { return cmp.Compare(a.name, b.name) }) {
			n.accounts[s.account] = append(n.accounts[s.account], s)
		}
	}
	return n.accounts[account]
}
