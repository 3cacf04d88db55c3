package check

import (
	"cmp"
	"slices"
	"strconv"
	"unicode"

	"github.com/meshc/meshc/compiler/inventory"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// port resolves the port of a destination.
func (c *checker) port(s *service, n lang.Name) (uint16, bool) {
	if !n.Quoted && unicode.IsLetter(rune(n.Text[0])) {
		c.namedPort(s, n)
		return 0, false
	}
	number, ok := c.portNumber(n)
	if !ok {
		return 0, false
	}
	if slices.ContainsFunc(s.Ports, func(p policy.Port) bool { return p.Number == number }) {
		c.alsoServicePort(s, n, number)
		return number, true
	}
	if served := s.servedBy(number); len(served) > 0 {
		d := c.servicePort(s, n, number, served[0])
		if len(served) > 1 {
			d.WithHelp("its Services map this number to several container ports: write the one you mean")
			return 0, false
		}
		d.WithHelp("write %s:%d", s.Name, served[0].Number).
			WithFix(true, n.Range, portText(served[0].Number), "write the container port "+portText(served[0].Number))
		return 0, false
	}
	d := c.list.Add(diag.UnknownPort, n.Range, "%s declares no port %d", s.Name, number).WithRelated(s.At, "declared here")
	if len(s.Ports) == 0 {
		d.WithHelp("add it to its declaration: `port %d http`, or tcp, grpc, http2, tls", number)
	} else {
		d.WithHelp("its ports are %s: write one of them, or declare `port %d` with its protocol", listed(s.portTexts()), number)
	}
	return 0, false
}

// everyPort reports whether `:*` of a destination means something. Without operations, it is what no port means
// already.
func (c *checker) everyPort(t *lang.Target) bool {
	if !t.Requests.Extent().IsZero() {
		return true
	}
	c.list.Add(diag.MisplacedClause, t.Port.Range, "`:*` is needed only with operations").
		WithNote("without a port and operations, an edge is about every port").
		WithHelp("delete it").
		WithFix(true, source.Span{File: t.Port.Range.File, Start: t.Ref.Range.End, End: t.Port.Range.End}, "", "delete `:*`")
	return false
}

// namedPort reports the name of a container port where its number is needed.
func (c *checker) namedPort(s *service, n lang.Name) {
	d := c.list.Add(diag.InvalidValue, n.Range, "%s is not a port number", quoted(n.Text)).WithRelated(s.At, "declared here")
	var numbers []string
	for _, w := range s.workloads {
		for _, p := range w.Ports {
			if number := portText(p.Number); p.Name == n.Text && !p.UDP && !slices.Contains(numbers, number) {
				numbers = append(numbers, number)
			}
		}
	}
	switch {
	case len(numbers) == 1:
		d.WithHelp("that port of %s has the number %s", s.Name, numbers[0]).
			WithFix(true, n.Range, numbers[0], "write "+numbers[0])
	case len(s.Ports) > 0:
		d.WithHelp("write the number of a container port; those of %s are %s", s.Name, listed(s.portTexts()))
	default:
		d.WithHelp("write the number of a container port, and declare it with its protocol: `service %s port NUMBER http`", s.Name)
	}
}

func (s *service) portTexts() []string {
	var all []string
	for _, p := range s.Ports {
		all = append(all, portText(p.Number))
	}
	return all
}

// servedBy returns the container ports that a port number of Kubernetes Services leads to; nil where number is itself a
// container port, or no Service has it.
func (s *service) servedBy(number uint16) []*inventory.Port {
	var found []*inventory.Port
	for _, w := range s.workloads {
		for i := range w.Ports {
			switch p := &w.Ports[i]; {
			case p.UDP:
			case p.Number == number:
				return nil
			case slices.Contains(p.ServicePorts, number) && !slices.ContainsFunc(found, func(q *inventory.Port) bool { return q.Number == p.Number }):
				found = append(found, p)
			}
		}
	}
	return found
}

// alsoServicePort warns of a container port whose number is also that of a Service port leading to another container
// port.
func (c *checker) alsoServicePort(s *service, n lang.Name, number uint16) {
	var here, there *inventory.Port
	for _, w := range s.workloads {
		for i := range w.Ports {
			p := &w.Ports[i]
			if p.Number == number {
				here = p
			}
			if p.Number != number && slices.Contains(p.ServicePorts, number) {
				there = p
			}
		}
	}
	if here == nil || there == nil || slices.Contains(here.ServicePorts, number) {
		return
	}
	c.list.Add(diag.AlsoServicePort, n.Range, "port %d of the Kubernetes Service leads to container port %d, and this opens container port %d", number, there.Number, number).
		WithRelated(there.At, "container port %d", there.Number).
		WithHelp("write %s:%d if callers go through the Service", s.Name, there.Number)
}

// servicePort reports the port of a Kubernetes Service where a container port is meant.
func (c *checker) servicePort(s *service, n lang.Name, number uint16, p *inventory.Port) *diag.Diagnostic {
	return c.list.Add(diag.ServicePort, n.Range, "%d is the port of the Kubernetes Service; the pods of %s listen on %d", number, s.Name, p.Number).
		WithRelated(p.At, "container port %d", p.Number).
		WithNote("Istio enforces policies at the pod, so it sees container ports only")
}

func (c *checker) portNumber(n lang.Name) (uint16, bool) {
	number, err := strconv.ParseUint(n.Text, 10, 16)
	if err != nil || number == 0 {
		c.list.Add(diag.InvalidValue, n.Range, "%s is not a port", quoted(n.Text)).
			WithHelp("a port is a number from 1 to 65535: the container port, not its name")
		return 0, false
	}
	return uint16(number), true
}

func sortPorts(ports []policy.Port) {
	slices.SortFunc(ports, func(a, b policy.Port) int { return cmp.Compare(a.Number, b.Number) })
}

func portText(p uint16) string { return strconv.Itoa(int(p)) }
