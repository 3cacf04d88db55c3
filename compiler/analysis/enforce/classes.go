package enforce

import (
	"encoding/binary"
	"slices"

	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/compiler/policy"
)

// Classes is all requests to some points, partitioned by their clauses and by distinctions: a request is of one source
// and in one class of operations, and whatever is decided about their representatives is decided about it.
type Classes struct {
	*space.Space
	Operations []Class

	classifier *Classifier
	decided    map[*Outcome][]Decided
}

// Class is a class of operations, with the requests of every source.
type Class struct {
	Request  space.Request // a representative, without its source
	Outcomes []Outcome     // by point; classes that are decided alike share them

	boxes []int32 // of the clauses that it is in
}

// Outcome is the sources that a point lets do what a class is about. All others are denied.
type Outcome struct {
	Mode      Mode
	Capture   policy.Capture
	Allowed   space.Set
	Undecided space.Set
}

// Decided is sources whose requests of one class are decided alike.
type Decided struct {
	Decision
	Sources space.Set
}

// NewClasses decides all requests to the points. Outcomes are in the order of the points, which are of one Layer or,
// for a comparison, of several layers of one Mesh. The error is space.ErrTooMany.
func NewClasses(distinctions space.Distinctions, points ...*Point) (*Classes, error) {
	return new(Classifier).Classes(distinctions, points...)
}

// Classifier makes one Classes after another in the same memory. The zero value is ready; it serves one goroutine.
type Classifier struct {
	builder  space.Builder
	classes  Classes
	points   []*Point  // those that are asked about, then those of the waypoints on the ways to them
	asked    int       // how many of them are asked about
	deciders []decider // by point

	http     bool
	clauses  []clause
	always   [2][]int32 // clauses that every operation matches, without HTTP and with it
	outcomes map[string][]Outcome
	unused   []Outcome // to allocate outcomes from

	hits []hit
	key  []byte
}

// Classes is NewClasses; the next call overwrites what this one returns.
func (s *Classifier) Classes(distinctions space.Distinctions, points ...*Point) (*Classes, error) {
	s.points, s.asked = points, len(points)
	for _, c := range points {
		for i := range c.Ways {
			s.points = append(s.points[:len(s.points):len(s.points)], c.Ways[i].Point)
		}
	}
	table, domain := space.Standard, defaultDomain
	if len(points) > 0 {
		table, domain = points[0].layer.Table, points[0].layer.Mesh.TrustDomain
	}
	s.builder.Reset(table)
	var ports []space.Box // that have another mode, or that the proxy does not see
	clauses := 0
	for _, c := range s.points {
		for i := range c.Ways {
			w := &c.Ways[i]
			for _, principal := range w.principals {
				s.builder.Distinguish([]space.Box{{space.Is(space.Identity, space.PrincipalPattern(principal))}})
			}
			if w.Target != 0 {
				ports = append(ports, space.Box{space.Is(space.Port, space.PortPattern(w.Target))})
			}
		}
		for _, p := range c.Policies {
			clauses += len(p.Clauses)
			for i := range p.Clauses {
				s.builder.Distinguish(p.Clauses[i].From)
				s.builder.Distinguish(p.Clauses[i].To)
			}
		}
		for _, p := range c.Tokens {
			for i := range p.Clauses {
				s.builder.Distinguish(p.Clauses[i].From)
			}
		}
		for _, port := range c.ports {
			ports = append(ports, space.Box{space.Is(space.Port, space.PortPattern(port.port))})
		}
		if c.inbound == nil {
			continue
		}
		for _, port := range c.inbound.Ports {
			ports = append(ports, space.Box{space.Is(space.Port, space.PortPattern(port.Number))})
		}
	}
	s.builder.DistinguishAll(distinctions)
	asides := s.apart(distinctions, domain)
	s.builder.DistinguishAll(space.Distinctions{Operations: ports})
	all, err := s.divide(asides, domain)
	if err != nil {
		return nil, err
	}
	s.classes = Classes{Space: all, Operations: s.classes.Operations[:0], classifier: s}
	s.clauses, s.deciders = slices.Grow(s.clauses[:0], 2*clauses), s.deciders[:0]
	for _, p := range s.points {
		d := decider{point: p, width: all.Anonymous()}
		for _, set := range []*space.Set{&d.plain, &d.all, &d.left, &d.some, &d.doubt} {
			*set = s.builder.NewSet()
		}
		d.plain.AddRange(0, d.width)
		d.all.AddRange(0, len(all.Sources))
		s.deciders = append(s.deciders, d)
	}
	for i, p := range points {
		s.deciders[i].routes = s.routes(p)
	}
	for _, http := range []bool{false, true} {
		if err := s.operations(http); err != nil {
			return nil, err
		}
	}
	return &s.classes, nil
}

// apart distinguishes callers that pass the waypoints of some point from others. It returns who passes none.
func (s *Classifier) apart(distinctions space.Distinctions, trustDomain string) (asides []*Aside) {
	for _, c := range s.points {
		if a := c.layer.Mesh.Aside; len(c.Ways) > 0 && a != nil && !slices.Contains(asides, a) {
			asides = append(asides, a)
		}
	}
	if len(asides) == 0 {
		return nil
	}
	var patterns []space.Pattern
	add := func(conditions ...space.Condition) {
		for _, c := range conditions {
			if c.Dimension == space.Identity {
				patterns = append(append(patterns, c.Is...), c.Not...)
			}
		}
	}
	add(distinctions.Callers...)
	for _, b := range distinctions.From {
		add(b...)
	}
	for _, c := range s.points {
		for _, p := range c.Policies {
			for i := range p.Clauses {
				for _, b := range p.Clauses[i].From {
					add(b...)
				}
			}
		}
	}
	s.builder.DistinguishAll(space.Distinctions{Callers: []space.Condition{space.Is(space.Identity, kindsOf(asides).apart(patterns, trustDomain)...)}})
	return asides
}

// divide divides all requests. Nobody of whom it is known that they pass no waypoint represents others: that would be
// said of these too.
func (s *Classifier) divide(asides []*Aside, trustDomain string) (*space.Space, error) {
	for {
		all, err := s.builder.Divide(trustDomain)
		if err != nil {
			return nil, err
		}
		var known []space.Pattern
		for i := all.Anonymous(); i < len(all.Sources); i += all.Anonymous() {
			for _, a := range asides {
				if p, ok := a.names(all.Sources[i].Identity()); ok && !slices.Contains(known, p) && !all.Distinguishes(i, p) {
					known = append(known, p)
				}
			}
		}
		if len(known) == 0 {
			return all, nil
		}
		s.builder.DistinguishAll(space.Distinctions{Callers: []space.Condition{space.Is(space.Identity, known...)}})
	}
}

// operations decides the requests of HTTP, or of other connections.
func (s *Classifier) operations(http bool) error {
	s.http = http
	s.builder.Connections(http)
	if s.outcomes == nil {
		s.outcomes = map[string][]Outcome{}
	}
	clear(s.outcomes)
	always := s.always[kind(http)][:0]
	for i := range s.deciders {
		s.tokens(&s.deciders[i])
	}
	for i, point := range s.points {
		point.each(http, func(o *Object, rule int, effect Effect, asked whenAsked) {
			n := int32(len(s.clauses))
			c := clause{point: i, object: o, rule: rule, effect: effect, asked: asked}
			if rule < 0 {
				c.yes, c.more = s.builder.NewSet(), s.deciders[i].all
				always = append(always, n)
			} else {
				c.yes, c.more = s.builder.Callers(o.Clauses[rule].From)
				for _, b := range o.Clauses[rule].To {
					if s.builder.Add(b, n) {
						always = append(always, n)
					}
				}
			}
			s.clauses = append(s.clauses, c)
		})
	}
	s.always[kind(http)] = always
	return s.builder.Walk(s.class)
}

// tokens prepares what a point makes of the tokens of requests.
func (s *Classifier) tokens(d *decider) {
	d.tokens = tokens{}
	if !s.http || !s.classes.Varies(space.Token) {
		return
	}
	if len(d.point.Tokens) == 0 {
		d.tokens.without = s.withoutToken
		return
	}
	with, taken, none := s.builder.NewSet(), s.builder.NewSet(), s.builder.NewSet()
	for i := range s.classes.Sources {
		if s.withoutToken(i) != i {
			with.Add(i)
		}
	}
	unknown := d.point.taken(func(boxes []space.Box) {
		yes, _ := s.builder.Callers(boxes)
		taken.AddAll(yes)
	})
	if unknown != nil {
		d.tokens = tokens{refused: none, unsure: with, by: unknown}
		return
	}
	with.RemoveAll(taken)
	d.tokens = tokens{refused: with, unsure: none, by: d.point.Tokens[0]}
}

func (s *Classifier) withoutToken(source int) int { return s.classes.Without(source, space.Token) }

func kind(http bool) int { return int(bit(http)) }

func bit(is bool) byte {
	if is {
		return 1
	}
	return 0
}

// class decides one class of operations, which r represents. Classes are decided alike if they are in the same boxes,
// the same object gives their ports the same mode, the proxy sees both or neither, and both or neither are CORS
// preflights.
func (s *Classifier) class(r *space.Request, in []int32) {
	s.key = s.key[:0]
	for _, c := range s.points {
		mode, by := c.Mode(r.Port())
		s.key = append(s.key, byte(mode), byte(slices.Index(c.Peers, by)), byte(c.Capture(r.Port())))
		for i := range c.Ways {
			_, leads := c.Ways[i].Leads(r.Port())
			s.key = append(s.key, bit(leads))
		}
	}
	s.key = append(s.key, bit(r.Preflight()))
	for _, i := range in {
		if s.builder.Box(i).Owner >= 0 {
			s.key = binary.AppendUvarint(s.key, uint64(i))
		}
	}
	outcomes, ok := s.outcomes[string(s.key)]
	if !ok {
		if cap(s.unused)-len(s.unused) < s.asked {
			s.unused = make([]Outcome, 0, 16*s.asked)
		}
		n := len(s.unused)
		s.unused = s.unused[:n+s.asked]
		outcomes = s.unused[n:len(s.unused):len(s.unused)]
		for i := range outcomes {
			o := &outcomes[i]
			*o = Outcome{Allowed: s.builder.NewSet(), Undecided: s.builder.NewSet()}
			o.Mode, _ = s.points[i].Mode(r.Port())
			o.Capture = s.points[i].Capture(r.Port())
			s.decide(i, r, in, (*decider).decide, func(sources space.Set, by Decision) {
				switch by.Verdict {
				case Allowed:
					o.Allowed.AddAll(sources)
				case Undecided:
					o.Undecided.AddAll(sources)
				}
			})
		}
		s.outcomes[string(s.key)] = outcomes
	}
	s.classes.Operations = append(s.classes.Operations, Class{*r, outcomes, in})
}

// decide decides about all sources of one class of operations.
func (s *Classifier) decide(point int, r *space.Request, in []int32, how func(*decider, uint16, []hit), found func(space.Set, Decision)) {
	if len(s.deciders[point].routes) > 0 {
		s.byWays(point, r, in, how, found)
		return
	}
	s.enforce(point, r, in, how, found)
}

// enforce decides by what one point itself enforces.
func (s *Classifier) enforce(point int, r *space.Request, in []int32, how func(*decider, uint16, []hit), found func(space.Set, Decision)) {
	d := &s.deciders[point]
	d.found = found
	defer func(t tokens) { d.tokens = t }(d.tokens)
	switch {
	case !r.HTTP: // where nobody looks at tokens
		d.tokens = tokens{}
	case r.Preflight() && s.classes.Varies(space.Token):
		d.tokens = tokens{without: s.withoutToken}
	}
	how(d, r.Port(), s.matching(point, r.HTTP, in))
}

// matching is the clauses of a point that operations in some boxes match, in the order of the clauses, which the boxes
// and the clauses that match always have too.
func (s *Classifier) matching(point int, http bool, in []int32) []hit {
	s.hits = s.hits[:0]
	always := s.always[kind(http)]
	add := func(n int32, sure bool) {
		c := &s.clauses[n]
		switch last := len(s.hits) - 1; {
		case c.point != point:
		case last >= 0 && s.hits[last].clause == c:
			s.hits[last].sure = s.hits[last].sure || sure
		default:
			s.hits = append(s.hits, hit{c, sure})
		}
	}
	for _, i := range in {
		b := s.builder.Box(i)
		if b.Owner < 0 {
			continue
		}
		for len(always) > 0 && always[0] <= b.Owner {
			add(always[0], true)
			always = always[1:]
		}
		add(b.Owner, b.Sure)
	}
	for _, n := range always {
		add(n, true)
	}
	return s.hits
}

// Decide is what a point decides about the requests of a class, and why. Each source is in one set.
func (s *Classes) Decide(r *Class, point int) []Decided {
	key := &r.Outcomes[point]
	if all, ok := s.decided[key]; ok {
		return all
	}
	if s.decided == nil {
		s.decided = map[*Outcome][]Decided{}
	}
	s.decided[key] = s.decide(r, point, (*decider).decide)
	return s.decided[key]
}

// Authorize is what the clauses of a point alone decide about the requests of a class: connections are open, and
// identities are what callers proved. Each source is in one set.
func (s *Classes) Authorize(r *Class, point int) []Decided {
	return s.decide(r, point, (*decider).authorizeAll)
}

func (s *Classes) decide(r *Class, point int, how func(*decider, uint16, []hit)) (all []Decided) {
	s.classifier.decide(point, &r.Request, r.boxes, how, func(sources space.Set, by Decision) {
		i := slices.IndexFunc(all, func(other Decided) bool { return other.Decision == by })
		switch {
		case sources.Empty():
		case i < 0:
			all = append(all, Decided{by, slices.Clone(sources)})
		default:
			all[i].Sources.AddAll(sources)
		}
	})
	return all
}

// Decision is what a point decides about the requests of a class from one source.
func (s *Classes) Decision(r *Class, point, source int) Decision {
	for _, d := range s.Decide(r, point) {
		if d.Sources.Has(source) {
			return d.Decision
		}
	}
	return Decision{}
}
