package migrate

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler"
	"github.com/meshc/meshc/compiler/config"
	"github.com/meshc/meshc/compiler/inventory"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// Ambient is the plan of a move from sidecars to ambient mode.
type Ambient struct {
	Groups []Group  // in the order in which they move
	Moved  []string // the namespaces that are in ambient mode
}

// Group is namespaces that move together: one, or several that call each other with operations. Callers of what a
// namespace lets in with operations are in a group before it, or in its own.
type Group struct {
	Namespaces []string
	Moves      []Move     // those that are still to be made; none while it is blocked
	Restarts   [][]string // NAMESPACE/NAME of the services, by waves: each once the pods of those before are in ambient mode
	Waypoints  []string   // NAMESPACE/NAME of the Gateways that are not among the manifests
	Blocked    []Blocker  // what must be solved before the group moves
}

// Move is one step of a group: other entries of `dataplanes`, a publish, and what is done by hand.
type Move struct {
	Stage    Stage
	Settings map[string]config.Dataplane // by namespace; empty where only manifests change
	Labels   []Label                     // of Namespaces
	Waiting  []Blocker                   // what the manifests must say before meshc.yaml does
}

// Stage is how far a namespace is after a move.
type Stage uint8

const (
	Sidecars Stage = iota
	Prepared       // its policies hold for pods with sidecars and for those in ambient mode
	Labelled       // its pods are in ambient mode once they are restarted
	Settled        // its policies are those of ambient mode
)

func (s Stage) String() string { return [...]string{"sidecars", "prepare", "label", "settle"}[s] }

// Label is a change of a label of a Namespace.
type Label struct {
	Namespace, Key, Value string      // an empty value: the label is removed
	At                    source.Span // the Namespace among the manifests; zero where it is not
}

// Next is the first group that is not blocked, and has a move to make; nil where there is none.
func (a *Ambient) Next() *Group {
	for i := range a.Groups {
		if g := &a.Groups[i]; len(g.Moves) > 0 {
			return g
		}
	}
	return nil
}

// Apply returns the text of meshc.yaml after a move, and its settings. What moves in an environment stands in its
// section. It is not ok where the text cannot be changed in place, or would change more than the move says.
func (m *Move) Apply(before config.Project, environment string, file *source.File) (text string, after config.Project, ok bool) {
	want := maps.Clone(before.DataplanesIn(environment))
	if want == nil {
		want = map[string]config.Dataplane{}
	}
	section := []string{"dataplanes"}
	if environment != "" {
		section = []string{"environments", environment, "dataplanes"}
	}
	for _, namespace := range slices.Sorted(maps.Keys(m.Settings)) {
		d := m.Settings[namespace]
		if text, ok = config.Set(file, d.Written(namespace), append(slices.Clone(section), namespace)...); !ok {
			return "", after, false
		}
		file, want[namespace] = source.NewFile(file.Name, text), d
	}
	after, findings := config.Parse(file)
	after.Warnings = before.Warnings // as the command line has them
	same := func(a, b config.Dataplane) bool {
		a.At, b.At = source.Span{}, source.Span{}
		return a == b
	}
	for name := range before.Environments {
		if environment != "" && name != environment && !maps.EqualFunc(after.DataplanesIn(name), before.DataplanesIn(name), same) {
			return "", after, false
		}
	}
	return file.Text, after, !findings.HasErrors() && maps.EqualFunc(after.DataplanesIn(environment), want, same)
}

// mover plans the move of a project.
type mover struct {
	of         *compiler.Parsed
	now        *compiler.Build
	namespaces map[string]*inventory.Namespace
	ahead      map[string]config.Dataplane // of the groups before, once they have moved
	wants      map[string]config.Dataplane // of each namespace that moves, once it has
}

// ToAmbient plans the move of a project to ambient mode. The plan is nil where the project cannot be built as it is,
// which the findings are about. The error is that of ctx, or a *compiler.InternalError.
func ToAmbient(ctx context.Context, of *compiler.Parsed) (*Ambient, diag.List, error) {
	now, err := of.Build(ctx, of.Config)
	if err != nil {
		return nil, nil, err
	}
	if now.Findings.HasErrors() {
		return nil, now.Findings, nil
	}
	m := &mover{of: of, now: now, namespaces: map[string]*inventory.Namespace{}, ahead: map[string]config.Dataplane{}}
	for _, ns := range of.Inventory.Namespaces {
		m.namespaces[ns.Name] = ns
	}
	plan := &Ambient{}
	var moving []string
	for _, mesh := range now.Policy.Meshes {
		switch {
		case mesh.Name == now.Policy.RootNamespace || now.Policy.Elsewhere[mesh.Name] != "":
		case slices.ContainsFunc(mesh.Services, movable):
			moving = append(moving, mesh.Name)
		case mesh.Ambient:
			plan.Moved = append(plan.Moved, mesh.Name)
		}
	}
	m.want(moving)
	for _, namespaces := range m.order(moving) {
		g, err := m.group(ctx, namespaces)
		if err != nil {
			return nil, nil, err
		}
		plan.Groups = append(plan.Groups, *g)
	}
	return plan, now.Findings, nil
}

// movable reports whether the pods of a service have sidecars that its namespace gives them, as far as is known.
func movable(s *policy.Service) bool { return s.Dataplane == policy.Sidecar || s.Moving }

// everyCode is despite what a policy is looked at that cannot be built yet.
var everyCode = func() (all []diag.Code) {
	for _, e := range diag.Table {
		all = append(all, e.Code)
	}
	return all
}()

// want settles what each namespace that moves comes to: with a waypoint where something there is let in by its
// requests.
func (m *mover) want(moving []string) {
	m.wants = map[string]config.Dataplane{}
	for _, mesh := range m.now.Policy.Meshes {
		if !slices.Contains(moving, mesh.Name) {
			continue
		}
		d := m.entry(mesh.Name)
		want := config.Dataplane{Ambient: true, WaypointNamespace: d.WaypointNamespace, Waypoint: d.Waypoint, Ingress: d.Ingress}
		reads, ingress := false, false
		for _, s := range mesh.Services {
			reads = reads || len(s.Verifies) > 0 && s.Dataplane != policy.Gateway
			for i, rules := range s.Rules() {
				for n := range rules {
					r := &rules[n]
					needs := r.OfHTTP() || i == 0 && len(s.Issuers) > 0
					reads = reads || needs && s.Dataplane != policy.Gateway
					ingress = ingress || needs && slices.ContainsFunc(r.From, fromGateway)
				}
			}
		}
		if ns := m.namespaces[mesh.Name]; want.Waypoint == "" && ns != nil && ns.Waypoint != nil {
			want.WaypointNamespace, want.Waypoint = ns.Waypoint.Namespace, ns.Waypoint.Name
		} else if want.Waypoint == "" && reads {
			want.Waypoint = "waypoint"
		}
		if want.Waypoint != "" {
			if want.WaypointNamespace == "" {
				want.WaypointNamespace = mesh.Name
			}
			want.Ingress = want.Ingress || ingress
		}
		m.wants[mesh.Name] = want
	}
}

func fromGateway(f policy.Source) bool {
	return f.Kind == policy.FromService && f.Service.Dataplane == policy.Gateway
}

// entry is what meshc.yaml says of a namespace.
func (m *mover) entry(namespace string) config.Dataplane {
	all := m.of.Config.DataplanesIn(m.of.Environment)
	if d, ok := all[namespace]; ok {
		return d
	}
	return all["*"]
}

// stage is how far a namespace is.
func (m *mover) stage(namespace string) Stage {
	d, ns := m.entry(namespace), m.namespaces[namespace]
	switch {
	case !d.Moving:
		return Sidecars
	case ns != nil && ns.Injected && !ns.Redirected:
		return Prepared
	case d.Ambient, ns != nil && ns.Redirected:
		return Labelled
	}
	return Prepared
}

// settings is those of the project with the groups before at their ends, and some namespaces at a stage.
func (m *mover) settings(namespaces []string, stage Stage) config.Project {
	c := m.of.Config
	c.Warnings = nil // a warning of another configuration must not end the plan
	dataplanes := maps.Clone(c.DataplanesIn(m.of.Environment))
	if dataplanes == nil {
		dataplanes = map[string]config.Dataplane{}
	}
	c.SetDataplanes(m.of.Environment, dataplanes)
	for namespace, d := range m.ahead {
		d.Assumed, d.At = true, m.entry(namespace).At
		c.Dataplanes[namespace] = d
	}
	for _, namespace := range namespaces {
		d := m.at(namespace, stage)
		d.Assumed, d.At = true, m.entry(namespace).At
		c.Dataplanes[namespace] = d
	}
	return c
}

// at is the entry of a namespace at a stage.
func (m *mover) at(namespace string, stage Stage) config.Dataplane {
	d := m.wants[namespace]
	d.Ambient, d.Moving = stage >= Labelled, stage < Settled
	return d
}

// group plans the move of some namespaces. Those of a group that nothing blocks have moved for the next.
func (m *mover) group(ctx context.Context, namespaces []string) (*Group, error) {
	g := &Group{Namespaces: namespaces}
	both, err := m.of.Build(ctx, m.settings(namespaces, Labelled))
	if err != nil {
		return nil, err
	}
	then, err := m.of.Build(ctx, m.settings(namespaces, Settled))
	if err != nil {
		return nil, err
	}
	if g.Blocked = append(m.unfit(namespaces), m.errors(both, then)...); len(g.Blocked) > 0 {
		return g, nil
	}
	waves, _ := both.Policy.Restarts()
	for _, wave := range waves {
		var names []string
		for _, s := range wave {
			if slices.Contains(namespaces, s.Namespace) {
				names = append(names, s.ID())
			}
		}
		if len(names) > 0 {
			g.Restarts = append(g.Restarts, names)
		}
	}
	stage := Settled
	for _, namespace := range namespaces {
		if stage = min(stage, m.stage(namespace)); m.wants[namespace].Waypoint != "" {
			g.Waypoints = append(g.Waypoints, m.missing(both, namespace)...)
		}
	}
	slices.Sort(g.Waypoints)
	g.Waypoints = slices.Compact(g.Waypoints)
	for next := stage + 1; next <= Settled; next++ {
		if next == Prepared && len(g.Waypoints) == 0 && equal(m.now, both) {
			continue // nothing changes yet
		}
		g.Moves = append(g.Moves, m.move(g, next))
	}
	for _, namespace := range namespaces {
		m.ahead[namespace] = m.wants[namespace]
	}
	return g, nil
}

// missing is the waypoint of a namespace, if its Gateway is not among the manifests.
func (m *mover) missing(b *compiler.Build, namespace string) (names []string) {
	for _, mesh := range b.Policy.Meshes {
		for _, s := range mesh.Services {
			for _, f := range s.Through() {
				if mesh.Name == namespace && !f.Waypoint.Known {
					names = append(names, f.Waypoint.ID())
				}
			}
		}
	}
	return names
}

// equal reports whether two builds have the same policies.
func equal(a, b *compiler.Build) bool {
	policies := func(b *compiler.Build) (all []string) {
		for _, m := range b.Manifests {
			if m.Kind != "Namespace" {
				all = append(all, m.YAML)
			}
		}
		return all
	}
	return slices.Equal(policies(a), policies(b))
}

// errors is what keeps builds from being made, or without effect, that is not wrong now.
func (m *mover) errors(builds ...*compiler.Build) (all []Blocker) {
	for _, b := range builds {
		for _, d := range b.Findings {
			if d.Severity != diag.Error && d.Code != diag.Ineffective || reported(m.now.Findings, d) {
				continue
			}
			text := d.Message
			if d.Help != "" {
				text += "; " + d.Help
			}
			if one := (Blocker{text, d.Primary}); !slices.Contains(all, one) {
				all = append(all, one)
			}
		}
	}
	return all
}

// unfit is what the manifests have in some namespaces that the label of ambient mode does not move, or moves without
// being asked.
func (m *mover) unfit(namespaces []string) (all []Blocker) {
	in := func(namespace string) bool { return slices.Contains(namespaces, namespace) }
	for _, w := range m.of.Inventory.Workloads {
		id := w.Namespace + "/" + w.Service
		switch {
		case !in(w.Namespace) || w.Dataplane.Dataplane == policy.Gateway:
		case w.OwnSidecar():
			all = append(all, Blocker{id + " keeps its sidecar whatever its namespace says: " + w.Proxy + "; take that out of its manifest", w.ProxyAt})
		case w.Bare() && !w.KeptOut:
			all = append(all, Blocker{id + " has no proxy (" + w.NoProxy + "), and would be in ambient mode as soon as its namespace is; label its pods `istio.io/dataplane-mode: none` if they are to stay out", w.NoProxyAt})
		}
	}
	for _, machine := range m.of.Inventory.Machines {
		if in(machine.Namespace) {
			all = append(all, Blocker{machine.Namespace + "/" + machine.Name + " is a WorkloadEntry, and machines have no ambient mode; move it to a namespace that keeps its sidecars", machine.At})
		}
	}
	return all
}

// move is the move of a group to a stage.
func (m *mover) move(g *Group, to Stage) Move {
	move := Move{Stage: to, Settings: map[string]config.Dataplane{}}
	for _, namespace := range g.Namespaces {
		d, ns := m.at(namespace, max(to, m.stage(namespace))), m.namespaces[namespace]
		stated := ns != nil && ns.Injected
		switch {
		case to == Labelled && stated: // its manifest says so, and the entry of the stage before stays
			if !m.entry(namespace).Moving && !slices.ContainsFunc(g.Moves, func(m Move) bool { return m.Stage == Prepared }) {
				move.Settings[namespace] = m.at(namespace, Prepared)
			}
		case to == Settled && stated && !ns.Ambient:
			move.Waiting = append(move.Waiting, Blocker{"the Namespace " + namespace + " still gives sidecars to its pods", ns.At})
			fallthrough
		default:
			move.Settings[namespace] = d
		}
		var at source.Span
		if ns != nil {
			at = ns.At
		}
		label := func(key, value string) { move.Labels = append(move.Labels, Label{namespace, key, value, at}) }
		switch {
		case to == Labelled && (ns == nil || !ns.Redirected):
			for _, l := range m.labels(namespace) {
				label(l[0], l[1])
			}
			if len(g.Restarts) < 2 {
				label("istio-injection", "")
			}
		case to == Settled && len(g.Restarts) > 1 && (ns == nil || !ns.Ambient):
			label("istio-injection", "")
		}
	}
	return move
}

// labels is those that put a namespace into ambient mode.
func (m *mover) labels(namespace string) (all [][2]string) {
	all = append(all, [2]string{"istio.io/dataplane-mode", "ambient"})
	d := m.wants[namespace]
	if d.Waypoint == "" {
		return all
	}
	all = append(all, [2]string{"istio.io/use-waypoint", d.Waypoint})
	if d.WaypointNamespace != namespace {
		all = append(all, [2]string{"istio.io/use-waypoint-namespace", d.WaypointNamespace})
	}
	if d.Ingress {
		all = append(all, [2]string{"istio.io/ingress-use-waypoint", "true"})
	}
	return all
}

// Title names the namespaces of a group.
func (g *Group) Title() string { return strings.Join(g.Namespaces, ", ") }
