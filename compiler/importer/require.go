package importer

import (
	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/compiler/policy"
)

// required says a DENY of requests without a token, where nothing else closes its pods: everybody may call them with one, and
// without one may send what the policy is not about. False if it is not such a policy.
func (i *importer) required(o *object) (all []*rule, ok bool) {
	if o.read.Effect != enforce.Deny || o.about == nil || len(o.read.Clauses) != 1 || len(i.allows(o)) > 0 {
		return nil, false
	}
	clause := &o.read.Clauses[0]
	if len(clause.From) != 1 || len(clause.From[0]) != 1 || len(clause.To) != 1 {
		return nil, false
	}
	from := clause.From[0][0]
	if from.Dimension != space.Token || len(from.Is) > 0 || len(from.Not) != 1 || from.Not[0].RequestPrincipal() != "*" {
		return nil, false
	}
	token := &credential{issuers: i.taken(o)}
	for _, x := range token.issuers {
		if x.why != "" {
			return nil, false
		}
	}
	anybody := callers{who: []caller{{kind: policy.FromWorld}}}
	with := anybody
	with.token = token
	all = append(all, &rule{to: o.about, callers: with, requests: requests{http: true}, of: []*object{o}})
	rest, ok := others(clause.To[0])
	if ok && len(rest.ops)+len(rest.without) > 0 {
		all = append(all, &rule{to: o.about, callers: anybody, requests: rest, of: []*object{o}})
	}
	if ok && len(o.ofRule) > 0 {
		all[0].above = o.ofRule[0]
	}
	return all, ok && len(token.issuers) > 0
}

// others is the requests that a box is not about; false if they have no words.
func others(box space.Box) (requests, bool) {
	r := requests{http: true}
	if len(box) == 1 && box[0].Dimension == space.Path && len(box[0].Is) == 0 {
		for _, p := range texts(box[0].Not) {
			r.ops = append(r.ops, policy.Operation{Path: p})
		}
		return r, !anyLiteralStar(r.ops)
	}
	var methods, paths []string
	for _, c := range box {
		switch {
		case len(c.Not) > 0:
			return r, false
		case c.Dimension == space.Path:
			paths = texts(c.Is)
		case c.Dimension == space.Method:
			methods = texts(c.Is)
		default:
			return r, false
		}
	}
	for _, p := range paths {
		r.without = append(r.without, policy.Operation{Methods: methods, Path: p})
	}
	if paths == nil && methods != nil {
		r.without = []policy.Operation{{Methods: methods}}
	}
	return r, !anyLiteralStar(r.without)
}

func anyLiteralStar(ops []policy.Operation) bool {
	for _, o := range ops {
		if literalStar(o.Path) {
			return true
		}
	}
	return false
}
