package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/meshc/meshc/compiler/denied"
	"github.com/meshc/meshc/compiler/directory"
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
	if err := readLogs(cmd, w.logs, func(in io.Reader) error { return out.log.Read(in, out.kinds.Add) }); err != nil {
		return err
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
	if err := writeOut(cmd, text); err != nil {
		return err
	}
	if w.exitCode && refused {
		return errFindings
	}
	return nil
}

// readLogs reads files, or standard input for `-`, one after another.
func readLogs(cmd *cobra.Command, names []string, read func(io.Reader) error) error {
	for _, name := range names {
		if name == "-" {
			if err := read(cmd.InOrStdin()); err != nil {
				return fmt.Errorf("standard input: %w", cause(err))
			}
			continue
		}
		file, err := os.Open(name)
		if err != nil {
			return fmt.Errorf("%s: %w", name, cause(err))
		}
		err = read(file)
		if err = errors.Join(err, file.Close()); err != nil {
			return fmt.Errorf("%s: %w", name, cause(err))
		}
	}
	return nil
}

// directory reads the pods that --pods names; nil where it names none.
func (w *why) directory(cmd *cobra.Command) (pods *directory.Directory, err error) {
	if w.pods == "" {
		return nil, nil
	}
	err = readLogs(cmd, []string{w.pods}, func(in io.Reader) (err error) {
		pods, err = directory.Read(in)
		return err
	})
	return pods, err
}
