package eval

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/meshc/meshc/lang/diag"
)

// What the CRD of AuthorizationPolicy and Istio's own validation take: the CRDs of istio.io/api v1.31 and
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

func (d *decoder) authorization(p *Policy, spec int32) {
	if spec == 0 {
		return // allows nothing, as `spec: {}` does
	}
	var rules, provider, bound int32
	both := false
	known := d.fields(spec, authorizationFields, func(field int, n int32) {
		switch field {
		case 0, 1, 2:
			if bound != 0 {
				d.refuse(d.keySpan(n), "a policy has either a selector or targetRefs, and one of them only").
					WithRelated(d.keySpan(bound), "the other stands here")
				both = true
			}
			bound = n
			if field == 0 {
				d.selector(p, n)
			} else {
				d.targetRefs(p, n)
			}
		case 3:
			rules = n
		case 4:
			action, ok := d.oneOf(n, actions[:])
			p.Action, p.anyAction = Action(action), p.anyAction || !ok
		case 5:
			provider = n
		}
	})
	p.anyAction = p.anyAction || !known
	if both {
		p.selector, p.gateways = nil, false
	}
	d.action(p, spec, rules, provider)
	if rules == 0 {
		return
	}
	d.path = append(d.path, "rules")
	d.limit(rules, maxRules)
	d.each(rules, mapping, func(_ int, n int32) { p.rules = append(p.rules, d.rule(p, n)) })
	d.path = d.path[:len(d.path)-1]
}

// action checks what an action needs and reports those that do not decide by themselves.
func (d *decoder) action(p *Policy, spec, rules, provider int32) {
	empty := rules == 0 || d.nodes[rules].first == 0
	at := d.span(d.child(spec, "action"))
	name := ""
	if provider != 0 {
		d.path = append(d.path, "provider")
		d.fields(provider, []string{"name"}, func(_ int, n int32) { name = d.string(n) })
		d.path = d.path[:len(d.path)-1]
		if p.Action != Custom {
			d.refuse(d.keySpan(provider), "a provider goes with the action CUSTOM only, not with %s", p.Action)
		}
	}
	switch {
	case p.Action == Deny && empty, p.Action == Custom && empty:
		d.refuse(at, "%s without rules never matches, and Istio refuses it", p.Action).
			WithHelp("write `rules: [{}]` to match every request")
	case p.Action == Custom && name == "":
		d.refuse(at, "CUSTOM without `provider.name`, which says who decides")
	case p.Action == Custom:
		d.undecided(at, "what the policy %s matches is decided by the provider %s", p.ID(), name).
			WithNote("a request that it matches counts as undecided unless another policy denies it")
	}
}

func (d *decoder) targetRefs(p *Policy, n int32) {
	p.gateways = true
	one := func(n int32) {
		t := target{}
		at := n
		d.fields(n, []string{"group", "kind", "name", "namespace"}, func(field int, n int32) {
			switch s := d.string(n); field {
			case 0:
				t.group = s
			case 1:
				t.kind, at = s, n
			case 2:
				t.name = s
			case 3:
				if s != "" {
					d.refuse(d.span(n), "a targetRef stays in its namespace")
				}
			}
		})
		if t.kind == "" || t.name == "" {
			d.refuse(d.span(n), "a targetRef needs a kind and a name")
		}
		if t.kind != "Gateway" || t.group != gatewayGroup {
			d.undecided(d.span(at), "the policy %s binds the %s %s: waypoints are not judged", p.ID(), t.kind, t.name).
				WithNote("sidecars take no notice of a policy with targetRefs")
		}
		p.targets = append(p.targets, t)
	}
	if d.path[len(d.path)-1] == "targetRef" {
		one(n)
		return
	}
	d.limit(n, maxTargets)
	if d.each(n, mapping, func(_ int, n int32) { one(n) }) && d.nodes[n].first == 0 {
		p.gateways = false
	}
}

func (d *decoder) rule(p *Policy, n int32) rule {
	r := rule{at: d.span(n)}
	var source, operation box // of `when`
	var from, to int32
	d.fields(n, ruleFields, func(field int, n int32) {
		switch field {
		case 0:
			from = n
		case 1:
			to = n
		case 2:
			d.each(n, mapping, func(_ int, n int32) {
				if c, ok := d.when(p, n); ok && c.dimension <= remoteDim {
					source = append(source, c)
				} else if ok {
					operation = append(operation, c)
				}
			})
		}
	})
	r.from = d.boxes(p, from, "from", "source", source)
	r.to = d.boxes(p, to, "to", "operation", operation)
	return r
}

// boxes reads the list `from` or `to` of a rule; when goes into each.
func (d *decoder) boxes(p *Policy, list int32, key, inner string, when box) []box {
	if list == 0 {
		return []box{when}
	}
	d.path = append(d.path, key)
	defer func() { d.path = d.path[:len(d.path)-1] }()
	if key == "from" {
		d.limit(list, maxFrom)
	}
	var boxes []box
	if d.each(list, mapping, func(_ int, n int32) {
		b := box{}
		there, before := false, len(*d.findings)
		d.fields(n, []string{inner}, func(_ int, n int32) {
			there = true
			if key == "from" {
				b = d.source(p, n)
			} else {
				b = d.operation(n)
			}
		})
		switch {
		case len(*d.findings) > before: // said already
		case !there:
			d.refuse(d.span(n), "`%s` has no %s in it", d.where(), inner)
		case len(b) == 0:
			d.refuse(d.span(n), "`%s` has an empty %s, which Istio refuses", d.where(), inner)
		}
		boxes = append(boxes, append(b, when...))
	}) && d.nodes[list].first == 0 {
		d.findings.Add(diag.Ineffective, d.keySpan(list), "an empty `%s` restricts nothing: whatever it is, it matches", d.where())
	}
	if len(boxes) == 0 {
		return []box{when}
	}
	return boxes
}

func (d *decoder) source(p *Policy, n int32) box {
	var b box
	accounts, others := false, false
	conditions := [...]dimension{principalDim, unknownHTTP, principalDim, principalDim, sourceDim, remoteDim, principalDim}
	d.fields(n, sourceFields, func(field int, n int32) {
		var check func(string) (pattern, string)
		dim := conditions[field/2]
		switch field / 2 {
		case 0:
			others = true
			check = d.principal
		case 1:
			check = anything
		case 2:
			others = true
			check = func(s string) (pattern, string) { return pattern{kind: inNamespace, text: s}, "" }
		case 3:
			accounts = true
			d.limit(n, maxAccounts)
			check = func(s string) (pattern, string) { return accountPattern(p.Namespace, s) }
		case 4, 5:
			check = blockPattern
		case 6:
			check = domainPattern
		}
		b = d.add(b, dim, n, field%2 == 1, check)
		if dim == unknownHTTP {
			d.undecided(d.keySpan(n), "`%s` looks at the token of a request, which is not judged", d.where())
		}
	})
	if accounts && others {
		d.refuse(d.span(n), "`%s` has serviceAccounts beside principals or namespaces, which Istio refuses", d.where())
	}
	return b
}

func (d *decoder) operation(n int32) box {
	var b box
	d.fields(n, operationFields, func(field int, n int32) {
		not := field%2 == 1
		switch field / 2 {
		case 0:
			b = d.add(b, hostDim, n, not, plain(hostPattern))
		case 1:
			b = d.add(b, portDim, n, not, portPattern)
		case 2:
			b = d.add(b, methodDim, n, not, plain(stringPattern))
		case 3:
			b = d.add(b, pathDim, n, not, checkedPath)
		}
	})
	return b
}

// add appends the condition that a list of values is.
func (d *decoder) add(b box, dim dimension, n int32, not bool, check func(string) (pattern, string)) box {
	patterns := d.patterns(n, dim, check)
	if len(patterns) == 0 {
		return b
	}
	c := condition{dimension: dim}
	if not {
		c.not = patterns
	} else {
		c.is = patterns
	}
	return append(b, c)
}

func (d *decoder) patterns(n int32, dim dimension, check func(string) (pattern, string)) []pattern {
	if !d.is(n, sequence) {
		return nil
	}
	count := 0
	for c := d.nodes[n].first; c != 0; c = d.nodes[c].next {
		count++
	}
	patterns := make([]pattern, 0, count)
	d.each(n, text, func(_ int, c int32) {
		s := d.nodes[c].text
		if s == "" {
			d.refuse(d.span(c), "`%s` is empty, which Istio refuses", d.where())
			return
		}
		p, wrong := check(s)
		if wrong != "" {
			d.refuse(d.span(c), "%s in `%s`", wrong, d.where())
			return
		}
		if why, instead := p.misleads(dim); why != "" {
			d.findings.Add(diag.Misleading, d.span(c), "%s", why).WithHelp("%s", instead)
		}
		patterns = append(patterns, p)
	})
	return patterns
}

func plain(f func(string) pattern) func(string) (pattern, string) {
	return func(s string) (pattern, string) { return f(s), "" }
}

func anything(string) (pattern, string) { return pattern{kind: present}, "" }

func portPattern(s string) (pattern, string) {
	port, err := strconv.ParseUint(s, 10, 32)
	if err != nil || port > 65535 {
		return pattern{}, "not a port: " + strconv.Quote(s)
	}
	return pattern{kind: onPort, port: uint16(port)}, ""
}

func blockPattern(s string) (pattern, string) {
	if strings.Contains(s, "/") {
		block, err := netip.ParsePrefix(s)
		if err != nil {
			return pattern{}, "not a block of addresses: " + strconv.Quote(s)
		}
		return pattern{kind: inBlock, block: block.Masked()}, ""
	}
	address, err := netip.ParseAddr(s)
	if err != nil || address.Zone() != "" {
		return pattern{}, "not an address: " + strconv.Quote(s)
	}
	return pattern{kind: inBlock, block: netip.PrefixFrom(address, address.BitLen())}, ""
}

func accountPattern(namespace, s string) (pattern, string) {
	slashes := strings.Count(s, "/")
	switch {
	case strings.Contains(s, "*"):
		return pattern{}, "a service account takes no wildcard"
	case slashes > 1, s[0] == '/', s[len(s)-1] == '/':
		return pattern{}, "not ACCOUNT or NAMESPACE/ACCOUNT: " + strconv.Quote(s)
	case len(s) > maxAccount:
		return pattern{}, "more than 320 characters"
	case slashes == 0:
		s = namespace + "/" + s
	}
	return pattern{kind: ofAccount, text: s}, ""
}

func domainPattern(s string) (pattern, string) {
	stars := strings.Count(s, "*")
	switch {
	case stars > 1, stars == 1 && s[0] != '*' && s[len(s)-1] != '*':
		return pattern{}, "one wildcard, at the start or at the end, is all that a trust domain takes"
	case strings.Contains(s, "/"):
		return pattern{}, "a trust domain has no slash"
	}
	return pattern{kind: ofDomain, text: s}, ""
}

// checkedPath refuses what Istio refuses of templates (CheckValidPathTemplate in istio.io/istio/pkg/config/security),
// and what Istio lets pass and Envoy then does not take (uri_template_internal.cc).
func checkedPath(s string) (pattern, string) {
	if !strings.ContainsAny(s, "{}") {
		return pathPattern(s), ""
	}
	any := false
	for _, segment := range strings.Split(strings.Trim(s, "/"), "/") {
		switch {
		case (segment == "{*}" || segment == "{**}") && any:
			return pattern{}, "an operator behind {**}"
		case segment == "{*}":
		case segment == "{**}":
			any = true
		case strings.ContainsAny(segment, "{}"):
			return pattern{}, "braces that are no whole segment {*} or {**}"
		case isTemplate(s) && (segment == "" || strings.ContainsFunc(segment, func(r rune) bool {
			return r > 0x7f || classes[byte(r)]&segmentByte == 0
		})):
			return pattern{}, "a template with the segment " + strconv.Quote(segment)
		}
	}
	if s[0] != '/' || strings.Contains(s, "//") {
		return pattern{}, "a template that does not begin with one slash, or has two in a row"
	}
	return pathPattern(s), ""
}

// when reads a condition.
func (d *decoder) when(p *Policy, n int32) (condition, bool) {
	var key string
	var keyNode, values, notValues int32
	d.fields(n, []string{"key", "values", "notValues"}, func(field int, n int32) {
		switch field {
		case 0:
			key, keyNode = d.string(n), n
		case 1:
			values = n
		case 2:
			notValues = n
		}
	})
	if key == "" {
		d.refuse(d.span(n), "`%s` has no key", d.where())
		return condition{}, false
	}
	c, check := d.attribute(p, key, keyNode)
	if check == nil {
		return condition{}, false
	}
	if values != 0 {
		d.path = append(d.path, "values")
		c.is = d.patterns(values, c.dimension, check)
		d.path = d.path[:len(d.path)-1]
	}
	if notValues != 0 {
		d.path = append(d.path, "notValues")
		c.not = d.patterns(notValues, c.dimension, check)
		d.path = d.path[:len(d.path)-1]
	}
	if len(c.is) == 0 && len(c.not) == 0 {
		d.refuse(d.span(n), "`%s` has neither values nor notValues", d.where())
		return condition{}, false
	}
	return c, true
}

var attributes = []string{
	"request.headers", "source.ip", "remote.ip", "source.namespace", "source.serviceAccount", "source.principal",
	"source.trustDomain", "request.auth.principal", "request.auth.audiences", "request.auth.presenter", "request.auth.claims",
	"destination.ip", "destination.port", "connection.sni",
}

// attribute is the dimension that a key of `when` looks at and how its values are read; nil where there is none.
func (d *decoder) attribute(p *Policy, key string, n int32) (condition, func(string) (pattern, string)) {
	switch key {
	case "source.ip":
		return condition{dimension: sourceDim}, blockPattern
	case "remote.ip":
		return condition{dimension: remoteDim}, blockPattern
	case "destination.ip":
		return condition{dimension: destDim}, blockPattern
	case "destination.port":
		return condition{dimension: portDim}, portPattern
	case "source.namespace":
		return condition{dimension: principalDim}, func(s string) (pattern, string) { return pattern{kind: inNamespace, text: s}, "" }
	case "source.serviceAccount":
		return condition{dimension: principalDim}, func(s string) (pattern, string) { return accountPattern(p.Namespace, s) }
	case "source.principal":
		return condition{dimension: principalDim}, d.principal
	case "source.trustDomain":
		return condition{dimension: principalDim}, domainPattern
	case "connection.sni":
		d.undecided(d.span(n), "`%s` is not judged: the server name that a caller asks for is not known", key)
		return condition{dimension: unknown}, anything
	case "request.auth.principal", "request.auth.audiences", "request.auth.presenter":
		d.undecided(d.span(n), "`%s` looks at the token of a request, which is not judged", key)
		return condition{dimension: unknownHTTP}, anything
	}
	of, name, bracket := strings.Cut(key, "[")
	inBrackets := bracket && len(name) > 1 && strings.HasSuffix(name, "]")
	switch {
	case inBrackets && of == "request.headers", inBrackets && of == "request.auth.claims":
		d.undecided(d.span(n), "`%s` is not judged: headers and tokens are not told apart", key)
		return condition{dimension: unknownHTTP}, anything
	case inBrackets && strings.HasPrefix(of, "experimental.envoy.filters."):
		d.undecided(d.span(n), "`%s` is not judged: what other filters leave behind is not known", key)
		return condition{dimension: unknown}, anything
	case slices.Contains(attributes, of) && of != key || slices.Contains(attributes, key):
		d.refuse(d.span(n), "%q is not a whole key: it needs a name in brackets, `%s[NAME]`", key, of)
		return condition{}, nil
	}
	finding := d.refuse(d.span(n), "unknown key %q in `%s`", key, d.where())
	if near, ok := diag.Nearest(key, attributes); ok {
		finding.WithHelp("did you mean %s?", near)
	}
	return condition{}, nil
}

// principal is an identity as Istio reads it in a mesh of one trust domain: that of a policy gives way to the mesh's
// where it is cluster.local or matches (ReplaceTrustDomainAliases in istio.io/istio/pilot/pkg/security/trustdomain).
func (d *decoder) principal(s string) (pattern, string) {
	parts := strings.Split(s, "/")
	if len(parts) == 5 && parts[0] != "*" {
		own, wanted := d.trustDomain, parts[0]
		hasPrefix := strings.HasSuffix(wanted, "*") && strings.HasPrefix(own, wanted[:len(wanted)-1])
		hasSuffix := strings.HasPrefix(wanted, "*") && strings.HasSuffix(own, wanted[1:])
		if (wanted == "cluster.local" || hasPrefix) && !hasSuffix {
			s = own + s[len(wanted):]
		}
	}
	return stringPattern(s), ""
}
