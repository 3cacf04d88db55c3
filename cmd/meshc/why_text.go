package main

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/explain"
	"github.com/meshc/meshc/compiler/analysis/phrase"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang"
	"github.com/meshc/meshc/lang/source"
)

func (r *reason) text() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s: %s\n", r.headline(), &r.Query)
	if r.Answer != nil {
		for _, p := range r.Answer.Ports {
			b.WriteByte('\n')
			r.writePort(&b, &p)
		}
	}
	r.writeNetwork(&b)
	if len(r.Near) > 0 {
		fmt.Fprintf(&b, "\n%s may do this instead\n", r.From)
		for _, n := range r.Near {
			fmt.Fprintf(&b, "  %s  %s\n", strings.TrimPrefix(phrase.At("", n.Operations, nil, len(n.Operations)), " "), r.because(&explain.PortAnswer{}, &explain.Case{Decision: enforce.Decision{Reason: enforce.ByRule, Policy: n.Policy, Rule: n.Rule}}))
		}
	}
	var rest bytes.Buffer
	if r.Chain != nil {
		r.writeChain(&rest)
	}
	r.writeRemedy(&rest)
	for _, n := range r.notes() {
		fmt.Fprintf(&rest, "note: %s\n", n)
	}
	if rest.Len() > 0 {
		b.WriteByte('\n')
		b.Write(rest.Bytes())
	}
	return b.Bytes()
}

// maxHops is how many hops of a chain the text shows; JSON has them all.
const maxHops = 8

func (r *reason) writeChain(b *bytes.Buffer) {
	c := *r.Chain
	hops := len(c.Services)
	rest := ""
	if hops > maxHops {
		rest = fmt.Sprintf(" -> … -> %s", r.To.ID())
		c.Services, c.Edges, c.Routes = c.Services[:maxHops], c.Edges[:maxHops], c.Routes[:maxHops]
	}
	fmt.Fprintf(b, "it gets there in %d hops: %s%s\n", hops, &c, rest)
	for _, at := range slices.Compact(slices.Clone(c.Edges)) { // several hops may come from one statement
		if !at.IsZero() {
			fmt.Fprintf(b, "  %s\n", r.statement(at))
		}
	}
	for _, route := range c.Routes {
		if route != nil {
			fmt.Fprintf(b, "  %s: %s\n", r.place(route.At), route.By)
		}
	}
	if rest != "" {
		fmt.Fprintf(b, "  and %s more\n", plural(hops-maxHops, "hop"))
	}
}

// headline is a summary of the answer.
func (r *reason) headline() string {
	if r.Verdict != explain.Partly {
		return string(r.Verdict)
	}
	if r.Answer == nil || len(r.UDP) > 0 { // an external, or a callee that only the network guards
		return "allowed in part"
	}
	if r.plaintextOnly() {
		return "denied with mutual TLS, allowed in plaintext"
	}
	text := r.allowedCallers()
	if text == "" {
		text = r.allowedOperations()
	}
	if text == "" || len(text) > 120 {
		return "allowed in part"
	}
	return text
}

// plaintextOnly reports whether all that is allowed is to get around the identity of the callers by plaintext.
func (r *reason) plaintextOnly() bool {
	for _, p := range r.Answer.Ports {
		for _, c := range p.Callers {
			if slices.ContainsFunc(c.Cases, func(k explain.Case) bool { return k.Verdict != enforce.Denied }) {
				return false
			}
		}
	}
	return true
}

// allowedCallers is the headline where some callers may do everything in question and the others nothing.
func (r *reason) allowedCallers() string {
	var allowed, denied []string
	for i, p := range r.Answer.Ports {
		var names, others []string
		for _, c := range p.Callers {
			switch {
			case len(c.Cases) > 1 || c.Cases[0].Verdict == enforce.Undecided || c.Cases[0].Counterpart != nil && !c.Cases[0].Counterpart.Only:
				return ""
			case c.Cases[0].Verdict == enforce.Allowed:
				names = append(names, c.Names...)
			default:
				others = append(others, c.Names...)
			}
		}
		if len(names) == 0 || len(p.Callers) == 1 || i > 0 && !slices.Equal(names, allowed) {
			return ""
		}
		allowed, denied = names, append(denied, others...)
	}
	if r.From.Kind == policy.FromService {
		return allowedForms(r.From.String(), allowed, denied)
	}
	return "allowed for " + strings.Join(allowed, ", ") + "; denied for everyone else"
}

// allowedForms is the headline where one caller may do something in some forms: as one of its identities, with some
// tokens, or from some addresses.
func allowedForms(name string, allowed, denied []string) string {
	if !slices.Contains(allowed, name) {
		rest := "from everywhere else"
		if slices.ContainsFunc(slices.Concat(allowed, denied), func(n string) bool { return strings.Contains(n, " with ") || strings.Contains(n, " as ") }) {
			rest = "otherwise"
		}
		return "allowed" + strings.ReplaceAll(", "+strings.Join(allowed, ", "), ", "+name, ",")[1:] + "; denied " + rest
	}
	var forms []string
	for _, n := range denied {
		form := strings.TrimPrefix(strings.TrimPrefix(n, name), " ")
		switch {
		case strings.Contains(n, " with "):
			form = "with some tokens"
		case !strings.HasPrefix(form, "as "):
			form = "from some addresses"
		}
		if !slices.Contains(forms, form) {
			forms = append(forms, form)
		}
	}
	return "allowed, and denied " + strings.Join(forms, ", ")
}

// allowedOperations is the headline where all callers may do the same.
func (r *reason) allowedOperations() string {
	var allowed []string
	for _, p := range r.Answer.Ports {
		if len(p.Callers) != 1 {
			return ""
		}
		all, bare := "everything", false
		for i := range p.Callers[0].Cases {
			switch k := &p.Callers[0].Cases[i]; {
			case k.Example != "" || k.Verdict == enforce.Undecided || k.Counterpart != nil && !k.Counterpart.Only:
				return ""
			case k.NotHTTP && k.Verdict == enforce.Denied:
				all = "HTTP"
			case k.NotHTTP:
				bare = true
			}
		}
		operations, ok := r.Answer.Allows(&p, &p.Callers[0])
		if !ok {
			return ""
		}
		var some []string
		if len(operations) > 0 {
			some = append(some, cmp.Or(phrase.List(operations, all, len(operations)), all))
		}
		if bare && !slices.Equal(some, []string{"everything"}) {
			some = append(some, "what is not HTTP")
		}
		if len(some) > 0 {
			allowed = append(allowed, r.atPorts(&p, strings.Join(some, ", "), len(allowed)))
		}
	}
	between := ", "
	if slices.ContainsFunc(allowed, func(text string) bool { return strings.Contains(text, ";") || strings.Contains(text, " except ") }) {
		between = "; "
	}
	return "allowed for " + strings.Join(allowed, between) + "; denied for everything else"
}

// atPorts is what a headline says is allowed on ports of the answer, after it has said something of a number of them.
func (r *reason) atPorts(p *explain.PortAnswer, operations string, said int) string {
	ports, all := "", len(r.Answer.Ports)
	switch {
	case r.Port != 0, p.Others && all == 1:
		return operations
	case !p.Others:
		ports = ":" + join(numbers(p.Ports), ",")
	case said == all-1:
		ports = "all other ports"
	default:
		var rest []uint16
		for _, o := range r.Answer.Ports {
			if !o.Others {
				rest = append(rest, numbers(o.Ports)...)
			}
		}
		return strings.TrimPrefix(operations+" on every port but :"+join(rest, ",:"), "everything on ")
	}
	return strings.TrimSuffix(ports+" "+operations, " everything")
}

func numbers(ports []policy.Port) []uint16 {
	all := make([]uint16, len(ports))
	for i, p := range ports {
		all[i] = p.Number
	}
	return all
}

func operations(k *explain.Case, all string) string {
	switch {
	case k.NotHTTP:
		return "what is not HTTP"
	case k.Example != "":
		return "requests such as " + k.Example
	case len(k.Operations) == 0:
		return all
	}
	text := phrase.List(k.Operations, "everything", len(k.Operations))
	if len(k.Within) > 0 {
		text += " within " + phrase.List(k.Within, "everything", len(k.Within))
	}
	return text
}

func join[T any](list []T, between string) string {
	words := make([]string, len(list))
	for i, v := range list {
		words[i] = fmt.Sprint(v)
	}
	return strings.Join(words, between)
}

// writePort writes how the requests to some ports are decided: a line per case, in the order of the rules.
func (r *reason) writePort(b *bytes.Buffer, p *explain.PortAnswer) {
	b.WriteString(portsText(p, len(r.Answer.Ports) == 1 && r.Port == 0))
	if p.Mode != enforce.Meshless {
		fmt.Fprintf(b, ", %s", r.protection(p))
	}
	b.WriteByte('\n')
	for _, c := range p.Callers {
		indent := "  "
		if len(p.Callers) > 1 || r.From.Kind != policy.FromService {
			fmt.Fprintf(b, "  from %s\n", strings.Join(c.Names, ", "))
			indent = "    "
		}
		var words []string
		width := 0
		for i := range c.Cases {
			k := &c.Cases[i]
			all := "everything"
			if len(c.Cases) > 1 {
				all = "everything else"
			}
			if k.Reason == enforce.NotJudged && k.Rule < 0 && len(c.Cases) > 1 {
				all = "what else is allowed"
			}
			word := operations(k, all)
			if len(c.Cases) == 1 && len(k.Operations) == 0 && len(r.Ops) > 0 {
				word = join(r.Ops, ", ")
			}
			words = append(words, word)
			if len(word) <= widest {
				width = max(width, len(word))
			}
		}
		for i := range c.Cases {
			k := &c.Cases[i]
			fmt.Fprintf(b, "%s%-9s  %-*s  %s\n", indent, k.Verdict, width, words[i], r.because(p, k))
			for _, at := range k.Intents {
				fmt.Fprintf(b, "%s%9s  %-*s  %s\n", indent, "", width, "", r.statement(at))
			}
			if k.Counterpart != nil {
				fmt.Fprintf(b, "%s%9s  %-*s  %s\n", indent, "", width, "", r.counterpart(k.Counterpart))
			}
		}
	}
}

// widest is the length up to which operations count for the width of their column.
const widest = 40

func portsText(p *explain.PortAnswer, only bool) string {
	words := make([]string, len(p.Ports))
	for i, port := range p.Ports {
		words[i] = fmt.Sprint(port.Number)
		if port.Protocol != policy.ProtocolUnset {
			words[i] += " (" + port.Protocol.String() + ")"
		}
	}
	text := "port "
	if len(words) > 1 {
		text = "ports "
	}
	text += strings.Join(words, ", ")
	switch {
	case p.Others && only:
		return "every port"
	case p.Others && len(words) == 0:
		return "every port that nothing names"
	case p.Others:
		return text + " and every port that nothing names"
	}
	return text
}

// protection is what callers of some ports meet: the mode, unless no proxy sees the ports.
func (r *reason) protection(p *explain.PortAnswer) string {
	mutual := r.mode(p.Mode, p.By)
	switch p.Capture.Capture {
	case policy.Bypassed:
		return "which bypasses the proxy"
	case policy.Unclear:
		return "which may bypass the proxy, " + mutual
	}
	return mutual
}

func (r *reason) mode(mode enforce.Mode, by *enforce.Object) string {
	switch {
	case mode == enforce.Listener:
		return "with the TLS of its listener"
	case by == nil && mode == enforce.Unknown:
		return "mutual TLS unknown"
	case by == nil:
		return "mutual TLS " + mode.String() + ", Istio's default"
	}
	return "mutual TLS " + mode.String() + " by " + r.object(by)
}

// object names a policy, with its place if it is in a file.
func (r *reason) object(p *enforce.Object) string {
	if !r.lies(p) {
		return p.Kind + " " + p.ID()
	}
	return p.Kind + " " + p.ID() + " (" + r.place(p.At) + ")"
}

// lies reports whether a policy is in a file.
func (r *reason) lies(p *enforce.Object) bool { return r.build == nil || r.build.Accepts(p) }

func (r *reason) place(at source.Span) string {
	return fmt.Sprintf("%s:%d", r.shown(at.File.Name), at.StartPosition().Line)
}

func (r *reason) statement(at source.Span) string {
	return r.place(at) + ": " + lang.OneLine(at.Text())
}

// counterpart says what the mutual TLS of a port has to do with a decision.
func (r *reason) counterpart(p *explain.Counterpart) string {
	by := ""
	if p.Other.Policy != nil {
		by = " by " + r.because(&explain.PortAnswer{}, &explain.Case{Decision: p.Other})
	}
	if p.Only {
		return "mutual TLS is disabled there, so the caller has no identity; with one this would be " + p.Other.Verdict.String() + by
	}
	return "the port takes plaintext too: without an identity the same request is " + p.Other.Verdict.String() + by
}

// because is the reason for a decision.
func (r *reason) because(p *explain.PortAnswer, k *explain.Case) string {
	switch text := r.atPoint(p, k); {
	case k.Way == nil || k.Reason == enforce.Relays:
		return text
	case k.Split && k.Behind:
		return "a share of the calls passes the waypoint " + k.Way.Waypoint.ID() + ", which the pods do not let in: " + text + r.other(p, k)
	case k.Split:
		return "a share of the calls passes the waypoint " + k.Way.Waypoint.ID() + ", and is refused there: " + text + r.other(p, k)
	case k.Apart:
		return "calls pass the waypoint " + k.Way.Waypoint.ID() + " and are let in there, and those of pods with the same account that have a sidecar pass none and are refused: " + text
	case k.Around && k.Behind:
		return "calls to the Service are refused, since the pods do not let the waypoint " + k.Way.Waypoint.ID() + " in, and those to the addresses of pods are let in: " + text
	case k.Around:
		return "calls to the Service are refused at the waypoint " + k.Way.Waypoint.ID() + ", and those to the addresses of pods get around it: " + text
	case k.Behind:
		return "the pods do not let the waypoint " + k.Way.Waypoint.ID() + " in: " + text + r.other(p, k)
	default:
		return text + ", at the waypoint " + k.Way.Waypoint.ID() + r.other(p, k)
	}
}

// other says what becomes of the calls that pass the other one of two waypoints; empty where that is the same.
func (r *reason) other(p *explain.PortAnswer, k *explain.Case) string {
	o := k.Other
	if o.Way == nil {
		return ""
	}
	decision := enforce.Decision{Verdict: o.Verdict, Reason: o.Reason, Policy: o.Policy, Rule: o.Rule, Way: o.Way}
	text := r.atPoint(p, &explain.Case{Decision: decision})
	switch {
	case o.Behind:
		text = "the pods decide about that: " + text
	case o.Reason == enforce.NoPolicy:
		text = "no ALLOW policy binds the Service " + o.Way.Host + " there"
	}
	if k.Split {
		return "; the other calls pass the waypoint " + o.Way.Waypoint.ID() + ": " + text
	}
	return "; a share of the calls passes the waypoint " + o.Way.Waypoint.ID() + ", with the same result: " + text
}

// atPoint says why the point that decides does so.
func (r *reason) atPoint(p *explain.PortAnswer, k *explain.Case) string {
	switch k.Reason {
	case enforce.Relays:
		return "it is the waypoint " + k.Way.Waypoint.ID() + ", which passes on the calls of others and has none of its own"
	case enforce.NotCaptured:
		if p.Capture.At.IsZero() {
			return p.Capture.Why
		}
		return p.Capture.Why + " (" + r.place(p.Capture.At) + ")"
	case enforce.NoPolicy:
		return "no ALLOW policy selects " + r.To.ID()
	case enforce.NoMatch:
		return "no rule allows it; " + r.object(k.Policy) + " closes the rest"
	case enforce.Plaintext:
		return "without identity, and the port takes mutual TLS only"
	case enforce.BadToken:
		return r.object(k.Policy) + " does not take the token"
	}
	switch {
	case k.Connection != "":
		return k.Connection
	case k.Policy == nil && r.Answer.Judged:
		return "the listener may ask for no identity"
	case k.Policy == nil:
		return "what is enforced here is not judged"
	}
	text := k.Policy.Kind + " " + k.Policy.ID()
	at := k.Policy.At
	proxied := k.Policy.NotHTTP(k.Rule)
	if k.Rule >= 0 {
		at = k.Policy.RuleAt(k.Rule)
	}
	if k.Rule >= 0 && !proxied {
		text += fmt.Sprintf(" rule %d", k.Rule)
	}
	if k.Policy.Effect != enforce.Allow && !proxied {
		text += ", " + k.Policy.Effect.String()
	}
	if r.lies(k.Policy) {
		text += " (" + r.place(at) + ")"
	}
	switch {
	case proxied && k.Reason != enforce.NotJudged:
		text += ": the proxy that reads requests there takes only HTTP"
	case k.Reason != enforce.NotJudged:
	case k.Policy.Effect == enforce.Custom:
		text += ": " + k.Policy.Provider + " decides"
	default:
		text += " cannot be judged"
	}
	return text
}
