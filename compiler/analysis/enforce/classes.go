package enforce

import (
	"encoding/binary"

	"github.com/meshc/meshc/compiler/analysis/space"
)

// Classes is all requests to some points, in classes that neither their policies nor the distinctions distinguish: a
// request is of one source and in one class of operations, and whatever is true of the representatives is true of it.
type Classes struct {
	*space.Space
	Operations []Class

	classifier *Classifier
	calling    map[calling]space.Set
}

// Class is a class of operations, with the requests of every source.
type Class struct {
	Request  space.Request // a representative, without its source
	Outcomes []Outcome     // by point
}

// Outcome is which sources a point lets do what a class is about. All others are denied.
type Outcome struct {
	Mode      Mode
	Allowed   space.Set
	Undecided space.Set
}

// NewClasses judges all requests to the points at once. Outcomes are in the order of the points, which are of one
// Layer or, to compare them, of several of one Mesh. The error is space.ErrTooMany.
func NewClasses(distinctions space.Distinctions, points ...*Point) (*Classes, error) {
	return new(Classifier).Classes(distinctions, points...)
}

// Classifier makes one Classes after another in the same memory. The zero value is ready; it serves one goroutine.
type Classifier struct {
	space.Builder
	classes Classes
	points  []*Point

	http     bool
	clauses  []activeClause
	always   []int32 // clauses that every operation matches
	outcomes map[string][]Outcome

	key []byte
}

// activeClause is a clause with the sources that match it, surely or perhaps.
type activeClause struct {
	point     int
	action    Action
	yes, more space.Set
}

// Classes is NewClasses; the next call writes over what this one returns.
func (s *Classifier) Classes(distinctions space.Distinctions, points ...*Point) (*Classes, error) {
	s.Reset()
	s.points = points
	domain := "cluster.local"
	if len(points) > 0 {
		domain = points[0].mesh.TrustDomain
	}
	for _, c := range points {
		for _, p := range c.Policies {
			for i := range p.Clauses {
				s.Distinguish(p.Clauses[i].From)
				s.Distinguish(p.Clauses[i].To)
			}
		}
		for _, port := range c.ports {
			s.DistinguishPort(port.port)
		}
	}
	s.DistinguishAll(distinctions)
	all, err := s.Divide(domain)
	if err != nil {
		return nil, err
	}
	s.classes = Classes{Space: all, Operations: s.classes.Operations[:0], classifier: s}
	for _, http := range []bool{false, true} {
		if err := s.operations(http); err != nil {
			return nil, err
		}
	}
	return &s.classes, nil
}

// operations judges the requests of HTTP or of other connections.
func (s *Classifier) operations(http bool) error {
	s.http = http
	s.Connections(http)
	if s.outcomes == nil {
		s.outcomes = map[string][]Outcome{}
	}
	clear(s.outcomes)
	s.clauses, s.always = s.clauses[:0], s.always[:0]
	for i, c := range s.points {
		for _, p := range c.Policies {
			for j := range p.Clauses {
				s.addClause(i, p, &p.Clauses[j])
			}
		}
	}
	return s.Walk(s.class)
}

func (s *Classifier) addClause(point int, p *Object, r *Clause) {
	if p.Broken || !p.does(p.Action) || p.Action == Audit || !s.http && p.Action == Allow && r.needsHTTP() {
		return
	}
	clause := activeClause{point: point, action: p.Action}
	clause.yes, clause.more = s.Callers(r.From)
	n := int32(len(s.clauses))
	s.clauses = append(s.clauses, clause)
	for _, b := range r.To {
		if s.Add(b, n) {
			s.always = append(s.always, n)
		}
	}
}

// class judges one class of operations, of which r is the representative. Classes in the same boxes are judged alike.
func (s *Classifier) class(r *space.Request, in []int32) {
	s.key = s.key[:0]
	for _, c := range s.points {
		mode, _ := c.Mode(r.Port)
		s.key = append(s.key, byte(mode))
	}
	for _, i := range in {
		if s.Box(i).Owner >= 0 {
			s.key = binary.AppendUvarint(s.key, uint64(i))
		}
	}
	outcomes, ok := s.outcomes[string(s.key)]
	if !ok {
		outcomes = make([]Outcome, len(s.points))
		for i := range outcomes {
			outcomes[i] = s.judge(i, r, in)
		}
		s.outcomes[string(s.key)] = outcomes
	}
	s.classes.Operations = append(s.classes.Operations, Class{*r, outcomes})
}
