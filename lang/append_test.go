package lang_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/meshc/meshc/lang"
)

func TestAppend(t *testing.T) {
	for _, c := range []struct{ before, mesh, after string }{
		{"mesh shop strict; a -> b", "shop", "mesh shop strict; a -> b\nnew -> x"},
		{"mesh shop\na -> b # why\n\n# next\nmesh bank\n", "shop", "mesh shop\na -> b # why\nnew -> x\n\n# next\nmesh bank\n"},
		{"mesh shop; a -> b; mesh bank; c -> d\n", "shop", "mesh shop; a -> b; new -> x; mesh bank; c -> d\n"},
		{"mesh shop\r\na -> b\r\nmesh bank\r\n", "bank", "mesh shop\r\na -> b\r\nmesh bank\nnew -> x\r\n"},
		{"mesh shop\na ->\nb -> c\n", "shop", "mesh shop\na ->\nb -> c\nnew -> x\n"},
		{"mesh shop\n", "bank", ""},
	} {
		f, _ := lang.Parse("x.mesh", []byte(c.before))
		edit, found := lang.Append(f, c.mesh, "new -> x")
		if c.after == "" {
			assert.False(t, found)
			continue
		}
		at := edit.Span.Start
		assert.Equal(t, c.after, c.before[:at]+edit.New+c.before[at:])
	}
}
