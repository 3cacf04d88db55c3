package targets

import (
	"bytes"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// KustomizationName is the file that says which others of a folder are applied.
const KustomizationName = "kustomization.yaml"

// ManifestName tells a file that may hold manifests by its name.
func ManifestName(name string) bool {
	return slices.Contains([]string{".yaml", ".yml", ".json"}, path.Ext(name))
}

// IsManifest tells a file that a controller would apply where no kustomization.yaml says otherwise.
func IsManifest(name string, data []byte) bool {
	return ManifestName(name) && bytes.Contains(data, []byte("apiVersion")) && bytes.Contains(data, []byte("kind")) && path.Base(name) != KustomizationName
}

// LeftOut is the finding about manifests of others that lie where a new kustomization.yaml does not name them: none where
// there are none.
func LeftOut(names []string) diag.List {
	const most = 5
	if len(names) == 0 {
		return nil
	}
	text := strings.Join(names[:min(most, len(names))], ", ")
	if n := len(names) - most; n > 0 {
		text += fmt.Sprintf(" and %d more", n)
	}
	verb := "is"
	if len(names) > 1 {
		verb = "are"
	}
	var findings diag.List
	findings.Add(diag.LeftOut, source.Span{}, "%s %s not named by the new %s, so a controller that reads the folder no longer applies what is there", text, verb, KustomizationName).
		WithHelp("say it in the intents, or move it to a folder that is applied besides")
	return findings
}
