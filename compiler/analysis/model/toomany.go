package model

import (
	"errors"
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/diag"
)

// TooMany reports that the rules of a service distinguish more classes of requests than can be enumerated. That is not
// a mistake of meshc, and says nothing of other services.
type TooMany struct{ Service *policy.Service }

func (t *TooMany) Error() string { return space.ErrTooMany.Error() }

func (t *TooMany) Unwrap() error { return space.ErrTooMany }

// AtService names the service where that is what an error says.
func AtService(s *policy.Service, err error) error {
	if errors.Is(err, space.ErrTooMany) {
		return &TooMany{s}
	}
	return err
}

// Finding is the same in words, at the service and at the first of its rules that has a pattern, or else that asks for
// a claim.
func (t *TooMany) Finding() diag.Diagnostic {
	s := t.Service
	var patterns, claims []*policy.Rule
	for _, rules := range s.Rules() {
		for i := range rules {
			r := &rules[i]
			if slices.ContainsFunc(r.Ops, func(o policy.Operation) bool { return strings.ContainsAny(o.Path, "*{") }) {
				patterns = append(patterns, r)
			}
			if slices.ContainsFunc(r.Where, func(c policy.Condition) bool { return c.Dimension == policy.TokenDimension && len(c.Key) > 0 }) {
				claims = append(claims, r)
			}
		}
	}
	what, help := "the patterns of its rules", "begin the paths with what tells them apart, as in /orders/{*} and /users/{*}, or make several services of it"
	if len(patterns) == 0 && len(claims) > 0 {
		patterns = claims
		what, help = "the claims that its rules ask for", "ask for fewer different claims at one service, or make several services of it"
	}
	d := diag.New(diag.Unevaluable, s.At, "%s cannot be judged: %s tell too many kinds of requests apart", s.ID(), what)
	if len(patterns) > 0 {
		d.WithRelated(patterns[0].At, "one of them")
	}
	d.WithHelp("%s", help)
	return d
}
