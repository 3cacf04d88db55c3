package enforce

import (
	"cmp"
	"slices"

	"github.com/meshc/meshc/compiler/policy"
)

// Workload is what selectors look at: pods of one namespace that have the same labels, and what enforces policies for
// them.
type Workload struct {
	Namespace string
	Labels    map[string]string
	Partial   bool // its pods may have other labels too
	Dataplane policy.Dataplane
	Own       bool             // its own manifests give it a sidecar, whatever the labels of its namespace are
	Inbound   *policy.Captures // which of its ports the proxies see; nil: all
	Fronts    []policy.Front   // the ports of Services in front of it; those with a waypoint are ways to it
}

// WorkloadOf is the pods of a service.
func WorkloadOf(s *policy.Service) Workload {
	return Workload{Namespace: s.Namespace, Labels: s.Selector(), Dataplane: s.Dataplane, Own: s.OwnSidecar, Fronts: s.Fronts}
}

// Point is the enforcement point of a workload, with the objects that bind it.
type Point struct {
	Policies []*Object // that have clauses: those of the root namespace first, then by age
	Peers    []*Object // that set modes: at most one each of the mesh, the namespace and the workload
	Tokens   []*Object // that authenticate requests
	Ways     []Way     // to it through waypoints
	Unsent   []*Object // that select the workload, and of which ztunnel is sent nothing
	Shadowed []*Object // that select the workload to set modes, and do not count because of an older one

	namespace peerMode // as far as the workload says nothing
	layer     *Layer
	dataplane policy.Dataplane
	unsure    []*Object // that may bind the workload
	modes
	stated  modes // of a point that sees connections only: what a sidecar would enforce
	inbound *policy.Captures

	bound, sent []*Object // the memory of Policies
}

// modes is those of the ports of a workload.
type modes struct {
	mode  peerMode // of all but ports
	ports []portSetting
}

// peerMode is a mode and the object that sets it, nil for the default.
type peerMode struct {
	mode Mode
	by   *Object
}

type portSetting struct {
	port uint16
	peerMode
}

// dataplane is what the objects of the layer show about a workload of which nothing else does.
func (m *Layer) dataplane(w *Workload) policy.Dataplane {
	for _, g := range m.Gateways {
		if !slices.ContainsFunc(g.Selector, func(l Label) bool {
			value, ok := w.Labels[l.Key]
			return !ok || l.Value != "" && value != l.Value
		}) {
			return policy.Gateway
		}
	}
	if w.Own {
		return policy.Sidecar
	}
	return m.Dataplanes[w.Namespace]
}

// shut reports whether the policies of pods in ambient mode refuse every caller, the waypoint before them among these.
func shut(policies, unsure []*Object) (closed bool) {
	for _, o := range policies {
		switch {
		case o.AnyEffect || o.Effect == Allow && len(o.Clauses) > 0:
			return false
		case o.Effect == Allow && !o.Broken && !o.DryRun && o.Unsent == Sent && !slices.Contains(unsure, o):
			closed = true
		}
	}
	return closed
}

// For is the enforcement point of a workload.
func (m *Layer) For(w Workload) *Point {
	c := &Point{}
	m.Bind(c, w)
	return c
}

// Bind makes a point that of a workload, in the memory that it has: nothing that it was, or had, may be looked at any
// more.
func (m *Layer) Bind(c *Point, w Workload) {
	bound, unsure := c.bound[:0], c.unsure[:0]
	look := func(all []*Object) {
		for _, p := range all {
			binds, surely := p.selects(&w)
			if binds {
				bound = append(bound, p)
			}
			if binds && !surely {
				unsure = append(unsure, p)
			}
		}
	}
	namespaces := [...]string{m.Mesh.RootNamespace, w.Namespace}
	for i, namespace := range namespaces {
		if i > 0 && namespace == namespaces[0] {
			break
		}
		if w.Partial { // a selector of labels that are not known may bind it too
			look(slices.DeleteFunc(slices.Clone(m.Policies), func(p *Object) bool { return p.Namespace != namespace }))
			continue
		}
		of := m.in(namespace)
		look(of.whole)
		for key, value := range w.Labels {
			look(of.labelled[Label{key, value}])
		}
	}
	root := func(p *Object) int {
		if p.Namespace == m.Mesh.RootNamespace {
			return 0
		}
		return 1
	}
	slices.SortFunc(bound, func(a, b *Object) int {
		return cmp.Or(cmp.Compare(a.Role, b.Role), cmp.Compare(root(a), root(b)), older(a, b))
	})
	n, tokens := 0, len(bound)
	for n < len(bound) && bound[n].Role == Authorizes {
		n++
	}
	for tokens > n && bound[tokens-1].Role == Authenticates {
		tokens--
	}
	if w.Dataplane == policy.Sidecar {
		if w.Dataplane = m.dataplane(&w); w.Dataplane == policy.Unjudged && shut(bound[:n], unsure) {
			w.Dataplane = policy.Ambient
		}
	}
	*c = Point{
		Policies: bound[:n:n], Peers: c.Peers[:0], Ways: c.Ways[:0], layer: m, dataplane: w.Dataplane, unsure: unsure, inbound: w.Inbound,
		bound: bound, sent: c.sent[:0],
	}
	c.compose(bound[n:tokens], w.Namespace)
	if c.Ambient() {
		c.receive(bound[:n], bound[tokens:])
	} else {
		c.authenticate(bound[tokens:])
	}
	if c.Ambient() || c.dataplane == policy.Sidecar {
		c.Ways = m.ways(c.Ways, &w)
	}
}

// Judged reports whether what the point lets through is judged at all. Where it is not, every request is undecided.
func (c *Point) Judged() bool { return c.dataplane.Judged() }

// Gateway reports whether the point is at the edge of the mesh.
func (c *Point) Gateway() bool { return c.dataplane == policy.Gateway }

// Ambient reports whether the point sees connections only.
func (c *Point) Ambient() bool { return c.dataplane == policy.Ambient }

// Unasked is the object by which sidecars open plaintext wherever nothing tells them otherwise: one that says DISABLE
// for the whole namespace, whatever the workload says. It is nil where there is none. Surely is false where it is not
// known whether the object says so. See BestEffortInferServiceMTLSMode in
// istio.io/istio/pilot/pkg/model/push_context.go.
func (c *Point) Unasked() (by *Object, surely bool) {
	if c.namespace.mode == Disable || c.namespace.mode == Unknown {
		return c.namespace.by, c.namespace.mode == Disable
	}
	return nil, false
}

// Unsure returns the objects that may bind the workload, by labels that are not known.
func (c *Point) Unsure() []*Object { return c.unsure }

// knows reports whether an object is read as it is written.
func (c *Point) knows(o *Object) bool {
	return !o.Broken && !slices.Contains(c.unsure, o.Written())
}

// compose follows ComposePeerAuthentication in istio.io/istio/pilot/pkg/security/authn/policy_applier.go: the
// narrowest scope wins, UNSET inherits, and of several in one scope the oldest counts. If their age is not known,
// neither is the mode.
func (c *Point) compose(all []*Object, within string) {
	var p peers
	rivals := map[*Object]bool{}
	oldest := func(level **Object, o *Object) bool {
		if *level == nil {
			*level = o
			return true
		}
		rivals[*level] = rivals[*level] || Rivals(o, *level) || c.Ambient() && equallyOld(o, *level)
		return false
	}
	root := c.layer.Mesh.RootNamespace
	for _, o := range all {
		level, rule := &p.namespace, &p.namespaceRule
		switch {
		case len(o.Selector) == 0 && o.Namespace == root && o.Unsent == BySelector && within != root && c.Ambient():
			continue
		case len(o.Selector) == 0 && o.Namespace == root:
			level, rule = &p.mesh, &p.meshRule
		case len(o.Selector) > 0 && o.Namespace == root:
			continue
		case len(o.Selector) > 0:
			level, rule = &p.workload, nil
		}
		if !oldest(level, o) {
			c.Shadowed = append(c.Shadowed, o)
		}
		if rule != nil && o.Unsent == Sent {
			oldest(rule, o)
		}
	}
	switch {
	case c.Gateway():
		c.mode = peerMode{mode: Listener}
		return
	case !c.Judged():
		c.mode = peerMode{mode: Unknown}
		return
	case c.layer.Mesh.Meshless:
		c.mode = peerMode{mode: Meshless}
		return
	}
	unknown := func(o *Object) bool { return o.Broken || rivals[o] || slices.Contains(c.unsure, o) }
	c.mode = peerMode{mode: Permissive}
	for _, o := range []*Object{p.mesh, p.namespace, p.workload} {
		if o == nil {
			continue
		}
		c.Peers = append(c.Peers, o)
		if unknown(o) {
			c.mode = peerMode{Unknown, o}
		} else if o.Mode != Inherit {
			c.mode = peerMode{o.Mode, o}
		}
		if o != p.workload {
			c.namespace = c.mode
		}
	}
	if p.workload != nil {
		for _, port := range p.workload.Ports {
			setting := portSetting{port.Port, c.mode}
			if port.Mode != Inherit && !unknown(p.workload) {
				setting.peerMode = peerMode{port.Mode, p.workload}
			}
			c.ports = append(c.ports, setting)
		}
	}
	if c.Ambient() {
		c.stated = c.modes
		c.connections(p, unknown)
	}
}

// Same reports whether two points, of any two layers, decide alike because all that has a say is the same.
func (c *Point) Same(other *Point) bool {
	sorted := func(c *Point) []*Object {
		all := slices.Concat(c.Policies, c.Peers, c.Shadowed, c.Tokens)
		slices.SortFunc(all, func(a, b *Object) int {
			return cmp.Or(cmp.Compare(a.Role, b.Role), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
		})
		return all
	}
	// The age of an object says which of two sets the mode.
	likeMode := func(a, b portSetting) bool { return a.port == b.port && a.mode == b.mode }
	return c.dataplane == other.dataplane && c.inbound.Same(other.inbound) && c.mode.mode == other.mode.mode &&
		slices.EqualFunc(c.ports, other.ports, likeMode) && slices.EqualFunc(c.unsure, other.unsure, Same) &&
		slices.EqualFunc(sorted(c), sorted(other), Same) &&
		slices.EqualFunc(c.Ways, other.Ways, func(a, b Way) bool { return sameFront(a.Front, b.Front) && a.Point.Same(b.Point) }) &&
		(len(c.Ways) == 0 || c.layer.Mesh.Aside == other.layer.Mesh.Aside)
}

// sameFront reports whether two fronts, of any two policies, lead calls the same way.
func sameFront(a, b policy.Front) bool {
	if a.Waypoint != nil && b.Waypoint != nil && a.Waypoint.ID() == b.Waypoint.ID() && a.Waypoint.Account == b.Waypoint.Account {
		a.Waypoint = b.Waypoint
	}
	return a == b
}

// Has reports whether an object of the same name that asks for the same binds the workload.
func (c *Point) Has(p *Object) bool {
	same := func(q *Object) bool { return Same(p, q) }
	return slices.ContainsFunc(c.Policies, same) || slices.ContainsFunc(c.Peers, same) || slices.ContainsFunc(c.Tokens, same) ||
		slices.ContainsFunc(c.Ways, func(w Way) bool { return w.Point.Has(p) })
}

// Mode is what a container port expects of its callers, and the object that says so: nil for the default, PERMISSIVE.
func (c *Point) Mode(port uint16) (Mode, *Object) {
	of := c.of(port)
	return of.mode, of.by
}

func (m *modes) of(port uint16) peerMode {
	i, ok := slices.BinarySearchFunc(m.ports, port, func(s portSetting, port uint16) int { return cmp.Compare(s.port, port) })
	if ok {
		return m.ports[i].peerMode
	}
	return m.mode
}

// Capture is whether the proxy sees the connections to a container port.
func (c *Point) Capture(port uint16) policy.Capture {
	if c.inbound == nil {
		return policy.Captured
	}
	return c.inbound.Of(port).Capture
}

// each calls f with the clauses that count on connections of HTTP, or on others. An object that is not read as it is
// written has one clause, with the rule -1, for each effect that it may have. On a port that is not HTTP Istio leaves
// out an ALLOW rule with a field of HTTP; of a rule with another action it leaves out only the field, so that the rule
// matches more (istio/istio#37920). Where a provider may be asked, a clause that looks at what it may write comes
// twice: for requests as they are sent, and as it may leave them.
func (c *Point) each(http bool, f func(o *Object, rule int, effect Effect, asked whenAsked)) {
	t := c.layer.Table
	asks := http && slices.ContainsFunc(c.Policies, func(o *Object) bool { return o.does(Custom) })
	for _, o := range c.Policies {
		switch {
		case !c.knows(o):
			for _, effect := range [...]Effect{Allow, Deny, Custom} {
				if o.does(effect) {
					f(o, -1, effect, alike)
				}
			}
			continue
		case !o.does(o.Effect) || o.Effect == Audit:
			continue
		}
		for i := range o.Clauses {
			if r := &o.Clauses[i]; len(r.From) == 0 || http && r.NotHTTP {
				continue
			} else if asks && o.Effect != Custom && r.writable(t) {
				f(o, i, o.Effect, original)
				f(c.afterAsking(o, i), i, o.Effect, rewritten)
			} else if http || o.Effect != Allow || !t.HTTP(r.From) && !t.HTTP(r.To) {
				f(o, i, o.Effect, alike)
			}
		}
	}
}

// guard is the first object that surely allows something, nil if there is none. With one, what nothing allows is
// denied.
func (c *Point) guard() *Object {
	for _, o := range c.Policies {
		if o.does(Allow) && c.knows(o) {
			return o
		}
	}
	return nil
}
