package accounts

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/meshc/meshc/compiler/inventory"
	"github.com/meshc/meshc/compiler/yamldoc"
	"github.com/meshc/meshc/lang/source"
)

// Objects is the step that moves pods. Accounts and Patches are documents of YAML; either may be empty.
type Objects struct {
	Accounts string   // the ServiceAccounts that are missing, and bindings that give them the rights of the earlier ones
	Patches  []string // of the workloads, for Kustomize
	Files    []Change // the same in the texts of the manifests; without those that come from a stream
}

// create plans the step that moves the pods. It returns the manifests after it; nil where not all of them could be
// changed.
func (p *planner) create() []inventory.Input {
	all := objects(p.of.Workloads)
	manifests := map[source.Span]*object{}
	declared := map[account]*object{}
	for i := range all {
		o := &all[i]
		manifests[o.at] = o
		if o.kind == "ServiceAccount" && o.version == "v1" {
			declared[account{o.namespace, o.name}] = o
		}
	}
	heirs := map[account][]*Move{} // of each earlier account
	var docs []*yaml.Node
	for _, m := range p.Moves {
		if !m.running(p.of.Inventory.Workloads) {
			continue
		}
		for _, from := range m.From {
			of := account{m.Service.Namespace, from}
			heirs[of] = append(heirs[of], m)
		}
		if declared[account{m.Service.Namespace, m.To}] == nil {
			docs = append(docs, serviceAccount(m, declared))
		}
		if len(m.Workloads) == 0 {
			p.note(m.Service.At, "no manifest has the pods of %s: set `serviceAccountName: %s` for them", m.Service.ID(), m.To)
		}
		for _, w := range m.Workloads {
			if o := manifests[w.At]; o != nil && o.name != "" {
				p.Create.Patches = append(p.Create.Patches, document(o.patch(m.To)))
			}
			p.replaced(w, manifests[w.At])
		}
	}
	docs = append(docs, bindings(all, heirs)...)
	for _, d := range docs {
		p.Create.Accounts += "---\n" + document(d)
	}
	p.Create.Accounts = strings.TrimPrefix(p.Create.Accounts, "---\n")
	p.belongings(all, declared, heirs)
	moved, changed, whole := p.move(all)
	p.Create.Files = changed
	if !whole {
		return nil
	}
	return append(moved, inventory.Input{File: source.NewFile("accounts.yaml", p.Create.Accounts)})
}

// replaced notes a workload whose pods do not move by a change of its manifest alone.
func (p *planner) replaced(w *inventory.Workload, o *object) {
	what := ""
	switch w.Kind {
	case "Job", "Pod":
		what = "cannot change its account: delete it, then apply it again"
	case "ReplicaSet", "ReplicationController":
		what = "keeps the pods that it has: delete them, so that it makes new ones"
	case "DaemonSet", "StatefulSet":
		if o != nil && yamldoc.Scalar(o.node, "spec", "updateStrategy", "type") == "OnDelete" {
			what = "replaces a pod only once it is deleted (updateStrategy OnDelete)"
		}
	}
	if what != "" {
		p.note(w.At, "%s %s/%s %s", w.Kind, w.Namespace, w.Object, what)
	}
}

// serviceAccount is the account that a service moves to. It has what the earlier ones say about pulling images and
// about tokens.
func serviceAccount(m *Move, declared map[account]*object) *yaml.Node {
	meta := mapping("name", text(m.To), "namespace", text(m.Service.Namespace))
	n := mapping("apiVersion", text("v1"), "kind", text("ServiceAccount"), "metadata", meta)
	annotations := mapping()
	for _, from := range m.From {
		old := declared[account{m.Service.Namespace, from}]
		if old == nil {
			continue
		}
		if given := yamldoc.Get(old.node, "metadata", "annotations"); given != nil && given.Kind == yaml.MappingNode {
			pairs, _ := yamldoc.Pairs(given)
			for _, a := range pairs {
				if whose(a.Key.Value) == anyone && yamldoc.Get(annotations, a.Key.Value) == nil {
					annotations.Content = append(annotations.Content, text(a.Key.Value), plain(a.Value))
				}
			}
		}
		for _, field := range []string{"automountServiceAccountToken", "imagePullSecrets"} {
			if value := yamldoc.Get(old.node, field); value != nil && yamldoc.Get(n, field) == nil {
				n.Content = append(n.Content, text(field), plain(value))
			}
		}
	}
	if len(annotations.Content) > 0 {
		meta.Content = append(meta.Content, text("annotations"), annotations)
	}
	return n
}

// owner says who made an annotation of a ServiceAccount.
type owner uint8

const (
	anyone owner = iota
	tool         // it is about the object, and not about what runs as the account
	cloud        // it gives the account an identity elsewhere, which knows it by name
)

// whose returns the owner of an annotation, by its key.
// https://docs.aws.amazon.com/eks/latest/userguide/iam-roles-for-service-accounts.html
// https://cloud.google.com/kubernetes-engine/docs/how-to/workload-identity
// https://azure.github.io/azure-workload-identity/docs/topics/service-account-labels-and-annotations.html
func whose(key string) owner {
	domain, _, _ := strings.Cut(key, "/")
	switch {
	case domain == "eks.amazonaws.com", domain == "iam.gke.io", domain == "azure.workload.identity", domain == "vault.hashicorp.com":
		return cloud
	case domain == "kubectl.kubernetes.io", domain == "meta.helm.sh", domain == "helm.sh", strings.HasSuffix(domain, "argoproj.io"), strings.HasSuffix(domain, "fluxcd.io"), strings.HasPrefix(domain, "config.k8s.io"), strings.HasPrefix(domain, "internal.config.kubernetes.io"):
		return tool
	}
	return anyone
}

const rbac = "rbac.authorization.k8s.io"

// bindings returns, for each binding of an earlier account, one that binds the new accounts to the same role, without
// those that have it already.
func bindings(all []object, heirs map[account][]*Move) (docs []*yaml.Node) {
	type right struct{ namespace, role string }
	rightOf := func(o *object) right {
		r := right{role: yamldoc.Scalar(o.node, "roleRef", "kind") + " " + yamldoc.Scalar(o.node, "roleRef", "name")}
		if o.kind == "RoleBinding" {
			r.namespace = o.namespace
		}
		return r
	}
	has := map[right]map[account]bool{}
	names := map[string]bool{}
	for i := range all {
		if o := &all[i]; o.binds() {
			r := rightOf(o)
			if has[r] == nil {
				has[r] = map[account]bool{}
			}
			for _, s := range o.subjects() {
				has[r][s] = true
			}
			names[o.id()] = true
		}
	}
	for i := range all {
		o := &all[i]
		if !o.binds() {
			continue
		}
		r := rightOf(o)
		list := &yaml.Node{Kind: yaml.SequenceNode}
		for _, s := range o.subjects() {
			for _, m := range heirs[s] {
				if to := (account{s.namespace, m.To}); !has[r][to] {
					has[r][to] = true
					list.Content = append(list.Content, mapping("kind", text("ServiceAccount"), "name", text(to.name), "namespace", text(to.namespace)))
				}
			}
		}
		if len(list.Content) == 0 {
			continue
		}
		own := *o
		for own.name += "-own-accounts"; names[own.id()]; own.name += "-2" {
		}
		names[own.id()] = true
		meta := mapping("name", text(own.name))
		if o.kind == "RoleBinding" {
			meta.Content = append(meta.Content, text("namespace"), text(o.namespace))
		}
		docs = append(docs, mapping("apiVersion", text(rbac+"/v1"), "kind", text(o.kind), "metadata", meta, "roleRef", plain(yamldoc.Get(o.node, "roleRef")), "subjects", list))
	}
	return docs
}

func (o *object) binds() bool {
	return o.group() == rbac && (o.kind == "RoleBinding" || o.kind == "ClusterRoleBinding") && o.name != "" && yamldoc.Get(o.node, "roleRef") != nil
}

// subjects returns the ServiceAccounts of a binding, also those that it names as users.
// https://kubernetes.io/docs/reference/access-authn-authz/rbac/#referring-to-subjects
func (o *object) subjects() (all []account) {
	for _, s := range yamldoc.Items(yamldoc.Get(o.node, "subjects")) {
		name := yamldoc.Scalar(s, "name")
		switch yamldoc.Scalar(s, "kind") {
		case "ServiceAccount":
			all = append(all, account{cmp.Or(yamldoc.Scalar(s, "namespace"), o.namespace), name})
		case "User":
			if of, ok := strings.CutPrefix(name, "system:serviceaccount:"); ok {
				namespace, name, _ := strings.Cut(of, ":")
				all = append(all, account{namespace, name})
			}
		}
	}
	return all
}

// belongings notes what an earlier account has that its heirs do not get by the manifests of the plan.
func (p *planner) belongings(all []object, declared map[account]*object, heirs map[account][]*Move) {
	accounts := slices.SortedFunc(maps.Keys(heirs), func(a, b account) int {
		return cmp.Or(cmp.Compare(a.namespace, b.namespace), cmp.Compare(a.name, b.name))
	})
	for _, of := range accounts {
		var names []string
		for _, m := range heirs[of] {
			names = append(names, m.To)
		}
		old := declared[of]
		if old == nil {
			p.note(source.Span{}, "ServiceAccount %s/%s is not among the manifests: compare what it has with the new ones (`kubectl get serviceaccount %s -n %s -o yaml`)", of.namespace, of.name, of.name, of.namespace)
		} else if given := yamldoc.Get(old.node, "metadata", "annotations"); given != nil && given.Kind == yaml.MappingNode {
			pairs, _ := yamldoc.Pairs(given)
			for _, a := range pairs {
				if whose(a.Key.Value) == cloud {
					p.note(old.doc.Span(a.Key), "%s has %s: %s, which the new accounts do not get: where that identity is, let it trust %s, then annotate those that need it",
						of.name, a.Key.Value, yamldoc.Scalar(a.Value), subjectNames(of.namespace, names))
				}
			}
		}
		user, spiffe := "system:serviceaccount:"+of.namespace+":"+of.name, "/ns/"+of.namespace+"/sa/"+of.name
		for i := range all {
			o := &all[i]
			switch {
			case o.binds():
			case o.kind == "Secret" && o.namespace == of.namespace && yamldoc.Scalar(o.node, "metadata", "annotations", "kubernetes.io/service-account.name") == of.name:
				p.note(o.at, "%s holds a token of %s: whoever uses it keeps its rights", o.id(), of.name)
			case mentions(o.node, user) || mentions(o.node, spiffe):
				p.note(o.at, "%s names %s: add the new accounts that it is to hold for", o.id(), of.name)
			}
		}
	}
	for _, f := range p.of.Accepted {
		for _, o := range objects([]inventory.Input{{File: f}}) {
			for _, of := range accounts {
				if mentions(o.node, "/ns/"+of.namespace+"/sa/"+of.name) {
					p.note(o.at, "%s, which meshc.yaml accepts, names %s: add the new accounts that it is to hold for", o.id(), of.name)
				}
			}
		}
	}
	if len(accounts) > 0 && !slices.ContainsFunc(all, func(o object) bool { return o.binds() }) {
		p.note(source.Span{}, "no RoleBinding is among the manifests: see whether the cluster has some for the earlier accounts (`kubectl get rolebinding,clusterrolebinding -A -o wide`)")
	}
}

func subjectNames(namespace string, accounts []string) string {
	var all []string
	for _, a := range accounts {
		all = append(all, "system:serviceaccount:"+namespace+":"+a)
	}
	return strings.Join(all, ", ")
}

// mentions reports whether some text of an object ends with a name, or has it between other words.
func mentions(n *yaml.Node, name string) bool {
	if n == nil || n.Kind == yaml.AliasNode {
		return false
	}
	for rest := n.Value; n.Kind == yaml.ScalarNode; {
		i := strings.Index(rest, name)
		if i < 0 {
			return false
		}
		rest = rest[i+len(name):]
		if rest == "" || !strings.ContainsAny(rest[:1], "abcdefghijklmnopqrstuvwxyz0123456789-.") {
			return true
		}
	}
	return slices.ContainsFunc(n.Content, func(c *yaml.Node) bool { return mentions(c, name) })
}

func (p *planner) note(at source.Span, format string, args ...any) {
	n := Note{fmt.Sprintf(format, args...), at}
	if !slices.Contains(p.Notes, n) {
		p.Notes = append(p.Notes, n)
	}
}

// mapping returns a mapping of keys and their values.
func mapping(pairs ...any) *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode}
	for i := 0; i < len(pairs); i += 2 {
		n.Content = append(n.Content, text(pairs[i].(string)), pairs[i+1].(*yaml.Node))
	}
	return n
}

func text(s string) *yaml.Node {
	n := &yaml.Node{}
	n.SetString(s)
	return n
}

// plain copies a node without comments, anchors and aliases.
func plain(n *yaml.Node) *yaml.Node { return new(copier).plain(n) }

// maxCopied bounds what aliases can make of a value.
const maxCopied = 10_000

type copier struct{ nodes int }

func (c *copier) plain(n *yaml.Node) *yaml.Node {
	n = yamldoc.Resolve(n)
	out := &yaml.Node{Kind: n.Kind, Tag: n.ShortTag(), Value: n.Value, Style: n.Style &^ (yaml.FlowStyle | yaml.TaggedStyle)}
	if c.nodes++; c.nodes > maxCopied {
		return text("")
	}
	content := n.Content
	if n.Kind == yaml.MappingNode {
		content = nil
		pairs, _ := yamldoc.Pairs(n)
		for _, p := range pairs {
			content = append(content, p.Key, p.Value)
		}
	}
	for _, child := range content {
		if c.nodes <= maxCopied {
			out.Content = append(out.Content, c.plain(child))
		}
	}
	return out
}

// document writes a node as a document.
func document(n *yaml.Node) string {
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	e.CompactSeqIndent()
	if err := e.Encode(n); err != nil {
		panic(err) // a tree that was built here
	}
	return b.String()
}
