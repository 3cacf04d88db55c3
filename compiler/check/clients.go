package check

import (
	"cmp"
	"maps"
	"slices"

	"github.com/meshc/meshc/compiler/inventory"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// clients settles where a gateway has the addresses of callers outside the mesh: as meshc.yaml says, or else its
// manifests.
func (c *checker) clients(s *service) {
	if s.Dataplane != policy.Gateway {
		return
	}
	for i, w := range s.workloads {
		if i > 0 && (!s.Clients.Reliable() || w.Clients.Address == s.Clients.Address) {
			continue
		}
		if s.Clients = w.Clients; i > 0 && w.Clients.Reliable() {
			s.Clients.Address = policy.AddressUnknown // they differ
		}
	}
	g := c.Config.Gateways[s.ID()]
	s.Clients = s.Clients.Stated(g.ClientAddress, g.At)
}

// gatewaySettings reports settings of what is no gateway, and those that proxies contradict.
func (c *checker) gatewaySettings() {
	for _, name := range slices.Sorted(maps.Keys(c.Config.Gateways)) {
		g := c.Config.Gateways[name]
		s := c.called(name)
		if s == nil || s.Dataplane != policy.Gateway {
			c.unknownGateway(name, g.At, s)
			continue
		}
		if g.ClientAddress == policy.AddressForwarded && !s.Clients.TrustsNone.IsZero() {
			c.list.Add(diag.UntrustedProxy, g.At, "%s trusts no forwarded address, so it sees the address of the proxy", s.Name).
				WithRelated(s.Clients.TrustsNone, "its settings trust no proxy").
				WithHelp("set `gatewayTopology: {numTrustedProxies: 1}`, or how many proxies are in front of it, in the annotation proxy.istio.io/config of its pods; " +
					"for the PROXY protocol `gatewayTopology: {proxyProtocol: {}}`")
		}
	}
}

// called returns the service that is called NAMESPACE/NAME; nil if there is none.
func (c *checker) called(id string) *service {
	for _, m := range c.meshes {
		for _, s := range m.services {
			if s.ID() == id {
				return s
			}
		}
	}
	return nil
}

func (c *checker) unknownGateway(name string, at source.Span, s *service) {
	if s != nil {
		c.list.Add(diag.UnknownGateway, at, "%s is not a gateway, so these settings have no effect", name).
			WithRelated(s.At, "declared here").
			WithHelp("delete the entry, or declare a gateway: `service %s gateway`", s.Name)
		return
	}
	var known []string
	for _, m := range c.meshes {
		for _, s := range m.services {
			if s.Dataplane == policy.Gateway {
				known = append(known, s.ID())
			}
		}
	}
	d := c.list.Add(diag.UnknownGateway, at, "there is no service %s, so these settings have no effect", name).
		WithHelp("correct the name, or delete the entry")
	if near, ok := diag.Nearest(name, known); ok {
		d.WithHelp("did you mean %s?", near)
	}
}

// byAddress reports callers of a gateway that only their addresses show, if it does not have the addresses of clients.
func (c *checker) byAddress(s *service, from []policy.Source, at []source.Span, everyPod bool) {
	for i, f := range from {
		if f.Kind != policy.FromService || f.Service.Proxied() || len(f.Service.Addresses) == 0 {
			continue
		}
		switch s.Clients.Address {
		case policy.AddressInPackets:
		case policy.AddressForwarded:
			if everyPod {
				c.list.Add(diag.HiddenClient, at[i], "the address of %s is forwarded to the gateway %s, where no policy for every pod looks", f.Service.Name, s.Name).
					WithRelated(s.Clients.At, "%s", cmp.Or(s.Clients.Why, "forwarded")).
					WithHelp("name the services instead of `pods`")
			}
		case policy.AddressOfNode, policy.AddressOfProxy:
			c.hidden(s, f.Service, at[i])
		default:
			c.list.Add(diag.HiddenClient, at[i], "only its address shows who %s is, and no manifest shows whose address the gateway %s sees", f.Service.Name, s.Name).
				WithRelated(s.At, "the gateway").
				WithNote("behind most Services it is that of a node, so a rule for addresses admits everyone or no one").
				WithHelp("add the gateway's Service to the manifests, with `externalTrafficPolicy: Local`; or write in meshc.yaml: `gateways: {%s: {clientAddress: packet}}` if packets have the client's address, or `forwarded` if a proxy reports it", s.ID())
		}
	}
}

func (c *checker) hidden(s *service, from *policy.Service, at source.Span) {
	d := c.list.Add(diag.HiddenClient, at, "only its address shows who %s is, and the gateway %s does not see the addresses of clients", from.Name, s.Name).
		WithRelated(s.Clients.At, "%s", s.Clients.Why).
		WithNote("a rule for addresses admits or rejects everyone who comes from that address")
	local := "set `externalTrafficPolicy: Local` in the Service; or "
	if s.Clients.Address == policy.AddressOfProxy {
		local = ""
	}
	d.WithHelp(local+"write in meshc.yaml: `gateways: {%s: {clientAddress: forwarded}}` if a proxy in front of it reports the client's address, or `packet` if packets have it anyway", s.ID())
}

// fromOutside reports callers of a service that only their addresses show, if it can be called from outside the cluster
// in a way that hides these.
func (c *checker) fromOutside(r *rule) {
	exposures := r.callee.exposures()
	if len(exposures) == 0 {
		return
	}
	for i, f := range slices.Concat(r.From, r.Except) {
		if f.Kind != policy.FromService || f.Service.Proxied() || len(f.Service.Addresses) == 0 {
			continue
		}
		at := slices.Concat(r.FromAt, r.exceptAt)[i]
		for _, e := range exposures {
			if !r.Leads(e.Port) || e.Clients.Reliable() {
				continue
			}
			d := c.list.Add(diag.HiddenClient, at, "only its address shows who %s is, and calls to %s from outside the cluster do not carry the addresses of clients", f.Service.Name, r.callee.Name).
				WithRelated(e.At, "%s", e.Clients.Why).
				WithNote("a rule for addresses admits or rejects everyone who comes from that address").
				WithHelp("set `externalTrafficPolicy: Local` in the Service, or expose only a gateway: `type: ClusterIP`")
			if e.Clients.Address == policy.AddressOfProxy {
				d.WithHelp("use a load balancer that keeps the addresses of clients, or expose only a gateway: `type: ClusterIP`")
			}
			break
		}
	}
}

// exposures is the ports of a service that can be called from outside the cluster.
func (s *service) exposures() (all []inventory.Exposure) {
	for _, w := range s.workloads {
		all = append(all, w.Exposed...)
	}
	return all
}

// exposed notes a port of a closed service that can be called from outside the cluster, where nobody is let in who
// calls from there.
func (c *checker) exposed(s *service) {
	if !s.Proxied() || s.Dataplane == policy.Gateway || c.policy.DryRun || !s.mesh.Closed && (s.mesh.Declares || s.mesh.Open) && len(s.allow) == 0 {
		return
	}
	outside := func(f policy.Source) bool {
		return f.Kind == policy.FromWorld || f.Kind == policy.FromService && !f.Service.Proxied()
	}
	for _, e := range s.exposures() {
		if s.Inbound.Of(e.Port).Capture != policy.Captured || slices.ContainsFunc(s.allow, func(r *rule) bool { return r.Leads(e.Port) && slices.ContainsFunc(r.From, outside) }) {
			continue
		}
		c.list.Add(diag.RefusedOutside, e.At, "%s exposes %s outside the cluster, and no edge admits callers from there", e.By, s.at(e.Port)).
			WithRelated(s.At, "the service").
			WithHelp("put a gateway in front and delete this; or state who may call from there: `world`, or a service with addresses that is declared as `outside`")
		return
	}
}
