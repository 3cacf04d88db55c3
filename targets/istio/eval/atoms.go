package eval

import "net/netip"

// Atoms is what somebody tells apart besides the policies: the sources and operations of intents, of questions.
type Atoms struct {
	Principals []string       // exact, or with a wildcard at one end
	Namespaces []string       // whose accounts are told from others
	Blocks     []netip.Prefix // of source addresses
	Operations []Operation
}

// Operation is requests by what they do. A list that is empty stands for anything; of the others each must have one
// that matches. Methods, paths and hosts are written as in an AuthorizationPolicy, and are HTTP's alone.
type Operation struct {
	Ports                 []uint16
	Methods, Paths, Hosts []string
}

func (o *Operation) box(terms *slab[condition], patterns *slab[pattern]) box {
	b := terms.take(4)[:0]
	add := func(d dimension, values []string, f func(string) pattern) {
		if len(values) == 0 {
			return
		}
		is := patterns.take(len(values))
		for i, v := range values {
			is[i] = f(v)
		}
		b = append(b, condition{dimension: d, is: is})
	}
	if len(o.Ports) > 0 {
		is := patterns.take(len(o.Ports))
		for i, p := range o.Ports {
			is[i] = pattern{kind: onPort, port: p}
		}
		b = append(b, condition{dimension: portDim, is: is})
	}
	add(methodDim, o.Methods, stringPattern)
	add(pathDim, o.Paths, pathPattern)
	add(hostDim, o.Hosts, hostPattern)
	return b
}
