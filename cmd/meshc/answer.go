package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/spf13/cobra"
)

// answerFormats is the formats of a verb that answers a question.
var answerFormats = []string{"text", "json"}

func registerAnswerFormat(cmd *cobra.Command, format *string) {
	cmd.Flags().StringVar(format, "format", "text", "format of the answer: text or json")
	cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(answerFormats, cobra.ShellCompDirectiveNoFileComp))
}

func checkAnswerFormat(format string) error {
	if !slices.Contains(answerFormats, format) {
		return usageError("unknown format %q; want text or json", format)
	}
	return nil
}

// compileFor compiles a project for a verb that asks about it. It prints only the errors that keep anything from being
// asked: warnings are for check and build, and a broken guard is reported by the verb. With errFindings it also returns the
// project.
func (in *inputs) compileFor(cmd *cobra.Command, paths []string, done string) (*compiled, error) {
	c, err := in.compile(cmd, paths, cmd.InOrStdin())
	if err != nil {
		return nil, err
	}
	if c.Judgeable() {
		return c, nil
	}
	errors := c.Errors()
	if err := in.write(cmd.ErrOrStderr(), errors, c.project.Shown); err != nil {
		return nil, err
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "%s; nothing was %s\n", plural(len(errors), "error"), done)
	return c, errFindings
}

// answerJSON does not escape arrows, which is meant for HTML.
func answerJSON(answer any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(answer)
	return b.Bytes(), err
}
