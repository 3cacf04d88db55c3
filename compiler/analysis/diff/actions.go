package diff

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/meshc/meshc/compiler/analysis/space"
)

// maxRough bounds the number of classes that are named one by one.
const maxRough = 1024

// manyRegions is the number of regions above which a name must include something that changed, and cannot be an exception.
const manyRegions = 4 * maxRough

// nameActions names operations: everything, ports, the operations of rules, and as a last resort each class.
func (s *subject) nameActions(kinds []kind) {
	defer func() { widestFirst(s.actions) }()
	changed := space.NewSet(len(s.regions))
	for _, k := range kinds {
		changed.AddAll(k.regions)
	}
	seen := map[string]bool{}
	table := s.table()
	offer := func(o space.Box) {
		text := actionText(table, o)
		if seen[text] {
			return
		}
		seen[text] = true
		matches := func(r *space.Request) bool { return table.In(o, r) }
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
	offer(nil)
	ports := map[uint16]bool{}
	http := false
	bare := space.NewSet(len(s.regions))
	for i, r := range s.regions {
		if !r.Request.HTTP {
			bare.Add(i)
		}
		if p := r.Request.Port(); p != s.split.Other.Port() && !ports[p] {
			ports[p] = true
			offer(space.Box{space.Is(space.Port, space.PortPattern(p))})
		}
		http = http || r.Request.HTTP
	}
	if http && bare.Len() > 0 {
		s.actions = append(s.actions, piece{text: withoutHTTP, set: bare, price: plain})
	}
	for _, p := range slices.Concat(s.a.Policies, s.b.Policies) {
		for i := range p.Clauses {
			for _, o := range slices.Concat(p.Requires(table, i), p.Excludes(table, i)) {
				beside := slices.ContainsFunc(o, func(c space.Condition) bool { return c.Dimension != space.Port })
				if beside && (http || !table.HTTP([]space.Box{o})) {
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
		if r.Request.Port() != s.split.Other.Port() {
			port, elsewhere = ":"+strconv.Itoa(int(r.Request.Port())), ""
		}
		words := s.split.Words(&r.Request, true)
		if r.Request.HTTP {
			s.actions = append(s.actions, piece{text: port + suchAs + words + elsewhere, set: set, price: example})
			continue
		}
		if words != "" {
			words = " " + words
		}
		s.actions = append(s.actions, piece{text: port + withoutHTTP + words + elsewhere, set: set, price: rough})
	}
}

const (
	suchAs      = " requests such as " // before the name of one request that stands for others
	withoutHTTP = " connections without HTTP"
)

// offerParts offers what a rule asks for, with one value at a time of the dimensions that are written so, and each value
// alone of those that need no name.
func (s *subject) offerParts(o space.Box, offer func(space.Box)) {
	if !s.apart {
		offer(o)
		return
	}
	parts := []space.Box{nil}
	for _, c := range o {
		values := [][]space.Pattern{c.Is}
		if s.table()[c.Dimension].Single {
			values = slices.Collect(slices.Chunk(c.Is, 1))
		}
		var more []space.Box
		for _, part := range parts {
			for _, is := range values {
				more = append(more, slices.Clip(part).And(c.Dimension, is...))
			}
		}
		parts = more
	}
	for _, part := range parts {
		offer(part)
		for i, c := range part {
			if s.table()[c.Dimension].Bare && len(c.Is) > 1 {
				for _, value := range c.Is {
					one := slices.Clone(part)
					one[i] = space.Is(c.Dimension, value)
					offer(one)
				}
			}
		}
	}
}

// actionText writes an operation as it follows the name of a service: `:8080 GET|HEAD /api/*`.
func actionText(t space.Table, o space.Box) string {
	var b strings.Builder
	for _, c := range o {
		if c.Dimension == space.Port {
			for _, port := range c.Is {
				b.WriteString(":" + port.String())
			}
			continue
		}
		b.WriteString(" " + t.Words(c.Dimension, c.Is))
	}
	return b.String()
}

// target joins actions after the name of a service; actions of one port share it. Nothing that follows exceptions can be
// read as one of them.
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
