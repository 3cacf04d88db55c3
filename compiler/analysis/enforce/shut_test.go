package enforce

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// Pods are shut to their waypoint too where something refuses everyone, and nothing lets anybody in.
func TestShut(t *testing.T) {
	deny := &Object{}
	allow := &Object{Clauses: []Clause{{}}}
	for _, c := range []struct {
		name     string
		policies []*Object
		unsure   []*Object
		want     bool
	}{
		{"nothing", nil, nil, false},
		{"a policy without rules", []*Object{deny}, nil, true},
		{"and one that denies", []*Object{deny, {Effect: Deny, Clauses: []Clause{{}}}}, nil, true},
		{"and one that allows", []*Object{deny, allow}, nil, false},
		{"and one that may do anything", []*Object{deny, {AnyEffect: true, Broken: true}}, nil, false},
		{"in a dry run", []*Object{{DryRun: true}}, nil, false},
		{"not sent to ztunnel", []*Object{{Unsent: BySelector}}, nil, false},
		{"of labels that are not known", []*Object{deny}, []*Object{deny}, false},
		{"broken", []*Object{{Broken: true}}, nil, false},
	} {
		assert.Equal(t, c.want, shut(c.policies, c.unsure), c.name)
	}
}
