package read

import (
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/compiler/yamldoc/plainyaml"
	"github.com/meshc/meshc/lang/diag"
)

// The limits of the CRD of AuthorizationPolicy in istio.io/api v1.31, and of Istio's validation in
// istio.io/istio/pkg/config/validation.
const (
	maxRules    = 512
	maxFrom     = 512
	maxAccounts = 16
	maxAccount  = 320
	maxTargets  = 16
)

var (
	authorizationFields = []string{"selector", "targetRef", "targetRefs", "rules", "action", "provider"}
	ruleFields          = []string{"from", "to", "when"}
	sourceFields        = []string{
		"principals", "notPrincipals", "requestPrincipals", "notRequestPrincipals", "namespaces", "notNamespaces",
		"serviceAccounts", "notServiceAccounts", "ipBlocks", "notIpBlocks", "remoteIpBlocks", "notRemoteIpBlocks",
		"trustDomains", "notTrustDomains",
	}
	operationFields = []string{"hosts", "notHosts", "ports", "notPorts", "methods", "notMethods", "paths", "notPaths"}
)

func (d *decoder) authorization(p *enforce.Object, spec int32) {
	if spec == 0 {
		return // allows nothing, as `spec: {}` does
	}
	var rules, provider, bound int32
	both := false
	known := d.fields(spec, authorizationFields, func(key string, n int32) {
		switch key {
		case "selector", "targetRef", "targetRefs":
			if bound != 0 {
				d.refuse(d.keySpan(n), "a policy has a selector or targetRefs, not both").
					WithRelated(d.keySpan(bound), "the other is here")
				both = true
			}
			bound = n
			if key == "selector" {
				d.selector(p, n)
				d.selectsNothing = len(p.Selector) == 0
			} else {
				d.targetRefs(p, n)
			}
		case "rules":
			rules = n
		case "action":
			action, ok := d.oneOf(n, enforce.Effects[:])
			p.Effect, p.AnyEffect = enforce.Effect(action), p.AnyEffect || !ok
		case "provider":
			provider = n
		}
	})
	p.AnyEffect = p.AnyEffect || !known
	if both {
		p.Selector, p.Gateways = nil, false
	}
	d.action(p, spec, rules, provider)
	switch {
	case p.Effect == enforce.Audit || p.Effect == enforce.Custom:
		p.Unsent = enforce.ByEffect
	case p.Gateways:
		p.Unsent = enforce.ByTargets
	case d.selectsNothing:
		p.Unsent = enforce.BySelector
	}
	if rules == 0 {
		return
	}
	d.path = append(d.path, "rules")
	d.limit(rules, maxRules)
	p.Clauses = make([]enforce.Clause, 0, d.length(rules))
	d.each(rules, plainyaml.Mapping, func(n int32) { p.Clauses = append(p.Clauses, d.rule(p, n)) })
	d.path = d.path[:len(d.path)-1]
}

// action checks what an action requires, and reports CUSTOM, which leaves the decision to a provider.
func (d *decoder) action(p *enforce.Object, spec, rules, provider int32) {
	empty := rules == 0 || d.Nodes[rules].First == 0
	at := d.span(d.child(spec, "action"))
	name := ""
	if provider != 0 {
		d.path = append(d.path, "provider")
		d.fields(provider, []string{"name"}, func(_ string, n int32) { name = d.string(n) })
		d.path = d.path[:len(d.path)-1]
		if p.Effect != enforce.Custom {
			d.refuse(d.keySpan(provider), "only the action CUSTOM has a provider, not %s", p.Effect)
		}
	}
	switch {
	case p.Effect == enforce.Deny && empty, p.Effect == enforce.Custom && empty:
		d.refuse(at, "%s without rules never matches, and Istio refuses it", p.Effect).
			WithHelp("write `rules: [{}]` to match every request")
	case p.Effect == enforce.Custom && name == "":
		d.refuse(at, "CUSTOM needs `provider.name`, the provider that decides")
	case p.Effect == enforce.Custom:
		p.Provider, p.AsksAt = name, at
		d.undecided(at, "requests that the policy %s matches are decided by the provider %s", p.ID(), name).
			WithNote("they are undecided, except where another policy denies them")
	}
}

// A pod of a Gateway of the Kubernetes Gateway API has this label, and targetRefs bind it by name: see
// ShouldAttachPolicy in istio.io/istio/pilot/pkg/model/policyattachment.go.
const (
	gatewayName  = "gateway.networking.k8s.io/gateway-name"
	gatewayGroup = "gateway.networking.k8s.io"
)

func (d *decoder) targetRefs(p *enforce.Object, n int32) {
	p.Gateways = true
	one := func(n int32) {
		var group, kind, name string
		at := n
		d.fields(n, []string{"group", "kind", "name", "namespace"}, func(key string, n int32) {
			switch s := d.string(n); key {
			case "group":
				group = s
			case "kind":
				kind, at = s, n
			case "name":
				name = s
			case "namespace":
				if s != "" {
					d.refuse(d.span(n), "a targetRef cannot name another namespace")
				}
			}
		})
		if kind == "" || name == "" {
			d.refuse(d.span(n), "a targetRef needs a kind and a name")
		}
		switch {
		case kind == "Gateway" && group == gatewayGroup:
			p.Targets = append(p.Targets, enforce.Label{Key: gatewayName, Value: name})
		case kind == "Service" && (group == "" || group == "core"):
			p.Targets = append(p.Targets, enforce.Label{Key: enforce.TargetService, Value: name})
		case kind == "GatewayClass" && group == gatewayGroup:
			p.Targets = append(p.Targets, enforce.Label{Key: enforce.TargetClass, Value: name})
		default:
			d.undecided(d.span(at), "the policy %s binds the %s %s: what waypoints let through to it is not judged", p.ID(), kind, name).
				WithNote("sidecars ignore a policy with targetRefs")
		}
	}
	if d.path[len(d.path)-1] == "targetRef" {
		one(n)
		return
	}
	d.limit(n, maxTargets)
	if d.each(n, plainyaml.Mapping, one) && d.Nodes[n].First == 0 {
		p.Gateways = false
	}
}

func (d *decoder) rule(p *enforce.Object, n int32) enforce.Clause {
	r := enforce.Clause{At: d.span(n)}
	var source, operation space.Box // of `when`
	var from, to int32
	d.fields(n, ruleFields, func(key string, n int32) {
		switch key {
		case "from":
			from = n
		case "to":
			to = n
		case "when":
			d.each(n, plainyaml.Mapping, func(n int32) {
				if c, ok := d.when(p, n); ok && space.Standard[c.Dimension].Caller {
					source = append(source, c)
				} else if ok {
					operation = append(operation, c)
				}
			})
		}
	})
	r.From = d.boxes(p, from, "from", "source", source)
	r.To = d.boxes(p, to, "to", "operation", operation)
	return r
}

// boxes reads the list `from` or `to` of a rule, and adds the conditions of `when` to each item.
func (d *decoder) boxes(p *enforce.Object, list int32, key, inner string, when space.Box) []space.Box {
	if list == 0 {
		return []space.Box{when}
	}
	d.path = append(d.path, key)
	defer func() { d.path = d.path[:len(d.path)-1] }()
	if key == "from" {
		d.limit(list, maxFrom)
	}
	boxes := d.tree.boxes.take(d.length(list))[:0]
	if d.each(list, plainyaml.Mapping, func(n int32) {
		b := space.Box{}
		there, before := false, len(*d.findings)
		d.fields(n, []string{inner}, func(_ string, n int32) {
			there = true
			if key == "from" {
				b = d.source(p, n)
			} else {
				b = d.operation(n)
			}
		})
		switch {
		case len(*d.findings) > before: // already reported
		case !there:
			d.refuse(d.span(n), "`%s` has no %s", d.where(), inner)
		case len(b) == 0:
			d.refuse(d.span(n), "`%s` has an empty %s, which Istio refuses", d.where(), inner)
		}
		boxes = append(boxes, append(b, when...))
	}) && d.Nodes[list].First == 0 {
		d.findings.Add(diag.Ineffective, d.keySpan(list), "an empty `%s` restricts nothing: every request matches", d.where())
	}
	if len(boxes) == 0 {
		return []space.Box{when}
	}
	return boxes
}

func (d *decoder) source(p *enforce.Object, n int32) space.Box {
	b := d.box(n)
	accounts, others := false, false
	d.fields(n, sourceFields, func(key string, n int32) {
		dim := space.Identity
		var check func(string) (space.Pattern, string)
		switch key {
		case "principals", "notPrincipals":
			others = true
			check = plain(space.Identity)
		case "requestPrincipals", "notRequestPrincipals":
			dim, check = space.Token, plain(space.Token)
		case "namespaces", "notNamespaces":
			others = true
			check = d.namespacePattern
		case "serviceAccounts", "notServiceAccounts":
			accounts = true
			d.limit(n, maxAccounts)
			check = func(s string) (space.Pattern, string) { return accountPattern(p.Namespace, s) }
		case "ipBlocks", "notIpBlocks":
			dim, check = space.SourceAddress, blockPattern
		case "remoteIpBlocks", "notRemoteIpBlocks":
			dim, check = space.RemoteAddress, blockPattern
		case "trustDomains", "notTrustDomains":
			check = domainPattern
			d.otherwise = true // ztunnel is not told of trust domains
		}
		if p.Effect == enforce.Custom && (dim == space.Identity || dim == space.Token) && d.Nodes[n].First != 0 {
			d.refuse(d.keySpan(n), "CUSTOM cannot ask for `%s`, and Istio refuses it", key).
				WithHelp("delete it: the provider is asked, and can tell callers apart")
		}
		b = d.add(b, dim, n, negated(key), check)
	})
	if accounts && others {
		d.refuse(d.span(n), "`%s` has serviceAccounts together with principals or namespaces, which Istio refuses", d.where())
	}
	return b
}

func (d *decoder) operation(n int32) space.Box {
	b := d.box(n)
	d.fields(n, operationFields, func(key string, n int32) {
		switch key {
		case "hosts", "notHosts":
			b = d.add(b, space.Host, n, negated(key), plain(space.Host))
		case "ports", "notPorts":
			b = d.add(b, space.Port, n, negated(key), portPattern)
		case "methods", "notMethods":
			b = d.add(b, space.Method, n, negated(key), plain(space.Method))
		case "paths", "notPaths":
			b = d.add(b, space.Path, n, negated(key), checkedPath)
		}
	})
	return b
}

// negated reports whether a field of a source or an operation lists what must not match.
func negated(key string) bool { return strings.HasPrefix(key, "not") }

// box is an empty box with room for a condition for each field of a mapping.
func (d *decoder) box(n int32) space.Box { return d.conditions.take(d.length(n))[:0] }

// add appends the condition that a list of values makes.
func (d *decoder) add(b space.Box, dim space.Dimension, n int32, not bool, check func(string) (space.Pattern, string)) space.Box {
	patterns := d.patterns(n, dim, check)
	if len(patterns) == 0 {
		return b
	}
	d.otherwise = d.otherwise || !ofConnections(dim)
	c := space.Condition{Dimension: dim}
	if not {
		c.Not = patterns
	} else {
		c.Is = patterns
	}
	return append(b, c)
}

func (d *decoder) patterns(n int32, dim space.Dimension, check func(string) (space.Pattern, string)) []space.Pattern {
	if !d.is(n, plainyaml.Sequence) {
		return nil
	}
	patterns := d.scratch[:0]
	d.each(n, plainyaml.Text, func(c int32) {
		s := d.Nodes[c].Text
		if s == "" {
			d.refuse(d.span(c), "`%s` is empty, which Istio refuses", d.where())
			return
		}
		p, wrong := check(s)
		if wrong != "" {
			d.refuse(d.span(c), "%s in `%s`", wrong, d.where())
			return
		}
		if why, instead := misleads(p, dim); why != "" {
			d.findings.Add(diag.Misleading, d.span(c), "%s", why).WithHelp("%s", instead)
		}
		patterns = append(patterns, p)
	})
	d.scratch = patterns
	if dim == space.Identity && slices.ContainsFunc(patterns, space.Pattern.IsPrincipal) {
		patterns = d.inTrustDomains(patterns)
	}
	return d.keep(patterns)
}

// inTrustDomains replaces principals by what they stand for. ztunnel takes them as they are written.
func (d *decoder) inTrustDomains(written []space.Pattern) []space.Pattern {
	if d.literal(written) {
		return written
	}
	meant := make([]space.Pattern, 0, len(written)*len(d.trustDomains))
	done := make(map[string]bool, len(written))
	for _, p := range written {
		if !p.IsPrincipal() {
			meant = append(meant, p)
			continue
		}
		for _, s := range d.principals(p.String()) {
			if !done[s] {
				done[s] = true
				meant = append(meant, space.PrincipalPattern(s))
			}
		}
	}
	d.otherwise = d.otherwise || !slices.Equal(written, meant)
	return meant
}

// literal reports whether each of some patterns stands for itself, as where all name the trust domain of a mesh that
// has but one, and none is there twice, which is seen where they are sorted.
func (d *decoder) literal(written []space.Pattern) bool {
	before := ""
	for i := range written {
		text := written[i].String()
		domain, _, _ := strings.Cut(text, "/")
		if len(d.trustDomains) != 1 || domain != d.trustDomains[0] || i > 0 && text <= before {
			return false
		}
		before = text
	}
	return true
}

// identityKeys are the keys of `when` that a CUSTOM policy cannot have, like those that begin with request.auth.: see
// ValidateAuthorizationPolicy in istio.io/istio/pkg/config/validation.
var identityKeys = []string{"source.namespace", "source.serviceAccount", "source.trustDomain", "source.principal"}

// when reads an item of `when`.
func (d *decoder) when(p *enforce.Object, n int32) (space.Condition, bool) {
	var key string
	var keyNode, values, notValues int32
	d.fields(n, []string{"key", "values", "notValues"}, func(field string, n int32) {
		switch field {
		case "key":
			key, keyNode = d.string(n), n
		case "values":
			values = n
		case "notValues":
			notValues = n
		}
	})
	if key == "" {
		d.refuse(d.span(n), "`%s` has no key", d.where())
		return space.Condition{}, false
	}
	if p.Effect == enforce.Custom && (slices.Contains(identityKeys, key) || strings.HasPrefix(key, "request.auth.")) {
		d.refuse(d.span(keyNode), "CUSTOM cannot ask for `%s`, and Istio refuses it", key).
			WithHelp("delete it: the provider is asked, and can tell callers apart")
	}
	c, check := d.attribute(p, key, keyNode)
	if check == nil {
		return space.Condition{}, false
	}
	if values != 0 {
		d.path = append(d.path, "values")
		c.Is = d.patterns(values, c.Dimension, check)
		d.path = d.path[:len(d.path)-1]
	}
	if notValues != 0 {
		d.path = append(d.path, "notValues")
		c.Not = d.patterns(notValues, c.Dimension, check)
		d.path = d.path[:len(d.path)-1]
	}
	d.otherwise = d.otherwise || !ofConnections(c.Dimension)
	if len(c.Is) == 0 && len(c.Not) == 0 {
		d.refuse(d.span(n), "`%s` has neither values nor notValues", d.where())
		return space.Condition{}, false
	}
	return c, true
}

var attributes = []string{
	"request.headers", "source.ip", "remote.ip", "source.namespace", "source.serviceAccount", "source.principal",
	"source.trustDomain", "request.auth.principal", "request.auth.audiences", "request.auth.presenter", "request.auth.claims",
	"destination.ip", "destination.port", "connection.sni",
}

// attribute returns the dimension that a key of `when` restricts, as a condition without values, and the function that
// reads its values; nil if the key is not known.
func (d *decoder) attribute(p *enforce.Object, key string, n int32) (space.Condition, func(string) (space.Pattern, string)) {
	switch key {
	case "source.ip":
		return space.Condition{Dimension: space.SourceAddress}, blockPattern
	case "remote.ip":
		return space.Condition{Dimension: space.RemoteAddress}, blockPattern
	case "destination.ip":
		return space.Condition{Dimension: space.DestinationAddress}, blockPattern
	case "destination.port":
		return space.Condition{Dimension: space.Port}, portPattern
	case "source.namespace":
		return space.Condition{Dimension: space.Identity}, d.namespacePattern
	case "source.serviceAccount":
		d.otherwise = true
		return space.Condition{Dimension: space.Identity}, func(s string) (space.Pattern, string) { return accountPattern(p.Namespace, s) }
	case "source.principal":
		return space.Condition{Dimension: space.Identity}, plain(space.Identity)
	case "source.trustDomain":
		d.otherwise = true
		return space.Condition{Dimension: space.Identity}, domainPattern
	case "connection.sni":
		d.undecided(d.span(n), "`%s` is not judged: the TLS server name is not known", key)
		return space.Condition{Dimension: space.Hidden}, unread(key)
	case "request.auth.principal":
		return space.Condition{Dimension: space.Token}, plain(space.Token)
	case "request.auth.audiences":
		return space.Condition{Dimension: space.Token}, claim("aud")
	case "request.auth.presenter":
		return space.Condition{Dimension: space.Token}, claim("azp")
	}
	of, name, bracket := strings.Cut(key, "[")
	inBrackets := bracket && len(name) > 1 && strings.HasSuffix(name, "]")
	switch {
	case inBrackets && of == "request.headers" && (name[0] == ':' || strings.EqualFold(name, "host]")):
		d.undecided(d.span(n), "`%s` is not judged: it is compared as it is written, and not as methods, paths and hosts are", key)
		return space.Condition{Dimension: space.HiddenHTTP}, unread(key)
	case inBrackets && of == "request.headers" && isOwnHeader(strings.TrimSuffix(name, "]")):
		d.undecided(d.span(n), "`%s` is not judged: the proxy sets, changes or removes this header itself", key)
		return space.Condition{Dimension: space.HiddenHTTP}, unread(key)
	case inBrackets && of == "request.headers":
		return space.Condition{Dimension: space.Header}, func(s string) (space.Pattern, string) {
			return space.HeaderPattern(strings.TrimSuffix(name, "]"), s), ""
		}
	case inBrackets && of == "request.auth.claims":
		return space.Condition{Dimension: space.Token}, claim(claimPath(name)...)
	case inBrackets && strings.HasPrefix(of, "experimental.envoy.filters."):
		d.undecided(d.span(n), "`%s` is not judged: the metadata of other filters is not known", key)
		return space.Condition{Dimension: space.Hidden}, unread(key)
	case slices.Contains(attributes, of) && of != key || slices.Contains(attributes, key):
		d.refuse(d.span(n), "the key %q needs a name in brackets: `%s[NAME]`", key, of)
		return space.Condition{}, nil
	}
	finding := d.refuse(d.span(n), "unknown key %q in `%s`", key, d.where())
	if near, ok := diag.Nearest(key, attributes); ok {
		finding.WithHelp("did you mean %s?", near)
	}
	return space.Condition{}, nil
}
