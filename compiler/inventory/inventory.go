// Package inventory reads workload manifests: the accounts, pods, ports and namespaces of a project, each with its
// span.
//
// It knows Kubernetes' own objects, and which of their labels and annotations decide whether Istio gives a pod a
// proxy. It does not know the language or the policy, and opens no files. Objects are decoded as an API server would
// decode them. Kinds that do not affect a mesh are skipped, and so are Helm templates.
package inventory

import (
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/source"
)

// Set is everything that the manifests of a project declare. Slices are sorted by namespace, then name.
type Set struct {
	Workloads   []*Workload
	Accounts    []*Account
	Namespaces  []*Namespace
	Machines    []*Machine
	MeshConfigs []*MeshConfig // in the order of the inputs
	Gateways    []*Gateway
	Routes      []*Route
	Webhooks    []*Webhook // what the API server calls
	Beside      []*Beside  // in the order of the inputs
	Astray      bool       // some gateway passes on to what is not known: another may be missing in Routes
	Elsewhere   bool       // some gateway passes on to a host that is not of a Service, which a ServiceEntry may have stand for pods
	Unread      Unread
	Template    source.Span // the first that was skipped; zero where none was

	Kustomization source.Span // the first that uses other manifests; zero where none does

	aliases map[string]*Alias // by NAMESPACE/NAME
}

// Workload is a Deployment, StatefulSet, DaemonSet, ReplicaSet, Job, CronJob or Pod.
type Workload struct {
	Namespace string
	Unplaced  bool // no namespace is stated, and `default` is assumed
	Kind      string
	Object    string            // metadata.name
	Service   string            // what the language calls it: label app, else app.kubernetes.io/name, else the object's name
	Account   string            // serviceAccountName; "default" where it names none
	Labels    map[string]string // of the pods
	Ports     []Port            // container ports, sorted by number
	Hosts     []string          // names of the Services in front of it, sorted
	Fronts    []policy.Front    // their ports, sorted
	NoProxy   string            // why it has no proxy, in words (`hostNetwork`, `namespace shop has no injection label`); empty if it has one or that is not known
	NoProxyAt source.Span
	Solver    bool // cert-manager makes its pods, for challenges of ACME servers
	OnNode    bool // its pods have the addresses of their nodes
	Assumed   bool // NoProxy follows from no more than a Namespace without a label, which may have one in the cluster
	Dataplane Dataplane
	Bound     bool   // it would be judged behind a waypoint if it were in ambient mode
	Proxy     string // what shows that it has one, in words; empty if it has none or that is not known
	ProxyAt   source.Span
	OwnProxy  bool // its own manifest says so
	KeptOut   bool // its own manifest keeps it out of ambient mode
	Scrape    *Scrape
	Early     []Early            // init containers that may start before the proxy
	Probes    []Probe            // of the kubelet, those that reach the pod in plaintext
	Inbound   policy.Captures    // which ports are reached through the proxy, if there is one
	Bypass    policy.PortCapture // of all inbound connections, in ambient mode
	Outbound  policy.Captures    // which ports, as the workload dials them, it reaches through its proxy
	Exposed   []Exposure         // ports that can be called from outside the cluster, sorted by port
	Clients   policy.Clients     // where it has the addresses of callers outside the cluster, if it is a gateway
	At        source.Span        // metadata.name
	NameAt    source.Span        // the value of the label that gives it the name Service, else At
	AccountAt source.Span        // serviceAccountName, else At
	LabelsAt  source.Span        // the pod template's labels, else At

	NamespaceAt source.Span // metadata.namespace; zero where it has none
}

// OwnSidecar reports whether a workload has a sidecar by its own manifest, whatever its namespace says.
func (w *Workload) OwnSidecar() bool { return w.OwnProxy && w.Dataplane.Dataplane == policy.Sidecar }

// Bare reports whether the manifests show that a workload has no proxy.
func (w *Workload) Bare() bool { return w.NoProxy != "" && !w.Assumed }

// Port is a container port, with what the Services in front of it say about it.
type Port struct {
	Number       uint16
	Name         string
	Protocol     policy.Protocol // from a Service's appProtocol or port name; else ProtocolUnset
	ServicePorts []uint16        // ports of Services that lead here, sorted
	UDP          bool            // or SCTP: a proxy never sees it
	At           source.Span     // containerPort, or the Service's targetPort or port where no container lists it
}

// Exposure is a container port with an address outside the cluster.
type Exposure struct {
	Port    uint16
	By      string // what gives it, in words: `the NodePort Service api`
	Clients policy.Clients
	At      source.Span
}

// Scrape is the prometheus.io annotations of a pod.
type Scrape struct {
	// Merged is set unless the pod opts out, or the settings of the mesh do: the agent of the sidecar then serves the
	// metrics, on a port of its own that takes plaintext from everyone
	// (https://istio.io/latest/docs/ops/integrations/prometheus/#option-1-metrics-merging).
	Merged bool
	Port   uint16 // 0 where it names none
	Path   string
	At     source.Span
}

// Scraped reports whether Prometheus reaches a workload through its sidecar. It does not if the agent of the sidecar
// merges the metrics into its own, or if it scrapes a port that bypasses the sidecar.
func (w *Workload) Scraped() bool {
	return w.Scrape != nil && !w.Scrape.Merged && w.Inbound.Of(w.Scrape.Port).Capture == policy.Captured
}

// Probe is an HTTP or gRPC probe of a container that the injector must not rewrite: it comes directly from the kubelet,
// which has no identity, rather than through the sidecar's agent.
// https://istio.io/latest/docs/ops/configuration/mesh/app-health-check/
type Probe struct {
	What      string // probe, postStart hook or preStop hook
	Container string
	Method    string
	Path      string
	Port      uint16      // 0 where it names a port that the pod does not have
	At        source.Span // the annotation sidecar.istio.io/rewriteAppHTTPProbers
}

// Account is a ServiceAccount object.
type Account struct {
	Namespace, Name string
	At              source.Span
	NamespaceAt     source.Span // metadata.namespace; zero where it has none
}

// Namespace is a Namespace object.
type Namespace struct {
	Name       string
	Injected   bool             // istio-injection=enabled, a revision label, or ambient mode
	Unlabelled bool             // no label says whether its pods get a proxy; one may have been set in the cluster alone
	Ambient    bool             // its pods are, unless they ask for a sidecar or for nothing
	Redirected bool             // it has the label of ambient mode: pods without a sidecar are in it, even where others have one
	Waypoint   *policy.Waypoint // of its Services that say nothing; nil: none
	Canary     *policy.Waypoint // that a share of the calls to these passes in its place; nil: none
	Binding    []policy.Label   // its labels that say which waypoints these are
	At         source.Span
}
