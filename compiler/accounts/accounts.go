// Package accounts plans how services that share a ServiceAccount each get their own without a call being refused:
// admit both accounts, move the pods, then drop the earlier account.
//
// It edits the text of a project in place and reads back the result: an edit that would do anything else is not part
// of the plan. It writes no files.
package accounts

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/meshc/meshc/compiler"
	"github.com/meshc/meshc/compiler/config"
	"github.com/meshc/meshc/compiler/inventory"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// Plan is the way to accounts of their own for the services that share one, and for those that are on the way already.
type Plan struct {
	Moves  []*Move // sorted by namespace and service
	Admit  Intents // lets both accounts in
	Create Objects // moves the pods
	Retire Intents // lets in the new accounts alone
	Notes  []Note  // what has to be seen to by hand before the pods move
}

// Move is a service whose pods move to another account.
type Move struct {
	Service   *policy.Service
	From      []string // its earlier accounts, sorted
	To        string
	Admitted  bool                  // the intents let both in already
	Workloads []*inventory.Workload // those that still run as an earlier account
}

// running reports whether pods of the service may still run as an earlier account: its workloads do, or are not known.
func (m *Move) running(all []*inventory.Workload) bool {
	return len(m.Workloads) > 0 || len(workloadsOf(m.Service, all)) == 0
}

// Intents is a step that changes intents.
type Intents struct {
	Files   []Change
	Blocked diag.List // the errors of the project after the step
}

// Change is a file before and after a step.
type Change struct{ Name, Before, After string }

// Note is something in words, and its place.
type Note struct {
	Text string
	At   source.Span
}

// New plans the moves of a project. The plan is nil where the findings have errors other than those about shared
// accounts. The error is that of ctx, or a *compiler.InternalError.
func New(ctx context.Context, of *compiler.Parsed) (*Plan, diag.List, error) {
	settings := of.Config
	settings.Warnings = nil // a warning must not end the plan
	now, found := of.Check(settings, diag.SharedAccount)
	if now == nil {
		return nil, found, ctx.Err()
	}
	p := &planner{of: of, settings: settings, policy: now}
	p.moves()
	if len(p.Moves) == 0 {
		return &p.Plan, found, ctx.Err()
	}
	admitted, err := p.admit(ctx)
	if err != nil {
		return nil, nil, err
	}
	moved := p.create()
	if err := p.retire(ctx, admitted, moved); err != nil {
		return nil, nil, err
	}
	return &p.Plan, found, ctx.Err()
}

type planner struct {
	Plan
	of       *compiler.Parsed
	settings config.Project
	policy   *policy.Policy
}

// account is a ServiceAccount.
type account struct{ namespace, name string }

// moves finds the services that share an account or have an earlier one.
func (p *planner) moves() {
	sharing := map[account][]*policy.Service{}
	taken := map[account]bool{}
	for _, w := range p.of.Inventory.Workloads {
		taken[account{w.Namespace, w.Account}] = true
	}
	callers := callersOf(p.policy)
	for _, m := range p.policy.Meshes {
		for _, s := range m.Services {
			if !s.Proxied() || s.Unnamed || s.Account == "" {
				continue
			}
			for _, name := range append([]string{s.Account}, s.Was...) {
				taken[account{s.Namespace, name}] = true
			}
			if len(m.Files) > 0 || callers[s] {
				of := account{s.Namespace, s.Account}
				sharing[of] = append(sharing[of], s)
			}
		}
	}
	order := func(a, b account) int {
		return cmp.Or(cmp.Compare(a.namespace, b.namespace), cmp.Compare(a.name, b.name))
	}
	for _, of := range slices.SortedFunc(maps.Keys(sharing), order) {
		all := sharing[of]
		for _, s := range all {
			move := &Move{Service: s, From: slices.Clone(s.Was), To: s.Account, Admitted: true}
			if len(all) > 1 && !p.keeps(s) {
				move.To, move.Admitted = ownAccount(s, taken), false
				move.From = append(move.From, s.Account)
				slices.Sort(move.From)
			}
			if len(move.From) > 0 {
				move.Workloads = slices.DeleteFunc(workloadsOf(s, p.of.Inventory.Workloads), func(w *inventory.Workload) bool { return w.Account == move.To })
				p.Moves = append(p.Moves, move)
			}
		}
	}
	slices.SortFunc(p.Moves, func(a, b *Move) int { return cmp.Compare(a.Service.ID(), b.Service.ID()) })
}

// keeps reports whether a service keeps the account that it shares: one that is called like it, or that Istio chose for
// the pods of a Gateway.
func (p *planner) keeps(s *policy.Service) bool {
	return s.Account == s.Name && s.Account != "default" || slices.ContainsFunc(workloadsOf(s, p.of.Inventory.Workloads), func(w *inventory.Workload) bool {
		return w.Kind == "Gateway"
	})
}

// ownAccount returns an account of the name of a service, or close to it, that nobody has, and takes it.
func ownAccount(s *policy.Service, taken map[account]bool) string {
	name := s.Name
	for suffix := "-sa"; name == "default" || taken[account{s.Namespace, name}]; suffix += "-sa" {
		name = s.Name + suffix
	}
	taken[account{s.Namespace, name}] = true
	return name
}

func callersOf(p *policy.Policy) map[*policy.Service]bool {
	callers := map[*policy.Service]bool{}
	for _, s := range p.Services() {
		for _, r := range slices.Concat(s.Allow, s.Deny) {
			for _, f := range r.From {
				if f.Kind == policy.FromService {
					callers[f.Service] = true
				}
			}
		}
	}
	return callers
}

// workloadsOf returns the workloads that a service selects.
func workloadsOf(s *policy.Service, all []*inventory.Workload) (of []*inventory.Workload) {
	first, _ := slices.BinarySearchFunc(all, s.Namespace, func(w *inventory.Workload, namespace string) int { return cmp.Compare(w.Namespace, namespace) })
	for _, w := range all[first:] {
		if w.Namespace != s.Namespace {
			break
		}
		if len(s.Labels) > 0 && !slices.ContainsFunc(s.Labels, func(l policy.Label) bool { return w.Labels[l.Key] != l.Value }) {
			of = append(of, w)
		}
	}
	return of
}
