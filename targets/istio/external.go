package istio

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"

	networking "istio.io/api/networking/v1alpha3"

	"github.com/meshc/meshc/compiler/bearing"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/targets"
)

// ownNamespace limits the visibility of an external to the namespace that declares it.
var ownNamespace = []string{"."}

// noWaypoint keeps calls to an external from the waypoint that its Namespace may name, now or later. istiod binds a
// ServiceEntry to that as it binds a Service, and the policy that closes the waypoint would refuse them:
// fetchWaypointForTarget in istio.io/istio/pilot/pkg/serviceregistry/ambient/waypoints.go.
var noWaypoint = []targets.Pair{{Key: bearing.UseWaypoint, Value: "none"}}

// someAmbient reports whether pods of a namespace are in ambient mode.
func someAmbient(m *policy.Mesh) bool {
	return m.Ambient || slices.ContainsFunc(m.Services, func(s *policy.Service) bool { return s.Dataplane == policy.Ambient })
}

// external emits the ServiceEntry of an external and a DestinationRule for each host whose TLS the sidecar opens. It
// emits no AuthorizationPolicy: nothing outside the mesh would enforce it.
func (b *builder) external(m *policy.Mesh, x *policy.External) {
	if !b.acceptExternal(x) || !b.acceptOriginated(m, x) {
		return
	}
	spec := &networking.ServiceEntry{
		Hosts:      x.Hosts,
		ExportTo:   ownNamespace,
		Location:   networking.ServiceEntry_MESH_EXTERNAL,
		Resolution: networking.ServiceEntry_DNS,
	}
	if slices.ContainsFunc(x.Hosts, isWildcard) {
		spec.Resolution = networking.ServiceEntry_NONE // a wildcard has no name to look up: calls go to the address that the caller chose
	}
	var originate []*networking.TrafficPolicy_PortTrafficPolicy
	for _, p := range x.Ports {
		port := portOf(p, spec.Resolution)
		spec.Ports = append(spec.Ports, port)
		if p.Originate {
			originate = append(originate, &networking.TrafficPolicy_PortTrafficPolicy{
				Port: &networking.PortSelector{Number: port.Number},
			})
		}
	}
	why := targets.OfSpan(x.At)
	entry := b.draft(waveServiceEntry, b.networking, "ServiceEntry", x.Namespace, x.Name, why, spec)
	if someAmbient(m) {
		entry.Labels = slices.Concat(entry.Labels, noWaypoint)
	}
	b.add(entry)
	if len(originate) == 0 {
		return
	}
	for _, host := range x.Hosts {
		tls := &networking.ClientTLSSettings{Mode: networking.ClientTLSSettings_SIMPLE}
		if !isWildcard(host) {
			tls.Sni = host // for a wildcard, Istio sends the host of the request
		}
		settings := make([]*networking.TrafficPolicy_PortTrafficPolicy, len(originate))
		for i, o := range originate {
			settings[i] = &networking.TrafficPolicy_PortTrafficPolicy{Port: o.Port, Tls: tls}
		}
		b.add(b.draft(waveDestinationRule, b.networking, "DestinationRule", x.Namespace, ruleName(x.Name, host), why,
			&networking.DestinationRule{
				Host:          host,
				ExportTo:      ownNamespace,
				TrafficPolicy: &networking.TrafficPolicy{PortLevelSettings: settings},
			}))
	}
}

// portOf follows Istio's recipe for TLS that the sidecar opens: the application calls port 80 in plaintext and the
// sidecar port 443.
func portOf(p policy.ExternalPort, resolution networking.ServiceEntry_Resolution) *networking.ServicePort {
	protocol := p.Protocol
	if protocol == policy.ProtocolUnset {
		protocol = policy.TCP
	}
	number := strconv.Itoa(int(p.Number))
	port := &networking.ServicePort{
		Number:   uint32(p.Number),
		Name:     protocol.String() + "-" + number,
		Protocol: strings.ToUpper(protocol.String()),
	}
	if p.Originate && p.Number == 80 && resolution == networking.ServiceEntry_DNS {
		port.TargetPort = 443
	}
	return port
}

func isWildcard(host string) bool { return strings.HasPrefix(host, "*") }

// ruleName returns NAME.HOST, which does not change when another host is added. The name of an external has no dot, so
// two externals of a namespace never share a DestinationRule.
func ruleName(name, host string) string {
	return shorten(name + "." + strings.Replace(strings.ToLower(strings.TrimSuffix(host, ".")), "*", "wildcard", 1))
}

// shorten keeps a name within the 253 characters of an object's name by replacing its end with a digest of the whole.
func shorten(name string) string {
	const most, mark = 253, 9
	if len(name) <= most {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	return strings.TrimRight(name[:most-mark], "-.") + "-" + hex.EncodeToString(sum[:])[:mark-1]
}

// acceptExternal refuses an external whose ServiceEntry or DestinationRule Istio would refuse.
func (b *builder) acceptExternal(x *policy.External) bool {
	before := len(b.findings)
	refuse := func(format string, args ...any) *diag.Diagnostic {
		return b.findings.Add(diag.Inexpressible, x.At, format, args...)
	}
	if !policy.IsLabel(x.Name) {
		refuse("%q is not a valid object name", x.Name).WithHelp(nameHelp)
	}
	if len(x.Hosts) == 0 {
		refuse("%s has no host", x.Name)
	}
	if len(x.Hosts) > 256 || len(x.Ports) > 256 {
		b.findings.Add(diag.ManifestLimit, x.At, "%s has more than 256 hosts or ports", x.Name).WithHelp("declare several externals")
	}
	originates := slices.ContainsFunc(x.Ports, func(p policy.ExternalPort) bool { return p.Originate })
	names := map[string]string{}
	for _, host := range x.Hosts {
		name := ruleName(x.Name, host)
		if why := refuseHost(host, b.Sidecars); why != "" {
			refuse("%s cannot have the host %s: %s", x.Name, host, why)
		} else if first, ok := names[name]; ok && originates {
			refuse("the hosts %s and %s of %s would share one DestinationRule", first, host, x.Name)
		}
		names[name] = host
	}
	numbers := map[uint16]bool{}
	for _, p := range x.Ports {
		switch {
		case p.Number == 0:
			refuse("0 is not a port")
		case numbers[p.Number]:
			refuse("%s has port %d twice", x.Name, p.Number)
		case p.Originate && !p.Protocol.IsHTTP():
			refuse("the sidecar can only open TLS on an HTTP port, not on %d of %s", p.Number, x.Name)
		case p.Protocol.IsHTTP() || p.Protocol == policy.TLS:
		case slices.ContainsFunc(x.Hosts, isWildcard): // the entry would capture calls of the port to every address
			refuse("port %d of %s does not say which host of its wildcard is meant", p.Number, x.Name).
				WithNote("only HTTP and TLS name the host that they want").
				WithHelp("declare an external for each host, or the port as `port %d tls`", p.Number)
		case len(x.Hosts) > 1:
			refuse("port %d of %s does not say which of its %d hosts is meant", p.Number, x.Name, len(x.Hosts)).
				WithNote("only HTTP and TLS name the host that they want").
				WithHelp("declare an external for each host")
		}
		numbers[p.Number] = true
	}
	for _, c := range x.Callers {
		if ns := homeOf(c); ns != "" && ns != x.Namespace {
			refuse("%s cannot call %s, which only %s sees", c, x.Name, x.Namespace)
		}
	}
	return len(b.findings) == before
}

// acceptOriginated refuses an external to which a sidecar would have to add TLS, where a caller has none.
func (b *builder) acceptOriginated(m *policy.Mesh, x *policy.External) bool {
	i := slices.IndexFunc(x.Ports, func(p policy.ExternalPort) bool { return p.Originate })
	if i < 0 {
		return true
	}
	tls := x.Ports[i].Number
	if tls == 80 {
		tls = 443
	}
	for _, c := range x.Callers {
		s := c.Service
		if s == nil {
			ambient := func(s *policy.Service) bool { return s.Dataplane == policy.Ambient }
			if k := slices.IndexFunc(m.Services, ambient); k >= 0 {
				s = m.Services[k]
			}
		}
		if s == nil || s.Dataplane != policy.Ambient {
			continue
		}
		b.findings.Add(diag.Inexpressible, x.At, "no proxy adds TLS to calls of %s to %s: it is ambient, and has no sidecar", s.ID(), x.Name).
			WithRelated(s.DataplaneAt, "%s", s.DataplaneWhy).
			WithHelp("have the application speak TLS, and declare the port as `port %d tls`", tls)
		return false
	}
	return true
}

// ownPorts refuses an external with a TCP port that another external of its namespace has. The ports so far are in tcp,
// to which it adds its own. All calls of such a port, to any address, have the same listener, and Istio gives it to one
// of the externals, since a TCP connection does not name its host. HTTP and TLS on the port can be distinguished
// (istio.io/istio/pilot/pkg/networking/core/listener.go: conflictsWith).
func (b *builder) ownPorts(x *policy.External, tcp map[uint16]*policy.External) bool {
	if len(x.Hosts) != 1 || isWildcard(x.Hosts[0]) {
		return true // refused elsewhere
	}
	before := len(b.findings)
	for _, p := range x.Ports {
		if p.Protocol.IsHTTP() || p.Protocol == policy.TLS {
			continue
		}
		other := tcp[p.Number]
		if other == nil {
			tcp[p.Number] = x
		} else if other != x && x.Hosts[0] != other.Hosts[0] {
			b.findings.Add(diag.Inexpressible, x.At, "%[2]s has the same TCP port %[1]d as %[3]s", p.Number, x.Name, other.Name).
				WithRelated(other.At, "the other one").
				WithNote("a TCP connection does not name its host, so within one namespace all of them would go to one of the two").
				WithHelp("declare one of them in another namespace or, if callers begin with TLS, both as `port %d tls`", p.Number)
		}
	}
	return len(b.findings) == before
}

// acceptHosts refuses two externals of one namespace with the same host: Istio merges some ports of two ServiceEntries
// for one host and drops others.
func (b *builder) acceptHosts(externals []*policy.External) {
	hosts := map[string]*policy.External{}
	for _, x := range externals {
		for _, h := range x.Hosts {
			if other := hosts[h]; other != nil {
				b.findings.Add(diag.DuplicateDeclaration, x.At, "%s and %s are one host, %s", x.Name, other.Name, h).
					WithRelated(other.At, "first declared here").
					WithHelp("declare it once, with all its ports")
				break
			}
			hosts[h] = x
		}
	}
}

// homeOf returns the namespace of a caller; empty if it has none.
func homeOf(c policy.Source) string {
	switch c.Kind {
	case policy.FromService:
		return c.Service.Namespace
	case policy.FromMesh:
		return c.Mesh
	}
	return ""
}
