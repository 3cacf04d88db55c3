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

func (a *Atoms) sources() []condition {
	all := []condition{{dimension: principalDim}, {dimension: sourceDim}}
	for _, p := range a.Principals {
		all[0].is = append(all[0].is, stringPattern(p))
	}
	for _, n := range a.Namespaces {
		all[0].is = append(all[0].is, pattern{kind: inNamespace, text: n})
	}
	for _, b := range a.Blocks {
		all[1].is = append(all[1].is, pattern{kind: inBlock, block: b.Masked()})
	}
	return all
}

func (o *Operation) box(http bool) box {
	var b box
	add := func(d dimension, is []pattern) {
		if len(is) > 0 {
			b = append(b, condition{dimension: d, is: is})
		}
	}
	var ports []pattern
	for _, p := range o.Ports {
		ports = append(ports, pattern{kind: onPort, port: p})
	}
	add(portDim, ports)
	if http {
		add(methodDim, each(o.Methods, stringPattern))
		add(pathDim, each(o.Paths, pathPattern))
		add(hostDim, each(o.Hosts, hostPattern))
	}
	return b
}

func each(values []string, f func(string) pattern) []pattern {
	patterns := make([]pattern, len(values))
	for i, v := range values {
		patterns[i] = f(v)
	}
	return patterns
}
