package diff

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/meshc/meshc/compiler/analysis/space"
)

// maxRough bounds how many classes are named one by one.
const maxRough = 1024

// manyRegions is from where on a name must mean something that changed: it is no exception then.
const manyRegions = 4 * maxRough

// nameActions names what may be done: everything, ports, what rules ask for, and as a last resort each class.
func (s *subject) nameActions(kinds []kind) {
	defer func() { widestFirst(s.actions) }()
	changed := space.NewSet(len(s.regions))
	for _, k := range kinds {
		changed.AddAll(k.regions)
	}
	seen := map[string]bool{}
	offer := func(o space.Operation) {
		text := actionText(o)
		if seen[text] {
			return
		}
		seen[text] = true
		matches := o.Matcher()
		if len(s.regions) > manyRegions && !hasOne(changed, func(i int) bool { return matches(&s.regions[i].Request) }) {
			return
		}
		set := space.NewSet(len(s.regions))
		some := false
		for i, r := range s.regions {
			if matches(&r.Request) {
				set.Add(i)
				some = true
			}
		}
		if some {
			s.actions = append(s.actions, piece{text: text, set: set, price: plain})
		}
	}
	offer(space.Operation{})
	ports := map[uint16]bool{}
	http := false
	bare := space.NewSet(len(s.regions))
	for i, r := range s.regions {
		if !r.Request.HTTP {
			bare.Add(i)
		}
		if p := r.Request.Port; p != s.split.OtherPort && !ports[p] {
			ports[p] = true
			offer(space.Operation{Ports: []uint16{p}})
		}
		http = http || r.Request.HTTP
	}
	if http && bare.Len() > 0 {
		s.actions = append(s.actions, piece{text: withoutHTTP, set: bare, price: plain})
	}
	for _, p := range slices.Concat(s.a.Policies, s.b.Policies) {
		for i := range p.Rules() {
			for _, o := range slices.Concat(p.Asks(i), p.Excludes(i)) {
				if len(o.Methods)+len(o.Paths)+len(o.Hosts) > 0 && http {
					s.offerParts(o, offer)
				}
			}
		}
	}
	if len(s.regions) > maxRough {
		return
	}
	for i, r := range s.regions {
		set := space.NewSet(len(s.regions))
		set.Add(i)
		port, elsewhere := "", " on other ports"
		if r.Request.Port != s.split.OtherPort {
			port, elsewhere = ":"+strconv.Itoa(int(r.Request.Port)), ""
		}
		if !r.Request.HTTP {
			s.actions = append(s.actions, piece{text: port + withoutHTTP + elsewhere, set: set, price: rough})
			continue
		}
		text := port + suchAs + r.Request.Method + " " + r.Request.Path
		if len(r.Request.Host) > 0 && r.Request.Host != s.split.OtherHost {
			text += " host " + r.Request.Host
		}
		s.actions = append(s.actions, piece{text: text + elsewhere, set: set, price: example})
	}
}

const (
	suchAs      = " requests such as " // before the name of one request that stands for others
	withoutHTTP = " connections without HTTP"
)

// offerParts offers what a rule asks for, a port and a path at a time, and each of its methods alone.
func (s *subject) offerParts(o space.Operation, offer func(space.Operation)) {
	if !s.apart {
		offer(o)
		return
	}
	ports, paths := o.Ports, o.Paths
	if len(ports) == 0 {
		ports = []uint16{0}
	}
	if len(paths) == 0 {
		paths = []string{""}
	}
	for _, port := range ports {
		for _, path := range paths {
			part := space.Operation{Methods: o.Methods, Hosts: o.Hosts}
			if port != 0 {
				part.Ports = []uint16{port}
			}
			if path != "" {
				part.Paths = []string{path}
			}
			offer(part)
			if len(o.Methods) > 1 {
				for _, m := range o.Methods {
					part.Methods = []string{m}
					offer(part)
				}
			}
		}
	}
}

// actionText is an operation behind the name of a service: `:8080 GET|HEAD /api/*`.
func actionText(o space.Operation) string {
	var b strings.Builder
	for _, p := range o.Ports {
		b.WriteString(":" + strconv.Itoa(int(p)))
	}
	for _, list := range [][]string{o.Methods, o.Paths} {
		if len(list) > 0 {
			b.WriteString(" " + strings.Join(list, "|"))
		}
	}
	if len(o.Hosts) > 0 {
		b.WriteString(" host " + strings.Join(o.Hosts, "|"))
	}
	return b.String()
}

// target joins actions behind the name of a service; those of one port share it. Nothing that follows exceptions can
// be taken for one of them.
func (s *subject) target(actions []named) string {
	const most = 8
	var b strings.Builder
	last, comma := "", ""
	for i, a := range actions {
		if i == most {
			fmt.Fprintf(&b, " and %d more kinds of requests", len(actions)-i)
			break
		}
		port, rest, _ := strings.Cut(a.text, " ")
		b.WriteString(comma)
		switch {
		case i > 0 && port == last && a.price == example && actions[i-1].price == example:
			b.WriteString(" " + strings.TrimPrefix(" "+rest, suchAs))
		case i > 0 && port == last && rest != "":
			b.WriteString(" " + rest)
		case i > 0:
			b.WriteString(" " + s.name + a.text)
		default:
			b.WriteString(a.text)
		}
		b.WriteString(a.exceptions(port))
		last, comma = port, ","
		if len(a.except) > 0 {
			comma = ";"
		}
	}
	if len(actions) == 0 {
		return " some requests"
	}
	return b.String()
}
