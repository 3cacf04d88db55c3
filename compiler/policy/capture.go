package policy

import (
	"cmp"
	"slices"

	"github.com/meshc/meshc/lang/source"
)

// Capture is whether the connections to or from a port go through the proxy of a workload. What does not go through it
// has no identity, and no policy decides about it.
type Capture uint8

const (
	Captured Capture = iota
	Unclear          // some of them may not, or that cannot be judged
	Bypassed         // none of them do
)

func (c Capture) String() string { return [...]string{"captured", "unclear", "bypassed"}[c] }

// Captures is the capture of every TCP port in one direction. The zero value captures them all.
type Captures struct {
	Ports []PortCapture // sorted by number
	Rest  PortCapture   // of every other port
	Agent bool          // of connections to a workload whose proxy has an agent with ports of its own, which are not captured
}

// PortCapture is the capture of a port, and of a port that is not simply captured the reason.
type PortCapture struct {
	Number uint16
	Capture
	Own    bool        // the port is of the proxy and not of the workload: a statement without ports is not about it
	Unread bool        // of an annotation with a value that cannot be judged, of which there is a finding
	Why    string      // in words that follow "because", such as "excludeInboundPorts names it"
	At     source.Span // of what says so
}

// Of is the capture of a port.
func (c *Captures) Of(port uint16) PortCapture {
	if c.Agent && IsProxyPort(port) {
		own := PortCapture{Number: port, Capture: Bypassed, Own: true, Why: "it is a port of the proxy itself"}
		if port == tunnelPort {
			own.Capture, own.Why = Unclear, "it is the tunnel of the proxy, and policies are about what comes through it"
		}
		return own
	}
	if i, found := slices.BinarySearchFunc(c.Ports, port, byNumber); found {
		return c.Ports[i]
	}
	rest := c.Rest
	rest.Number = port
	return rest
}

func byNumber(p PortCapture, port uint16) int { return cmp.Compare(p.Number, port) }

// Complete reports whether every port of the workload is captured.
func (c *Captures) Complete() bool { return len(c.Ports) == 0 && c.Rest.Capture == Captured }

// Set sets the capture of one port.
func (c *Captures) Set(p PortCapture) {
	i, found := slices.BinarySearchFunc(c.Ports, p.Number, byNumber)
	if found {
		c.Ports[i] = p
	} else {
		c.Ports = slices.Insert(c.Ports, i, p)
	}
}

// Same reports whether two captures treat every port alike, whatever their reasons. Nil captures every port.
func (c *Captures) Same(other *Captures) bool {
	c, other = cmp.Or(c, &Captures{}), cmp.Or(other, &Captures{})
	if c.Rest.Capture != other.Rest.Capture {
		return false
	}
	for _, ports := range [][]PortCapture{c.Ports, other.Ports} {
		for _, p := range ports {
			if c.Of(p.Number).Capture != other.Of(p.Number).Capture {
				return false
			}
		}
	}
	return true
}

// JoinCaptures is the capture of a workload whose pods differ. A port is Unclear where it is not the same for all of
// them.
func JoinCaptures(all ...Captures) (joined Captures) {
	for i, c := range all {
		if i == 0 {
			joined = Captures{slices.Clone(c.Ports), c.Rest, c.Agent}
			continue
		}
		was := joined
		joined = Captures{Rest: join(was.Rest, c.Rest), Agent: was.Agent || c.Agent}
		for _, ports := range [][]PortCapture{was.Ports, c.Ports} {
			for _, p := range ports {
				joined.Set(join(was.Of(p.Number), c.Of(p.Number)))
			}
		}
	}
	return joined
}

func join(a, b PortCapture) PortCapture {
	switch {
	case a.Capture == b.Capture:
		return a
	case a.Capture == Captured:
		a, b = b, a
	}
	a.Capture = Unclear
	return a
}

// IsProxyPort reports whether a port belongs to the proxy and not to the workload: its tunnel, and what its agent
// serves for probes and metrics. Redirection leaves these out, so that no policy is enforced there.
// https://istio.io/latest/docs/ops/deployment/application-requirements/#ports-used-by-istio and
// https://github.com/istio/istio/blob/master/manifests/charts/istio-control/istio-discovery/files/injection-template.yaml
func IsProxyPort(port uint16) bool {
	switch port {
	case tunnelPort, 15020, 15021, 15090:
		return true
	}
	return false
}

const tunnelPort = 15008
