package lsp

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/targets"
)

// previewCommand answers with the manifests that a file of intents becomes.
const previewCommand = "meshc.manifests"

// ExecuteCommand runs previewCommand, whose argument is the URI of an open document. The answer is a YAML stream, or a
// comment that says why there is none.
func (s *server) ExecuteCommand(ctx context.Context, p *protocol.ExecuteCommandParams) (protocol.LSPAny, error) {
	if p.Command != previewCommand {
		return nil, refused("unknown command %q", p.Command)
	}
	var u uri.URI
	if len(p.Arguments) != 1 || json.Unmarshal(p.Arguments[0], &u) != nil {
		return nil, refused("%s takes the URI of a document", previewCommand)
	}
	text, err := s.preview(ctx, u)
	if err != nil {
		return nil, err
	}
	return json.Marshal(text)
}

func (s *server) preview(ctx context.Context, u uri.URI) (string, error) {
	v, f := s.view(ctx, u)
	if f == nil {
		return "# not a file of a project\n", nil
	}
	b, err := v.Build(ctx)
	if err != nil {
		return "", err
	}
	if b.Findings.HasErrors() {
		return fmt.Sprintf("# no manifests: the project has %s\n", count(b.Findings.Count(diag.Error), "error")), nil
	}
	var own []targets.Manifest
	for _, m := range b.Manifests {
		if slices.Contains(sourcesOf(m.YAML), f.Name) {
			own = append(own, m)
		}
	}
	if len(own) == 0 {
		return fmt.Sprintf("# no manifest comes from %s\n", f.Name), nil
	}
	return string(targets.Stream(own)), nil
}

// sourcesOf returns the files of intents that a manifest says that it comes from.
func sourcesOf(text string) []string {
	_, rest, found := strings.Cut(text, "\n    meshc.dev/source: ")
	if !found {
		return nil
	}
	line, _, _ := strings.Cut(rest, "\n")
	return strings.Split(strings.Trim(line, `"'`), ",")
}
