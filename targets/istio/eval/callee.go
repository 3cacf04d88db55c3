package eval

import (
	"cmp"
	"slices"

	"github.com/meshc/meshc/lang/diag"
)

// Workload is what selectors look at: pods of one namespace that have the same labels.
type Workload struct {
	Namespace string
	Labels    map[string]string
}

// Callee is a workload with the policies that bind it.
type Callee struct {
	Policies []*Policy // AuthorizationPolicies, those of the root namespace first, then by age
	Peers    []*Policy // PeerAuthentications that count: at most those of the mesh, the namespace and the workload
	Shadowed []*Policy // PeerAuthentications that select the workload, and do not count because of an older one

	mesh  Mesh
	mode  peerMode
	ports []portSetting
}

// peerMode is a mode and the PeerAuthentication that sets it, nil where it is Istio's default.
type peerMode struct {
	mode Mode
	by   *Policy
}

type portSetting struct {
	port uint16
	peerMode
}

// For finds the policies that bind a workload.
func (m *Manifests) For(w Workload) *Callee {
	var bound []*Policy
	look := func(s scope) {
		for _, p := range m.index[s] {
			if p.selects(&w) {
				bound = append(bound, p)
			}
		}
	}
	namespaces := [...]string{m.mesh.RootNamespace, w.Namespace}
	for i, namespace := range namespaces {
		if i > 0 && namespace == namespaces[0] {
			break
		}
		look(scope{namespace: namespace})
		for key, value := range w.Labels {
			look(scope{namespace, label{key, value}})
		}
	}
	root := func(p *Policy) int {
		if p.Namespace == m.mesh.RootNamespace {
			return 0
		}
		return 1
	}
	slices.SortFunc(bound, func(a, b *Policy) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(root(a), root(b)), older(a, b))
	})
	n := 0
	for n < len(bound) && bound[n].Kind == "AuthorizationPolicy" {
		n++
	}
	c := &Callee{Policies: bound[:n:n], mesh: m.mesh}
	c.compose(bound[n:], m.mesh.RootNamespace)
	return c
}

// compose follows ComposePeerAuthentication in istio.io/istio/pilot/pkg/security/authn/policy_applier.go: the
// narrowest scope wins, UNSET inherits, and of several in one scope the oldest counts. Which is that of several whose age
// is not told, nobody knows.
func (c *Callee) compose(peers []*Policy, root string) {
	var mesh, namespace, workload *Policy
	rivals := map[*Policy]bool{}
	for _, p := range peers {
		level := &namespace
		switch {
		case len(p.selector) == 0 && p.Namespace == root:
			level = &mesh
		case len(p.selector) > 0 && p.Namespace == root:
			continue
		case len(p.selector) > 0:
			level = &workload
		}
		if *level != nil {
			c.Shadowed = append(c.Shadowed, p)
			rivals[*level] = rivals[*level] || rival(p, *level)
		} else {
			*level = p
		}
	}
	c.mode = peerMode{mode: Permissive}
	for _, p := range []*Policy{mesh, namespace, workload} {
		if p == nil {
			continue
		}
		c.Peers = append(c.Peers, p)
		if p.Broken || rivals[p] {
			c.mode = peerMode{Unknown, p}
		} else if p.mode != Inherit {
			c.mode = peerMode{p.mode, p}
		}
	}
	if workload == nil {
		return
	}
	for _, port := range workload.ports {
		setting := portSetting{port.port, c.mode}
		if port.mode != Inherit && !workload.Broken && !rivals[workload] {
			setting.peerMode = peerMode{port.mode, workload}
		}
		c.ports = append(c.ports, setting)
	}
}

// Mode is what a container port expects of its callers, and the PeerAuthentication that says so: nil where it is
// Istio's default, PERMISSIVE.
func (c *Callee) Mode(port uint16) (Mode, *Policy) {
	i, ok := slices.BinarySearchFunc(c.ports, port, func(s portSetting, port uint16) int { return cmp.Compare(s.port, port) })
	if ok {
		return c.ports[i].mode, c.ports[i].by
	}
	return c.mode.mode, c.mode.by
}

// Check reports policies that have no effect on the workloads there are: those that bind none of them, and
// PeerAuthentications that give way to an older one wherever they would count.
func (m *Manifests) Check(workloads []Workload) diag.List {
	var findings diag.List
	binds := map[*Policy]bool{}
	shadowed := map[*Policy]*Policy{}
	for _, w := range workloads {
		c := m.For(w)
		for _, p := range slices.Concat(c.Policies, c.Peers) {
			binds[p] = true
		}
		for _, p := range c.Shadowed {
			for _, by := range c.Peers {
				if by.Namespace == p.Namespace && (len(by.selector) > 0) == (len(p.selector) > 0) {
					shadowed[p] = by
				}
			}
		}
	}
	for _, p := range m.Policies {
		by := shadowed[p]
		switch {
		case by != nil && slices.Equal(by.selector, p.selector): // reported when it was read
		case by != nil && rival(p, by):
			findings.Add(diag.Unevaluable, p.At, "the PeerAuthentications %s and %s both select a workload, and which of them counts is not known", by.ID(), p.ID()).
				WithRelated(by.At, "the other one").
				WithNote("that which was created first counts, and the manifests do not tell which it was").
				WithHelp("let every workload be selected by one PeerAuthentication")
		case by != nil:
			findings.Add(diag.Ineffective, p.At, "the PeerAuthentication %s gives way to the older %s where both select a workload", p.ID(), by.ID()).
				WithRelated(by.At, "the other one").
				WithHelp("let every workload be selected by one PeerAuthentication")
		case !binds[p] && !p.gateways && !(p.Kind == "PeerAuthentication" && p.Namespace == m.mesh.RootNamespace):
			findings.Add(diag.Ineffective, p.At, "the %s %s binds no workload", p.Kind, p.ID()).
				WithHelp("compare its namespace and selector with the labels of the pods")
		}
	}
	return findings.Sort()
}
