package lang

// Walk calls visit for a node and, if visit returns true, for each node inside it. Parents come before their children,
// children in the order of their fields. Absent names are skipped.
func Walk(n Node, visit func(Node) bool) {
	if name, ok := n.(*Name); ok && !name.Present() || !visit(n) {
		return
	}
	switch n := n.(type) {
	case *File:
		for _, s := range n.Stmts {
			Walk(s, visit)
		}
	case *Mesh:
		walkNames(visit, &n.Name, &n.Mode, &n.Default)
	case *Service:
		walkNames(visit, &n.Name)
		walkAll(n.Accounts, visit)
		walkAll(n.Was, visit)
		walkAll(n.Labels, visit)
		walkAll(n.Ports, visit)
		walkNames(visit, &n.Outside, &n.Gateway)
		walkAll(n.Addresses, visit)
	case *External:
		walkNames(visit, &n.Name)
		walkAll(n.Hosts, visit)
		walkAll(n.Ports, visit)
	case *Group:
		walkNames(visit, &n.Name)
		walkAll(n.Members, visit)
	case *Edge:
		walkAll(n.Hops, visit)
	case *Deny:
		walkAll(n.Hops, visit)
	case *Ask:
		walkNames(visit, &n.Provider)
		walkAll(n.Hops, visit)
	case *Guard:
		walkAll(n.Hops, visit)
	case *Export:
		walkAll(n.What, visit)
		walkAll(n.To, visit)
		walkRequests(&n.Requests, visit)
	case *Issuer:
		walkNames(visit, &n.Name)
		walkAll(n.URLs, visit)
		walkAll(n.Keys, visit)
		walkAll(n.Audiences, visit)
		walkAll(n.From, visit)
		walkNames(visit, &n.Forward)
		walkAll(n.Passed, visit)
	case *Verify:
		walkAll(n.Issuers, visit)
		walkAll(n.Targets, visit)
	case *MTLS:
		walkAll(n.Targets, visit)
		walkNames(visit, &n.Mode)
	case *Hop:
		walkAll(n.Targets, visit)
		walkAll(n.Except, visit)
	case *Target:
		walkNames(visit, &n.Namespace, &n.Name, &n.Port)
		walkRequests(&n.Requests, visit)
	case *Ref:
		walkNames(visit, &n.Namespace, &n.Name)
	case *Operation:
		walkAll(n.Methods, visit)
		walkNames(visit, &n.Path)
	case *Exception:
		if n.Port.Present() {
			walkNames(visit, &n.Port)
		} else {
			Walk(&n.Op, visit)
		}
	case *Condition:
		walkNames(visit, &n.Name)
		walkAll(n.Values, visit)
	case *Credential:
		walkNames(visit, &n.None)
		walkAll(n.Issuers, visit)
		walkAll(n.Claims, visit)
	case *Carrier:
		walkNames(visit, &n.Header, &n.Prefix, &n.Query, &n.Cookie)
	case *Passed:
		walkNames(visit, &n.Claim, &n.Payload, &n.Header)
	case *Label:
		walkNames(visit, &n.Key, &n.Value)
	case *Port:
		walkNames(visit, &n.Number, &n.Protocol, &n.TLS)
	}
	if s, ok := n.(Stmt); ok {
		if t := TailOf(s); t != nil {
			walkNames(visit, &t.Until, &t.Because)
		}
	}
}

func walkNames(visit func(Node) bool, names ...*Name) {
	for _, n := range names {
		Walk(n, visit)
	}
}

func walkAll[T any, P interface {
	*T
	Node
}](nodes []T, visit func(Node) bool) {
	for i := range nodes {
		Walk(P(&nodes[i]), visit)
	}
}

func walkRequests(r *Requests, visit func(Node) bool) {
	if r.More != nil {
		walkAll(r.More.Hosts, visit)
	}
	walkAll(r.Ops, visit)
	if r.More != nil {
		walkAll(r.More.Except, visit)
		walkAll(r.More.Headers, visit)
		walkAll(r.More.With, visit)
	}
}
