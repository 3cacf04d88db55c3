package check

import (
	"maps"
	"slices"

	"github.com/meshc/meshc/compiler/inventory"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// How the check of an edited project takes over what was found before.
//
// An arrow is judged where it leads: what is found about it, and about a service and its rules, belongs to the mesh
// that it leads into, and is a unit. A unit follows from three things alone: all that is declared (names, manifests,
// modes, exports, settings), the arrows that lead into the mesh, and which of its services some arrow has as callers.
// Declarations are few beside arrows, and are checked as a whole every time, with guards; of the arrows, a Recheck
// resolves and judges those of the units that an edit touches. These are the meshes of which the changed files have
// sections, before or after; those which some arrow names together with one of them; and those in which a name is
// unknown, since what is suggested instead may be declared anywhere. An arrow that leads into several meshes touches
// all of them if it touches one.
//
// What is said once for a project is put together from what each unit contributes. Where units depend on each other in
// any other way, as when two services share an identity, they are not taken apart: whole.

// Found is what a check found, for the check of an edited project to begin with.
type Found struct {
	Meshes []string // the names of all, sorted

	files    []*lang.File
	inv      *inventory.Set
	declared diag.List // about everything but arrows
	units    map[string]*unit
	abroad   map[string][]string // the other meshes that the groups of a mesh have members in
	anyone   policy.SourceKind
	scrapers []string // the meshes that have a service called prometheus
	gateways string   // which services are the gateways of the manifests
	whole    bool
}

// unit is what is found about one mesh and the arrows that lead into it.
type unit struct {
	mesh    string
	list    diag.List
	lost    bool                        // a name is unknown
	anyone  policy.SourceKind           // FromAny or FromWorld where some edge lets them in
	loose   map[source.Span]*permissive // permissive modes of callees that edges lead to
	spelled *spelled
	misses  map[*mesh]int // unknown names in each mesh
}

// List is all findings, unsorted.
func (f *Found) List() diag.List {
	all := slices.Clone(f.declared)
	for _, name := range slices.Sorted(maps.Keys(f.units)) {
		all = append(all, f.units[name].list...)
	}
	return all
}

// Recheck is what Project finds in a project that differs from that of before in some files of intents alone, for the
// same options. It reports false where only Project can tell.
func Recheck(before *Found, files []*lang.File, o Options) (*Found, bool) {
	if before.whole {
		return nil, false
	}
	touched, ok := before.touched(files)
	switch {
	case !ok:
		return nil, false
	case len(touched) == 0 && slices.Equal(files, before.files):
		return before, true
	}
	o.Info = nil
	c := newChecker(files, before.inv, o)
	c.before, c.touched = before, touched
	c.run()
	if c.whole || !c.sameSurroundings() {
		return nil, false
	}
	f := c.found()
	for name, u := range before.units {
		if !c.focus[name] {
			f.units[name] = u
		}
	}
	return f, f.current()
}

// touched returns the meshes of which changed files have sections, before or after. It reports false if the change is
// of what everything depends on.
func (f *Found) touched(files []*lang.File) (map[string]bool, bool) {
	known := make(map[*lang.File]int, len(files))
	for _, file := range f.files {
		known[file]++
	}
	for _, file := range files {
		known[file]--
	}
	touched := map[string]bool{}
	for file, n := range known {
		if n == 0 {
			continue
		}
		for _, s := range file.Stmts {
			switch s := s.(type) {
			case *lang.Mesh:
				if s.Name.Text == "*" && !s.Name.Quoted {
					return nil, false
				}
				touched[s.Name.Text] = true
			case *lang.Issuer:
				return nil, false
			case *lang.Service:
				if len(s.Addresses) > 0 { // any other service may be taken for it
					return nil, false
				}
			}
		}
	}
	return touched, true
}

// found is the result of a run.
func (c *checker) found() *Found {
	f := &Found{files: c.files, inv: c.inv, declared: c.list, units: map[string]*unit{}, abroad: c.abroad,
		anyone: c.anyone, scrapers: c.homes(scraper), gateways: c.gateways, whole: c.whole}
	for _, m := range c.meshes {
		f.Meshes = append(f.Meshes, m.Name)
	}
	for name, u := range c.units {
		if c.judges(name) {
			u.misses = nil
			f.units[name] = u
		}
	}
	return f
}

// sameSurroundings reports whether what every unit depends on is as it was.
func (c *checker) sameSurroundings() bool {
	return c.anyone == c.before.anyone && c.gateways == c.before.gateways && slices.Equal(c.homes(scraper), c.before.scrapers)
}

// current reports whether all places that findings name are in the files of the project.
func (f *Found) current() bool {
	stale := make(map[string]*source.File, len(f.files))
	for _, file := range f.files {
		stale[file.Source.Name] = file.Source
	}
	is := func(at source.Span) bool {
		return at.File == nil || stale[at.File.Name] == nil || stale[at.File.Name] == at.File
	}
	for _, u := range f.units {
		for i := range u.list {
			d := &u.list[i]
			if !is(d.Primary) || slices.ContainsFunc(d.Related, func(r diag.Related) bool { return !is(r.Span) }) {
				return false
			}
			for _, fix := range d.Fixes {
				if slices.ContainsFunc(fix.Edits, func(e diag.Edit) bool { return !is(e.Span) }) {
					return false
				}
			}
		}
		for at := range u.loose {
			if !is(at) {
				return false
			}
		}
		if u.spelled != nil && !is(u.spelled.at) {
			return false
		}
	}
	return true
}

// about has what is found be about a mesh.
func (c *checker) about(name string, judge func()) {
	u := c.units[name]
	if u == nil {
		u = &unit{mesh: name}
		c.units[name] = u
	}
	outer, list := c.unit, c.list
	c.unit, c.list = u, u.list
	judge()
	u.list = c.list
	c.unit, c.list = outer, list
}

// judges reports whether the unit of a mesh is judged in this run.
func (c *checker) judges(name string) bool { return c.before == nil || c.focus[name] }

// eachJudged judges every mesh whose unit is judged.
func (c *checker) eachJudged(judge func(*mesh)) {
	for _, m := range c.meshes {
		if c.judges(m.Name) {
			c.about(m.Name, func() { judge(m) })
		}
	}
}

// merged is the units of the project: those of this run, and those that are taken over.
func (c *checker) merged() map[string]*unit {
	if c.before == nil {
		return c.units
	}
	all := maps.Clone(c.before.units)
	for name := range c.focus {
		delete(all, name)
		if u := c.units[name]; u != nil {
			all[name] = u
		}
	}
	return all
}

// focusOn settles which units are judged. It comes after expandGroups, since who names a group names the meshes of its
// members.
func (c *checker) focusOn(sections []section) {
	c.abroad = map[string][]string{}
	for _, m := range c.meshes {
		for _, g := range m.groups() {
			for _, s := range g.members {
				if s.mesh != m && !slices.Contains(c.abroad[m.Name], s.Namespace) {
					c.abroad[m.Name] = append(c.abroad[m.Name], s.Namespace)
				}
			}
		}
	}
	if c.before == nil {
		return
	}
	var arrows []reach // of those that name another mesh than that of their section
	collect := func(section string, stmts []lang.Stmt) {
		for _, s := range stmts {
			if hops := hopsOf(s); len(hops) > 0 && c.leaves(section, hops) {
				arrows = append(arrows, c.reachOf(section, hops))
			} else if e, ok := s.(*lang.Export); ok { // it counts only if it is for someone
				export := reach{names: []string{section}}
				for i := range e.To {
					export.names = append(export.names, consumerMesh(&e.To[i]))
				}
				arrows = append(arrows, export)
			}
		}
	}
	for _, s := range sections {
		collect(s.mesh.Name, s.stmts)
	}
	for _, f := range c.before.files {
		if slices.Contains(c.files, f) {
			continue
		}
		name, begin := "", 0
		for i, s := range f.Stmts {
			if m, ok := s.(*lang.Mesh); ok {
				collect(name, f.Stmts[begin:i])
				name, begin = m.Name.Text, i+1
			}
		}
		collect(name, f.Stmts[begin:])
	}
	c.focus = maps.Clone(c.touched)
	if root := c.byName[c.policy.RootNamespace]; root != nil {
		c.focus[root.Name] = true // what is there may bind pods everywhere
	}
	for name, u := range c.before.units {
		if u.lost {
			c.focus[name] = true
		}
	}
	in := func(set map[string]bool) func(string) bool { return func(name string) bool { return set[name] } }
	for _, a := range arrows {
		if slices.ContainsFunc(a.names, in(c.touched)) {
			for _, name := range a.names {
				c.focus[name] = true
			}
		}
	}
	for grown := true; grown; {
		before := len(c.focus)
		for _, a := range arrows {
			if slices.ContainsFunc(a.into, in(c.focus)) {
				for _, name := range a.into {
					c.focus[name] = true
				}
			}
		}
		grown = len(c.focus) > before
	}
}

// reach is the meshes that an arrow names, and those of them that it leads into.
type reach struct{ names, into []string }

func hopsOf(s lang.Stmt) []lang.Hop {
	switch s := s.(type) {
	case *lang.Edge:
		return s.Hops
	case *lang.Deny:
		return s.Hops
	case *lang.Ask:
		return s.Hops
	}
	return nil
}

// leaves reports whether an arrow names another mesh than that of its section.
func (c *checker) leaves(section string, hops []lang.Hop) bool {
	if len(c.abroad[section]) > 0 || c.before != nil && len(c.before.abroad[section]) > 0 {
		return true
	}
	for i := range hops {
		for k := range hops[i].Targets {
			if hops[i].Targets[k].Qualified() {
				return true
			}
		}
		if slices.ContainsFunc(hops[i].Except, lang.Ref.Qualified) {
			return true
		}
	}
	return false
}

func (c *checker) reachOf(section string, hops []lang.Hop) (a reach) {
	add := func(to *[]string, name string) {
		*to = append(append(*to, name), c.abroad[name]...)
		if c.before != nil {
			*to = append(*to, c.before.abroad[name]...)
		}
	}
	add(&a.names, section)
	for i := range hops {
		for k := range hops[i].Targets {
			name := meshOf(section, &hops[i].Targets[k].Ref)
			add(&a.names, name)
			if i > 0 {
				add(&a.into, name)
			}
		}
		for k := range hops[i].Except {
			add(&a.names, meshOf(section, &hops[i].Except[k]))
		}
	}
	return a
}

func meshOf(section string, r *lang.Ref) string {
	if r.Qualified() {
		return r.Namespace.Text
	}
	return section
}

// consumerMesh is the mesh of one to whom something is exported.
func consumerMesh(r *lang.Ref) string { return meshOf(r.Name.Text, r) }

// home is the unit that an arrow belongs to: each of those that it leads into would do.
func home(section string, hops []lang.Hop) string {
	if len(hops) < 2 || len(hops[1].Targets) == 0 {
		return section
	}
	return meshOf(section, &hops[1].Targets[0].Ref)
}

// bears reports whether an arrow bears on a unit that is judged.
func (c *checker) bears(section string, hops []lang.Hop) bool {
	return c.judges(section) || c.leaves(section, hops) && slices.ContainsFunc(c.reachOf(section, hops).names, c.judges)
}
