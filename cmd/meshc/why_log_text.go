package main

import (
	"bytes"
	"cmp"
	"fmt"
	"strings"

	"github.com/meshc/meshc/compiler/denied"
	"github.com/meshc/meshc/compiler/traffic"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/targets/gitops/forge"
)

func (r *refusals) text() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\n", r.summary())
	for _, a := range r.answers {
		b.WriteByte('\n')
		r.writeKind(&b, a)
	}
	return b.Bytes()
}

// markdown is the text with a heading for each kind. What logs and manifests say is in code blocks.
func (r *refusals) markdown() []byte {
	var b bytes.Buffer
	b.WriteString(forge.CodeBlock("text", r.summary()))
	for _, a := range r.answers {
		fmt.Fprintf(&b, "\n### %s, %s\n\n", titles[a.Outcome], times(a.Count))
		var text bytes.Buffer
		r.writeKind(&text, a)
		b.WriteString(forge.CodeBlock("text", text.String()))
	}
	return b.Bytes()
}

var titles = map[traffic.Outcome]string{
	traffic.Refused: "Refused by policies", traffic.WouldRefuse: "Refused in dry-run", traffic.Plaintext: "Without mutual TLS", traffic.Unauthorized: "Without a valid token",
	traffic.Asked: "Refused by an external authorizer", traffic.Handshake: "TLS failed", traffic.Failed: "Failed", traffic.Elsewhere: "Refused where it is called",
}

// summary is what there was in the log.
func (r *refusals) summary() string {
	count := map[traffic.Outcome]int{}
	for _, a := range r.answers {
		count[a.Outcome] += a.Count
	}
	parts := []string{fmt.Sprintf("%d refused by policies", count[traffic.Refused])}
	other := 0
	for o, n := range count {
		if o != traffic.Refused {
			other += n
		}
	}
	if other += r.kinds.Rest; other > 0 {
		parts = append(parts, fmt.Sprintf("%d failed for other reasons", other))
	}
	parts = append(parts, fmt.Sprintf("%d answered", r.kinds.Answered))
	if n := r.log.Unknown; n > 0 {
		parts = append(parts, fmt.Sprintf("%d not understood, the first in line %d:\n  %s", n, r.log.FirstAt, r.log.First))
	}
	return plural(r.log.Lines, "line") + ": " + strings.Join(parts, ", ")
}

func (r *refusals) writeKind(b *bytes.Buffer, a *denied.Answer) {
	fmt.Fprintf(b, "%s%s: %s", times(a.Count), when(a.Kind), callText(a))
	if a.Outcome != traffic.Answered {
		fmt.Fprintf(b, ": %s", diag.PrintableLine(r.because(a)))
	}
	b.WriteByte('\n')
	if list := requests(a.Kind); list != "" {
		fmt.Fprintf(b, "  %s\n", diag.PrintableLine(list))
	}
	for _, n := range r.remarks(a) {
		fmt.Fprintf(b, "  note: %s\n", diag.PrintableLine(n))
	}
	if a.Why != nil && !a.Passes {
		one := *r.reason
		one.Explanation = a.Why
		for line := range strings.Lines(string(one.text())) {
			if line != "\n" {
				line = "  " + line
			}
			b.WriteString(line)
		}
	}
}

func callText(a *denied.Answer) string {
	caller, callee := a.Caller, a.Callee
	if caller == "" {
		caller = unknownCallers(a.Kind)
	}
	if callee == "" {
		callee = "an unknown callee"
	}
	if a.Port != 0 {
		callee += fmt.Sprintf(":%d", a.Port)
	}
	return caller + " -> " + callee
}

// unknownCallers is who made the calls of a kind whose callers have no name.
func unknownCallers(k *denied.Kind) string {
	var names []string
	for i, name := range k.Callers {
		if i == 5 {
			break
		}
		names = append(names, cmp.Or(name, "an unknown caller"))
	}
	text := strings.Join(names, ", ")
	if len(k.Callers) > len(names) || k.Others {
		text += " and others"
	}
	return text
}

// because says why calls failed, as far as the log says it.
func (r *refusals) because(a *denied.Answer) string {
	by := "no rule lets it in"
	switch {
	case a.By.Policy != "":
		by = fmt.Sprintf("AuthorizationPolicy %s/%s refuses it", a.By.Namespace, a.By.Policy)
		if a.By.Number >= 0 {
			by = fmt.Sprintf("rule %d of %s", a.By.Number, by)
		}
	case a.By.Number < 0 && a.Detail != "" && !saysNone(a.Detail):
		by = "a policy refuses it, " + a.Detail
	}
	switch a.Outcome {
	case traffic.WouldRefuse:
		return "in dry-run, " + by
	case traffic.Plaintext:
		return "the port takes mutual TLS only, and this was something else (" + a.Detail + ")"
	case traffic.Unauthorized:
		return "its token is not valid (" + a.Detail + ")"
	case traffic.Asked:
		return "an external authorizer refuses it, or cannot be asked (" + a.Detail + ")"
	case traffic.Handshake:
		return "TLS fails, which is not a matter of policies (" + a.Detail + ")"
	case traffic.Elsewhere:
		return "refused where it is called, whose log says why (" + a.Detail + ")"
	case traffic.Failed:
		flag, _, _ := strings.Cut(a.Detail, " ")
		flag, _, _ = strings.Cut(flag, ",")
		if meaning := traffic.Meaning(flag); meaning != "" {
			return meaning + ", which is not a matter of policies (" + a.Detail + ")"
		}
		return "it fails, which is not a matter of policies (" + a.Detail + ")"
	}
	return by
}

// saysNone reports whether a proxy says that no rule let a request in.
func saysNone(detail string) bool {
	return detail == "none" || strings.HasSuffix(detail, "[none]") || strings.HasSuffix(detail, "none allowed")
}

// remarks is what is to be said about an answer besides the explanation.
func (r *refusals) remarks(a *denied.Answer) (notes []string) {
	if a.By.Policy != "" && a.Policy == nil && a.Query != nil {
		notes = append(notes, fmt.Sprintf("%s has no AuthorizationPolicy %s/%s: it was in force before, or somebody else's is", r.asked(), a.By.Namespace, a.By.Policy))
	}
	switch {
	case a.Query == nil && a.Ends.Unknown != nil:
		notes = append(notes, a.Ends.Unknown.Error())
	case a.Unjudged != nil:
		notes = append(notes, a.Unjudged.Error())
	case a.AnyCaller && a.Why != nil:
		notes = append(notes, "the log does not say who calls, so this is about every caller; --pods says which pods have which addresses")
	case a.AnyCaller && a.Outcome == traffic.Answered:
		notes = append(notes, "it is not known who calls")
	}
	switch {
	case a.Outcome == traffic.Answered:
	case a.Passes:
		notes = append(notes, r.asked()+" lets this in: what refused it was in force before, or other policies are in force than these")
		if a.Nameless {
			notes = append(notes, "the connection names no server, as one in plaintext, and without mutual TLS the caller has no identity")
		}
	case len(a.Allowed) > 0:
		notes = append(notes, r.asked()+" lets in "+strings.Join(a.Allowed, ", ")+": what refused them was in force before, or other policies are in force than these")
	}
	if len(a.InPart) > 0 {
		notes = append(notes, "whether "+strings.Join(a.InPart, ", ")+" is let in depends on what else a request carries, such as a token: `meshc why` tells it of each alone")
	}
	if len(a.Unasked) > 0 {
		notes = append(notes, "a policy would take these paths for patterns, so they are not asked about: "+strings.Join(a.Unasked, ", "))
	}
	if a.More > 0 {
		notes = append(notes, fmt.Sprintf("%d more of them have other methods or paths and are not asked about", a.More))
	}
	return notes
}

// asked is what is asked, in words.
func (r *refusals) asked() string {
	if r.build != nil {
		return "the project"
	}
	return "what --manifests names"
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

func when(k *denied.Kind) string {
	switch {
	case k.From == "":
		return ""
	case k.From == k.Until:
		return ", at " + k.From
	}
	return ", from " + k.From + " to " + k.Until
}

// requests is the requests of a kind with their counts.
func requests(k *denied.Kind) string {
	var all []string
	for i, r := range k.Requests {
		if i == 5 {
			all = append(all, "…")
			break
		}
		all = append(all, fmt.Sprintf("%s (%d)", &r, r.Count))
	}
	return strings.Join(all, ", ")
}
