package eval

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"strings"
)

// Atoms is what somebody tells apart besides the policies: the sources and operations of intents, of questions.
type Atoms struct {
	Principals []string       // exact, or with a wildcard at one end
	Namespaces []string       // whose accounts are told from others
	Blocks     []netip.Prefix // of source addresses
	Operations []Operation
}

// Operation is requests by what they do. A list that is empty stands for anything; of the others each must have one
// that matches. Methods, paths and hosts are written as in an AuthorizationPolicy, and are HTTP's alone.
type Operation struct {
	Ports                 []uint16
	Methods, Paths, Hosts []string
}

// Split is all requests to some callees, in classes that neither their policies nor the atoms tell apart: a request is
// of one source and in one region, and whatever is true of the representatives is true of it. A region holds its
// requests from every source.
type Split struct {
	Sources []Source
	Regions []Region

	// What no policy and no atom mentions is represented by these, and by nothing else; zero where all are mentioned.
	OtherPort   uint16
	OtherMethod string
	OtherHost   string

	principals, addresses, remotes *cells
}

// Source is a representative caller.
type Source struct {
	Principal string     // empty: no identity
	IP        netip.Addr // invalid where no block is told apart
	RemoteIP  netip.Addr
}

// Region is a class of operations.
type Region struct {
	Request  Request // a representative, without its source
	Verdicts []Outcome
}

// Outcome is which sources a callee lets do what the region is about. All others are denied.
type Outcome struct {
	Mode      Mode
	Allowed   Set
	Undecided Set
}

// From is the representative request of the region from a source.
func (r *Region) From(s Source) Request {
	q := r.Request
	q.Principal, q.SourceIP, q.RemoteIP = s.Principal, s.IP, s.RemoteIP
	return q
}

// maxRegions bounds the classes of one split.
const maxRegions = 1 << 20

// NewSplit judges all requests to the callees at once. Outcomes stand in the order of the callees, which are of one
// Manifests or, to compare them, of several of one Mesh. The error is ErrTooMany.
func NewSplit(atoms Atoms, callees ...*Callee) (*Split, error) {
	s := &splitter{callees: callees}
	for d := range s.cells {
		s.cells[d].dimension = dimension(d)
	}
	s.collect(atoms)
	domain := "cluster.local"
	if len(callees) > 0 {
		domain = callees[0].mesh.TrustDomain
	}
	for d := range s.cells {
		if err := s.cells[d].divide(domain); err != nil {
			return nil, err
		}
	}
	s.split.principals, s.split.addresses, s.split.remotes = &s.cells[principalDim], &s.cells[sourceDim], &s.cells[remoteDim]
	s.sources()
	s.others()
	for _, http := range []bool{false, true} {
		if err := s.regions(http, atoms); err != nil {
			return nil, err
		}
	}
	return &s.split, nil
}

// Source is the place in Sources of the one that stands for a caller; -1 for an identity of a form that Istio does not
// give out.
func (s *Split) Source(principal string, ip netip.Addr) int {
	p := 0
	if name := strings.TrimPrefix(principal, scheme); name != "" {
		uri := scheme + name
		p = s.principals.find(func(p *pattern) bool { return p.matches(principalDim, uri) })
	}
	a := 0
	if len(s.addresses.patterns) > 0 {
		ip = ip.Unmap()
		a = s.addresses.find(func(p *pattern) bool { return p.block.Contains(ip) })
	}
	if p < 0 || a < 0 {
		return -1
	}
	return (p*s.addresses.count + a) * s.remotes.count
}

type splitter struct {
	split   Split
	callees []*Callee
	cells   [dimensions]cells

	http     bool
	boxes    []operationBox
	rules    []splitRule
	always   []int32 // rules that every operation matches
	outcomes map[string][]Outcome
	request  Request
	scratch  []byte
}

// collect gives every pattern its number.
func (s *splitter) collect(atoms Atoms) {
	for _, c := range s.callees {
		for _, p := range c.Policies {
			for i := range p.rules {
				s.collectBoxes(p.rules[i].from)
				s.collectBoxes(p.rules[i].to)
			}
		}
		for _, port := range c.ports {
			s.cells[portDim].id(pattern{kind: onPort, port: port.port})
		}
	}
	for _, c := range atoms.sources() {
		s.collectBoxes([]box{{c}})
	}
	for _, o := range atoms.Operations {
		s.collectBoxes([]box{o.box(true)})
	}
}

func (s *splitter) collectBoxes(boxes []box) {
	for _, b := range boxes {
		for i := range b {
			if b[i].dimension >= dimensions {
				continue
			}
			cells := &s.cells[b[i].dimension]
			for _, p := range b[i].is {
				cells.id(p)
			}
			for _, p := range b[i].not {
				cells.id(p)
			}
		}
	}
}

func (a *Atoms) sources() []condition {
	all := []condition{{dimension: principalDim}, {dimension: sourceDim}}
	for _, p := range a.Principals {
		all[0].is = append(all[0].is, stringPattern(p))
	}
	for _, n := range a.Namespaces {
		all[0].is = append(all[0].is, pattern{kind: inNamespace, text: n})
	}
	for _, b := range a.Blocks {
		all[1].is = append(all[1].is, pattern{kind: inBlock, block: b.Masked()})
	}
	return all
}

func (o *Operation) box(http bool) box {
	var b box
	add := func(d dimension, is []pattern) {
		if len(is) > 0 {
			b = append(b, condition{dimension: d, is: is})
		}
	}
	var ports []pattern
	for _, p := range o.Ports {
		ports = append(ports, pattern{kind: onPort, port: p})
	}
	add(portDim, ports)
	if http {
		add(methodDim, each(o.Methods, stringPattern))
		add(pathDim, each(o.Paths, pathPattern))
		add(hostDim, each(o.Hosts, hostPattern))
	}
	return b
}

func each(values []string, f func(string) pattern) []pattern {
	patterns := make([]pattern, len(values))
	for i, v := range values {
		patterns[i] = f(v)
	}
	return patterns
}

func (s *splitter) sources() {
	for _, uri := range s.cells[principalDim].strings {
		for _, ip := range s.cells[sourceDim].addresses {
			for _, remote := range s.cells[remoteDim].addresses {
				s.split.Sources = append(s.split.Sources, Source{strings.TrimPrefix(uri, scheme), ip, remote})
			}
		}
	}
}

func (s *splitter) others() {
	if i := s.cells[portDim].other; i >= 0 {
		s.split.OtherPort = s.cells[portDim].ports[i]
	}
	if i := s.cells[methodDim].other; i >= 0 {
		s.split.OtherMethod = s.cells[methodDim].strings[i]
	}
	if i := s.cells[hostDim].other; i >= 0 {
		s.split.OtherHost = s.cells[hostDim].strings[i]
	}
}

// values is the cells where a condition holds, sorted.
func (s *splitter) values(c *condition) []int32 {
	cells := &s.cells[c.dimension]
	in := make([]bool, cells.count)
	mark := func(patterns []pattern, as bool) {
		for _, p := range patterns {
			for _, cell := range cells.members[cells.id(p)] {
				in[cell] = as
			}
		}
	}
	if len(c.is) == 0 {
		for i := range in {
			in[i] = true
		}
	}
	mark(c.is, true)
	mark(c.not, false)
	var list []int32
	for i, yes := range in {
		if yes {
			list = append(list, int32(i))
		}
	}
	return list
}

// operationBox is the cells of the five dimensions of an operation, nil for all of them.
type operationBox struct {
	cells [5][]int32
	rule  int32 // -1: it only tells apart
	sure  bool
}

// splitRule is a rule with the sources that match it, surely or perhaps.
type splitRule struct {
	callee    int
	action    Action
	yes, more Set
}

// regions splits the requests of HTTP or of other connections.
func (s *splitter) regions(http bool, atoms Atoms) error {
	s.http, s.outcomes = http, map[string][]Outcome{}
	s.boxes, s.rules, s.always = s.boxes[:0], s.rules[:0], s.always[:0]
	for i, c := range s.callees {
		for _, p := range c.Policies {
			for j := range p.rules {
				s.addRule(i, p, &p.rules[j])
			}
		}
	}
	for i := range atoms.Operations {
		s.addBox(atoms.Operations[i].box(http), -1)
	}
	for _, c := range s.callees {
		for _, port := range c.ports {
			s.addBox(box{{dimension: portDim, is: []pattern{{kind: onPort, port: port.port}}}}, -1)
		}
	}
	live := make([]int32, len(s.boxes))
	for i := range live {
		live[i] = int32(i)
	}
	s.request = Request{HTTP: http}
	return s.walk(0, live)
}

func (s *splitter) addRule(callee int, p *Policy, r *rule) {
	if p.Broken || !p.does(p.Action) || p.Action == Audit || !s.http && p.Action == Allow && r.needsHTTP() {
		return
	}
	rule := splitRule{callee: callee, action: p.Action}
	rule.yes, rule.more = s.callers(r.from)
	n := int32(len(s.rules))
	s.rules = append(s.rules, rule)
	for _, b := range r.to {
		s.addBox(b, n)
	}
}

// addBox adds a box of operations; one that all match makes its rule match always.
func (s *splitter) addBox(b box, rule int32) {
	o := operationBox{rule: rule, sure: true}
	all := true
	for i := range b {
		c := &b[i]
		switch {
		case c.dimension.onlyHTTP() && !s.http:
			continue
		case c.dimension >= unknownHTTP:
			o.sure = false
			continue
		}
		all = false
		at := &o.cells[c.dimension-portDim]
		values := s.values(c)
		if *at != nil {
			values = common(*at, values)
		}
		if len(values) == 0 {
			return
		}
		*at = values
	}
	switch {
	case all && rule < 0:
	case all && o.sure:
		s.always = append(s.always, rule)
	default:
		s.boxes = append(s.boxes, o)
	}
}

// common is what two sorted lists both have.
func common(a, b []int32) []int32 {
	var both []int32
	for len(a) > 0 && len(b) > 0 {
		switch {
		case a[0] < b[0]:
			a = a[1:]
		case a[0] > b[0]:
			b = b[1:]
		default:
			both = append(both, a[0])
			a, b = a[1:], b[1:]
		}
	}
	return both
}

// callers is the sources in one of the boxes, for sure and perhaps.
func (s *splitter) callers(boxes []box) (yes, more Set) {
	n := len(s.split.Sources)
	yes = newSet(n)
	for _, b := range boxes {
		var lists [3][]int32
		sure, none := true, false
		for i := range b {
			c := &b[i]
			switch {
			case c.dimension.onlyHTTP() && !s.http:
				continue
			case c.dimension >= unknownHTTP:
				sure = false
				continue
			}
			values := s.values(c)
			if at := &lists[c.dimension]; *at != nil {
				values = common(*at, values)
			}
			lists[c.dimension] = values
			none = none || len(values) == 0
		}
		if none {
			continue
		}
		into := yes
		if !sure {
			if more == nil {
				more = newSet(n)
			}
			into = more
		}
		for d := range lists {
			if lists[d] == nil {
				lists[d] = upTo(s.cells[d].count)
			}
		}
		for _, p := range lists[principalDim] {
			for _, a := range lists[sourceDim] {
				for _, r := range lists[remoteDim] {
					into.add((int(p)*s.cells[sourceDim].count+int(a))*s.cells[remoteDim].count + int(r))
				}
			}
		}
	}
	return yes, more
}

// walk splits by one dimension after the other. Live are the boxes that the cells chosen so far are in.
func (s *splitter) walk(d int, live []int32) error {
	if d == len(operationBox{}.cells) {
		return s.emit(live)
	}
	dim := portDim + dimension(d)
	if !s.http && dim.onlyHTTP() {
		return s.walk(d+1, live)
	}
	// Which boxes ask for a cell, for those cells that any box asks for.
	asking := map[int32][]int32{}
	var asked, free []int32
	for _, i := range live {
		cells := s.boxes[i].cells[d]
		if cells == nil {
			free = append(free, i)
			continue
		}
		for _, cell := range cells {
			if asking[cell] == nil {
				asked = append(asked, cell)
			}
			asking[cell] = append(asking[cell], i)
		}
	}
	slices.Sort(asked)
	rest := int32(s.cells[dim].count)
	for i := range s.cells[dim].count {
		if i == len(asked) || asked[i] != int32(i) {
			rest = int32(i)
			break
		}
	}
	if other := s.cells[dim].other; other >= 0 && asking[other] == nil {
		rest = other
	}
	groups := map[string]bool{}
	for _, cell := range asked {
		boxes := asking[cell]
		s.scratch = s.scratch[:0]
		for _, i := range boxes {
			s.scratch = binary.AppendUvarint(s.scratch, uint64(i))
		}
		if groups[string(s.scratch)] {
			continue
		}
		groups[string(s.scratch)] = true
		boxes = slices.Concat(free, boxes)
		slices.Sort(boxes)
		s.choose(dim, cell)
		if err := s.walk(d+1, boxes); err != nil {
			return err
		}
	}
	if int(rest) < s.cells[dim].count {
		s.choose(dim, rest)
		return s.walk(d+1, free)
	}
	return nil
}

// choose puts the representative of a cell into the request at hand.
func (s *splitter) choose(d dimension, cell int32) {
	c := &s.cells[d]
	switch d {
	case portDim:
		s.request.Port = c.ports[cell]
	case methodDim:
		s.request.Method = c.strings[cell]
	case pathDim:
		s.request.Path = c.strings[cell]
	case hostDim:
		s.request.Host = c.strings[cell]
	case destDim:
		s.request.DestIP = c.addresses[cell]
	}
}

func (s *splitter) emit(live []int32) error {
	if len(s.split.Regions) == maxRegions {
		return ErrTooMany
	}
	s.scratch = s.scratch[:0]
	for _, c := range s.callees {
		mode, _ := c.Mode(s.request.Port)
		s.scratch = append(s.scratch, byte(mode))
	}
	for _, i := range live {
		if s.boxes[i].rule >= 0 {
			s.scratch = binary.AppendUvarint(s.scratch, uint64(i))
		}
	}
	outcomes, ok := s.outcomes[string(s.scratch)]
	if !ok {
		key := string(s.scratch)
		outcomes = make([]Outcome, len(s.callees))
		for i := range outcomes {
			outcomes[i] = s.judge(i, live)
		}
		s.outcomes[key] = outcomes
	}
	s.split.Regions = append(s.split.Regions, Region{s.request, outcomes})
	return nil
}

// judge is Decide for all sources at once.
func (s *splitter) judge(callee int, live []int32) Outcome {
	n := len(s.split.Sources)
	c := s.callees[callee]
	var sure, perhaps [Custom + 1]Set
	for a := range sure {
		sure[a], perhaps[a] = newSet(n), newSet(n)
	}
	matched := func(rule int32, certain bool) {
		r := &s.rules[rule]
		if r.callee != callee {
			return
		}
		if certain {
			sure[r.action].addAll(r.yes)
		} else {
			perhaps[r.action].addAll(r.yes)
		}
		perhaps[r.action].addAll(r.more)
	}
	for _, rule := range s.always {
		matched(rule, true)
	}
	for _, i := range live {
		if rule := s.boxes[i].rule; rule >= 0 {
			matched(rule, s.boxes[i].sure)
		}
	}
	guarded := false
	for _, p := range c.Policies {
		guarded = guarded || p.does(Allow) && !p.Broken
		if !p.Broken {
			continue
		}
		for _, a := range []Action{Allow, Deny, Custom} {
			if p.does(a) {
				perhaps[a] = full(n)
			}
		}
	}
	o := Outcome{Allowed: newSet(n), Undecided: newSet(n)}
	everyone := full(n)
	for i := range o.Allowed {
		pass, open := sure[Allow][i], perhaps[Allow][i]&^sure[Allow][i]
		if !guarded {
			pass = everyone[i] &^ open
		}
		denied := sure[Deny][i]
		unsure := perhaps[Deny][i] | perhaps[Custom][i] | sure[Custom][i]
		o.Allowed[i] = pass &^ denied &^ unsure
		o.Undecided[i] = (open | pass&unsure) &^ denied
	}
	o.Mode, _ = c.Mode(s.request.Port)
	s.connect(&o)
	return o
}

// connect takes the mode of the port into account.
func (s *splitter) connect(o *Outcome) {
	block := s.cells[sourceDim].count * s.cells[remoteDim].count // sources of one identity; the first has none
	total := len(s.split.Sources)
	switch o.Mode {
	case Strict:
		for i := range block {
			o.Allowed.remove(i)
			o.Undecided.remove(i)
		}
	case Disable:
		for i := block; i < total; i++ {
			copyBit(o.Allowed, i, i%block)
			copyBit(o.Undecided, i, i%block)
		}
	case Unknown:
		for i := total - 1; i >= 0; i-- {
			plain := i % block
			switch {
			case i < block && (o.Allowed.Has(i) || o.Undecided.Has(i)):
				o.Allowed.remove(i)
				o.Undecided.add(i)
			case i >= block && (o.Allowed.Has(i) != o.Allowed.Has(plain) || o.Undecided.Has(i) != o.Undecided.Has(plain)):
				o.Allowed.remove(i)
				o.Undecided.add(i)
			}
		}
	}
}

func copyBit(s Set, to, from int) {
	if s.Has(from) {
		s.add(to)
	} else {
		s.remove(to)
	}
}
