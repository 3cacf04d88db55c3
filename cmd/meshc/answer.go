package main

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"
)

// compileFor compiles a project for a verb that asks about it. It prints only the errors that keep anything from being
// asked: warnings are for check and build, and a broken guard is reported by the verb. With errFindings it also returns
// the project.
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
