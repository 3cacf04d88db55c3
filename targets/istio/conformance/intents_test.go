package conformance

import (
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/targets/istio/conformance/envoy"
)

// intended decides requests by the intents alone: it reads the checked policy and knows nothing of Istio.
type intended struct {
	*policy.Policy
	mesh    *policy.Mesh
	service *policy.Service
	dryRun  bool // nothing is denied
}

// mode returns the mode of a port: its own, else that of the workload, the mesh or all meshes, else permissive.
func (i intended) mode(port uint16) policy.Mode {
	for _, p := range i.service.Ports {
		if p.Number == port && p.Mode != policy.ModeUnset {
			return p.Mode
		}
	}
	for _, mode := range []policy.Mode{i.service.Mode, i.mesh.Mode, i.Policy.Mode} {
		if mode != policy.ModeUnset {
			return mode
		}
	}
	return policy.Permissive
}

// permits reports whether the request is allowed.
func (i intended) permits(q envoy.Request) bool {
	switch i.mode(q.Port) {
	case policy.Strict:
		if q.Peer == "" {
			return false
		}
	case policy.Disable:
		q.Peer = ""
	}
	matches := func(r policy.Rule) bool { return i.matches(&r, &q) }
	switch {
	case i.dryRun:
		return true
	case slices.ContainsFunc(i.service.Deny, matches):
		return false
	case i.mesh.Declares && !i.mesh.Closed:
		return true
	}
	return slices.ContainsFunc(i.service.Allow, matches)
}

func (i intended) matches(r *policy.Rule, q *envoy.Request) bool {
	if r.Widened && q.Method == "" {
		whole := *r
		whole.Ops, whole.Without = nil, nil
		whole.Where = slices.DeleteFunc(slices.Clone(r.Where), func(c policy.Condition) bool { return c.Dimension != policy.PortDimension })
		r = &whole
	}
	of := func(o policy.Operation) bool { return does(o, q) }
	is := func(s policy.Source) bool { return i.is(s, q) }
	return (len(r.Ports) == 0 || slices.Contains(r.Ports, q.Port)) &&
		(len(r.Ops) == 0 || slices.ContainsFunc(r.Ops, of)) && !slices.ContainsFunc(r.Without, of) &&
		!slices.ContainsFunc(r.Where, func(c policy.Condition) bool { return !meets(c, q) }) &&
		slices.ContainsFunc(r.From, is) && !slices.ContainsFunc(r.Except, is)
}

// meets reports whether a request meets a condition on its host, a header or its port.
func meets(c policy.Condition, q *envoy.Request) bool {
	text, there := q.Host, q.Host != ""
	switch {
	case c.Dimension == policy.PortDimension:
		return slices.Contains(c.Values, strconv.Itoa(int(q.Port))) != c.Not
	case q.Method == "":
		return false // not HTTP
	case c.Dimension == policy.HeaderDimension:
		text, there = q.Headers[c.Key[0]], q.Headers[c.Key[0]] != ""
	default:
		text = strings.ToLower(text)
	}
	return c.Not != (there && slices.ContainsFunc(c.Values, func(v string) bool {
		switch {
		case strings.HasSuffix(v, "*"):
			return strings.HasPrefix(text, strings.TrimSuffix(v, "*"))
		case strings.HasPrefix(v, "*"):
			return strings.HasSuffix(text, v[1:])
		}
		return text == v
	}))
}

func (i intended) is(s policy.Source, q *envoy.Request) bool {
	switch s.Kind {
	case policy.FromWorld:
		return true
	case policy.FromAny:
		return q.Peer != ""
	case policy.FromMesh:
		return strings.Contains(q.Peer, "/ns/"+s.Mesh+"/")
	}
	if !s.Service.Proxied() {
		return q.Peer == "" && slices.ContainsFunc(s.Service.Addresses, func(p netip.Prefix) bool { return p.Contains(q.Source) })
	}
	return q.Peer == principal(i.TrustDomain, s.Service.Namespace, s.Service.Account)
}

// does reports whether a request is an instance of the operation. Intents ignore the query of a URL.
func does(o policy.Operation, q *envoy.Request) bool {
	path, _, _ := strings.Cut(q.Path, "?")
	return q.Method != "" && (len(o.Methods) == 0 || slices.Contains(o.Methods, q.Method)) && (o.Path == "" || intentPath(o.Path).MatchString(path))
}

var intentExpressions = map[string]*regexp.Regexp{}

// intentPath translates a path of the language to a regular expression.
func intentPath(path string) *regexp.Regexp {
	if e := intentExpressions[path]; e != nil {
		return e
	}
	e := regexp.QuoteMeta(path)
	if strings.Contains(path, "{") {
		e = strings.NewReplacer(`\{\*\*\}`, `.*`, `\{\*\}`, `[^/]+`).Replace(e)
	} else {
		e = strings.Replace(e, `\*`, `.*`, 1)
	}
	intentExpressions[path] = regexp.MustCompile(`\A` + e + `\z`)
	return intentExpressions[path]
}
