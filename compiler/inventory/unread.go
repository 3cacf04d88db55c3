package inventory

import (
	"cmp"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/meshc/meshc/compiler/bearing"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/compiler/yamldoc"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// Machine is a WorkloadEntry. Whether a proxy runs on the machine is not known.
type Machine struct {
	Namespace, Name string
	Account         string // serviceAccount; empty if it names none
	Labels          map[string]string
	At              source.Span // metadata.name
}

// Unread is what objects of kinds that are not read show of the pods that their controllers create.
type Unread struct{ objects, accounts map[[2]string]bool } // by namespace and name

// Makes reports whether such an object may create the pods of a service: it names its account, or the service or the
// account is called like it, as in orders-kafka for the pods of orders.
func (u *Unread) Makes(namespace, name, account string) bool {
	if u.RunsAs(namespace, account) {
		return true
	}
	for o := range u.objects {
		if o[0] == namespace && (name == o[1] || strings.HasPrefix(name, o[1]+"-") || strings.HasPrefix(account, o[1]+"-")) {
			return true
		}
	}
	return false
}

// RunsAs reports whether such an object names an account.
func (u *Unread) RunsAs(namespace, account string) bool {
	return u.accounts[[2]string{namespace, account}]
}

// unread gathers what matters of an object of a kind that is not read.
func (f *file) unread(n *yaml.Node, group, kind string) {
	namespace := cmp.Or(yamldoc.Scalar(n, "metadata", "namespace"), f.Namespace, "default")
	name := yamldoc.Get(n, "metadata", "name")
	shown := shown{accounts: map[string]bool{}}
	f.shownIn(n, &shown)
	creates := bearing.Creates(group + "/" + kind)
	if shown.pods && !creates && !strings.HasSuffix(group, "kyverno.io") { // whose policies have patterns for templates
		f.findings.Add(diag.UnreadPods, f.doc.Span(yamldoc.Get(n, "kind")), "a %s of %s creates pods, and is not a kind that meshc reads", kind, group).
			WithHelp("declare the service: `service NAME account ACCOUNT`, or add the manifests of the workloads that it creates")
		creates = true
	}
	f.keep("", "", "", source.Span{}, func(r *reader) {
		if creates {
			r.unread.objects[[2]string{namespace, yamldoc.Scalar(name)}] = true
		}
		for account := range shown.accounts {
			r.unread.accounts[[2]string{namespace, account}] = true
		}
	})
	if kind == "WorkloadEntry" && group == istioGroup && policy.IsLabel(namespace) && policy.IsName(yamldoc.Scalar(name)) {
		m := &Machine{Namespace: namespace, Name: name.Value, Account: yamldoc.Scalar(n, "spec", "serviceAccount"), Labels: map[string]string{}, At: f.doc.Span(name)}
		labels := yamldoc.Get(n, "spec", "labels")
		for i := 0; labels != nil && labels.Kind == yaml.MappingNode && i+1 < len(labels.Content); i += 2 {
			m.Labels[labels.Content[i].Value] = yamldoc.Scalar(labels.Content[i+1])
		}
		f.keep("", "", "", m.At, func(r *reader) { r.machines = append(r.machines, m) })
	}
}

// shown is what an object of a kind that is not read shows of the pods that its controller creates.
type shown struct {
	accounts map[string]bool // the values of all fields that name one, such as serviceAccountName of a template for pods
	pods     bool            // there is such a template, wherever its kind has it: `template`, `podTemplate`, `workerTemplate`
}

func (f *file) shownIn(n *yaml.Node, s *shown) {
	if n = yamldoc.Resolve(n); !f.spend(n, 1) {
		return
	}
	for i, inner := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 {
			value := n.Content[i+1]
			switch key := inner.Value; {
			case key == "serviceAccountName" || key == "serviceAccount":
				s.accounts[yamldoc.Scalar(value)] = true
			case strings.HasSuffix(key, "emplate"):
				containers := yamldoc.Get(value, "spec", "containers")
				s.pods = s.pods || containers != nil && containers.Kind == yaml.SequenceNode
			}
			continue
		}
		if inner.Kind != yaml.ScalarNode {
			f.shownIn(inner, s)
		}
	}
}
