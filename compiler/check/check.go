// Package check resolves the names of a project, compares its intents with the workload manifests, checks that they
// are sound, and builds the policy that they state.
//
// It knows the syntax tree and the inventory, and changes neither. It knows no target: whether Istio can express a
// path or a rule is for the target to say, for which every source and operation of the policy has a span. Nor does it
// judge never, always and only, which depend on what the manifests actually allow.
//
// The method is a fixed sequence of passes over the whole project, each of which may rely on what earlier ones have
// established: see run. An incorrect statement is reported and then ignored, so one fault gives one finding. After an
// edit, the passes about arrows cover only a part of the project: see Recheck.
package check

import (
	"time"

	"github.com/meshc/meshc/compiler/config"
	"github.com/meshc/meshc/compiler/inventory"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// Options is what a check depends on apart from the sources.
type Options struct {
	Config      config.Project
	Environment string    // a key of Config.Environments; empty: none
	Today       time.Time // the day that `until` is compared with
	Meshless    bool      // nothing but the network enforces policies; the inventory is Meshless too
	Network     bool      // it enforces them beside the mesh
	Info        *Info     // where not nil, what every name means is recorded here
}

// mesh is all the sections of one name, and the manifests of that namespace.
type mesh struct {
	policy.Mesh
	exports []*export

	object     Object
	sections   []source.Span // the name in each `mesh` statement
	stated     stated
	names      map[string]*symbol
	services   []*service // in the order of their declaration; sorted by name from matchWorkloads on
	unnamed    *service   // the pods that none of them selects; nil where no statement is about every pod
	accounts   map[string]source.Span
	known      []string // the keys of names, sorted, once a name was not found
	misspelt   bool     // its name has a finding
	manifested bool     // the workload manifests have something in this namespace
	calls      bool     // some edge or deny has NAMESPACE/* as a caller
	assumed    bool     // the ports of its Services are
	openAt     source.Span
	modesOfAll []modeOfAll
}

// service is one workload with the edges and denies that lead to it.
type service struct {
	*policy.Service
	allow []*rule
	deny  []*rule
	ask   []*rule

	mesh      *mesh
	decl      *lang.Service // nil where only manifests declare it
	workloads []*inventory.Workload
	accountAt source.Span
	stated    stated
	ports     map[uint16]stated // modes of single ports
	calls     bool              // it is a source of some edge
	called    bool              // some edge or deny leads to it, even one that is wrong
	mismatch  bool              // its account has a finding already, or would have one if it mattered

	divided *inventory.Workload // runs under another account than the first of its workloads; nil if none does
	partly  bool                // some of its workloads have no proxy, others have
}

// kind is the statement of a rule.
type kind uint8

const (
	edge kind = iota
	deny
	ask
)

func (k kind) String() string { return [...]string{"edge", "deny", "ask"}[k] }

// rule is one arrow of a statement, as it bears on one callee.
type rule struct {
	policy.Rule
	kind    kind
	callee  *service
	key     string // equal for rules with the same ports and operations
	anyHTTP bool   // no port is written: its ports are those that carry HTTP

	exceptAt []source.Span // of each source that is left out, parallel to Except
}

// closed reports whether calls that no edge allows are refused: policy.Mesh.Closes, before the policy has the edges.
func (s *service) closed() bool {
	return s.mesh.Closed || !s.mesh.Declares && !s.mesh.Open || len(s.allow) > 0
}

// starred is `*` as the callers of an edge.
type starred struct {
	mesh *mesh
	at   source.Span
	unit string // that its edge belongs to
}

// stated is an mTLS mode as a statement gives it.
type stated struct {
	mode   policy.Mode
	at     source.Span
	capped bool // it is the environment's ceiling, not a statement
}

// symbol is what a name in a mesh stands for: exactly one of service, group and external is set.
type symbol struct {
	service  *service
	group    *group
	external *external
	object   Object
}

type group struct {
	decl    *lang.Group
	mesh    *mesh
	state   visit
	members []*service
	partial bool // some of its members are not known
}

type external struct {
	policy.External
	decl *lang.External
	used bool
}

// visit is how far the expansion of a group is: one that is met while visiting contains itself.
type visit uint8

const (
	unvisited visit = iota
	visiting
	visited
)

// checker carries one run.
type checker struct {
	Options
	env    *config.Environment // nil where none was chosen
	files  []*lang.File
	inv    *inventory.Set
	list   diag.List
	policy *policy.Policy

	byName  map[string]*mesh
	issuers map[string]*policy.Issuer
	meshes  []*mesh // sorted by name; set by matchWorkloads
	wide    stated  // the mesh-wide mode

	units   map[string]*unit    // by mesh
	unit    *unit               // what list is about
	whole   bool                // units depend on each other
	before  *Found              // nil where everything is judged
	touched map[string]bool     // since then: the meshes whose sections differ
	focus   map[string]bool     // the meshes that are judged
	abroad  map[string][]string // the other meshes that the groups of a mesh have members in

	seen        repeats                  // edges and denies so far
	anyone      policy.SourceKind        // FromAny or FromWorld where some edge lets them in
	gateways    string                   // which services are the gateways of the manifests
	openings    map[shared]*opening      // what services may call by an account that another has had
	confusables map[identity][]*service  // services that a callee may take for the one with that identity
	reported    map[identity]bool        // of those, the ones with a finding
	starred     []starred                // the callers of edges that are `*`
	unverified  map[source.Span]bool     // conditions on tokens with a finding that nothing verifies any
	misnamed    map[*policy.Service]bool // which verify tokens of issuers that are not known
	forged      map[*policy.Issuer]bool  // issuers with a finding about the headers for their claims
	namespaces  map[string]*inventory.Namespace
	waypoints   map[[2]string]*policy.Waypoint // that meshc.yaml names, by namespace and name
}

// Project checks a project and makes its policy: the same for the same statements, in whatever order the files come.
// Where a finding is an error, the policy lacks what is wrong and must not be put into force.
func Project(files []*lang.File, inv *inventory.Set, o Options) (*policy.Policy, *Found) {
	if inv == nil {
		inv = &inventory.Set{}
	}
	c := newChecker(files, inv, o)
	c.run()
	return c.policy, c.found()
}

func newChecker(files []*lang.File, inv *inventory.Set, o Options) *checker {
	env := o.Config.Environments[o.Environment]
	o.Config.SetDataplanes(o.Environment, o.Config.DataplanesIn(o.Environment))
	c := &checker{
		Options: o,
		env:     env,
		files:   files,
		inv:     inv,
		policy: &policy.Policy{
			TrustDomain:   o.Config.TrustDomain,
			Previous:      o.Config.Previous,
			Elsewhere:     o.Config.Elsewhere,
			RootNamespace: o.Config.RootNamespace,
			Environment:   o.Environment,
		},
		byName:     map[string]*mesh{},
		issuers:    map[string]*policy.Issuer{},
		units:      map[string]*unit{},
		unit:       &unit{},
		reported:   map[identity]bool{},
		openings:   map[shared]*opening{},
		forged:     map[*policy.Issuer]bool{},
		unverified: map[source.Span]bool{},
		misnamed:   map[*policy.Service]bool{},
		namespaces: map[string]*inventory.Namespace{},
	}
	if c.policy.Meshless = o.Meshless; o.Meshless {
		c.policy.RootNamespace = "" // no namespace is special
	}
	if c.env != nil {
		c.policy.DryRun = c.env.DryRun
	}
	return c
}

func (c *checker) run() {
	// Names first. A name may be used above its declaration and in another file, so every declaration is entered before
	// any reference is resolved.
	sections := c.declare(c.files)
	c.matchWorkloads() // services that only manifests declare are names too; from here on the meshes are complete
	c.ambientMeshes()
	c.contradicted()
	c.guessedWaypoints()
	c.recordAccounts(sections)
	c.unknownOwners() // after all meshes are known
	c.gatewaySettings()
	c.expandGroups() // an edge may name a group
	c.focusOn(sections)

	// Modes before edges: a finding on an edge depends on the mode that the caller meets.
	c.modeStatements(sections)
	c.applyCeilings()

	// Exports before edges, which need the consent of the mesh that they lead into.
	c.exportStatements(sections)
	c.edges(sections)
	c.verifications(sections)

	// What needs every edge. A mesh that only declares services takes back what ceilings made of their modes, and does
	// so before the modes are judged; guards are held against the shared identities, which are found first.
	c.declaring()
	c.elsewhere()
	c.inlineKeys()
	c.list = append(c.list, Settings(c.inv.MeshConfigs, &c.Config)...)
	c.dividedServices()
	c.sharedIdentities()
	c.opened()
	c.guards(c.files)
	c.sound() // drops sources from denies, so it comes after sharedIdentities has seen them all

	c.acceptances()
	c.lint() // last: it reports what nothing has used
	c.assemble()
	c.restarts()
}
