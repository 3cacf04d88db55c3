package conformance

import (
	"net/netip"
	"regexp"
	"slices"
	"strings"

	meshc "github.com/meshc/meshc/compiler/policy"
)

// intends decides by the intents alone: it reads the checked policy and knows nothing of Cilium.
func intends(p *meshc.Policy, spared []string, from, to *end, q *request) bool {
	mesh, service := place(p, to)
	if mesh == nil {
		return p.ClosedAt.IsZero() || slices.Contains(spared, to.namespace)
	}
	matches := func(r meshc.Rule) bool { return meets(service, &r, from, q) }
	switch {
	case slices.ContainsFunc(service.Deny, matches):
		return false
	case !mesh.Closes(service):
		return true
	}
	return slices.ContainsFunc(service.Allow, matches)
}

// place returns the namespace of an end, and the service that it is of, which is one without rules if the project knows
// none.
func place(p *meshc.Policy, e *end) (*meshc.Mesh, *meshc.Service) {
	for _, m := range p.Meshes {
		if m.Name != e.namespace {
			continue
		}
		if e.service != nil {
			return m, e.service
		}
		for _, s := range m.Services {
			if s.Unnamed {
				return m, s
			}
		}
		return m, &meshc.Service{Namespace: m.Name}
	}
	return nil, nil
}

// meets reports whether a rule is about a request.
func meets(to *meshc.Service, r *meshc.Rule, from *end, q *request) bool {
	is := func(s meshc.Source) bool { return isOf(s, from) }
	if !slices.ContainsFunc(r.From, is) || slices.ContainsFunc(r.Except, is) {
		return false
	}
	out := slices.Contains(r.PortsWithout(), q.port)
	if q.udp { // named among ports, it is a port of UDP if the manifests say so
		named := len(r.Ports) > 0 || len(r.PortsWithout()) > 0
		return !r.OfHTTP() && (len(r.Ports) == 0 || slices.Contains(r.Ports, q.port)) && !out && (!named || slices.Contains(to.UDP, q.port))
	}
	switch {
	case len(r.Ports) > 0 && !slices.Contains(r.Ports, q.port), out, r.OfHTTP() && q.method == "":
		return false
	case len(r.Ops) > 0 && !slices.ContainsFunc(r.Ops, func(o meshc.Operation) bool { return does(o, q) }):
		return false
	}
	for i := range r.Where {
		if c := &r.Where[i]; c.Dimension != meshc.PortDimension && !asks(c, q) {
			return false
		}
	}
	return true
}

func isOf(s meshc.Source, from *end) bool {
	switch {
	case s.Kind == meshc.FromWorld:
		return true
	case s.Kind == meshc.FromAny:
		return from.namespace != ""
	case s.Kind == meshc.FromMesh:
		return from.namespace == s.Mesh
	case s.Service.Proxied():
		return from.namespace == s.Service.Namespace && (from.account == s.Service.Account || slices.Contains(s.Service.Was, from.account))
	}
	return from.address.IsValid() && slices.ContainsFunc(s.Service.Addresses, func(p netip.Prefix) bool { return p.Contains(from.address) })
}

// does reports whether a request is an instance of an operation, whatever its query.
func does(o meshc.Operation, q *request) bool {
	path, _, _ := strings.Cut(q.path, "?")
	return (len(o.Methods) == 0 || slices.Contains(o.Methods, q.method)) && (o.Path == "" || pattern(o.Path).MatchString(path))
}

var patterns = map[string]*regexp.Regexp{}

// pattern is a path of the language as an expression.
func pattern(path string) *regexp.Regexp {
	if patterns[path] == nil {
		e := regexp.QuoteMeta(path)
		if strings.Contains(path, "{") {
			e = strings.NewReplacer(`\{\*\*\}`, `.*`, `\{\*\}`, `[^/]+`).Replace(e)
		} else {
			e = strings.Replace(e, `\*`, `.*`, 1)
		}
		patterns[path] = regexp.MustCompile(`\A` + e + `\z`)
	}
	return patterns[path]
}

// asks reports whether a request has the host or the header that a condition wants.
func asks(c *meshc.Condition, q *request) bool {
	text, there := strings.ToLower(q.host), true
	if c.Dimension == meshc.HeaderDimension {
		text, there = q.header(c.Key[0])
	}
	return there && slices.ContainsFunc(c.Values, func(v string) bool {
		begin, open := strings.CutSuffix(v, "*")
		end, rest := strings.CutPrefix(v, "*")
		return v == text || open && strings.HasPrefix(text, begin) || rest && strings.HasSuffix(text, end)
	})
}
