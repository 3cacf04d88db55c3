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
		text = words("mesh", s.Name, s.Mode, s.Default)
	case *lang.Service, *lang.External, *lang.Issuer:
		return padded(cells(s), nil, false)
	case *lang.Group:
		text = words("group", s.Name) + " = " + list(s.Members, ref)
	case *lang.Edge:
		text = hops(s.Hops, " -> ")
	case *lang.Deny:
		text = "deny " + hops(s.Hops, " -> ")
	case *lang.Ask:
		text = words("ask", s.Provider) + " " + hops(s.Hops, " -> ")
	case *lang.Export:
		text = "export " + list(s.What, target) + " to " + list(s.To, ref) + requests(s.Requests)
	case *lang.MTLS:
		text = words("mtls "+list(s.Targets, target), s.Mode)
	case *lang.Verify:
		text = "verify " + alternatives(s.Issuers) + " at " + list(s.Targets, target)
	case *lang.Guard:
		arrow := " -> "
		if s.Transitive {
			arrow = " ->> "
		}
		text = s.Kind.String() + " " + hops(s.Hops, arrow)
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

func hops(all []lang.Hop, arrow string) string {
	return join(all, arrow, func(hop lang.Hop) string {
		text := list(hop.Targets, target)
		if len(hop.Except) > 0 {
			text += " except " + list(hop.Except, ref)
		}
		return text
	})
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
	return text + requests(t.Requests)
}

// requests returns the clauses of a destination, with a space before each.
func requests(r lang.Requests) string {
	text, more := "", r.Clauses()
	if len(more.Hosts) > 0 {
		text += " host " + join(more.Hosts, "|", host)
	}
	switch {
	case len(r.Ops) == 0:
	case !r.Braces:
		text += " " + list(r.Ops, operation)
	case len(r.Ops) == 1:
		text += " { " + operation(r.Ops[0]) + " }"
	default:
		text += " {\n" + list(r.Ops, operation) + "\n}"
	}
	if len(more.Except) > 0 {
		text += " except " + list(more.Except, exception)
	}
	for _, h := range more.Headers {
		if h.No {
			text += " no"
		}
		text += " header " + condition(h)
	}
	for _, c := range more.With {
		if c.None.Present() {
			text += " with no " + c.None.Written()
			continue
		}
		text += " with " + alternatives(c.Issuers)
		for _, claim := range c.Claims {
			if claim.No {
				text += " no"
			}
			text += " " + condition(claim)
		}
	}
	return text
}

// host writes a host. Without quotes, `*.example.com` is a wildcard.
func host(n lang.Name) string {
	if domain, ok := strings.CutPrefix(n.Text, "*"); ok && !n.Quoted && strings.HasPrefix(domain, ".") {
		if text := (lang.Name{Text: domain}).Written(); text == domain {
			return "*" + text
		}
	}
	return n.Written()
}

func exception(e lang.Exception) string {
	if e.Port.Present() {
		return ":" + e.Port.Written()
	}
	return operation(e.Op)
}

func condition(c lang.Condition) string {
	text := c.Name.Written()
	if len(c.Values) > 0 {
		text += "=" + alternatives(c.Values)
	}
	return text
}

func alternatives(names []lang.Name) string { return join(names, "|", lang.Name.Written) }

func operation(o lang.Operation) string {
	methods := alternatives(o.Methods)
	return strings.TrimPrefix(words(methods, o.Path), " ")
}

// cells returns the parts of a service, an external or an issuer that are aligned in columns, or nil for other
// statements.
func cells(s lang.Stmt) []string {
	switch s := s.(type) {
	case *lang.Service:
		var identity []string
		for _, kind := range []lang.Name{s.Outside, s.Gateway} {
			if kind.Present() {
				identity = append(identity, kind.Text)
			}
		}
		identity = append(identity, clauses("account", s.Accounts)...)
		identity = append(identity, clauses("was", s.Was)...)
		pods := clauses("address", s.Addresses)
		for _, l := range s.Labels {
			pods = append(pods, "label "+l.Key.Written()+"="+l.Value.Written())
		}
		return row(words("service", s.Name), identity, pods, portClauses(s.Ports))
	case *lang.External:
		return row(words("external", s.Name), clauses("host", s.Hosts), portClauses(s.Ports))
	case *lang.Issuer:
		var audience, from []string
		if len(s.Audiences) > 0 {
			audience = []string{"audience " + alternatives(s.Audiences)}
		}
		for _, c := range s.From {
			text := words("from header", c.Header)
			switch {
			case c.Query.Present():
				text = words("from query", c.Query)
			case c.Cookie.Present():
				text = words("from cookie", c.Cookie)
			case c.Prefix.Present():
				text = words(text+" prefix", c.Prefix)
			}
			from = append(from, text)
		}
		if s.Forward.Present() {
			from = append(from, "forward")
		}
		var passed []string
		for _, p := range s.Passed {
			what := "payload"
			if p.Claim.Present() {
				what = words("claim", p.Claim)
			}
			passed = append(passed, words(what+" to header", p.Header))
		}
		return row(words("issuer", s.Name), clauses("url", s.URLs), clauses("keys", s.Keys), audience, from, passed)
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

func portClauses(list []lang.Port) (all []string) {
	for _, p := range list {
		all = append(all, words("port", p.Number, p.Protocol, p.TLS))
	}
	return all
}
