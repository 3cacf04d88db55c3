// Package migrate plans how an environment reaches the modes that the intents state, from DISABLE over PERMISSIVE to
// STRICT and from a dry run to enforced policies, and how a project moves from sidecars to ambient mode.
//
// It knows the settings, the policy and the workloads of a project. It reads and writes no files: a step is a change
// to the text of meshc.yaml. It builds the steps to ambient mode, and those of a project with guards, which a step
// might break; in all other cases its caller builds the result.
package migrate

import (
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

// Plan is the steps of a migration, and what is in their way.
type Plan struct {
	Refused []Blocker // callers that no mode lets in; while there are any, no step can be built
	Cut     []Blocker // callers that the policies refuse now
	Steps   []Step
	Looser  []Blocker // what the intents state as less than strict
	Rename  *Rename   // of the trust domain; nil where there is none
}

// Step is a change of one setting of the environment.
type Step struct {
	Setting  []string // its keys: enforcement, or modes and one of its keys
	From, To string
	Why      string    // the reason for a step back, or what happens during a step
	Cut      []Blocker // callers without an edge that it refuses from then on
	Blocked  []Blocker // what would break
}

// Blocker is a caller or workload that would break, in words, and its place.
type Blocker struct {
	Text string
	At   source.Span
}

// Name is the last key of the setting.
func (s *Step) Name() string { return s.Setting[len(s.Setting)-1] }

// Ready counts the steps that nothing blocks. Next is the first of them; nil where there is none.
func (p *Plan) Ready() (n int, next *Step) {
	for i := range p.Steps {
		if len(p.Refused) > 0 || len(p.Steps[i].Blocked) > 0 {
			continue
		}
		if n++; next == nil {
			next = &p.Steps[i]
		}
	}
	return n, next
}

// Apply returns the text of meshc.yaml after a step, and its settings. It is not ok where the text cannot be changed in
// place, or would change more than the step says.
func (s *Step) Apply(before config.Project, environment string) (text string, after config.Project, ok bool) {
	file := before.Environments[environment].At.File
	text, ok = config.Set(file, s.To, append([]string{"environments", environment}, s.Setting...)...)
	if !ok {
		return "", after, false
	}
	after, findings := config.Parse(source.NewFile(file.Name, text))
	after.Warnings = before.Warnings // as the command line has them
	if findings.HasErrors() || len(after.Environments) != len(before.Environments) {
		return "", after, false
	}
	for name, e := range before.Environments {
		want := *e
		if name == environment {
			want = s.changed(want)
		}
		got := after.Environments[name]
		if got == nil || got.DryRun != want.DryRun || !maps.Equal(got.Modes, want.Modes) {
			return "", after, false
		}
	}
	return text, after, true
}

// changed is an environment after the step.
func (s *Step) changed(e config.Environment) config.Environment {
	if s.Setting[0] == enforcement {
		e.DryRun = s.To == dryRun
		return e
	}
	e.Modes = maps.Clone(e.Modes)
	if e.Modes == nil {
		e.Modes = map[string]policy.Mode{}
	}
	for m := policy.Disable; m <= policy.Strict; m++ {
		if m.String() == s.To {
			e.Modes[s.Name()] = m
		}
	}
	return e
}

// The keys and values of meshc.yaml that steps use.
const (
	enforcement = "enforcement"
	dryRun      = "dry-run"
	enforce     = "enforce"
	modes       = "modes"
)

// unproved is the errors that a migration is about: callers that a mode or policy would refuse.
var unproved = []diag.Code{diag.NoIdentity, diag.OutsideIntoStrict, diag.NoIdentitySource}

// New plans the migration of the environment of a project. The plan is nil where the findings have other errors than
// those about callers without identity. The error is that of ctx, or an *compiler.InternalError.
func New(ctx context.Context, of *compiler.Parsed) (*Plan, diag.List, error) {
	now, found := of.Check(of.Config, unproved...)
	if now == nil {
		return nil, found, nil
	}
	environment := of.Config.Environments[of.Environment]
	goal, list := of.Check(under(of, nil), unproved...)
	if goal == nil {
		return nil, list, nil
	}
	// What is wrong under PERMISSIVE is wrong under any mode.
	_, always := of.Check(under(of, map[string]policy.Mode{"*": policy.Permissive}), unproved...)
	always = slices.DeleteFunc(always, func(d diag.Diagnostic) bool { return !slices.Contains(unproved, d.Code) })

	p := &planner{
		now: now, goal: goal, environment: environment,
		lowered:   map[string]bool{},
		workloads: map[string][]*inventory.Workload{},
	}
	for _, w := range of.Inventory.Workloads {
		id := w.Namespace + "/" + w.Service
		p.workloads[id] = append(p.workloads[id], w)
	}
	out := &Plan{}
	for _, d := range always {
		text := d.Message
		if d.Help != "" {
			text += "; " + d.Help
		}
		out.Refused = append(out.Refused, Blocker{text, d.Primary})
	}
	dry := environment.DryRun
	if !dry && slices.ContainsFunc(found, func(d diag.Diagnostic) bool { return d.Code == diag.NoIdentity && !reported(always, d) }) {
		dry = true
		out.Steps = append(out.Steps, Step{
			Setting: []string{enforcement}, From: enforce, To: dryRun,
			Why: "where mTLS is disabled nobody can prove who is calling, and enforced policies would turn everyone away",
		})
	}
	out.Steps = append(out.Steps, p.lower()...)
	for _, s := range p.raise(policy.Permissive) {
		s.Why = "the proxies of callers and callee learn of it some milliseconds apart: a call in between may fail, and a retry succeeds"
		out.Steps = append(out.Steps, s)
	}
	cut, blocked := p.enforced()
	if dry {
		out.Steps = append(out.Steps, Step{Setting: []string{enforcement}, From: dryRun, To: enforce, Cut: cut, Blocked: blocked})
	} else {
		out.Cut = append(blocked, cut...)
	}
	out.Steps = append(out.Steps, p.raise(policy.Strict)...)
	for _, m := range goal.Meshes {
		if mode := goal.ModeOf(m, &policy.Service{}, 0); mode < policy.Strict && p.bound(m) {
			out.Looser = append(out.Looser, Blocker{"mesh " + m.Name + " is " + mode.String(), m.ModeAt})
		}
	}
	var err error
	if out.Rename, err = rename(ctx, of); err == nil && len(goal.Guards) > 0 && len(out.Refused) == 0 {
		err = out.guard(ctx, of)
	}
	return out, found, err
}

// guard blocks the steps whose result cannot be built, each after those before it that nothing blocks: while nobody has
// an identity, or nothing is enforced, a guard may hold that later does not.
func (p *Plan) guard(ctx context.Context, of *compiler.Parsed) error {
	settings := of.Config
	settings.Environments = maps.Clone(settings.Environments)
	for i := range p.Steps {
		s := &p.Steps[i]
		if len(s.Blocked) > 0 {
			continue
		}
		before := settings.Environments[of.Environment]
		after := s.changed(*before)
		settings.Environments[of.Environment] = &after
		b, err := of.Build(ctx, settings)
		if err != nil {
			return err
		}
		for _, d := range b.Findings {
			if d.Severity == diag.Error {
				s.Blocked = append(s.Blocked, Blocker{d.Message, d.Primary})
			}
		}
		if len(s.Blocked) > 0 {
			settings.Environments[of.Environment] = before
		}
	}
	return nil
}

// under returns the settings with other ceilings and without a dry run.
func under(of *compiler.Parsed, ceilings map[string]policy.Mode) config.Project {
	c := of.Config
	c.Warnings = nil // a warning of another configuration must not end the plan
	c.Environments = maps.Clone(c.Environments)
	e := *c.Environments[of.Environment]
	e.Modes, e.ModesAt, e.DryRun = ceilings, nil, false
	c.Environments[of.Environment] = &e
	return c
}

func reported(list diag.List, d diag.Diagnostic) bool {
	return slices.ContainsFunc(list, func(o diag.Diagnostic) bool {
		return o.Code == d.Code && o.Primary == d.Primary && o.Message == d.Message
	})
}
