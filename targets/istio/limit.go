package istio

import (
	"bytes"
	"cmp"
	"slices"
	"strings"

	"istio.io/api/security/v1beta1"

	"github.com/meshc/meshc/compiler/policy"
)

// limit is what an operation has beyond a port, a path and a method. A builder makes one limit for each key.
type limit struct {
	key                                             string
	hosts, notHosts, notPorts, notMethods, notPaths []string
	when                                            []*v1beta1.Condition
	whenKey                                         string // equal for limits with the same when
	narrow                                          bool   // it has more than when
}

// onlyHTTP reports whether a proxy has to read HTTP to know whether a limit is met.
func (l *limit) onlyHTTP() bool {
	return l != nil && len(l.hosts)+len(l.notHosts)+len(l.notMethods)+len(l.notPaths)+len(l.when) > 0
}

// asks is a key that is equal for limits with the same conditions of a rule.
func (l *limit) asks() string {
	if l == nil {
		return ""
	}
	return l.whenKey
}

// conditions returns what a rule asks for besides its operations; nil where that is nothing.
func (l *limit) conditions() []*v1beta1.Condition {
	if l == nil {
		return nil
	}
	return l.when
}

func compareLimits(a, b *limit) int {
	switch {
	case a == b:
		return 0
	case a == nil:
		return -1
	case b == nil:
		return 1
	}
	return cmp.Compare(a.key, b.key)
}

// limitOf returns the limit that the conditions of a rule make, without those methods and paths.
func (b *builder) limitOf(r *policy.Rule, notMethods, notPaths []string) *limit {
	if len(r.Where)+len(notMethods)+len(notPaths) == 0 {
		return nil
	}
	l := limit{notMethods: notMethods, notPaths: notPaths}
	for i := range r.Where {
		c := &r.Where[i]
		switch c.Dimension {
		case policy.HostDimension:
			l.hosts = append(l.hosts, c.Values...)
		case policy.PortDimension:
			l.notPorts = append(l.notPorts, c.Values...)
		case policy.HeaderDimension, policy.TokenDimension:
			when := &v1beta1.Condition{Key: keyOf(c), Values: c.Values}
			if c.Not {
				when.Values, when.NotValues = nil, c.Values
			}
			l.when = append(l.when, when)
		}
	}
	slices.SortFunc(l.when, func(a, b *v1beta1.Condition) int {
		return cmp.Or(cmp.Compare(a.Key, b.Key), slices.Compare(a.Values, b.Values), slices.Compare(a.NotValues, b.NotValues))
	})
	key := b.buffer[:0]
	for _, c := range l.when {
		key = appendKey(key, []string{c.Key}, c.Values, c.NotValues)
	}
	when := len(key)
	l.narrow = len(l.hosts)+len(l.notHosts)+len(l.notPorts)+len(l.notMethods)+len(l.notPaths) > 0
	key = appendKey(key, l.hosts, l.notHosts, l.notPorts, l.notMethods, l.notPaths)
	if b.buffer = key; len(bytes.Trim(key, "\x01")) == 0 {
		return nil
	}
	if known := b.limits[string(key)]; known != nil {
		return known
	}
	l.key = string(key)
	l.whenKey = l.key[:when]
	if b.limits == nil {
		b.limits = map[string]*limit{}
	}
	kept := l
	b.limits[l.key] = &kept
	return &kept
}

// keyOf returns the key by which a rule looks at a header, at a claim or at the issuer and the subject of a token.
func keyOf(c *policy.Condition) string {
	switch {
	case c.Dimension == policy.HeaderDimension:
		return "request.headers[" + c.Key[0] + "]"
	case len(c.Key) == 0:
		return "request.auth.principal"
	}
	return "request.auth.claims[" + strings.Join(c.Key, "][") + "]"
}

func appendKey(key []byte, lists ...[]string) []byte {
	for _, list := range lists {
		for _, s := range list {
			key = append(append(key, s...), 0)
		}
		key = append(key, 1)
	}
	return key
}

// operationsOf splits what a rule is about into operations. One without some paths for some methods is several: for
// each of these methods, and for all others.
func (b *builder) operationsOf(list []operation, r *policy.Rule) []operation {
	ports, ops := r.Ports, r.Ops
	if len(ports) == 0 {
		ports = everyPort
	}
	if len(ops) == 0 {
		ops = []policy.Operation{{}}
	}
	plain := b.limitOf(r, nil, nil)
	for _, port := range ports {
		for _, o := range ops {
			if len(r.Without) > 0 {
				list = b.without(list, r, port, o)
				continue
			}
			if len(o.Methods) == 0 {
				list = append(list, operation{port: port, path: o.Path, limit: plain})
			}
			for _, method := range o.Methods {
				list = append(list, operation{port: port, path: o.Path, method: method, limit: plain})
			}
		}
	}
	return list
}

// without appends what the exceptions of a rule leave of an operation.
func (b *builder) without(list []operation, r *policy.Rule, port uint16, o policy.Operation) []operation {
	add := func(method string, others []string) {
		var paths []string
		for _, w := range r.Without {
			if len(w.Methods) > 0 && (method == "" || !slices.Contains(w.Methods, method)) || !o.MeetsPath(w.Path) {
				continue
			}
			if w.Path == "" || w.Path == "*" {
				return
			}
			paths = append(paths, w.Path)
		}
		slices.Sort(paths)
		list = append(list, operation{port: port, path: o.Path, method: method, limit: b.limitOf(r, others, slices.Compact(paths))})
	}
	if len(o.Methods) > 0 {
		for _, m := range o.Methods {
			add(m, nil)
		}
		return list
	}
	var special []string
	for _, w := range r.Without {
		if o.MeetsPath(w.Path) {
			special = append(special, w.Methods...)
		}
	}
	slices.Sort(special)
	special = slices.Compact(special)
	for _, m := range special {
		add(m, nil)
	}
	add("", special)
	return list
}
