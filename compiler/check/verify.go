package check

import (
	"slices"

	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang"
	"github.com/meshc/meshc/lang/diag"
)

// verifications enters whose tokens services verify by a statement of their own. It comes after the edges, which may
// ask for the same tokens.
func (c *checker) verifications(sections []section) {
	for _, s := range sections {
		for _, stmt := range s.stmts {
			if v, ok := stmt.(*lang.Verify); ok {
				c.verify(s.mesh, v)
			}
		}
	}
	c.eachJudged(func(m *mesh) {
		for _, s := range m.services {
			c.redundant(s)
		}
	})
}

func (c *checker) verify(m *mesh, stmt *lang.Verify) {
	var issuers []*policy.Issuer
	for _, n := range stmt.Issuers {
		if n.Text == "any" && !n.Quoted {
			c.someIssuer(n)
			issuers = c.issuersOf(&policy.Condition{})
			break
		}
		if i := c.issuer(n); i != nil {
			issuers = append(issuers, i)
		}
	}
	for i := range stmt.Targets {
		t := &stmt.Targets[i]
		if t.Port.Present() {
			c.list.Add(diag.MisplacedClause, t.Port.Range, "a service verifies tokens on all of its HTTP ports").
				WithHelp("delete the port; to require a token on one port, write `with` in the edges there")
			continue
		}
		callees, ext := c.destination(m, t.Ref)
		if ext != nil {
			c.list.Add(diag.MisplacedClause, t.Ref.Range, "%s is outside the mesh, where nothing verifies tokens", quoted(t.String())).
				WithRelated(ext.At, "declared as an external here").
				WithHelp("name a service that is called with the tokens")
			continue
		}
		pods := m.meansPods(t.Ref)
		if pods {
			c.reached(m, t, callees, "verifies tokens at")
		}
		for _, s := range callees {
			switch {
			case s.mesh != m && !pods:
				c.list.Add(diag.MisplacedClause, t.Ref.Range, "whose tokens %s verifies is stated in its own mesh", s.ID()).
					WithHelp("move this statement below `mesh %s`", s.Namespace)
			case !s.Proxied():
				c.list.Add(diag.MisplacedClause, t.Ref.Range, "%s is outside the mesh, where nothing verifies tokens", s.Name).
					WithRelated(s.outsideAt(), "it has no proxy").
					WithHelp("delete it here")
			default:
				if len(callees) == 1 && len(s.Ports) > 0 && !slices.ContainsFunc(s.Ports, func(p policy.Port) bool { return p.Protocol.IsHTTP() }) {
					c.list.Add(diag.Ineffective, t.Ref.Range, "no port of %s is known to carry HTTP, and nothing else has tokens", s.Name).
						WithRelated(s.At, "declared here").
						WithHelp("declare the protocol of the port that takes them (`port 8080 http`), or delete this")
				}
				if len(issuers) == 0 { // none of them is known, which has a finding
					c.misnamed[s.Service] = true
				}
				for _, i := range issuers {
					s.Verifies = append(s.Verifies, policy.Verification{Issuer: i, EveryPod: pods, EveryMesh: pods && c.isRoot(m.Name), At: stmt.Range})
				}
				continue
			}
			break
		}
	}
}

// redundant reports a statement that changes nothing, because another one or a rule has the service verify the same
// tokens.
func (c *checker) redundant(s *service) {
	for n, v := range s.Verifies {
		if v.EveryPod {
			continue
		}
		if k := slices.IndexFunc(s.Verifies, func(w policy.Verification) bool { return w.Issuer == v.Issuer }); k < n {
			c.list.Add(diag.RedundantVerify, v.At, "%s already verifies the tokens of %s", s.Name, v.Issuer.Name).
				WithRelated(s.Verifies[k].At, "stated here").
				WithHelp("delete one of the two")
			continue
		}
		for _, r := range slices.Concat(s.allow, s.deny) {
			if slices.ContainsFunc(r.Where, func(w policy.Condition) bool {
				return w.AsksForToken() && slices.Contains(c.issuersOf(&w), v.Issuer)
			}) {
				c.list.Add(diag.RedundantVerify, v.At, "%s already verifies the tokens of %s, because an edge or deny requires them", s.Name, v.Issuer.Name).
					WithRelated(r.At, "asked for here").
					WithHelp("delete this statement")
				break
			}
		}
	}
}
