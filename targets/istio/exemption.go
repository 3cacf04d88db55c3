package istio

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/meshc/meshc/compiler/policy"
)

// exemption is who is left out of a caller of several. A builder makes one for each key.
type exemption struct {
	key                                       string
	principals, namespaces, blocks, forwarded []string
}

func compareExemptions(a, b *exemption) int {
	switch {
	case a == b:
		return 0
	case a == nil:
		return 1 // so that a caller without exceptions comes last
	case b == nil:
		return -1
	}
	return cmp.Compare(a.key, b.key)
}

// callersWithout appends a source of several callers of a service without those of other sources. A service outside the
// mesh is whoever calls from its addresses without an identity, so all others are those at other addresses, and those
// with an identity.
func (b *builder) callersWithout(callers []caller, to *policy.Service, from policy.Source, except []policy.Source) []caller {
	var e exemption
	for _, f := range except {
		switch {
		case f.Includes(from):
			return callers
		case !from.Includes(f):
		case f.Kind == policy.FromAny:
			e.principals = anyPrincipal
		case f.Kind == policy.FromMesh:
			e.namespaces = append(e.namespaces, f.Mesh)
		case f.Service.Proxied():
			for _, id := range b.Identities(f.Service) {
				e.principals = append(e.principals, id.String())
			}
		default:
			blocks := &e.blocks
			if addressKind(to) == forwarded {
				blocks = &e.forwarded
			}
			for _, a := range f.Service.Addresses {
				*blocks = append(*blocks, a.Masked().String())
			}
		}
	}
	if slices.Contains(e.principals, "*") {
		e.principals, e.namespaces = anyPrincipal, nil
	}
	identified := e
	identified.blocks, identified.forwarded = nil, nil
	switch from.Kind {
	case policy.FromMesh:
		return append(callers, caller{kind: namespace, mesh: from.Mesh, value: from.Mesh, except: b.exemption(identified)})
	case policy.FromAny:
		return append(callers, caller{kind: principal, value: "*", except: b.exemption(identified)})
	}
	if len(e.blocks)+len(e.forwarded) > 0 && !slices.Contains(e.principals, "*") {
		callers = append(callers, caller{kind: principal, value: "*", except: b.exemption(identified)})
	}
	return append(callers, caller{kind: world, except: b.exemption(e)})
}

// exemption returns the one exemption with these lists; nil where they are empty.
func (b *builder) exemption(e exemption) *exemption {
	key := b.buffer[:0]
	for _, list := range []*[]string{&e.principals, &e.namespaces, &e.blocks, &e.forwarded} {
		*list = slices.Clone(*list)
		slices.Sort(*list)
		*list = slices.Compact(*list)
		key = appendKey(key, *list)
	}
	if b.buffer = key; len(bytes.Trim(key, "\x01")) == 0 {
		return nil
	}
	if known := b.exempt[string(key)]; known != nil {
		return known
	}
	e.key = string(key)
	if b.exempt == nil {
		b.exempt = map[string]*exemption{}
	}
	b.exempt[e.key] = &e
	return &e
}
