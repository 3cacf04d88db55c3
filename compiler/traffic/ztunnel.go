package traffic

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/meshc/meshc/compiler/policy"
)

// tunnelEntry is an entry of ztunnel's access log.
// https://github.com/istio/ztunnel/blob/master/src/proxy/metrics.rs
type tunnelEntry struct {
	time, message, scope   string
	source, sourceIdentity string // src.addr, src.identity
	sourceNamespace        string
	sourceWorkload         string // the name of the pod
	address, inner         string // dst.addr, and dst.hbone_addr of what is within a tunnel
	service                string // dst.service
	namespace, workload    string
	destinationIdentity    string // dst.identity
	direction, failure     string
}

// tunnelPort is the port that ztunnel takes tunnels on.
const tunnelPort = 15008

func (z *tunnelEntry) isAccess() bool {
	return z.scope == "access" && z.message == "connection complete"
}

func (z *tunnelEntry) field(key string) *string {
	switch key {
	case "time":
		return &z.time
	case "message":
		return &z.message
	case "scope":
		return &z.scope
	case "src.addr":
		return &z.source
	case "src.identity":
		return &z.sourceIdentity
	case "src.namespace":
		return &z.sourceNamespace
	case "src.workload":
		return &z.sourceWorkload
	case "dst.addr":
		return &z.address
	case "dst.hbone_addr":
		return &z.inner
	case "dst.service":
		return &z.service
	case "dst.namespace":
		return &z.namespace
	case "dst.identity":
		return &z.destinationIdentity
	case "dst.workload":
		return &z.workload
	case "direction":
		return &z.direction
	case "error":
		return &z.failure
	}
	return nil
}

func (z *tunnelEntry) member(key string, s *scanner) bool {
	f := z.field(key)
	if f != nil {
		*f = s.scalar()
	}
	return f != nil
}

// tunnelText reads a line of ztunnel's access log as text: the time, the level, the scope, the message, then KEY=VALUE,
// where a text is in quotes with backslashes as Rust writes them. Every key has one value.
func tunnelText(line string) (z tunnelEntry, ok bool) {
	line = strings.ReplaceAll(line, "\t", " ")
	s := fields{rest: line}
	z.time = s.word()
	s.rest = strings.TrimLeft(s.rest, " ")
	s.word() // the level
	s.rest = strings.TrimLeft(s.rest, " ")
	z.scope = s.word()
	s.rest = strings.TrimLeft(s.rest, " ")
	if s.failed || z.scope != "access" || !s.take("connection complete") {
		return z, false
	}
	z.message = "connection complete"
	for s.rest = strings.TrimLeft(s.rest, " "); s.rest != "" && !s.failed; s.rest = strings.TrimLeft(s.rest, " ") {
		key, value := s.until("="), ""
		if strings.HasPrefix(s.rest, `"`) {
			quoted, err := strconv.QuotedPrefix(s.rest)
			if err != nil {
				return z, false
			}
			value, _ = strconv.Unquote(quoted)
			s.rest = s.rest[len(quoted):]
		} else {
			value, s.rest, _ = strings.Cut(s.rest, " ")
		}
		if f := z.field(key); f != nil {
			if *f != "" {
				return z, false
			}
			*f = value
		}
	}
	return z, !s.failed
}

func (z *tunnelEntry) call() (c Call, ok bool) {
	source, sourceOK := addressPort(z.source)
	if !sourceOK || z.direction != "inbound" && z.direction != "outbound" {
		return c, false
	}
	c = Call{At: stamp(z.time)}
	c.From = Peer{Address: source.Addr().Unmap(), Namespace: z.sourceNamespace, Pod: z.sourceWorkload}
	c.From.Identity = principal(z.sourceIdentity)
	c.From.Anonymous = z.sourceIdentity == "" && z.direction == "inbound"
	c.outbound = z.direction == "outbound"
	c.To = Peer{Identity: principal(z.destinationIdentity), Namespace: z.namespace, Pod: z.workload, Host: z.service}
	to := z.inner
	if to == "" {
		to = z.address
	}
	if a, ok := addressPort(to); ok {
		c.To.Address, c.Port = a.Addr().Unmap(), a.Port()
		if c.Port == tunnelPort {
			c.To.Address, c.Port = netip.Addr{}, 0
		}
	} else if host, port, ok := strings.Cut(to, ":"); ok {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil {
			return c, false
		}
		c.To.Host, c.To.HostPort = host, uint16(n)
	}
	c.Outcome, c.By, c.Detail = z.outcome()
	return c, true
}

// What ztunnel says about a connection that a policy rejects, and the names of the policies that it makes of
// PeerAuthentications.
// https://github.com/istio/ztunnel/blob/master/src/state.rs
// https://github.com/istio/istio/blob/master/pilot/pkg/serviceregistry/kube/controller/ambient/policies.go
const (
	rejected   = "connection closed due to policy rejection: "
	noneAllows = "allow policies exist, but none allowed"
	deniedBy   = "explicitly denied by: "
	strictness = "istio_converted_static_strict"
	converted  = "converted_peer_authentication_"
)

func (z *tunnelEntry) outcome() (Outcome, Rule, string) {
	why, byPolicy := strings.CutPrefix(z.failure, rejected)
	switch {
	case z.failure == "":
		return Answered, Rule{}, ""
	case byPolicy && why == noneAllows:
		return Refused, Rule{Number: -1}, z.failure
	case byPolicy:
		name, ok := strings.CutPrefix(why, deniedBy)
		namespace, name, ok2 := strings.Cut(name, "/")
		switch {
		case !ok || !ok2 || !policy.IsLabel(namespace):
			return Refused, Rule{Number: -1}, z.failure
		case name == strictness || strings.HasPrefix(name, converted):
			return Plaintext, Rule{}, z.failure
		case !policy.IsName(name):
			return Refused, Rule{Number: -1}, z.failure
		}
		return Refused, Rule{namespace, name, -1}, z.failure
	case strings.HasPrefix(z.failure, "connection closed due to policy change"):
		return Refused, Rule{Number: -1}, z.failure
	case strings.Contains(z.failure, "401 Unauthorized"):
		return Elsewhere, Rule{}, z.failure
	case strings.Contains(z.failure, "tls ") || strings.Contains(z.failure, "certificate") || strings.Contains(z.failure, "SanTrustDomainError"):
		return Handshake, Rule{}, z.failure
	}
	return Failed, Rule{}, z.failure
}

// fields takes a line apart from its beginning.
type fields struct {
	rest   string
	failed bool
}

// take takes what must come next.
func (s *fields) take(next string) bool {
	rest, ok := strings.CutPrefix(s.rest, next)
	s.rest, s.failed = rest, s.failed || !ok
	return ok
}

// until takes what precedes the next separator, and the separator.
func (s *fields) until(separator string) string {
	field, rest, ok := strings.Cut(s.rest, separator)
	s.rest, s.failed = rest, s.failed || !ok
	return field
}

func (s *fields) word() string { return s.until(" ") }
