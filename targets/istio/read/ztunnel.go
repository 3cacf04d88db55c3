package read

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/space"
)

// ofConnections reports whether a connection has a dimension of requests: its ends, and who opens it.
func ofConnections(d space.Dimension) bool {
	return d == space.Identity || d == space.SourceAddress || d == space.DestinationAddress || d == space.Port
}

// sent is the fields of sources and operations of which ztunnel is sent the values. Those without a reader it knows
// nothing of, and is sent their objects as if they were not there.
var sent = map[string]struct {
	dim   space.Dimension
	value func(namespace, s string) (space.Pattern, string)
}{
	"principals":      {space.Identity, func(_, s string) (space.Pattern, string) { return space.PrincipalPattern(s), "" }},
	"namespaces":      {space.Identity, func(_, s string) (space.Pattern, string) { return space.WholeNamespacePattern(s), "" }},
	"serviceAccounts": {space.Identity, accountPattern},
	"ipBlocks":        {space.SourceAddress, func(_, s string) (space.Pattern, string) { return blockPattern(s) }},
	"destination.ip":  {space.DestinationAddress, func(_, s string) (space.Pattern, string) { return blockPattern(s) }},
	"ports":           {space.Port, func(_, s string) (space.Pattern, string) { return portPattern(s) }},
	"trustDomains":    {},
}

// sentKeys is the keys of `when` of which ztunnel is sent the values, by the fields that mean the same.
var sentKeys = map[string]string{
	"source.ip": "ipBlocks", "source.namespace": "namespaces", "source.principal": "principals",
	"destination.ip": "destination.ip", "destination.port": "ports",
}

// connections is the rules of a policy as istiod sends them to ztunnel: handleRule in
// istio.io/istio/pilot/pkg/serviceregistry/ambient/authorization.go. Of a rule that asks for more than a connection
// has, an ALLOW leaves out all, and a DENY what it asks for. An item of which nothing is left never matches:
// src/rbac.rs of istio/ztunnel.
func (d *decoder) connections(p *enforce.Object, rules int32) []enforce.Clause {
	var all []enforce.Clause
	for n := d.Nodes[rules].First; n != 0; n = d.Nodes[n].Next {
		from, more := d.sentItems(p, d.at(n, "from"), "source")
		to, evenMore := d.sentItems(p, d.at(n, "to"), "operation")
		clause, requests := enforce.Clause{At: d.span(n)}, more || evenMore
		when := d.at(n, "when")
		for c := d.Nodes[when].First; c != 0; c = d.Nodes[c].Next {
			field := sentKeys[d.text(d.at(c, "key"))]
			if field == "" {
				from, requests = nil, true
				continue
			}
			condition := space.Condition{Dimension: sent[field].dim, Is: d.sentValues(p, field, d.at(c, "values")), Not: d.sentValues(p, field, d.at(c, "notValues"))}
			boxes := &to
			if space.Standard[condition.Dimension].Caller {
				boxes = &from
			}
			for i, b := range *boxes {
				(*boxes)[i] = append(slices.Clip(b), condition)
			}
		}
		if len(from) > 0 && len(to) > 0 && !(requests && p.Effect == enforce.Allow) {
			clause.From, clause.To = from, to
		}
		all = append(all, clause)
	}
	return all
}

// sentItems is the items of `from` or `to`, and reports whether one asks for more than a connection has.
func (d *decoder) sentItems(p *enforce.Object, list int32, inner string) (boxes []space.Box, more bool) {
	if d.Nodes[list].First == 0 {
		return []space.Box{{}}, false
	}
	for c := d.Nodes[list].First; c != 0; c = d.Nodes[c].Next {
		var b space.Box
		for f := d.Nodes[d.at(c, inner)].First; f != 0; f = d.Nodes[f].Next {
			name, not := strings.CutPrefix(d.Nodes[f].Key, "not")
			if not {
				first, size := utf8.DecodeRuneInString(name)
				name = string(unicode.ToLower(first)) + name[size:]
			}
			field, known := sent[name]
			switch values := d.sentValues(p, name, f); {
			case d.Nodes[f].First == 0 || known && field.value == nil:
			case !known:
				more = true
			case not:
				b = append(b, space.Condition{Dimension: field.dim, Not: values})
			default:
				b = append(b, space.Condition{Dimension: field.dim, Is: values})
			}
		}
		if len(b) > 0 {
			boxes = append(boxes, b)
		}
	}
	return boxes, more
}

func (d *decoder) sentValues(p *enforce.Object, field string, list int32) []space.Pattern {
	read := sent[field].value
	if read == nil {
		return nil
	}
	var all []space.Pattern
	for _, s := range d.texts(list) {
		if pattern, wrong := read(p.Namespace, s); wrong == "" {
			all = append(all, pattern)
		}
	}
	return all
}
