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

// KustomizationName is the file that lists the resources of a folder that kustomize applies.
const KustomizationName = "kustomization.yaml"

// ManifestName reports whether a file with this name may hold manifests.
func ManifestName(name string) bool {
	return slices.Contains([]string{".yaml", ".yml", ".json"}, path.Ext(name))
}

// HeadSize is how much of a file IsManifest needs: kubectl, Helm and people write apiVersion and kind first.
const HeadSize = 1 << 20

// IsManifest reports whether a controller would apply the file in a folder without a kustomization.yaml. Of a large
// file, data may be the first HeadSize bytes.
func IsManifest(name string, data []byte) bool {
	return ManifestName(name) && bytes.Contains(data, []byte("apiVersion")) && bytes.Contains(data, []byte("kind")) && path.Base(name) != KustomizationName
}

// Unlisted returns a finding of a code about manifests that meshc did not write and that a new kustomization.yaml in
// their folder does not list. It returns nothing if names is empty.
func Unlisted(code diag.Code, names []string) diag.List {
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
	d := findings.Add(code, source.Span{}, "%s %s not named by the new %s, so a controller that reads the folder no longer applies what is there", text, verb, KustomizationName).
		WithHelp("express it as intents, or move it to a folder that is applied separately")
	if code == diag.ForeignFile {
		d.WithHelp("express it as intents, move it to a folder that is applied separately, or confirm with --overwrite that it goes")
	}
	return findings
}
