package audit

import (
	"strings"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/model"
	"github.com/meshc/meshc/compiler/policy"
)

// UnknownAccount is an account that a policy names and whose identity nobody proves.
type UnknownAccount struct {
	Policy             *enforce.Object
	Namespace, Account string
	Bare               bool // workloads run as it, and have no proxy; else there are none
}

// UnknownAccounts is those of the namespaces that have workloads: of other namespaces nothing is known.
func UnknownAccounts(m *model.Model, workloads []*policy.Service) (unknown []UnknownAccount) {
	accounts, populated := map[string]bool{}, map[string]bool{} // accounts: whether a workload has a proxy
	for _, w := range workloads {
		populated[w.Namespace] = true
		id := w.Namespace + "/" + w.Account
		accounts[id] = accounts[id] || w.Proxied()
	}
	for _, p := range m.Manifests.Policies {
		all := p.Mentions()
		for _, principal := range all.Principals {
			if id, ok := policy.ParseIdentity(principal); ok && id.TrustDomain == m.Policy.TrustDomain {
				all.Accounts = append(all.Accounts, id.Namespace+"/"+id.Account)
			}
		}
		for _, a := range all.Accounts {
			if namespace, account, _ := strings.Cut(a, "/"); populated[namespace] && !accounts[a] {
				_, bare := accounts[a]
				unknown = append(unknown, UnknownAccount{p, namespace, account, bare})
			}
		}
	}
	return unknown
}
