package cilium

import (
	"cmp"
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
	"github.com/meshc/meshc/targets"
)

const (
	apiVersion  = "cilium.io/v2"
	clusterwide = "CiliumClusterwideNetworkPolicy"

	waveDeny        = 12
	waveAllow       = 20
	waveDefaultDeny = 30
)

// The labels by which Cilium knows pods. https://docs.cilium.io/en/v1.18/network/kubernetes/policy/
const (
	labelPrefix  = "k8s:"
	namespaceKey = labelPrefix + "io.kubernetes.pod.namespace"
	accountKey   = labelPrefix + "io.cilium.k8s.policy.serviceaccount"
)

// emission collects the objects of one policy.
type emission struct {
	*target
	*policy.Policy
	writer    *targets.Writer
	buffer    []byte
	guessed   map[*policy.Service]bool // callees of which a finding says that no label tells their pods from others
	manifests []targets.Manifest
	findings  diag.List
}

// object is an object before it is written.
type object struct {
	kind                 string // empty: CiliumNetworkPolicy
	namespace, name      string
	wave                 int
	why                  targets.Origin
	at                   source.Span
	subject              selector
	ingress, ingressDeny []targets.Fields
	egress               []targets.Fields
}

// add writes an object. Denies alone isolate nothing, so that what they are about may be open to others.
func (e *emission) add(o object) {
	if o.kind == "" {
		o.kind = "CiliumNetworkPolicy"
	}
	var spec targets.Fields
	if o.ingressDeny != nil {
		spec = append(spec, targets.Field{Key: "enableDefaultDeny", Value: targets.Fields{{Key: "ingress", Value: false}}})
	}
	if o.egress != nil {
		spec = append(spec, targets.Field{Key: "egress", Value: o.egress})
	}
	spec = append(spec, targets.Field{Key: "endpointSelector", Value: o.subject.fields()})
	if o.ingress != nil {
		spec = append(spec, targets.Field{Key: "ingress", Value: o.ingress})
	}
	if o.ingressDeny != nil {
		spec = append(spec, targets.Field{Key: "ingressDeny", Value: o.ingressDeny})
	}
	written := &targets.Object{
		APIVersion: apiVersion, Kind: o.kind, Namespace: o.namespace, Name: o.name,
		Labels:      targets.Managed,
		Annotations: o.why.Annotations(o.wave),
		Fields:      spec,
	}
	if e.buffer = e.writer.Append(e.buffer[:0], written); !written.Fits(len(e.buffer)) {
		e.findings.Add(diag.ManifestLimit, o.at, "the %s %s/%s is larger than a cluster takes", o.kind, o.namespace, o.name).
			WithHelp("%s", o.shorter())
		return
	}
	e.manifests = append(e.manifests, targets.Manifest{
		APIVersion: apiVersion, Kind: o.kind, Namespace: o.namespace, Name: o.name, Wave: o.wave, YAML: string(e.buffer),
	})
}

// shorter says how an object that is too large becomes smaller.
func (o *object) shorter() string {
	if o.egress != nil {
		return "name a whole namespace, or leave out `egress: true`"
	}
	return "let a whole namespace call it: `NAMESPACE/* -> " + strings.TrimSuffix(o.name, "-ingress") + "`"
}

// requirement is a condition on one label.
type requirement struct {
	key, operator string // In, NotIn or Exists
	values        []string
}

// selector is requirements that must all hold. The empty one selects every pod of its namespace.
type selector []requirement

func (s selector) compare(t selector) int {
	return slices.CompareFunc(s, t, func(a, b requirement) int {
		return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.operator, b.operator), slices.Compare(a.values, b.values))
	})
}

func (s selector) fields() targets.Fields {
	var labels targets.Fields
	var expressions []targets.Fields
	for _, r := range s {
		switch {
		case r.operator == "In" && len(r.values) == 1:
			labels = append(labels, targets.Field{Key: r.key, Value: r.values[0]})
		case len(r.values) > 0:
			expressions = append(expressions, targets.Fields{{Key: "key", Value: r.key}, {Key: "operator", Value: r.operator}, {Key: "values", Value: r.values}})
		default:
			expressions = append(expressions, targets.Fields{{Key: "key", Value: r.key}, {Key: "operator", Value: r.operator}})
		}
	}
	var all targets.Fields
	if len(expressions) > 0 {
		all = append(all, targets.Field{Key: "matchExpressions", Value: expressions})
	}
	if len(labels) > 0 {
		slices.SortFunc(labels, func(a, b targets.Field) int { return strings.Compare(a.Key, b.Key) })
		all = append(all, targets.Field{Key: "matchLabels", Value: labels})
	}
	return all
}
