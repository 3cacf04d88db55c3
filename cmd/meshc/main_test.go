package main

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/assert"
)

// A mistake of meshc's own ends with 3 and with what somebody needs to find it.
func TestCrash(t *testing.T) {
	root := newRoot()
	root.AddCommand(&cobra.Command{Use: "stumble", RunE: func(*cobra.Command, []string) error { panic("index out of range") }})
	var stderr bytes.Buffer
	code := execute(root, []string{"stumble"}, nil, io.Discard, &stderr)
	assert.Equal(t, exitIO, code)
	for _, want := range []string{"internal error: index out of range", "Please report it", versionLine(), "main_test.go"} {
		assert.Contains(t, stderr.String(), want)
	}
}

func TestConclude(t *testing.T) {
	cmd := &cobra.Command{Use: "meshc"}
	for name, c := range map[string]struct {
		err  error
		code int
		text string
	}{
		"done":                         {nil, 0, ""},
		"findings that were printed":   {errFindings, 1, ""},
		"an error of cobra's is usage": {errors.New("unknown flag: --x"), 2, "meshc: unknown flag: --x\nrun meshc --help for usage\n"},
		"usage":                        {usageError("--date %s: no day", "x"), 2, "meshc: --date x: no day\nrun meshc --help for usage\n"},
		"files":                        {verb(func(*cobra.Command, []string) error { return errors.New("shop.mesh: permission denied") })(cmd, nil), 3, "meshc: shop.mesh: permission denied\n"},
	} {
		t.Run(name, func(t *testing.T) {
			var stderr bytes.Buffer
			assert.Equal(t, c.code, conclude(&stderr, cmd, c.err))
			assert.Equal(t, c.text, stderr.String())
		})
	}
}
