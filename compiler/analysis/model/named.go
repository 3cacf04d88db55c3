package model

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/policy"
)

// Named makes a policy without rules of the services that manifests are about, for a Model without a project.
//
// The services are the known workloads if there are any. Otherwise each selector is a service, named after the label
// app or app.kubernetes.io/name. Accounts that policies name and no service has become services without pods. Manifests
// do not say which account the pods of a selector have: the account NAME or NAME-sa is assumed to be that of NAME, and
// assumed is the services for which that was done.
func Named(manifests *enforce.Layer, mesh enforce.Mesh, known []*policy.Service) (p *policy.Policy, assumed []*policy.Service) {
	n := naming{
		mesh:      enforce.Mesh{TrustDomain: cmp.Or(mesh.TrustDomain, "cluster.local"), Aliases: mesh.Aliases, RootNamespace: cmp.Or(mesh.RootNamespace, "istio-system"), Meshless: mesh.Meshless},
		meshes:    map[string]*policy.Mesh{},
		names:     map[member]int{},
		accounts:  map[member]bool{},
		mentioned: map[string]bool{},
	}
	if mesh.Meshless {
		n.mesh.RootNamespace = ""
	}
	for _, s := range known {
		n.add(s)
	}
	if len(known) == 0 {
		for _, m := range manifests.Policies {
			if m.Namespace != n.mesh.RootNamespace {
				n.selector(m)
			}
		}
		for _, m := range manifests.Policies {
			if m.Namespace == n.mesh.RootNamespace && m.Kind == "AuthorizationPolicy" && !n.binds(m) {
				n.selector(m)
			}
		}
	}
	for _, m := range manifests.Policies {
		n.mentions(m)
	}
	p = &policy.Policy{TrustDomain: n.mesh.TrustDomain, Previous: n.mesh.Aliases, RootNamespace: n.mesh.RootNamespace, Meshless: mesh.Meshless}
	for _, name := range slices.Sorted(maps.Keys(n.meshes)) {
		m := n.meshes[name]
		slices.SortFunc(m.Services, func(a, b *policy.Service) int { return cmp.Compare(a.Name, b.Name) })
		p.Meshes = append(p.Meshes, m)
	}
	slices.SortFunc(n.assumed, func(a, b *policy.Service) int { return cmp.Compare(a.ID(), b.ID()) })
	return p, n.assumed
}

// TrustDomain is the one trust domain that all principals of manifests name. It is empty where they name several or
// none, or cluster.local, which stands for that of the mesh.
func TrustDomain(manifests *enforce.Layer) string {
	one := ""
	for _, p := range manifests.Policies {
		for _, principal := range p.Mentions().Principals {
			domain, _, ok := strings.Cut(principal, policy.NamespacePart)
			if strings.HasPrefix(domain, "spiffe://") {
				continue // which never matches
			}
			if !ok || domain == "cluster.local" || one != "" && one != domain {
				return ""
			}
			one = domain
		}
	}
	return one
}

// Assumption is what manifests do not say and was assumed: a trust domain, or the account of a service.
type Assumption struct {
	TrustDomain string          // that every principal names
	Service     *policy.Service // whose account is one that is called like it; nil for a trust domain
}

func (a Assumption) String() string {
	if a.Service == nil {
		return fmt.Sprintf("the trust domain is assumed to be %s, which every principal names; set `trustDomain` in meshc.yaml to be sure", a.TrustDomain)
	}
	return fmt.Sprintf("the account of %s is assumed to be %s, from its name; pass --workloads to be sure", a.Service.ID(), a.Service.Account)
}

type naming struct {
	mesh    enforce.Mesh
	meshes  map[string]*policy.Mesh
	assumed []*policy.Service

	names     map[member]int  // where a service of that name is in its mesh
	accounts  map[member]bool // that services have which prove an identity
	mentioned map[string]bool // principals whose accounts are settled
}

// member is a name in a namespace.
type member struct{ namespace, name string }

func (n *naming) namespace(name string) *policy.Mesh {
	m := n.meshes[name]
	if m == nil {
		m = &policy.Mesh{Name: name}
		n.meshes[name] = m
	}
	return m
}

func (n *naming) add(s *policy.Service) {
	m := n.namespace(s.Namespace)
	if key := (member{s.Namespace, s.Name}); !n.named(key) {
		n.names[key] = len(m.Services)
	}
	if s.Account != "" && s.Proxied() {
		n.accounts[member{s.Namespace, s.Account}] = true
	}
	m.Services = append(m.Services, s)
}

func (n *naming) named(key member) bool {
	_, ok := n.names[key]
	return ok
}

// binds reports whether a policy of the root namespace, whose selector applies to every namespace, selects a service
// that is already known. Otherwise it is about pods of its own namespace, mostly gateways.
func (n *naming) binds(p *enforce.Object) bool {
	labels := p.Labels()
	for _, m := range n.meshes {
		for _, s := range m.Services {
			own := 0
			for _, l := range s.Labels {
				if labels[l.Key] == l.Value {
					own++
				}
			}
			if own == len(labels) {
				return true
			}
		}
	}
	return false
}

// selector adds the pods that a policy selects as a service.
func (n *naming) selector(p *enforce.Object) {
	labels := p.Labels()
	if len(labels) == 0 || p.Gateways {
		return
	}
	s := &policy.Service{Namespace: p.Namespace, Inbound: policy.Captures{Agent: !n.mesh.Meshless}, At: p.At}
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		s.Labels = append(s.Labels, policy.Label{Key: key, Value: labels[key]})
	}
	named := ""
	for _, key := range append(slices.Clone(policy.NamingLabels), s.Labels[0].Key) {
		if s.Name = labels[key]; s.Name != "" {
			named = key
			break
		}
	}
	if i, ok := n.names[member{s.Namespace, s.Name}]; ok {
		if slices.Equal(n.meshes[s.Namespace].Services[i].Labels, s.Labels) {
			return
		}
		for _, l := range s.Labels {
			if l.Key != named {
				s.Name += "," + l.Key + "=" + l.Value
			}
		}
		if n.named(member{s.Namespace, s.Name}) {
			return
		}
	}
	n.add(s)
}

func (n *naming) mentions(p *enforce.Object) {
	all := p.Mentions()
	for _, namespace := range append(all.Namespaces, p.Namespace) {
		if policy.IsLabel(namespace) {
			n.namespace(namespace)
		}
	}
	for _, principal := range all.Principals {
		if n.mentioned[principal] {
			continue
		}
		n.mentioned[principal] = true
		if id, ok := policy.ParseIdentity(principal); ok && id.TrustDomain == n.mesh.TrustDomain {
			n.account(p, id.Namespace, id.Account)
		}
	}
	for _, a := range all.Accounts {
		namespace, account, _ := strings.Cut(a, "/")
		n.account(p, namespace, account)
	}
}

// account assigns an account to a service, or adds a service for it.
func (n *naming) account(p *enforce.Object, namespace, account string) {
	if !policy.IsLabel(namespace) || !policy.IsName(account) {
		return // nobody can be called so
	}
	if n.accounts[member{namespace, account}] {
		return
	}
	if of := n.called(namespace, account); of != nil {
		of.Account = account
		n.accounts[member{namespace, account}] = true
		n.assumed = append(n.assumed, of)
		return
	}
	name := account
	if n.named(member{namespace, name}) {
		name += ",account=" + account // a workload is called so, and runs as another account
	}
	n.add(&policy.Service{Namespace: namespace, Name: name, Account: account, At: p.At})
}

// called is the first service without an account that is called like one; nil if none is.
func (n *naming) called(namespace, account string) (of *policy.Service) {
	first := -1
	for _, name := range []string{account, strings.TrimSuffix(account, "-sa")} {
		i, ok := n.names[member{namespace, name}]
		if !ok || first >= 0 && i >= first {
			continue
		}
		if s := n.meshes[namespace].Services[i]; s.Account == "" && s.Proxied() {
			first, of = i, s
		}
	}
	return of
}
