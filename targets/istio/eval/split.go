package eval

import (
	"net/netip"
	"strings"
)

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
	splitter                       *Splitter
	calling                        map[calling]Set
}

// Source is a representative caller.
type Source struct {
	Principal string     // empty: no identity
	IP        netip.Addr // invalid where no block is told apart
	RemoteIP  netip.Addr

	// Elsewhere tells that one who may be anywhere is looked for here: IP and RemoteIP are in none of the blocks, or
	// in one of those that leave no address out.
	Elsewhere bool
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
	return new(Splitter).Split(atoms, callees...)
}

// Splitter makes one split after the other in the same memory. The zero value is ready; it serves one goroutine.
type Splitter struct {
	split   Split
	callees []*Callee
	cells   [dimensions]cells
	asked   []box // the operations of the atoms

	http     bool
	boxes    []operationBox
	rules    []splitRule
	always   []int32 // rules that every operation matches
	outcomes map[string][]Outcome
	request  Request

	scratch  []byte
	in       []bool
	places   slab[int32]
	sets     slab[uint64]
	judged   slab[Outcome]
	patterns slab[pattern]
	terms    slab[condition]
}

// divide makes the cells of all dimensions.
func (s *Splitter) divide(atoms Atoms, callees []*Callee) error {
	s.reset(callees)
	s.collect(atoms)
	domain := "cluster.local"
	if len(callees) > 0 {
		domain = callees[0].mesh.TrustDomain
	}
	for d := range s.cells {
		if err := s.cells[d].divide(domain); err != nil {
			return err
		}
	}
	return nil
}

func (s *Splitter) reset(callees []*Callee) {
	for d := range s.cells {
		s.cells[d].reset(dimension(d), &s.places)
	}
	s.split = Split{Sources: s.split.Sources[:0], Regions: s.split.Regions[:0]}
	s.callees, s.asked = callees, s.asked[:0]
	s.places.reset()
	s.sets.reset()
	s.judged.reset()
	s.patterns.reset()
	s.terms.reset()
}

// Split is NewSplit; the next call writes over what this one returns.
func (s *Splitter) Split(atoms Atoms, callees ...*Callee) (*Split, error) {
	if err := s.divide(atoms, callees); err != nil {
		return nil, err
	}
	s.split.splitter = s
	s.split.principals, s.split.addresses, s.split.remotes = &s.cells[principalDim], &s.cells[sourceDim], &s.cells[remoteDim]
	s.sources()
	s.others()
	for _, http := range []bool{false, true} {
		if err := s.regions(http); err != nil {
			return nil, err
		}
	}
	return &s.split, nil
}

// Source is the place in Sources of the one that stands for a caller; -1 for an identity of a form that Istio does not
// give out.
func (s *Split) Source(principal string, ip netip.Addr) int {
	p := s.identity(principal)
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

// identity is the cell of an identity, -1 where there is none.
func (s *Split) identity(principal string) int {
	name := strings.TrimPrefix(principal, scheme)
	if name == "" {
		return 0
	}
	uri := scheme + name
	return s.principals.find(func(p *pattern) bool { return p.matches(principalDim, uri) })
}

// With is the place in Sources of callers with an identity who are where those at another place are; negative where
// there is none.
func (s *Split) With(principal string, source int) int {
	block := s.addresses.count * s.remotes.count
	return s.identity(principal)*block + source%block
}

// Takes tells whether a place in Sources is of callers with an identity.
func (s *Split) Takes(source int, principal string) bool { return s.With(principal, source) == source }

// Identity is the same number for the places in Sources that only addresses tell apart.
func (s *Split) Identity(source int) int { return source / (s.addresses.count * s.remotes.count) }

// collect gives every pattern its number.
func (s *Splitter) collect(atoms Atoms) {
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
	for _, p := range atoms.Principals {
		s.cells[principalDim].id(stringPattern(p))
	}
	for _, n := range atoms.Namespaces {
		s.cells[principalDim].id(pattern{kind: inNamespace, text: n})
	}
	for _, b := range atoms.Blocks {
		s.cells[sourceDim].id(pattern{kind: inBlock, block: b.Masked()})
	}
	for i := range atoms.Operations {
		s.asked = append(s.asked, atoms.Operations[i].box(&s.terms, &s.patterns))
	}
	s.collectBoxes(s.asked)
}

func (s *Splitter) collectBoxes(boxes []box) {
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

func (s *Splitter) sources() {
	for _, uri := range s.cells[principalDim].strings {
		for i, ip := range s.cells[sourceDim].addresses {
			for j, remote := range s.cells[remoteDim].addresses {
				elsewhere := s.cells[sourceDim].elsewhere[i] && s.cells[remoteDim].elsewhere[j]
				s.split.Sources = append(s.split.Sources, Source{strings.TrimPrefix(uri, scheme), ip, remote, elsewhere})
			}
		}
	}
}

func (s *Splitter) others() {
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
