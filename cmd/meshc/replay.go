package main

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/meshc/meshc/compiler/denied"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/compiler/traffic"
)

func newReplay() *cobra.Command {
	var r replaying
	cmd := &cobra.Command{
		Use:   "replay SOURCE...",
		Short: "Show which observed calls a project would refuse",
		Long: `Show which observed calls a project would refuse, before it is delivered and without a cluster.

` + sourcesHelp + `

Only calls that reached their callee count. If the caller, port or path of a call is unknown, the answer says so. The exit
code is 1 if the project refuses any call.`,
		Example: `  meshc replay access.log --pods pods.json --env prod
  meshc replay --prometheus http://localhost:9090 --project ../shop`,
		RunE: verb(func(cmd *cobra.Command, args []string) error {
			return r.refuse(cmd, args)
		}),
	}
	r.sources.register(cmd)
	r.inputs.registerProject(cmd)
	registerFormat(cmd, &r.format, answerFormats...)
	return cmd
}

// replaying is a verb that asks a project about the calls that were seen.
type replaying struct {
	inputs
	sources
	format string
}

// replayed is the answers about calls that were seen.
type replayed struct {
	refusals
	seen   *traffic.Seen
	unseen []policy.Edge
	by     [denied.NotKnown + 1]int // calls
}

// judge asks a project about all that was seen.
func (r *replaying) judge(cmd *cobra.Command, args []string) (*replayed, error) {
	w := why{inputs: r.inputs, sources: r.sources}
	asking, reason, err := w.open(cmd)
	if err != nil {
		return nil, err
	}
	out := &replayed{refusals: refusals{reason: reason, kinds: denied.Replay(asking)}}
	if out.seen, err = r.read(cmd, args, reason.mesh(), out.kinds.Add); err != nil {
		return nil, err
	}
	out.by[denied.NotKnown] = out.kinds.Rest
	for _, k := range out.kinds.All() {
		a, err := out.kinds.Answer(k)
		if err != nil {
			return nil, &failure{exitFindings, err}
		}
		out.answers = append(out.answers, a)
		out.by[a.Replayed()] += a.Count
	}
	out.unseen = denied.Unseen(asking.Model.Policy, out.answers)
	return out, nil
}

func (r *replaying) refuse(cmd *cobra.Command, args []string) error {
	out, err := r.judge(cmd, args)
	if err != nil {
		return err
	}
	if err := r.write(cmd, out, false); err != nil {
		return err
	}
	if out.by[denied.Stops]+out.by[denied.InPart] > 0 {
		return errFindings
	}
	return nil
}

// compare also says which edges nothing used.
func (r *replaying) compare(cmd *cobra.Command, args []string) error {
	out, err := r.judge(cmd, args)
	if err != nil {
		return err
	}
	return r.write(cmd, out, true)
}

func (r *replaying) write(cmd *cobra.Command, out *replayed, unseen bool) error {
	if r.format == "json" {
		text, err := answerJSON(out.json(unseen))
		if err != nil {
			return err
		}
		return writeOut(cmd, text)
	}
	return writeAnswer(cmd, "text", out.text(unseen))
}

func (r *replayed) text(unseen bool) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s seen: %d allowed, %d refused", plural(r.kinds.Answered, "call"), r.by[denied.Passes], r.by[denied.Stops])
	if n := r.by[denied.InPart]; n > 0 {
		fmt.Fprintf(&b, ", %d allowed in part", n)
	}
	if n := r.by[denied.NotKnown]; n > 0 {
		fmt.Fprintf(&b, ", %d not judged", n)
	}
	b.WriteString("\n")
	if words := unread(r.seen); words != "" {
		fmt.Fprintf(&b, "note%s\n", words)
	}
	titles := [...]string{denied.Stops: "refused", denied.InPart: "allowed in part", denied.NotKnown: "not judged"}
	for verdict := denied.Stops; verdict <= denied.NotKnown; verdict++ {
		for _, a := range r.answers {
			if a.Replayed() == verdict {
				fmt.Fprintf(&b, "\n%s, ", titles[verdict])
				r.writeKind(&b, a)
			}
		}
	}
	if unseen && len(r.unseen) > 0 {
		b.WriteString("\nallowed, and not seen\n")
		for i := range r.unseen {
			e := &r.unseen[i]
			fmt.Fprintf(&b, "  %s -> %s  %s\n", e.From, e.Callee(), r.statement(e.At()))
		}
	}
	return b.Bytes()
}

type replayJSON struct {
	Schema   string           `json:"schema"`
	Seen     int              `json:"seen"`
	Allowed  int              `json:"allowed"`
	Refused  int              `json:"refused"`
	InPart   int              `json:"inPart"`
	NotKnown int              `json:"notJudged"`
	Unknown  int              `json:"unknown"` // lines that are not understood
	Kinds    []replayKindJSON `json:"kinds"`   // of calls that are not allowed
	Unseen   []unseenJSON     `json:"unseen,omitempty"`
}

type replayKindJSON struct {
	Verdict string `json:"verdict"`
	whyKindJSON
}

// unseenJSON is an edge that allows nothing of what was seen.
type unseenJSON struct {
	From string    `json:"from"`
	To   string    `json:"to"`
	At   placeJSON `json:"at"`
}

func (r *replayed) json(unseen bool) *replayJSON {
	out := &replayJSON{
		Schema: "meshc.dev/replay/v1", Seen: r.kinds.Answered, Allowed: r.by[denied.Passes], Refused: r.by[denied.Stops],
		InPart: r.by[denied.InPart], NotKnown: r.by[denied.NotKnown], Unknown: r.seen.Unknown, Kinds: []replayKindJSON{},
	}
	verdicts := [...]string{denied.Stops: "refused", denied.InPart: "inPart", denied.NotKnown: "notJudged"}
	for _, a := range r.answers {
		if v := a.Replayed(); v != denied.Passes {
			out.Kinds = append(out.Kinds, replayKindJSON{verdicts[v], r.kindJSON(a)})
		}
	}
	if unseen {
		for i := range r.unseen {
			e := &r.unseen[i]
			out.Unseen = append(out.Unseen, unseenJSON{strings.TrimSpace(e.From.String()), e.Callee(), r.placeJSON(e.At())})
		}
	}
	return out
}
