package read

import (
	"cmp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/compiler/policy"
)

// The labels that Cilium gives pods. https://docs.cilium.io/en/v1.18/network/kubernetes/policy/
const (
	namespaceKey    = "io.kubernetes.pod.namespace"
	namespaceLabels = "io.cilium.k8s.namespace.labels."
	accountKey      = "io.cilium.k8s.policy.serviceaccount"
	ciliumPrefix    = "io.cilium.k8s."
	reserved        = "reserved:"
)

// requirement is a condition on one label, whose key has no source in front unless it is reserved.
type requirement struct {
	key, operator string
	values        []string
}

var operators = []string{"In", "NotIn", "Exists", "DoesNotExist"}

// selector reads a label selector. Labels of a source other than Kubernetes are in no pod that is known, and have their
// source in front.
func (d *decoder) selector(n *yaml.Node) (all []requirement) {
	key := func(n *yaml.Node, written string) string {
		if written == "" {
			d.refuse(n, "a label has no name")
		}
		for _, source := range [...]string{"k8s:", "any:"} {
			if rest, ok := strings.CutPrefix(written, source); ok {
				return rest
			}
		}
		return written
	}
	d.fields(n, "a selector", func(field string, v *yaml.Node) bool {
		switch field {
		case "matchLabels":
			d.fields(v, field, func(label string, v *yaml.Node) bool {
				all = append(all, requirement{key(v, label), "In", []string{d.word(v)}})
				return true
			})
		case "matchExpressions":
			for _, item := range d.list(v) {
				var r requirement
				d.fields(item, "an expression", func(field string, v *yaml.Node) bool {
					switch field {
					case "key":
						r.key = key(v, d.word(v))
					case "operator":
						r.operator = d.word(v)
					case "values":
						r.values = d.words(v)
					default:
						return false
					}
					return true
				})
				if of := strings.HasSuffix(r.operator, "In"); r.key == "" || !slices.Contains(operators, r.operator) || of != (len(r.values) > 0) {
					d.refuse(item, "not an expression of a selector")
				}
				all = append(all, r)
			}
		default:
			return false
		}
		return true
	})
	return all
}

// subject reads which pods an object binds. Where that depends on more than the labels of pods with one value each, or
// on what Cilium alone knows of them, it may bind those that have these.
func (d *decoder) subject(n *yaml.Node, o *enforce.Object) {
	vague := false
	for _, r := range d.selector(n) {
		switch {
		case r.key == namespaceKey && o.Kind == namespaced: // that of the policy counts
		case r.key == namespaceKey && r.operator == "In" && len(r.values) == 1:
			o.Namespace = r.values[0]
		case r.key == namespaceKey && r.operator == "NotIn":
			o.Spares = append(o.Spares, r.values...)
		case r.key == namespaceKey && r.operator == "Exists":
		case r.operator == "In" && len(r.values) == 1 && !strings.HasPrefix(r.key, ciliumPrefix) && !strings.Contains(r.key, ":"):
			o.Selector = append(o.Selector, enforce.Label{Key: r.key, Value: r.values[0]})
		case strings.HasPrefix(r.key, reserved) && o.Kind == clusterwide: // no pod has such a label, but what Cilium runs itself
			o.Selector = append(o.Selector, enforce.Label{Key: r.key})
		default:
			vague = true
		}
	}
	slices.Sort(o.Spares)
	slices.SortFunc(o.Selector, func(a, b enforce.Label) int { return cmp.Compare(a.Key, b.Key) })
	if vague {
		o.Broken = true
		d.skip(n, "which pods it binds")
	}
}

// Conditions on callers.
var (
	anyone     = space.Is(space.Identity, space.Standard.Pattern(space.Identity, "*"))
	nobody     = space.Condition{Dimension: space.Identity, Not: anyone.Is} // callers without an identity
	perhaps    = space.Condition{Dimension: space.Hidden}
	everyone   = []space.Box{{}}
	unreadable = []space.Box{{perhaps}}
)

// pods reads which pods a selector of callers takes, as getEndpointSelector in pkg/k8s/apis/cilium.io/utils/utils.go
// does: without a namespace those of the policy's, and in a policy of the cluster those of any.
func (d *decoder) pods(n *yaml.Node) []space.Box {
	if n == nil || n.Kind != yaml.MappingNode {
		d.refuse(n, "a selector is not a mapping")
		return unreadable
	}
	var namespaces, notNamespaces, accounts, notAccounts []string
	placed, exists, vague := false, false, false
	for _, r := range d.selector(n) {
		switch {
		case strings.HasPrefix(r.key, reserved):
			return unreadable
		case r.key == namespaceKey:
			placed = true
			switch {
			case r.operator == "In" && namespaces == nil:
				namespaces = r.values
			case r.operator == "NotIn":
				notNamespaces = append(notNamespaces, r.values...)
			case r.operator == "Exists":
				exists = true
			default:
				vague = true
			}
		case r.key == accountKey && r.operator == "In" && accounts == nil:
			accounts = r.values
		case r.key == accountKey && r.operator == "NotIn":
			notAccounts = append(notAccounts, r.values...)
		case strings.HasPrefix(r.key, namespaceLabels):
			placed, exists, vague = true, true, true
		default:
			vague = true
		}
	}
	switch {
	case placed:
	case d.out.namespace == "":
		exists = true
	default:
		namespaces = []string{d.out.namespace}
	}
	c := space.Condition{Dimension: space.Identity}
	switch {
	case len(namespaces) == 0 && len(accounts)+len(notAccounts) > 0:
		vague = true
	case len(accounts) > 0:
		c.Is = d.principals(namespaces, accounts)
	}
	if len(c.Is) == 0 {
		for _, namespace := range namespaces {
			c.Is = append(c.Is, space.NamespacePattern(namespace))
		}
	}
	if len(c.Is) == 0 {
		c.Is = anyone.Is
	}
	for _, namespace := range notNamespaces {
		c.Not = append(c.Not, space.NamespacePattern(namespace))
	}
	if len(namespaces) > 0 {
		c.Not = append(c.Not, d.principals(namespaces, notAccounts)...)
	}
	boxes := []space.Box{{c}}
	if len(namespaces) == 0 && !exists { // what has no namespace is in none that is left out; without policy-default-local-cluster it counts
		boxes = append(boxes, space.Box{nobody, perhaps})
	}
	if vague {
		for i := range boxes {
			boxes[i] = append(boxes[i], perhaps)
		}
	}
	return boxes
}

func (d *decoder) principals(namespaces, accounts []string) (all []space.Pattern) {
	for _, domain := range d.domains {
		for _, namespace := range namespaces {
			for _, account := range accounts {
				all = append(all, space.PrincipalPattern(policy.Identity{TrustDomain: domain, Namespace: namespace, Account: account}.String()))
			}
		}
	}
	return all
}

// entities is what the names of entities stand for: EntitySelectorMapping in pkg/policy/api/entity.go. Who has no
// identity may be any of those that are not pods.
var entities = map[string][]space.Box{
	"all":            everyone,
	"cluster":        {{anyone}, {nobody, perhaps}},
	"none":           nil,
	"world":          {{nobody, perhaps}},
	"world-ipv4":     {{nobody, perhaps}},
	"world-ipv6":     {{nobody, perhaps}},
	"host":           {{nobody, perhaps}},
	"remote-node":    {{nobody, perhaps}},
	"kube-apiserver": {{nobody, perhaps}},
	"health":         {{nobody, perhaps}},
	"ingress":        {{nobody, perhaps}},
	"init":           {{perhaps}},
	"unmanaged":      {{perhaps}},
}
