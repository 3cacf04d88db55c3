package format

import (
	"strings"

	"github.com/meshc/meshc/lang"
)

// Statement returns the text of a statement from its tree alone: all on one line, except that several operations in
// braces have a line each.
func Statement(s lang.Stmt) string {
	var text string
	switch s := s.(type) {
	case *lang.Mesh:
		text = words("mesh", s.Name, s.Mode)
	case *lang.Service, *lang.External:
		return padded(cells(s), nil, false)
	case *lang.Group:
		text = words("group", s.Name) + " = " + list(s.Members, ref)
	case *lang.Edge:
		text = hops(s.Hops, " -> ")
	case *lang.Deny:
		text = "deny " + hops(s.Hops, " -> ")
	case *lang.Export:
		text = "export " + list(s.What, target) + " to " + list(s.To, ref)
		if len(s.Ops) > 0 {
			text += " " + list(s.Ops, operation)
		}
	case *lang.MTLS:
		text = words("mtls "+list(s.Targets, target), s.Mode)
	case *lang.Guard:
		arrow := " -> "
		if s.Transitive {
			arrow = " ->> "
		}
		text = s.Kind.String() + " " + hops(s.Hops, arrow)
		if len(s.Except) > 0 {
			text += " except " + list(s.Except, ref)
		}
	}
	if t := lang.TailOf(s); t != nil {
		if t.Until.Present() {
			text += " until " + t.Until.Written()
		}
		if t.Because.Present() {
			text += " because " + t.Because.Written()
		}
	}
	return text
}

// words appends the names that are present to a text.
func words(text string, names ...lang.Name) string {
	for _, n := range names {
		if n.Present() {
			text += " " + n.Written()
		}
	}
	return text
}

func list[T any](items []T, text func(T) string) string {
	return join(items, ", ", text)
}

func join[T any](items []T, sign string, text func(T) string) string {
	texts := make([]string, len(items))
	for i, item := range items {
		texts[i] = text(item)
	}
	return strings.Join(texts, sign)
}

func hops(all [][]lang.Target, arrow string) string {
	return join(all, arrow, func(hop []lang.Target) string { return list(hop, target) })
}

func ref(r lang.Ref) string {
	if r.Qualified() {
		return r.Namespace.Written() + "/" + r.Name.Written()
	}
	return r.Name.Written()
}

func target(t lang.Target) string {
	text := ref(t.Ref)
	if t.Port.Present() {
		text += ":" + t.Port.Written()
	}
	switch {
	case len(t.Ops) == 0:
		return text
	case !t.Braces:
		return text + " " + list(t.Ops, operation)
	case len(t.Ops) == 1:
		return text + " { " + operation(t.Ops[0]) + " }"
	}
	return text + " {\n" + list(t.Ops, operation) + "\n}"
}

func operation(o lang.Operation) string {
	methods := join(o.Methods, "|", lang.Name.Written)
	return strings.TrimPrefix(words(methods, o.Path), " ")
}

// cells returns the parts of a service or an external that are aligned in columns, or nil for other statements.
func cells(s lang.Stmt) []string {
	switch s := s.(type) {
	case *lang.Service:
		identity := clauses("account", s.Accounts)
		if s.Outside.Present() {
			identity = append(identity, "outside")
		}
		pods := clauses("address", s.Addresses)
		for _, l := range s.Labels {
			pods = append(pods, "label "+l.Key.Written()+"="+l.Value.Written())
		}
		return row(words("service", s.Name), identity, pods, ports(s.Ports))
	case *lang.External:
		return row(words("external", s.Name), clauses("host", s.Hosts), ports(s.Ports))
	}
	return nil
}

func row(name string, cells ...[]string) []string {
	row := []string{name}
	for _, c := range cells {
		row = append(row, strings.Join(c, " "))
	}
	return row
}

func clauses(keyword string, values []lang.Name) (all []string) {
	for _, v := range values {
		all = append(all, words(keyword, v))
	}
	return all
}

func ports(list []lang.Port) (all []string) {
	for _, p := range list {
		all = append(all, words("port", p.Number, p.Protocol, p.TLS))
	}
	return all
}
