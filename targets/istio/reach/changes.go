package reach

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/targets/istio/eval"
)

// subject is one workload whose policies changed, and every class of requests to it.
type subject struct {
	*differ
	*compared
	split   *eval.Split
	regions []*eval.Region // those that can occur
	callers []piece
	actions []piece // sets of regions
}

// callee compares what passes to one workload.
func (d *differ) callee(c *compared) error {
	if c.same {
		return nil
	}
	var atoms eval.Atoms
	for _, s := range []*policy.Service{c.was, c.is} {
		if s != nil {
			for _, p := range s.Ports {
				atoms.Operations = append(atoms.Operations, eval.Operation{Ports: []uint16{p.Number}})
			}
		}
	}
	split, err := eval.NewSplit(atoms, c.a, c.b)
	if err != nil {
		return err
	}
	s := &subject{differ: d, compared: c, split: split}
	for i := range split.Regions {
		if r := &split.Regions[i]; c.service() == nil || real(c.service(), &r.Request) {
			s.regions = append(s.regions, r)
		}
	}
	s.nameSources()
	s.nameActions()

	was, is := guarded(c.a), guarded(c.b)
	if !was || is {
		opened := s.changes(s.classes(func(r *eval.Region, set eval.Set) {
			risen(set, &r.Verdicts[0], &r.Verdicts[1])
		}), true)
		d.diff.Opened = append(d.diff.Opened, opened...)
	}
	if was || !is {
		closed := s.changes(s.classes(func(r *eval.Region, set eval.Set) {
			risen(set, &r.Verdicts[1], &r.Verdicts[0])
		}), false)
		d.diff.Closed = append(d.diff.Closed, closed...)
	}
	switch {
	case was && !is:
		d.diff.FailOpen = append(d.diff.FailOpen, s.failOpen())
	case !was && is:
		d.diff.FailClosed = append(d.diff.FailClosed, s.failClosed())
	}
	return nil
}

// risen adds the sources that are let through after and were not before, or may be where they surely were not.
func risen(into eval.Set, before, after *eval.Outcome) {
	for i := range into {
		sure := after.Allowed[i] &^ before.Allowed[i]
		perhaps := after.Undecided[i] &^ before.Allowed[i] &^ before.Undecided[i]
		into[i] |= sure | perhaps
	}
}

// passing is the sources that a callee lets through, or may.
func passing(o *eval.Outcome) eval.Set {
	set := slices.Clone(o.Allowed)
	join(set, o.Undecided)
	return set
}

// kind is callers for whom the same requests changed.
type kind struct{ sources, regions eval.Set }

// classes gathers the callers for whom the same regions are chosen.
func (s *subject) classes(choose func(r *eval.Region, into eval.Set)) []kind {
	n := len(s.split.Sources)
	of := make([]eval.Set, n) // by source
	chosen := newSet(n)
	for i, r := range s.regions {
		clear(chosen)
		choose(r, chosen)
		for c := range chosen.All() {
			if of[c] == nil {
				of[c] = newSet(len(s.regions))
			}
			add(of[c], i)
		}
	}
	var kinds []kind
	at := map[string]int{}
	for c, regions := range of {
		if regions == nil {
			continue
		}
		key := fmt.Sprint(regions)
		i, ok := at[key]
		if !ok {
			i = len(kinds)
			at[key] = i
			kinds = append(kinds, kind{newSet(n), regions})
		}
		add(kinds[i].sources, c)
	}
	return kinds
}

// changes puts kinds into words. What is opened may be said with more that passes now, what is closed with more
// that does not.
func (s *subject) changes(kinds []kind, opened bool) []Change {
	var all []Change
	for _, k := range kinds {
		callers, actions := s.fitting(k, opened)
		target := s.target(cover(k.regions, actions, s.actions))
		r := s.regions[first(k.regions)]
		for _, n := range cover(k.sources, callers, s.callers) {
			source := first(common(n.set, k.sources))
			c := s.change(n.text+n.exceptions(""), target)
			c.MTLS = r.Verdicts[btoi(opened)].Mode != eval.Disable && s.split.Sources[source].Principal != ""
			for i := range k.regions.All() {
				v := s.regions[i].Verdicts
				c.Perhaps = c.Perhaps || v[0].Undecided.Has(source) || v[1].Undecided.Has(source)
			}
			if c.Perhaps {
				c.Text += " (perhaps)"
			}
			s.attribute(&c, s.split.Sources[source], &r.Request, opened)
			if opened {
				s.start(n, source)
			}
			all = append(all, c)
		}
	}
	return all
}

// fitting is the callers and the regions that may be said with a kind.
func (s *subject) fitting(k kind, opened bool) (callers, regions eval.Set) {
	n := len(s.split.Sources)
	callers, regions = newSet(n), newSet(len(s.regions))
	for i := range n {
		add(callers, i)
	}
	for i, r := range s.regions {
		pass := passing(&r.Verdicts[1])
		fits := !overlap(k.sources, pass)
		if opened {
			fits = subset(k.sources, pass)
		}
		if fits {
			add(regions, i)
		}
		if k.regions.Has(i) {
			if opened {
				callers = common(callers, pass)
			} else {
				callers = callers.Minus(pass)
			}
		}
	}
	return callers, regions
}

func (s *subject) change(from, target string) Change {
	return Change{Text: from + " -> " + s.name + target, From: from, To: s.name, Target: target, Callee: s.service()}
}

// attribute finds the statement that a change comes from: an edge that is new or a deny that is gone, and the other way
// round.
func (s *subject) attribute(c *Change, caller eval.Source, r *eval.Request, opened bool) {
	var rule *policy.Rule
	is, was := s.is, s.was
	if opened {
		if is != nil {
			rule = s.after.ruleFor(is.Allow, caller, r)
		}
		if was != nil {
			if deny := s.before.ruleFor(was.Deny, caller, r); deny != nil && s.before.ruleFor(was.Allow, caller, r) != nil {
				if rule == nil {
					rule, c.Gone = deny, true
				}
			}
		}
	} else {
		if is != nil {
			rule = s.after.ruleFor(is.Deny, caller, r)
		}
		if rule == nil && was != nil {
			rule, c.Gone = s.before.ruleFor(was.Allow, caller, r), true
		}
	}
	if rule != nil {
		c.At, c.Because = rule.At, rule.Because
	}
}

// start remembers who got somewhere new.
func (s *subject) start(n named, source int) {
	from := policy.Source{Kind: policy.FromAny}
	switch namespace, wide := strings.CutSuffix(n.text, "/*"); {
	case n.text == "world" || s.split.Sources[source].Principal == "":
		from = policy.Source{Kind: policy.FromWorld}
	case wide:
		from = policy.Source{Kind: policy.FromMesh, Mesh: namespace}
	case n.text != "any":
		service := s.services[s.split.Sources[source].Principal].service
		if service == nil {
			return
		}
		from = policy.Source{Service: service}
	}
	if !slices.Contains(s.starts, from) {
		s.starts = append(s.starts, from)
	}
}

// failOpen says that whoever can reach a workload may call it.
func (s *subject) failOpen() Change {
	from := "any"
	for _, r := range s.regions {
		if r.Verdicts[1].Mode != eval.Strict {
			from = "world"
		}
	}
	kind := policy.FromAny
	if from == "world" {
		kind = policy.FromWorld
	}
	s.starts = append(s.starts, policy.Source{Kind: kind})
	return s.change(from, "")
}

// failClosed says who may call a workload that everyone could.
func (s *subject) failClosed() Change {
	var still []Change
	var words []string
	for _, k := range s.classes(func(r *eval.Region, into eval.Set) { join(into, passing(&r.Verdicts[1])) }) {
		target := s.target(cover(k.regions, k.regions, s.actions))
		for _, n := range cover(k.sources, k.sources, s.callers) {
			c := s.change(n.text+n.exceptions(""), target)
			source := first(common(n.set, k.sources))
			r := s.regions[first(k.regions)]
			c.MTLS = r.Verdicts[1].Mode != eval.Disable && s.split.Sources[source].Principal != ""
			s.attribute(&c, s.split.Sources[source], &r.Request, true)
			still = append(still, c)
		}
	}
	slices.SortFunc(still, func(a, b Change) int { return cmp.Compare(a.Text, b.Text) })
	for i, c := range still {
		switch {
		case i == 5:
			words = append(words, fmt.Sprintf("%d more", len(still)-i))
		case i > 5:
		case i+1 < len(still) && still[i+1].Target == c.Target && i < 4:
			words = append(words, c.From)
		default:
			words = append(words, c.Text)
		}
	}
	c := s.change("nobody", "")
	if len(words) > 0 {
		c.Text = "only " + strings.Join(words, ", ")
	}
	if len(still) > 0 {
		c.At, c.Because = still[0].At, still[0].Because
	}
	c.Still = still
	return c
}

// nameSources names callers: those that a language has words for, and as a last resort each one.
func (s *subject) nameSources() {
	n := len(s.split.Sources)
	by := map[string]eval.Set{}
	var order []string
	rough := map[string]bool{}
	said, whole := map[string]bool{}, map[string]bool{} // what policies name; namespaces that they tell from others
	for _, p := range slices.Concat(s.a.Policies, s.b.Policies) {
		m := p.Mentions()
		for _, name := range m.Principals {
			said[name] = true
		}
		for _, name := range m.Namespaces {
			whole[name] = true
		}
	}
	var blocks []netip.Prefix
	for _, p := range slices.Concat(s.a.Policies, s.b.Policies) {
		blocks = append(blocks, p.Blocks()...)
	}
	put := func(text string, i int) {
		if by[text] == nil {
			by[text] = newSet(n)
			order = append(order, text)
		}
		add(by[text], i)
	}
	for i, c := range s.split.Sources {
		put("world", i)
		if c.Principal == "" {
			put("callers without identity", i)
			s.putAddress(c, put, i)
			for _, b := range blocks {
				if c.IP.IsValid() && b.Contains(c.IP) {
					put("callers without identity in "+b.String(), i)
				}
			}
			continue
		}
		put("any", i)
		namespace, account := accountOf(c.Principal)
		if whole[namespace] {
			put(namespace+"/*", i)
		}
		// Who is not named stands for all that are not.
		text, example := "any other identity", false
		switch known, isKnown := s.services[c.Principal]; {
		case isKnown:
			text = known.text
		case said[c.Principal]:
			text = "account " + account + " of " + namespace
		case whole[namespace]:
			text, example = "other accounts of "+namespace, true
		default:
			example = true
		}
		put(text, i)
		rough[text] = example
	}
	for _, text := range order {
		s.callers = append(s.callers, piece{text, by[text], rough[text]})
	}
	for i, c := range s.split.Sources {
		if len(s.split.Sources) <= maxRough && (c.IP.IsValid() || c.RemoteIP.IsValid()) {
			text := s.callerText(c)
			for _, ip := range []netip.Addr{c.IP, c.RemoteIP} {
				if ip.IsValid() {
					text += " at " + ip.String()
				}
			}
			set := newSet(n)
			add(set, i)
			s.callers = append(s.callers, piece{text, set, true})
		}
	}
}

// maxRough bounds how many classes are named one by one.
const maxRough = 1024

// putAddress names services outside the mesh, which have an address and no identity.
func (s *subject) putAddress(c eval.Source, put func(string, int), i int) {
	if !c.IP.IsValid() {
		return
	}
	for _, m := range []*Model{s.after, s.before} {
		found := false
		for _, o := range m.outside() {
			if m.Is(c, policy.Source{Service: o}) {
				put(o.ID(), i)
				found = true
			}
		}
		if found {
			return
		}
	}
}

func (m *Model) outside() []*policy.Service {
	var all []*policy.Service
	for _, s := range allServices(m.Policy) {
		if s.Outside {
			all = append(all, s)
		}
	}
	return all
}

func (s *subject) callerText(c eval.Source) string {
	if c.Principal == "" {
		return "a caller without identity"
	}
	if known, ok := s.services[c.Principal]; ok {
		return known.text
	}
	namespace, account := accountOf(c.Principal)
	return "account " + account + " of " + namespace
}

func accountOf(principal string) (namespace, account string) {
	_, rest, _ := strings.Cut(principal, "/ns/")
	namespace, account, _ = strings.Cut(rest, "/sa/")
	return namespace, account
}

// nameActions names what may be done: everything, ports, what rules ask for, and as a last resort each class.
func (s *subject) nameActions() {
	seen := map[string]bool{}
	offer := func(o eval.Operation) {
		text := actionText(o)
		if seen[text] {
			return
		}
		seen[text] = true
		set := newSet(len(s.regions))
		some := false
		for i, r := range s.regions {
			if o.Matches(&r.Request) {
				add(set, i)
				some = true
			}
		}
		if some {
			s.actions = append(s.actions, piece{text: text, set: set})
		}
	}
	offer(eval.Operation{})
	ports := map[uint16]bool{}
	http := false
	for _, r := range s.regions {
		if p := r.Request.Port; p != s.split.OtherPort && !ports[p] {
			ports[p] = true
			offer(eval.Operation{Ports: []uint16{p}})
		}
		http = http || r.Request.HTTP
	}
	for _, p := range slices.Concat(s.a.Policies, s.b.Policies) {
		for i := range p.Rules() {
			for _, o := range p.Asks(i) {
				if len(o.Methods)+len(o.Paths)+len(o.Hosts) > 0 && http {
					s.offerParts(o, offer)
				}
			}
		}
	}
	if len(s.regions) > maxRough {
		return
	}
	for i, r := range s.regions {
		set := newSet(len(s.regions))
		add(set, i)
		text := ""
		if r.Request.Port != s.split.OtherPort {
			text = ":" + strconv.Itoa(int(r.Request.Port))
		}
		if r.Request.HTTP {
			text += " " + r.Request.Method + " " + r.Request.Path
			if len(r.Request.Host) > 0 && r.Request.Host != s.split.OtherHost {
				text += " host " + r.Request.Host
			}
		}
		s.actions = append(s.actions, piece{text, set, true})
	}
}

// offerParts offers what a rule asks for, a port and a path at a time, and each of its methods alone.
func (s *subject) offerParts(o eval.Operation, offer func(eval.Operation)) {
	ports, paths := o.Ports, o.Paths
	if len(ports) == 0 {
		ports = []uint16{0}
	}
	if len(paths) == 0 {
		paths = []string{""}
	}
	for _, port := range ports {
		for _, path := range paths {
			part := eval.Operation{Methods: o.Methods, Hosts: o.Hosts}
			if port != 0 {
				part.Ports = []uint16{port}
			}
			if path != "" {
				part.Paths = []string{path}
			}
			offer(part)
			if len(o.Methods) > 1 {
				for _, m := range o.Methods {
					part.Methods = []string{m}
					offer(part)
				}
			}
		}
	}
}

// actionText is an operation behind the name of a service: `:8080 GET|HEAD /api/*`.
func actionText(o eval.Operation) string {
	var b strings.Builder
	for _, p := range o.Ports {
		b.WriteString(":" + strconv.Itoa(int(p)))
	}
	for _, list := range [][]string{o.Methods, o.Paths} {
		if len(list) > 0 {
			b.WriteString(" " + strings.Join(list, "|"))
		}
	}
	if len(o.Hosts) > 0 {
		b.WriteString(" host " + strings.Join(o.Hosts, "|"))
	}
	return b.String()
}

// target joins actions behind the name of a service; those of one port share it.
func (s *subject) target(actions []named) string {
	const most = 8
	var b strings.Builder
	last := ""
	for i, a := range actions {
		if i == most {
			fmt.Fprintf(&b, " and %d more kinds of requests", len(actions)-i)
			break
		}
		port, rest, _ := strings.Cut(a.text, " ")
		switch {
		case i == 0:
			b.WriteString(a.text)
		case port == last:
			b.WriteString(", " + rest)
		default:
			b.WriteString(", " + s.name + a.text)
		}
		last = port
		b.WriteString(a.exceptions(port))
	}
	if len(actions) == 0 {
		return " some requests"
	}
	return b.String()
}
