package yamldoc

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/lang/source"
)

func TestExpands(t *testing.T) {
	nested := func(levels int) string {
		text := "a0: &a0 {b: c}\n"
		for i := range levels {
			text += fmt.Sprintf("a%d: &a%d [%s]\n", i+1, i+1, strings.Repeat(fmt.Sprintf("*a%d, ", i), 10))
		}
		return text
	}
	for text, expands := range map[string]bool{nested(2): false, nested(9): true, "a: [1, 2]\n": false, strings.Repeat("- '*'\n", 300_000): false} {
		for d := range Split(source.NewFile("a.yaml", text)) {
			require.NoError(t, d.Parse())
			assert.Equal(t, expands, d.Expands())
		}
	}
}
