package editors

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// unpack extracts the .vsix that was packed.
func unpack(t *testing.T) (folder string) {
	packed, err := filepath.Glob(root + "/build/vscode/*.vsix")
	require.NoError(t, err)
	require.Len(t, packed, 1, "make editors packs it")
	archive, err := zip.OpenReader(packed[0])
	require.NoError(t, err)
	defer archive.Close()
	folder = t.TempDir()
	for _, f := range archive.File {
		require.True(t, filepath.IsLocal(f.Name), f.Name)
		in, err := f.Open()
		require.NoError(t, err)
		text, err := io.ReadAll(in)
		require.NoError(t, err)
		path := filepath.Join(folder, filepath.FromSlash(f.Name))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, text, 0o644))
	}
	return filepath.Join(folder, "extension")
}

// The extension that is packed has the files that it names, and once it is active the client has what the server
// offers.
func TestExtension(t *testing.T) {
	folder := unpack(t)
	text, err := os.ReadFile(filepath.Join(folder, "package.json"))
	require.NoError(t, err)
	var about struct {
		Main        string
		Contributes struct {
			Languages []struct{ Configuration string }
			Grammars  []struct{ Path string }
			Commands  []struct{ Command string }
		}
	}
	require.NoError(t, json.Unmarshal(text, &about))
	for _, path := range []string{about.Main, about.Contributes.Languages[0].Configuration, about.Contributes.Grammars[0].Path, "LICENSE.txt"} {
		assert.FileExists(t, filepath.Join(folder, path))
	}

	meshc, err := filepath.Abs(root + "/bin/meshc")
	require.NoError(t, err)
	project, err := filepath.Abs(root + "/examples/shop")
	require.NoError(t, err)
	cmd := exec.Command("node", "activate.cjs", filepath.Join(folder, about.Main), meshc, project)
	var stderr bytes.Buffer
	cmd.Dir, cmd.Stderr = npm, &stderr
	out, err := cmd.Output()
	require.NoError(t, err, stderr.String())
	var active struct{ Commands, Registered []string }
	require.NoError(t, json.Unmarshal(out, &active), string(out))
	for _, c := range about.Contributes.Commands {
		assert.Contains(t, active.Commands, c.Command)
	}
	for _, provider := range []string{"Completion", "Hover", "Definition", "Reference", "DocumentSymbol", "WorkspaceSymbol", "CodeActions", "CodeLens", "DocumentFormattingEdit", "Rename", "FoldingRange", "CallHierarchy", "DocumentSemanticTokens", "InlayHints"} {
		assert.Condition(t, func() bool {
			for _, r := range active.Registered {
				if r == "languages.register"+provider+"Provider" || r == "languages.register"+provider+"ItemProvider" {
					return true
				}
			}
			return false
		}, "no provider of %s: %v\n%s", provider, active.Registered, stderr.String())
	}
}
