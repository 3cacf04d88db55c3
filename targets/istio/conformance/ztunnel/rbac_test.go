package ztunnel

import (
	"net/netip"
	"testing"

	"istio.io/istio/pkg/workloadapi/security"
)

var (
	plaintext = connection("", "127.0.0.1", "127.0.0.2", 8080)
	mutual    = connection("spiffe://td/ns/namespace/sa/account", "127.0.0.1", "127.0.0.2", 8080)
	another   = connection("spiffe://td-alt/ns/ns-alt/sa/sa=alt", "127.0.0.3", "127.0.0.4", 9090)
)

func connection(peer, source, destination string, port uint16) Connection {
	return Connection{peer, netip.MustParseAddr(source), netip.MustParseAddr(destination), port}
}

func allow(rules ...*security.Group) *security.Authorization {
	return &security.Authorization{Action: security.Action_ALLOW, Groups: rules}
}

func rule(clauses ...*security.Rules) *security.Group { return &security.Group{Rules: clauses} }

func clause(matches ...*security.Match) *security.Rules { return &security.Rules{Matches: matches} }

func exact(s string) []*security.StringMatch {
	return []*security.StringMatch{{MatchType: &security.StringMatch_Exact{Exact: s}}}
}

func block(s string, length uint32) []*security.Address {
	return []*security.Address{{Address: netip.MustParseAddr(s).AsSlice(), Length: length}}
}

// TestMatch has the cases that ztunnel's own tests of one match have (src/rbac.rs).
func TestMatch(t *testing.T) {
	account := []*security.ServiceAccountMatch{{Namespace: "namespace", ServiceAccount: "account"}}
	for name, test := range map[string]struct {
		match *security.Match
		want  [3]bool // of plaintext, mutual and another
	}{
		"namespaces":            {&security.Match{Namespaces: exact("namespace")}, [3]bool{false, true, false}},
		"notNamespaces":         {&security.Match{NotNamespaces: exact("namespace")}, [3]bool{true, false, true}},
		"serviceAccounts":       {&security.Match{ServiceAccounts: account}, [3]bool{false, true, false}},
		"notServiceAccounts":    {&security.Match{NotServiceAccounts: account}, [3]bool{true, false, true}},
		"principals":            {&security.Match{Principals: exact("td/ns/namespace/sa/account")}, [3]bool{false, true, false}},
		"notPrincipals":         {&security.Match{NotPrincipals: exact("td/ns/namespace/sa/account")}, [3]bool{true, false, true}},
		"sourceIps":             {&security.Match{SourceIps: block("127.0.0.1", 32)}, [3]bool{true, true, false}},
		"notSourceIps":          {&security.Match{NotSourceIps: block("127.0.0.1", 32)}, [3]bool{false, false, true}},
		"destinationIps":        {&security.Match{DestinationIps: block("127.0.0.2", 32)}, [3]bool{true, true, false}},
		"notDestinationIps":     {&security.Match{NotDestinationIps: block("127.0.0.2", 32)}, [3]bool{false, false, true}},
		"a block with host bit": {&security.Match{DestinationIps: block("127.0.0.1", 24)}, [3]bool{true, true, true}},
		"destinationPorts":      {&security.Match{DestinationPorts: []uint32{8080}}, [3]bool{true, true, false}},
		"notDestinationPorts":   {&security.Match{NotDestinationPorts: []uint32{8080}}, [3]bool{false, false, true}},
		"nothing":               {&security.Match{}, [3]bool{}},
	} {
		for i, c := range []Connection{plaintext, mutual, another} {
			if got := Matches(allow(rule(clause(test.match))), c); got != test.want[i] {
				t.Errorf("%s: %t, of %v", name, got, c)
			}
		}
	}
}

// TestNesting has those about policies, rules and clauses.
func TestNesting(t *testing.T) {
	a, b := &security.Match{Namespaces: exact("a")}, &security.Match{Namespaces: exact("b")}
	either := allow(rule(clause(a, b), clause(&security.Match{DestinationPorts: []uint32{80}})))
	from := func(namespace string, port uint16) Connection {
		return connection("spiffe://td/ns/"+namespace+"/sa/account", "127.0.0.1", "127.0.0.2", port)
	}
	for name, test := range map[string]struct {
		policy *security.Authorization
		conn   Connection
		want   bool
	}{
		"an empty match never matches":             {allow(rule(clause(&security.Match{}))), plaintext, false},
		"a clause without matches matches":         {allow(rule(clause())), plaintext, true},
		"a rule without clauses matches":           {allow(rule()), plaintext, true},
		"a policy without rules matches nothing":   {allow(), plaintext, false},
		"one match of a clause, all clauses":       {either, from("a", 80), true},
		"the other match":                          {either, from("b", 80), true},
		"no match of the first clause":             {either, from("bad", 80), false},
		"no match of the second clause":            {either, from("b", 12345), false},
		"the first of two rules":                   {allow(rule(clause(a)), rule(clause(b))), from("a", 80), true},
		"the second of two rules":                  {allow(rule(clause(a)), rule(clause(b))), from("b", 80), true},
		"neither of two rules":                     {allow(rule(clause(a)), rule(clause(b))), from("bad", 80), false},
		"an empty match beside one that matches":   {allow(rule(clause(&security.Match{}, a))), from("a", 80), true},
		"an empty match beside one that does not":  {allow(rule(clause(&security.Match{}, a))), from("b", 80), false},
		"a second clause that asks for nothing":    {allow(rule(clause(a), clause(&security.Match{}))), from("a", 80), false},
		"a namespace that is not an exact account": {allow(rule(clause(&security.Match{Principals: exact("a")}))), from("a", 80), false},
	} {
		if got := Matches(test.policy, test.conn); got != test.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

// TestText has those about text, which nothing but presence compares as a whole.
func TestText(t *testing.T) {
	prefix := &security.StringMatch{MatchType: &security.StringMatch_Prefix{Prefix: "foo"}}
	suffix := &security.StringMatch{MatchType: &security.StringMatch_Suffix{Suffix: "foo"}}
	present := &security.StringMatch{MatchType: &security.StringMatch_Presence{}}
	for _, test := range []struct {
		match *security.StringMatch
		text  string
		want  bool
	}{
		{exact("foo")[0], "foo", true},
		{exact("foo")[0], "not", false},
		{exact("foo")[0], "", false},
		{prefix, "foobar", true},
		{prefix, "notfoo", false},
		{prefix, "", false},
		{suffix, "barfoo", true},
		{suffix, "foonot", false},
		{suffix, "", false},
		{present, "foo", true},
		{present, "", false},
	} {
		if got := text(test.match, test.text); got != test.want {
			t.Errorf("%v of %q: %t", test.match, test.text, got)
		}
	}
}

// TestAllowed has the order of decisions.
func TestAllowed(t *testing.T) {
	everyone := rule()
	some := rule(clause(&security.Match{Namespaces: exact("namespace")}))
	deny := func(rules ...*security.Group) *security.Authorization {
		return &security.Authorization{Action: security.Action_DENY, Groups: rules}
	}
	trial := func(p *security.Authorization) *security.Authorization {
		p.DryRun = true
		return p
	}
	for name, test := range map[string]struct {
		policies []*security.Authorization
		want     [2]bool // of plaintext and mutual
	}{
		"nothing":                         {nil, [2]bool{true, true}},
		"an ALLOW of nothing":             {[]*security.Authorization{allow()}, [2]bool{false, false}},
		"an ALLOW":                        {[]*security.Authorization{allow(some)}, [2]bool{false, true}},
		"a DENY alone":                    {[]*security.Authorization{deny(some)}, [2]bool{true, false}},
		"a DENY beside an ALLOW":          {[]*security.Authorization{allow(everyone), deny(some)}, [2]bool{true, false}},
		"two ALLOW":                       {[]*security.Authorization{allow(some), allow(everyone)}, [2]bool{true, true}},
		"a DENY of nothing":               {[]*security.Authorization{deny()}, [2]bool{true, true}},
		"a dry run of a DENY":             {[]*security.Authorization{trial(deny(everyone))}, [2]bool{true, true}},
		"a dry run of an ALLOW of no one": {[]*security.Authorization{trial(allow())}, [2]bool{true, true}},
	} {
		for i, c := range []Connection{plaintext, mutual} {
			if got := Allowed(test.policies, c); got != test.want[i] {
				t.Errorf("%s: %t, of %v", name, got, c)
			}
		}
	}
}
