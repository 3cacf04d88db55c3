package denied

import (
	"slices"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/explain"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/source"
)

// Replayed is what would become of calls that reached their callee.
type Replayed uint8

const (
	Passes   Replayed = iota // all of them
	Stops                    // none of them
	InPart                   // some of them do not pass, or it is not known which they are
	NotKnown                 // an end is not known, or what is enforced is not judged
)

// Replayed sums up the answer about calls that reached their callee.
func (a *Answer) Replayed() Replayed {
	switch {
	case a.Query == nil || a.AnyCaller || a.Unjudged != nil || a.Why == nil:
		return NotKnown
	case a.Passes && len(a.Unasked) == 0 && a.More == 0:
		return Passes
	case a.Why.Verdict == explain.Undecided:
		return NotKnown
	case a.Why.Verdict == explain.Denied && len(a.Allowed)+len(a.InPart) == 0 && len(a.Unasked) == 0 && a.More == 0:
		return Stops
	}
	return InPart
}

// Unseen returns the edges of a policy that allow none of the calls of some answers, in the order of the policy. Edges
// to hosts outside the mesh count only if some call is to one: what proxies of callees tell of has none.
func Unseen(p *policy.Policy, answers []*Answer) (all []policy.Edge) {
	type used struct {
		at     source.Span
		to     *policy.Service
		caller string // empty: anyone
	}
	seen := map[used]bool{}
	var leaving []*explain.Query
	for _, a := range answers {
		if a.leaves() {
			leaving = append(leaving, a.Query)
		}
		for _, at := range a.uses() {
			seen[used{at, a.Query.To, ""}], seen[used{at, a.Query.To, a.Query.From.String()}] = true, true
		}
	}
	for _, e := range p.Edges().All {
		if e.To == nil {
			uses := func(q *explain.Query) bool { return q.External == e.External && e.From.Includes(q.From) }
			if len(leaving) > 0 && !slices.ContainsFunc(leaving, uses) {
				all = append(all, e)
			}
			continue
		}
		caller := ""
		if e.From.Kind == policy.FromService {
			caller = e.From.String()
		}
		if !seen[used{e.At(), e.To, caller}] {
			all = append(all, e)
		}
	}
	return all
}

// uses is the statements that allow calls of a kind.
func (a *Answer) uses() (all []source.Span) {
	if a.judged == nil || a.judged.Answer == nil {
		return nil
	}
	for _, p := range a.judged.Answer.Ports {
		for _, c := range p.Callers {
			for _, k := range c.Cases {
				if k.Verdict != enforce.Denied {
					all = append(all, k.Intents...)
				}
			}
		}
	}
	return all
}
