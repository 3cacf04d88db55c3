package enforce

import (
	"slices"
	"strings"

	"github.com/meshc/meshc/lang/source"
)

// Origin is what the annotations of an object say of the intents that it was made from: all that is known of them where
// there are manifests only.
type Origin struct {
	Files   []string // of intents
	Because []string // the reasons that they give
}

// Other is an object that decides no request. Two of one ID ask for the same where their contents are equal, and the
// hosts of their sidecars.
type Other struct {
	Kind, Namespace, Name string
	Origin                Origin
	At                    source.Span
	Content               string    // all that it asks for in a canonical form, without what clusters and meshc add to it
	Spec                  string    // the part of Content that is its spec
	Sidecar               *Sidecar  // nil: it is of another kind
	External              *External // nil: it is of another kind
}

// ID is NAMESPACE/NAME, or NAME.
func (o *Other) ID() string { return strings.TrimPrefix(o.Namespace+"/"+o.Name, "/") }

// Addresses is HOST:PORT of what an external makes known, sorted; nil for other objects.
func (o *Other) Addresses() (all []string) {
	if o.External == nil {
		return nil
	}
	for _, host := range o.External.Hosts {
		for _, port := range o.External.Ports {
			all = append(all, host+":"+port)
		}
	}
	return once(all)
}

// Sidecar is which hosts the proxies of a workload know.
type Sidecar struct {
	Whole bool     // it is for every workload of its namespace
	Hosts []string // NAMESPACE/HOST
	Apart bool     // the content is without the hosts
}

// Knows reports whether a Sidecar in a namespace makes a host of another namespace known to its workload.
func (s *Sidecar) Knows(own, namespace, host string) bool {
	return slices.ContainsFunc(s.Hosts, func(text string) bool { return KnowsHost(text, own, namespace, host) })
}

// KnowsHost reports whether NAMESPACE/HOST, as a Sidecar in the namespace own has it, stands for a host of a namespace.
// https://istio.io/latest/docs/reference/config/networking/sidecar/#IstioEgressListener
func KnowsHost(text, own, namespace, host string) bool {
	where, what, ok := strings.Cut(text, "/")
	switch {
	case !ok, where == "." && namespace != own, where != "." && where != "*" && where != namespace:
		return false
	}
	suffix, wild := strings.CutPrefix(what, "*")
	return what == host || wild && strings.HasSuffix(host, suffix)
}

// External is a service outside the mesh that an object makes known.
type External struct {
	Hosts    []string
	Ports    []string
	ExportTo []string // namespaces, `.` and `*`; empty: all
}

// Visible reports whether an external of one namespace is known in another.
func (x *External) Visible(own, namespace string) bool {
	return len(x.ExportTo) == 0 || slices.Contains(x.ExportTo, "*") || slices.Contains(x.ExportTo, namespace) ||
		own == namespace && slices.Contains(x.ExportTo, ".")
}
