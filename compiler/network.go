package compiler

import (
	"slices"
	"strconv"

	"github.com/meshc/meshc/compiler/analysis/audit"
	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/network"
	"github.com/meshc/meshc/compiler/inventory"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
	"github.com/meshc/meshc/targets"
	cilium "github.com/meshc/meshc/targets/cilium/read"
	"github.com/meshc/meshc/targets/networkpolicy/read"
)

// foreignNetwork is what the manifests of workloads have the network let through.
func foreignNetwork(inputs []inventory.Input) (*network.Layer, diag.List) {
	byNamespace := map[string][]*source.File{}
	var namespaces []string
	for _, in := range inputs {
		if byNamespace[in.Namespace] == nil {
			namespaces = append(namespaces, in.Namespace)
		}
		byNamespace[in.Namespace] = append(byNamespace[in.Namespace], in.File)
	}
	slices.Sort(namespaces)
	var layers []*network.Layer
	var found diag.List
	for _, namespace := range namespaces {
		layer, wrong := read.Files(byNamespace[namespace], namespace)
		layers, found = append(layers, layer), append(found, wrong...)
	}
	return network.Join(layers...), found
}

// network returns the network of a project with what its targets emit, and the findings about what is in force beside
// these. The network is nil where nothing is known of it.
func (p *Parsed) network(intents func() *network.Intents, emitted ...*network.Layer) (*network.Network, diag.List) {
	foreign, found := foreignNetwork(p.Workloads)
	if Meshless(p.Config) {
		found, foreign = addsToCilium(foreign), network.NewLayer(nil, nil)
	}
	all := network.Join(append(emitted, foreign)...)
	if len(all.Policies) == 0 {
		return nil, found
	}
	n := intents().Under(all)
	if len(foreign.Policies) > 0 {
		found = append(found, refusedEdges(n)...)
		found = append(found, keptApart(n)...)
	}
	return n, found
}

// networkOf is network for what some targets emit of a policy.
func (p *Parsed) networkOf(checked *policy.Policy, all []targets.Target) (*network.Network, diag.List) {
	var emitted []*network.Layer
	for _, target := range all {
		var read networkReader
		switch target := target.(type) {
		case targets.Network:
			read = target.Read
		case targets.Meshless:
			read = target.ReadNetwork
		default:
			continue
		}
		manifests, _ := target.Emit(checked)
		layer, _ := read(Sources(manifests))
		emitted = append(emitted, layer)
	}
	return p.network(func() *network.Intents { return network.NewIntents(checked) }, emitted...)
}

// Emits reports whether a policy of the network is one of the build itself.
func (b *Build) Emits(p *network.Policy) bool {
	return slices.ContainsFunc(b.Manifests, func(m targets.Manifest) bool {
		return m.Kind == p.Kind && m.Namespace == p.Namespace && m.Name == p.Name
	})
}

// deployedNetwork is what manifests that no build made, and those of workloads, have the network let through; nil where
// they say nothing of it.
func deployedNetwork(p *policy.Policy, files []*source.File, workloads []inventory.Input) (*network.Network, diag.List) {
	foreign, found := foreignNetwork(workloads)
	if p.Meshless {
		found, foreign = addsToCilium(foreign), network.NewLayer(nil, nil)
	}
	layer, wrong := readNetwork(files, p.Meshless)
	found = append(found, wrong...)
	if all := network.Join(foreign, layer); len(all.Policies) > 0 {
		n := network.NewIntents(p).Under(all)
		return n, append(found, keptApart(n)...)
	}
	return nil, found
}

// readNetwork reads what manifests have the network let through. Without a mesh that is whom pods may call: what comes
// into them is read as what proxies enforce is.
func readNetwork(files []*source.File, meshless bool) (*network.Layer, diag.List) {
	if meshless {
		return cilium.Egress(files)
	}
	return read.Files(files, "")
}

// refusedEdges reports edges that the network refuses, or may.
func refusedEdges(n *network.Network) (list diag.List) {
	for _, s := range n.Policy().Services() {
		for i := range s.Allow {
			r := &s.Allow[i]
			ports, others := r.Ports, []uint16(nil)
			if len(ports) == 0 {
				for _, p := range s.Ports {
					ports = append(ports, p.Number)
				}
				others = n.Others(s)
				ports = append(ports, others...)
			}
			for at, from := range r.From {
				refused, verdict, by := []uint16(nil), enforce.Allowed, network.Step{}
				for _, port := range ports {
					v, step := n.Reach(from, s, network.Port{Protocol: network.TCP, Number: port})
					if v == enforce.Allowed || step.Policy == nil {
						continue
					}
					if refused = append(refused, port); by.Policy == nil {
						verdict, by = v, step
					}
				}
				where := ""
				switch {
				case len(refused) == 0:
					continue
				case len(others) > 0 && len(refused) == len(ports):
					where = "every port"
				case slices.Contains(others, refused[0]):
					where = "some ports"
				default:
					where = "port " + strconv.Itoa(int(refused[0]))
				}
				refusedEdge(&list, r, at, s, where, verdict, by)
			}
		}
	}
	return list
}

func refusedEdge(list *diag.List, r *policy.Rule, n int, s *policy.Service, where string, v enforce.Verdict, step network.Step) {
	from, by := r.From[n], step.Policy
	if v == enforce.Undecided {
		list.Add(diag.SkippedObject, by.At, "whether the %s %s lets %s through to %s of %s is not judged", by.Kind, by.ID(), from, where, s.ID()).
			WithRelated(r.At, "this edge needs it")
		return
	}
	d := list.Add(diag.ShutByNetwork, r.SourceAt(n), "the network refuses %s at %s of %s: the %s %s does not let it through", from, where, s.ID(), by.Kind, by.ID()).
		WithRelated(by.At, "this one isolates its pods").
		WithHelp("let it through there, or have meshc emit NetworkPolicies, which add to it: `targets: {istio: {}, networkPolicy: {}}`")
	if step.Direction == network.Ingress && step.Port == tunnel {
		d.WithNote("calls between pods in ambient mode come through port %d, whatever their port is", tunnel)
	}
}

// keptApart reports services whose proxies the network keeps from the control plane, by what stops the first of them:
// without it a proxy does not start.
// https://istio.io/latest/docs/ops/deployment/application-requirements/#ports-used-by-istio
func keptApart(n *network.Network) (list diag.List) {
	if n.Policy().Meshless {
		return nil
	}
	stopped := map[*network.Policy][]*policy.Service{}
	var order []*network.Policy
	for _, s := range n.Policy().Services() {
		if s.Unnamed || s.Dataplane != policy.Sidecar && s.Dataplane != policy.Gateway || s.Namespace == n.Root() {
			continue
		}
		if v, step := n.Control(s); v == enforce.Denied && step.Policy != nil {
			if stopped[step.Policy] == nil {
				order = append(order, step.Policy)
			}
			stopped[step.Policy] = append(stopped[step.Policy], s)
		}
	}
	for _, by := range order {
		of := stopped[by]
		d := list.Add(diag.ShutControl, by.At, "the %s %s keeps the proxy of %s from istiod, without which it does not start", by.Kind, by.ID(), of[0].ID()).
			WithHelp("let it through there: to port 15012 of the pods with `app: istiod` in namespace %s", n.Root())
		if len(of) > 1 {
			d.WithNote("and %s: %d proxies in all", of[1].ID(), len(of))
		}
	}
	return list
}

// widerNetwork reports what a deployed network lets through and that of the build does not. What it refuses is reported
// edge by edge.
func (b *Build) widerNetwork(r *audit.Report, deployed *network.Network) {
	emits := func(m targets.Manifest) bool { return m.Kind == "NetworkPolicy" || m.Kind == "CiliumNetworkPolicy" }
	if deployed == nil || b.Model.Network == nil || !slices.ContainsFunc(b.Manifests, emits) {
		return
	}
	for _, c := range network.Compare(b.Policy, b.Model.Network.Layer, deployed.Layer) {
		if c.Opened {
			r.Add(diag.Error, audit.Interfering, source.Span{}, "the network lets through what the project's does not: %s", &c)
		}
	}
}

// addsToCilium reports NetworkPolicies, to which those of Cilium add: together they let through what any of them does.
func addsToCilium(l *network.Layer) (list diag.List) {
	for _, p := range l.Policies {
		list.Add(diag.Unevaluable, p.At, "the %s %s is not judged: it adds to what policies of Cilium let through", p.Kind, p.ID()).
			WithHelp("state in the intents what it lets through, and remove it")
	}
	return list
}
