package check

import (
	"cmp"
	"maps"
	"slices"

	"github.com/meshc/meshc/compiler/inventory"
	"github.com/meshc/meshc/lang"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// While pods move from one account to another, their service may run as both. The earlier one is often shared: services
// that had it cannot be distinguished until it goes. A deny or a guard that needs the distinction is an error; what
// edges let in beyond what is written has a warning, since no move is possible without it.

// earlierAccounts reads the clauses `was` of a service.
func (c *checker) earlierAccounts(s *service) {
	d := s.decl
	for i, was := range d.Was {
		switch same := slices.IndexFunc(d.Was[:i], func(n lang.Name) bool { return n.Text == was.Text }); {
		case !s.Proxied():
			c.list.Add(diag.MisplacedClause, was.Range, "a service outside the mesh has no account to prove").
				WithHelp("delete `was %s`, or delete `outside` if the service has a proxy", was.Text)
		case len(d.Accounts) == 0:
			c.list.Add(diag.IncompleteStatement, was.Range, "%s has an earlier account, but its current one is not stated", s.Name).
				WithHelp("state both: `account ACCOUNT was %s`", was.Text)
		case was.Text == s.Account:
			c.list.Add(diag.RepeatedClause, was.Range, "%s is the current account of %s", quoted(was.Text), s.Name).
				WithHelp("delete `was %s`", was.Text)
		case same >= 0:
			c.repeated(was, d.Was[same], "`was "+was.Text+"`")
		case c.validAccount(was):
			s.Was = append(s.Was, was.Text)
		}
	}
	slices.Sort(s.Was)
}

// moved reports earlier accounts that no workload of a service runs as.
func (c *checker) moved(s *service) {
	for _, account := range s.Was {
		if s.mismatch || slices.ContainsFunc(s.workloads, func(w *inventory.Workload) bool { return w.Account == account }) {
			continue
		}
		at := identity{s.Namespace, account, nil}.statedAt(s)
		c.list.Add(diag.MovedAccount, at, "no workload of %s in the manifests runs as %s any more", s.Name, quoted(account)).
			WithHelp("once all of its pods run as %s, delete `was %s`: it admits whatever else runs as %s", s.Account, account, account)
	}
}

// statedAt is where a service states an account, by whichever clause.
func (id identity) statedAt(s *service) source.Span {
	if s.decl != nil && s.Account != id.account {
		for _, was := range s.decl.Was {
			if was.Text == id.account {
				return was.Range
			}
		}
	}
	return either(s.accountAt, s.At)
}

// shared is an account that a service has in common with others until an earlier account goes.
type shared struct {
	identity
	by *service
}

// opening is the callees that such an account lets a service call beyond its own edges, with the first edge that does.
type opening struct {
	callees map[*service]bool
	edge    source.Span
}

// opens notes that an edge lets in a service that may run as an account of its caller.
func (c *checker) opens(id identity, other, callee *service, edge source.Span) {
	c.whole = true
	key := shared{id, other}
	o := c.openings[key]
	if o == nil {
		o = &opening{map[*service]bool{}, edge}
		c.openings[key] = o
	}
	o.callees[callee] = true
}

// opened warns of what earlier accounts let in.
func (c *checker) opened() {
	keys := slices.SortedFunc(maps.Keys(c.openings), func(a, b shared) int {
		return cmp.Or(cmp.Compare(a.by.ID(), b.by.ID()), cmp.Compare(a.account, b.account))
	})
	for _, key := range keys {
		if c.reported[key.identity] {
			continue // an error says more
		}
		o := c.openings[key]
		names := make([]string, 0, len(o.callees))
		for callee := range o.callees {
			names = append(names, callee.seenFrom(key.by.mesh))
		}
		slices.Sort(names)
		c.list.Add(diag.OpenedForMove, key.statedAt(key.by), "as %s, pods of %s may also call %s, through edges of others with that account", quoted(key.account), key.by.Name, listed(names)).
			WithRelated(o.edge, "for example by this edge").
			WithHelp("delete `was %s` as soon as all pods run as their new accounts: until then the callee cannot distinguish them", key.account)
	}
}
