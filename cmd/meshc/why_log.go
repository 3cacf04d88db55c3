package main

import (
	"io"

	"github.com/spf13/cobra"

	"github.com/meshc/meshc/compiler/denied"
	"github.com/meshc/meshc/compiler/traffic"
)

// refusals is a log as it is answered.
type refusals struct {
	*reason
	log     traffic.Log
	kinds   *denied.Kinds
	answers []*denied.Answer
}

// runLog answers why the calls of a log were refused.
func (w *why) runLog(cmd *cobra.Command) error {
	asking, r, err := w.open(cmd)
	if err != nil {
		return err
	}
	out := &refusals{reason: r, kinds: denied.New(asking)}
	if out.log.Formats, err = w.formats(cmd, r.mesh()); err != nil {
		return err
	}
	if err := readLogs(cmd, w.logs, func(in io.Reader) error { return out.log.Read(in, out.kinds.Add) }); err != nil {
		return err
	}
	for i := range r.unread {
		say(cmd, "note: %s\n", &r.unread[i])
	}
	refused := false
	for _, k := range out.kinds.All() {
		a, err := out.kinds.Answer(k)
		if err != nil {
			return &failure{exitFindings, err}
		}
		refused = refused || k.Outcome == traffic.Refused
		out.answers = append(out.answers, a)
	}
	var text []byte
	switch w.format {
	case "json":
		if text, err = answerJSON(out.json()); err != nil {
			return err
		}
	case "markdown":
		text = out.markdown()
	default:
		text = out.text()
	}
	if err := writeAnswer(cmd, w.format, text); err != nil {
		return err
	}
	if len(r.unread) > 0 || w.exitCode && refused {
		return errFindings
	}
	return nil
}
