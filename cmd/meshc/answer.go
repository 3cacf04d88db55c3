package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/spf13/cobra"
)

// answerFormats is how a verb that answers a question writes its answer.
var answerFormats = []string{"text", "json"}

func registerAnswerFormat(cmd *cobra.Command, format *string) {
	cmd.Flags().StringVar(format, "format", "text", "how the answer is written: text or json")
	cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(answerFormats, cobra.ShellCompDirectiveNoFileComp))
}

func checkAnswerFormat(format string) error {
	if !slices.Contains(answerFormats, format) {
		return usageError("--format %s: there are text and json", format)
	}
	return nil
}

// compileFor compiles a project of which something is asked. Only errors are shown, and only those that leave
// nothing to ask: warnings are for check and build, and a broken guard is for the verb itself to tell. They are in
// what comes with errFindings.
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

// answerJSON writes arrows as they are, not as an escape for pages of HTML.
func answerJSON(answer any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(answer)
	return b.Bytes(), err
}
