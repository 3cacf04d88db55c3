package main

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/meshc/meshc/compiler/adopt"
)

// If one file cannot be written, neither the others nor their folders are left behind.
func TestFilesOfWhichOneCannotBeWritten(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "out", "deep")
	_, err := writeFiles(dir, []adopt.File{{Name: "a/b.mesh"}, {Name: "c.mesh"}, {Name: "a/b.mesh/d.mesh"}}, "")
	assert.ErrorContains(t, err, "d.mesh")
	assert.NoDirExists(t, filepath.Dir(dir))
}
