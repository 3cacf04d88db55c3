// Package audit judges manifests as they are deployed: the mTLS of every edge, who is exposed, and what they do to the manifests of a project.
package audit

import (
	"maps"
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/analysis/model"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/policy"
)

// Pods is those of a service, by all the labels that they have.
type Pods struct {
	*policy.Service
	Labels []map[string]string
	Told   bool // manifests tell of them; else they have those of the service, and nobody knows which besides
}

// Supposed is an interference with pods that may be there for all that is known.
type Supposed struct {
	Interference
	Lacks []string // labels, as KEY=VALUE, that they need besides those of their service; empty where the pods are known
}

// Interferences holds manifests against those of the model, service by service. Where nothing tells which labels pods have
// besides those of their service, a policy that selects by more is taken to bind them, perhaps: supposed is such pods.
func InterferencesOf(m *model.Model, services []Pods, other *enforce.Layer) (found []Supposed, supposed []enforce.Workload, err error) {
	byNamespace := map[string][]*enforce.Object{}
	for _, p := range other.Policies {
		byNamespace[p.Namespace] = append(byNamespace[p.Namespace], p)
	}
	for _, s := range services {
		for _, labels := range s.Labels {
			list, err := Interferences(m, s.Service, labels, other)
			if err != nil {
				return nil, nil, err
			}
			for _, i := range list {
				found = append(found, Supposed{Interference: i})
			}
		}
		if s.Told {
			continue
		}
		for _, p := range slices.Concat(byNamespace[s.Namespace], byNamespace[m.Policy.RootNamespace]) {
			lacks := lacking(s.Service.Labels, p)
			if len(lacks) == 0 {
				continue
			}
			labels := p.Labels()
			for _, l := range s.Service.Labels {
				labels[l.Key] = l.Value
			}
			supposed = append(supposed, enforce.Workload{Namespace: s.Namespace, Labels: labels})
			list, err := Interferences(m, s.Service, labels, other)
			if err != nil {
				return nil, nil, err
			}
			for _, i := range list {
				if i.By == p {
					found = append(found, Supposed{i, lacks})
				}
			}
		}
	}
	return found, supposed, nil
}

// lacking is the labels that pods with these need besides for a policy to bind them. It is empty where it binds them
// without, where it cannot, and where it selects by nothing that they have and so means others.
func lacking(own []policy.Label, p *enforce.Object) (lacks []string) {
	selected := p.Labels()
	if p.Gateways {
		return nil
	}
	before := len(selected)
	for _, l := range own {
		if value, ok := selected[l.Key]; ok && value != l.Value {
			return nil
		}
		delete(selected, l.Key)
	}
	if len(selected) == before {
		return nil
	}
	for _, key := range slices.Sorted(maps.Keys(selected)) {
		lacks = append(lacks, key+"="+selected[key])
	}
	return lacks
}

// Idle is the policies in dry-run: they enforce nothing.
func Idle(m *model.Model) []*enforce.Object {
	return slices.DeleteFunc(slices.Clone(m.Manifests.Policies), func(p *enforce.Object) bool { return !p.DryRun })
}

// Stranger is an account that a policy names and that no workload runs as.
type Stranger struct {
	Policy  *enforce.Object
	Account string // NAMESPACE/ACCOUNT
}

// Strangers is those of the namespaces in which there are workloads.
func Strangers(m *model.Model, workloads []*policy.Service) (strangers []Stranger) {
	accounts, inhabited := map[string]bool{}, map[string]bool{}
	for _, w := range workloads {
		inhabited[w.Namespace] = true
		accounts[w.Namespace+"/"+w.Account] = true
	}
	for _, p := range m.Manifests.Policies {
		all := p.Mentions()
		for _, principal := range all.Principals {
			if id, ok := policy.ParseIdentity(principal); ok && id.TrustDomain == m.Policy.TrustDomain {
				all.Accounts = append(all.Accounts, id.Namespace+"/"+id.Account)
			}
		}
		for _, a := range all.Accounts {
			if namespace, _, _ := strings.Cut(a, "/"); inhabited[namespace] && !accounts[a] {
				strangers = append(strangers, Stranger{p, a})
			}
		}
	}
	return strangers
}

// Meant is the rule by which a service is open to callers that nothing names; nil where none says so.
func Meant(s *policy.Service, c model.Caller) *policy.Rule {
	for i := range s.Allow {
		if c.Other == "" && slices.ContainsFunc(s.Allow[i].From, func(f policy.Source) bool { return f.Kind >= c.Kind }) {
			return &s.Allow[i]
		}
	}
	return nil
}
