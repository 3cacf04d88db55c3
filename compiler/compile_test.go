package compiler

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
)

// Whoever ends a compile early learns that there is no result, rather than one without findings.
func TestParseEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := Parse(ctx, Project{Files: []Input{{Name: "shop.mesh", Text: []byte("mesh shop strict\n")}}})
	assert.ErrorIs(t, err, context.Canceled)
}
