// Package check resolves the names of a project, holds them against the workload manifests and judges
// whether the policy that they make is sound.
//
// It knows the tree and the inventory, and leaves both as they are: what it finds out stands in Info.
// It knows no target, and it judges no guard: those are judged on what a target really enforces.
package check

import (
	"maps"
	"slices"
	"time"

	"github.com/meshc/meshc/compiler/config"
	"github.com/meshc/meshc/compiler/inventory"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// Options is what a check depends on besides the sources.
type Options struct {
	Config      config.Project
	Environment string    // a key of Config.Environments; empty: none
	Today       time.Time // the day that `until` is held against
}

// Info is a project with every name resolved. It is whole only where check found no error.
type Info struct {
	Options
	Mode   policy.Mode // mesh-wide, after the environment's ceiling
	ModeAt source.Span
	Meshes []*Mesh // sorted by name
	Guards []*policy.Guard
}

// Mesh is all the sections of one name, and the manifests of that namespace.
type Mesh struct {
	policy.Mesh
	Exports []*Export

	sections []source.Span // the name in each `mesh` statement
	stated   stated
	names    map[string]*symbol
	services []*Service // in the order of their declaration
	accounts map[string]source.Span
	known    []string // the keys of names, sorted, once a name was missed
	misses   int
	manifest bool // the workload manifests have something in this namespace
}

// Service is one workload with the edges that lead to it.
type Service struct {
	*policy.Service
	Allow []*Rule
	Deny  []*Rule

	mesh      *Mesh
	decl      *lang.Service // nil where only manifests declare it
	workloads []*inventory.Workload
	accountAt source.Span
	stated    stated
	ports     map[uint16]stated // modes of single ports
	calls     bool              // some edge has it as a source
	called    bool              // some edge or deny leads to it, be it a broken one
	mismatch  bool              // its account has a finding already
	partly    bool              // some of its workloads have no proxy, others have
}

// Rule is one hop of an edge or a deny, as it bears on one callee.
type Rule struct {
	policy.Rule
	Callee *Service
	key    string // equal for rules with the same ports and operations
	spoken bool   // its ports are those that speak HTTP, for want of a named one
}

// Export is the consent of one service to edges of other sections.
type Export struct {
	Callee *Service
	Ports  []uint16
	Ops    []policy.Operation
	To     []Consumer
	stmt   *exportStmt
}

// Consumer is who may write such an edge: everyone, a mesh, or one of its services.
type Consumer struct {
	All     bool
	Mesh    string
	Service *Service
}

type exportStmt struct {
	at   source.Span
	used bool
}

// stated is an mTLS mode as a statement gives it.
type stated struct {
	mode   policy.Mode
	at     source.Span
	capped bool // it is the environment's ceiling, not a statement
}

// symbol is what a name of a mesh stands for: exactly one of its pointers is set.
type symbol struct {
	service  *Service
	group    *group
	external *external
	at       source.Span
}

type group struct {
	decl    *lang.Group
	mesh    *Mesh
	state   visit
	members []*Service
}

type external struct {
	policy.External
	used bool
}

type visit uint8

const (
	unvisited visit = iota
	visiting
	visited
)

// checker carries one run.
type checker struct {
	*Info
	env    *config.Environment // nil where none was chosen
	meshes map[string]*Mesh
	wide   stated // mesh-wide mode as stated
	list   diag.List
	inv    *inventory.Set

	seen     map[edgeKey]source.Span // edges and denies so far
	anyone   policy.SourceKind       // FromAny or FromWorld where some edge lets them in
	twins    map[identity][]*Service // services that a callee takes for one
	reported map[identity]bool       // of those, the ones with a finding
	ambients map[string]*inventory.Namespace
	loose    map[source.Span]*permitted // permissive modes that edges rely on
}

// Project checks a project. The findings are those of every stage of the check, unsorted.
func Project(files []*lang.File, inv *inventory.Set, o Options) (*Info, diag.List) {
	if inv == nil {
		inv = &inventory.Set{}
	}
	c := &checker{
		Info:   &Info{Options: o},
		env:    o.Config.Environments[o.Environment],
		meshes: map[string]*Mesh{},
		inv:    inv,
		seen:   map[edgeKey]source.Span{},
		loose:  map[source.Span]*permitted{},

		reported: map[identity]bool{},
		ambients: map[string]*inventory.Namespace{},
	}
	sections := c.declare(files)
	c.join()
	c.knownOwners()
	c.resolveGroups()
	c.statedModes(sections)
	c.applyCeilings()
	c.exports(sections)
	c.rules(sections)
	c.declaring()
	c.toldApart()
	c.guards(files)
	c.sound()
	c.lint()
	return c.Info, c.list
}

// Services is the workloads of the mesh, sorted by name.
func (m *Mesh) Services() []*Service { return m.services }

// Groups is the groups of the mesh, sorted by name.
func (m *Mesh) Groups() (groups []policy.Group) {
	for _, name := range slices.Sorted(maps.Keys(m.names)) {
		if g := m.names[name].group; g != nil {
			one := policy.Group{Name: name}
			for _, s := range g.members {
				one.Members = append(one.Members, s.Service)
			}
			groups = append(groups, one)
		}
	}
	return groups
}

// Externals is the externals of the mesh, sorted by name, with their callers.
func (m *Mesh) Externals() []*policy.External {
	var all []*policy.External
	for _, name := range slices.Sorted(maps.Keys(m.names)) {
		if e := m.names[name].external; e != nil {
			all = append(all, &e.External)
		}
	}
	return all
}
