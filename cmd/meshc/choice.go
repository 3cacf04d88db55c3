package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// choice is a flag with a few known values, which a shell completes.
type choice struct {
	of    string // what they are, in the singular
	value *string
	known []string
}

func (c *choice) String() string {
	if c.value == nil {
		return ""
	}
	return *c.value
}

func (c *choice) Type() string { return c.of }

func (c *choice) Set(value string) error {
	if !slices.Contains(c.known, value) {
		return &unknownChoice{c.of, value, c.known}
	}
	*c.value = value
	return nil
}

type unknownChoice struct {
	of, value string
	known     []string
}

func (e *unknownChoice) Error() string {
	return fmt.Sprintf("unknown %s %q; want %s", e.of, e.value, alternatives(e.known))
}

// alternatives is a list in words: `text, json or markdown`.
func alternatives(list []string) string {
	last := len(list) - 1
	if last < 1 {
		return strings.Join(list, "")
	}
	return strings.Join(list[:last], ", ") + " or " + list[last]
}

// register adds a flag whose default is the first of the known values.
func (c *choice) register(flags *pflag.FlagSet, cmd *cobra.Command, name, usage string) {
	*c.value = c.known[0]
	flags.Var(c, name, usage+": "+alternatives(c.known))
	cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(c.known, cobra.ShellCompDirectiveNoFileComp))
}

// answerFormats is the formats of most verbs that answer a question.
var answerFormats = []string{"text", "json"}

// registerFormat adds --format, with the first of the formats as default.
func registerFormat(cmd *cobra.Command, format *string, known ...string) {
	(&choice{"format", format, known}).register(cmd.Flags(), cmd, "format", "output format")
}

// flagError says which flag has a value that is not one of those known, and which flag one that is unknown may be meant
// for.
func flagError(cmd *cobra.Command, err error) error {
	var invalid *pflag.InvalidValueError
	var unknown *unknownChoice
	if errors.As(err, &invalid) && errors.As(err, &unknown) {
		return usageError("--%s: %v", invalid.GetFlag().Name, unknown)
	}
	var missing *pflag.NotExistError
	if errors.As(err, &missing) {
		if hint := flagHint(cmd, missing); hint != "" {
			return usageError("%v; %s", err, hint)
		}
	}
	return usageError("%v", err)
}
