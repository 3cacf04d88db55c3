package istio

import (
	"hash/fnv"
	"math/bits"
	"slices"
	"strconv"

	"istio.io/api/security/v1beta1"

	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/targets"
)

const (
	// maxRules is the limit of the CRD of AuthorizationPolicy. Its limit of 512 `from` is never reached, see fromOf.
	maxRules = 512

	// maxParts parts hold 65,536 rules and 30 MiB. Their numbers have up to maxLevel bits, and each number of bits has
	// a wave.
	maxLevel = 7
	maxParts = 1 << maxLevel
)

// action is what one kind of statement becomes.
type action struct {
	v1beta1.AuthorizationPolicy_Action
	word, suffix string
	wave         int
}

var (
	allow = action{v1beta1.AuthorizationPolicy_ALLOW, "edge", "-ingress", waveAllow}
	deny  = action{v1beta1.AuthorizationPolicy_DENY, "deny", "-deny", waveDeny}
	ask   = action{v1beta1.AuthorizationPolicy_CUSTOM, "ask", "-ask", waveDeny}
)

// authorize emits the policies of a callee: what lets in, what denies, and what asks.
func (b *builder) authorize(s *policy.Service) {
	if ways := s.Through(); len(ways) > 0 {
		b.authorizeBehind(s, ways)
		return
	}
	to := placeOf(s)
	b.policies(s, s.Allow, allow, to)
	if s.Unnamed {
		b.acceptEveryPod(s)
	}
	b.policies(s, s.Deny, deny, to)
	b.policies(s, s.Ask, ask, to)
}

// policies emits the policy of a callee for one kind of statement, unless a rule is refused. The whole policy is then
// left out, because a DENY policy without one of its rules would let through what it should stop.
func (b *builder) policies(s *policy.Service, rules []policy.Rule, a action, to place) {
	accepted := true
	rules = b.stated(s, rules, a)
	for i := range rules {
		accepted = b.acceptRule(s, &rules[i], a) && accepted
	}
	if accepted {
		b.accepted(s, rules, a, to)
	}
}

// accepted emits the policy of rules that are accepted, in as many parts as its size needs.
func (b *builder) accepted(s *policy.Service, rules []policy.Rule, a action, to place) {
	if len(rules) == 0 {
		return
	}
	if a == deny && s.Name == "default" {
		b.findings.Add(diag.Inexpressible, rules[0].At, "nothing can be denied to the service %s", s.ID()).
			WithNote("its policy would be called `default-deny`, as the one that closes the namespace is").
			WithHelp("give the service another name")
		return
	}
	name := to.name + a.suffix + to.kinds
	grants := canonical(b.grantsOf(s, rules))
	if len(grants) == 0 {
		return
	}
	b.scratch.reset()
	for n := 1; n <= maxParts; n *= 2 {
		parts, whys := split(grants, n), b.origins(s, rules, n)
		drafts := make([]*draft, 0, n)
		for i, part := range parts {
			if len(part) == 0 {
				continue
			}
			spec := &b.scratch.policies.take(1)[0]
			spec.Rules, spec.Action = b.scratch.rulesOf(part), a.AuthorizationPolicy_Action
			spec.Selector, spec.TargetRefs = to.selector, to.targets
			if a == ask {
				spec.ActionDetail = &v1beta1.AuthorizationPolicy_Provider{Provider: &v1beta1.AuthorizationPolicy_ExtensionProvider{Name: rules[0].Provider}}
			}
			d := b.draft(partWave(a.wave, i), b.security, "AuthorizationPolicy", s.Namespace, partName(name, i), whys[i], spec)
			if len(spec.Rules) > maxRules || !d.Fits(len(b.write(d))) {
				drafts = nil
				break
			}
			drafts = append(drafts, d)
		}
		if drafts != nil {
			for _, d := range drafts {
				b.add(d)
			}
			return
		}
	}
	b.findings.Add(diag.ManifestLimit, s.At, "the policy %s/%s is larger than a cluster takes, however it is split", s.Namespace, name).
		WithNote("an object may have %d KiB and %d rules, and one caller's rules stay together", targets.MaxBytes>>10, maxRules).
		WithHelp("use prefix paths, or leave the operations of single callers out")
}

// stated returns the rules that the objects of a callee state. Those about every pod of its namespace are in objects of
// the namespace, those about every pod of the mesh in objects of the root namespace, and are only accepted here.
func (b *builder) stated(s *policy.Service, rules []policy.Rule, a action) []policy.Rule {
	every := func(r policy.Rule) bool {
		return r.EveryPod && (!s.Unnamed || r.EveryMesh && s.Namespace != b.root)
	}
	if !slices.ContainsFunc(rules, every) {
		return rules
	}
	for i := range rules {
		if r := &rules[i]; every(*r) {
			b.acceptOnDataplane(s, r, a)
			for k := range r.Where {
				if c := &r.Where[k]; c.Dimension == policy.HeaderDimension {
					b.acceptTaken(s, r, c)
				}
			}
			if a != allow {
				b.acceptTemplates(s, r, a)
			}
		}
	}
	return slices.DeleteFunc(slices.Clone(rules), every)
}

// split distributes grants over n parts by their caller, so that adding or removing a caller changes only one part. Any
// split is sound, since policies with the same action are OR-ed. n is a power of two: when it doubles, a caller stays
// in its part or moves to a new one.
func split(grants []grant, n int) [][]grant {
	if n == 1 {
		return [][]grant{grants}
	}
	parts := make([][]grant, n)
	for _, g := range grants {
		i := g.part(n)
		parts[i] = append(parts[i], g)
	}
	return parts
}

// part returns which of n parts has the rules of a caller.
func (c caller) part(n int) int {
	h := fnv.New32a()
	h.Write([]byte(c.value))
	return int(h.Sum32() % uint32(n))
}

// origin is that of an object that some rules are about, which most share with the objects before.
func (b *builder) origin(rules []policy.Rule) targets.Origin {
	file := rules[0].At.File
	if slices.ContainsFunc(rules, func(r policy.Rule) bool { return r.At.File != file || r.Because != "" || r.Until != "" }) {
		return targets.OfRules(rules)
	}
	if b.file != file {
		b.file, b.ofFile = file, targets.OfSpan(rules[0].At)
	}
	return b.ofFile
}

// origins returns the intents that the rules of each part come from.
func (b *builder) origins(s *policy.Service, rules []policy.Rule, n int) []targets.Origin {
	if n == 1 {
		return []targets.Origin{b.origin(rules)}
	}
	parts := make([][]policy.Rule, n)
	var callers []caller
	last := make([]int, n) // number, from 1, of the last rule that a part got
	for i := range rules {
		callers = callers[:0]
		for _, from := range rules[i].From {
			callers = b.callersOf(callers, s, from, rules[i].Except)
		}
		for _, c := range callers {
			if p := c.part(n); last[p] <= i {
				last[p] = i + 1
				parts[p] = append(parts[p], rules[i])
			}
		}
	}
	whys := make([]targets.Origin, n)
	for i := range parts {
		whys[i] = targets.OfRules(parts[i])
	}
	return whys
}

// partWave puts a part before the parts whose numbers have fewer bits. When the number of parts doubles, a caller stays
// or moves to a part whose number has one more bit, which must exist before the old part drops the caller. When it
// halves, the dropped parts go last.
func partWave(wave, i int) int { return wave - bits.Len(uint(i)) }

func partName(name string, i int) string {
	if i == 0 {
		return name
	}
	return name + "-" + strconv.Itoa(i+1)
}

// grantsOf splits rules into grants.
func (b *builder) grantsOf(s *policy.Service, rules []policy.Rule) []grant {
	grants, operations, callers := b.grants[:0], b.operations[:0], b.callers[:0]
	for i := range rules {
		r := &rules[i]
		callers = callers[:0]
		for _, from := range r.From {
			callers = b.callersOf(callers, s, from, r.Except)
		}
		operations = b.operationsOf(operations[:0], r)
		for _, o := range operations {
			for _, c := range callers {
				grants = append(grants, grant{o, c})
			}
		}
	}
	b.grants, b.operations, b.callers = grants, operations, callers
	return grants
}

func (b *builder) callersOf(callers []caller, to *policy.Service, from policy.Source, except []policy.Source) []caller {
	if len(except) > 0 && from.Kind != policy.FromService {
		return b.callersWithout(callers, to, from, except)
	}
	switch from.Kind {
	case policy.FromMesh:
		return append(callers, caller{kind: namespace, mesh: from.Mesh, value: from.Mesh})
	case policy.FromAny:
		return append(callers, anyone)
	case policy.FromWorld:
		return append(callers, caller{kind: world})
	}
	s := from.Service
	if s.Proxied() {
		return append(callers, b.principalsOf(s)...)
	}
	for _, a := range s.Addresses {
		callers = append(callers, caller{kind: addressKind(to), value: a.Masked().String()})
	}
	return callers
}

// principalsOf is the identities of a service as callers.
func (b *builder) principalsOf(s *policy.Service) []caller {
	all, known := b.principals[s]
	if known {
		return all
	}
	for _, id := range b.Identities(s) {
		all = append(all, caller{kind: principal, mesh: s.Namespace, value: id.String()})
	}
	if b.principals == nil {
		b.principals = map[*policy.Service][]caller{}
	}
	b.principals[s] = all
	return all
}

// addressKind is where a service has the addresses of callers outside the mesh.
func addressKind(to *policy.Service) callerKind {
	if to.Clients.Address == policy.AddressForwarded {
		return forwarded
	}
	return addresses
}

// everyPort stands for the ports of a rule without any.
var everyPort = []uint16{0}
