package denied

import (
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/explain"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/compiler/traffic"
)

// Answer says why the calls of a kind were refused.
type Answer struct {
	*Kind
	Policy   *enforce.Object      // whose rule refused them; nil where it is not among those that are asked
	Why      *explain.Explanation // of what is denied; nil where nothing is, or nothing can be asked
	Passes   bool                 // all of it is let in now
	Allowed  []string             // requests that are let in now, where some are
	InPart   []string             // requests of which some are let in now, by what else they carry
	Unasked  []string             // requests that no query can be about
	Unjudged error                // why there is no explanation

	judged *explain.Explanation // of all that was asked about
}

// Answer asks why the calls of a kind were refused. It asks only about what a policy may have refused.
func (k *Kinds) Answer(kind *Kind) (*Answer, error) {
	a := &Answer{Kind: kind}
	byPolicy := kind.Outcome == traffic.Refused || kind.Outcome == traffic.WouldRefuse || kind.Outcome == traffic.Plaintext || kind.Outcome == traffic.Answered
	if !byPolicy || kind.Query == nil {
		return a, nil
	}
	if kind.By.Policy != "" && !kind.leaves() {
		a.Policy = object(k.ends.Model.Callee(kind.Query.To), &kind.By)
	}
	q := *kind.Query
	q.Notes = slices.Clone(q.Notes)
	if len(kind.Requests) == 0 {
		return a, k.ask(a, q)
	}
	for _, r := range kind.Requests {
		op, ok := operation(r)
		if !ok {
			a.Unasked = append(a.Unasked, r.String())
			continue
		}
		q.Ops = append(q.Ops, op)
	}
	if len(q.Ops) == 0 {
		return a, nil
	}
	return a, k.ask(a, q)
}

// ask asks about all requests at once, and if some of them are let in, about the rest.
func (k *Kinds) ask(a *Answer, q explain.Query) error {
	if a.AnyCaller && a.Outcome == traffic.Answered {
		return nil
	}
	if a.AnyCaller || a.unnamed() {
		a.Why, a.Unjudged = k.ends.Judge(q)
		if a.Why != nil && a.unnamed() && a.Why.Allows() {
			a.Passes = true
		}
		if a.Why != nil && a.unnamed() {
			a.Why.Notes = slices.DeleteFunc(a.Why.Notes, func(n explain.Note) bool { // it is not known to have no proxy
				_, outside := n.(explain.CallerOutside)
				return outside
			})
		}
		return nil
	}
	why, err := k.ends.Judge(q)
	if err != nil {
		a.Unjudged = err
		return nil
	}
	a.judged = why
	if why.Verdict == explain.Partly && len(q.Ops) > 1 {
		var denied, partly []policy.Operation
		for _, op := range q.Ops {
			one := q
			one.Ops = []policy.Operation{op}
			if why, err = k.ends.Judge(one); err != nil {
				return err
			}
			switch {
			case why.Allows():
				a.Allowed = append(a.Allowed, op.String())
			case why.Verdict == explain.Partly:
				partly = append(partly, op)
			default:
				denied = append(denied, op)
			}
		}
		if q.Ops = denied; len(denied) == 0 {
			q.Ops, partly = partly, nil
		}
		for _, op := range partly {
			a.InPart = append(a.InPart, op.String())
		}
	} else if why.Allows() {
		a.Why, a.Passes = why, true
		return nil
	}
	a.Why, a.Unjudged = k.ends.Answer(q)
	return nil
}

// unnamed reports whether the caller is an address that nothing names.
func (k *Kind) unnamed() bool {
	return k.Query.From.Kind == policy.FromService && k.Query.From.Service.Namespace == ""
}

func (r *Request) String() string { return r.Method + " " + r.Path }

// operation is the operation that is exactly one request. A path that a policy would take for a pattern has none:
// written into an edge it would let in more than the request.
func operation(r Request) (policy.Operation, bool) {
	if r.Method == "" || strings.Trim(r.Method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-") != "" || !explain.Literal(r.Path) {
		return policy.Operation{}, false
	}
	path := explain.Normalized(r.Path)
	return policy.Operation{Methods: []string{r.Method}, Path: path}, true
}
