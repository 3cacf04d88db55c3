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
		out.To = r.External.Namespace + "/" + r.External.Name
	}
	for _, o := range r.Ops {
		out.Operations = append(out.Operations, o.String())
	}
	if r.Answer != nil {
		for _, p := range r.Answer.Ports {
			port := whyPort{Ports: []portJSON{}, OtherPorts: p.Others, Mode: p.Mode.String(), ModeBy: r.policyJSON(p.By), Callers: []whyCaller{}}
			if p.Capture.Capture != policy.Captured {
				port.Capture = p.Capture.String()
			}
			for _, n := range p.Ports {
				port.Ports = append(port.Ports, portJSON{n.Number, n.Protocol.String()})
			}
			for _, c := range p.Callers {
				caller := whyCaller{Callers: c.Names, Cases: []whyCase{}}
				for _, k := range c.Cases {
					one := whyCase{Verdict: k.Verdict.String(), Reason: reasons[k.Reason], Operations: phrase.Texts(k.Operations), NotHTTP: k.NotHTTP, Policy: r.policyJSON(k.Policy)}
					if k.Rule >= 0 {
						one.Rule = &k.Rule
					}
					if k.Way != nil {
						one.Waypoint, one.Behind, one.Around, one.Split, one.Apart = k.Way.Waypoint.ID(), k.Behind, k.Around, k.Split, k.Apart
					}
					one.Within, one.Example = phrase.Texts(k.Within), k.Example
					if o := &k.Other; o.Way != nil {
						one.Other = &whyShare{Waypoint: o.Way.Waypoint.ID(), Behind: o.Behind, Verdict: o.Verdict.String(), Reason: reasons[o.Reason], Policy: r.policyJSON(o.Policy)}
						if o.Rule >= 0 {
							one.Other.Rule = &o.Rule
						}
					}
					if k.Counterpart != nil {
						other := &k.Counterpart.Other
						one.Plaintext = &whyPlaintext{Only: k.Counterpart.Only, Verdict: other.Verdict.String(), Policy: r.policyJSON(other.Policy)}
						if other.Rule >= 0 {
							one.Plaintext.Rule = &other.Rule
						}
					}
					for _, at := range k.Intents {
						one.Intents = append(one.Intents, r.placeJSON(at))
					}
					caller.Cases = append(caller.Cases, one)
				}
				port.Callers = append(port.Callers, caller)
			}
			out.Ports = append(out.Ports, port)
		}
	}
	out.Network = r.networkJSON()
	for _, n := range r.Near {
		out.Near = append(out.Near, whyNear{r.policyJSON(n.Policy), n.Rule, phrase.Texts(n.Operations)})
	}
	if r.Chain != nil {
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
			out.Chain = append(out.Chain, hop)
			from = s.ID()
		}
	}
	for _, w := range r.Remedy.Ways {
		if w.Kind == explain.Everyone {
			continue
		}
		for _, at := range w.Narrow {
			if place := r.placeJSON(at); !slices.Contains(out.Narrow, place) {
				out.Narrow = append(out.Narrow, place)
			}
		}
		for _, one := range slices.Concat(w.Instead...) {
			if line := (whyLine{one.Mesh, r.shown(one.File), one.Text}); !slices.Contains(out.Instead, line) {
				out.Instead = append(out.Instead, line)
			}
		}
		for _, at := range w.Replaced {
			if place := r.placeJSON(at); !slices.Contains(out.Replaced, place) {
				out.Replaced = append(out.Replaced, place)
			}
		}
		for i := range w.Write {
			line := whyLine{w.Write[i].Mesh, r.shown(w.Write[i].File), compiler.Written(&w.Write[i])}
			if !slices.Contains(out.Remedy, line) {
				out.Remedy = append(out.Remedy, line)
			}
		}
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
