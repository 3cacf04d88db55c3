package read

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/bearing"
	"github.com/meshc/meshc/compiler/yamldoc/plainyaml"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

const networking = "networking.istio.io"

// neighbour reads an object of networking.istio.io that changes who may call. Only the TLS of a DestinationRule is
// judged.
func (r *reader) neighbour(d *decoder, kindOf string, n int32) {
	meta, spec := d.at(n, "metadata"), d.at(n, "spec")
	o := &enforce.Destination{Namespace: cmp.Or(d.text(d.at(meta, "namespace")), "default"), Name: d.text(d.at(meta, "name")), At: d.span(d.child(n, "kind"))}
	if name := d.at(meta, "name"); name != 0 {
		o.At = d.span(name)
	}
	o.Created, _ = time.Parse(time.RFC3339, d.text(d.at(meta, "creationTimestamp")))
	ours := d.text(d.at(d.at(meta, "labels"), "app.kubernetes.io/managed-by")) == "meshc"
	switch {
	case kindOf == "DestinationRule":
		r.destination(d, o, n, spec)
	case kindOf == "Gateway":
		r.gateway(d, spec)
	case ours:
	case kindOf == "EnvoyFilter":
		r.unjudged(o.At, "the EnvoyFilter %s is not judged: it may change what proxies let through", o.ID())
	case kindOf == "Sidecar":
		r.unjudged(o.At, "the Sidecar %s is not judged: it may hide services from callers, and change what ports expect", o.ID())
	}
}

func (r *reader) unjudged(at source.Span, format string, args ...any) {
	r.findings.Add(diag.UnknownEffect, at, format, args...)
}

func (r *reader) destination(d *decoder, o *enforce.Destination, root, spec int32) {
	o.Host = d.text(d.at(spec, "host"))
	if !strings.Contains(o.Host, ".") && o.Host != "*" {
		o.Host += "." + o.Namespace + ".svc.cluster.local"
	}
	for c := d.Nodes[d.at(spec, "exportTo")].First; c != 0; c = d.Nodes[c].Next {
		o.ExportTo = append(o.ExportTo, d.text(c))
	}
	slices.Sort(o.ExportTo)
	o.ExportTo = slices.Compact(o.ExportTo)
	policy := d.at(spec, "trafficPolicy")
	o.Default = d.clientTLS(policy)
	if !o.Inside() {
		return
	}
	o.HasPolicy = policy != 0
	o.Dials = d.dialing(policy)
	for c := d.Nodes[d.at(policy, "portLevelSettings")].First; c != 0; c = d.Nodes[c].Next {
		port, _ := strconv.ParseUint(d.Nodes[d.at(d.at(c, "port"), "number")].Text, 10, 16)
		tls := d.clientTLS(c)
		o.PortTLS = append(o.PortTLS, enforce.PortTLS{Port: uint16(port), TLS: tls, Stated: tls != enforce.AutoTLS, Dialing: d.dialing(c)})
	}
	if revision := d.at(d.at(d.at(root, "metadata"), "labels"), bearing.Revision); revision != 0 {
		o.Revision = d.text(revision)
		if o.Sets() {
			r.revision(d, revision, "DestinationRule", o.ID())
		}
	}
	for c := d.Nodes[d.at(spec, "subsets")].First; c != 0; c = d.Nodes[c].Next {
		if d.setsTLS(d.at(c, "trafficPolicy")) {
			r.unjudged(o.At, "the DestinationRule %s sets the TLS of the subset %s, which is not judged", o.ID(), d.text(d.at(c, "name")))
		}
	}
	if selector := d.at(spec, "workloadSelector"); selector != 0 {
		o.Selective = true
		for c := d.Nodes[d.at(selector, "matchLabels")].First; c != 0; c = d.Nodes[c].Next {
			o.Selector = append(o.Selector, enforce.Label{Key: d.Nodes[c].Key, Value: d.text(c)})
		}
		slices.SortFunc(o.Selector, func(a, b enforce.Label) int { return cmp.Compare(a.Key, b.Key) })
	}
	r.destinations = append(r.destinations, o)
}

// dialing reads how callers connect that have a traffic policy, or one for a port. Sidecars fetch no secret for a rule
// without selector: buildUpstreamClusterTLSContext in pilot/pkg/networking/core/cluster_tls.go of istio/istio.
func (d *decoder) dialing(policy int32) enforce.Dialing {
	credential := d.text(d.at(d.at(policy, "tls"), "credentialName"))
	return enforce.Dialing{
		Passthrough: d.text(d.at(d.at(policy, "loadBalancer"), "simple")) == "PASSTHROUGH",
		Secret:      credential != "" && !strings.HasPrefix(credential, "configmap://"),
	}
}

// setsTLS reports whether the traffic policy of a subset changes what callers open, for all of its ports or for one.
func (d *decoder) setsTLS(policy int32) bool {
	changes := func(n int32) bool { return d.at(n, "tls") != 0 || d.dialing(n).Passthrough }
	for c := d.Nodes[d.at(policy, "portLevelSettings")].First; c != 0; c = d.Nodes[c].Next {
		if changes(c) {
			return true
		}
	}
	return changes(policy)
}

// clientTLS reads the TLS of a traffic policy, or of one for a port. TLS without a mode is DISABLE, the first value of
// ClientTLSSettings.TLSmode in istio.io/api/networking/v1alpha3/destination_rule.proto.
func (d *decoder) clientTLS(policy int32) enforce.ClientTLS {
	tls := d.at(policy, "tls")
	if tls == 0 || d.Nodes[tls].Kind == plainyaml.Null {
		return enforce.AutoTLS
	}
	written := d.at(tls, "mode")
	if written == 0 || d.Nodes[written].Kind == plainyaml.Null {
		return enforce.NoTLS
	}
	if mode := slices.Index(enforce.ClientModes[enforce.NoTLS:enforce.UnknownTLS], d.text(written)); mode >= 0 {
		return enforce.NoTLS + enforce.ClientTLS(mode)
	}
	return enforce.UnknownTLS
}

// at returns the value of a key of a mapping, 0 if there is none.
func (d *decoder) at(n int32, key string) int32 {
	if n == 0 {
		return 0
	}
	if c := d.child(n, key); c != n {
		return c
	}
	return 0
}

func (d *decoder) text(n int32) string {
	if n == 0 {
		return ""
	}
	return d.Nodes[n].Text
}
