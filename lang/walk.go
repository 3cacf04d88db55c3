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
		walkNames(visit, &n.Name, &n.Mode)
	case *Service:
		walkNames(visit, &n.Name)
		walkAll(n.Accounts, visit)
		walkAll(n.Labels, visit)
		walkAll(n.Ports, visit)
		walkNames(visit, &n.Outside)
		walkAll(n.Addresses, visit)
	case *External:
		walkNames(visit, &n.Name)
		walkAll(n.Hosts, visit)
		walkAll(n.Ports, visit)
	case *Group:
		walkNames(visit, &n.Name)
		walkAll(n.Members, visit)
	case *Edge:
		walkHops(n.Hops, visit)
	case *Deny:
		walkHops(n.Hops, visit)
	case *Guard:
		walkHops(n.Hops, visit)
		walkAll(n.Except, visit)
	case *Export:
		walkAll(n.What, visit)
		walkAll(n.To, visit)
		walkAll(n.Ops, visit)
	case *MTLS:
		walkAll(n.Targets, visit)
		walkNames(visit, &n.Mode)
	case *Target:
		walkNames(visit, &n.Namespace, &n.Name, &n.Port)
		walkAll(n.Ops, visit)
	case *Ref:
		walkNames(visit, &n.Namespace, &n.Name)
	case *Operation:
		walkAll(n.Methods, visit)
		walkNames(visit, &n.Path)
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

func walkHops(hops [][]Target, visit func(Node) bool) {
	for _, h := range hops {
		walkAll(h, visit)
	}
}
