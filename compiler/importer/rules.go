package importer

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/compiler/policy"
)

// rule is who may, or must not, call a service on a port.
type rule struct {
	deny    bool
	to      *service
	callers []caller
	port    uint16             // 0: all
	ops     []policy.Operation // none: all
	of      []*object
	above   []string // comments
}

// caller is who a source of a policy stands for. Any two are disjoint, or one includes the other.
type caller struct {
	kind    policy.SourceKind
	in      string // the namespace of an account, or of FromMesh
	account string
	at      *service // with addresses, in place of an account
}

func compareCallers(a, b caller) int {
	name := func(c caller) string {
		if c.at != nil {
			return c.at.name
		}
		return ""
	}
	return cmp.Or(cmp.Compare(b.kind, a.kind), cmp.Compare(a.in, b.in), cmp.Compare(a.account, b.account), cmp.Compare(name(a), name(b)))
}

func (c caller) includes(d caller) bool {
	switch c.kind {
	case policy.FromWorld:
		return true
	case policy.FromAny:
		return d.kind != policy.FromWorld && d.at == nil
	case policy.FromMesh:
		return d.at == nil && d.in == c.in && (d.kind == policy.FromMesh || d.kind == policy.FromService)
	}
	return c == d
}

// rulesOf is what an object says; an error says what the language has no words for.
func (i *importer) rulesOf(o *object) (all []*rule, err error) {
	for n := range o.read.Clauses {
		clause := &o.read.Clauses[n]
		var callers []caller
		for _, box := range clause.From {
			some, err := i.callers(o, box)
			if err != nil {
				return nil, err
			}
			callers = append(callers, some...)
		}
		if callers = widest(callers); len(callers) == 0 {
			continue // conditions that exclude each other
		}
		// Where a proxy reads no HTTP it has none of an ALLOW rule that has a field of HTTP anywhere (istio/istio#37920).
		requests := o.read.Effect == enforce.Allow && i.layer.Table.HTTP(clause.To)
		byPort := map[uint16]*rule{}
		for _, box := range clause.To {
			ports, ops, err := operations(box, requests)
			if err != nil {
				return nil, err
			}
			for _, port := range ports {
				r := byPort[port]
				switch {
				case r == nil:
					r = &rule{deny: o.read.Effect == enforce.Deny, to: o.about, callers: callers, port: port, ops: ops, of: []*object{o}}
					byPort[port] = r
					all = append(all, r)
					if n < len(o.ofRule) && len(byPort) == 1 {
						r.above = o.ofRule[n]
					}
				case len(r.ops) > 0 && len(ops) > 0:
					r.ops = policy.Canonical(slices.Concat(r.ops, ops))
				default:
					r.ops = nil
				}
			}
		}
	}
	return all, nil
}

// widest drops callers that others include, and sorts.
func widest(callers []caller) []caller {
	slices.SortFunc(callers, compareCallers)
	callers = slices.Compact(callers)
	return slices.DeleteFunc(slices.Clone(callers), func(c caller) bool {
		return slices.ContainsFunc(callers, func(d caller) bool { return d != c && d.includes(c) })
	})
}

// callers are those of one source.
func (i *importer) callers(o *object, box space.Box) ([]caller, error) {
	callers := []caller{{kind: policy.FromWorld}}
	var addresses []netip.Prefix
	unidentified := false
	for _, c := range box {
		switch {
		case c.Dimension == space.Identity && len(c.Is) == 0 && len(c.Not) == 1 && c.Not[0].IsPrincipal() && c.Not[0].String() == "*":
			unidentified = true
		case c.Dimension == space.Identity && len(c.Not) > 0:
			return nil, fmt.Errorf("callers are excepted: %s", space.Written(c.Not))
		case c.Dimension == space.Identity:
			some, err := i.identities(c.Is)
			if err != nil {
				return nil, err
			}
			callers = common(callers, some)
		case c.Dimension == space.SourceAddress && len(c.Not) == 0 && addresses == nil:
			for _, p := range c.Is {
				block, err := netip.ParsePrefix(p.String())
				if err != nil {
					return nil, fmt.Errorf("the address %s", p)
				}
				addresses = append(addresses, block)
			}
		case c.Dimension == space.SourceAddress:
			return nil, fmt.Errorf("addresses of callers are excepted, or restricted twice")
		default:
			return nil, unspeakable(c)
		}
	}
	switch {
	case addresses == nil && !unidentified:
		return callers, nil
	case addresses == nil:
		return nil, fmt.Errorf("callers without an identity alone")
	case !unidentified:
		return nil, fmt.Errorf("addresses of callers that may also have an identity")
	}
	slices.SortFunc(addresses, netip.Prefix.Compare)
	if o.Namespace == i.mesh.RootNamespace || callers[0].kind != policy.FromWorld {
		return nil, fmt.Errorf("addresses of callers with an identity")
	}
	return []caller{{at: i.in(o.Namespace).outside(slices.Compact(addresses))}}, nil
}

// common is the callers that are in both lists.
func common(a, b []caller) (both []caller) {
	for _, c := range a {
		for _, d := range b {
			switch {
			case c.includes(d):
				both = append(both, d)
			case d.includes(c):
				both = append(both, c)
			}
		}
	}
	return widest(both)
}

// identities are the callers that patterns of identities stand for.
func (i *importer) identities(patterns []space.Pattern) (all []caller, err error) {
	for _, p := range patterns {
		written := p.String()
		id, ok := policy.ParseIdentity(p.Principal())
		switch {
		case ok && id.TrustDomain != i.mesh.TrustDomain:
			return nil, fmt.Errorf("a caller of the trust domain %s, and that of the mesh is %s", id.TrustDomain, i.mesh.TrustDomain)
		case ok && policy.IsLabel(id.Namespace) && policy.IsName(id.Account):
			all = append(all, caller{in: id.Namespace, account: id.Account})
		case p.Namespace() != "" && policy.IsLabel(p.Namespace()):
			all = append(all, caller{kind: policy.FromMesh, in: p.Namespace()})
		case p.IsPrincipal() && written == "*":
			all = append(all, caller{kind: policy.FromAny})
		case p.Account() != "":
			return nil, fmt.Errorf("a service account of any trust domain: %s", p.Account())
		default:
			return nil, fmt.Errorf("the callers %s", p.Words())
		}
	}
	return all, nil
}

// operations are the ports and operations of one box; port 0 stands for all. With requests the box is about HTTP alone.
func operations(box space.Box, requests bool) (ports []uint16, ops []policy.Operation, err error) {
	var methods, paths []string
	restricted := map[space.Dimension]bool{}
	for _, c := range box {
		switch {
		case len(c.Not) > 0:
			return nil, nil, fmt.Errorf("%s excepted: %s", plural(c.Dimension), space.Written(c.Not))
		case restricted[c.Dimension]:
			return nil, nil, fmt.Errorf("two conditions on %s", plural(c.Dimension))
		}
		restricted[c.Dimension] = true
		switch c.Dimension {
		case space.Port:
			for _, p := range c.Is {
				ports = append(ports, p.Port())
			}
			slices.Sort(ports)
			ports = slices.Compact(ports)
		case space.Method:
			methods = strings.Split(space.Written(c.Is), "|")
			slices.Sort(methods)
			methods = slices.Compact(methods)
		case space.Path:
			for _, p := range c.Is {
				paths = append(paths, p.String())
			}
		default:
			return nil, nil, unspeakable(c)
		}
	}
	if slices.Contains(methods, "*") {
		methods, requests = nil, true
	}
	if requests && paths == nil && methods == nil {
		paths = []string{"*"}
	}
	for _, path := range paths {
		ops = append(ops, policy.Operation{Methods: methods, Path: path})
	}
	if paths == nil && methods != nil {
		ops = []policy.Operation{{Methods: methods}}
	}
	ops = policy.Canonical(ops)
	if len(ports) == 0 {
		if ports = []uint16{0}; len(ops) > 0 {
			return nil, nil, fmt.Errorf("methods or paths of every port")
		}
	}
	return ports, ops, nil
}

func plural(d space.Dimension) string {
	return map[space.Dimension]string{space.Port: "ports", space.Method: "methods", space.Path: "paths", space.Host: "hosts", space.Header: "headers", space.DestinationAddress: "addresses of the callee"}[d]
}

// unspeakable says what a condition is about.
func unspeakable(c space.Condition) error {
	values := slices.Concat(c.Is, c.Not)
	if space.Standard[c.Dimension].Kind == nil {
		return fmt.Errorf("a condition on %s", space.Written(values))
	}
	return fmt.Errorf("a condition on %s", space.Standard.Words(c.Dimension, values))
}
