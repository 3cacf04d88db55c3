package traffic

import (
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"github.com/meshc/meshc/compiler/policy"
)

// hubbleFlow is a flow as `hubble observe -o json` prints it.
// https://github.com/cilium/cilium/blob/main/api/v1/flow/flow.proto
type hubbleFlow struct {
	time, verdict, direction, reason string
	reply                            bool
	sourceIP, destinationIP          string
	source, destination              hubbleEnd
	from, port                       string // of TCP
	method, url                      string
	seventh                          bool // it is about a request
	open                             bool // it is about the beginning of a connection
}

type hubbleEnd struct{ namespace, pod, workload, account string }

func (h *hubbleFlow) read(s *scanner) {
	s.members(func(key string) {
		switch key {
		case "time":
			h.time = s.scalar()
		case "verdict":
			h.verdict = s.scalar()
		case "traffic_direction":
			h.direction = s.scalar()
		case "drop_reason_desc":
			h.reason = s.scalar()
		case "is_reply":
			h.reply = s.scalar() == "true"
		case "source":
			h.source.read(s)
		case "destination":
			h.destination.read(s)
		case "IP":
			h.within(s, map[string]*string{"source": &h.sourceIP, "destination": &h.destinationIP})
		case "l4":
			h.fourth(s)
		case "l7":
			h.request(s)
		default:
			s.skip()
		}
	})
}

func (h *hubbleFlow) within(s *scanner, of map[string]*string) {
	s.members(func(key string) {
		if f := of[key]; f != nil {
			*f = s.scalar()
		} else {
			s.skip()
		}
	})
}

func (h *hubbleFlow) fourth(s *scanner) {
	s.members(func(key string) {
		if key != "TCP" {
			s.skip()
			return
		}
		s.members(func(key string) {
			switch key {
			case "source_port":
				h.from = s.scalar()
			case "destination_port":
				h.port = s.scalar()
			case "flags":
				var syn, ack string
				h.within(s, map[string]*string{"SYN": &syn, "ACK": &ack})
				h.open = syn == "true" && ack != "true"
			default:
				s.skip()
			}
		})
	})
}

func (h *hubbleFlow) request(s *scanner) {
	h.seventh = true
	s.members(func(key string) {
		if key != "http" {
			s.skip()
			return
		}
		h.within(s, map[string]*string{"method": &h.method, "url": &h.url})
	})
}

func (e *hubbleEnd) read(s *scanner) {
	s.members(func(key string) {
		switch key {
		case "namespace":
			e.namespace = s.scalar()
		case "pod_name":
			e.pod = s.scalar()
		case "workloads":
			s.elements(func() {
				s.members(func(key string) {
					if key == "name" && e.workload == "" {
						e.workload = s.scalar()
					} else {
						s.skip()
					}
				})
			})
		case "labels":
			s.elements(func() {
				if account, ok := strings.CutPrefix(s.scalar(), "k8s:io.cilium.k8s.policy.serviceaccount="); ok {
					e.account = account
				}
			})
		default:
			s.skip()
		}
	})
}

func (e *hubbleEnd) peer(ip string) Peer {
	p := Peer{Namespace: e.namespace, Pod: e.pod, Workload: e.workload}
	if a, err := netip.ParseAddr(ip); err == nil {
		p.Address = a.Unmap()
	}
	if policy.IsLabel(e.namespace) && policy.IsName(e.account) {
		p.Account = e.account
	}
	return p
}

// call makes a call of a flow: of the beginning of a connection, or of a request. What Hubble sees of a tunnel of
// ztunnel is not what is called in it.
func (h *hubbleFlow) call() (c Call, ok bool) {
	if h.verdict == "" || h.time == "" {
		return c, false
	}
	c = Call{At: stamp(h.time), From: h.source.peer(h.sourceIP), To: h.destination.peer(h.destinationIP)}
	port, err := strconv.ParseUint(h.port, 10, 16)
	if h.reply || err != nil || port == tunnelPort || !h.open && h.method == "" && h.verdict != "DROPPED" {
		c.Outcome = Aside
		return c, true
	}
	c.Port = uint16(port)
	if h.method != "" {
		c.Method, c.HTTP = h.method, true
		if u, err := url.Parse(h.url); err == nil {
			c.Path = u.EscapedPath()
		}
	}
	if h.from != "" && h.verdict != "DROPPED" {
		c.connection = h.sourceIP + " " + h.from + " " + h.destinationIP + " " + h.port
	}
	switch h.verdict {
	case "DROPPED":
		c.Outcome, c.Detail = Failed, "dropped by Cilium: "+h.reason
	case "FORWARDED", "REDIRECTED", "TRACED", "TRANSLATED", "AUDIT":
	default:
		c.Outcome, c.Detail = Failed, "Cilium says "+h.verdict
	}
	return c, true
}
