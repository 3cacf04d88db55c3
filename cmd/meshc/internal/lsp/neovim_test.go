package lsp

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestNeovim has Neovim's own client do what a person does: see a mistake, go to a definition, rename, format, with the
// configuration that the documentation shows. The test is skipped
// where there is no Neovim.
func TestNeovim(t *testing.T) {
	nvim, err := exec.LookPath("nvim")
	if err != nil {
		t.Skip("no nvim")
	}
	root, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	for name, text := range twoTeams {
		require.NoError(t, os.WriteFile(filepath.Join(root, name), []byte(text), 0o644))
	}
	bin := t.TempDir()
	meshc := filepath.Join(bin, "meshc")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", meshc, "github.com/meshc/meshc/cmd/meshc").CombinedOutput()
	require.NoError(t, err, "%s", out)
	script, err := filepath.Abs("testdata/neovim.lua")
	require.NoError(t, err)
	configuration, err := filepath.Abs("../../../../grammar/editors/neovim/meshc.lua")
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, nvim, "--headless", "--clean", "--cmd", "let g:do_filetype_lua = 1", "shop.mesh", "-c", "luafile "+script)
	c.Dir = root
	c.Env = append(os.Environ(), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"), "CONFIGURATION="+configuration, "HOME="+t.TempDir())
	out, err = c.CombinedOutput()
	require.NoError(t, err, "%s", out)
	assert.Contains(t, string(out), "done")
	for name, want := range map[string]string{"shop.mesh": "never * -> bank/book except backend", "bank.mesh": "audit -> book"} {
		text, err := os.ReadFile(filepath.Join(root, name))
		require.NoError(t, err)
		assert.Contains(t, string(text), want)
	}
}
