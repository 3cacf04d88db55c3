package cilium

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/targets"
)

// pods is callers that Cilium knows by their labels: accounts of a namespace, all of its pods, or all pods.
type pods struct {
	namespace string
	accounts  []string // sorted; empty: every account but those that are out
	out       []string // sorted: accounts, or namespaces where namespace is empty
}

func (p pods) compare(q pods) int {
	return cmp.Or(cmp.Compare(p.namespace, q.namespace), slices.Compare(p.accounts, q.accounts), slices.Compare(p.out, q.out))
}

func (p pods) selector() selector {
	if p.namespace == "" {
		all := selector{{namespaceKey, "Exists", nil}} // hosts and the outside have no namespace
		if len(p.out) > 0 {
			all = append(all, requirement{namespaceKey, "NotIn", p.out})
		}
		return all
	}
	of := selector{{namespaceKey, "In", []string{p.namespace}}}
	switch {
	case len(p.accounts) > 0:
		of = append(of, requirement{accountKey, "In", p.accounts})
	case len(p.out) > 0:
		of = append(of, requirement{accountKey, "NotIn", p.out})
	}
	return of
}

// block is addresses outside the cluster, without some of them.
type block struct {
	netip.Prefix
	out []netip.Prefix
}

// callers is who a rule is about. What Cilium tells apart by different fields of a rule needs several rules.
type callers struct {
	everyone bool
	pods     []pods
	blocks   []block
}

func (c *callers) empty() bool { return !c.everyone && len(c.pods)+len(c.blocks) == 0 }

// join adds other callers.
func (c *callers) join(other callers) {
	c.everyone = c.everyone || other.everyone
	c.pods, c.blocks = append(c.pods, other.pods...), append(c.blocks, other.blocks...)
}

// canonical sorts callers, has the accounts of a namespace in one selector, and leaves out what others cover.
func (c *callers) canonical() {
	if c.everyone {
		*c = callers{everyone: true}
		return
	}
	slices.SortFunc(c.pods, pods.compare)
	var all []pods
	every := slices.ContainsFunc(c.pods, func(p pods) bool { return p.namespace == "" && len(p.out) == 0 })
	whole := map[string]bool{}
	for _, p := range c.pods {
		if p.namespace != "" && len(p.accounts)+len(p.out) == 0 {
			whole[p.namespace] = true
		}
	}
	for _, p := range c.pods {
		last := len(all) - 1
		switch {
		case every && (p.namespace != "" || len(p.out) > 0):
		case whole[p.namespace] && len(p.accounts)+len(p.out) > 0:
		case last >= 0 && all[last].compare(p) == 0:
		case last >= 0 && len(p.accounts) > 0 && all[last].namespace == p.namespace && len(all[last].accounts) > 0:
			all[last].accounts = append(slices.Clone(all[last].accounts), p.accounts...)
			slices.Sort(all[last].accounts)
			all[last].accounts = slices.Compact(all[last].accounts)
		default:
			all = append(all, p)
		}
	}
	c.pods = all
	slices.SortFunc(c.blocks, func(a, b block) int {
		return cmp.Or(a.Prefix.Compare(b.Prefix), slices.CompareFunc(a.out, b.out, netip.Prefix.Compare))
	})
	c.blocks = slices.CompactFunc(c.blocks, func(a, b block) bool { return a.Prefix == b.Prefix && slices.Equal(a.out, b.out) })
}

// meets reports whether some caller is one of others too.
func (c *callers) meets(other *callers) bool {
	return c.everyone && !other.empty() || other.everyone && !c.empty() ||
		slices.ContainsFunc(c.pods, func(p pods) bool { return slices.ContainsFunc(other.pods, p.meets) }) ||
		slices.ContainsFunc(c.blocks, func(a block) bool { return slices.ContainsFunc(other.blocks, a.meets) })
}

func (p pods) meets(q pods) bool {
	switch {
	case p.namespace == "" && q.namespace == "":
		return true // there are always more namespaces
	case p.namespace == "":
		return !slices.Contains(p.out, q.namespace)
	case q.namespace == "":
		return q.meets(p)
	case p.namespace != q.namespace:
		return false
	case len(p.accounts) > 0:
		return slices.ContainsFunc(p.accounts, q.takes)
	}
	return len(q.accounts) == 0 || slices.ContainsFunc(q.accounts, p.takes)
}

// takes reports whether an account of the namespace is one of those.
func (p pods) takes(account string) bool {
	return !slices.Contains(p.out, account) && (len(p.accounts) == 0 || slices.Contains(p.accounts, account))
}

func (b block) meets(other block) bool {
	inside := func(p, q netip.Prefix) bool { return q.Bits() <= p.Bits() && q.Contains(p.Addr()) }
	less := b.Prefix
	if other.Bits() > less.Bits() {
		less = other.Prefix
	}
	return b.Overlaps(other.Prefix) && !slices.ContainsFunc(slices.Concat(b.out, other.out), func(out netip.Prefix) bool { return inside(less, out) })
}

// fields returns what a rule says of its callers, for each kind of them that needs a rule of its own.
func (c *callers) fields() (all []targets.Field) {
	if c.everyone {
		return []targets.Field{{Key: "fromEntities", Value: []string{"all"}}}
	}
	if len(c.blocks) > 0 {
		var blocks []targets.Fields
		for _, b := range c.blocks {
			f := targets.Fields{{Key: "cidr", Value: b.String()}}
			var out []string
			for _, o := range b.out {
				out = append(out, o.String())
			}
			if len(out) > 0 {
				f = append(f, targets.Field{Key: "except", Value: out})
			}
			blocks = append(blocks, f)
		}
		all = append(all, targets.Field{Key: "fromCIDRSet", Value: blocks})
	}
	if len(c.pods) > 0 {
		var selectors []targets.Fields
		for _, p := range c.pods {
			selectors = append(selectors, p.selector().fields())
		}
		all = append(all, targets.Field{Key: "fromEndpoints", Value: selectors})
	}
	return all
}

// key is equal for canonical callers that are the same.
func (c *callers) key() string {
	var b strings.Builder
	if c.everyone {
		b.WriteString("*")
	}
	for _, p := range c.pods {
		b.WriteString("\n" + p.namespace + "/" + strings.Join(p.accounts, ",") + "!" + strings.Join(p.out, ","))
	}
	for _, l := range c.blocks {
		b.WriteString("\n" + l.String())
		for _, o := range l.out {
			b.WriteString("!" + o.String())
		}
	}
	return b.String()
}

// callersOf returns the callers of a rule, without those that it leaves out. What cannot be left out is a finding.
func (e *emission) callersOf(s *policy.Service, r *policy.Rule) (all callers) {
	for i, from := range r.From {
		switch except := meeting(from, r.Except); {
		case slices.ContainsFunc(except, func(x policy.Source) bool { return x.Includes(from) }):
		case from.Kind == policy.FromWorld && len(except) > 0:
			e.refuse(r.SourceAt(i), "Cilium cannot leave %s out of everyone, who may call %s", names(except), s.ID()).
				WithHelp("name the callers that are meant, such as `any`, and those outside the cluster by their addresses (`service NAME outside address …`)")
		case from.Kind == policy.FromWorld:
			all.everyone = true
		case from.Kind == policy.FromAny:
			all.pods = append(all.pods, anyBut(except)...)
		case from.Kind == policy.FromMesh:
			all.pods = append(all.pods, pods{namespace: from.Mesh, out: accounts(except)})
		case from.Service.Proxied():
			if left := without(accounts([]policy.Source{from}), accounts(except)); len(left) > 0 {
				all.pods = append(all.pods, pods{namespace: from.Service.Namespace, accounts: left})
			}
		default:
			for _, address := range from.Service.Addresses {
				b := block{Prefix: address.Masked()}
				for _, x := range except {
					for _, out := range x.Service.Addresses {
						if out.Overlaps(address) && out.Bits() >= address.Bits() {
							b.out = append(b.out, out.Masked())
						}
					}
				}
				slices.SortFunc(b.out, netip.Prefix.Compare)
				b.out = slices.Compact(b.out)
				if !slices.Contains(b.out, b.Prefix) {
					all.blocks = append(all.blocks, b)
				}
			}
		}
	}
	all.canonical()
	return all
}

// meeting returns the sources that some callers of another may be among. Services with one account are one to Cilium,
// and so are addresses.
func meeting(from policy.Source, except []policy.Source) (all []policy.Source) {
	for _, x := range except {
		one := x.Kind == policy.FromService && from.Kind == policy.FromService && x.Service.Namespace == from.Service.Namespace
		outside := x.Kind == policy.FromService && from.Kind == policy.FromService && !x.Service.Proxied() && !from.Service.Proxied()
		if x.Meets(from) || one && x.Service.Proxied() && from.Service.Proxied() || outside {
			all = append(all, x)
		}
	}
	return all
}

// anyBut returns the pods of every namespace, without some of them.
func anyBut(except []policy.Source) []pods {
	byNamespace := map[string][]policy.Source{}
	every := pods{}
	var some []pods
	for _, x := range except {
		switch {
		case x.Kind == policy.FromMesh:
			every.out = append(every.out, x.Mesh)
		case x.Kind == policy.FromService && x.Service.Proxied():
			byNamespace[x.Service.Namespace] = append(byNamespace[x.Service.Namespace], x)
		}
	}
	for namespace, services := range byNamespace {
		if !slices.Contains(every.out, namespace) {
			every.out = append(every.out, namespace)
			some = append(some, pods{namespace: namespace, out: accounts(services)})
		}
	}
	slices.Sort(every.out)
	every.out = slices.Compact(every.out)
	return append(some, every)
}

// accounts returns the accounts of services, sorted.
func accounts(sources []policy.Source) (all []string) {
	for _, f := range sources {
		if f.Kind == policy.FromService && f.Service.Proxied() && f.Service.Account != "" {
			all = append(append(all, f.Service.Account), f.Service.Was...)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func without(all, out []string) []string {
	return slices.DeleteFunc(all, func(s string) bool { return slices.Contains(out, s) })
}

func names(sources []policy.Source) string {
	all := make([]string, len(sources))
	for i, s := range sources {
		all[i] = s.String()
	}
	return strings.Join(all, ", ")
}
