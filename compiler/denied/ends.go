package denied

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler"
	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/explain"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/compiler/traffic"
)

// Ends is the caller and the callee of calls.
type Ends struct {
	Caller, Callee string
	Port           uint16         // of the container; 0 where it is not known
	Query          *explain.Query // about these ends, without operations; nil where the callee is not known
	AnyCaller      bool           // the caller is not known, so that the query is about every caller
	Unnamed        string         // what is known of a caller without a name: its address or its workload
	Nameless       bool           // the connection may be plaintext
	Unknown        error          // why an end is not known
}

// ends finds the ends of calls.
type ends struct {
	*compiler.Asking
	found map[endsKey]*Ends
}

type endsKey struct {
	from, to traffic.Peer
	port     uint16
	http     bool
	by       traffic.Rule
}

func newEnds(a *compiler.Asking) *ends { return &ends{a, map[endsKey]*Ends{}} }

// maxFound bounds the ends that are remembered.
const maxFound = 20_000

func (e *ends) of(c *traffic.Call) *Ends {
	at := endsKey{c.From, c.To, c.Port, c.HTTP, c.By}
	if found := e.found[at]; found != nil {
		return found
	}
	if len(e.found) >= maxFound {
		clear(e.found)
	}
	found := e.find(c)
	e.found[at] = found
	return found
}

func (e *ends) find(c *traffic.Call) *Ends {
	out := &Ends{Caller: e.caller(&c.From), Port: c.Port, Nameless: c.From.Nameless}
	if out.Caller == "" {
		out.Unnamed = unnamed(&c.From)
	}
	for _, word := range e.callees(c) {
		query, err := e.query(out.Caller, word, c)
		if err != nil {
			if out.Unknown == nil {
				out.Unknown, out.Callee = err, word
			}
			continue
		}
		if out.Query = query; query.External == nil {
			break // a host outside the mesh is called if nothing in it is
		}
	}
	if out.Query == nil {
		if out.Unknown == nil {
			out.Unknown = errors.New("the line does not say who was called")
		}
		return out
	}
	out.Callee, out.Port, out.Unknown = out.Query.Callee(), out.Query.Port, nil
	out.Caller = query(out)
	return out
}

func query(e *Ends) string {
	if e.Query.From.Kind == policy.FromWorld {
		e.AnyCaller = true
		return strings.TrimPrefix(e.Caller, "spiffe://")
	}
	return e.Query.From.String()
}

// caller is the word for a caller; empty where it is not known.
func (e *ends) caller(p *traffic.Peer) string {
	switch {
	case p.Identity != "":
		return "spiffe://" + p.Identity
	case p.Anonymous:
		return ""
	case p.Address.IsValid() && (e.Directory().PodAt(p.Address) != nil || e.outside(p.Address)):
		return p.Address.String()
	}
	return ""
}

// only is the only port of a service that carries HTTP, or else does not; 0 where there are several or none.
func only(s *policy.Service, http bool) (port uint16) {
	for _, p := range s.Ports {
		if p.Protocol != policy.ProtocolUnset && p.Protocol.IsHTTP() != http {
			continue
		}
		if port != 0 {
			return 0
		}
		port = p.Number
	}
	return port
}

// addresses reports whether callers without an identity have names by their addresses.
func (e *ends) addresses() bool {
	return slices.ContainsFunc(e.Model.Policy.Services(), func(s *policy.Service) bool { return len(s.Addresses) > 0 })
}

// somebody is a caller without an identity in words.
func somebody(p *traffic.Peer) string {
	if p.Workload != "" && p.Namespace != "" {
		return p.Namespace + "/" + p.Workload
	}
	return "a caller without an identity"
}

// unnamed is what is known of a caller without a name; empty where nothing is.
func unnamed(p *traffic.Peer) string {
	switch {
	case p.Address.IsValid():
		return p.Address.String()
	case p.Workload != "" && p.Namespace != "":
		return p.Namespace + "/" + p.Workload
	}
	return ""
}

// outside reports whether an address is that of a service without a proxy.
func (e *ends) outside(a netip.Addr) bool {
	return slices.ContainsFunc(e.Model.Policy.Services(), func(s *policy.Service) bool {
		return !s.Proxied() && slices.ContainsFunc(s.Addresses, func(block netip.Prefix) bool { return block.Contains(a) })
	})
}

// callees is the words that may stand for a callee, the most certain first.
func (e *ends) callees(c *traffic.Call) (words []string) {
	if c.To.Address.IsValid() && e.Directory().PodAt(c.To.Address) != nil {
		words = append(words, c.To.Address.String())
	}
	if c.To.Pod != "" && c.To.Namespace != "" {
		words = append(words, c.To.Namespace+"/"+c.To.Pod)
	} else if c.To.Pod != "" {
		words = append(words, c.To.Pod)
	}
	if c.To.Host != "" {
		words = append(words, c.To.Host)
	}
	if c.To.Workload != "" && c.To.Namespace != "" {
		words = append(words, c.To.Namespace+"/"+c.To.Workload)
	}
	if c.To.App != "" && c.To.Namespace != "" {
		words = append(words, c.To.Namespace+"/"+c.To.App)
	}
	if c.To.Identity != "" {
		words = append(words, "spiffe://"+c.To.Identity)
	}
	if s := e.bound(&c.By); s != nil {
		words = append(words, s.ID())
	}
	return words
}

// rule is a rule whose namespace is known; none where it could be of several policies or is of none.
func (e *ends) rule(by traffic.Rule) traffic.Rule {
	if by.Policy == "" || by.Namespace != "" {
		return by
	}
	found := traffic.Rule{Number: -1}
	for _, o := range e.Model.Manifests.Policies {
		if o.Kind == "AuthorizationPolicy" && o.Namespace+"-"+o.Name == by.Policy {
			if found.Policy != "" {
				return traffic.Rule{Number: -1}
			}
			found = traffic.Rule{Namespace: o.Namespace, Policy: o.Name, Number: by.Number}
		}
	}
	return found
}

// bound is the only service that a policy binds.
func (e *ends) bound(by *traffic.Rule) (found *policy.Service) {
	for _, s := range e.Model.Policy.Services() {
		if s.Namespace == by.Namespace && s.Proxied() && object(e.Model.Callee(s), by) != nil {
			if found != nil {
				return nil
			}
			found = s
		}
	}
	return found
}

// object is the policy of a rule among those that bind a callee; nil where it is not among them.
func object(at *enforce.Point, by *traffic.Rule) *enforce.Object {
	for _, o := range at.All() {
		if o.Kind == "AuthorizationPolicy" && o.Namespace == by.Namespace && o.Name == by.Policy {
			return o
		}
	}
	return nil
}

// query asks about two ends. A policy of another namespace than the callee's cannot have refused the call, so the word
// stands for another callee then.
func (e *ends) query(caller, callee string, c *traffic.Call) (*explain.Query, error) {
	if caller == "" {
		caller = "world"
	}
	queries, err := e.Queries(caller, callee)
	if err != nil && caller != "world" {
		if queries, err = e.Queries("world", callee); err == nil {
			caller = "world"
		}
	}
	if err != nil {
		return nil, err
	}
	q := queries[0]
	if len(queries) != 1 {
		return nil, fmt.Errorf("%s is not one service", callee)
	}
	if q.External != nil {
		return e.leaving(caller, callee, c)
	}
	if by := &c.By; by.Policy != "" && by.Namespace != q.To.Namespace && by.Namespace != e.Model.Policy.RootNamespace {
		return nil, fmt.Errorf("the policy that refused the call is not of the namespace of %s", q.To.ID())
	}
	if q.Port = c.Port; q.Port == 0 && c.To.HostPort != 0 {
		if queries, err = e.Queries(caller, fmt.Sprintf("%s:%d", callee, c.To.HostPort)); err != nil {
			return nil, err
		}
		q = queries[0]
	}
	if q.Port == 0 {
		q.Port = only(q.To, c.HTTP)
	}
	switch {
	case !c.From.Anonymous:
	case c.From.Address.IsValid():
		q.From = policy.Source{Service: explain.At(e.Model.Policy, c.From.Address)}
	case !e.addresses():
		q.From = policy.Source{Service: &policy.Service{Name: somebody(&c.From), Dataplane: policy.NoProxy}}
	}
	q.Notes = slices.DeleteFunc(q.Notes, func(n explain.Note) bool { // the words are not the user's
		_, pod := n.(explain.TakenForPod)
		_, port := n.(explain.ServicePort)
		return pod || port
	})
	return &q, nil
}

// leaving asks about a call out of the mesh, whose port is that of the host: its proxy may call another one.
func (e *ends) leaving(caller, host string, c *traffic.Call) (*explain.Query, error) {
	if port := cmp.Or(c.To.HostPort, c.Port); port != 0 {
		host = fmt.Sprintf("%s:%d", host, port)
	}
	queries, err := e.Queries(caller, host)
	if err != nil {
		return nil, err
	}
	return &queries[0], nil
}
