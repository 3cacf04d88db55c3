package diff

import (
	"context"
	"fmt"
	"slices"

	"github.com/meshc/meshc/compiler/analysis/model"
	"github.com/meshc/meshc/compiler/policy"
)

// Diff is how two sets of manifests differ in what they let through. Each list is sorted.
type Diff struct {
	Opened, Closed []Change
	FailOpen       []Change
	FailClosed     []Change
	Reachable      []Route
	Passages       []Passage
	Modes          []ModeChange
	Selections     []Selection
	Others         []ObjectChange // objects of other kinds
	Unfollowed     int            // services whose callers over others were not looked at: there are too many
}

// None reports whether both are known to let through the same requests, with the same modes, routes and other objects.
func (d *Diff) None() bool {
	return len(d.Opened)+len(d.Closed)+len(d.FailOpen)+len(d.FailClosed)+len(d.Passages)+len(d.Modes)+len(d.Selections)+len(d.Others) == 0
}

// Options are what else is known of both sides, and what counts.
type Options struct {
	AllPods  bool // the services of the policies are all pods, with all of their labels
	Network  bool // policies of the network differ, too
	Requests bool // only what is let through counts, and not whether what no rule is about is denied for want of an ALLOW

	// Scope is the namespaces outside of which both models are the same, and have no manifests; Whole returns them with
	// these.
	Scope policy.Scope
	Whole func() (before, after *model.Model)
}

// Compare compares what the manifests of two models let through, request by request. Services are the same where
// they have the same name; the policies of the models say which statement a change comes from. The error names a
// service whose policies tell too many kinds of requests apart.
func Compare(ctx context.Context, before, after *model.Model, options Options) (*Diff, error) {
	d := differ{before: before, after: after, diff: &Diff{}, Options: options, maxVisits: maxVisits}
	d.nameCallers()
	workloads := d.workloads()
	for i := range workloads {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err := d.workload(&workloads[i]); err != nil {
			return nil, fmt.Errorf("%s: %w", workloads[i].callee.String(), err)
		}
	}
	d.modes(workloads)
	d.selections(workloads)
	for _, list := range [][]Change{d.diff.Opened, d.diff.Closed, d.diff.FailOpen, d.diff.FailClosed} {
		slices.SortStableFunc(list, byName)
	}
	d.failClosedMeshes(workloads)
	d.passages()
	if passes := slices.ContainsFunc(d.diff.Passages, func(p Passage) bool { return !p.Gone }); passes || len(d.diff.Opened)+len(d.diff.FailOpen) > 0 {
		if d.Scope != nil {
			d.before, d.after = d.Whole()
		}
		if err := d.routes(); err != nil {
			return nil, err
		}
	}
	return d.diff, nil
}

type differ struct {
	before, after *model.Model
	diff          *Diff
	Options
	maxVisits int
	services  map[string]Caller    // by principal: the service that a caller with it is
	shifted   map[string][]shifted // by identity: the services that may have it, and others
}

// nameCallers finds the services that callers with an identity are.
func (d *differ) nameCallers() {
	d.services, d.shifted = map[string]Caller{}, map[string][]shifted{}
	now := map[string]bool{}
	for _, s := range d.after.Policy.Services() {
		now[s.ID()] = true
		d.several(d.after.Policy, s)
		if p := d.after.Principal(s); p != "" {
			if _, taken := d.services[p]; !taken {
				d.services[p] = Caller{Source: policy.Source{Service: s}}
			}
		}
	}
	for _, s := range d.before.Policy.Services() {
		if !now[s.ID()] {
			d.several(d.before.Policy, s)
		}
		p := d.before.Principal(s)
		if _, taken := d.services[p]; taken || p == "" {
			continue
		}
		c := Caller{Source: policy.Source{Service: s}}
		if now[s.ID()] { // it runs as somebody else by now
			c.Former = s.Account
		}
		d.services[p] = c
	}
}

// shifted is a service that may have several identities.
type shifted struct {
	*policy.Service
	identities []policy.Identity
}

func (d *differ) several(p *policy.Policy, s *policy.Service) {
	all := p.Identities(s)
	if len(all) < 2 {
		return
	}
	for _, id := range all {
		d.shifted[id.String()] = append(d.shifted[id.String()], shifted{s, all})
	}
}

// failClosedMeshes leaves out the rest of a namespace whose services fail closed: the change says it of them.
func (d *differ) failClosedMeshes(workloads []workload) {
	reported := map[string]bool{} // by namespace
	for _, c := range d.diff.FailClosed {
		if !c.Callee.Rest() {
			reported[c.Callee.Namespace] = true
		}
	}
	d.diff.FailClosed = slices.DeleteFunc(d.diff.FailClosed, func(c Change) bool { return c.Callee.Rest() && reported[c.Callee.Namespace] })
}
