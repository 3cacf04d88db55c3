package diff

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/model"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/source"
)

// Diff is how two sets of manifests differ in what they let through. Each list is sorted.
type Diff struct {
	Opened, Closed []Change
	FailOpen       []Change // services that lose their last ALLOW: whoever calls is let through
	FailClosed     []Change // services that get their first one: whoever it does not name is turned away
	Reachable      []Route
	Modes          []ModeChange
	Others         []ObjectChange // objects of other kinds
	Unfollowed     int            // callers whose chains were not looked at: there are too many
}

// None reports whether both let through the same requests, with the same modes and the same other objects.
func (d *Diff) None() bool {
	return len(d.Opened)+len(d.Closed)+len(d.FailOpen)+len(d.FailClosed)+len(d.Modes)+len(d.Others) == 0
}

// Change is requests that pass where they did not, or the other way round.
type Change struct {
	Text    string // in the words of the language: `shop/frontend -> shop/backend:8080 GET /api/*`
	From    string // who calls
	To      string // NAMESPACE/NAME of the service that is called
	Target  string // what is done: `:8080 GET /api/*`, empty where that is everything
	MTLS    bool
	Perhaps bool // it depends on a policy that cannot be judged

	Callee  *policy.Service // nil for workloads that the project does not know
	Still   []Change        // of FailClosed: who may call
	At      source.Span     // the statement that it comes from; zero where none is known
	File    string          // in its place, the files of intents that the manifests name; may be empty
	Gone    bool            // the statement is the before model's
	Because string
}

// ModeChange is a port, service or mesh whose mTLS mode is another one.
type ModeChange struct {
	Scope    string // `mesh shop`, `mesh *`, `mtls shop/backend:9090`
	Old, New string // as the language writes them
	Callee   *policy.Service
	File     string // of intents, as the object that sets the mode names it; may be empty
	Gone     bool   // the object is the before model's
	Because  string
}

func (m ModeChange) String() string { return m.Scope + " " + m.New + " (was " + m.Old + ")" }

// Compare compares what the manifests of two models let through, request by request. Services are the same where
// they have the same name; the policies of the models say which statement a change comes from. The error names a
// service whose policies tell too many kinds of requests apart.
func Compare(ctx context.Context, before, after *model.Model) (*Diff, error) {
	d := differ{before: before, after: after, diff: &Diff{}}
	d.nameCallers()
	callees := d.callees()
	for i := range callees {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err := d.callee(&callees[i]); err != nil {
			return nil, fmt.Errorf("%s: %w", callees[i].name, err)
		}
	}
	d.modes(callees)
	for _, list := range []*[]Change{&d.diff.Opened, &d.diff.Closed, &d.diff.FailOpen, &d.diff.FailClosed} {
		slices.SortStableFunc(*list, func(a, b Change) int {
			return cmp.Or(cmp.Compare(a.To, b.To), cmp.Compare(a.From, b.From), cmp.Compare(a.Text, b.Text))
		})
	}
	d.failClosedMeshes(callees)
	if len(d.diff.Opened)+len(d.diff.FailOpen) > 0 {
		if err := d.routes(); err != nil {
			return nil, err
		}
	}
	return d.diff, nil
}

type differ struct {
	before, after *model.Model
	diff          *Diff
	services      map[string]knownCaller // by principal
}

// knownCaller is a service and what a caller with its identity is called.
type knownCaller struct {
	service *policy.Service
	text    string
}

// compared is a workload with the policies that bind it on both sides.
type compared struct {
	name      string
	namespace string
	was, is   *policy.Service // nil where a side does not know it
	a, b      *enforce.Point
	rest      bool // not one service, but the workloads of a namespace that are none
	same      bool // bound by the same policies
}

// service is the one to ask about ports.
func (c *compared) service() *policy.Service {
	if c.is != nil {
		return c.is
	}
	return c.was
}

func (d *differ) nameCallers() {
	d.services = map[string]knownCaller{}
	now := map[string]bool{}
	for _, s := range d.after.Policy.Services() {
		now[s.ID()] = true
		if p := d.after.Principal(s); p != "" {
			if _, taken := d.services[p]; !taken {
				d.services[p] = knownCaller{s, s.ID()}
			}
		}
	}
	for _, s := range d.before.Policy.Services() {
		p := d.before.Principal(s)
		if _, taken := d.services[p]; taken || p == "" {
			continue
		}
		text := s.ID()
		if now[text] { // it runs as somebody else by now
			text += " as " + s.Account
		}
		d.services[p] = knownCaller{s, text}
	}
}

// callees is every workload that either side knows: services, what selectors tell apart besides, and the rest of
// each namespace and of the mesh.
func (d *differ) callees() []compared {
	was, is := map[string]*policy.Service{}, map[string]*policy.Service{}
	namespaces := map[string]bool{"": true}
	known := map[string]map[string]bool{} // by namespace, the labels of services
	for _, side := range []struct {
		model *model.Model
		into  map[string]*policy.Service
	}{{d.before, was}, {d.after, is}} {
		for _, s := range side.model.Policy.Services() {
			side.into[s.ID()] = s
			namespaces[s.Namespace] = true
			if known[s.Namespace] == nil {
				known[s.Namespace] = map[string]bool{}
			}
			known[s.Namespace][labelsText(s.Selector())] = true
		}
	}
	ids := maps.Clone(is)
	maps.Copy(ids, was)
	var all []compared
	for _, id := range slices.Sorted(maps.Keys(ids)) {
		c := compared{name: id, was: was[id], is: is[id]}
		c.namespace = c.service().Namespace
		if s := c.service(); !s.Proxied() || len(s.Labels) == 0 {
			continue // no proxy or no pods, so no policy
		}
		old := c.was
		if old == nil || !old.Proxied() || len(old.Labels) == 0 {
			old = c.is
		}
		c.a, c.b = d.before.Callee(old), d.after.Callee(c.service())
		all = append(all, c)
	}
	for _, m := range []*model.Model{d.before, d.after} {
		for _, p := range m.Manifests.Policies {
			namespaces[p.Namespace] = true
			labels := p.Labels()
			text := labelsText(labels)
			if len(labels) == 0 || p.Gateways || known[p.Namespace][text] {
				continue
			}
			if known[p.Namespace] == nil {
				known[p.Namespace] = map[string]bool{}
			}
			known[p.Namespace][text] = true
			all = append(all, d.unknown(p.Namespace, nameOf(labels), labels))
		}
	}
	for _, n := range slices.Sorted(maps.Keys(namespaces)) {
		name := "other workloads of " + n
		if n == "" {
			name = "workloads of other namespaces"
		}
		c := d.unknown(n, name, nil)
		c.name, c.rest = name, true
		all = append(all, c)
	}
	for i := range all {
		all[i].same = sameText(all[i].a.Policies, all[i].b.Policies) && sameText(all[i].a.Peers, all[i].b.Peers)
	}
	return all
}

func (d *differ) unknown(namespace, name string, labels map[string]string) compared {
	w := enforce.Workload{Namespace: namespace, Labels: labels}
	return compared{name: namespace + "/" + name, namespace: namespace, a: d.before.Manifests.For(w), b: d.after.Manifests.For(w)}
}

func labelsText(labels map[string]string) string {
	words := make([]string, 0, len(labels))
	for _, k := range slices.Sorted(maps.Keys(labels)) {
		words = append(words, k+"="+labels[k])
	}
	return strings.Join(words, ",")
}

// nameOf is what the language would call pods with these labels.
func nameOf(labels map[string]string) string {
	for _, key := range policy.NamingLabels {
		if len(labels) == 1 && labels[key] != "" {
			return labels[key]
		}
	}
	return labelsText(labels)
}

// sameText reports whether two lists of objects are the same to the letter: what they bind is then let through alike, and
// need not be looked at.
func sameText(a, b []*enforce.Object) bool {
	return slices.EqualFunc(a, b, func(p, q *enforce.Object) bool {
		return p == q || !p.Document.IsZero() && p.Document.Text() == q.Document.Text()
	})
}

// failClosedMeshes leaves out the rest of a namespace whose services all fail closed: that is said of them.
func (d *differ) failClosedMeshes(callees []compared) {
	closed := map[string]bool{}
	for _, c := range d.diff.FailClosed {
		closed[c.To] = true
	}
	said := map[string]bool{}
	for i := range callees {
		if c := &callees[i]; !c.rest && closed[c.name] {
			said[c.namespace] = true
		}
	}
	rest := map[string]bool{} // by name
	for i := range callees {
		c := &callees[i]
		rest[c.name] = c.rest && said[c.namespace]
	}
	d.diff.FailClosed = slices.DeleteFunc(d.diff.FailClosed, func(c Change) bool { return rest[c.To] })
}

var modeWords = map[enforce.Mode]string{enforce.Disable: "disable", enforce.Permissive: "permissive", enforce.Strict: "strict", enforce.Unknown: "unknown"}

// modePair is a mode on both sides, and what sets it.
type modePair struct {
	old, new enforce.Mode
	was, is  *enforce.Object
}

func (p modePair) changed() bool { return p.old != p.new }

func (p modePair) like(q modePair) bool { return p.old == q.old && p.new == q.new }

// modes finds the widest scope of each change of mode: that of a mesh is not repeated for each of its services.
func (d *differ) modes(callees []compared) {
	at := func(c *compared, port uint16) modePair {
		old, was := c.a.Mode(port)
		now, is := c.b.Mode(port)
		return modePair{old, now, was, is}
	}
	scopes := map[string]modePair{} // by namespace
	for i := range callees {
		if c := &callees[i]; c.rest {
			scopes[c.namespace] = at(c, 0)
		}
	}
	wide := scopes[""] // of namespaces that nothing names
	say := func(scope string, p modePair, callee *policy.Service) {
		m := ModeChange{Scope: scope, Old: modeWords[p.old], New: modeWords[p.new], Callee: callee}
		by := p.is
		if m.Gone = by == nil; m.Gone {
			by = p.was
		}
		if by != nil {
			o := origin(by)
			m.File, m.Because = strings.Join(o.Files, ", "), strings.Join(o.Because, "; ")
		}
		d.diff.Modes = append(d.diff.Modes, m)
	}
	if wide.changed() {
		say("mesh *", wide, nil)
	}
	for i := range callees {
		c := &callees[i]
		if c.same {
			continue
		}
		own := at(c, 0)
		if c.rest {
			if c.namespace != "" && own.changed() && !own.like(wide) {
				say("mesh "+c.namespace, own, nil)
			}
			continue
		}
		if own.changed() && !own.like(scopes[c.namespace]) {
			say("mtls "+c.name, own, c.service())
		}
		var ports []uint16
		for _, p := range slices.Concat(c.a.Peers, c.b.Peers) {
			ports = append(ports, p.Mentions().Ports...)
		}
		slices.Sort(ports)
		for _, port := range slices.Compact(ports) {
			if p := at(c, port); p.changed() && !p.like(own) {
				say(fmt.Sprintf("mtls %s:%d", c.name, port), p, c.service())
			}
		}
	}
	slices.SortStableFunc(d.diff.Modes, func(a, b ModeChange) int { return cmp.Compare(a.Scope, b.Scope) })
}
