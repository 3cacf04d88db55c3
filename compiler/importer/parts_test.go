package importer

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/meshc/meshc/lang"
	"github.com/meshc/meshc/lang/print"
)

// A section that is longer than a file may be goes on in others, which open the same mesh.
func TestParts(t *testing.T) {
	long := func() line {
		return line{print.Line{Stmt: &lang.Group{Members: make([]lang.Ref, 150_000)}}, nil}
	}
	lines := []line{{print.Line{Stmt: &lang.Mesh{Name: name("shop"), Default: name("open")}}, nil}, long(), long(), long()}
	all := parts("shop", lines)
	if assert.Len(t, all, 3) {
		assert.Equal(t, lines[:2], all[0])
		for _, part := range all[1:] {
			assert.Equal(t, &lang.Mesh{Name: name("shop")}, part[0].Stmt)
			assert.True(t, part[1].Gap)
			assert.Len(t, part, 2)
		}
	}
	assert.Len(t, parts("shop", lines[:2]), 1)
}
