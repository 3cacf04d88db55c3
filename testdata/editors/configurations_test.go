package editors

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// helix is what meshc's part of languages.toml has. Helix refuses a language with a key that it does not know.
type helix struct {
	Servers map[string]struct {
		Command string   `json:"command"`
		Args    []string `json:"args"`
	} `json:"language-server"`
	Languages []struct {
		Name      string   `json:"name"`
		Scope     string   `json:"scope"`
		FileTypes []string `json:"file-types"`
		Roots     []string `json:"roots"`
		Comment   string   `json:"comment-token"`
		Servers   []string `json:"language-servers"`
	} `json:"language"`
}

// What Helix is told is TOML with the keys that Helix takes, and starts a server that answers.
func TestHelix(t *testing.T) {
	text, err := os.ReadFile(root + "/grammar/editors/helix/languages.toml")
	require.NoError(t, err)
	c := exec.Command("node", "toml.js")
	c.Dir, c.Stdin, c.Stderr = npm, bytes.NewReader(text), os.Stderr
	out, err := c.Output()
	require.NoError(t, err)
	var h helix
	strict := json.NewDecoder(bytes.NewReader(out))
	strict.DisallowUnknownFields()
	require.NoError(t, strict.Decode(&h))

	require.Len(t, h.Languages, 2)
	mesh := h.Languages[0]
	assert.Equal(t, []string{"mesh", "source.mesh", "#"}, []string{mesh.Name, mesh.Scope, mesh.Comment})
	assert.Equal(t, []string{"mesh"}, mesh.FileTypes)
	assert.Equal(t, []string{"meshc.yaml"}, mesh.Roots)
	for _, l := range h.Languages {
		assert.Contains(t, l.Servers, "meshc", l.Name)
	}
	s := h.Servers["meshc"]
	require.Equal(t, "meshc", s.Command)
	server := exec.Command(root+"/bin/meshc", s.Args...)
	body := `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"processId":null,"rootUri":null,"capabilities":{"general":{"positionEncodings":["utf-8","utf-32","utf-16"]}}}}`
	in, err := server.StdinPipe()
	require.NoError(t, err)
	answers, err := server.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, server.Start())
	fmt.Fprintf(in, "Content-Length: %d\r\n\r\n%s", len(body), body)
	var length int
	_, err = fmt.Fscanf(answers, "Content-Length: %d\r\n\r\n", &length)
	require.NoError(t, err)
	answer := make([]byte, length)
	_, err = io.ReadFull(answers, answer)
	require.NoError(t, err)
	assert.Contains(t, string(answer), `"positionEncoding":"utf-8"`)
	require.NoError(t, in.Close())
	require.NoError(t, server.Wait())
}

// The documentation shows the configurations that the other tests hold, without the comments that lead them.
func TestConfigurationsOfTheDocumentation(t *testing.T) {
	page, err := os.ReadFile(root + "/grammar/editors.md")
	require.NoError(t, err)
	for name, language := range map[string]string{"helix/languages.toml": "toml", "neovim/meshc.lua": "lua"} {
		text, err := os.ReadFile(root + "/grammar/editors/" + name)
		require.NoError(t, err)
		lines := strings.SplitAfter(string(text), "\n")
		assert.Contains(t, string(page), "```"+language+"\n"+strings.Join(lines[1:], "")+"```\n", name)
	}
}
