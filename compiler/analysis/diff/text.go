package diff

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/model"
	"github.com/meshc/meshc/compiler/analysis/phrase"
	"github.com/meshc/meshc/compiler/policy"
)

// The most names and kinds of requests in one line.
const (
	mostNames      = 6
	mostOperations = 8
	mostRemaining  = 5
)

// String is the change in the words of the language: `shop/frontend -> shop/backend:8080 GET /api/*`.
func (c *Change) String() string { return c.at(c.Callee.String()) }

// at is the change with some callees in the place of its own.
func (c *Change) at(callees string) string { return c.between(c.Callers.String(), callees) }

// between is the change with some callers and callees in the place of its own.
func (c *Change) between(callers, callees string) string {
	if c.Kind != FailClosed {
		return callers + " -> " + callees + c.What() + c.certainty()
	}
	if len(c.Remaining) == 0 {
		return callers + " -> " + callees
	}
	var words []string
	separator := ", "
	for i := range c.Remaining {
		r := &c.Remaining[i]
		if i == mostRemaining {
			words = append(words, fmt.Sprintf("%d more", len(c.Remaining)-i))
			break
		}
		text := r.Callers.String()
		what := r.Callee.String() + r.What() + r.certainty()
		if i+1 == len(c.Remaining) || i+1 == mostRemaining || !strings.HasSuffix(c.Remaining[i+1].String(), " -> "+what) {
			text += " -> " + what
		}
		if strings.Contains(text, " except ") {
			separator = "; " // so that what follows is not read as an exception
		}
		words = append(words, text)
	}
	return "only " + strings.Join(words, separator)
}

// Line is changes that differ by their callees alone, or by their callers.
type Line []*Change

// mostEnds is the most callees, or callers, in one line.
const mostEnds = 8

// Lines puts changes of one kind together that have the same cause and are about the same at several callees, or from
// several services. None is left out but for those that one statement causes at many ends, which are counted.
func Lines(changes []Change) (lines []Line) {
	at := map[string]int{}
	put := func(key string, l Line) {
		n, ok := at[key]
		if !ok || len(lines[n])+len(l) > mostEnds && l[0].At.IsZero() {
			n = len(lines)
			at[key] = n
			lines = append(lines, nil)
		}
		lines[n] = append(lines[n], l...)
	}
	for i := range changes {
		c := &changes[i]
		if len(c.Remaining) > 0 || strings.Contains(c.What(), c.Callee.String()) {
			lines = append(lines, Line{c})
			continue
		}
		put(fmt.Sprintf("%s\n%v", c.at(""), c.Cause), Line{c})
	}
	byCallee := lines
	lines, at = nil, map[string]int{}
	for _, l := range byCallee {
		if c := l[0]; len(l) == 1 && c.Kind != FailClosed && c.Callers.one() {
			put(fmt.Sprintf("%s\n%v", c.between("", c.Callee.String()), c.Cause), l)
		} else {
			lines = append(lines, l)
		}
	}
	return lines
}

// one reports whether the callers are one service, wherever it is and whatever else it has.
func (c *Callers) one() bool {
	return c.Service != nil && len(c.Except) == 0 && !c.Such && c.Former == "" && c.Where() == ""
}

// String is the changes in one: `any -> shop/backend, shop/db`, or `any -> (shop/backend, shop/db):8080 GET /api/*`, so
// that what is said of all callees is not read as being said of the last; `shop/frontend, shop/jobs -> shop/db`, where
// the callers differ.
func (l Line) String() string {
	callees := l.ends(func(c *Change) string { return c.Callee.String() })
	callers := l.ends(func(c *Change) string { return c.Callers.String() })
	if len(l) > 1 && l[0].Kind != FailClosed && l[0].What() != "" && l[0].Callee != l[1].Callee {
		callees = "(" + callees + ")"
	}
	return l[0].between(callers, callees)
}

// ends is what the changes have at one end, each once.
func (l Line) ends(of func(*Change) string) string {
	var names []string
	seen := map[string]bool{}
	for _, c := range l {
		if name := of(c); !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	if more := len(names) - mostEnds; more > 0 {
		names = append(names[:mostEnds], fmt.Sprintf("%d more", more))
	}
	return strings.Join(names, ", ")
}

func (c *Change) certainty() string {
	if c.Undecided {
		return " (perhaps)"
	}
	return ""
}

// What is the operations of the change as they follow the name of its callee, or the addresses of an external. Ports
// with the same operations share them, operations on one port share it, and nothing that follows exceptions can be read
// as one of them.
func (c *Change) What() string {
	if len(c.Addresses) > 0 {
		return " (" + strings.Join(c.Addresses, ", ") + ")"
	}
	if len(c.Operations) == 0 {
		return " some requests"
	}
	return phrase.At(c.Callee.String(), c.Operations, c.Callee.httpPorts(), mostOperations)
}

// Names reports whether some operations of the change are on a port as it is said; 0: on every port.
func (c *Change) Names(port uint16) bool {
	return slices.ContainsFunc(c.Operations, func(o phrase.Operations) bool { return o.Port == port && !o.OtherPorts })
}

// httpPorts is the ports that are declared as HTTP, sorted.
func (c *Callee) httpPorts() (ports []uint16) {
	if c.Service == nil {
		return nil
	}
	for _, p := range c.Service.Ports {
		if p.Protocol.IsHTTP() {
			ports = append(ports, p.Number)
		}
	}
	slices.Sort(ports)
	return ports
}

// String is who reaches what over others: `shop/web ->> shop/db (2 hops: shop/web -> shop/api -> shop/db)`.
func (r *Route) String() string {
	from, to := make([]string, len(r.From)), make([]string, len(r.To))
	for i := range r.From {
		from[i] = r.From[i].String()
	}
	for i, s := range r.To {
		to[i] = s.ID()
	}
	text := fmt.Sprintf("%s ->> %s (%d", some(from), some(to), r.Hops)
	if r.MaxHops > r.Hops {
		text += fmt.Sprintf(" to %d", r.MaxHops)
	}
	text += " hops"
	if r.Chain != nil {
		text += ": " + r.chain()
	}
	return text + ")"
}

// chain is the chain without the middle of a long one.
func (r *Route) chain() string {
	names := []string{r.Chain.From.String()}
	for _, s := range r.Chain.Services {
		names = append(names, s.ID())
	}
	if len(names) > mostNames {
		names = append(append(names[:mostNames-2:mostNames-2], "…"), names[len(names)-1])
	}
	return strings.Join(names, " -> ")
}

func some(names []string) string {
	if len(names) > mostNames {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:mostNames], ", "), len(names)-mostNames)
	}
	return strings.Join(names, ", ")
}

func (m *ModeChange) String() string {
	return fmt.Sprintf("%s %s (was %s)", m.Scope(), ModeName(m.New), ModeName(m.Old))
}

// ModeName is a mode as the language writes it.
func ModeName(m enforce.Mode) string { return strings.ToLower(m.String()) }

func (o *ObjectChange) String() string {
	text := o.Kind + " " + o.Name + " is " + o.Change
	list := func(before string, addresses []string) {
		if len(addresses) > 0 {
			text += before + some(addresses)
		}
	}
	switch o.Change {
	case "changed":
		list(", with ", o.Added)
		list(", without ", o.Removed)
	default:
		list(": ", append(slices.Clone(o.Added), o.Removed...))
	}
	if len(o.Added) > 0 {
		callers := make([]string, len(o.Callers))
		for i, c := range o.Callers {
			callers[i] = c.String()
		}
		list(", called by ", callers)
	}
	return text
}

// String is the name in the language: `shop/backend`.
func (c *Callee) String() string {
	switch {
	case c.Namespace == "":
		return "workloads of other namespaces"
	case c.Rest():
		return "other workloads of " + c.Namespace
	}
	return c.Namespace + "/" + c.Name
}

// String is the name of the callers and its exceptions, which do not repeat the name.
func (c *Callers) String() string {
	text := c.Caller.String()
	if c.Such {
		text = "callers such as " + text
	}
	for i := range c.Except {
		e := &c.Except[i]
		exception := e.String()
		if where := e.Where(); where != "" && e.Who() == c.Who() {
			exception = where
		}
		if token, with := strings.CutPrefix(exception, "with "); with && len(c.Except) == 1 {
			return text + " without " + token
		}
		text += separator(i, " except ") + exception
	}
	return text
}

// separator comes before the item of a list with an introduction.
func separator(item int, introduction string) string {
	if item == 0 {
		return introduction
	}
	return ", "
}

func (c *Caller) String() string {
	return join(c.Who(), c.Where())
}

// Who is the callers regardless of their addresses.
func (c *Caller) Who() string {
	switch {
	case c.Kind == policy.FromService && c.Service == nil:
		return "nobody"
	case c.Unidentified:
		return model.Unidentified
	case c.Identities != "":
		return c.Identities
	case c.Former != "":
		return c.Source.String() + " as " + c.Former
	}
	return c.Source.String()
}

// Where is the addresses of the callers, and what else is known of them.
func (c *Caller) Where() string {
	at, clients := "", ""
	if a := c.At.String(); a != "" {
		at = "at " + a
	}
	if a := c.Clients.String(); a != "" {
		clients = "for clients at " + a
	}
	return join(at, clients, c.Facts)
}

// String is the addresses; empty for all of them.
func (a Addresses) String() string {
	switch {
	case a.Other && !a.Block.IsValid():
		return "other addresses"
	case a.Other:
		return "other addresses of " + a.Block.String()
	case a.Block.IsValid():
		return a.Block.String()
	}
	return ""
}

// join puts a blank between words, any of which may be empty.
func join(words ...string) string {
	return strings.Join(slices.DeleteFunc(words, func(w string) bool { return w == "" }), " ")
}

// Scope is what the mode is set for, as the language writes it: `mesh shop`, `mesh *`, `mtls shop/backend:9090`.
func (m *ModeChange) Scope() string {
	switch {
	case m.Callee == nil && m.Mesh == "":
		return "mesh *"
	case m.Callee == nil:
		return "mesh " + m.Mesh
	case m.Port == 0:
		return "mtls " + m.Callee.String()
	}
	return "mtls " + m.Callee.String() + ":" + strconv.Itoa(int(m.Port))
}

// String is the caller and the members that do not get as far: `any except shop/a and shop/b`.
func (c *RouteCaller) String() string {
	text := c.Source.String()
	for i, e := range c.Except {
		if i == 0 {
			text += " except "
		} else {
			text += " and "
		}
		text += e.String()
	}
	return text
}
