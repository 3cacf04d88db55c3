package explain

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/analysis/model"
	"github.com/meshc/meshc/compiler/directory"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/diag"
)

// Names says what names of a query may stand for besides what the policy has.
type Names struct {
	Accounts  bool // callers that nothing names, as NAMESPACE/ACCOUNT: manifests say nothing of callers that they do not let in
	Workloads bool // every workload is known, so that no name stands for a pod that only policies of its namespace bind

	Directory *directory.Directory // the addresses and pods of a cluster; may be nil
}

// resolver finds what the names of a query stand for, and notes what it took them for.
type resolver struct {
	*policy.Policy
	Names
	notes []Note
}

// find looks up a name of the policy, an identity, a host name or the name of a pod.
func (r *resolver) find(name string) (policy.Found, error) {
	found, err := r.Find(name)
	if err == nil {
		return found, nil
	}
	if id, ok := identity(name); ok {
		return r.identity(name, id)
	}
	if s := r.host(name); s != nil {
		return policy.Found{Services: []*policy.Service{s}}, nil
	}
	namespace, pod, qualified := strings.Cut(name, "/")
	if !qualified {
		namespace, pod = "", name
	}
	if pod := r.Directory.PodNamed(namespace, pod); pod != nil {
		return r.pod(name, pod)
	}
	if kind, short, ok := strings.Cut(name, "/"); ok && slices.Contains(kinds, kind) {
		return r.find(short)
	}
	for _, base := range directory.WorkloadsOf(name) {
		if found, err := r.Find(base); err == nil && len(found.Services) == 1 {
			r.notes = append(r.notes, TakenForPod{name, found.Services[0]})
			return found, nil
		}
	}
	return policy.Found{}, r.unknown(name, err)
}

// unknown is the error about a name that nothing has. Of a host name it suggests a near one.
func (r *resolver) unknown(name string, err error) error {
	labels := strings.Split(name, ".")
	if len(labels) < 2 {
		return &QueryError{err}
	}
	var hosts []string
	for _, s := range r.Services() {
		for _, host := range model.HostsOf(s) {
			hosts = append(hosts, strings.Join(append([]string{host, s.Namespace}, labels[2:]...), "."))
		}
	}
	if near, ok := diag.Nearest(name, hosts); ok {
		return wrong("there is no service %s; did you mean %s?", name, near)
	}
	return &QueryError{err}
}

// kinds are the words before a name in the commands of kubectl.
var kinds = []string{"deployment", "deploy", "statefulset", "sts", "daemonset", "ds", "job", "cronjob", "pod", "po", "service", "svc", "serviceaccount", "sa"}

// pod is the service that a pod belongs to, or else what runs as its account.
func (r *resolver) pod(name string, pod *directory.Pod) (policy.Found, error) {
	s := pod.ServiceOf(r.Policy)
	if s == nil {
		return policy.Found{}, wrong("%s is the pod %s/%s, which no service selects", name, pod.Namespace, pod.Name)
	}
	r.notes = append(r.notes, TakenForPod{name, s})
	return policy.Found{Services: []*policy.Service{s}}, nil
}

// identity reads a SPIFFE ID or a principal.
func identity(name string) (policy.Identity, bool) {
	return policy.ParseIdentity(strings.TrimPrefix(name, "spiffe://"))
}

func (r *resolver) identity(name string, id policy.Identity) (policy.Found, error) {
	var found policy.Found
	for _, s := range r.Services() {
		if slices.Contains(r.Identities(s), id) {
			found.Services = append(found.Services, s)
		}
	}
	elsewhere := r.Elsewhere[id.Namespace]
	switch {
	case len(found.Services) == 0 && elsewhere != "":
		return policy.Found{}, wrong("%s: mesh %s has the trust domain %s, and no such account", name, id.Namespace, elsewhere)
	case len(found.Services) == 0 && id.TrustDomain != r.TrustDomain:
		return policy.Found{}, wrong("%s: the trust domain of the mesh is %s", name, r.TrustDomain)
	case len(found.Services) == 0:
		var all []string
		for _, s := range r.Services() {
			for _, i := range r.Identities(s) {
				all = append(all, i.String())
			}
		}
		if near, ok := diag.Nearest(id.String(), all); ok {
			return policy.Found{}, wrong("%s: no workload runs as this account; did you mean %s?", name, near)
		}
		return policy.Found{}, wrong("%s: no workload runs as this account", name)
	}
	return found, nil
}

// host finds a service by a host name of a Kubernetes Service in front of it: NAME.NAMESPACE, also with
// .svc.cluster.local.
func (r *resolver) host(name string) *policy.Service {
	labels := strings.Split(name, ".")
	if len(labels) < 2 || len(labels) > 2 && labels[2] != "svc" {
		return nil
	}
	for _, s := range r.Services() {
		if s.Namespace == labels[1] && slices.Contains(model.HostsOf(s), labels[0]) {
			return s
		}
	}
	return nil
}

// outside finds the externals with a host, those first that have the port, and then those that name the host most
// closely. Each namespace may have its own.
func (r *resolver) outside(host string, port uint16) (all []*policy.External) {
	plain := func(host string) string { return strings.ToLower(strings.TrimSuffix(host, ".")) }
	host = plain(host)
	closeness := func(x *policy.External) (most int) {
		for _, pattern := range x.Hosts {
			pattern = plain(pattern)
			if suffix, wild := strings.CutPrefix(pattern, "*"); pattern == host || wild && strings.HasSuffix(host, suffix) {
				most = max(most, len(suffix))
			}
		}
		return most
	}
	lacks := func(x *policy.External) int {
		if slices.ContainsFunc(x.Ports, func(p policy.ExternalPort) bool { return p.Number == port }) {
			return 0
		}
		return 1
	}
	for _, m := range r.Meshes {
		for _, x := range m.Externals {
			if closeness(x) > 0 {
				all = append(all, x)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b *policy.External) int {
		return cmp.Or(lacks(a)-lacks(b), closeness(b)-closeness(a))
	})
	return all
}

// visible is the external that a caller sees among several: that of its own namespace, if it is known.
func visible(from policy.Source, host string, all []*policy.External) (*policy.External, error) {
	namespace := from.Mesh
	if from.Service != nil {
		namespace = from.Service.Namespace
	}
	if namespace == "" {
		return all[0], nil
	}
	for _, x := range all {
		if x.Namespace == namespace {
			return x, nil
		}
	}
	return nil, wrong("%s is an external of mesh %s, and mesh %s does not declare it: only callers of its own mesh see an external", host, all[0].Namespace, namespace)
}

// callers is what a name stands for as a caller.
func (r *resolver) callers(name string) (all []policy.Source, err error) {
	switch name {
	case "any":
		return []policy.Source{{Kind: policy.FromAny}}, nil
	case "world":
		return []policy.Source{{Kind: policy.FromWorld}}, nil
	}
	if mesh, ok := strings.CutSuffix(name, "/*"); ok {
		if !policy.IsLabel(mesh) {
			return nil, wrong("%s: no namespace can be called %q", name, mesh)
		}
		if err := r.HasMesh(mesh); err != nil && !r.Accounts {
			return nil, &QueryError{err}
		}
		return []policy.Source{{Kind: policy.FromMesh, Mesh: mesh}}, nil
	}
	if address, err := netip.ParseAddr(name); err == nil {
		pod := r.Directory.PodAt(address.Unmap())
		if pod == nil {
			return []policy.Source{{Service: At(r.Policy, address.Unmap())}}, nil
		}
		name = pod.Name
		if s := pod.ServiceOf(r.Policy); s == nil || s.Proxied() {
			name = policy.Identity{TrustDomain: r.TrustDomain, Namespace: pod.Namespace, Account: pod.Account}.String()
		}
	}
	found, err := r.find(name)
	if err != nil {
		if s := r.account(name); s != nil {
			return []policy.Source{{Service: s}}, nil
		}
		if _, short, qualified := strings.Cut(name, "/"); qualified && r.Accounts && !strings.Contains(short, "/") {
			return nil, wrong("%s: not a valid namespace and account; write them as in shop/backend-sa", name)
		}
		return nil, err
	}
	if found.External != nil {
		return nil, wrong("%s is outside the mesh and calls nobody by that name; a caller without identity is `world`", name)
	}
	if id, ok := identity(name); ok {
		s := found.Services[0] // no policy distinguishes the others with this identity
		if len(s.Was) > 0 {
			s = &policy.Service{Namespace: id.Namespace, Name: id.Account, Account: id.Account} // that identity alone
		}
		return []policy.Source{{Service: s}}, nil
	}
	for _, s := range found.Services {
		all = append(all, policy.Source{Service: s})
	}
	return all, nil
}

// account is the account that nothing names and that a name stands for; nil where it can be none.
func (r *resolver) account(name string) *policy.Service {
	namespace, account, _ := strings.Cut(name, "/")
	id, ok := identity(name)
	switch {
	case ok && id.TrustDomain == r.TrustDomain && r.Elsewhere[id.Namespace] == "":
		namespace, account = id.Namespace, id.Account
	case !r.Accounts:
		return nil
	}
	if !policy.IsLabel(namespace) || !policy.IsName(account) {
		return nil
	}
	r.notes = append(r.notes, UnnamedAccount{name, namespace, account})
	return &policy.Service{Namespace: namespace, Name: account, Account: account}
}

// At is the caller without an identity at an address: a service outside the mesh, or else one that nothing names.
func At(p *policy.Policy, address netip.Addr) *policy.Service {
	var found *policy.Service
	bits := -1
	for _, s := range p.Services() {
		for _, block := range s.Addresses {
			if !s.Proxied() && block.Contains(address) && block.Bits() > bits {
				found, bits = s, block.Bits()
			}
		}
	}
	if found != nil {
		return found
	}
	return &policy.Service{Name: address.String(), Dataplane: policy.NoProxy, Addresses: []netip.Prefix{netip.PrefixFrom(address, address.BitLen())}}
}

// callees is what a name stands for as a destination.
func (r *resolver) callees(name string) (policy.Found, error) {
	if name == "any" || name == "world" || strings.HasSuffix(name, "*") {
		return policy.Found{}, wrong("%s: a destination is one service, as in shop/backend", name)
	}
	if address, err := netip.ParseAddr(name); err == nil {
		return r.calleeAt(name, address.Unmap())
	}
	found, err := r.find(name)
	if err == nil {
		return found, nil
	}
	if s := r.anyPod(name); s != nil {
		return policy.Found{Services: []*policy.Service{s}}, nil
	}
	return found, err
}

// calleeAt is what has an address: a pod, a Kubernetes Service, or a service outside the mesh.
func (r *resolver) calleeAt(name string, address netip.Addr) (policy.Found, error) {
	if pod := r.Directory.PodAt(address); pod != nil {
		return r.pod(name, pod)
	}
	if s := r.Directory.ServiceAt(address); s != nil {
		return r.find(s.Name + "." + s.Namespace)
	}
	if s := At(r.Policy, address); s.Namespace != "" {
		return policy.Found{Services: []*policy.Service{s}}, nil
	}
	return policy.Found{}, wrong("%s: no pod or Service is known to have this address; --pods says which have which", name)
}

// anyPod is a pod of a namespace whose policies select no pods by their labels; nil where the name stands for none.
func (r *resolver) anyPod(name string) *policy.Service {
	namespace, short, _ := strings.Cut(name, "/")
	if !r.Accounts || r.Workloads || !policy.IsName(short) {
		return nil
	}
	for _, m := range r.Meshes {
		if m.Name == namespace && !slices.ContainsFunc(m.Services, func(s *policy.Service) bool { return len(s.Labels) > 0 }) {
			s := &policy.Service{Namespace: namespace, Name: short}
			r.notes = append(r.notes, AnyPod{s})
			return s
		}
	}
	return nil
}

// containerPort is the port of a service that a query is about: policies see container ports. A port that only
// Kubernetes Services have is taken for the container port that it leads to.
func containerPort(s *policy.Service, port uint16) uint16 {
	if slices.ContainsFunc(s.Ports, func(p policy.Port) bool { return p.Number == port }) {
		return port
	}
	var targets []uint16
	for _, f := range s.Fronts {
		if f.Port == port && !slices.Contains(targets, f.Target) {
			targets = append(targets, f.Target)
		}
	}
	if len(targets) != 1 {
		return port
	}
	return targets[0]
}
