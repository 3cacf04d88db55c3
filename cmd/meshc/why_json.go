package main

import (
	"slices"

	"github.com/meshc/meshc/compiler"
	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/explain"
	"github.com/meshc/meshc/compiler/analysis/phrase"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang"
	"github.com/meshc/meshc/lang/source"
)

type whyJSON struct {
	Schema     string       `json:"schema"`
	Verdict    string       `json:"verdict"`
	From       string       `json:"from"`
	To         string       `json:"to"`
	Port       uint16       `json:"port,omitempty"`
	Operations []string     `json:"operations,omitempty"`
	Ports      []whyPort    `json:"ports"`
	Network    []whyReach   `json:"network,omitempty"` // what becomes of the connections before; absent where nothing is known of the network
	Near       []whyNear    `json:"near,omitempty"`    // rules that let the caller do something else
	Chain      []whyHop     `json:"chain,omitempty"`
	Narrow     []placeJSON  `json:"narrow,omitempty"`   // what denies it, no matter what allows it
	Instead    []whyLine    `json:"instead,omitempty"`  // what takes the place of that, so that nothing but this is let through
	Replaced   []placeJSON  `json:"replaced,omitempty"` // what the remedy takes the place of
	Remedy     []whyLine    `json:"remedy,omitempty"`   // the mode it needs and the edge that would allow it; or the edge and the consent from the caller's side
	Breaks     []placeJSON  `json:"breaks,omitempty"`   // the guards that forbid a remedy
	Whole      []placeJSON  `json:"whole,omitempty"`    // what denies it and cannot be narrowed to all but this
	Refused    []whyRefusal `json:"refused,omitempty"`  // why the check refuses a remedy
	UDP        []uint16     `json:"udp,omitempty"`      // ports in question that no proxy sees: everyone may call them
	Notes      []string     `json:"notes"`
}

type whyPort struct {
	Ports      []portJSON  `json:"ports"`
	OtherPorts bool        `json:"otherPorts"` // and the ports that nothing names
	Mode       string      `json:"mode"`
	ModeBy     *policyJSON `json:"modeBy,omitempty"`  // absent for Istio's default
	Capture    string      `json:"capture,omitempty"` // bypassed or unclear; absent where the proxy sees the ports
	Callers    []whyCaller `json:"callers"`
}

type portJSON struct {
	Number   uint16 `json:"number"`
	Protocol string `json:"protocol,omitempty"`
}

type whyCaller struct {
	Callers []string  `json:"callers"`
	Cases   []whyCase `json:"cases"`
}

type whyCase struct {
	Verdict    string      `json:"verdict"`
	Reason     string      `json:"reason"`
	Operations []string    `json:"operations,omitempty"` // absent for everything that no earlier case takes
	NotHTTP    bool        `json:"notHTTP,omitempty"`
	Policy     *policyJSON `json:"policy,omitempty"`
	Rule       *int        `json:"rule,omitempty"`
	Intents    []placeJSON `json:"intents,omitempty"`

	Plaintext *whyPlaintext `json:"plaintext,omitempty"` // where the identity of the callers would decide otherwise

	Waypoint string `json:"waypoint,omitempty"` // that the requests pass, and that decides unless behind is set
	Behind   bool   `json:"behind,omitempty"`   // the pods decide, about the waypoint
	Split    bool   `json:"split,omitempty"`    // a share of the calls passes this waypoint, and others get further
	Apart    bool   `json:"apart,omitempty"`    // pods with the account of the caller have sidecars and pass no waypoint, and are refused
	Around   bool   `json:"around,omitempty"`   // this is about calls to the Service, and those to the addresses of pods get further

	Within  []string  `json:"within,omitempty"`  // of the operations those that are these too
	Example string    `json:"example,omitempty"` // a request; the operations do not tell those of this case from those of the next ones
	Other   *whyShare `json:"other,omitempty"`   // what is decided about the share of the calls that passes another waypoint, where that is not the same
}

type whyShare struct {
	Waypoint string      `json:"waypoint"`
	Behind   bool        `json:"behind,omitempty"`
	Verdict  string      `json:"verdict"`
	Reason   string      `json:"reason"`
	Policy   *policyJSON `json:"policy,omitempty"`
	Rule     *int        `json:"rule,omitempty"`
}

type whyPlaintext struct {
	Only    bool        `json:"only"`    // the port takes nothing else: the verdict is that for mutual TLS
	Verdict string      `json:"verdict"` // else that for plaintext
	Policy  *policyJSON `json:"policy,omitempty"`
	Rule    *int        `json:"rule,omitempty"`
}

type policyJSON struct {
	Kind      string `json:"kind"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	File      string `json:"file,omitempty"`
	Line      int    `json:"line,omitempty"`
}

type placeJSON struct {
	File      string `json:"file"`
	Line      int    `json:"line"`
	Statement string `json:"statement"`
}

type whyNear struct {
	Policy     *policyJSON `json:"policy"`
	Rule       int         `json:"rule"`
	Operations []string    `json:"operations"`
}

type whyHop struct {
	From string     `json:"from"`
	To   string     `json:"to"`
	At   *placeJSON `json:"at,omitempty"`

	Route *placeJSON `json:"route,omitempty"` // along which a gateway makes the call
}

type whyRefusal struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Help    string `json:"help,omitempty"`
}

type whyLine struct {
	Mesh string `json:"mesh"`
	File string `json:"file"`
	Line string `json:"line"`
}

var reasons = map[enforce.Reason]string{
	enforce.NoPolicy: "noPolicy", enforce.ByRule: "rule", enforce.NoMatch: "noRule", enforce.Plaintext: "noIdentity", enforce.Connection: "connection", enforce.NotJudged: "notJudged",
	enforce.NotCaptured: "notCaptured", enforce.BadToken: "badToken", enforce.Relays: "waypoint",
}

// whysJSON is one answer, or those about the members of a group.
func whysJSON(all []*reason) ([]byte, error) {
	if len(all) == 1 {
		return answerJSON(all[0].json())
	}
	out := struct {
		Schema  string    `json:"schema"`
		Answers []whyJSON `json:"answers"`
	}{Schema: "meshc.dev/why-group/v1"}
	for _, r := range all {
		out.Answers = append(out.Answers, r.json())
	}
	return answerJSON(out)
}

func (r *reason) json() whyJSON {
	out := whyJSON{Schema: "meshc.dev/why/v1", Verdict: string(r.Verdict), From: r.From.String(), Port: r.Port, Ports: []whyPort{}, UDP: r.UDP, Notes: append([]string{}, r.notes()...)}
	if r.To != nil {
		out.To = r.To.ID()
	} else {
		out.To = r.External.ID()
	}
	for _, o := range r.Ops {
		out.Operations = append(out.Operations, o.String())
	}
	if r.Answer != nil {
		for i := range r.Answer.Ports {
			out.Ports = append(out.Ports, r.portJSON(&r.Answer.Ports[i]))
		}
	}
	out.Network = r.networkJSON()
	for _, n := range r.Near {
		out.Near = append(out.Near, whyNear{r.policyJSON(n.Policy), n.Rule, phrase.Texts(n.Operations)})
	}
	out.Chain = r.chainJSON()
	for i := range r.Remedy.Ways {
		r.addWay(&out, &r.Remedy.Ways[i])
	}
	for _, at := range r.Remedy.Breaks {
		out.Breaks = append(out.Breaks, r.placeJSON(at))
	}
	for _, at := range r.Remedy.Whole {
		out.Whole = append(out.Whole, r.placeJSON(at))
	}
	for _, d := range r.Remedy.Refused {
		out.Refused = append(out.Refused, whyRefusal{string(d.Code), d.Message, d.Help})
	}
	return out
}

func (r *reason) portJSON(p *explain.PortAnswer) whyPort {
	out := whyPort{Ports: []portJSON{}, OtherPorts: p.Others, Mode: p.Mode.String(), ModeBy: r.policyJSON(p.By), Callers: []whyCaller{}}
	if p.Capture.Capture != policy.Captured {
		out.Capture = p.Capture.String()
	}
	for _, n := range p.Ports {
		out.Ports = append(out.Ports, portJSON{n.Number, n.Protocol.String()})
	}
	for _, c := range p.Callers {
		caller := whyCaller{Callers: c.Names, Cases: []whyCase{}}
		for i := range c.Cases {
			caller.Cases = append(caller.Cases, r.caseJSON(&c.Cases[i]))
		}
		out.Callers = append(out.Callers, caller)
	}
	return out
}

func (r *reason) caseJSON(k *explain.Case) whyCase {
	out := whyCase{Verdict: k.Verdict.String(), Reason: reasons[k.Reason], Operations: phrase.Texts(k.Operations), NotHTTP: k.NotHTTP, Policy: r.policyJSON(k.Policy), Rule: ruleJSON(k.Rule)}
	if k.Way != nil {
		out.Waypoint, out.Behind, out.Around, out.Split, out.Apart = k.Way.Waypoint.ID(), k.Behind, k.Around, k.Split, k.Apart
	}
	out.Within, out.Example = phrase.Texts(k.Within), k.Example
	if o := &k.Other; o.Way != nil {
		out.Other = &whyShare{o.Way.Waypoint.ID(), o.Behind, o.Verdict.String(), reasons[o.Reason], r.policyJSON(o.Policy), ruleJSON(o.Rule)}
	}
	if c := k.Counterpart; c != nil {
		out.Plaintext = &whyPlaintext{c.Only, c.Other.Verdict.String(), r.policyJSON(c.Other.Policy), ruleJSON(c.Other.Rule)}
	}
	for _, at := range k.Intents {
		out.Intents = append(out.Intents, r.placeJSON(at))
	}
	return out
}

// ruleJSON is the index of the rule that decides, nil where none does.
func ruleJSON(rule int) *int {
	if rule < 0 {
		return nil
	}
	return &rule
}

func (r *reason) chainJSON() (hops []whyHop) {
	if r.Chain == nil {
		return nil
	}
	from := r.Chain.From.String()
	for i, s := range r.Chain.Services {
		hop := whyHop{From: from, To: s.ID()}
		if at := r.Chain.Edges[i]; !at.IsZero() {
			place := r.placeJSON(at)
			hop.At = &place
		}
		if route := r.Chain.Routes[i]; route != nil {
			hop.Route = &placeJSON{File: r.shown(route.At.File.Name), Line: route.At.StartPosition().Line, Statement: route.By}
		}
		hops = append(hops, hop)
		from = s.ID()
	}
	return hops
}

// addWay adds what a way to allow it changes, unless the way lets in everyone at a port that proves no identity. What
// several ways change alike is there once.
func (r *reason) addWay(out *whyJSON, w *explain.Way) {
	if w.Kind == explain.Everyone {
		return
	}
	for _, at := range w.Narrow {
		out.Narrow = appendNew(out.Narrow, r.placeJSON(at))
	}
	for _, one := range slices.Concat(w.Instead...) {
		out.Instead = appendNew(out.Instead, whyLine{one.Mesh, r.shown(one.File), one.Text})
	}
	for _, at := range w.Replaced {
		out.Replaced = appendNew(out.Replaced, r.placeJSON(at))
	}
	for i := range w.Write {
		out.Remedy = appendNew(out.Remedy, whyLine{w.Write[i].Mesh, r.shown(w.Write[i].File), compiler.Written(&w.Write[i])})
	}
}

// appendNew appends a value that the list does not have.
func appendNew[T comparable](list []T, value T) []T {
	if slices.Contains(list, value) {
		return list
	}
	return append(list, value)
}

func (r *reason) policyJSON(p *enforce.Object) *policyJSON {
	if p == nil {
		return nil
	}
	out := &policyJSON{Kind: p.Kind, Namespace: p.Namespace, Name: p.Name}
	if r.lies(p) {
		out.File, out.Line = r.shown(p.At.File.Name), p.At.StartPosition().Line
	}
	return out
}

func (r *reason) placeJSON(at source.Span) placeJSON {
	return placeJSON{r.shown(at.File.Name), at.StartPosition().Line, lang.OneLine(at.Text())}
}
