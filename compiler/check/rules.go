package check

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

const expiresSoon = 30 * 24 * time.Hour

// rules resolves every edge and deny, hop by hop.
func (c *checker) edges(sections []section) {
	for _, s := range sections {
		for _, stmt := range s.stmts {
			switch e := stmt.(type) {
			case *lang.Edge:
				c.hops(s.mesh, e.Hops, e.Tail, e.Range, false)
			case *lang.Deny:
				c.hops(s.mesh, e.Hops, e.Tail, e.Range, true)
			}
		}
	}
	for _, m := range c.meshes {
		for _, e := range m.externals() {
			slices.SortFunc(e.Callers, policy.Source.Compare)
			e.Callers = slices.CompactFunc(e.Callers, func(a, b policy.Source) bool { return a.Compare(b) == 0 })
		}
	}
}

func (c *checker) hops(m *mesh, hops [][]lang.Target, tail lang.Tail, at source.Span, deny bool) {
	until, because := c.tail(tail)
	for i := 0; i+1 < len(hops); i++ {
		left := hops[i]
		if i > 0 {
			left = bare(left)
		}
		from, fromAt := c.sources(m, left, deny)
		c.callers(from, deny)
		c.lastOnly(m, hops[i+1])
		for j := range hops[i+1] {
			t := &hops[i+1][j]
			rule := policy.Rule{From: from, Because: because, Until: until, At: at}
			c.hop(m, rule, fromAt, left, t, deny)
		}
	}
}

// callers marks the services that an edge or a deny names as callers, and those that it lets in with everybody.
func (c *checker) callers(from []policy.Source, deny bool) {
	for _, f := range from {
		switch f.Kind {
		case policy.FromAny, policy.FromWorld:
			if !deny {
				c.anyone = max(c.anyone, f.Kind)
			}
		case policy.FromService:
			c.byName[f.Service.Namespace].names[f.Service.Name].service.calls = true
		case policy.FromMesh:
			for _, s := range c.byName[f.Mesh].services {
				s.calls = true
			}
		}
	}
}

// bare is a middle of a chain as a source: what it says as a destination does not concern its calls.
func bare(targets []lang.Target) []lang.Target {
	out := make([]lang.Target, len(targets))
	for i, t := range targets {
		out[i].Ref = t.Ref
	}
	return out
}

// hop resolves one destination and enters a rule for each service that it stands for.
func (c *checker) hop(m *mesh, base policy.Rule, fromAt []source.Span, left []lang.Target, t *lang.Target, deny bool) {
	callees, ext := c.destination(m, t.Ref)
	ops, ok := c.operations(t.Ops)
	if ext != nil {
		c.externalEdge(m, base, fromAt, ext, t, deny)
		return
	}
	consent := &consent{statement: m}
	for _, s := range callees {
		s.called = true
		r := &rule{Rule: base, callee: s}
		r.FromAt, r.ToAt = fromAt, t.Ref.Range
		r.Ops = ops
		if !ok || !c.rulePorts(r, t, len(callees) == 1) || len(r.From) == 0 {
			continue
		}
		if s.mesh != m && !c.consented(consent, r) {
			continue
		}
		r.key = r.Rule.OperationKey()
		c.repeats(r, deny)
		if deny {
			s.deny = append(s.deny, r)
		} else {
			s.allow = append(s.allow, r)
		}
	}
	c.refused(m, consent, t, deny)
	if len(left) == 1 && len(callees) == 1 && len(base.From) == 1 && base.From[0].Service == callees[0].Service {
		c.list.Add(diag.SelfEdge, t.Ref.Range, "%s calls itself", callees[0].Name).
			WithNote("a call from one pod of a service to another is a real one, but it is rarely meant").
			WithHelp("keep it where the pods of %s talk to each other, else delete it", callees[0].Name)
	}
}

// destination resolves the right side of an edge: services, or one external.
func (c *checker) destination(m *mesh, r lang.Ref) ([]*service, *external) {
	switch kind := special(r); {
	case kind == policy.FromAny || kind == policy.FromWorld:
		if !c.ambiguous(m, r) {
			c.list.Add(diag.NotADestination, r.Range, "`%s` can call, it cannot be called", r.Name.Text).
				WithHelp("name the services that may be called, or write `*` for all of this mesh")
		}
		return nil, nil
	case kind == policy.FromMesh:
		if other := c.lookupMesh(r.Namespace); other != nil {
			return c.everyone(other, false), nil
		}
		return nil, nil
	case r.Name.Text == "*" && !r.Name.Quoted:
		return c.everyone(m, false), nil
	}
	s := c.lookup(m, r)
	switch {
	case s == nil:
		return nil, nil
	case s.external != nil:
		return nil, s.external
	}
	return s.services(), nil
}

// rulePorts fills the ports of a rule; single tells that the destination names this one service.
func (c *checker) rulePorts(r *rule, t *lang.Target, single bool) bool {
	s := r.callee
	if t.Port.Present() {
		number, ok := c.port(s, t.Port)
		if !ok {
			return false
		}
		r.Ports = []uint16{number}
		if len(r.Ops) > 0 {
			i := slices.IndexFunc(s.Ports, func(p policy.Port) bool { return p.Number == number })
			if p := s.Ports[i].Protocol; !p.IsHTTP() {
				d := c.list.Add(diag.NotHTTP, t.Ops[0].Range.To(t.Ops[len(t.Ops)-1].Range), "port %d of %s is not known to be HTTP, so it has no methods and paths", number, s.Name).
					WithRelated(s.At, "declared here")
				switch {
				case s.decl == nil || len(s.decl.Ports) == 0:
					d.WithHelp("set appProtocol: http on the port of its Kubernetes Service, or delete the operations")
				case p == policy.ProtocolUnset:
					d.WithHelp("declare its protocol: `port %d http`", number)
				default:
					d.WithHelp("it is declared as %s: delete the operations, or declare `port %d http`", p, number)
				}
				return false
			}
		}
		return true
	}
	if len(r.Ops) == 0 {
		return true
	}
	r.anyHTTP = true
	for _, p := range s.Ports {
		if p.Protocol.IsHTTP() {
			r.Ports = append(r.Ports, p.Number)
		}
	}
	if len(r.Ports) == 0 {
		at := t.Ref.Range
		if single {
			at = t.Ops[0].Range.To(t.Ops[len(t.Ops)-1].Range)
		}
		c.list.Add(diag.NotHTTP, at, "%s has no HTTP port, so it has no methods and paths", s.Name).
			WithRelated(s.At, "declared here").
			WithHelp("declare one: `service %s … port 8080 http`, or delete the operations", s.Name)
		return false
	}
	return true
}

// operations converts methods and paths. It reports those that no request can have; which of the others a target can match
// is for the target to judge.
func (c *checker) operations(ops []lang.Operation) (all []policy.Operation, ok bool) {
	if len(ops) == 0 {
		return nil, true
	}
	ok = true
	c.bareMethod(ops)
	out := make([]policy.Operation, 0, len(ops))
	for _, op := range ops {
		o := policy.Operation{At: op.Range}
		for _, m := range op.Methods {
			ok = c.validMethod(m) && ok
			o.Methods = append(o.Methods, m.Text)
		}
		slices.Sort(o.Methods)
		o.Methods = slices.Compact(o.Methods)
		if op.Path.Present() {
			ok = c.validPath(op.Path) && ok
			if op.Path.Text != "*" {
				o.Path = op.Path.Text
			}
		}
		if len(o.Methods) == 0 && o.Path == "" && op.Path.Text == "*" {
			o.Path = "*"
		}
		out = append(out, o)
	}
	return policy.Canonical(out), ok
}

// bareMethod warns of `GET, POST /x`, which lets through every GET.
func (c *checker) bareMethod(ops []lang.Operation) {
	for i := 0; i+1 < len(ops); i++ {
		if !ops[i].Path.Present() && ops[i+1].Path.Present() && len(ops[i+1].Methods) > 0 {
			first, next := ops[i].Range.Text(), ops[i+1].Methods[0].Range.To(ops[i+1].Methods[len(ops[i+1].Methods)-1].Range).Text()
			c.list.Add(diag.BareMethod, ops[i].Range, "%s has no path of its own, so it is every path", first).
				WithHelp("write %s|%s %s for both, or %s /* where every path is meant", first, next, ops[i+1].Path.Range.Text(), first).
				WithFix(false, ops[i].Range.To(ops[i+1].Range), first+"|"+next+" "+ops[i+1].Path.Range.Text(), "join the methods")
		}
	}
}

var methods = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE"}

func (c *checker) validMethod(n lang.Name) bool {
	if slices.Contains(methods, n.Text) {
		return true
	}
	for _, r := range n.Text {
		if (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' {
			c.list.Add(diag.InvalidOperation, n.Range, "%s is not an HTTP method", quoted(n.Text)).
				WithHelp("methods are upper-case words: GET, HEAD, POST, PUT, PATCH, DELETE")
			return false
		}
	}
	if near, ok := diag.Nearest(n.Text, methods); ok {
		c.list.Add(diag.InvalidOperation, n.Range, "%s is not an HTTP method", quoted(n.Text)).
			WithHelp("did you mean %s?", near).WithFix(false, n.Range, near, "write "+near)
		return false
	}
	return true
}

// validPath reports a path that no request has.
func (c *checker) validPath(n lang.Name) bool {
	p := n.Text
	problem, help := "", ""
	switch {
	case p == "":
		problem, help = "is empty", "write `/` for the root, `/*` for every path"
	case !strings.HasPrefix(p, "/") && !strings.HasPrefix(p, "*"):
		problem, help = "does not begin with `/`", "write /"+p
	case strings.ContainsAny(p, "?#"):
		problem, help = "has a query or fragment, which policies do not see", "write the path alone: "+p[:strings.IndexAny(p, "?#")]
	case strings.ContainsFunc(p, func(r rune) bool { return r <= ' ' || r == 0x7f }):
		problem, help = "has a blank or control character, which no path has", "write it percent-encoded: %20"
	case strings.ContainsFunc(p, func(r rune) bool { return r >= 0x80 }):
		problem, help = "has a character that requests have in percent-encoding only", "write it percent-encoded: "+percentEncoded(p)
	case hasDotSegment(p):
		problem, help = "has a dot segment, which a proxy resolves before policies see the request", "write the path that it leads to"
	default:
		return true
	}
	c.list.Add(diag.InvalidOperation, n.Range, "path %s %s", quoted(p), problem).WithHelp("%s", help)
	return false
}

func percentEncoded(p string) string {
	var b strings.Builder
	for i := range len(p) {
		if p[i] < 0x80 {
			b.WriteByte(p[i])
		} else {
			fmt.Fprintf(&b, "%%%02X", p[i])
		}
	}
	return b.String()
}

// hasDotSegment reports whether a path has a segment that normalization of paths (RFC 3986, 5.2.4) removes, percent-encoded
// or not.
func hasDotSegment(p string) bool {
	for segment := range strings.SplitSeq(p, "/") {
		switch strings.ReplaceAll(strings.ToLower(segment), "%2e", ".") {
		case ".", "..":
			return true
		}
	}
	return false
}

// tail reads `until` and `because`.
func (c *checker) tail(t lang.Tail) (until, because string) {
	because = t.Because.Text
	if i := strings.IndexFunc(because, func(r rune) bool { return unicode.Is(unicode.Bidi_Control, r) || unicode.IsControl(r) }); i >= 0 {
		c.list.Add(diag.InvalidValue, t.Because.Range, "this reason has a character that changes how the text around it reads").
			WithHelp("delete it: control and direction characters are invisible, and reviewers would see another text")
	}
	if !t.Until.Present() {
		return "", because
	}
	day, err := time.Parse(time.DateOnly, t.Until.Text)
	if err != nil {
		c.list.Add(diag.InvalidValue, t.Until.Range, "%s is not a day", quoted(t.Until.Text)).
			WithHelp("write year, month and day: until 2027-03-31")
		return "", because
	}
	today := c.Today.UTC().Truncate(24 * time.Hour)
	switch {
	case today.After(day):
		c.list.Add(diag.Expired, t.Until.Range, "this ended on %s", t.Until.Text).
			WithNote("today is %s", today.Format(time.DateOnly)).
			WithHelp("delete the statement, or give it a later day")
	case day.Sub(today) <= expiresSoon:
		c.list.Add(diag.Expiring, t.Until.Range, "this ends in %s", days(int(day.Sub(today).Hours())/24)).
			WithNote("from the day after %s the build fails until the statement is deleted or prolonged", t.Until.Text)
	}
	return t.Until.Text, because
}

func days(n int) string {
	switch n {
	case 0:
		return "less than a day"
	case 1:
		return "1 day"
	}
	return strconv.Itoa(n) + " days"
}

// edgeKey is one caller, callee and set of operations.
type edgeKey struct {
	callee *service
	caller *policy.Service
	kind   policy.SourceKind
	mesh   string
	deny   bool
	key    string
}

// repeats reports a rule whose every caller has the same rule already.
func (c *checker) repeats(r *rule, deny bool) {
	repeated := true
	var first source.Span
	for _, f := range r.From {
		k := edgeKey{r.callee, f.Service, f.Kind, f.Mesh, deny, r.key}
		if at, ok := c.seen[k]; ok {
			first = at
		} else {
			repeated = false
			c.seen[k] = r.At
		}
	}
	if repeated {
		what := "edge"
		if deny {
			what = "deny"
		}
		c.list.Add(diag.DuplicateEdge, r.ToAt, "this %s is written already", what).
			WithRelated(first, "first written here").
			WithHelp("delete one of the two")
	}
}

// externalEdge enters the callers of an external.
func (c *checker) externalEdge(m *mesh, base policy.Rule, fromAt []source.Span, e *external, t *lang.Target, deny bool) {
	e.used = true
	switch {
	case deny:
		c.list.Add(diag.NotADestination, t.Ref.Range, "a deny cannot bind %s: it is outside the mesh", quoted(t.String())).
			WithRelated(e.At, "declared as an external here").
			WithHelp("leave its edge out: with `sidecars: true` only callers with an edge reach it")
		return
	case e.Namespace != m.Name:
		c.list.Add(diag.NotADestination, t.Ref.Range, "%s is an external of mesh %s and not visible here", quoted(t.Name.Text), e.Namespace).
			WithRelated(e.At, "declared here").
			WithHelp("declare it in mesh %s too: `external %s host …`", m.Name, t.Name.Text)
		return
	case len(t.Ops) > 0:
		c.list.Add(diag.MisplacedClause, t.Ops[0].Range.To(t.Ops[len(t.Ops)-1].Range), "operations on an external would be enforced by nobody").
			WithHelp("delete them: inside the mesh the callee's proxy enforces them, and an external has none")
		return
	}
	if t.Port.Present() {
		number, ok := c.portNumber(t.Port)
		if !ok {
			return
		}
		if !slices.ContainsFunc(e.Ports, func(p policy.ExternalPort) bool { return p.Number == number }) {
			c.list.Add(diag.UnknownPort, t.Port.Range, "%s declares no port %d", e.Name, number).
				WithRelated(e.At, "declared here").
				WithHelp("declare it: `port %d tls`", number)
			return
		}
	}
	for i, f := range base.From {
		if f.Kind == policy.FromService && f.Service.Namespace != m.Name || f.Kind == policy.FromMesh && f.Mesh != m.Name {
			c.list.Add(diag.NotADestination, fromAt[i], "%s cannot see the externals of mesh %s", quoted(f.String()), m.Name).
				WithRelated(e.At, "declared here").
				WithHelp("declare the external in the mesh of its caller")
			continue
		}
		e.Callers = append(e.Callers, f)
	}
}
