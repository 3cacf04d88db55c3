package main

import "github.com/meshc/meshc/compiler/denied"

type whyLogJSON struct {
	Schema   string        `json:"schema"`
	Lines    int           `json:"lines"`
	Answered int           `json:"answered"`        // calls that the callee had
	Unknown  int           `json:"unknown"`         // lines that are not understood
	First    *unknownLine  `json:"first,omitempty"` // of these
	Rest     int           `json:"rest,omitempty"`  // failed calls beyond those of the kinds
	Kinds    []whyKindJSON `json:"kinds"`
}

type unknownLine struct {
	Line int    `json:"line"`
	Text string `json:"text"`
}

// whyKindJSON is calls that failed alike.
type whyKindJSON struct {
	Outcome  string           `json:"outcome"`
	Count    int              `json:"count"`
	From     string           `json:"from,omitempty"`
	Until    string           `json:"until,omitempty"`
	Caller   string           `json:"caller,omitempty"`  // absent where it is not known
	Callers  []string         `json:"callers,omitempty"` // of unknown callers, the addresses or workloads of the first few
	Callee   string           `json:"callee,omitempty"`
	Port     uint16           `json:"port,omitempty"`
	Requests []whyRequestJSON `json:"requests,omitempty"`
	More     int              `json:"more,omitempty"` // requests with other methods or paths
	Policy   *policyJSON      `json:"policy,omitempty"`
	Rule     *int             `json:"rule,omitempty"`
	Detail   string           `json:"detail,omitempty"`
	Passes   bool             `json:"passes,omitempty"`     // what is asked lets it in
	Allowed  []string         `json:"allowedNow,omitempty"` // requests that are let in by what was asked, where some are
	InPart   []string         `json:"inPartNow,omitempty"`  // requests of which some are let in, by what else they carry
	Unasked  []string         `json:"unasked,omitempty"`    // requests that no query can be about
	Unknown  string           `json:"unknown,omitempty"`    // why there is no answer
	Why      *whyJSON         `json:"why,omitempty"`
}

type whyRequestJSON struct {
	Method string `json:"method"`
	Path   string `json:"path"`
	Count  int    `json:"count"`
}

func (r *refusals) json() *whyLogJSON {
	out := &whyLogJSON{Schema: "meshc.dev/why-log/v1", Lines: r.log.Lines, Answered: r.kinds.Answered, Unknown: r.log.Unknown, Rest: r.kinds.Rest, Kinds: []whyKindJSON{}}
	if r.log.Unknown > 0 {
		out.First = &unknownLine{r.log.FirstAt, r.log.First}
	}
	for _, a := range r.answers {
		out.Kinds = append(out.Kinds, r.kindJSON(a))
	}
	return out
}

func (r *refusals) kindJSON(a *denied.Answer) whyKindJSON {
	out := whyKindJSON{
		Outcome: a.Outcome.String(), Count: a.Count, From: a.From, Until: a.Until, Caller: a.Caller, Callee: a.Callee, Port: a.Port,
		More: a.More, Detail: a.Detail, Passes: a.Passes, Allowed: a.Allowed, InPart: a.InPart, Unasked: a.Unasked,
	}
	for _, name := range a.Callers {
		if name != "" {
			out.Callers = append(out.Callers, name)
		}
	}
	for _, q := range a.Requests {
		out.Requests = append(out.Requests, whyRequestJSON(q))
	}
	if by := a.By; by.Policy != "" {
		out.Policy, out.Rule = &policyJSON{Kind: "AuthorizationPolicy", Namespace: by.Namespace, Name: by.Policy}, &by.Number
		if a.Policy != nil {
			out.Policy = r.policyJSON(a.Policy)
		}
	}
	if a.Unjudged != nil {
		out.Unknown = a.Unjudged.Error()
	} else if a.Ends.Unknown != nil {
		out.Unknown = a.Ends.Unknown.Error()
	}
	if a.Why != nil {
		one := *r.reason
		one.Explanation = a.Why
		why := one.json()
		out.Why = &why
	}
	return out
}
