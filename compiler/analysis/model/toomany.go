package model

import (
	"errors"
	"strings"

	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/diag"
)

// TooMany reports that the rules of a service distinguish more classes of requests than can be enumerated. That is not a
// mistake of meshc, and says nothing of other services.
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

// Finding is the same in words, at the service and at the first of its rules that has a pattern.
func (t *TooMany) Finding() diag.Diagnostic {
	s := t.Service
	d := diag.New(diag.Unevaluable, s.At, "%s cannot be judged: the patterns of its rules tell too many kinds of requests apart", s.ID())
	for _, rules := range s.Rules() {
		for i := range rules {
			for _, o := range rules[i].Ops {
				if strings.ContainsAny(o.Path, "*{") && len(d.Related) == 0 {
					d.WithRelated(rules[i].At, "one of them")
				}
			}
		}
	}
	d.WithHelp("begin the paths with what tells them apart, as in /orders/{*} and /users/{*}, or make several services of it")
	return d
}
