package lang

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The page of a line that is not a statement lists the words that begin one.
func TestPageOfUnknownStatements(t *testing.T) {
	page, err := os.ReadFile("diag/codes/MESH0004.txtar")
	require.NoError(t, err)
	for _, word := range statementWords {
		assert.Regexp(t, `^[^:]*\b`+word+`\b`, string(page))
	}
}
