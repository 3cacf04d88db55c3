package main

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/meshc/meshc/compiler/denied"
	"github.com/meshc/meshc/compiler/traffic"
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
	fmt.Fprintf(b, "%s%s: %s\n", times(a.Count), when(a.Kind), r.kindLine(a))
	if list := requests(a.Kind); list != "" {
		fmt.Fprintf(b, "  %s\n", list)
	}
	if a.Why != nil {
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

func (r *refusals) kindLine(a *denied.Answer) string {
	caller := a.Caller
	if caller == "" {
		caller = "an unknown caller"
	}
	callee := a.Callee
	if a.Port != 0 {
		callee += fmt.Sprintf(":%d", a.Port)
	}
	by := "no rule lets it in"
	if a.By.Policy != "" {
		by = fmt.Sprintf("rule %d of AuthorizationPolicy %s/%s refuses it", a.By.Number, a.By.Namespace, a.By.Policy)
	}
	return caller + " -> " + callee + ", " + by
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
