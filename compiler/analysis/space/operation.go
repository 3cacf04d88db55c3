package space

import "slices"

// Operation is requests by what they do. A list that is empty stands for anything; of the others each must have one
// that matches. Methods, paths and hosts are written as in an AuthorizationPolicy, and are HTTP's alone.
type Operation struct {
	Ports                 []uint16
	Methods, Paths, Hosts []string
}

func (o *Operation) box(terms *slab[Condition], patterns *slab[Pattern]) Box {
	b := terms.take(4)[:0]
	add := func(d Dimension, values []string, f func(string) Pattern) {
		if len(values) == 0 {
			return
		}
		is := patterns.take(len(values))
		for i, v := range values {
			is[i] = f(v)
		}
		b = append(b, Condition{Dimension: d, Is: is})
	}
	if len(o.Ports) > 0 {
		is := patterns.take(len(o.Ports))
		for i, p := range o.Ports {
			is[i] = PortPattern(p)
		}
		b = append(b, Condition{Dimension: Port, Is: is})
	}
	add(Method, o.Methods, TextPattern)
	add(Path, o.Paths, PathPattern)
	add(Host, o.Hosts, HostPattern)
	return b
}

// Add names one more value of a dimension of operations; others are left out.
func (o *Operation) Add(d Dimension, value Pattern) {
	switch d {
	case Port:
		o.Ports = append(o.Ports, value.port)
	case Method:
		o.Methods = append(o.Methods, value.String())
	case Path:
		o.Paths = append(o.Paths, value.String())
	case Host:
		o.Hosts = append(o.Hosts, value.String())
	}
}

// Matcher reports whether a request is one of those that the operation is about.
func (o *Operation) Matcher() func(*Request) bool {
	http := len(o.Methods)+len(o.Paths)+len(o.Hosts) > 0
	b := o.box(new(slab[Condition]), new(slab[Pattern]))
	return func(r *Request) bool {
		if http && !r.HTTP || len(o.Ports) > 0 && !slices.Contains(o.Ports, r.Port) {
			return false
		}
		f := r.Facts()
		return b.Match(&f) == Yes
	}
}
