package istio

import (
	"cmp"
	"slices"
	"strconv"

	"istio.io/api/security/v1beta1"
)

// The rules of a policy are split into grants. Grants that others cover are dropped, and the rest is merged into rules
// again, so that the same intents give the same rules, however they are written.

// grant is the smallest intent: one caller, one port, one method and one path. The zero value of a port, method or path
// means all of them.
type grant struct {
	operation
	caller
}

type operation struct {
	port   uint16
	path   string
	method string
	limit  *limit // nil: none
}

// onlyHTTP reports whether an operation needs a proxy that reads HTTP. On a TCP port Istio skips an ALLOW rule with
// such an operation and widens a DENY rule (istio/istio#37920), so a rule never mixes operations that need HTTP with
// others.
func (o operation) onlyHTTP() bool { return o.method != "" || o.path != "" || o.limit.onlyHTTP() }

// everything reports whether an operation restricts nothing that the `to` of a rule could say.
func (o operation) everything() bool {
	return o.port == 0 && o.path == "" && o.method == "" && (o.limit == nil || !o.limit.narrow)
}

type caller struct {
	kind   callerKind
	mesh   string // the namespace of a principal or namespace
	value  string
	except *exemption // nil: nobody
}

type callerKind uint8

const (
	principal callerKind = iota
	namespace
	addresses // of the packets of callers
	forwarded // addresses of clients, as a proxy reports them
	world
)

var anyone = caller{kind: principal, value: "*"} // every caller with an identity

// anyPrincipal are the notPrincipals of a source with addresses: they match only callers without an identity, as a
// service outside the mesh is. An address alone would also match pods of the mesh at that address, bypassing their own
// rules in an ALLOW and cutting them off in a DENY. Pods can have such addresses: ranges are reused, and shared by a
// NAT or by pods on the node's network. Istio reads the source in the same way for HTTP and TCP.
var anyPrincipal = []string{"*"}

func compareGrants(a, b grant) int {
	return cmp.Or(compareOperations(a.operation, b.operation), compareCallers(a.caller, b.caller))
}

func compareOperations(a, b operation) int {
	return cmp.Or(cmp.Compare(a.port, b.port), cmp.Compare(a.path, b.path), cmp.Compare(a.method, b.method), compareLimits(a.limit, b.limit))
}

func compareCallers(a, b caller) int {
	return cmp.Or(cmp.Compare(a.kind, b.kind), compareExemptions(a.except, b.except), cmp.Compare(a.value, b.value))
}

// canonical sorts grants and drops those that others cover.
func canonical(grants []grant) []grant {
	slices.SortFunc(grants, compareGrants)
	grants = slices.Compact(grants)
	var some breadth
	limited, several := false, false
	for i := range grants {
		g := &grants[i]
		some.namespace = some.namespace || g.kind == namespace
		some.anyone = some.anyone || g.caller == anyone
		some.world = some.world || g.kind == world
		some.everyPort = some.everyPort || g.port == 0
		some.everyPath = some.everyPath || g.path == ""
		some.everyMethod = some.everyMethod || g.method == ""
		limited = limited || g.limit != nil
		several = several || g.operation != grants[0].operation || g.kind != principal || g.caller == anyone
	}
	if some == (breadth{}) && !limited || !several {
		return grants // all exact, or exact callers of one operation: none covers another
	}
	all := setOf(grants)
	needless := func(g grant) bool { return covered(g, all, some) }
	if !slices.ContainsFunc(grants, needless) {
		return grants
	}
	return slices.DeleteFunc(slices.Clone(grants), needless)
}

// grantSet is sorted grants, and an index of them unless they are few.
type grantSet struct {
	sorted []grant
	index  map[grant]struct{}
}

func setOf(grants []grant) grantSet {
	if len(grants) <= few {
		return grantSet{sorted: grants}
	}
	index := make(map[grant]struct{}, len(grants))
	for _, g := range grants {
		index[g] = struct{}{}
	}
	return grantSet{index: index}
}

func (s grantSet) has(g grant) bool {
	if s.index == nil {
		return slices.Contains(s.sorted, g)
	}
	_, ok := s.index[g]
	return ok
}

// breadth is in which ways some of many grants are wide.
type breadth struct {
	namespace, anyone, world          bool
	everyPort, everyPath, everyMethod bool
}

// covered reports whether a wider grant of all includes g.
func covered(g grant, all grantSet, some breadth) bool {
	callers := append(make([]caller, 0, 4), g.caller)
	if some.namespace && g.kind == principal && g.caller != anyone {
		callers = append(callers, caller{kind: namespace, mesh: g.mesh, value: g.mesh})
	}
	if some.anyone && (g.kind == principal || g.kind == namespace) {
		callers = append(callers, anyone)
	}
	if some.world {
		callers = append(callers, caller{kind: world})
	}
	operations := append(make([]operation, 0, 8), g.operation)
	if some.everyMethod && g.method != "" {
		operations = append(operations, operation{port: g.port, path: g.path})
	}
	if some.everyPath && g.path != "" {
		for _, o := range operations {
			o.path = ""
			operations = append(operations, o)
		}
	}
	if some.everyPort && g.port != 0 {
		for _, o := range operations {
			o.port = 0
			operations = append(operations, o)
		}
	}
	for limited := g.limit; ; limited = nil {
		for _, o := range operations {
			o.limit = limited
			for _, c := range callers {
				wider := grant{o, c}
				if wider != g && all.has(wider) {
					return true
				}
			}
		}
		if limited == nil {
			return false
		}
	}
}

// group is operations with the same callers.
type group struct {
	callers    []grant // of the group's first operation
	operations []operation
}

// appendKey appends a key that is equal for groups which become one rule.
func (g *group) appendKey(key []byte) []byte {
	if g.callers[0].onlyHTTP() {
		key = append(key, 'H')
	}
	if l := g.callers[0].limit; l != nil {
		key = append(key, l.whenKey...)
	}
	for _, c := range g.callers {
		key = append(append(append(key, '0'+byte(c.kind)), c.value...), 0)
		if c.except != nil {
			key = append(key, c.except.key...)
		}
	}
	return key
}

// joins reports whether two groups become one rule.
func (g *group) joins(other *group) bool {
	a, b := g.callers[0].operation, other.callers[0].operation
	return a.onlyHTTP() == b.onlyHTTP() && a.limit.asks() == b.limit.asks() &&
		slices.EqualFunc(g.callers, other.callers, func(a, b grant) bool { return compareCallers(a.caller, b.caller) == 0 })
}

// scratch is memory that the rules of one policy after another are made in: the next ones overwrite those before.
type scratch struct {
	policies   arena[v1beta1.AuthorizationPolicy]
	rules      arena[v1beta1.Rule]
	from       arena[v1beta1.Rule_From]
	sources    arena[v1beta1.Source]
	to         arena[v1beta1.Rule_To]
	operations arena[v1beta1.Operation]
	ruleLists  arena[*v1beta1.Rule]
	fromLists  arena[*v1beta1.Rule_From]
	toLists    arena[*v1beta1.Rule_To]
	texts      arena[string]
	blocks     arena[block]
	groups     []group
	grouped    arena[operation]
}

func (m *scratch) reset() {
	m.policies.reset()
	m.rules.reset()
	m.from.reset()
	m.sources.reset()
	m.to.reset()
	m.operations.reset()
	m.ruleLists.reset()
	m.fromLists.reset()
	m.toLists.reset()
	m.texts.reset()
	m.blocks.reset()
	m.grouped.reset()
}

// rulesOf merges canonical grants: one rule for each set of callers and kind of operation.
func (m *scratch) rulesOf(grants []grant) []*v1beta1.Rule {
	find := finder[group]{same: (*group).joins, key: (*group).appendKey}
	groups := m.groups[:0]
	for len(grants) > 0 {
		n := 1
		for n < len(grants) && grants[n].operation == grants[0].operation {
			n++
		}
		last := len(groups)
		groups = append(groups, group{callers: grants[:n]})
		i := find.in(groups[:last], &groups[last])
		if i < 0 {
			i = last
			groups[i].operations = m.grouped.take(1)[:0]
		} else {
			groups = groups[:last]
		}
		groups[i].operations = append(groups[i].operations, grants[0].operation)
		grants = grants[n:]
	}
	m.groups = groups
	slices.SortFunc(groups, func(a, b group) int {
		return cmp.Or(
			slices.CompareFunc(a.callers, b.callers, func(a, b grant) int { return compareCallers(a.caller, b.caller) }),
			compareOperations(a.operations[0], b.operations[0]),
		)
	})
	rules, made := m.ruleLists.take(len(groups)), m.rules.take(len(groups))
	for i := range groups {
		g, r := &groups[i], &made[i]
		r.From, r.To, r.When = m.fromOf(g.callers), m.toOf(g.operations), g.operations[0].limit.conditions()
		rules[i] = r
	}
	return rules
}

// fromOf returns one source for each kind of caller, since a request must match all fields of a source.
func (m *scratch) fromOf(callers []grant) []*v1beta1.Rule_From {
	if last := callers[len(callers)-1]; last.kind == world && last.except == nil {
		return nil // every caller
	}
	from := m.fromLists.take(1)[:0]
	for len(callers) > 0 {
		n := 1
		for n < len(callers) && callers[n].kind == callers[0].kind && callers[n].except == callers[0].except {
			n++
		}
		values := m.texts.take(n)
		for i := range values {
			values[i] = callers[i].value
		}
		source := &m.sources.take(1)[0]
		switch callers[0].kind {
		case principal:
			source.Principals = values
		case namespace:
			source.Namespaces = values
		case addresses:
			source.IpBlocks, source.NotPrincipals = values, anyPrincipal
		case forwarded:
			source.RemoteIpBlocks, source.NotPrincipals = values, anyPrincipal
		}
		if e := callers[0].except; e != nil {
			source.NotPrincipals, source.NotNamespaces, source.NotIpBlocks, source.NotRemoteIpBlocks = e.principals, e.namespaces, e.blocks, e.forwarded
		}
		f := &m.from.take(1)[0]
		f.Source = source
		from = append(from, f)
		callers = callers[n:]
	}
	return from
}

// block is a product of ports, paths and methods, each sorted, with one limit.
type block struct {
	lists [3][]string
	limit *limit
}

// The lists of a block.
const (
	methods = iota
	ports
	paths
)

// toOf merges operations that differ in only one thing: first methods, then ports, then paths.
func (m *scratch) toOf(operations []operation) []*v1beta1.Rule_To {
	if slices.ContainsFunc(operations, operation.everything) {
		return nil
	}
	blocks := m.blocks.take(len(operations))
	for i, o := range operations {
		b := &blocks[i]
		b.limit = o.limit
		if o.port != 0 {
			b.lists[ports] = m.single(strconv.Itoa(int(o.port)))
		}
		if o.path != "" {
			b.lists[paths] = m.single(o.path)
		}
		if o.method != "" {
			b.lists[methods] = m.single(o.method)
		}
	}
	for list := range len(block{}.lists) {
		blocks = merge(blocks, list)
	}
	to, made, asked := m.toLists.take(len(blocks)), m.to.take(len(blocks)), m.operations.take(len(blocks))
	for i, b := range blocks {
		o := &asked[i]
		o.Ports, o.Paths, o.Methods = b.lists[ports], b.lists[paths], b.lists[methods]
		if l := b.limit; l != nil {
			o.Hosts, o.NotHosts, o.NotPorts, o.NotMethods, o.NotPaths = l.hosts, l.notHosts, l.notPorts, l.notMethods, l.notPaths
		}
		if len(o.Ports)+len(o.Paths)+len(o.Methods) == 0 && (b.limit == nil || !b.limit.narrow) { // all that it asks for is in `when`
			return nil
		}
		made[i].Operation = o
		to[i] = &made[i]
	}
	return to
}

func (m *scratch) single(s string) []string {
	list := m.texts.take(1)
	list[0] = s
	return list
}

// merge joins blocks that differ only in one list. Blocks never overlap, so the lists are concatenated, which keeps the
// order of the operations.
func merge(blocks []block, list int) []block {
	if len(blocks) == 1 {
		return blocks
	}
	find := finder[block]{
		same: func(a, b *block) bool {
			for i := range a.lists {
				if i != list && !slices.Equal(a.lists[i], b.lists[i]) {
					return false
				}
			}
			return compareLimits(a.limit, b.limit) == 0
		},
		key: func(b *block, key []byte) []byte {
			for i, all := range b.lists {
				for _, s := range all {
					if i != list {
						key = append(append(key, s...), 0)
					}
				}
				key = append(key, 1)
			}
			if b.limit != nil {
				key = append(key, b.limit.key...)
			}
			return key
		},
	}
	merged := blocks[:0]
	for n := range blocks {
		b := &blocks[n]
		if i := find.in(merged, b); i < 0 {
			merged = append(merged, *b)
		} else {
			merged[i].lists[list] = append(merged[i].lists[list], b.lists[list]...)
		}
	}
	return merged
}
