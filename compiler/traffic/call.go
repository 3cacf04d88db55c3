// Package traffic reads what proxies and monitoring have recorded: access logs line by line, and metrics.
//
// Everything becomes calls, which name both ends as the source does: by identity, address, pod or host. Resolving
// these names is left to others. A line is either understood completely or not at all. Clients control much of its
// content, such as the path and the user agent, and Envoy does not escape quotes in text, so a line that could be read
// in two ways is not understood either.
package traffic

import (
	"net/netip"
	"strings"

	"github.com/meshc/meshc/compiler/policy"
)

// Call is a request, or a connection that carries none, as a line tells of it.
type Call struct {
	Count    int    // 0 for one call
	First    string // when the first of several was, as At is the last; empty where it is not known
	At       string // RFC 3339 in UTC; empty where it is not known
	From, To Peer
	Port     uint16 // of the container that was called; 0 where it is not known
	HTTP     bool   // it is a request
	Method   string // empty for a connection, and where it is not known
	Path     string // without its query
	Outcome  Outcome
	By       Rule   // that refused it, where one did
	Detail   string // what the proxy says about a failure, in its own words

	outbound   bool   // the caller's proxy tells of it
	connection string // both ends with their ports, where several lines may tell of one
}

// Peer is one end of a call. What is not known is empty.
type Peer struct {
	Identity  string // TRUST-DOMAIN/ns/NAMESPACE/sa/ACCOUNT, proved by mutual TLS
	Address   netip.Addr
	Namespace string
	Account   string // that it runs as, which nothing has proved
	Anonymous bool   // it has proved no identity
	Nameless  bool   // its connection names no server, as one in plaintext
	Pod       string
	Workload  string // its Deployment or the like
	App       string // its label app
	Host      string // of a Kubernetes Service, or outside the mesh
	HostPort  uint16 // of that Service or host
	TLS       bool   // the application opens TLS to a host outside the mesh
}

// Rule is a rule of a deployed policy.
type Rule struct {
	Namespace string // empty where it is part of Policy: NAMESPACE-NAME
	Policy    string // empty: no rule let the request in
	Number    int    // from 0; -1 where it is not known
}

// Outcome is what became of a call.
type Outcome uint8

const (
	Answered     Outcome = iota // the callee had it, whatever it answered
	Refused                     // by a policy, or because none lets it in
	Plaintext                   // refused because the port takes mutual TLS only
	Unauthorized                // refused for its token
	Asked                       // refused by an external authorizer, or because that could not be asked
	Handshake                   // TLS failed
	Failed                      // for a reason that has nothing to do with who may call whom
	Elsewhere                   // refused at the other end, whose log says why
	WouldRefuse                 // refused by a policy in dry-run, and let through
	Aside                       // no call of its own, such as an answer
)

var outcomes = [...]string{"answered", "refused", "plaintext", "token", "authorizer", "tls", "failed", "refusedElsewhere", "dryRun", "aside"}

func (o Outcome) String() string { return outcomes[o] }

// principal reads a SPIFFE ID of the form that Istio issues; empty where it is none.
func principal(name string) string {
	id, ok := policy.ParseIdentity(strings.TrimPrefix(name, "spiffe://"))
	if !ok || !policy.IsName(id.TrustDomain) || !policy.IsLabel(id.Namespace) || !policy.IsName(id.Account) {
		return ""
	}
	return id.String()
}

// clean writes hosts in one way, and empties what cannot be the name of anything.
func (c *Call) clean() {
	for _, p := range []*Peer{&c.From, &c.To} {
		p.Host = strings.ToLower(strings.TrimSuffix(p.Host, "."))
		for _, name := range []*string{&p.Namespace, &p.Account, &p.Pod, &p.Workload, &p.Host} {
			if *name != "" && !policy.IsName(*name) {
				*name = ""
			}
		}
		if !policy.IsLabelValue(p.App) {
			p.App = ""
		}
	}
}
