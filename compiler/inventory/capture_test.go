package inventory

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/meshc/meshc/compiler/bearing"
)

// Every annotation that is read here is in the list of what bears on who reaches whom.
func TestCapturesBear(t *testing.T) {
	judged := map[string]bool{}
	for _, f := range bearing.Facts {
		judged[f.Name] = f.On == bearing.Pod && f.Judged != "" || judged[f.Name]
	}
	for _, c := range captures {
		assert.True(t, judged[c.key], c.key)
	}
}
